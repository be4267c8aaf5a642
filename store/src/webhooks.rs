//! Webhooks: kept as they came but for refund accounts, and never believed. What they name is looked up at Toss, once they cannot be refused.
//!
//! The address is open to everybody, so everything that a stranger can cause is bounded: rows that belong to no payment, rows of one
//! payment, and look-ups of one payment per second. A webhook of a payment that there is not waits for a day.
//!
//! Lock order: webhooks, then what look-ups lock.

mod list;
mod waiting;

use domain::attempt::Operation;
use domain::limits::{LOOK_UP_SPACING_MS, PAYMENT_WEBHOOKS_MAX, STRAY_WEBHOOKS_MAX};
use domain::webhook::{KnownPayment, ReadBody, Webhook, WebhookState, judge};
use entities::{attempt, order, payment, webhook};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

pub(crate) use list::read_row;
pub use list::{WebhookFilter, WebhookRow};
pub use waiting::ReplayError;

use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::operate::wanted_look_up;
use crate::origin::Origin;
use crate::relayed::PublishedJob;

/// The longest text of a sender's that is kept in a column, in characters: more than Toss sends.
const TEXT_CHARS_MAX: usize = 200;

/// Reads a webhook's body: what the crate that knows Toss's JSON does.
pub type ReadWebhook = fn(&[u8]) -> ReadBody;

/// A webhook that came.
#[derive(Debug, Clone)]
pub struct ReceivedWebhook {
    /// The sender's id of it, the same for every try.
    pub transmission_id: Option<String>,
    /// What it says.
    pub webhook: Webhook,
    /// The address that it came from.
    pub source: String,
    /// The headers that matter, as JSON.
    pub headers: String,
    /// The body as it may be kept.
    pub body: String,
    /// The request that brought it.
    pub origin: Origin,
}

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedWebhook {
    /// Where it stands.
    pub state: WebhookState,
    /// Why: a code.
    pub reason: Option<&'static str>,
    /// Whether it had come before.
    pub is_repeat: bool,
    /// The look-up that it asks for: publish it now, or the relay will.
    pub publish: Option<PublishedJob>,
}

impl Store {
    /// Keeps a webhook, and asks for a look-up of the payment that it names. One that came before asks again, unless a look-up has begun
    /// since it first came.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was kept then, and the sender is to try again.
    pub async fn accept_webhook(
        &self,
        received: &ReceivedWebhook,
    ) -> Result<AcceptedWebhook, StoreError> {
        self.retried(|| self.accept_webhook_once(received)).await
    }

    async fn accept_webhook_once(
        &self,
        received: &ReceivedWebhook,
    ) -> Result<AcceptedWebhook, StoreError> {
        let mut write = self.begin_write().await?;
        let (row, is_repeat) = keep(&write, received).await?;
        crash::point!("accept 10", "a webhook is written", "its verdict");
        let payment = find_payment(&write, &received.webhook).await?;
        if is_erased(&write, &received.webhook).await? {
            blank_body(&write, &row.id).await?;
        }
        let has_been_done = match &payment {
            Some(payment) if is_repeat => {
                latest_look_up_ms(&write, &payment.order_id).await? > row.received_at
            }
            Some(_) | None => false,
        };
        let webhook = &received.webhook;
        let acted =
            act(&mut write, &row, webhook, payment.as_ref(), !has_been_done, &received.origin)
                .await?;
        crash::point!("accept 12", "a webhook and its look-up are written", "older ones go");
        make_room(&write, &row, payment.is_some()).await?;
        crash::point!("accept 13", "all of a webhook is written", "its commit");
        write.commit().await?;
        crash::point!("accept 14", "a webhook is committed", "its publication and the answer");
        Ok(AcceptedWebhook { is_repeat, ..acted })
    }
}

/// Writes the row, or counts one more delivery of it; says whether it had come before.
async fn keep(
    write: &Write<'_>,
    received: &ReceivedWebhook,
) -> Result<(webhook::Model, bool), StoreError> {
    let said = &received.webhook;
    let event = match said {
        Webhook::Other(event) => Some(cut(event)),
        Webhook::Payment(_) | Webhook::Deposit(_) | Webhook::Unreadable => None,
    };
    let row = webhook::Model {
        id: write.new_id(),
        transmission_id: received.transmission_id.as_deref().map(cut),
        kind: said.kind().to_owned(),
        event,
        order_id: said.order_id().map(cut),
        has_payment: false,
        status: said.status().map(|status| cut(status.word())),
        transaction_key: said.transaction_key().map(cut),
        source: cut(&received.source),
        headers: without_nul(&received.headers),
        body: without_nul(&received.body),
        state: WebhookState::Ignored.word().to_owned(),
        reason: None,
        deliveries: 1,
        received_at: write.now_ms,
        changed_at: write.now_ms,
    };
    let once_more = OnConflict::column(webhook::Column::TransmissionId)
        .value(
            webhook::Column::Deliveries,
            Expr::col((webhook::Entity, webhook::Column::Deliveries)).add(1),
        )
        .value(webhook::Column::ChangedAt, write.now_ms)
        .to_owned();
    let id = row.id.clone();
    let kept = webhook::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(once_more)
        .exec_with_returning(&write.tx)
        .await?;
    let is_repeat = kept.id != id;
    Ok((kept, is_repeat))
}

/// The payment that a webhook names, under its lock.
async fn find_payment(
    write: &Write<'_>,
    webhook: &Webhook,
) -> Result<Option<payment::Model>, StoreError> {
    let Some(order_id) = webhook.order_id() else { return Ok(None) };
    // What no order of ours can be called is not looked for: the database may not even take it.
    if domain::OrderId::parse(order_id).is_err() {
        return Ok(None);
    }
    Ok(payment::Entity::find_by_id(order_id).lock_exclusive().one(&write.tx).await?)
}

/// Whether the personal data of the order that a webhook names was erased. After [`find_payment`], whose lock erasing waits for.
async fn is_erased(write: &Write<'_>, webhook: &Webhook) -> Result<bool, StoreError> {
    let order_id = webhook.order_id().filter(|id| domain::OrderId::parse(*id).is_ok());
    let Some(order_id) = order_id else { return Ok(false) };
    let erased_at: Option<Option<i64>> = order::Entity::find_by_id(order_id)
        .select_only()
        .column(order::Column::ErasedAt)
        .into_tuple()
        .one(&write.tx)
        .await?;
    Ok(erased_at.flatten().is_some())
}

/// What comes of an erased order is acted on and not kept.
async fn blank_body(write: &Write<'_>, id: &str) -> Result<(), StoreError> {
    webhook::Entity::update_many()
        .col_expr(webhook::Column::Body, Expr::value(String::new()))
        .filter(webhook::Column::Id.eq(id))
        .exec(&write.tx)
        .await?;
    Ok(())
}

/// Judges a webhook and does what follows.
async fn act(
    write: &mut Write<'_>,
    row: &webhook::Model,
    webhook: &Webhook,
    payment: Option<&payment::Model>,
    may_look_up: bool,
    origin: &Origin,
) -> Result<AcceptedWebhook, StoreError> {
    let known = payment.map(|payment| KnownPayment {
        payment_key: &payment.payment_key,
        secret: payment.secret.as_deref(),
    });
    let (state, reason) = judge(webhook, known);
    let mut changed = row.clone().into_active_model();
    changed.has_payment = Set(payment.is_some());
    changed.state = Set(state.word().to_owned());
    changed.reason = Set(reason.map(str::to_owned));
    changed.changed_at = Set(write.now_ms);
    changed.update(&write.tx).await?;
    crash::point!("accept 11", "a webhook and its verdict are written", "its look-up");
    let mut publish = None;
    if let (WebhookState::LookedUp, Some(payment), true) = (state, payment, may_look_up) {
        let last_ms = latest_look_up_ms(write, &payment.order_id).await?;
        let not_before_ms = last_ms.saturating_add(LOOK_UP_SPACING_MS);
        publish = wanted_look_up(write, payment, origin, not_before_ms).await?;
    }
    Ok(AcceptedWebhook { state, reason, is_repeat: false, publish })
}

/// When the latest look-up of a payment began, in milliseconds; 0 when there was none.
async fn latest_look_up_ms(write: &Write<'_>, order_id: &str) -> Result<i64, StoreError> {
    let latest: Option<i64> = attempt::Entity::find()
        .select_only()
        .column(attempt::Column::StartedAt)
        .filter(attempt::Column::OrderId.eq(order_id))
        .filter(attempt::Column::Operation.eq(Operation::LookUp.word()))
        .order_by_desc(attempt::Column::StartedAt)
        .limit(1)
        .into_tuple()
        .one(&write.tx)
        .await?;
    Ok(latest.unwrap_or(0))
}

/// Deletes the oldest of what a new row came to, beyond the bound.
async fn make_room(
    write: &Write<'_>,
    row: &webhook::Model,
    has_payment: bool,
) -> Result<(), StoreError> {
    let (group, kept_max) = match &row.order_id {
        Some(order_id) if has_payment => {
            (webhook::Column::OrderId.eq(order_id), PAYMENT_WEBHOOKS_MAX)
        }
        Some(_) | None => {
            (Expr::col((webhook::Entity, webhook::Column::HasPayment)).not(), STRAY_WEBHOOKS_MAX)
        }
    };
    let too_many: Vec<String> = webhook::Entity::find()
        .select_only()
        .column(webhook::Column::Id)
        .filter(group)
        .order_by_desc(webhook::Column::ReceivedAt)
        .order_by_desc(webhook::Column::Id)
        .offset(kept_max)
        .limit(10)
        .into_tuple()
        .all(&write.tx)
        .await?;
    if !too_many.is_empty() {
        webhook::Entity::delete_many()
            .filter(webhook::Column::Id.is_in(too_many))
            .exec(&write.tx)
            .await?;
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(TEXT_CHARS_MAX).collect()
}

/// PostgreSQL takes no NUL in a text.
fn without_nul(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').collect()
}
