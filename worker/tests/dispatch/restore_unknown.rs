//! A backup is restored, and what it does not know of is met again: cancels that are repeated, an order that is paid once more, a clock that
//! stands behind its own records, workers that may still run.

use domain::PaymentKey;
use domain::cancellation::{CancelRefusal, CancellationState};
use domain::job::JobState;
use domain::limits::{RESTORE_SETTLE_MS, WORKER_ALIVE_MS};
use simulator::NewPayment;
use store::audit::AuditFilter;
use store::{AcceptCancel, AcceptCancelError, Heartbeat};

use crate::hands::Fault;
use crate::restore::HOUR_MS;
use crate::shop::{Paying, SECRET_KEY, Shop, cancel_of};

fn may_repeat(refused: &AcceptCancelError) -> bool {
    matches!(refused, AcceptCancelError::Refused(CancelRefusal::MayRepeatLost))
}

/// A payment of 20,000 won of which a part was given back after the backup, and the database as the backup has it, recovered.
async fn lost_part(shop: &mut Shop) -> Paying {
    let paying = shop.paid(20).await;
    let backup = shop.back_up().await;
    shop.cancel(&paying, Some(5_000), "part").await.unwrap();
    shop.drain().await;
    shop.restore(backup).await;
    shop.advance(60_000);
    shop.recover().await;
    paying
}

#[tokio::test]
async fn a_lost_part_that_is_repeated_after_the_books_are_right_again_is_refused_until_another_is_meant()
 {
    let mut shop = Shop::open().await;
    let paying = shop.paid(20).await;
    let from_ms = shop.store.now_ms().await.unwrap();
    let backup = shop.back_up().await;
    shop.cancel(&paying, Some(5_000), "part").await.unwrap();
    shop.drain().await;
    shop.restore(backup).await;
    shop.recover().await;
    shop.reconcile_since(from_ms).await;
    assert_eq!(shop.status(&paying).await, "partially_cancelled");
    // The shop never got its answer, and sends what it sent; or somebody wants to give back the rest, as it was then.
    for amount in [Some(5_000), None] {
        let refused = shop.cancel(&paying, amount, "part").await.unwrap_err();
        assert!(may_repeat(&refused), "{amount:?}: {refused}");
    }
    shop.cancel(&paying, Some(4_000), "another amount").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [5_000, 4_000]);
    let meant = AcceptCancel { is_another: true, ..cancel_of(&paying, Some(5_000), None, "part") };
    shop.accept_cancel(&meant).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [5_000, 4_000, 5_000]);
    // The key is known again by now.
    let again = shop.store.accept_cancel(&meant).await.unwrap();
    assert!(again.is_replay);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_repeat_that_was_accepted_before_its_lost_cancel_turned_up_is_not_sent() {
    let mut shop = Shop::open().await;
    let paying = lost_part(&mut shop).await;
    let (cancellation, job) = shop.cancel(&paying, Some(5_000), "part").await.unwrap();
    let look_up = shop.look_up(&job).await;
    shop.dispatcher.dispatch(std::slice::from_ref(&look_up)).await.unwrap();
    assert_eq!(shop.status(&paying).await, "partially_cancelled");
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [5_000]);
    assert_eq!(shop.cancellation(&paying, &cancellation).await, CancellationState::Refused);
    let row = shop.job(&job).await;
    assert_eq!(
        (row.state, row.last_code.as_deref()),
        (JobState::Declined, Some("MAY_REPEAT_LOST_CANCEL"))
    );
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_repeat_that_toss_has_put_off_is_not_sent_once_its_lost_cancel_turned_up() {
    let mut shop = Shop::open().await;
    let paying = lost_part(&mut shop).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("throttle"));
    let (cancellation, job) = shop.cancel(&paying, Some(5_000), "part").await.unwrap();
    shop.dispatcher.dispatch(std::slice::from_ref(&job)).await.unwrap();
    assert_eq!(shop.cancellation(&paying, &cancellation).await, CancellationState::Sending);
    let look_up = shop.look_up(&job).await;
    shop.dispatcher.dispatch(std::slice::from_ref(&look_up)).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [5_000]);
    assert_eq!(shop.cancellation(&paying, &cancellation).await, CancellationState::Refused);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_the_backup_knows_is_done_also_beside_a_lost_one_of_its_amount() {
    let mut shop = Shop::open().await;
    let paying = shop.paid(20).await;
    let from_ms = shop.store.now_ms().await.unwrap();
    shop.goes_wrong(&paying, "cancel", &Fault::new("throttle"));
    let (known, job) = shop.cancel(&paying, Some(5_000), "known").await.unwrap();
    shop.dispatcher.dispatch(std::slice::from_ref(&job)).await.unwrap();
    let backup = shop.back_up().await;
    shop.drain().await;
    shop.cancel(&paying, Some(5_000), "lost").await.unwrap();
    shop.drain().await;
    shop.restore(backup).await;
    shop.recover().await;
    shop.drain().await;
    shop.reconcile_since(from_ms).await;
    assert_eq!(shop.cancellation(&paying, &known).await, CancellationState::Done);
    assert_eq!(shop.ledger(&paying).refunds, [5_000, 5_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

impl Shop {
    /// The customer comes back from another window of the same order.
    fn authenticated_again(&self, paying: &Paying) -> Paying {
        let new = NewPayment::new(paying.order_id.as_str(), "주문", paying.amount.get());
        let created = self.toss.create_payment(SECRET_KEY, new).unwrap();
        Paying { payment_key: PaymentKey::parse(created.payment_key).unwrap(), ..paying.clone() }
    }
}

#[tokio::test]
async fn an_order_that_was_paid_since_is_found_before_it_is_paid_again_under_another_key() {
    // Whether the other key was looked up in between, late enough to count: that it is unpaid says nothing about the order.
    for is_looked_up in [false, true] {
        let mut shop = Shop::open().await;
        let first = shop.authenticated(20).await;
        let backup = shop.back_up().await;
        shop.accept(&first).await;
        shop.drain().await;
        assert_eq!(shop.ledger(&first).charges, 1);
        shop.restore(backup).await;
        assert_eq!(shop.recover().await.open, 1);
        let second = shop.authenticated_again(&first);
        let confirm = shop.accept(&second).await;
        if is_looked_up {
            shop.advance(RESTORE_SETTLE_MS + 1_000);
            let look_up = shop.look_up(&confirm).await;
            shop.dispatcher.dispatch(std::slice::from_ref(&look_up)).await.unwrap();
        }
        shop.drain().await;
        assert_eq!(shop.status(&first).await, "paid");
        let payment = shop.detail(&first).await.payment.unwrap();
        assert_eq!(payment.payment_key, first.payment_key.as_str());
        assert_eq!((shop.ledger(&second).calls.confirm, shop.ledger(&second).charges), (0, 0));
        let found =
            AuditFilter { action: Some("payment.found".to_owned()), ..AuditFilter::default() };
        assert_eq!(shop.store.list_audit(&found, None, 10).await.unwrap().rows.len(), 1);
        // It goes on as that payment.
        shop.cancel(&first, Some(3_000), "part").await.unwrap();
        shop.drain().await;
        shop.assert_money_is_conserved(&first).await;
        shop.close().await;
    }
}

#[tokio::test]
async fn an_order_that_was_given_back_since_stays_so_and_another_of_its_price_is_for_a_person() {
    let mut shop = Shop::open().await;
    let first = shop.authenticated(20).await;
    let backup = shop.back_up().await;
    shop.accept(&first).await;
    shop.drain().await;
    shop.cancel(&first, None, "all").await.unwrap();
    shop.drain().await;
    shop.restore(backup).await;
    shop.recover().await;
    let second = shop.authenticated_again(&first);
    shop.accept(&second).await;
    shop.drain().await;
    assert_eq!(shop.status(&first).await, "cancelled");
    assert_eq!(shop.ledger(&second).calls.confirm, 0);
    shop.assert_money_is_conserved(&first).await;
    shop.close().await;
}

#[tokio::test]
async fn an_open_order_that_nobody_paid_is_paid_once_no_lost_confirm_can_take_effect() {
    let mut shop = Shop::open().await;
    let first = shop.authenticated(20).await;
    let backup = shop.back_up().await;
    shop.restore(backup).await;
    shop.recover().await;
    let second = shop.authenticated_again(&first);
    shop.accept(&second).await;
    shop.drain_for(RESTORE_SETTLE_MS - 1_000).await;
    assert_eq!(shop.ledger(&second).calls.confirm, 0, "sent too early");
    shop.drain().await;
    assert_eq!(shop.status(&second).await, "paid");
    assert_eq!((shop.ledger(&second).calls.confirm, shop.ledger(&first).charges), (1, 0));
    shop.assert_money_is_conserved(&second).await;
    // What is ordered since has nothing behind it.
    let later = shop.authenticated(5).await;
    shop.accept(&later).await;
    shop.drain_for(RESTORE_SETTLE_MS / 2).await;
    assert_eq!(shop.status(&later).await, "paid");
    shop.close().await;
}

#[tokio::test]
async fn what_is_recorded_ahead_of_a_clock_that_was_put_back_is_looked_up_as_well() {
    let mut shop = Shop::open().await;
    shop.advance(2 * HOUR_MS);
    let sent_since = shop.authenticated(20).await;
    let seen_undone = shop.authenticated(21).await;
    shop.goes_wrong(&seen_undone, "confirm", &Fault::new("cut_before"));
    let looked_up = shop.accept(&seen_undone).await;
    while shop.attempts(&looked_up).await.last().is_none_or(|one| one.operation != "look_up") {
        shop.work_once().await;
    }
    let confirm = shop.accept(&sent_since).await;
    let backup = shop.back_up().await;
    shop.drain().await;
    shop.restore(backup).await;
    shop.store.advance_clock(-HOUR_MS);
    let recovery = shop.recover().await;
    assert_eq!((recovery.confirms, recovery.look_ups), (2, 2));
    assert!(recovery.newest_is_ahead_ms > HOUR_MS / 2, "{recovery:?}");
    let now_ms = shop.store.now_ms().await.unwrap();
    assert!(recovery.sends_from_ms > now_ms + recovery.newest_is_ahead_ms, "{recovery:?}");
    let recorded = shop.attempts(&looked_up).await.len();
    shop.drain().await;
    let first_calls = [
        shop.attempts(&confirm).await.into_iter().next(),
        shop.attempts(&looked_up).await.into_iter().nth(recorded),
    ];
    for call in first_calls.into_iter().flatten() {
        assert_eq!(call.operation, "look_up", "sent before it was looked up: {call:?}");
    }
    for paying in [&sent_since, &seen_undone] {
        assert_eq!(shop.status(paying).await, "paid");
        shop.assert_money_is_conserved(paying).await;
    }
    assert_eq!(shop.ledger(&sent_since).calls.confirm, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_heartbeat_that_came_with_a_backup_counts_as_a_running_worker_for_a_moment_only() {
    let mut shop = Shop::open().await;
    let heartbeat = Heartbeat {
        id: "worker-1".to_owned(),
        host: "host".to_owned(),
        version: "0".to_owned(),
        kinds: "confirm".to_owned(),
        concurrency: 1,
        in_flight: 0,
        is_stopping: false,
    };
    shop.store.beat(&heartbeat).await.unwrap();
    let backup = shop.back_up().await;
    shop.restore(backup).await;
    let alive = shop.store.list_alive_workers().await.unwrap();
    assert_eq!(
        alive.iter().map(|worker| worker.said.id.as_str()).collect::<Vec<_>>(),
        ["worker-1"]
    );
    shop.advance(WORKER_ALIVE_MS + 1_000);
    assert_eq!(shop.store.list_alive_workers().await.unwrap(), []);
    shop.close().await;
}
