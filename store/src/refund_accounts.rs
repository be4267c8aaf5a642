//! Where a virtual account's refund goes: sealed with its cancellation, sealed in the record of the calls, open in the memory of the
//! worker that sends it, and gone as soon as the cancellation has an end.

use domain::RefundAccount;
use domain::attempt::Operation;
use entities::{attempt, cancellation, job};
use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::connection::Write;
use crate::error::StoreError;
use crate::seal::SealKey;

/// What stands in the place of an account that is gone.
const GONE: &str = "erased";
/// Between the parts; none of them can hold it.
const BETWEEN: char = '\n';

/// Seals an account for its cancellation.
///
/// # Errors
/// [`StoreError::Schema`] when the process has no key to do it with.
pub(crate) fn seal(
    key: Option<&SealKey>,
    account: &RefundAccount,
    cancellation_id: &str,
) -> Result<String, StoreError> {
    let text = [account.bank(), account.number(), account.holder()].join(&BETWEEN.to_string());
    key.and_then(|key| key.seal(&text, cancellation_id)).ok_or_else(|| {
        StoreError::Schema("refund accounts cannot be kept: set security.token_key".to_owned())
    })
}

/// Opens it; `None` under another key.
pub(crate) fn open(
    key: Option<&SealKey>,
    sealed: &str,
    cancellation_id: &str,
) -> Option<RefundAccount> {
    let text = key?.open(sealed, cancellation_id)?;
    let mut parts = text.split(BETWEEN);
    RefundAccount::parse(parts.next()?, parts.next()?, parts.next()?).ok()
}

/// Forgets the account of a cancellation that has its end: in its row, and in the record of the calls that carried it.
pub(crate) async fn forget(write: &Write<'_>, row: &cancellation::Model) -> Result<(), StoreError> {
    let Some(sealed) = &row.refund_account else { return Ok(()) };
    let own = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(job::Column::CancellationId.eq(&row.id))
        .take();
    let call = Expr::col(attempt::Column::Call);
    let replaced = Func::cust("REPLACE").arg(call).arg(sealed.as_str()).arg(GONE);
    attempt::Entity::update_many()
        .col_expr(attempt::Column::Call, replaced.into())
        .filter(attempt::Column::JobId.in_subquery(own))
        .filter(attempt::Column::Operation.eq(Operation::Cancel.word()))
        .exec(&write.tx)
        .await?;
    crash::point!("settle 7", "a refund account is gone from the calls", "and from its cancel");
    cancellation::Entity::update_many()
        .col_expr(cancellation::Column::RefundAccount, Expr::value(Option::<String>::None))
        .filter(cancellation::Column::Id.eq(&row.id))
        .exec(&write.tx)
        .await?;
    crash::point!("settle 8", "a refund account is gone", "the payment");
    Ok(())
}
