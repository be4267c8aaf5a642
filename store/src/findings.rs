//! Findings: differences between our records and Toss's, kept until they are gone or a person has dealt with them.
//!
//! Of one subject (payment, kind, cancel) at most one is open. Seen again it is only marked so. One that a person closed stays closed for
//! as long as it looks the same; what a run closed because it was gone is opened anew.

mod list;

use domain::Won;
use domain::limits::PAGE_ROWS_MAX;
use domain::reconcile::{FindingKind, Range};
use entities::finding;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde_json::json;

pub use list::FindingFilter;

use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::operate::Actor;
use crate::rows::{unreadable, won};
use crate::sql::word;

const OPEN: &str = "open";
const CLOSED: &str = "closed";
/// Who closes what a run sees no more.
const SYSTEM: &str = "system";

/// A difference that a run has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFinding {
    /// What kind.
    pub kind: FindingKind,
    /// Whose account at Toss.
    pub merchant: String,
    /// The order, as Toss or we name it.
    pub order_id: Option<String>,
    /// Toss's name of the payment.
    pub payment_key: String,
    /// Toss's key of the cancel that it is about.
    pub transaction_key: Option<String>,
    /// The amount in our records.
    pub here: Option<Won>,
    /// The amount at Toss.
    pub there: Option<Won>,
    /// How both sides stand, in one sentence.
    pub detail: String,
    /// When that happened which raised it, in milliseconds: a run over this time sees it again.
    pub happened_at_ms: i64,
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Ours; sorts by time.
    pub id: String,
    /// What was found.
    pub found: NewFinding,
    /// Milliseconds UTC.
    pub first_seen_at_ms: i64,
    /// When a run saw it last, in milliseconds UTC.
    pub last_seen_at_ms: i64,
    /// How it was closed; `None` while it is open.
    pub closed: Option<Closing>,
}

/// How a finding was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Milliseconds UTC.
    pub at_ms: i64,
    /// Staff id, or `system`.
    pub by: String,
    /// Why.
    pub note: String,
}

/// Why a finding was not closed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CloseFindingError {
    /// There is no such finding.
    #[error("the finding is unknown")]
    Unknown,
    /// Somebody was quicker.
    #[error("the finding is closed already")]
    Closed,
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for CloseFindingError {
    fn from(error: sea_orm::DbErr) -> CloseFindingError {
        CloseFindingError::Store(error.into())
    }
}

impl Conflict for CloseFindingError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            CloseFindingError::Store(error) => Some(error),
            CloseFindingError::Unknown | CloseFindingError::Closed => None,
        }
    }
}

impl Store {
    /// Writes what a run has found, in one transaction, and says how many of them are new.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was written then.
    pub async fn write_findings(&self, found: &[NewFinding]) -> Result<u32, StoreError> {
        if found.is_empty() {
            return Ok(0);
        }
        self.retried(|| self.write_findings_once(found)).await
    }

    async fn write_findings_once(&self, found: &[NewFinding]) -> Result<u32, StoreError> {
        let write = self.begin_write().await?;
        let mut opened = 0_u32;
        for one in found {
            match known(&write, one).await? {
                Some(row) => see_again(&write, row, one).await?,
                None => {
                    insert(&write, one).await?;
                    opened = opened.saturating_add(1);
                }
            }
        }
        write.commit().await?;
        Ok(opened)
    }

    /// One finding; `None` for an unknown id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_finding(&self, id: &str) -> Result<Option<Finding>, StoreError> {
        finding::Entity::find_by_id(id).one(&self.db).await?.map(read).transpose()
    }

    /// Closes a finding by hand. It stays closed for as long as it looks the same.
    ///
    /// # Errors
    /// [`CloseFindingError`] says why not.
    pub async fn close_finding(
        &self,
        id: &str,
        actor: &Actor,
        reason: &str,
    ) -> Result<Finding, CloseFindingError> {
        self.retried(|| self.close_finding_once(id, actor, reason)).await
    }

    async fn close_finding_once(
        &self,
        id: &str,
        actor: &Actor,
        reason: &str,
    ) -> Result<Finding, CloseFindingError> {
        let write = self.begin_write().await?;
        let row = finding::Entity::find_by_id(id).lock_exclusive().one(&write.tx).await?;
        let row = row.ok_or(CloseFindingError::Unknown)?;
        if row.state == CLOSED {
            return Err(CloseFindingError::Closed);
        }
        let detail = json!({
            "kind": row.kind, "orderId": row.order_id, "amountHere": row.amount_here, "amountThere": row.amount_there,
        });
        audit::record(&write, actor, "finding.close", id, None, Some(reason), Some(detail)).await?;
        let mut row = row.into_active_model();
        row.state = Set(CLOSED.to_owned());
        row.closed_at = Set(Some(write.now_ms));
        row.closed_by = Set(Some(hand(actor)));
        row.closed_note = Set(Some(reason.to_owned()));
        let row = row.update(&write.tx).await?;
        write.commit().await?;
        Ok(read(row)?)
    }
}

/// Who closes by hand. On the command line nobody is known by name, and still it was a person and not a run.
fn hand(actor: &Actor) -> String {
    if actor.id == SYSTEM { "operator".to_owned() } else { actor.id.clone() }
}

/// The finding that this one is again: an open one, or one that a person closed when it looked the same.
async fn known(
    write: &Write<'_>,
    found: &NewFinding,
) -> Result<Option<finding::Model>, StoreError> {
    let mut query = finding::Entity::find()
        .filter(finding::Column::PaymentKey.eq(&found.payment_key))
        .filter(finding::Column::Merchant.eq(&found.merchant))
        .filter(finding::Column::Kind.eq(found.kind.word()));
    query = match &found.transaction_key {
        Some(key) => query.filter(finding::Column::TransactionKey.eq(key)),
        None => query.filter(finding::Column::TransactionKey.is_null()),
    };
    let rows = query
        .order_by_desc(finding::Column::Id)
        .limit(PAGE_ROWS_MAX)
        .lock_exclusive()
        .all(&write.tx)
        .await?;
    let looks_same = |row: &finding::Model| {
        (row.amount_here, row.amount_there) == (amount(found.here), amount(found.there))
    };
    let is_accepted = |row: &finding::Model| {
        row.closed_by.as_deref().is_some_and(|by| by != SYSTEM) && looks_same(row)
    };
    let open = rows.iter().find(|row| row.state == OPEN);
    Ok(open.or_else(|| rows.iter().find(|row| is_accepted(row))).cloned())
}

async fn see_again(
    write: &Write<'_>,
    row: finding::Model,
    found: &NewFinding,
) -> Result<(), StoreError> {
    let is_open = row.state == OPEN;
    let mut row = row.into_active_model();
    row.last_seen_at = Set(write.now_ms);
    if is_open {
        row.amount_here = Set(amount(found.here));
        row.amount_there = Set(amount(found.there));
        row.detail = Set(found.detail.clone());
    }
    row.update(&write.tx).await?;
    Ok(())
}

async fn insert(write: &Write<'_>, found: &NewFinding) -> Result<(), StoreError> {
    let row = finding::Model {
        id: write.new_id(),
        kind: found.kind.word().to_owned(),
        merchant: found.merchant.clone(),
        order_id: found.order_id.clone(),
        payment_key: found.payment_key.clone(),
        transaction_key: found.transaction_key.clone(),
        amount_here: amount(found.here),
        amount_there: amount(found.there),
        detail: found.detail.clone(),
        happened_at: found.happened_at_ms,
        state: OPEN.to_owned(),
        first_seen_at: write.now_ms,
        last_seen_at: write.now_ms,
        closed_at: None,
        closed_by: None,
        closed_note: None,
    };
    row.into_active_model().reset_all().insert(&write.tx).await?;
    Ok(())
}

fn amount(won: Option<Won>) -> Option<i64> {
    won.map(Won::get)
}

/// Closes the open findings of a time that nobody has seen since the run began, and says how many they were.
pub(crate) async fn close_unseen(
    write: &Write<'_>,
    merchant: &str,
    range: Range,
    began_at_ms: i64,
) -> Result<u64, StoreError> {
    let closed = finding::Entity::update_many()
        .col_expr(finding::Column::State, Expr::value(CLOSED))
        .col_expr(finding::Column::ClosedAt, Expr::value(write.now_ms))
        .col_expr(finding::Column::ClosedBy, Expr::value(SYSTEM))
        .col_expr(finding::Column::ClosedNote, Expr::value("a later run found no difference"))
        .filter(Expr::col(finding::Column::State).eq(word(OPEN)))
        .filter(finding::Column::Merchant.eq(merchant))
        .filter(finding::Column::HappenedAt.gte(range.from_ms))
        .filter(finding::Column::HappenedAt.lt(range.to_ms))
        .filter(finding::Column::LastSeenAt.lt(began_at_ms))
        .exec(&write.tx)
        .await?;
    Ok(closed.rows_affected)
}

pub(crate) fn read(row: finding::Model) -> Result<Finding, StoreError> {
    let id = row.id.as_str();
    let kind = FindingKind::from_word(&row.kind);
    let kind = kind.ok_or_else(|| unreadable("findings", id, "kind", &row.kind))?;
    let amount = |column, value: Option<i64>| {
        value.map(|value| won("findings", id, column, value)).transpose()
    };
    let (here, there) =
        (amount("amount_here", row.amount_here)?, amount("amount_there", row.amount_there)?);
    let closing = |at_ms| Closing {
        at_ms,
        by: row.closed_by.clone().unwrap_or_default(),
        note: row.closed_note.clone().unwrap_or_default(),
    };
    Ok(Finding {
        closed: row.closed_at.map(closing),
        found: NewFinding {
            kind,
            merchant: row.merchant,
            order_id: row.order_id,
            payment_key: row.payment_key,
            transaction_key: row.transaction_key,
            here,
            there,
            detail: row.detail,
            happened_at_ms: row.happened_at,
        },
        id: row.id,
        first_seen_at_ms: row.first_seen_at,
        last_seen_at_ms: row.last_seen_at,
    })
}
