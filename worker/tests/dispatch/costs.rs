//! What a batch costs, counted and not timed: commits, statements and calls. A figure that rises here is slower on every machine.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use domain::JobId;
use store::Store;
use worker::PlainPacing;

use crate::shop::{Shop, confirm_of};

/// How many confirms go together.
const BATCH: u32 = 64;

/// Commits and statements.
type Cost = (u32, u32);

struct Counted {
    store: Store,
    statements: Arc<AtomicU32>,
}

impl Counted {
    async fn cost<T>(&self, work: impl Future<Output = T>) -> (T, Cost) {
        let before = (self.store.commits(), self.statements.load(SeqCst));
        let done = work.await;
        let (commits, statements) = (self.store.commits(), self.statements.load(SeqCst));
        (done, (commits - before.0, statements - before.1))
    }
}

/// What a step may cost: its own statements and one for all that it writes; on SQLite, where a statement is a function call, that is one
/// for each row.
fn allowed(own: u32, rows_of_each: u32) -> Cost {
    if store::scratch::is_on_servers() { (1, own + 1) } else { (1, own + rows_of_each * BATCH) }
}

#[tokio::test]
async fn a_batch_of_confirms_costs_three_commits_and_a_statement_per_table_and_step() {
    let mut shop = Shop::open().await;
    let (store, statements) = shop.store.clone().counting_statements();
    shop.dispatcher.store = store.clone();
    let counted = Counted { store, statements };
    let mut confirms = Vec::new();
    for _ in 0..BATCH {
        confirms.push(confirm_of(&shop.authenticated(1).await));
    }

    let (accepted, cost) = counted.cost(Box::pin(counted.store.accept_confirms(&confirms))).await;
    // Orders with their lines; orders, payments and jobs are written. Payments are looked for on SQLite only, beside.
    let is_on_servers = store::scratch::is_on_servers();
    assert_eq!(cost, allowed(1 + u32::from(!is_on_servers), 3), "accepting");
    let ids: Vec<JobId> = accepted
        .into_iter()
        .map(|one| JobId::parse(one.unwrap().job.unwrap().id).unwrap())
        .collect();

    let (attempts, cost) = counted.cost(Box::pin(shop.dispatcher.claim(&ids))).await;
    let attempts = attempts.unwrap();
    assert_eq!(attempts.len(), ids.len());
    // What is held back takes three reads beside it. Jobs with orders and payments, on SQLite jobs by themselves; attempts and jobs are written.
    assert_eq!(cost, allowed(3 + 1 + u32::from(!is_on_servers), 2), "claiming");

    let mut results = Vec::new();
    for attempt in attempts {
        results.push(shop.dispatcher.call(attempt).await);
    }
    assert_eq!(shop.toss.idempotency(1_000).len(), ids.len(), "a call for each and no more");

    let settling = Box::pin(counted.store.settle_attempts(&results, &PlainPacing));
    let (settled, cost) = counted.cost(settling).await;
    let (settled, follow) = settled.unwrap();
    assert_eq!((settled.len(), follow.len()), (ids.len(), 0));
    // Orders with payments, jobs, and attempts; payments, attempts and jobs are written, and the orders' versions.
    assert_eq!(cost, allowed(3 + u32::from(!is_on_servers), 3), "settling");
}
