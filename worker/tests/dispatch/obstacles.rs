//! What stands in a running worker's way without being an outage: rows that the database does not take, a publisher that hangs, a defect.
//! None of it holds up anybody else, and none of it is silent.

use std::sync::Arc;

use domain::job::{JobKind, JobState};
use domain::{JobId, limits};
use queue::{ConsumerEnded, DeadLetter, DeadLetters, Lane, Message, Published, Publisher, Trace};
use tokio::sync::Notify;
use worker::WorkerEnded;

use crate::hands::Fault;
use crate::log::Log;
use crate::running::{Running, SOON, has_ended, reaches_toss, slow, wait_for};
use crate::shop::{Paying, Shop};

const REFUSAL: &str = "REJECT_CARD_COMPANY";

/// A payment whose confirm is accepted.
async fn accepted(shop: &Shop) -> (Paying, JobId) {
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    (paying, job)
}

async fn pays(shop: &Shop, running: &Running) {
    let (paying, job) = accepted(shop).await;
    running.publish(shop, &job, JobKind::Confirm).await;
    wait_for("another payment", SOON, async || has_ended(shop, &job).await).await;
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
}

/// Publishes several confirms at once.
async fn publish_all(running: &Running, jobs: &[&JobId]) {
    let messages: Vec<Message> = jobs
        .iter()
        .map(|job| Message {
            job_id: job.as_str().to_owned(),
            lane: Lane::Confirm,
            trace: Trace::default(),
        })
        .collect();
    let publisher = running.queue.publisher();
    wait_for("the queue", SOON, async || publisher.is_ready()).await;
    publisher.publish(&messages).await;
}

#[tokio::test]
async fn an_answer_that_the_database_refuses_counts_as_none_and_the_payment_is_looked_up() {
    let log = Log::start();
    let shop = Shop::open().await;
    shop.store.refuse_attempts("code", REFUSAL).await.unwrap();
    let running = Running::start(&shop, 2);
    let (paying, job) = accepted(&shop).await;
    shop.goes_wrong(&paying, "confirm", &Fault::code(REFUSAL));
    running.publish(&shop, &job, JobKind::Confirm).await;
    reaches_toss(&shop, &paying).await;
    // Whatever becomes of it, the others are written.
    pays(&shop, &running).await;
    let is_settled = async || shop.attempts(&job).await[0].finished_at.is_some();
    wait_for("the attempt", SOON, is_settled).await;
    let attempt = shop.attempts(&job).await.remove(0);
    assert_eq!(attempt.verdict.as_deref(), Some("unanswered"));
    assert_eq!(attempt.code.as_deref(), Some("UNRECORDABLE_ANSWER"));
    assert_eq!((attempt.http_status, attempt.trace_id), (None, None), "nothing of Toss is in it");
    assert_eq!(shop.job(&job).await.state, JobState::Waiting, "for its look-up");
    running.stop().await.unwrap();
    assert_eq!(log.text().matches("\"alert\":\"unrecordable_answer\"").count(), 1);
    shop.store.accept_attempts("code").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.attempts(&job).await[1].operation, "look_up");
    assert_eq!(shop.status(&paying).await, "failed");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_job_whose_attempt_the_database_refuses_stays_with_an_alert_and_the_others_of_its_batch_go()
 {
    let log = Log::start();
    let shop = Shop::open().await;
    let (refused, refused_job) = accepted(&shop).await;
    let (paying, job) = accepted(&shop).await;
    shop.store.refuse_attempts("order_id", refused.order_id.as_str()).await.unwrap();
    let running = Running::start(&shop, 4);
    publish_all(&running, &[&refused_job, &job]).await;
    wait_for("the other one", SOON, async || has_ended(&shop, &job).await).await;
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    running.stop().await.unwrap();
    let alert = log.text().lines().any(|line| {
        line.contains("\"alert\":\"unreadable_row\"") && line.contains(refused_job.as_str())
    });
    assert!(alert, "{}", log.text());
    assert_eq!(shop.job(&refused_job).await.state, JobState::Queued);
    shop.store.accept_attempts("order_id").await.unwrap();
    shop.drain().await;
    shop.assert_ended(&refused, &refused_job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_taken_than_the_merchant_has_room_for() {
    let shop = Shop::open().await;
    let running = Running::start_with(&shop, 4, |context| context.limits.merchant_concurrency = 1);
    let (paying, job) = slow(&shop, &running, 1_000).await;
    reaches_toss(&shop, &paying).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(accepted(&shop).await.1);
    }
    publish_all(&running, &others.iter().collect::<Vec<_>>()).await;
    let mut all = others.clone();
    all.push(job);
    let mut ended = 0;
    wait_for("all of them", SOON, async || {
        ended = 0;
        for job in &all {
            let row = shop.job(job).await;
            assert_ne!(row.state, JobState::Waiting, "taken only to be put off: {row:?}");
            ended += usize::from(!row.state.is_live());
        }
        ended == all.len()
    })
    .await;
    running.stop().await.unwrap();
    shop.close().await;
}

/// A publisher that never comes to an end.
#[derive(Debug, Default)]
struct Hanging {
    reached: Arc<Notify>,
}

#[async_trait::async_trait]
impl Publisher for Hanging {
    async fn publish(&self, _: &[Message]) -> Vec<Published> {
        self.reached.notify_one();
        std::future::pending().await
    }

    fn is_ready(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_takes_long_to_publish_holds_up_no_answer() {
    let shop = Shop::open().await;
    let hanging = Arc::new(Hanging::default());
    let reached = Arc::clone(&hanging.reached);
    let running = Running::start_with(&shop, 4, |context| context.publisher = hanging);
    let (paying, job) = slow(&shop, &running, 500).await;
    reaches_toss(&shop, &paying).await;
    // Its lease is over and somebody else claims it: its answer will ask for a look-up, which is published.
    shop.advance(limits::LEASE_MS + 1);
    let late = shop.claim(&shop.worker("another"), &job).await;
    tokio::time::timeout(SOON, reached.notified()).await.expect("a job to publish");
    pays(&shop, &running).await;
    running.stop.cancel();
    let result = shop.dispatcher.call(late).await;
    shop.dispatcher.settle(result).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;
    running.worker.abort();
    running.relay.await.unwrap();
    running.queue.close().await;
    shop.close().await;
}

/// Dead letters with a defect that shows when it is told to.
#[derive(Debug)]
struct Defective(Arc<Notify>);

#[async_trait::async_trait]
impl DeadLetters for Defective {
    #[expect(clippy::panic, reason = "the defect")]
    async fn receive(&mut self, _: usize) -> Result<Vec<DeadLetter>, ConsumerEnded> {
        self.0.notified().await;
        panic!("a defect");
    }
}

#[tokio::test]
async fn a_panic_of_any_of_its_tasks_ends_the_worker_with_an_error_after_its_calls() {
    let log = Log::start();
    let shop = Shop::open().await;
    let shows = Arc::new(Notify::new());
    let defective = Box::new(Defective(Arc::clone(&shows)));
    let running = Running::start_with(&shop, 4, |context| context.dead_letters = defective);
    let (paying, job) = slow(&shop, &running, 400).await;
    reaches_toss(&shop, &paying).await;
    shows.notify_one();
    let Running { queue, stop, worker, relay } = running;
    let ended = tokio::time::timeout(SOON, worker).await.expect("it ends").unwrap();
    assert_eq!(ended, Err(WorkerEnded::Panicked));
    assert!(log.text().contains("\"alert\":\"panic\""), "{}", log.text());
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    stop.cancel();
    relay.await.unwrap();
    queue.close().await;
    shop.close().await;
}
