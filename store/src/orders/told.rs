//! What customers are told of an order, as a condition on its row. The word is derived and stored nowhere; this says the same as the
//! domain's `customer_view`, and a test compares the two for every word. An order is paying exactly when it has a payment: one
//! transaction makes both true.

use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::order::OrderState;
use domain::payment::PaymentState;
use domain::role::Role;
use domain::status::CustomerStatus;

use crate::sql::quoted;

use PaymentState as P;

/// Whether orders stand so for a while only, so that there are few of them, and an index that finds them.
pub(super) const fn is_rare(status: CustomerStatus) -> bool {
    match status {
        CustomerStatus::AwaitingPayment
        | CustomerStatus::Confirming
        | CustomerStatus::Checking
        | CustomerStatus::WaitingForDeposit
        | CustomerStatus::Refunding => true,
        CustomerStatus::Closed
        | CustomerStatus::Expired
        | CustomerStatus::Paid
        | CustomerStatus::PartiallyCancelled
        | CustomerStatus::Cancelled
        | CustomerStatus::Failed => false,
    }
}

/// The condition. All words in it are our own.
pub(super) fn has_status(status: CustomerStatus, now_ms: i64) -> String {
    let is = |state: OrderState| format!("orders.state = '{}'", state.word());
    let refunding = refund_under_way();
    match status {
        CustomerStatus::Closed => is(OrderState::Closed),
        CustomerStatus::AwaitingPayment => {
            format!("({} AND orders.pay_by > {now_ms})", is(OrderState::Open))
        }
        CustomerStatus::Expired => format!(
            "({} OR ({} AND orders.pay_by <= {now_ms}) OR {})",
            is(OrderState::Lapsed),
            is(OrderState::Open),
            paid_as(&[P::Expired], "TRUE")
        ),
        CustomerStatus::Confirming => {
            undecided(&[P::Confirming], &format!("NOT {}", parked_confirm()))
        }
        CustomerStatus::Checking => undecided(
            &[P::Confirming, P::ConfirmUnresolved],
            &format!("(state = '{}' OR {})", P::ConfirmUnresolved.word(), parked_confirm()),
        ),
        CustomerStatus::WaitingForDeposit => undecided(&[P::WaitingForDeposit], "TRUE"),
        CustomerStatus::Refunding => {
            let paid = paid_as(&[P::Confirmed, P::PartiallyCancelled], "TRUE");
            format!(
                "({paid} AND orders.id IN (SELECT order_id FROM cancellations WHERE {refunding}))"
            )
        }
        CustomerStatus::Paid => paid_as(&[P::Confirmed], &not_refunding(&refunding)),
        CustomerStatus::PartiallyCancelled => {
            paid_as(&[P::PartiallyCancelled], &not_refunding(&refunding))
        }
        CustomerStatus::Cancelled => paid_as(&[P::Cancelled], "TRUE"),
        CustomerStatus::Failed => paid_as(&[P::Failed], "TRUE"),
    }
}

fn in_states(states: &[PaymentState]) -> String {
    format!("state IN ({})", quoted(states.iter().map(|state| state.word())))
}

/// Orders met on the way whose payment is in one of these states.
fn paid_as(states: &[PaymentState], and: &str) -> String {
    // One look per order: PostgreSQL would make a join of anything else, and read all such payments for a page of them.
    format!(
        "(orders.state = '{}' AND COALESCE((SELECT payments.{} AND {and} FROM payments WHERE payments.order_id = orders.id), FALSE))",
        OrderState::Paying.word(),
        in_states(states)
    )
}

/// Orders found by the indexes of payments that are not decided.
fn undecided(states: &[PaymentState], and: &str) -> String {
    format!(
        "(orders.state = '{}' AND orders.id IN (SELECT order_id FROM payments WHERE {} AND {and}))",
        OrderState::Paying.word(),
        in_states(states)
    )
}

fn parked_confirm() -> String {
    format!(
        "EXISTS (SELECT 1 FROM jobs WHERE jobs.order_id = payments.order_id AND jobs.kind = '{}' AND jobs.state = '{}')",
        JobKind::Confirm.word(),
        JobState::Parked.word()
    )
}

/// A cancellation that nobody of the staff asked for and that is still open: the money of a late approval.
fn refund_under_way() -> String {
    let open = CancellationState::ALL.into_iter().filter(|state| state.is_open());
    format!(
        "cancellations.state IN ({}) AND cancellations.role NOT IN ({})",
        quoted(open.map(CancellationState::word)),
        quoted(Role::ALL.map(Role::word))
    )
}

fn not_refunding(refunding: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM cancellations WHERE cancellations.order_id = payments.order_id AND {refunding})"
    )
}
