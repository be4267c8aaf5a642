//! Cancels that were made in Toss's merchant console, beside ours; and virtual accounts, which change without a call of ours.

use domain::JobId;
use domain::cancellation::{CancelRefusal, CancellationState};
use domain::job::{JobKind, JobState};
use domain::payment::PaymentState;
use domain::{Won, limits};
use simulator::Method;
use store::AcceptCancelError;

use crate::hands::Fault;
use crate::shop::{Paying, Shop};

async fn confirm_job(shop: &Shop, paying: &Paying) -> JobId {
    let jobs = shop.jobs(JobKind::Confirm).await;
    let job = jobs.into_iter().find(|job| job.order_id == paying.order_id.as_str()).unwrap();
    JobId::parse(job.id).unwrap()
}

/// Staff have Toss asked where a payment stands.
async fn look(shop: &Shop, paying: &Paying) {
    let job = confirm_job(shop, paying).await;
    shop.look_up(&job).await;
    shop.drain().await;
}

fn by_hand(shop: &Shop, paying: &Paying, amount: Option<i64>) {
    shop.toss.cancel_by_hand(paying.payment_key.as_str(), amount, "콘솔에서 취소").unwrap();
}

#[tokio::test]
async fn a_cancel_in_the_console_is_recorded_as_tosses_at_the_next_look_up_and_bounds_ours() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    by_hand(&shop, &paying, Some(20_000));
    look(&shop, &paying).await;
    assert_eq!(shop.status(&paying).await, "partially_cancelled");
    let recorded = shop.detail(&paying).await.cancellations.remove(0);
    assert_eq!((recorded.requested_by.as_str(), recorded.role), ("toss", None));
    assert_eq!((recorded.state, recorded.amount.get()), (CancellationState::Done, 20_000));
    assert_eq!(recorded.reason, "콘솔에서 취소");
    shop.assert_money_is_conserved(&paying).await;
    // Looked up again it is still one.
    look(&shop, &paying).await;
    assert_eq!(shop.detail(&paying).await.cancellations.len(), 1);
    let refused = shop.cancel(&paying, Some(4_000), "key-1").await.unwrap_err();
    let available = Won::new(3_000).unwrap();
    assert!(
        matches!(refused, AcceptCancelError::Refused(CancelRefusal::TooMuch { available: left }) if left == available)
    );
    shop.cancel(&paying, None, "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [20_000, 3_000]);
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_the_console_overtook_never_gives_back_more_than_is_left() {
    let shop = Shop::open().await;
    for (console, ours, given_back, state) in [
        // Enough is left: it happens, after a look.
        (20_000, Some(3_000), vec![20_000, 3_000], CancellationState::Done),
        // Less is left than was asked for: nothing more happens.
        (20_000, Some(5_000), vec![20_000], CancellationState::Refused),
        (20_000, None, vec![20_000], CancellationState::Refused),
        (23_000, Some(5_000), vec![23_000], CancellationState::Refused),
    ] {
        let paying = shop.paid(23).await;
        let (id, job) = shop.cancel(&paying, ours, "key").await.unwrap();
        by_hand(&shop, &paying, Some(console));
        shop.drain().await;
        assert_eq!(shop.ledger(&paying).refunds, given_back, "{console} {ours:?}");
        assert_eq!(shop.cancellation(&paying, &id).await, state, "{console} {ours:?}");
        assert!(!shop.job(&job).await.state.is_live());
        assert_eq!(shop.review(&paying).await, None);
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_console_cancel_of_just_our_amount_while_ours_is_unknown_is_told_apart_by_a_person() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_before"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.step(&job).await;
    by_hand(&shop, &paying, Some(3_000));
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("ambiguous_cancels"));
    assert_eq!(shop.review(&paying).await.as_deref(), Some("ambiguous_cancels"));
    assert_eq!(shop.ledger(&paying).refunds, [3_000]);
    // A look-up alone does not decide whose it is.
    look(&shop, &paying).await;
    assert_eq!(shop.detail(&paying).await.cancellations.len(), 1);
    shop.advance(limits::UNFINISHED_CALL_MS);
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("ambiguous_cancels"));
    // The person has looked in the console: it was theirs. Then ours is still to be done, and happens once.
    shop.match_cancel(&paying, &id, None).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.detail(&paying).await.cancellations.len(), 2);
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 3_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn our_own_cancel_that_a_look_up_finds_first_ends_its_job() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_after"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    let (_, second) = shop.cancel(&paying, Some(4_000), "key-2").await.unwrap();
    shop.step(&job).await;
    let confirm = confirm_job(&shop, &paying).await;
    let look_up = shop.look_up(&confirm).await;
    shop.step(&look_up).await;
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    shop.drain().await;
    assert_eq!(shop.job(&second).await.state, JobState::Succeeded, "its turn came");
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 4_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

/// A payment into a virtual account, confirmed; no money has come yet.
async fn account(shop: &Shop) -> (Paying, JobId) {
    let paying = shop.authenticated_by(23, Some(Method::VirtualAccount), false).await;
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "waiting_for_deposit");
    (paying, job)
}

#[tokio::test]
async fn a_virtual_account_waits_for_its_deposit_and_is_paid_when_a_look_up_sees_it() {
    let shop = Shop::open().await;
    let (paying, job) = account(&shop).await;
    let payment = shop.detail(&paying).await.payment.unwrap();
    let account = payment.virtual_account.unwrap();
    assert!(!account.account_number.is_empty());
    assert!(account.due_at_ms.unwrap() > shop.store.now_ms().await.unwrap());
    assert_eq!(payment.approved_at_ms, None);
    look(&shop, &paying).await;
    assert_eq!(shop.status(&paying).await, "waiting_for_deposit");
    assert_eq!(shop.review(&paying).await, None);

    shop.toss.deposit(paying.payment_key.as_str()).unwrap();
    look(&shop, &paying).await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert!(shop.detail(&paying).await.payment.unwrap().approved_at_ms.is_some());
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn before_the_deposit_an_account_is_cancelled_as_a_whole_and_no_money_moves() {
    let shop = Shop::open().await;
    for fault in [None, Some(Fault::new("cut_after")), Some(Fault::new("server_error_after"))] {
        let (paying, _) = account(&shop).await;
        let refused = shop.cancel(&paying, Some(3_000), "part").await.unwrap_err();
        assert!(matches!(refused, AcceptCancelError::Refused(CancelRefusal::WholeOnly)));
        if let Some(fault) = &fault {
            shop.goes_wrong(&paying, "cancel", fault);
        }
        let (id, job) = shop.cancel(&paying, None, "whole").await.unwrap();
        shop.drain().await;
        assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done, "{fault:?}");
        assert_eq!(shop.status(&paying).await, "cancelled", "{fault:?}");
        assert_eq!(shop.job(&job).await.state, JobState::Succeeded, "{fault:?}");
        let ledger = shop.ledger(&paying);
        assert_eq!((ledger.charged, ledger.cancelled, ledger.calls.cancel), (0, 0, 1), "{fault:?}");
        assert_eq!(shop.detail(&paying).await.payment.unwrap().balance, Won::ZERO, "{fault:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_deposit_that_overtakes_the_cancel_of_its_account_is_kept_and_the_cancel_refused() {
    let shop = Shop::open().await;
    let (paying, _) = account(&shop).await;
    let (id, job) = shop.cancel(&paying, None, "whole").await.unwrap();
    shop.toss.deposit(paying.payment_key.as_str()).unwrap();
    shop.drain().await;
    // Toss wants an account to refund to, which this cancel does not have.
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Refused);
    assert_eq!(shop.job(&job).await.last_code.as_deref(), Some("INVALID_REFUND_ACCOUNT_INFO"));
    look(&shop, &paying).await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_look_up_that_was_overtaken_by_the_cancel_of_an_account_does_not_reopen_it() {
    let shop = Shop::open().await;
    let (paying, confirm) = account(&shop).await;
    let look_up = shop.look_up(&confirm).await;
    let seen = shop.claim_and_call(&shop.dispatcher, &look_up).await;
    let (_, job) = shop.cancel(&paying, None, "whole").await.unwrap();
    shop.step(&job).await;
    shop.dispatcher.settle(seen).await.unwrap();
    shop.drain().await;
    let payment = shop.detail(&paying).await.payment.unwrap();
    assert_eq!((payment.state, payment.balance), (PaymentState::Cancelled, Won::ZERO));
    assert_eq!(payment.review_reason, None);
    shop.close().await;
}

#[tokio::test]
async fn a_whole_cancel_in_the_console_ends_the_payment_and_what_waits_to_be_cancelled() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    by_hand(&shop, &paying, None);
    let (id, _) = shop.cancel(&paying, Some(1_000), "key").await.unwrap();
    look(&shop, &paying).await;
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Refused);
    assert_eq!(shop.status(&paying).await, "cancelled");
    assert_eq!(shop.review(&paying).await, None);
    assert!(shop.ledger(&paying).calls.cancel <= 1);
    shop.advance(limits::CANCEL_SPACING_MS);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}
