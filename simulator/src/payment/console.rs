//! What happens to a payment without a call of the API: a deposit by the buyer, a cancel in Toss's merchant console.

use super::cancel::{CancelRequest, CheckedCancel};
use super::{Payment, Status};
use crate::clock::Moment;
use crate::codes;
use crate::limits::CANCEL_REASON_CHARS_MAX;
use crate::method::Family;
use crate::refusal::Refusal;

impl Payment {
    /// The buyer paid into the virtual account: WAITING_FOR_DEPOSIT → DONE. Returns what came in, in won.
    ///
    /// # Errors
    /// 400 `INVALID_REQUEST` if no deposit is awaited or its due date has passed.
    pub(crate) fn deposit(&mut self, now: Moment) -> Result<i64, Refusal> {
        let refusal = || Refusal::about(codes::INVALID_REQUEST, "no deposit is awaited");
        let (Some(account), Some(approval)) = (self.account.as_mut(), self.approval.as_mut())
        else {
            return Err(refusal());
        };
        if self.status != Status::WaitingForDeposit || now > account.due_at {
            return Err(refusal());
        }
        account.depositor = self.customer.name.clone();
        approval.at = Some(now);
        self.status = Status::Done;
        Ok(self.amount)
    }

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
