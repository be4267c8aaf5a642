//! From rows to the domain's types. A row that cannot be read is an error that names it, never a guess.

use domain::Won;
use domain::answer::Means;
use domain::attempt::{Operation, PastAttempt, Verdict};
use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::order::OrderState;
use domain::payment::PaymentState;
use domain::policy::{History, PaymentFacts};
use domain::role::Role;

use crate::error::StoreError;

/// Names what cannot be read.
pub(crate) fn unreadable(
    table: &'static str,
    id: &str,
    column: &'static str,
    value: impl ToString,
) -> StoreError {
    StoreError::UnreadableRow { table, id: id.to_owned(), column, value: value.to_string() }
}

/// An amount.
pub(crate) fn won(
    table: &'static str,
    id: &str,
    column: &'static str,
    value: i64,
) -> Result<Won, StoreError> {
    Won::new(value).map_err(|_| unreadable(table, id, column, value))
}

/// A count that is never negative.
pub(crate) fn count(
    table: &'static str,
    id: &str,
    column: &'static str,
    value: i32,
) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| unreadable(table, id, column, value))
}

/// What decisions about a job see of the past, which is these attempts.
pub(crate) fn history<'a>(
    job: &entities::job::Model,
    attempts: &'a [PastAttempt],
) -> Result<History<'a>, StoreError> {
    let generation = count("jobs", &job.id, "key_generation", job.key_generation)?;
    Ok(History { attempts, generation, unrecorded_until_ms: job.unrecorded_until })
}

/// An order's state.
pub(crate) fn order_state(row: &entities::order::Model) -> Result<OrderState, StoreError> {
    OrderState::from_word(&row.state)
        .ok_or_else(|| unreadable("orders", &row.id, "state", &row.state))
}

/// A payment's state.
pub(crate) fn payment_state(row: &entities::payment::Model) -> Result<PaymentState, StoreError> {
    PaymentState::from_word(&row.state)
        .ok_or_else(|| unreadable("payments", &row.order_id, "state", &row.state))
}

/// What decisions know about a payment.
pub(crate) fn payment_facts(row: &entities::payment::Model) -> Result<PaymentFacts, StoreError> {
    let id = row.order_id.as_str();
    Ok(PaymentFacts {
        order_id: row.order_id.clone(),
        payment_key: row.payment_key.clone(),
        amount: won("payments", id, "amount", row.amount)?,
        balance: won("payments", id, "balance", row.balance)?,
        state: payment_state(row)?,
        accepted_at_ms: row.accepted_at,
        confirm_by_ms: row.confirm_by,
    })
}

/// A cancellation's state.
pub(crate) fn cancellation_state(
    row: &entities::cancellation::Model,
) -> Result<CancellationState, StoreError> {
    CancellationState::from_word(&row.state)
        .ok_or_else(|| unreadable("cancellations", &row.id, "state", &row.state))
}

/// What of a cancellation is free of tax.
pub(crate) fn tax_free_part(row: &entities::cancellation::Model) -> Result<Won, StoreError> {
    won("cancellations", &row.id, "tax_free_amount", row.tax_free_amount.unwrap_or(0))
}

/// What of a whole payment is free of tax: as Toss tells, because it refuses a cancel with more, else as the order says.
pub(crate) fn tax_free_amount(
    order: &entities::order::Model,
    payment: &entities::payment::Model,
) -> Result<Won, StoreError> {
    let amount = payment.tax_free_amount.unwrap_or(order.tax_free_amount);
    won("payments", &payment.order_id, "tax_free_amount", amount)
}

/// How a payment was paid, as far as Toss told.
pub(crate) fn means(row: &entities::payment::Model) -> Result<Means, StoreError> {
    let months = row.card_installment_months;
    let count = |months| count("payments", &row.order_id, "card_installment_months", months);
    Ok(Means {
        easy_pay_provider: row.easy_pay_provider.clone(),
        card_issuer: row.card_issuer.clone(),
        card_number: row.card_number.clone(),
        card_installment_months: months.map(count).transpose()?,
        transfer_bank: row.transfer_bank.clone(),
        is_partial_cancelable: row.is_partial_cancelable,
        tax_free_amount: row
            .tax_free_amount
            .map(|amount| won("payments", &row.order_id, "tax_free_amount", amount))
            .transpose()?,
    })
}

/// A job's kind.
pub(crate) fn job_kind(row: &entities::job::Model) -> Result<JobKind, StoreError> {
    JobKind::from_word(&row.kind).ok_or_else(|| unreadable("jobs", &row.id, "kind", &row.kind))
}

/// A job's state.
pub(crate) fn job_state(row: &entities::job::Model) -> Result<JobState, StoreError> {
    JobState::from_word(&row.state).ok_or_else(|| unreadable("jobs", &row.id, "state", &row.state))
}

/// An attempt as decisions see it.
pub(crate) fn past_attempt(row: &entities::attempt::Model) -> Result<PastAttempt, StoreError> {
    let id = row.job_id.as_str();
    let verdict = match &row.verdict {
        Some(word) => Some(
            Verdict::from_word(word).ok_or_else(|| unreadable("attempts", id, "verdict", word))?,
        ),
        None => None,
    };
    Ok(PastAttempt {
        operation: Operation::from_word(&row.operation)
            .ok_or_else(|| unreadable("attempts", id, "operation", &row.operation))?,
        generation: count("attempts", id, "key_generation", row.key_generation)?,
        started_at_ms: row.started_at,
        finished_at_ms: row.finished_at,
        verdict,
        code: row.code.clone(),
    })
}

/// A role of staff.
pub(crate) fn role(row: &entities::staff::Model) -> Result<Role, StoreError> {
    Role::from_word(&row.role).ok_or_else(|| unreadable("staff", &row.id, "role", &row.role))
}
