//! Bulk runs by running workers: every job gets its turn once, whatever fails, dies or is stopped in between.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::job::JobState;
use domain::role::{Role, Scope};
use domain::{BulkRunId, JobId, limits};
use store::audit::AuditFilter;
use store::bulk::{BulkReader, BulkRunRow, BulkSelection, StartBulkRun};
use store::staff::{NewStaff, StaffMember};
use store::{Actor, JobFilter, JobSet, Origin};

use crate::hands::Fault;
use crate::running::{Running, wait_for};
use crate::shop::{Paying, Shop};

/// Longer than fifty items take, on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const ALL: BulkReader = BulkReader { started_by: None, scope: Scope::Every };

impl Shop {
    async fn master(&self) -> StaffMember {
        let token_hash = "0".repeat(64);
        let new =
            NewStaff { name: "본부".to_owned(), role: Role::Master, stores: vec![], token_hash };
        self.store.add_staff(&new).await.unwrap()
    }

    /// So many confirms that stopped because the key was not accepted, in the order in which a run does them.
    async fn many_parked(&self, count: usize) -> Vec<(Paying, JobId)> {
        let mut parked = Vec::new();
        for _ in 0..count {
            let paying = self.authenticated(2).await;
            self.goes_wrong(&paying, "confirm", &Fault::new("unauthorized"));
            let job = self.accept(&paying).await;
            parked.push((paying, job));
        }
        self.drain().await;
        parked.sort_by(|one, other| one.1.cmp(&other.1));
        parked
    }

    /// Begins a run of retries of everything that is parked.
    async fn retry_all(&self, by: &StaffMember) -> BulkRunId {
        let wanted = StartBulkRun {
            id: None,
            previewed: None,
            action: BulkAction::Retry,
            reason: "키 교체".to_owned(),
            selection: BulkSelection::Matching(JobFilter {
                set: JobSet::In(JobState::Parked),
                ..JobFilter::all(Scope::Every)
            }),
            scope: Scope::Every,
            actor: by.actor(Origin::default()),
        };
        let run = self.store.start_bulk_run(&wanted).await.unwrap();
        BulkRunId::parse(run.id).unwrap()
    }

    async fn run_of(&self, id: &BulkRunId) -> BulkRunRow {
        self.store.find_bulk_run(id, &ALL).await.unwrap().unwrap()
    }

    /// How often each job was retried, by the audit of a run.
    async fn retries(&self, id: &BulkRunId) -> BTreeMap<String, usize> {
        let mut retries: BTreeMap<String, usize> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let filter = AuditFilter::default();
            let page = self.store.list_audit(&filter, after.as_deref(), 200).await.unwrap();
            let of_run = page.rows.into_iter().filter(|entry| {
                let run = entry.detail.as_ref().and_then(|detail| detail.get("bulkRunId"));
                run.and_then(|run| run.as_str()) == Some(id.as_str())
            });
            for entry in of_run {
                assert_eq!(entry.action, "job.retry");
                *retries.entry(entry.subject).or_default() += 1;
            }
            after = page.next;
            if after.is_none() {
                return retries;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_jobs_of_which_the_third_is_broken_the_others_are_done_and_each_is_reported() {
    let shop = Shop::open().await;
    let master = shop.master().await;
    let parked = shop.many_parked(50).await;
    shop.store.refuse_retry_of(parked[2].1.as_str()).await.unwrap();
    let id = shop.retry_all(&master).await;
    let running = Running::start(&shop, 8);
    wait_for("the run", LONG, async || shop.run_of(&id).await.state == BulkState::Done).await;
    let run = shop.run_of(&id).await;
    assert_eq!((run.items, run.done, run.failed, run.refused, run.pending()), (50, 49, 1, 0, 0));
    let items = shop.store.list_bulk_items(&id, &ALL, None, None, 200).await.unwrap().rows;
    for (number, (item, (paying, job))) in items.iter().zip(&parked).enumerate() {
        assert_eq!(item.job_id, job.as_str());
        if number == 2 {
            assert_eq!((item.state, item.code.as_deref()), (ItemState::Failed, Some("broken")));
        } else {
            assert_eq!(item.state, ItemState::Done, "{number}");
            wait_for("a payment", LONG, async || shop.status(paying).await == "paid").await;
        }
    }
    assert_eq!(shop.retries(&id).await.len(), 49);
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_worker_is_killed_goes_on_with_another_and_does_every_job_once() {
    let shop = Shop::open().await;
    let master = shop.master().await;
    shop.many_parked(20).await;
    let id = shop.retry_all(&master).await;
    let killed = Running::start(&shop, 4);
    wait_for("some of it", LONG, async || shop.run_of(&id).await.done >= 5).await;
    killed.worker.abort();
    killed.stop.cancel();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let left = shop.run_of(&id).await;
    assert!(left.pending() > 0, "{left:?}");
    assert_eq!(left.state, BulkState::Running);
    let running = Running::start(&shop, 4);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        shop.run_of(&id).await.done,
        left.done,
        "it is the dead worker's until its lease is over"
    );
    shop.advance(limits::BULK_LEASE_MS);
    wait_for("the rest", LONG, async || shop.run_of(&id).await.state == BulkState::Done).await;
    let retries = shop.retries(&id).await;
    assert_eq!(retries.len(), 20);
    assert!(retries.values().all(|times| *times == 1), "{retries:?}");
    assert_eq!(shop.run_of(&id).await.done, 20);
    running.stop().await.unwrap();
    shop.drain().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_leaves_the_rest_alone() {
    let shop = Shop::open().await;
    let master = shop.master().await;
    shop.many_parked(30).await;
    let id = shop.retry_all(&master).await;
    let running = Running::start(&shop, 4);
    wait_for("some of it", LONG, async || shop.run_of(&id).await.done >= 3).await;
    let actor = master.actor(Origin::default());
    let stop = || shop.store.stop_bulk_run(&id, &ALL, &actor, Some("잘못 눌렀음"));
    let (one, two) = tokio::join!(stop(), stop());
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let run = shop.run_of(&id).await;
    assert_eq!((run.state, run.pending()), (BulkState::Stopped, 0));
    assert_eq!(run.done + run.skipped, 30);
    assert!(run.skipped > 0, "{run:?}");
    assert_eq!(shop.retries(&id).await.len(), usize::try_from(run.done).unwrap());
    running.stop().await.unwrap();
    shop.drain().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_do_one_run_together_no_faster_and_no_job_twice() {
    let shop = Shop::open().await;
    let master = shop.master().await;
    shop.many_parked(15).await;
    let id = shop.retry_all(&master).await;
    let first = Running::start(&shop, 4);
    let second = Running::start(&shop, 4);
    wait_for("the run", LONG, async || shop.run_of(&id).await.state == BulkState::Done).await;
    let retries = shop.retries(&id).await;
    assert_eq!((retries.len(), shop.run_of(&id).await.done), (15, 15));
    assert!(retries.values().all(|times| *times == 1), "{retries:?}");
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn who_lost_their_rights_meanwhile_gets_nothing_more_done() {
    let shop = Shop::open().await;
    let master = shop.master().await;
    shop.many_parked(3).await;
    let id = shop.retry_all(&master).await;
    let held = shop.store.take_bulk_run("worker-1").await.unwrap().unwrap();
    assert_eq!(shop.store.take_bulk_run("worker-2").await.unwrap(), None, "it is taken");
    shop.store.perform_bulk_item(&held).await.unwrap();
    shop.store.disable_staff(&master.id, &Actor::system()).await.unwrap();
    for _ in 0..3 {
        shop.store.perform_bulk_item(&held).await.unwrap();
    }
    let run = shop.run_of(&id).await;
    assert_eq!((run.state, run.done, run.refused), (BulkState::Done, 1, 2));
    let refused = Some(ItemState::Refused);
    let items = shop.store.list_bulk_items(&id, &ALL, refused, None, 200).await.unwrap().rows;
    assert!(items.iter().all(|item| item.code.as_deref() == Some("member_disabled")), "{items:?}");
    shop.drain().await;
    shop.close().await;
}
