//! What staff may do with a payment, as pages show it.

use serde::Serialize;
use store::PaymentOffers;
use utoipa::ToSchema;

use super::job::ActionView;
use super::{CURRENCY, instant};
use crate::problem::Problem;
use crate::words::Language;

/// What may be done with a payment now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentActionsView {
    /// Whose payment.
    pub(crate) order_id: String,
    /// To be sent with what is then done: it is refused once the payment has changed.
    pub(crate) payment_version: i64,
    /// confirming, confirm_unresolved, waiting_for_deposit, confirmed, partially_cancelled, cancelled, failed or expired.
    pub(crate) payment_state: &'static str,
    /// Why a person should look.
    #[schema(required = true)]
    pub(crate) review_reason: Option<String>,
    /// Since when.
    #[schema(required = true, format = DateTime)]
    pub(crate) review_since: Option<String>,
    /// Whether Toss may be asked where it stands.
    pub(crate) look_up: ActionView,
    /// Whether its review may be closed.
    pub(crate) close_review: ActionView,
    /// Whether, and how much of it, may be cancelled.
    pub(crate) cancel: CancelOfferView,
}

/// How much of a payment can be cancelled now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelOfferView {
    /// Whether anything can.
    #[serde(flatten)]
    pub(crate) verdict: ActionView,
    /// What is neither given back nor reserved by open cancels, in won.
    pub(crate) available: i64,
    /// What of it is free of tax, in won.
    pub(crate) tax_free_available: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// Whether only the whole can be cancelled.
    pub(crate) whole_only: bool,
    /// Whether a bank account to refund to is needed.
    pub(crate) refund_account_needed: bool,
    /// Above this amount, in won, a page has it typed once more.
    pub(crate) confirm_amount_above: i64,
}

impl PaymentActionsView {
    /// What the rules say of a payment.
    pub(crate) fn new(
        offers: &PaymentOffers,
        confirm_amount_above: i64,
        language: Language,
    ) -> PaymentActionsView {
        let available = offers.cancel.as_ref().ok();
        PaymentActionsView {
            order_id: offers.order_id.clone(),
            payment_version: offers.version,
            payment_state: offers.state.word(),
            review_reason: offers.review_reason.clone(),
            review_since: offers.review_since_ms.map(instant),
            look_up: ActionView::new(Ok::<(), Problem>(()), language),
            close_review: ActionView::new(offers.close_review, language),
            cancel: CancelOfferView {
                verdict: ActionView::new(offers.cancel.map(|_| ()), language),
                available: available.map_or(0, |left| left.total.get()),
                tax_free_available: available.map_or(0, |left| left.tax_free.get()),
                currency: CURRENCY,
                whole_only: offers.is_whole_only,
                refund_account_needed: offers.needs_refund_account,
                confirm_amount_above,
            },
        }
    }
}
