//! Bulk runs in the database: what is frozen, what is too much, whose rights count, and how long the rows stay.

use std::ops::RangeInclusive;

use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::job::JobState;
use domain::limits::{BULK_ITEMS_MAX, BULK_LEASE_MS};
use domain::role::{Role, Scope};
use domain::{BulkRunId, JobId};
use sea_orm::ConnectionTrait as _;
use store::bulk::{
    BulkError, BulkReader, BulkSelection, BulkStep, BulkVerdict, HeldRun, ItemOutcome, StartBulkRun,
};
use store::staff::{NewStaff, StaffMember};
use store::{JobFilter, JobSet, Origin, PruneMode, PrunedTable};

use crate::fixture::{GIMBAP, Shop, owner, store_id};

const ALL: BulkReader = BulkReader { started_by: None, scope: Scope::Every };

fn of_state(state: JobState) -> BulkSelection {
    BulkSelection::Matching(JobFilter { set: JobSet::In(state), ..JobFilter::all(Scope::Every) })
}

fn own() -> Scope {
    Scope::Stores(vec![store_id(GIMBAP)])
}

impl Shop {
    async fn manager(&self) -> StaffMember {
        let (name, token_hash) = ("manager".to_owned(), "0".repeat(64));
        let stores = vec![store_id(GIMBAP)];
        let new = NewStaff { name, role: Role::Manager, stores, token_hash };
        self.store.add_staff(&new).await.unwrap()
    }

    async fn begin(
        &self,
        by: &StaffMember,
        scope: Scope,
        selection: BulkSelection,
    ) -> Result<BulkRunId, BulkError> {
        let wanted = StartBulkRun {
            id: None,
            previewed: None,
            action: BulkAction::LookUp,
            reason: "확인".to_owned(),
            selection,
            scope,
            actor: by.actor(Origin::default()),
        };
        let run = self.store.start_bulk_run(&wanted).await?;
        Ok(BulkRunId::parse(run.id).unwrap())
    }

    /// So many ended jobs of the order of one that was declined.
    async fn fill(&self, count: u64) {
        self.declined("declined-order").await;
        let fill = format!(
            "INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
                publications, rerun_wanted, created_at, updated_at, ended_at)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             SELECT 'many-' || CAST(i AS TEXT), 'look_up', 'declined-order', '{GIMBAP}', 'default', 'discarded', 1, 1, i, i,
                0, FALSE, i, i, i FROM n"
        );
        self.rows.execute_unprepared(&fill).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_has_as_many_jobs_as_it_may_have_and_not_one_more() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    shop.fill(BULK_ITEMS_MAX).await;
    let selection = of_state(JobState::Discarded);
    let id = shop.begin(&manager, own(), selection.clone()).await.unwrap();
    let run = shop.store.find_bulk_run(&id, &ALL).await.unwrap().unwrap();
    assert_eq!((run.items, run.pending()), (10_000, 10_000));
    let preview = shop.store.preview_bulk_run(BulkAction::Discard, &own(), &selection).await;
    let preview = preview.unwrap();
    assert_eq!((preview.jobs, preview.refused, preview.groups.len()), (10_000, 10_000, 1));
    assert!(matches!(preview.groups[0].verdict, BulkVerdict::Refused(_)));
    let one_more = "INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at,
        runnable_since, publications, rerun_wanted, created_at, updated_at, ended_at)
        SELECT 'one-more', kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
        publications, rerun_wanted, created_at, updated_at, ended_at FROM jobs WHERE id = 'many-1'";
    shop.rows.execute_unprepared(one_more).await.unwrap();
    let too_many = shop.begin(&manager, own(), selection.clone()).await.unwrap_err();
    assert!(matches!(too_many, BulkError::TooMany { most: 10_000 }), "{too_many}");
    let too_many = shop.store.preview_bulk_run(BulkAction::Retry, &own(), &selection).await;
    assert!(matches!(too_many, Err(BulkError::TooMany { .. })), "{too_many:?}");
    // Frozen is frozen: what matches later is not in it.
    assert_eq!(shop.store.find_bulk_run(&id, &ALL).await.unwrap().unwrap().items, 10_000);
    let foreign = shop.begin(&manager, Scope::Stores(vec![]), selection).await.unwrap_err();
    assert!(matches!(foreign, BulkError::Empty), "{foreign}");
}

#[tokio::test]
async fn the_longest_run_goes_on_with_another_worker_in_the_middle_and_stops_where_it_stands() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    shop.fill(BULK_ITEMS_MAX).await;
    let id = shop.begin(&manager, own(), of_state(JobState::Discarded)).await.unwrap();
    let perform = async |held: &HeldRun, numbers: RangeInclusive<i32>| {
        for expected in numbers {
            let step = shop.store.perform_bulk_item(held).await.unwrap();
            let BulkStep::Item { number, .. } = step else { panic!("{expected}: {step:?}") };
            assert_eq!(number, expected);
        }
    };
    let dead = shop.store.take_bulk_run("worker-1").await.unwrap().unwrap();
    perform(&dead, 1..=500).await;
    shop.store.advance_clock(BULK_LEASE_MS);
    let held = shop.store.take_bulk_run("worker-2").await.unwrap().unwrap();
    assert_eq!(shop.store.perform_bulk_item(&dead).await.unwrap(), BulkStep::Lost);
    perform(&held, 501..=1_000).await;
    // A tenth of it is done.
    shop.store.stop_bulk_run(&id, &ALL, &owner(), None).await.unwrap();
    assert_eq!(shop.store.perform_bulk_item(&held).await.unwrap(), BulkStep::Lost);
    assert_eq!(shop.store.take_bulk_run("worker-2").await.unwrap(), None);
    let run = shop.store.find_bulk_run(&id, &ALL).await.unwrap().unwrap();
    assert_eq!((run.state, run.items, run.pending()), (BulkState::Stopped, 10_000, 0));
    assert_eq!((run.done + run.refused, run.failed, run.skipped), (1_000, 0, 9_000));
}

#[tokio::test]
async fn who_lost_a_store_meanwhile_does_nothing_to_its_jobs() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let jobs = [shop.declined("order-1").await, shop.declined("order-2").await];
    let named = BulkSelection::Named(jobs.to_vec());
    let id = shop.begin(&manager, own(), named).await.unwrap();
    let held = shop.store.take_bulk_run("worker-1").await.unwrap().unwrap();
    let first = shop.store.perform_bulk_item(&held).await.unwrap();
    let BulkStep::Item { number: 1, outcome: ItemOutcome::Done, publish: Some(_) } = first else {
        panic!("{first:?}")
    };
    shop.rows.execute_unprepared("DELETE FROM staff_stores").await.unwrap();
    let second = shop.store.perform_bulk_item(&held).await.unwrap();
    let BulkStep::Item { number: 2, outcome: ItemOutcome::OutOfScope, publish: None } = second
    else {
        panic!("{second:?}")
    };
    assert_eq!(shop.store.perform_bulk_item(&held).await.unwrap(), BulkStep::Over);
    assert_eq!(shop.audited("job.look_up").await, 1);
    // Nor do they see any longer what was done there.
    let theirs =
        BulkReader { started_by: Some(manager.id.to_string()), scope: Scope::Stores(vec![]) };
    let items = shop.store.list_bulk_items(&id, &theirs, None, None, 10).await.unwrap();
    assert_eq!(items.rows, []);
    assert!(shop.store.find_bulk_run(&id, &theirs).await.unwrap().is_some());
}

#[tokio::test]
async fn a_run_has_one_worker_and_who_lost_it_does_nothing_more() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let job = shop.declined("order-1").await;
    let unknown = JobId::parse("no-such-job").unwrap();
    let named = BulkSelection::Named(vec![unknown, job.clone(), job]);
    let id = shop.begin(&manager, own(), named).await.unwrap();
    let dead = shop.store.take_bulk_run("worker-1").await.unwrap().unwrap();
    assert_eq!(shop.store.take_bulk_run("worker-2").await.unwrap(), None);
    shop.store.advance_clock(BULK_LEASE_MS);
    let (one, two) =
        tokio::join!(shop.store.take_bulk_run("worker-2"), shop.store.take_bulk_run("worker-3"));
    let taken: Vec<_> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(shop.store.perform_bulk_item(&dead).await.unwrap(), BulkStep::Lost);
    let mut steps = 0;
    while shop.store.perform_bulk_item(&taken[0]).await.unwrap() != BulkStep::Over {
        steps += 1;
    }
    let run = shop.store.find_bulk_run(&id, &ALL).await.unwrap().unwrap();
    assert_eq!((steps, run.items, run.done, run.refused), (2, 2, 1, 1), "doubles count once");
    assert_eq!(run.state, BulkState::Done);
    assert_eq!(shop.store.take_bulk_run("worker-2").await.unwrap(), None, "it is over");
}

#[tokio::test]
async fn runs_are_deleted_with_the_age_of_jobs_and_their_audit_stays() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let job = shop.declined("order-1").await;
    let id = shop.begin(&manager, own(), BulkSelection::Named(vec![job])).await.unwrap();
    let stop = shop.store.stop_bulk_run(&id, &ALL, &manager.actor(Origin::default()), None).await;
    assert_eq!(stop.unwrap().skipped, 1);
    let skipped = Some(ItemState::Skipped);
    let items = shop.store.list_bulk_items(&id, &ALL, skipped, None, 10).await.unwrap();
    assert_eq!(items.rows.len(), 1);
    assert_eq!(shop.prune(PruneMode::Delete, 10).await.of(PrunedTable::BulkRuns), 0);
    shop.pass(200);
    let deleted = shop.prune(PruneMode::Delete, 10).await;
    let counts = [PrunedTable::BulkItems, PrunedTable::BulkRuns].map(|table| deleted.of(table));
    assert_eq!(counts, [1, 1]);
    assert_eq!(shop.store.find_bulk_run(&id, &ALL).await.unwrap(), None);
    assert_eq!((shop.audited("bulk.start").await, shop.audited("bulk.stop").await), (1, 1));
}
