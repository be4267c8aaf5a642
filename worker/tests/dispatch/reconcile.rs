//! Reconciliation against the simulator: every kind of finding, what is none, and how a run goes on that was cut off.

use std::time::Duration;

use domain::JobId;
use domain::job::JobKind;
use domain::limits::{PAGE_ROWS_MAX, RECONCILE_LOOK_UPS_MAX, RECONCILE_TRIES_MAX};
use domain::reconcile::{FindingKind, Range};
use serde_json::json;
use simulator::{FaultKind, FaultRequest, Method, NewPayment, Operation};
use store::findings::{Finding, FindingFilter};
use store::reconcile::Reconciliation;
use toss::{SecretKey, TossClient, TossConfig};
use worker::{ReconcileError, Reconciler, Tempo};

use crate::hands::Fault;
use crate::running::Running;
use crate::shop::{Paying, SECRET_KEY, Shop, staff};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Without pauses; with `patience` for the worker that does the look-ups.
pub(crate) fn tempo(patience: Duration) -> Tempo {
    Tempo { pause: Duration::ZERO, retry: Duration::ZERO, patience }
}

/// Somebody does the look-ups.
const SERVED: Duration = Duration::from_secs(15);
/// Nobody does.
pub(crate) const UNSERVED: Duration = Duration::ZERO;

pub(crate) fn reconciler_as(shop: &Shop, key: &str, patience: Duration) -> Reconciler {
    let config = TossConfig::new(&shop.toss_url, SecretKey::parse(key).unwrap());
    Reconciler {
        store: shop.store.clone(),
        client: TossClient::new(config).unwrap(),
        merchant: "default".to_owned(),
        tempo: tempo(patience),
        look_ups_max: RECONCILE_LOOK_UPS_MAX,
    }
}

/// The last three hours, as far as they are settled.
async fn last_hours(shop: &Shop) -> Range {
    let now_ms = shop.store.now_ms().await.unwrap();
    Range::settled(now_ms - 3 * HOUR_MS, now_ms, now_ms).unwrap()
}

/// A run over the last hours, a quarter of an hour later.
async fn reconcile(shop: &Shop, patience: Duration) -> Reconciliation {
    shop.advance(15 * MINUTE_MS);
    let range = last_hours(shop).await;
    reconciler_as(shop, SECRET_KEY, patience).run(range).await.unwrap()
}

pub(crate) async fn findings(shop: &Shop, is_open: bool) -> Vec<Finding> {
    let filter = FindingFilter { is_open: Some(is_open), ..FindingFilter::default() };
    shop.store.list_findings(&filter, None, PAGE_ROWS_MAX).await.unwrap().rows
}

/// The one finding that is open, as kind, amount here and amount there.
async fn only(shop: &Shop) -> (Finding, (FindingKind, Option<i64>, Option<i64>)) {
    let mut open = findings(shop, true).await;
    assert_eq!(open.len(), 1, "{open:?}");
    let one = open.remove(0);
    let found = &one.found;
    let told = (found.kind, found.here.map(|it| it.get()), found.there.map(|it| it.get()));
    (one, told)
}

/// Somebody cancels in Toss's own console.
fn cancel_at_toss(shop: &Shop, paying: &Paying, amount: Option<i64>) {
    shop.toss.cancel_by_hand(paying.payment_key.as_str(), amount, "고객 전화").unwrap();
}

#[tokio::test]
async fn ledgers_that_agree_have_no_findings_and_nobody_is_looked_up() {
    let shop = Shop::open().await;
    let paid = shop.paid(23).await;
    let whole = shop.paid(15).await;
    let declined = shop.authenticated(9).await;
    shop.goes_wrong(&declined, "confirm", &Fault::code("REJECT_CARD_COMPANY"));
    shop.accept(&declined).await;
    let account = shop.authenticated_by(7, Some(Method::VirtualAccount), false).await;
    shop.accept(&account).await;
    let closed = shop.authenticated_by(7, Some(Method::VirtualAccount), false).await;
    shop.accept(&closed).await;
    shop.drain().await;
    shop.cancel(&paid, Some(4_000), "part").await.unwrap();
    shop.cancel(&whole, None, "whole").await.unwrap();
    shop.cancel(&closed, None, "before its deposit").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&closed).await, "cancelled");
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.transactions, run.unreadable), (7, 0), "{run:?}");
    assert_eq!((run.looked_up, run.opened, run.closed), (0, 0, 0));
    // Toss does not say whether cancels are negative.
    shop.toss.switch(|settings| settings.negative_cancels = true).unwrap();
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.looked_up, run.opened), (0, 0));
    assert!(findings(&shop, true).await.is_empty());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_in_tosss_console_becomes_ours_by_a_look_up_and_is_reported() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let paying = shop.paid(20).await;
    cancel_at_toss(&shop, &paying, Some(5_000));
    let run = reconcile(&shop, SERVED).await;
    assert_eq!((run.opened, run.looked_up), (1, 2));
    let (finding, told) = only(&shop).await;
    assert_eq!(told, (FindingKind::CancelledAtToss, Some(5_000), Some(5_000)));
    assert_eq!(finding.found.order_id.as_deref(), Some(paying.order_id.as_str()));
    let detail = shop.detail(&paying).await;
    let adopted = &detail.cancellations[0];
    assert_eq!((adopted.requested_by.as_str(), adopted.amount.get()), ("toss", 5_000));
    assert!(finding.found.detail.contains(adopted.id.as_str()), "{}", finding.found.detail);
    shop.assert_money_is_conserved(&paying).await;

    // From now on our cancels are bounded by what Toss has left.
    assert!(shop.cancel(&paying, Some(15_001), "too much").await.is_err());
    // It stays a finding until a person has seen it, and then it is none again.
    assert_eq!(reconcile(&shop, SERVED).await.opened, 0);
    only(&shop).await;
    shop.store.close_finding(&finding.id, &staff(), "agreed by phone").await.unwrap();
    assert_eq!(reconcile(&shop, SERVED).await.opened, 0);
    assert!(findings(&shop, true).await.is_empty());
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_closed_in_tosss_console_is_not_shown_as_open_any_more() {
    let shop = Shop::open().await;
    let paying = shop.authenticated_by(7, Some(Method::VirtualAccount), false).await;
    shop.accept(&paying).await;
    shop.drain().await;
    cancel_at_toss(&shop, &paying, None);
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!(shop.status(&paying).await, "waiting_for_deposit", "nothing is repaired silently");
    assert_eq!(run.opened, 1);
    assert_eq!(only(&shop).await.1.0, FindingKind::MissingHere);
    let running = Running::start(&shop, 4);
    let run = reconcile(&shop, SERVED).await;
    assert_eq!((run.opened, run.closed), (0, 1), "no money was moved by it");
    assert_eq!(shop.status(&paying).await, "cancelled");
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_nobody_has_looked_up_yet_is_missing_here_until_somebody_has() {
    let shop = Shop::open().await;
    let paying = shop.paid(20).await;
    cancel_at_toss(&shop, &paying, Some(5_000));
    reconcile(&shop, UNSERVED).await;
    assert_eq!(only(&shop).await.1, (FindingKind::MissingHere, None, Some(5_000)));
    let running = Running::start(&shop, 4);
    let run = reconcile(&shop, SERVED).await;
    assert_eq!((run.opened, run.closed), (1, 1));
    assert_eq!(only(&shop).await.1.0, FindingKind::CancelledAtToss);
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn a_charge_of_no_payment_of_ours_is_an_orphan_and_never_cancelled_by_itself() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    assert_eq!(shop.rival_confirm(&paying).await, 200);
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.opened, run.looked_up), (1, 1));
    let (finding, told) = only(&shop).await;
    assert_eq!(told, (FindingKind::OrphanCharge, None, Some(23_000)));
    assert_eq!(finding.found.order_id.as_deref(), Some(paying.order_id.as_str()));
    assert_eq!(shop.ledger(&paying).cancelled, 0);
    assert!(
        shop.jobs(JobKind::LookUp).await.is_empty() && shop.jobs(JobKind::Cancel).await.is_empty()
    );
    // A person gives the money back.
    cancel_at_toss(&shop, &paying, None);
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.opened, run.closed), (0, 1));
    assert!(findings(&shop, true).await.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_charge_that_we_do_not_know_of_is_missing_here_until_we_do() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    // Accepted, and no worker lives.
    shop.accept(&paying).await;
    assert_eq!(shop.rival_confirm(&paying).await, 200);
    reconcile(&shop, UNSERVED).await;
    assert_eq!(only(&shop).await.1, (FindingKind::MissingHere, None, Some(23_000)));
    // By now the customer was told that it expired: the money goes back, which is the policy's decision and not the reconciler's.
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.opened, run.closed), (0, 1));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_that_nobody_was_told_of_is_found_by_the_next_run() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let account = shop.authenticated_by(7, Some(Method::VirtualAccount), false).await;
    shop.accept(&account).await;
    shop.drain().await;
    assert_eq!(shop.status(&account).await, "waiting_for_deposit");
    shop.toss.deposit(account.payment_key.as_str()).unwrap();
    let run = reconcile(&shop, SERVED).await;
    assert_eq!((run.looked_up, run.opened), (2, 0), "it was caught up with");
    assert_eq!(shop.status(&account).await, "paid");
    shop.toss.reverse_deposit(account.payment_key.as_str()).unwrap();
    assert_eq!(reconcile(&shop, SERVED).await.opened, 0);
    assert_eq!(shop.status(&account).await, "waiting_for_deposit");
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn what_toss_does_not_know_is_missing_there() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.cancel(&paying, Some(4_000), "part").await.unwrap();
    shop.drain().await;
    shop.advance(15 * MINUTE_MS);
    // The key of another merchant sees nothing of it.
    let stranger = reconciler_as(&shop, "test_sk_stranger", UNSERVED);
    let run = stranger.run(last_hours(&shop).await).await.unwrap();
    assert_eq!((run.transactions, run.opened), (0, 1));
    assert_eq!(only(&shop).await.1, (FindingKind::MissingThere, Some(23_000), None));
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.opened, run.closed), (0, 1));
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn amounts_that_differ_are_told_with_both() {
    let shop = Shop::open().await;
    let paying = shop.paid(20).await;
    cancel_at_toss(&shop, &paying, Some(5_000));
    let dearer = json!({ "totalAmount": 21_000, "cancels": null, "balanceAmount": 21_000 });
    let fault = Fault::new("unknown_values").with("merge", dearer).times(2);
    shop.goes_wrong(&paying, "look_up", &fault);
    reconcile(&shop, UNSERVED).await;
    assert_eq!(only(&shop).await.1, (FindingKind::AmountDiffers, Some(20_000), Some(21_000)));
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn what_a_look_up_cannot_tell_is_undecided_and_the_next_run_decides() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.rival_confirm(&paying).await;
    shop.goes_wrong(&paying, "look_up", &Fault::new("unreadable"));
    reconcile(&shop, UNSERVED).await;
    assert_eq!(only(&shop).await.1.0, FindingKind::Undecided);
    let run = reconcile(&shop, UNSERVED).await;
    assert_eq!((run.opened, run.closed), (1, 1));
    assert_eq!(only(&shop).await.1.0, FindingKind::OrphanCharge);
    shop.close().await;
}

#[tokio::test]
async fn a_payment_of_five_seconds_ago_is_not_reported_as_missing() {
    let shop = Shop::open().await;
    let here = shop.paid(23).await;
    let there = shop.authenticated(9).await;
    shop.accept(&there).await;
    assert_eq!(shop.rival_confirm(&there).await, 200);
    shop.advance(5_000);
    // Neither in our records nor in Toss's list, whichever is behind.
    let range = last_hours(&shop).await;
    for key in [SECRET_KEY, "test_sk_stranger"] {
        let run = reconciler_as(&shop, key, UNSERVED).run(range).await.unwrap();
        assert_eq!((run.looked_up, run.opened), (0, 0), "{key}");
    }
    shop.drain().await;
    assert_eq!((shop.status(&here).await, shop.status(&there).await), ("paid", "paid"));
    shop.close().await;
}

#[tokio::test]
async fn a_run_waits_when_toss_says_so_and_one_that_was_stopped_goes_on_where_it_was() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.rival_confirm(&paying).await;
    shop.advance(15 * MINUTE_MS);
    let now_ms = shop.store.now_ms().await.unwrap();
    let range = Range::settled(now_ms - 11 * HOUR_MS, now_ms, now_ms).unwrap();
    let reconciler = reconciler_as(&shop, SECRET_KEY, UNSERVED);
    let everywhere = |kind, times| {
        shop.toss.add_fault(FaultRequest::everywhere(Operation::List, kind).times(times)).unwrap();
    };
    // The first window comes through; the second, in which the charge is, does not.
    shop.toss
        .add_fault(FaultRequest::everywhere(Operation::List, FaultKind::DelayAfter).with_ms(1))
        .unwrap();
    everywhere(FaultKind::Throttle, RECONCILE_TRIES_MAX);
    let stopped = reconciler.run(range).await.unwrap_err();
    assert!(matches!(&stopped, ReconcileError::Toss(_)), "{stopped:?}");
    assert_eq!(stopped.code(), "TOO_MANY_REQUESTS");
    assert!(findings(&shop, true).await.is_empty());

    everywhere(FaultKind::Throttle, RECONCILE_TRIES_MAX - 1);
    let run = reconciler.run(range).await.unwrap();
    assert_eq!((run.pages, run.transactions, run.opened), (3, 1, 1), "{run:?}");
    assert_eq!(run.range, range);
    let again = reconciler.run(range).await.unwrap();
    assert!(again.id != run.id, "what is through is compared anew");
    assert_eq!((again.pages, again.opened), (3, 0));
    shop.close().await;
}

#[tokio::test]
async fn more_differences_than_can_be_looked_into_stop_the_run_and_what_was_found_is_kept() {
    let shop = Shop::open().await;
    let http = reqwest::Client::builder().timeout(SERVED).build().unwrap();
    for number in 0..=RECONCILE_LOOK_UPS_MAX {
        let order_id = format!("orphan-{number:04}");
        let new = NewPayment::new(&order_id, "주문", 1_000);
        let payment_key = shop.toss.create_payment(SECRET_KEY, new).unwrap().payment_key;
        let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": 1_000});
        let confirm = http.post(format!("{}/v1/payments/confirm", shop.toss_url));
        let confirm = confirm.basic_auth(SECRET_KEY, Some("")).header("Idempotency-Key", &order_id);
        assert_eq!(confirm.json(&body).send().await.unwrap().status(), 200);
    }
    shop.advance(15 * MINUTE_MS);
    let range = last_hours(&shop).await;
    let stopped = reconciler_as(&shop, SECRET_KEY, UNSERVED).run(range).await.unwrap_err();
    assert_eq!(stopped.code(), "TOO_MANY_DIFFERENCES");
    let gauges = shop.store.read_gauges().await.unwrap();
    let kept = gauges.findings.iter().find(|(kind, _)| *kind == FindingKind::OrphanCharge);
    assert_eq!(kept.unwrap().1, i64::from(RECONCILE_LOOK_UPS_MAX));
    // A restored backup lacks whatever was sold since: somebody who knows that allows more.
    let knowing = reconciler_as(&shop, SECRET_KEY, UNSERVED);
    let knowing = Reconciler { look_ups_max: 2 * RECONCILE_LOOK_UPS_MAX, ..knowing };
    // The same run goes on where it stopped.
    let opened = i64::from(RECONCILE_LOOK_UPS_MAX) + 1;
    assert_eq!(knowing.run(range).await.unwrap().opened, opened);
    shop.close().await;
}

#[tokio::test]
async fn a_key_that_is_not_accepted_stops_the_run_and_finds_nothing() {
    let shop = Shop::open().await;
    shop.paid(23).await;
    shop.advance(15 * MINUTE_MS);
    let range = last_hours(&shop).await;
    let reconciler = reconciler_as(&shop, SECRET_KEY, UNSERVED);
    for operation in [Operation::List, Operation::LookUp] {
        let fault = FaultRequest::everywhere(operation, FaultKind::Unauthorized);
        shop.toss.add_fault(fault).unwrap();
    }
    assert_eq!(reconciler.run(range).await.unwrap_err().code(), "UNAUTHORIZED_KEY");
    // Its list is not believed any more than it says: Toss is asked before anything is missing there.
    let stranger = reconciler_as(&shop, "test_sk_stranger", UNSERVED);
    assert_eq!(stranger.run(range).await.unwrap_err().code(), "UNAUTHORIZED_KEY");
    assert!(findings(&shop, true).await.is_empty() && findings(&shop, false).await.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_whose_answer_was_lost_is_decided_by_its_own_job_and_is_no_finding() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_after"));
    let job: JobId = shop.accept(&paying).await;
    shop.step(&job).await;
    assert_eq!(shop.status(&paying).await, "checking");
    shop.drain().await;
    assert_eq!(reconcile(&shop, UNSERVED).await.opened, 0);
    shop.close().await;
}
