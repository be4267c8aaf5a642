//! What may be deleted or blanked, and when: the jobs and attempts behind a payment, and the personal data of an order.
//!
//! Orders, payments, cancellations and the audit are never deleted. Everything else that Seungin keeps is there for something that may
//! still happen, or for a question that somebody may still ask; this file says when neither is so any more.

use crate::limits::DELIVERY_MS_MAX;
use crate::order::OrderState;
use crate::payment::PaymentState;

/// A day, in milliseconds: retention is counted in days.
pub const DAY_MS: i64 = 24 * 60 * 60_000;

/// What is known of a payment when somebody asks whether it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Its state.
    pub state: PaymentState,
    /// When it was paid, else when its confirm was accepted, in milliseconds.
    pub paid_at_ms: i64,
    /// Whether a person is asked to look at it.
    pub is_in_review: bool,
    /// Whether a cancellation of it is requested, under way or unresolved.
    pub has_open_cancellation: bool,
    /// Whether a job of it has not ended, parked ones among them, or holds its money operation.
    pub has_live_job: bool,
}

/// What is still going on with a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UnderWay {
    /// Its confirm has no outcome yet.
    #[error("whether its money was taken is not known yet")]
    Undecided,
    /// The customer may still pay into the account.
    #[error("its deposit is awaited")]
    DepositAwaited,
    /// A person is to look at it.
    #[error("its payment is in review")]
    InReview,
    /// Money is on its way back.
    #[error("a cancel of its payment is under way")]
    Cancelling,
    /// A job of it runs, waits or is parked.
    #[error("a job of its payment has not ended")]
    JobLive,
}

/// Why the jobs and attempts of a payment are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Something is going on: every decision to come looks at the attempts before it.
    UnderWay(UnderWay),
    /// We hold money of the customer. It may be asked back at any time (Toss sets no end for cards), and how it was taken is then
    /// a question.
    Cancellable,
    /// Its last job ended too recently.
    Recent,
}

/// Why the personal data of an order is still needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EraseRefusal {
    /// It may still be paid.
    #[error("the order may still be paid: it can be closed")]
    Payable,
    /// Something is going on with its payment.
    #[error("{0}")]
    UnderWay(UnderWay),
    /// It was paid so recently that somebody may be delivering it.
    #[error("it was paid less than a day ago and may still have to be delivered")]
    OnItsWay,
}

impl Activity {
    /// The first thing that is still going on, if anything is.
    #[must_use]
    pub const fn under_way(&self) -> Option<UnderWay> {
        match self.state {
            PaymentState::Confirming | PaymentState::ConfirmUnresolved => {
                return Some(UnderWay::Undecided);
            }
            PaymentState::WaitingForDeposit => return Some(UnderWay::DepositAwaited),
            PaymentState::Confirmed
            | PaymentState::PartiallyCancelled
            | PaymentState::Cancelled
            | PaymentState::Failed
            | PaymentState::Expired => {}
        }
        if self.is_in_review {
            Some(UnderWay::InReview)
        } else if self.has_open_cancellation {
            Some(UnderWay::Cancelling)
        } else if self.has_live_job {
            Some(UnderWay::JobLive)
        } else {
            None
        }
    }
}

/// Whether the jobs and attempts of a payment may be deleted: nothing is going on, no money of it is held, and its last job ended
/// before `before_ms`. They go together, because half a history would tell a wrong story.
///
/// # Errors
/// [`Kept`] says what they are kept for.
pub const fn check_prune(
    activity: &Activity,
    last_ended_at_ms: Option<i64>,
    before_ms: i64,
) -> Result<(), Kept> {
    if let Some(under_way) = activity.under_way() {
        return Err(Kept::UnderWay(under_way));
    }
    if !activity.state.is_final() {
        return Err(Kept::Cancellable);
    }
    match last_ended_at_ms {
        Some(ended_at_ms) if ended_at_ms >= before_ms => Err(Kept::Recent),
        Some(_) | None => Ok(()),
    }
}

/// Whether the personal data of an order may be blanked at `now_ms`: nobody will pay it, nothing is going on with its payment, and
/// whatever was paid has been delivered. Its money can still be given back afterwards: that needs no name.
///
/// # Errors
/// [`EraseRefusal`] says what has to end first.
pub const fn check_erase(
    order: OrderState,
    pay_by_ms: i64,
    now_ms: i64,
    payment: Option<&Activity>,
) -> Result<(), EraseRefusal> {
    if order.check_payable(pay_by_ms, now_ms).is_ok() {
        return Err(EraseRefusal::Payable);
    }
    let Some(payment) = payment else { return Ok(()) };
    if let Some(under_way) = payment.under_way() {
        return Err(EraseRefusal::UnderWay(under_way));
    }
    if payment.state.holds_money() && now_ms.saturating_sub(payment.paid_at_ms) < DELIVERY_MS_MAX {
        return Err(EraseRefusal::OnItsWay);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Activity = Activity {
        state: PaymentState::Cancelled,
        paid_at_ms: 0,
        is_in_review: false,
        has_open_cancellation: false,
        has_live_job: false,
    };

    /// A payment in this state at rest, and with each one thing going on.
    fn activities(state: PaymentState) -> [(&'static str, Activity); 4] {
        let rest = Activity { state, ..QUIET };
        [
            ("at rest", rest),
            ("in review", Activity { is_in_review: true, ..rest }),
            ("open cancel", Activity { has_open_cancellation: true, ..rest }),
            ("live job", Activity { has_live_job: true, ..rest }),
        ]
    }

    #[test]
    fn the_whole_table_is_as_reviewed() {
        let mut table = format!("{:<20} {:<12} {:<26} erase\n", "payment", "and", "prune");
        for (what, activity) in PaymentState::ALL.into_iter().flat_map(activities) {
            let prune = match check_prune(&activity, Some(0), 1) {
                Ok(()) => "deleted".to_owned(),
                Err(kept) => format!("{kept:?}"),
            };
            let erase = match check_erase(OrderState::Paying, 0, DELIVERY_MS_MAX, Some(&activity)) {
                Ok(()) => "blanked".to_owned(),
                Err(refusal) => format!("{refusal:?}"),
            };
            let state = format!("{:?}", activity.state);
            table.push_str(&format!("{state:<20} {what:<12} {prune:<26} {erase}\n"));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_is_deleted_could_not_have_been_cancelled() {
        use crate::cancellation::cancel_amount;
        let balance = crate::Won::new(1_000).unwrap();
        for (_, activity) in PaymentState::ALL.into_iter().flat_map(activities) {
            let cancel = cancel_amount(activity.state, balance, crate::Won::ZERO, None, None);
            if check_prune(&activity, None, i64::MAX).is_ok() {
                assert!(cancel.is_err(), "{activity:?}");
            }
        }
    }

    #[test]
    fn an_age_is_counted_from_the_last_job_and_must_be_exceeded() {
        assert_eq!(check_prune(&QUIET, Some(99), 100), Ok(()));
        assert_eq!(check_prune(&QUIET, Some(100), 100), Err(Kept::Recent));
        assert_eq!(check_prune(&QUIET, Some(101), 100), Err(Kept::Recent));
    }

    #[test]
    fn an_order_is_erased_only_when_nobody_can_pay_it_any_more() {
        let check = |state, now_ms| check_erase(state, 100, now_ms, None);
        assert_eq!(check(OrderState::Open, 99), Err(EraseRefusal::Payable));
        assert_eq!(check(OrderState::Open, 100), Ok(()));
        assert_eq!(check(OrderState::Closed, 0), Ok(()));
        assert_eq!(check(OrderState::Lapsed, 0), Ok(()));
    }

    #[test]
    fn a_paid_order_is_erased_a_day_after_it_was_paid_and_one_that_was_given_back_at_once() {
        let check = |state, now_ms| {
            let payment = Activity { state, paid_at_ms: 1_000, ..QUIET };
            check_erase(OrderState::Paying, 0, now_ms, Some(&payment))
        };
        let delivered_ms = 1_000 + DELIVERY_MS_MAX;
        for state in [PaymentState::Confirmed, PaymentState::PartiallyCancelled] {
            assert_eq!(check(state, delivered_ms - 1), Err(EraseRefusal::OnItsWay));
            assert_eq!(check(state, delivered_ms), Ok(()));
        }
        assert_eq!(check(PaymentState::Cancelled, 1_000), Ok(()));
    }
}
