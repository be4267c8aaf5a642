//! Findings and runs of reconciliation, and what of ours is compared.

use domain::job::{JobKind, JobState};
use domain::limits::PAGE_ROWS_MAX;
use domain::reconcile::{FindingKind, Range};
use domain::retention::DAY_MS;
use sea_orm::ConnectionTrait as _;
use store::findings::{CloseFindingError, Finding, FindingFilter, NewFinding};

use crate::fixture::{Shop, confirm_of, owner, won};

const MERCHANT: &str = "default";
const RANGE: Range = Range { from_ms: 1_000, to_ms: 2_000 };

fn missing(payment_key: &str, there: i64) -> NewFinding {
    NewFinding {
        kind: FindingKind::MissingHere,
        merchant: MERCHANT.to_owned(),
        order_id: Some("order-1".to_owned()),
        payment_key: payment_key.to_owned(),
        transaction_key: None,
        here: None,
        there: Some(won(there)),
        detail: "Toss has it".to_owned(),
        happened_at_ms: 1_500,
    }
}

async fn all(shop: &Shop) -> Vec<Finding> {
    let page = shop.store.list_findings(&FindingFilter::default(), None, PAGE_ROWS_MAX).await;
    page.unwrap().rows
}

async fn write(shop: &Shop, found: &[NewFinding]) -> u32 {
    shop.store.advance_clock(1_000);
    shop.store.write_findings(found).await.unwrap()
}

/// A run over the range that sees these.
async fn run_that_sees(shop: &Shop, found: &[NewFinding], unreadable: i64) -> i64 {
    shop.store.advance_clock(1_000);
    let mut run = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    write(shop, found).await;
    run.unreadable = unreadable;
    shop.store.end_reconciliation(&mut run).await.unwrap();
    run.closed
}

/// An order whose payment is confirmed, by Toss at this time.
async fn paid(shop: &Shop, id: &str, at_ms: i64) {
    shop.order(id).await;
    shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
    let sql = format!(
        "UPDATE payments SET state = 'confirmed', balance = amount, approved_at = {at_ms} WHERE order_id = '{id}'"
    );
    shop.rows.execute_unprepared(&sql).await.unwrap();
}

async fn cancelled(shop: &Shop, order_id: &str, id: &str, by: &str, at_ms: i64) {
    let sql = format!(
        "INSERT INTO cancellations (id, order_id, amount, reason, requested_by, role, state, transaction_key, requested_at, \
         cancelled_at, updated_at) VALUES ('{id}', '{order_id}', 1000, 'r', '{by}', 'system', 'done', 'key-of-{id}', 1, {at_ms}, 1)"
    );
    shop.rows.execute_unprepared(&sql).await.unwrap();
}

#[tokio::test]
async fn of_one_subject_one_finding_is_open_and_seeing_it_again_keeps_it_up_to_date() {
    let shop = Shop::open_empty().await;
    assert_eq!(write(&shop, &[missing("a", 100), missing("b", 100)]).await, 2);
    let first = all(&shop).await;
    assert_eq!(write(&shop, &[missing("a", 250)]).await, 0);
    let cancel = NewFinding { transaction_key: Some("t1".to_owned()), ..missing("a", 250) };
    let other = NewFinding { kind: FindingKind::AmountDiffers, ..missing("a", 250) };
    let elsewhere = NewFinding { merchant: "second".to_owned(), ..missing("a", 250) };
    assert_eq!(write(&shop, &[cancel, other, elsewhere]).await, 3);
    let again = all(&shop).await;
    assert_eq!(again.len(), 5);
    let now = again.iter().find(|it| it.id == first[1].id).unwrap();
    assert_eq!(now.found, missing("a", 250));
    assert_eq!(now.first_seen_at_ms, first[1].first_seen_at_ms);
    assert!(now.last_seen_at_ms > now.first_seen_at_ms && now.closed.is_none());
    assert_eq!(shop.store.write_findings(&[]).await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_person_closed_stays_closed_for_as_long_as_it_looks_the_same() {
    let shop = Shop::open_empty().await;
    write(&shop, &[missing("a", 100)]).await;
    let id = all(&shop).await[0].id.clone();
    let closed = shop.store.close_finding(&id, &owner(), "ticket 12").await.unwrap();
    let closing = closed.closed.unwrap();
    assert_eq!((closing.by.as_str(), closing.note.as_str()), ("owner-1", "ticket 12"));
    let found = shop.store.find_finding(&id).await.unwrap().unwrap();
    assert_eq!((found.found, found.closed), (missing("a", 100), Some(closing)));
    assert!(shop.store.find_finding("nobody").await.unwrap().is_none());
    assert_eq!(shop.audited("finding.close").await, 1);
    let twice = shop.store.close_finding(&id, &owner(), "again").await;
    assert!(matches!(twice, Err(CloseFindingError::Closed)));
    let unknown = shop.store.close_finding("nobody", &owner(), "x").await;
    assert!(matches!(unknown, Err(CloseFindingError::Unknown)));
    assert_eq!(shop.audited("finding.close").await, 1);

    assert_eq!(write(&shop, &[missing("a", 100)]).await, 0);
    assert_eq!(all(&shop).await.len(), 1);
    assert_eq!(write(&shop, &[missing("a", 99)]).await, 1, "it is another difference by now");
}

#[tokio::test]
async fn a_run_that_is_through_closes_what_it_saw_no_more_of_its_time() {
    let shop = Shop::open_empty().await;
    let later = NewFinding { happened_at_ms: 2_000, ..missing("later", 1) };
    let elsewhere = NewFinding { merchant: "second".to_owned(), ..missing("elsewhere", 1) };
    write(&shop, &[missing("gone", 1), missing("still", 1), later, elsewhere]).await;
    assert_eq!(run_that_sees(&shop, &[], 1).await, 0, "it could not read everything");
    assert_eq!(run_that_sees(&shop, &[missing("still", 1)], 0).await, 1);
    let closed: Vec<Finding> =
        all(&shop).await.into_iter().filter(|it| it.closed.is_some()).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].found.payment_key, "gone");
    assert_eq!(closed[0].closed.as_ref().unwrap().by, "system");
    assert_eq!(write(&shop, &[missing("gone", 1)]).await, 1, "it is there again");

    // What another run saw meanwhile is not gone.
    let mut run = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    write(&shop, &[missing("gone", 1), missing("still", 1)]).await;
    shop.store.end_reconciliation(&mut run).await.unwrap();
    assert_eq!(run.closed, 0);
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_where_it_was() {
    let shop = Shop::open_empty().await;
    let mut run = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    assert_eq!((run.compared_to_ms, run.range), (1_000, RANGE));
    run.compared_to_ms = 1_400;
    run.transactions = 7;
    shop.store.keep_reconciliation(&run).await.unwrap();
    let again = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    assert_eq!(again, run);
    let other_range = Range { from_ms: 1_000, to_ms: 1_999 };
    let other = shop.store.begin_reconciliation(MERCHANT, other_range).await.unwrap();
    let elsewhere = shop.store.begin_reconciliation("second", RANGE).await.unwrap();
    assert!(other.id != run.id && elsewhere.id != run.id);

    shop.store.stop_reconciliation(&again, "TOO_MANY_REQUESTS").await.unwrap();
    let mut resumed = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    assert_eq!(resumed, run);
    shop.store.end_reconciliation(&mut resumed).await.unwrap();
    let next = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    assert!(next.id != run.id, "a run that is through is not begun again");
    shop.store.advance_clock(DAY_MS + 1);
    let late = shop.store.begin_reconciliation(MERCHANT, RANGE).await.unwrap();
    assert!(late.id != next.id, "what was compared a day ago is not taken for compared");
}

#[tokio::test]
async fn findings_are_listed_newest_first_by_what_is_asked_for() {
    let shop = Shop::open_empty().await;
    let orphan = NewFinding { kind: FindingKind::OrphanCharge, ..missing("c", 1) };
    write(&shop, &[missing("a", 1), missing("b", 1), orphan]).await;
    let ids: Vec<String> = all(&shop).await.into_iter().map(|it| it.id).collect();
    shop.store.close_finding(&ids[1], &owner(), "done").await.unwrap();
    let listed = async |filter: FindingFilter| -> Vec<String> {
        let (mut listed, mut after) = (vec![], None);
        loop {
            let page = shop.store.list_findings(&filter, after.as_deref(), 1).await.unwrap();
            listed.extend(page.rows.into_iter().map(|it| it.found.payment_key));
            after = page.next;
            if after.is_none() {
                return listed;
            }
        }
    };
    let every = FindingFilter::default;
    assert_eq!(listed(every()).await, ["c", "b", "a"]);
    assert_eq!(listed(FindingFilter { is_open: Some(true), ..every() }).await, ["c", "a"]);
    assert_eq!(listed(FindingFilter { is_open: Some(false), ..every() }).await, ["b"]);
    let kind = Some(FindingKind::OrphanCharge);
    assert_eq!(listed(FindingFilter { kind, ..every() }).await, ["c"]);
    let merchant = Some("second".to_owned());
    assert!(listed(FindingFilter { merchant, ..every() }).await.is_empty());
    let seen_from_ms = Some(shop.store.now_ms().await.unwrap() + 1_000);
    assert!(listed(FindingFilter { seen_from_ms, ..every() }).await.is_empty());

    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!(gauges.findings.len(), FindingKind::ALL.len());
    let of = |kind| gauges.findings.iter().find(|(known, _)| *known == kind).unwrap().1;
    assert_eq!((of(FindingKind::OrphanCharge), of(FindingKind::MissingHere)), (1, 1));
}

#[tokio::test]
async fn what_we_have_on_record_of_a_time_is_listed_page_by_page_each_once() {
    let shop = Shop::open().await;
    for (id, at_ms) in
        [("before-1", 999), ("first-1", 1_000), ("same-1", 1_000), ("after-1", 2_000)]
    {
        paid(&shop, id, at_ms).await;
    }
    shop.order("unpaid-1").await;
    shop.store.accept_confirm(&confirm_of("unpaid-1")).await.unwrap();
    let page = shop.store.list_our_charges(MERCHANT, RANGE, None).await.unwrap();
    let ids: Vec<&str> = page.rows.iter().map(|it| it.order_id.as_str()).collect();
    assert_eq!((ids, page.next), (vec!["first-1", "same-1"], None));
    assert_eq!(page.rows[0].payment_key, "key-of-first-1");
    let behind = shop.store.list_our_charges(MERCHANT, RANGE, Some("1000.first-1")).await.unwrap();
    assert_eq!(behind.rows, page.rows[1..]);
    assert!(shop.store.list_our_charges("second", RANGE, None).await.unwrap().rows.is_empty());

    for (id, at_ms) in [("c1", 999), ("c2", 1_500), ("c3", 1_500), ("c4", 2_000)] {
        cancelled(&shop, "first-1", id, "staff-1", at_ms).await;
    }
    let page = shop.store.list_our_cancels(MERCHANT, RANGE, None).await.unwrap();
    let keys: Vec<_> = page.rows.iter().map(|it| it.transaction_key.as_deref().unwrap()).collect();
    assert_eq!(keys, ["key-of-c2", "key-of-c3"]);
    assert_eq!(page.rows[0].payment_key, "key-of-first-1");
    let behind = shop.store.list_our_cancels(MERCHANT, RANGE, Some("1500.c2")).await.unwrap();
    assert_eq!(behind.rows, page.rows[1..]);
    assert!(shop.store.list_our_cancels("second", RANGE, None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn payments_are_found_by_tosss_name_with_their_cancellations_and_the_charged_one_first() {
    let shop = Shop::open().await;
    paid(&shop, "order-2", 1_500).await;
    cancelled(&shop, "order-2", "c1", "staff-1", 1_600).await;
    cancelled(&shop, "order-2", "c2", "toss", 1_700).await;
    shop.order("order-1").await;
    shop.store.accept_confirm(&confirm_of("order-1")).await.unwrap();
    let sql = "UPDATE payments SET state = 'failed', payment_key = 'key-of-order-2' WHERE order_id = 'order-1'";
    shop.rows.execute_unprepared(sql).await.unwrap();
    let keys = ["key-of-order-2", "key-of-nobody"];
    let found = shop.store.find_our_payments(MERCHANT, &keys).await.unwrap();
    assert_eq!(found.len(), 1);
    let alike: Vec<&str> =
        found["key-of-order-2"].iter().map(|payment| payment.order_id.as_str()).collect();
    assert_eq!(alike, ["order-2", "order-1"]);
    let cancels = &found["key-of-order-2"][0].cancellations;
    let told: Vec<_> = cancels.iter().map(|it| (it.id.as_str(), it.is_foreign)).collect();
    assert_eq!(told, [("c1", false), ("c2", true)]);
    assert!(shop.store.find_our_payments("second", &keys).await.unwrap().is_empty());
}

#[tokio::test]
async fn look_ups_are_asked_for_in_the_usual_way_and_are_due_at_once() {
    let shop = Shop::open().await;
    for id in ["order-1", "order-2", "order-3"] {
        paid(&shop, id, 1_500).await;
    }
    let ids = ["order-2", "order-1"];
    let look_ups = async || {
        let due = shop.store.take_due_jobs(100).await.unwrap();
        let mut due: Vec<_> = due.into_iter().filter(|job| job.kind == JobKind::LookUp).collect();
        due.sort_by(|a, b| a.id.cmp(&b.id));
        due
    };
    assert!(!shop.store.has_look_ups(&ids).await.unwrap());
    shop.store.ask_look_ups(&ids).await.unwrap();
    assert!(shop.store.has_look_ups(&ids).await.unwrap());
    assert!(!shop.store.has_look_ups(&["order-3"]).await.unwrap());
    let asked = look_ups().await;
    assert_eq!(asked.len(), 2);
    assert!(look_ups().await.is_empty(), "they are published");
    shop.store.ask_look_ups(&ids).await.unwrap();
    assert!(look_ups().await.is_empty(), "they are on their way still");
    let set = async |state: JobState| {
        let sql = format!(
            "UPDATE jobs SET state = '{}', due_at = due_at + 3600000 WHERE kind = 'look_up'",
            state.word()
        );
        shop.rows.execute_unprepared(&sql).await.unwrap();
    };
    set(JobState::Waiting).await;
    shop.store.ask_look_ups(&ids).await.unwrap();
    assert_eq!(look_ups().await, asked, "the same jobs, sooner");
    set(JobState::Parked).await;
    assert!(!shop.store.has_look_ups(&ids).await.unwrap(), "a person has to act first");
}
