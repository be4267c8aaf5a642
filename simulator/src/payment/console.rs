//! A cancel in Toss's merchant console. What happens to a virtual account without a call is in `account.rs`.

use super::Payment;
use super::cancel::{CancelRequest, CheckedCancel};
use crate::clock::Moment;
use crate::codes;
use crate::limits::CANCEL_REASON_CHARS_MAX;
use crate::method::Family;
use crate::refusal::Refusal;

impl Payment {
    /// Checks a cancel by hand. The console knows the buyer's account, so none is asked for.
    ///
    /// # Errors
    /// As for a cancel through the API.
    pub(crate) fn check_cancel_by_hand(
        &self,
        amount: Option<i64>,
        reason: &str,
        now: Moment,
    ) -> Result<CheckedCancel, Refusal> {
        if !(1..=CANCEL_REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(Refusal::about(codes::INVALID_REQUEST, "reason"));
        }
        if amount.is_some_and(|amount| amount <= 0) {
            return Err(Refusal::about(codes::INVALID_REQUEST, "amount"));
        }
        let mut request = CancelRequest::by_hand(reason, amount);
        if self.method.family() == Family::VirtualAccount {
            request.refund_to_known_account();
        }
        self.check_cancel(&request, now)
    }
}
