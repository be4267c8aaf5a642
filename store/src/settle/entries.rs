//! Cancels that Toss showed and that nobody could tell apart: kept as the last answer showed them, for the person who is asked.

use domain::Won;
use domain::answer::TossCancel;
use domain::cancellation::CancellationState;
use entities::{cancel_entry, cancellation};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use crate::connection::Write;
use crate::error::StoreError;
use crate::rows;

/// Keeps these in place of what an earlier answer showed. A payment without a cancellation whose outcome is open has none.
pub(super) async fn keep(
    write: &Write<'_>,
    order_id: &str,
    known: &[cancellation::Model],
    left: &[&TossCancel],
) -> Result<(), StoreError> {
    let unresolved = CancellationState::Unresolved.word();
    if left.is_empty() && !known.iter().any(|row| row.state == unresolved) {
        return Ok(());
    }
    forget(write, order_id).await?;
    let rows = left.iter().map(|entry| cancel_entry::ActiveModel {
        order_id: Set(order_id.to_owned()),
        transaction_key: Set(entry.transaction_key.clone()),
        amount: Set(entry.amount.get()),
        tax_free_amount: Set(entry.tax_free_amount.get()),
        reason: Set(entry.reason.clone()),
        cancelled_at: Set(entry.cancelled_at_ms),
        seen_at: Set(write.now_ms),
    });
    if !left.is_empty() {
        cancel_entry::Entity::insert_many(rows)
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
    }
    Ok(())
}

/// Forgets all of a payment.
pub(crate) async fn forget(write: &Write<'_>, order_id: &str) -> Result<(), StoreError> {
    cancel_entry::Entity::delete_many()
        .filter(cancel_entry::Column::OrderId.eq(order_id))
        .exec(&write.tx)
        .await?;
    Ok(())
}

/// Those of a payment, oldest first, without any that a cancellation has got meanwhile.
pub(crate) async fn list(
    connection: &impl ConnectionTrait,
    order_id: &str,
    known: &[cancellation::Model],
) -> Result<Vec<(TossCancel, i64)>, StoreError> {
    let rows = cancel_entry::Entity::find()
        .filter(cancel_entry::Column::OrderId.eq(order_id))
        .order_by_asc(cancel_entry::Column::CancelledAt)
        .order_by_asc(cancel_entry::Column::TransactionKey)
        .all(connection)
        .await?;
    let is_free = |row: &cancel_entry::Model| {
        !known.iter().any(|one| one.transaction_key.as_ref() == Some(&row.transaction_key))
    };
    rows.into_iter().filter(is_free).map(read).collect()
}

fn read(row: cancel_entry::Model) -> Result<(TossCancel, i64), StoreError> {
    let won = |column, value| -> Result<Won, StoreError> {
        rows::won("cancel_entries", &row.transaction_key, column, value)
    };
    let entry = TossCancel {
        amount: won("amount", row.amount)?,
        tax_free_amount: won("tax_free_amount", row.tax_free_amount)?,
        transaction_key: row.transaction_key.clone(),
        reason: row.reason,
        cancelled_at_ms: row.cancelled_at,
        is_done: true,
    };
    Ok((entry, row.seen_at))
}
