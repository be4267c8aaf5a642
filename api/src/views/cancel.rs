//! Cancellations, as answers show them. Customers see what comes back to them and why; who asked for it and Toss's own words are
//! for staff.

use domain::cancellation::CancellationState;
use domain::role::Role;
use serde::Serialize;
use store::orders::CancellationDetail;
use utoipa::ToSchema;

use super::{CURRENCY, instant};
use crate::words::Language;
use crate::words::failure::cancel_next_step;
use crate::words::status::cancellation_text;

/// A cancellation: money on its way back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelView {
    /// Its id.
    pub(crate) cancel_id: String,
    /// Of which order.
    pub(crate) order_id: String,
    /// How much, in won.
    pub(crate) amount: i64,
    /// How much of it is free of tax, in won.
    pub(crate) tax_free_amount: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// Why, in the words of whoever asked for it. Customers see it.
    pub(crate) reason: String,
    /// requested, sending, done, refused or unresolved.
    pub(crate) status: &'static str,
    /// The status as a sentence.
    pub(crate) status_text: &'static str,
    /// Staff id, or `system`; null for customers.
    #[schema(required = true)]
    pub(crate) requested_by: Option<String>,
    /// Their role then; null for customers and for the system.
    #[schema(required = true)]
    pub(crate) role: Option<&'static str>,
    /// When it was accepted.
    #[schema(format = DateTime)]
    pub(crate) requested_at: String,
    /// When the money was given back.
    #[schema(required = true, format = DateTime)]
    pub(crate) cancelled_at: Option<String>,
    /// Toss's key of it; null for customers.
    #[schema(required = true)]
    pub(crate) transaction_key: Option<String>,
    /// Why it was refused.
    #[schema(required = true)]
    pub(crate) failure: Option<CancelFailureView>,
}

/// Why a cancellation was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelFailureView {
    /// Toss's code, or ours.
    pub(crate) code: String,
    /// For staff Toss's own sentence, for customers ours.
    pub(crate) message: String,
    /// What staff can do about it, where that is known; null for customers.
    #[schema(required = true)]
    pub(crate) next_step: Option<&'static str>,
}

impl CancelView {
    /// A cancellation in this language, for staff or for the customer.
    pub(crate) fn new(
        cancel: &CancellationDetail,
        is_for_customer: bool,
        language: Language,
    ) -> CancelView {
        let ours = cancellation_text(cancel.state).in_language(language);
        let is_refused = cancel.state == CancellationState::Refused;
        let failure = cancel.failure.as_ref().filter(|_| is_refused || !is_for_customer);
        let for_staff = |text: &Option<String>| text.clone().filter(|_| !is_for_customer);
        CancelView {
            cancel_id: cancel.id.as_str().to_owned(),
            order_id: cancel.order_id.as_str().to_owned(),
            amount: cancel.amount.get(),
            tax_free_amount: cancel.tax_free_amount.get(),
            currency: CURRENCY,
            reason: cancel.reason.clone(),
            status: cancel.state.word(),
            status_text: ours,
            requested_by: for_staff(&Some(cancel.requested_by.clone())),
            role: cancel.role.map(Role::word).filter(|_| !is_for_customer),
            requested_at: instant(cancel.requested_at_ms),
            cancelled_at: cancel.cancelled_at_ms.map(instant),
            transaction_key: for_staff(&cancel.transaction_key),
            failure: failure.map(|failure| CancelFailureView {
                code: failure.code.clone(),
                message: for_staff(&failure.message).unwrap_or_else(|| ours.to_owned()),
                next_step: cancel_next_step(&failure.code)
                    .filter(|_| !is_for_customer)
                    .map(|text| text.in_language(language)),
            }),
        }
    }
}
