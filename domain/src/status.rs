//! The words that customers see, and how long it makes sense to keep asking.

use crate::job::JobState;
use crate::order::OrderState;
use crate::payment::PaymentState;

/// Where an order stands, in the customer's words. Derived, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerStatus {
    /// The order may be paid.
    AwaitingPayment,
    /// The money is being taken.
    Confirming,
    /// Whether it was taken is being found out. Do not pay again.
    Checking,
    /// The customer has to pay into an account.
    WaitingForDeposit,
    /// Paid.
    Paid,
    /// Declined. Nothing was taken.
    Failed,
    /// Not paid in time. Nothing was taken.
    Expired,
    /// Closed before anything was paid.
    Closed,
    /// The money is on its way back.
    Refunding,
    /// A part was given back.
    PartiallyCancelled,
    /// All was given back.
    Cancelled,
}

impl CustomerStatus {
    /// Every word.
    pub const ALL: [CustomerStatus; 11] = [
        CustomerStatus::AwaitingPayment,
        CustomerStatus::Confirming,
        CustomerStatus::Checking,
        CustomerStatus::WaitingForDeposit,
        CustomerStatus::Paid,
        CustomerStatus::Failed,
        CustomerStatus::Expired,
        CustomerStatus::Closed,
        CustomerStatus::Refunding,
        CustomerStatus::PartiallyCancelled,
        CustomerStatus::Cancelled,
    ];

    /// The word as answers carry it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            CustomerStatus::AwaitingPayment => "awaiting_payment",
            CustomerStatus::Confirming => "confirming",
            CustomerStatus::Checking => "checking",
            CustomerStatus::WaitingForDeposit => "waiting_for_deposit",
            CustomerStatus::Paid => "paid",
            CustomerStatus::Failed => "failed",
            CustomerStatus::Expired => "expired",
            CustomerStatus::Closed => "closed",
            CustomerStatus::Refunding => "refunding",
            CustomerStatus::PartiallyCancelled => "partially_cancelled",
            CustomerStatus::Cancelled => "cancelled",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<CustomerStatus> {
        CustomerStatus::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// What the customer's word is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The order's state.
    pub order: OrderState,
    /// Until when it may be paid, in milliseconds.
    pub pay_by_ms: i64,
    /// The payment's state, if there is one.
    pub payment: Option<PaymentState>,
    /// The state of the job that confirms it, if there is one.
    pub confirm_job: Option<JobState>,
    /// Whether the system gives the money of a late approval back.
    pub is_refunding: bool,
    /// When the newest cancellation was accepted that is still open; `None` when none is.
    pub open_cancel_since_ms: Option<i64>,
    /// When the present step began: the payment's acceptance, else the order's creation.
    pub since_ms: i64,
}

/// The word and whether to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerView {
    /// The word.
    pub status: CustomerStatus,
    /// In how many seconds asking again makes sense; `None` when nothing more is coming.
    pub ask_again_s: Option<u32>,
}

/// Derives what the customer is told at `now_ms`.
#[must_use]
pub fn customer_view(standing: &Standing, now_ms: i64) -> CustomerView {
    let status = customer_status(standing, now_ms);
    let by_age = ask_again_after(now_ms.saturating_sub(standing.since_ms));
    let cancel_age_ms =
        standing.open_cancel_since_ms.map(|since_ms| now_ms.saturating_sub(since_ms));
    let is_parked = standing.confirm_job == Some(JobState::Parked);
    let ask_again_s = match status {
        CustomerStatus::Confirming => Some(by_age),
        CustomerStatus::Checking if is_parked => Some(30),
        CustomerStatus::Checking | CustomerStatus::Refunding => Some(by_age),
        CustomerStatus::AwaitingPayment => Some(5),
        CustomerStatus::WaitingForDeposit => Some(30),
        CustomerStatus::Paid | CustomerStatus::PartiallyCancelled => {
            cancel_age_ms.map(ask_again_after)
        }
        CustomerStatus::Failed
        | CustomerStatus::Expired
        | CustomerStatus::Closed
        | CustomerStatus::Cancelled => None,
    };
    CustomerView { status, ask_again_s }
}

/// In how many seconds asking again makes sense, by how long something has been under way: what takes minutes takes a person.
const fn ask_again_after(age_ms: i64) -> u32 {
    match age_ms {
        ..10_000 => 1,
        10_000..60_000 => 2,
        60_000..600_000 => 5,
        600_000.. => 30,
    }
}

fn customer_status(standing: &Standing, now_ms: i64) -> CustomerStatus {
    match (standing.order, standing.payment) {
        (OrderState::Closed, _) => CustomerStatus::Closed,
        (OrderState::Lapsed, None) => CustomerStatus::Expired,
        (OrderState::Open | OrderState::Paying, None) if now_ms < standing.pay_by_ms => {
            CustomerStatus::AwaitingPayment
        }
        (OrderState::Open | OrderState::Paying, None) => CustomerStatus::Expired,
        (OrderState::Open | OrderState::Paying | OrderState::Lapsed, Some(payment)) => {
            match payment {
                // A parked confirm is being looked into by a person: never "processing" without end.
                PaymentState::Confirming if standing.confirm_job == Some(JobState::Parked) => {
                    CustomerStatus::Checking
                }
                PaymentState::Confirming => CustomerStatus::Confirming,
                PaymentState::ConfirmUnresolved => CustomerStatus::Checking,
                PaymentState::WaitingForDeposit => CustomerStatus::WaitingForDeposit,
                PaymentState::Confirmed | PaymentState::PartiallyCancelled
                    if standing.is_refunding =>
                {
                    CustomerStatus::Refunding
                }
                PaymentState::Confirmed => CustomerStatus::Paid,
                PaymentState::PartiallyCancelled => CustomerStatus::PartiallyCancelled,
                PaymentState::Cancelled => CustomerStatus::Cancelled,
                PaymentState::Failed => CustomerStatus::Failed,
                PaymentState::Expired => CustomerStatus::Expired,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_has_a_word_as_reviewed() {
        let mut table = String::new();
        for order in OrderState::ALL {
            for payment in PaymentState::ALL.into_iter().map(Some).chain([None]) {
                for confirm_job in [None, Some(JobState::Running), Some(JobState::Parked)] {
                    let standing = Standing {
                        order,
                        pay_by_ms: 1_000_000,
                        payment,
                        confirm_job,
                        is_refunding: false,
                        open_cancel_since_ms: None,
                        since_ms: 0,
                    };
                    let view = customer_view(&standing, 30_000);
                    table.push_str(&format!(
                        "{:<8} {:<20} {:<8} {:<20} {:?}\n",
                        format!("{order:?}"),
                        payment.map_or("-".to_owned(), |state| format!("{state:?}")),
                        confirm_job.map_or("-", JobState::word),
                        view.status.word(),
                        view.ask_again_s
                    ));
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn polling_slows_down_and_a_parked_payment_is_asked_about_slowly() {
        let standing = |payment, confirm_job| Standing {
            order: OrderState::Paying,
            pay_by_ms: 0,
            payment: Some(payment),
            confirm_job: Some(confirm_job),
            is_refunding: false,
            open_cancel_since_ms: None,
            since_ms: 0,
        };
        let running = standing(PaymentState::Confirming, JobState::Running);
        let asks: Vec<_> =
            [0, 10_000, 60_000].map(|now| customer_view(&running, now).ask_again_s).into();
        assert_eq!(asks, [Some(1), Some(2), Some(5)]);
        let parked = standing(PaymentState::ConfirmUnresolved, JobState::Parked);
        assert_eq!(customer_view(&parked, 0).ask_again_s, Some(30));
    }

    #[test]
    fn a_paid_order_is_asked_about_while_a_cancel_is_open_and_more_slowly_when_it_takes_long() {
        let paid = |open_cancel_since_ms| Standing {
            order: OrderState::Paying,
            pay_by_ms: 0,
            payment: Some(PaymentState::Confirmed),
            confirm_job: Some(JobState::Succeeded),
            is_refunding: false,
            open_cancel_since_ms,
            since_ms: 0,
        };
        let asks = |now| customer_view(&paid(Some(0)), now).ask_again_s;
        assert_eq!([0, 10_000, 60_000, 600_000].map(asks), [Some(1), Some(2), Some(5), Some(30)]);
        assert_eq!(customer_view(&paid(None), 0).ask_again_s, None);
    }
}
