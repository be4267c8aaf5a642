//! Which numbered pair of a merchant's keys orders and payments are pinned to. The keys themselves are never here: the configuration has them.
//!
//! A payment stays with its pair while anything of it may be under way, because the secret key is part of what Toss recognises a repeated
//! request by. One that rests can be handed over to another pair of the same merchant.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use domain::job::JobState;
use domain::limits::PRUNE_BATCH_ROWS_MAX;
use domain::order::OrderState;
use domain::payment::PaymentState;
use entities::{job, order, payment};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::audit;
use crate::connection::Store;
use crate::error::StoreError;
use crate::operate::Actor;
use crate::rows;
use crate::sql::word;

/// One pair of keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPairId {
    /// Whose, by the name in the configuration.
    pub merchant: String,
    /// From 1.
    pub number: u32,
}

impl fmt::Display for KeyPairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pair {} of merchant {}", self.number, self.merchant)
    }
}

/// The pair that each merchant's new orders are pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CurrentKeys(Arc<BTreeMap<String, u32>>);

impl FromIterator<(String, u32)> for CurrentKeys {
    fn from_iter<T: IntoIterator<Item = (String, u32)>>(pairs: T) -> CurrentKeys {
        CurrentKeys(Arc::new(pairs.into_iter().collect()))
    }
}

impl CurrentKeys {
    /// A merchant's, as its column has it; `None` for a merchant that is not configured.
    pub(crate) fn of(&self, merchant: &str) -> Option<i32> {
        self.0.get(merchant).and_then(|number| i32::try_from(*number).ok())
    }
}

/// What a pair of keys is still needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPairUse {
    /// Which.
    pub pair: KeyPairId,
    /// Orders that may still be paid in a window of it.
    pub open_orders: u64,
    /// Payments whose outcome is not known, or of which money may be under way.
    pub under_way: u64,
    /// Payments that rest and can still be cancelled or looked up.
    pub resting: u64,
}

/// What handing payments over came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retired {
    /// Payments that are the other pair's from now on.
    pub moved: u64,
    /// Orders and payments that have to end first.
    pub left: u64,
}

/// A count by merchant and number.
type Counted = (String, i32, i64);

impl Store {
    /// Every pair that something is pinned to, by merchant and number.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn key_pair_uses(&self) -> Result<Vec<KeyPairUse>, StoreError> {
        let read = self.begin_read().await?;
        let open: Vec<Counted> = order::Entity::find()
            .select_only()
            .column(order::Column::Merchant)
            .column(order::Column::KeyPair)
            .column_as(order::Column::Id.count(), "open")
            .filter(Expr::col(order::Column::State).eq(word(OrderState::Open.word())))
            .group_by(order::Column::Merchant)
            .group_by(order::Column::KeyPair)
            .into_tuple()
            .all(&read.tx)
            .await?;
        let count = |condition: Expr| {
            payment::Entity::find()
                .select_only()
                .column(payment::Column::Merchant)
                .column(payment::Column::KeyPair)
                .column_as(payment::Column::OrderId.count(), "payments")
                .filter(condition)
                .group_by(payment::Column::Merchant)
                .group_by(payment::Column::KeyPair)
                .into_tuple::<Counted>()
        };
        let over = [PaymentState::Cancelled, PaymentState::Failed, PaymentState::Expired];
        let is_over = payment::Column::State.is_in(over.map(PaymentState::word));
        let busy = count(is_busy()).all(&read.tx).await?;
        let resting = count(is_busy().not().and(is_over.not())).all(&read.tx).await?;
        read.end().await?;
        let mut uses: BTreeMap<KeyPairId, KeyPairUse> = BTreeMap::new();
        let counts = [(open, 0), (busy, 1), (resting, 2)];
        for (counted, column) in counts {
            for (merchant, number, count) in counted {
                let pair = key_pair("payments", &merchant, number)?;
                let known = uses.entry(pair.clone()).or_insert(KeyPairUse {
                    pair,
                    open_orders: 0,
                    under_way: 0,
                    resting: 0,
                });
                let count = u64::try_from(count).unwrap_or(0);
                match column {
                    0 => known.open_orders = count,
                    1 => known.under_way = count,
                    _ => known.resting = count,
                }
            }
        }
        Ok(uses.into_values().collect())
    }

    /// The pairs without which something stands still now: those of orders that may still be paid and of payments with a live job.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn needed_key_pairs(&self) -> Result<Vec<KeyPairId>, StoreError> {
        let mut found: Vec<(String, i32)> = order::Entity::find()
            .select_only()
            .column(order::Column::Merchant)
            .column(order::Column::KeyPair)
            .filter(Expr::col(order::Column::State).eq(word(OrderState::Open.word())))
            .distinct()
            .into_tuple()
            .all(&self.db)
            .await?;
        // Job by job: joined with payments, PostgreSQL would rather read all that there ever were.
        let of_payment = Query::select()
            .column((payment::Entity, payment::Column::KeyPair))
            .from(payment::Entity)
            .and_where(
                Expr::col((payment::Entity, payment::Column::OrderId))
                    .equals((job::Entity, job::Column::OrderId)),
            )
            .to_owned();
        let live = JobState::ALL.into_iter().filter(|state| state.is_live()).map(JobState::word);
        let payments: Vec<(String, i32)> = job::Entity::find()
            .select_only()
            .column(job::Column::Merchant)
            .expr_as(of_payment, "key_pair")
            .filter(Expr::col(job::Column::State).is_in(live.map(word)))
            .distinct()
            .into_tuple()
            .all(&self.db)
            .await?;
        found.extend(payments);
        found.sort_unstable();
        found.dedup();
        let pairs = found.iter().map(|(merchant, number)| key_pair("payments", merchant, *number));
        pairs.collect()
    }

    /// Hands every payment of a pair that rests over to another pair of the same merchant, some at a time, each time with its audit.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; what was handed over stays so, and repeating is safe.
    pub async fn retire_key_pair(
        &self,
        from: &KeyPairId,
        to: u32,
        actor: &Actor,
    ) -> Result<Retired, StoreError> {
        let (mut moved, mut after) = (0_u64, String::new());
        loop {
            let (batch, last) = self.retried(|| self.hand_over(from, to, &after, actor)).await?;
            moved = moved.saturating_add(batch);
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        let uses = self.key_pair_uses().await?;
        let left = uses.iter().find(|known| known.pair == *from);
        let left = left.map_or(0, |it| it.open_orders.saturating_add(it.under_way));
        Ok(Retired { moved, left })
    }

    /// One transaction of it: how many, and the last one.
    async fn hand_over(
        &self,
        from: &KeyPairId,
        to: u32,
        after: &str,
        actor: &Actor,
    ) -> Result<(u64, Option<String>), StoreError> {
        let write = self.begin_write().await?;
        let ids: Vec<String> = payment::Entity::find()
            .select_only()
            .column(payment::Column::OrderId)
            .filter(payment::Column::Merchant.eq(&from.merchant))
            .filter(payment::Column::KeyPair.eq(from.number))
            .filter(payment::Column::OrderId.gt(after))
            .filter(is_busy().not())
            .order_by_asc(payment::Column::OrderId)
            .limit(PRUNE_BATCH_ROWS_MAX)
            .lock_exclusive()
            .into_tuple()
            .all(&write.tx)
            .await?;
        let Some(last) = ids.last().cloned() else { return Ok((0, None)) };
        let moved = payment::Entity::update_many()
            .col_expr(payment::Column::KeyPair, Expr::value(to))
            .filter(payment::Column::OrderId.is_in(ids))
            .exec(&write.tx)
            .await?
            .rows_affected;
        let detail = serde_json::json!({ "from": from.number, "to": to, "payments": moved });
        let (action, detail) = ("merchant.retire_keys", Some(detail));
        audit::record(&write, actor, action, &from.merchant, None, None, detail).await?;
        write.commit().await?;
        Ok((moved, Some(last)))
    }
}

/// Whether a call of the payment may be under way, or come again under its idempotency key.
fn is_busy() -> Expr {
    let undecided = [PaymentState::Confirming, PaymentState::ConfirmUnresolved];
    payment::Column::MoneyJobId
        .is_not_null()
        .or(payment::Column::State.is_in(undecided.map(PaymentState::word)))
}

/// A pair as rows name it.
pub(crate) fn key_pair(
    table: &'static str,
    merchant: &str,
    number: i32,
) -> Result<KeyPairId, StoreError> {
    let number = rows::count(table, merchant, "key_pair", number)?;
    Ok(KeyPairId { merchant: merchant.to_owned(), number })
}
