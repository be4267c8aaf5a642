//! How the database goes about statements on tables that are full: retention reads only what it deletes, and what processes look for every few
//! seconds or when they start, and what is done for each payment, go by an index as well. Not here: the pages of the console.

use std::sync::{Arc, Mutex};

use sea_orm::{
    ConnectionTrait as _, DbBackend, QueryResult, Statement, TransactionOptions,
    TransactionTrait as _,
};

use domain::answer::{Answer, Failure, FailureClass};
use domain::policy::{Pace, Pacing};
use domain::{JobId, OrderId, PaymentKey, Won};

use crate::accept_confirm::AcceptConfirm;
use crate::claim::{Claimed, StartedAttempt};
use crate::connection::Store;
use crate::gate::Claimer;
use crate::open::StoreOptions;
use crate::origin::Origin;
use crate::prune::{PruneAges, PruneMode, PrunedTable};
use crate::scratch::Scratch;
use crate::settle::AttemptResult;

/// Twenty thousand orders, most of them paid and old, some over and recent, the last two hundred over and old; and as many rows of the
/// tables that go by their age.
const FILL: &str = "
INSERT INTO stores VALUES ('s', 's', 'default', 0, 0, TRUE, 0, 0);
INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount, delivery_fee, amount,
    tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'order-' || CAST(i AS TEXT), 's', 's', 'default', 'n', '01012345678', 'a', 1000, 0, 1000, 0, 'o', 'paying', i, 1, i, i FROM n;
INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by, next_cancel_at,
    version, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'order-' || CAST(i AS TEXT), 's', 'key-' || CAST(i AS TEXT), 'default', 1000, 0,
    CASE WHEN i > 19800 OR i % 4 = 0 THEN 'failed' ELSE 'confirmed' END, i, i, 0, 1,
    CASE WHEN i % 4 = 0 AND i <= 19800 THEN 4000000000000 ELSE i END FROM n;
INSERT INTO cancellations (id, order_id, amount, reason, requested_by, role, state, requested_at, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'cancel-' || CAST(i AS TEXT), 'order-' || CAST(i AS TEXT), 1, 'r', 's', 'owner', 'refused', i, i FROM n;
INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since, publications,
    rerun_wanted, created_at, updated_at, ended_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'job-' || CAST(i AS TEXT), 'confirm', 'order-' || CAST(i AS TEXT), 's', 'default', 'declined', 1, 1, i, i, 0, FALSE, i, i, i
FROM n;
INSERT INTO attempts (job_id, number, order_id, claim, operation, key_generation, idempotency_key, started_at, is_stale, worker)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'job-' || CAST(i AS TEXT), k, 'order-' || CAST(i AS TEXT), 1, 'confirm', 1, 'k', i, FALSE, 'w'
FROM n, (SELECT 1 AS k UNION ALL SELECT 2) AS two;
INSERT INTO cancel_entries (order_id, transaction_key, amount, tax_free_amount, reason, seen_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'order-' || CAST(i AS TEXT), 'key-' || CAST(k AS TEXT), 1, 0, replace('rrrrrrrrrrrr', 'r', 'ordered twice '), i
FROM n, (SELECT 1 AS k UNION ALL SELECT 2) AS two;
INSERT INTO idempotency_keys (scope, key, fingerprint, subject, created_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 's', 'key-' || CAST(i AS TEXT), 'f', 'order', CASE WHEN i > 19800 THEN i ELSE 4000000000000 END FROM n;
INSERT INTO webhooks (id, transmission_id, kind, has_payment, source, headers, body, state, deliveries, received_at, changed_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'w-' || CAST(i AS TEXT), 't-' || CAST(i AS TEXT), 'other', FALSE, 's', '{}', 'b', 'ignored', 1,
    CASE WHEN i > 19800 THEN i ELSE 4000000000000 END, 1 FROM n;
INSERT INTO poison_messages (id, reason, source, body, received_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'm-' || CAST(i AS TEXT), 'r', 's', 'b', CASE WHEN i > 19800 THEN i ELSE 4000000000000 END FROM n;
INSERT INTO workers (id, host, version, kinds, concurrency, in_flight, started_at, seen_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'w-' || CAST(i AS TEXT), 'h', 'v', 'k', 1, 0, 0, CASE WHEN i > 19800 THEN i ELSE 4000000000000 END FROM n;
INSERT INTO staff (id, name, role, token_hash, created_at) VALUES ('m', 'm', 'master', 't', 0);
INSERT INTO web_sessions (token_hash, staff_id, created_at, seen_at, ends_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 's-' || CAST(i AS TEXT), 'm', 0, CASE WHEN i > 19800 THEN i ELSE 4000000000000 END, 0 FROM n;
INSERT INTO sign_in_tries (login_hash, failures, locked_until, tried_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'l-' || CAST(i AS TEXT), 1, 0, CASE WHEN i > 19800 THEN i ELSE 4000000000000 END FROM n;
INSERT INTO bulk_runs (id, action, reason, selection, state, staff_id, items, done, refused, failed, skipped, claims, lease_until,
    created_at, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'r-' || CAST(i AS TEXT), 'retry', 'r', '{}', 'done', 's', 1, 1, 0, 0, 0, 1, 0,
    CASE WHEN i > 19800 THEN i ELSE 4000000000000 END, 1 FROM n;
INSERT INTO bulk_items (run_id, number, job_id, state, created_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 'r-' || CAST(i AS TEXT), 1, 'j', 'done', CASE WHEN i > 19800 THEN i ELSE 4000000000000 END FROM n;
";

const AGES: PruneAges = PruneAges {
    jobs_ms: 1,
    idempotency_ms: 1,
    webhooks_ms: 1,
    poison_ms: 1,
    workers_ms: 1,
    sessions_ms: 1,
};

/// A database that is full of what no run may touch.
async fn filled() -> (Scratch, Store) {
    let scratch = Scratch::make().await;
    let store = filled_with(&scratch, FILL).await;
    (scratch, store)
}

async fn filled_with(scratch: &Scratch, rows: &str) -> Store {
    let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
    store.migrate().await.unwrap();
    store.db.execute_unprepared(rows).await.unwrap();
    store.db.execute_unprepared("ANALYZE").await.unwrap();
    store
}

/// Keeps every statement as it is sent, from now on.
fn keep_statements(store: &mut Store) -> Arc<Mutex<Vec<Statement>>> {
    let sent: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let keep = Arc::clone(&sent);
    store.db.set_metric_callback(move |info| keep.lock().unwrap().push(info.statement.clone()));
    sent
}

/// Runs, and gives every statement as it was sent.
async fn statements(store: &mut Store, mode: PruneMode) -> Vec<Statement> {
    let sent = keep_statements(store);
    let mut run = store.prune(&AGES, mode).await.unwrap();
    while run.next_batch(500).await.unwrap().is_some() {}
    assert_eq!(
        PrunedTable::ALL.map(|table| run.counts().of(table)),
        [400, 200, 400, 200, 200, 200, 200, 200, 200, 200, 200]
    );
    drop(run);
    store.db.set_metric_callback(|_| ());
    std::mem::take(&mut sent.lock().unwrap())
}

/// How the database would go about a statement; PostgreSQL by the plan that it makes once, for whatever values.
async fn plan(store: &Store, statement: &Statement) -> String {
    let backend = store.db.get_database_backend();
    if backend != DbBackend::Postgres {
        let asked = Statement::from_string(backend, format!("EXPLAIN QUERY PLAN {statement}"));
        return plan_of(store.db.query_all_raw(asked).await.unwrap(), "detail");
    }
    let session = store.db.begin_with_options(TransactionOptions::default()).await.unwrap();
    session.execute_unprepared(&format!("PREPARE asked AS {}", statement.sql)).await.unwrap();
    let values = statement.values.clone().map(|values| values.0).unwrap_or_default();
    let places: Vec<String> = (1..=values.len()).map(|number| format!("${number}")).collect();
    let places = if places.is_empty() { String::new() } else { format!("({})", places.join(", ")) };
    // The values as words of the text: a statement of this kind takes no others.
    let execute = Statement::from_sql_and_values(backend, format!("EXECUTE asked{places}"), values);
    let asked = Statement::from_string(backend, format!("EXPLAIN {execute}"));
    let plan = plan_of(session.query_all_raw(asked).await.unwrap(), "QUERY PLAN");
    session.execute_unprepared("DEALLOCATE asked").await.unwrap();
    session.rollback().await.unwrap();
    plan
}

fn plan_of(rows: Vec<QueryResult>, column: &str) -> String {
    rows.iter().map(|row| row.try_get::<String>("", column).unwrap() + "\n").collect()
}

/// The tables that a plan reads from one end to the other.
fn read_whole(plan: &str) -> Vec<&str> {
    let of_postgres = plan.lines().filter_map(|line| line.split_once("Seq Scan on ")?.1.into());
    let of_sqlite = plan.lines().filter_map(|line| line.trim().strip_prefix("SCAN "));
    let tables = of_postgres.chain(of_sqlite).filter_map(|rest| rest.split([' ', '"']).next());
    // A row without a table.
    tables.filter(|table| *table != "CONSTANT").collect()
}

#[tokio::test]
async fn a_run_reads_no_table_from_one_end_to_the_other() {
    let (_scratch, mut store) = filled().await;
    let mut plans = String::new();
    for mode in [PruneMode::Count, PruneMode::Delete] {
        for statement in statements(&mut store, mode).await {
            let plan = plan(&store, &statement).await;
            assert_eq!(read_whole(&plan), [""; 0], "{statement}\n{plan}");
            plans.push_str(&plan);
        }
    }
    for index in ["payments_prunable", "jobs_of_order", "attempts_of_order"] {
        assert!(plans.contains(index), "{index} is missing in {plans}");
    }
}

/// Indexes over nothing but what is looked for.
const OF_THEM: [&str; 6] = [
    "jobs_due",
    "orders_open",
    "payments_undecided",
    "payments_deposit_due",
    "cancellations_open",
    "bulk_runs_under_way",
];

#[tokio::test]
async fn what_processes_look_for_again_and_again_goes_by_the_index_of_just_that() {
    let (_scratch, mut store) = filled().await;
    let sent = keep_statements(&mut store);
    assert_eq!(store.take_due_jobs(100).await.unwrap(), []);
    assert_eq!(store.lapse_orders(100).await.unwrap(), 0);
    assert_eq!(store.sweep_payments(100).await.unwrap(), 0);
    assert_eq!(store.take_bulk_run("w").await.unwrap().map(drop), None);
    store.db.set_metric_callback(|_| ());
    let statements = std::mem::take(&mut *sent.lock().unwrap());
    let mut plans = String::new();
    for statement in statements {
        let plan = plan(&store, &statement).await;
        // Of an index that has no other rows than those, all may be read.
        let is_of_them = |line: &&str| OF_THEM.iter().any(|index| line.contains(index));
        let others: Vec<&str> = plan.lines().filter(|line| !is_of_them(line)).collect();
        assert_eq!(read_whole(&others.join("\n")), [""; 0], "{statement}\n{plan}");
        plans.push_str(&plan);
    }
    for index in OF_THEM {
        assert!(plans.contains(index), "{index} is missing in {plans}");
    }
}

#[tokio::test]
async fn the_keys_that_live_jobs_need_are_looked_up_job_by_job() {
    let (_scratch, mut store) = filled().await;
    // So many that it would be worth while to read all payments instead.
    let live = "UPDATE jobs SET state = 'parked', ended_at = NULL WHERE created_at <= 4000";
    store.db.execute_unprepared(live).await.unwrap();
    // The second pair is a live job's, the third is not.
    let pairs = "UPDATE payments SET key_pair = CASE WHEN accepted_at = 4000 THEN 2 ELSE 3 END WHERE accepted_at >= 4000";
    store.db.execute_unprepared(pairs).await.unwrap();
    store.db.execute_unprepared("ANALYZE").await.unwrap();
    let sent = keep_statements(&mut store);
    let needed = store.needed_key_pairs().await.unwrap();
    store.db.set_metric_callback(|_| ());
    assert_eq!(needed.iter().map(|pair| pair.number).collect::<Vec<_>>(), [1, 2]);
    let statements = std::mem::take(&mut *sent.lock().unwrap());
    for statement in statements {
        let plan = plan(&store, &statement).await;
        let of_payments = |found: Vec<&str>| found.iter().any(|part| part.contains("payments"));
        let is_read_whole = of_payments(read_whole(&plan)) || of_payments(walked(&plan));
        assert!(!is_read_whole, "{statement}\n{plan}");
    }
}

/// The parts of PostgreSQL's plan that read an index from one end to the other.
fn walked(plan: &str) -> Vec<&str> {
    let parts = plan.split("->").map(str::trim);
    let scans = parts.filter(|part| part.contains("Index"));
    scans.filter(|part| !part.contains("Index Cond")).collect()
}

#[derive(Debug)]
struct AtOnce;

impl Pacing for AtOnce {
    fn delay_ms(&self, _: Pace, _: u32) -> i64 {
        0
    }
}

/// Everything that is done for confirms of these orders.
async fn pay(store: &Store, orders: &[&str]) {
    let confirms = orders.iter().map(|order| AcceptConfirm {
        order_id: OrderId::parse(*order).unwrap(),
        payment_key: PaymentKey::parse(format!("key-of-{order}")).unwrap(),
        amount: Won::new(1_000).unwrap(),
        payment_type: None,
        origin: Origin::default(),
    });
    let accepted = store.accept_confirms(&confirms.collect::<Vec<_>>()).await;
    let jobs = accepted.into_iter().map(|one| one.unwrap().job.unwrap());
    let ids: Vec<JobId> = jobs.map(|job| JobId::parse(job.id).unwrap()).collect();
    let claimed = store.claim_jobs(&ids, &Claimer::unlimited("w")).await.unwrap();
    let attempts = claimed.into_iter().map(|one| {
        let Claimed::Attempt(attempt) = one else { panic!("{one:?}") };
        *attempt
    });
    let attempts: Vec<StartedAttempt> = attempts.collect();
    let held = attempts.iter().map(|one| (one.job_id().to_owned(), one.claim()));
    let held: Vec<(String, i64)> = held.collect();
    assert_eq!(store.renew_leases(&held).await.unwrap().len(), orders.len());
    let failure = Failure {
        class: FailureClass::Refused,
        code: "REJECT_CARD_PAYMENT".to_owned(),
        message: "no".to_owned(),
    };
    let results = attempts.into_iter().map(|attempt| AttemptResult {
        attempt,
        answer: Answer::Failure(failure.clone()),
        http_status: Some(403),
        trace_id: None,
        body: None,
        retry_after_ms: None,
        duration_ms: 1,
    });
    let results: Vec<AttemptResult> = results.collect();
    let (settled, _) = store.settle_attempts(&results, &AtOnce).await.unwrap();
    assert_eq!(settled.len(), orders.len());
}

#[tokio::test]
async fn a_payments_rows_are_looked_up_by_plans_that_were_made_when_there_were_few() {
    // The server counts the rows of a table for the first time when it has fifty, by itself.
    for few in [10, 50, 100, 20_000] {
        let scratch = Scratch::on_postgres().await;
        let open = "
INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount, delivery_fee, amount,
    tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
SELECT 'order-open-' || i, 's', 's', 'default', 'n', '01012345678', 'a', 1000, 0, 1000, 0, 'o', 'open', 4000000000000, 1, 0, 0 FROM n;";
        let rows = FILL.replace("20000", &few.to_string()) + open;
        let mut store = filled_with(&scratch, &rows).await;
        let sent = keep_statements(&mut store);
        pay(&store, &["order-open-1"]).await;
        pay(&store, &["order-open-2", "order-open-3"]).await;
        store.db.set_metric_callback(|_| ());
        let statements = std::mem::take(&mut *sent.lock().unwrap());
        assert!(statements.len() >= 16, "{statements:?}");
        for statement in statements {
            let plan = plan(&store, &statement).await;
            let found = (walked(&plan), read_whole(&plan));
            assert_eq!(found, (vec![], vec![]), "{few}: {statement}\n{plan}");
        }
    }
}
