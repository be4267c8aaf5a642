//! Accepting confirms: each one's payment, its job and the order's state, one transaction for as many as come together. A repeat finds what
//! the first one made.

use std::collections::{HashMap, HashSet};

use domain::customer::{GUEST_KEY, names_its_customer};
use domain::job::{JobKind, JobState};
use domain::order::{NotPayable, OrderState};
use domain::payment::PaymentState;
use domain::{OrderId, PaymentKey, Won, limits};
use entities::{job, order, order_line, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{ExprTrait as _, LockType, SelectStatement};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait, FromQueryResult, IdenStatic as _,
    IntoActiveModel as _, JoinType, QueryFilter as _, QueryOrder as _, QueryResult,
    QuerySelect as _, QueryTrait as _, RelationDef,
};

use crate::connection::{NOW_MS, Store, Write, clock};
use crate::error::StoreError;
use crate::orders::{OrderDetail, accepted_detail};
use crate::origin::Origin;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::sql::{AboutOne, is_any_of, is_one_of};
use crate::transaction::seen;

/// The column that tells in which state an order was read.
const SEEN: &str = "seen";

/// A confirm to accept, as the redirect from the payment window brought it.
#[derive(Debug, Clone)]
pub struct AcceptConfirm {
    /// The order.
    pub order_id: OrderId,
    /// Toss's name of the authenticated payment.
    pub payment_key: PaymentKey,
    /// What the redirect says was paid; compared with the order before anything else.
    pub amount: Won,
    /// What the redirect named: NORMAL, BRANDPAY.
    pub payment_type: Option<String>,
    /// The request that brought it.
    pub origin: Origin,
}

/// A confirm that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedConfirm {
    /// The job that will do it: publish it now, or the relay will. `None` for a repeat, whose job was made before.
    pub job: Option<PublishedJob>,
    /// Whether it had been accepted before.
    pub is_replay: bool,
    /// The order as it is by then. `None` for a repeat: much may have happened to it since.
    pub order: Option<OrderDetail>,
}

/// Why a confirm is not accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AcceptConfirmError {
    /// There is no such order.
    #[error("the order is unknown")]
    UnknownOrder,
    /// The amount is not the order's.
    #[error("the order costs {amount} won")]
    AmountDiffers {
        /// What the order costs.
        amount: Won,
    },
    /// The order takes no payment.
    #[error(transparent)]
    NotPayable(NotPayable),
    /// The order is being paid under another payment key.
    #[error("the order is being paid with another payment key")]
    OtherConfirm,
    /// Another order is being paid, or was, under this payment key.
    #[error("the payment key belongs to another order")]
    PaymentKeyTaken,
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Creates the payment of an order and the job that confirms it.
    ///
    /// # Errors
    /// [`AcceptConfirmError`] says why not; nothing was changed then.
    pub async fn accept_confirm(
        &self,
        confirm: &AcceptConfirm,
    ) -> Result<AcceptedConfirm, AcceptConfirmError> {
        let mut one = self.accept_retried(std::slice::from_ref(confirm)).await?;
        one.pop().unwrap_or(Err(AcceptConfirmError::UnknownOrder))
    }

    /// The same for several, in one transaction: one commit takes as long for many as for one. The results stand in the order of `confirms`;
    /// what is wrong with one is no other's trouble.
    pub async fn accept_confirms(
        &self,
        confirms: &[AcceptConfirm],
    ) -> Vec<Result<AcceptedConfirm, AcceptConfirmError>> {
        let error = match self.accept_retried(confirms).await {
            Ok(all) => return all,
            Err(error) => error,
        };
        let is_of_one = error.is_conflict()
            || error.is_refusal()
            || matches!(error, StoreError::UnreadableRow { .. });
        if confirms.len() == 1 || !is_of_one {
            return confirms.iter().map(|_| Err(error.clone().into())).collect();
        }
        let mut each = Vec::with_capacity(confirms.len());
        for confirm in confirms {
            each.push(self.accept_confirm(confirm).await);
        }
        each
    }

    /// Nearly always everybody pays for the first time and nobody else is at it.
    async fn accept_retried(&self, confirms: &[AcceptConfirm]) -> Result<Decided, StoreError> {
        match self.tried_at_once(Box::pin(self.accept_at_once(confirms))).await? {
            Some(decided) => Ok(decided),
            None => Box::pin(self.retried(|| self.accept_locked(confirms))).await,
        }
    }

    /// `None` if one of them needs to be looked at more closely.
    async fn accept_at_once(
        &self,
        confirms: &[AcceptConfirm],
    ) -> Result<Option<Decided>, StoreError> {
        match Accepting::begin_at_once(self, confirms).await? {
            Some(accepting) => accepting.accept_all(confirms).await.map(Some),
            None => Ok(None),
        }
    }

    async fn accept_locked(&self, confirms: &[AcceptConfirm]) -> Result<Decided, StoreError> {
        Accepting::begin_locked(self, confirms).await?.accept_all(confirms).await
    }
}

/// What is decided about confirms, in their order.
type Decided = Vec<Result<AcceptedConfirm, AcceptConfirmError>>;

/// Confirms that are accepted together: what there is of them, and what they make new.
struct Accepting<'s> {
    write: Write<'s>,
    /// By id. Locked or seen.
    orders: Orders,
    /// In which states orders were seen, by id.
    states: HashMap<String, String>,
    lines: Lines,
    /// By order.
    payments: HashMap<String, payment::Model>,
    /// Payment keys that a payment holds.
    taken: HashSet<String>,
}

impl<'s> Accepting<'s> {
    /// All about orders that are open: they have no payment, and hardly ever does somebody pay with another's key, which the database refuses by
    /// itself.
    async fn begin_at_once(
        store: &'s Store,
        confirms: &[AcceptConfirm],
    ) -> Result<Option<Self>, StoreError> {
        static ABOUT_ONE: AboutOne = AboutOne::new();
        let reading = ABOUT_ONE.statement(&order_ids(confirms), |ids| {
            let mut select = select_orders(&store.db, ids);
            select.expr_as(seen(&order::Entity), SEEN);
            store.db.get_database_backend().build(&select)
        });
        let (write, rows) = store.begin_write_at_once(&reading).await?;
        let (orders, lines) = read_orders(&rows)?;
        let states = rows.iter().map(|row| {
            Ok((row.try_get("A_", order::Column::Id.as_str())?, row.try_get("", SEEN)?))
        });
        let states = states.collect::<Result<_, DbErr>>()?;
        let is_open = |order: &order::Model| order.state == OrderState::Open.word();
        if !orders.values().all(is_open) {
            return Ok(None);
        }
        let (payments, taken) = Default::default();
        Ok(Some(Accepting { write, orders, states, lines, payments, taken }))
    }

    async fn begin_locked(
        store: &'s Store,
        confirms: &[AcceptConfirm],
    ) -> Result<Self, StoreError> {
        let mut select = select_orders(&store.db, &order_ids(confirms));
        select.lock_with_tables(LockType::Update, [order::Entity]);
        let locking = store.db.get_database_backend().build(&select);
        let (write, rows) = store.begin_write_with(&locking).await?;
        let (orders, lines) = read_orders(&rows)?;
        let keys = confirms.iter().map(|confirm| confirm.payment_key.as_str());
        let of_order = is_any_of(&write.tx, payment::Column::OrderId, order_ids(confirms));
        let of_key = is_any_of(&write.tx, payment::Column::PaymentKey, keys)
            .and(payment::Column::State.is_not_in(RELEASED));
        let known = payment::Entity::find().filter(of_order.or(of_key)).all(&write.tx).await?;
        let holds_key = |row: &&payment::Model| !RELEASED.contains(&row.state.as_str());
        Ok(Accepting {
            taken: known.iter().filter(holds_key).map(|row| row.payment_key.clone()).collect(),
            orders,
            states: HashMap::new(),
            lines,
            payments: known.into_iter().map(|row| (row.order_id.clone(), row)).collect(),
            write,
        })
    }

    async fn accept_all(mut self, confirms: &[AcceptConfirm]) -> Result<Decided, StoreError> {
        let mut all: Vec<_> = confirms.iter().map(|confirm| self.accept(confirm)).collect();
        for (confirm, one) in confirms.iter().zip(&mut all) {
            if let Ok(accepted) = one.as_mut()
                && !accepted.is_replay
            {
                accepted.order = self.detail(&confirm.order_id)?;
            }
        }
        crash::point!("accept 1", "a confirm is decided on", "its commit");
        self.write.commit().await?;
        crash::point!("accept 2", "a confirm is committed", "its publication and the answer");
        Ok(all)
    }

    /// Decides about one. Those behind it see what it makes.
    fn accept(&mut self, confirm: &AcceptConfirm) -> Result<AcceptedConfirm, AcceptConfirmError> {
        let order = self.orders.get_mut(confirm.order_id.as_str());
        let order = order.ok_or(AcceptConfirmError::UnknownOrder)?;
        let amount = rows::won("orders", &order.id, "amount", order.amount)?;
        if confirm.amount != amount {
            return Err(AcceptConfirmError::AmountDiffers { amount });
        }
        if let Some(known) = self.payments.get(&order.id) {
            return repeated(known, confirm);
        }
        rows::order_state(order)?
            .check_payable(order.pay_by, self.write.now_ms)
            .map_err(AcceptConfirmError::NotPayable)?;
        if !self.taken.insert(confirm.payment_key.as_str().to_owned()) {
            return Err(AcceptConfirmError::PaymentKeyTaken);
        }
        let mut payment = new_payment(order, confirm, self.write.now_ms);
        let mut job = new_job(&self.write, JobKind::Confirm, &payment, None, &confirm.origin);
        // Nobody else can have the turn of a payment that is new, so the claim need not write the payment.
        payment.money_job_id = Some(job.id.clone());
        // It may have been paid under another key: nothing is sent before that was looked up.
        job.unrecorded_until = order.unrecorded_until;
        order.state = OrderState::Paying.word().to_owned();
        order.version = order.version.saturating_add(1);
        order.updated_at = self.write.now_ms;
        let mut row = order.clone().into_active_model();
        row.state = Set(order.state.clone());
        row.version = Set(order.version);
        row.updated_at = Set(order.updated_at);
        if let Some(state) = self.states.remove(&order.id) {
            self.write.tx.saw::<order::ActiveModel>(&order.id, state);
        }
        self.write.tx.change(row).map_err(StoreError::from)?;
        let published = PublishedJob::of(&job, JobKind::Confirm);
        self.write.tx.add(payment.clone());
        self.write.tx.add(job);
        self.write.changes(&order.id);
        self.payments.insert(order.id.clone(), payment);
        Ok(AcceptedConfirm { job: Some(published), is_replay: false, order: None })
    }

    /// An order that is being paid from now on, as it is by then.
    fn detail(&mut self, order_id: &OrderId) -> Result<Option<OrderDetail>, StoreError> {
        let id = order_id.as_str();
        let (Some(order), Some(payment)) = (self.orders.get(id), self.payments.get(id)) else {
            return Ok(None);
        };
        let lines = self.lines.remove(id).unwrap_or_default();
        accepted_detail(order, &lines, payment, self.write.now_ms).map(Some)
    }
}

/// An order with one of its lines.
#[derive(FromQueryResult)]
struct OrderLine {
    #[sea_orm(nested(prefix = "A_"))]
    order: order::Model,
    #[sea_orm(nested(prefix = "B_"))]
    line: Option<order_line::Model>,
}

fn order_ids(confirms: &[AcceptConfirm]) -> Vec<&str> {
    confirms.iter().map(|confirm| confirm.order_id.as_str()).collect()
}

/// Orders with their lines, in the order in which everybody locks them, and the clock.
fn select_orders(database: &DatabaseConnection, ids: &[&str]) -> SelectStatement {
    let of_line: RelationDef = order_line::Entity::belongs_to(order::Entity)
        .from(order_line::Column::OrderId)
        .to(order::Column::Id)
        .into();
    let mut select = order::Entity::find()
        .join(JoinType::LeftJoin, of_line.rev())
        .filter(is_one_of(database, order::Column::Id, ids.iter().copied()))
        .order_by_asc(order::Column::Id)
        .order_by_asc(order_line::Column::Line)
        .select_also(order_line::Entity)
        .into_query();
    select.expr_as(clock(database.get_database_backend()), NOW_MS).take()
}

/// Orders, by id.
type Orders = HashMap<String, order::Model>;
/// Lines, by order.
type Lines = HashMap<String, Vec<order_line::Model>>;

fn read_orders(rows: &[QueryResult]) -> Result<(Orders, Lines), StoreError> {
    let (mut orders, mut lines) = (Orders::new(), Lines::new());
    for row in rows {
        let OrderLine { order, line } = OrderLine::from_query_result(row, "")?;
        lines.entry(order.id.clone()).or_default().extend(line);
        orders.insert(order.id.clone(), order);
    }
    Ok((orders, lines))
}

/// A confirm for an order that has a payment: the same one again, or another one.
fn repeated(
    known: &payment::Model,
    confirm: &AcceptConfirm,
) -> Result<AcceptedConfirm, AcceptConfirmError> {
    if known.payment_key != confirm.payment_key.as_str() {
        return Err(AcceptConfirmError::OtherConfirm);
    }
    Ok(AcceptedConfirm { job: None, is_replay: true, order: None })
}

/// The states of payments that hold their key no longer.
const RELEASED: [&str; 2] = [PaymentState::Failed.word(), PaymentState::Expired.word()];

/// Whether a payment that has not failed holds this key. One that failed does not keep it: somebody may have made it up.
pub(crate) async fn is_key_taken(write: &Write<'_>, key: &str) -> Result<bool, DbErr> {
    let holder = payment::Entity::find()
        .filter(payment::Column::PaymentKey.eq(key))
        .filter(payment::Column::State.is_not_in(RELEASED))
        .one(&write.tx)
        .await?;
    Ok(holder.is_some())
}

fn new_payment(order: &order::Model, confirm: &AcceptConfirm, now_ms: i64) -> payment::Model {
    payment::Model {
        order_id: order.id.clone(),
        store_id: order.store_id.clone(),
        payment_key: confirm.payment_key.as_str().to_owned(),
        merchant: order.merchant.clone(),
        amount: order.amount,
        balance: 0,
        state: PaymentState::Confirming.word().to_owned(),
        toss_status: None,
        method: None,
        payment_type: confirm.payment_type.clone(),
        accepted_at: now_ms,
        confirm_by: now_ms.saturating_add(limits::CONFIRM_WINDOW_MS),
        approved_at: None,
        receipt_url: None,
        failure_code: None,
        failure_message: None,
        last_transaction_key: None,
        secret: None,
        bank_code: None,
        account_number: None,
        account_holder: None,
        deposit_due_at: None,
        money_job_id: None,
        next_cancel_at: 0,
        review_reason: None,
        review_since: None,
        raw: None,
        version: 1,
        updated_at: now_ms,
        pruned_at: None,
        key_pair: order.key_pair,
        customer_key: names_its_customer(confirm.payment_type.as_deref())
            .then(|| order.customer_key.clone().unwrap_or_else(|| GUEST_KEY.to_owned())),
        easy_pay_provider: None,
        card_issuer: None,
        card_number: None,
        card_installment_months: None,
        transfer_bank: None,
        is_partial_cancelable: None,
        tax_free_amount: None,
        sweep_at: 0,
        refund_status: None,
    }
}

/// A job about the whole payment that may run at once. Whoever commits it publishes it; the relay does so when its grace is over.
pub(crate) fn new_job(
    write: &Write<'_>,
    kind: JobKind,
    payment: &payment::Model,
    cancellation_id: Option<String>,
    origin: &Origin,
) -> job::Model {
    job::Model {
        id: write.new_id(),
        kind: kind.word().to_owned(),
        order_id: payment.order_id.clone(),
        store_id: payment.store_id.clone(),
        merchant: payment.merchant.clone(),
        cancellation_id,
        state: JobState::Queued.word().to_owned(),
        claims: 0,
        key_generation: 1,
        due_at: write.now_ms.saturating_add(limits::GRACE_MS),
        runnable_since: write.now_ms,
        publications: 0,
        rerun_wanted: false,
        last_code: None,
        last_message: None,
        park_reason: None,
        worker: None,
        request_id: origin.request_id.clone(),
        created_at: write.now_ms,
        updated_at: write.now_ms,
        ended_at: None,
        traceparent: origin.trace.map(|trace| trace.to_string()),
        amount: payment.amount,
        last_class: None,
        unrecorded_until: 0,
    }
}
