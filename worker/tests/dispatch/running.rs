//! The running worker with its queue and its relay: many at once, slow ones, stops, and a database that is away. These tests wait,
//! by bounded polling.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use domain::JobId;
use domain::job::{JobKind, JobState};
use domain::limits;
use queue::rabbit::scratch::Scratch;
use queue::rabbit::{Jitter, RabbitQueue};
use queue::{
    Consumer, ConsumerEnded, DeadLetters, Delivery, Lane, MemoryQueue, Message, Publisher, Trace,
};
use serde_json::json;
use simulator::Config;
use store::{Origin, PublishedJob};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use worker::{CallLimits, Identity, WorkerContext, WorkerEnded};

use crate::hands::Fault;
use crate::log::Log;
use crate::shop::{Paying, Shop};

/// A worker and a relay at work.
pub(crate) struct Running {
    pub(crate) queue: TestQueue,
    pub(crate) stop: CancellationToken,
    pub(crate) worker: JoinHandle<Result<(), WorkerEnded>>,
    pub(crate) relay: JoinHandle<()>,
}

/// The queue of the kind that the environment asks for.
#[derive(Clone)]
pub(crate) enum TestQueue {
    Memory(MemoryQueue),
    /// With its corner of the broker, which is dropped last.
    Rabbit {
        queue: RabbitQueue,
        _scratch: Arc<Scratch>,
    },
}

impl TestQueue {
    pub(crate) fn open() -> TestQueue {
        if !store::scratch::is_on_servers() {
            return TestQueue::Memory(MemoryQueue::new(NonZeroUsize::new(1_000).unwrap()));
        }
        let scratch = Scratch::make();
        let queue = RabbitQueue::start(scratch.config(), Jitter::new(|most| most / 2));
        TestQueue::Rabbit { queue, _scratch: Arc::new(scratch) }
    }

    pub(crate) fn publisher(&self) -> Arc<dyn Publisher> {
        match self {
            TestQueue::Memory(queue) => Arc::new(queue.publisher()),
            TestQueue::Rabbit { queue, .. } => Arc::new(queue.publisher()),
        }
    }

    pub(crate) fn consumer(&self) -> Box<dyn Consumer> {
        match self {
            TestQueue::Memory(queue) => Box::new(queue.consumer(&Lane::ALL)),
            TestQueue::Rabbit { queue, .. } => Box::new(queue.consumer(&Lane::ALL)),
        }
    }

    pub(crate) fn dead_letters(&self) -> Box<dyn DeadLetters> {
        match self {
            TestQueue::Memory(queue) => queue.dead_letters(),
            TestQueue::Rabbit { queue, .. } => queue.dead_letters(),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            TestQueue::Memory(queue) => queue.close(),
            TestQueue::Rabbit { queue, .. } => queue.close().await,
        }
    }
}

fn lane(kind: JobKind) -> Lane {
    match kind {
        JobKind::Confirm => Lane::Confirm,
        JobKind::Cancel => Lane::Cancel,
        JobKind::LookUp => Lane::LookUp,
    }
}

pub(crate) fn context(
    shop: &Shop,
    queue: &TestQueue,
    consumer: Box<dyn Consumer>,
    concurrency: usize,
) -> WorkerContext {
    WorkerContext {
        store: shop.store.clone(),
        consumer,
        dead_letters: queue.dead_letters(),
        publisher: queue.publisher(),
        gateways: shop.dispatcher.gateways.clone(),
        pacing: Arc::clone(&shop.dispatcher.pacing),
        limits: CallLimits { concurrency, merchant_concurrency: concurrency, per_minute: None },
        identity: identity("running"),
        retention: None,
        reconciliation: None,
    }
}

pub(crate) fn identity(id: &str) -> Identity {
    Identity {
        id: id.to_owned(),
        host: "test".to_owned(),
        version: "0".to_owned(),
        lanes: Lane::ALL.to_vec(),
    }
}

impl Running {
    pub(crate) fn start(shop: &Shop, concurrency: usize) -> Running {
        Running::start_with(shop, concurrency, |_| {})
    }

    pub(crate) fn start_with(
        shop: &Shop,
        concurrency: usize,
        change: impl FnOnce(&mut WorkerContext),
    ) -> Running {
        let queue = TestQueue::open();
        let stop = CancellationToken::new();
        let mut context = context(shop, &queue, queue.consumer(), concurrency);
        change(&mut context);
        let worker = tokio::spawn(worker::run(context, stop.clone()));
        let publisher = queue.publisher();
        let relay = tokio::spawn(relay::run(shop.store.clone(), publisher, stop.clone(), None));
        Running { queue, stop, worker, relay }
    }

    pub(crate) async fn publish(&self, shop: &Shop, job: &JobId, kind: JobKind) {
        let job = PublishedJob { id: job.as_str().to_owned(), kind, origin: Origin::default() };
        let publisher = self.queue.publisher();
        wait_for("the queue", SOON, async || publisher.is_ready()).await;
        relay::publish_now(&shop.store, publisher.as_ref(), &[job]).await;
    }

    /// Stops in good order and waits until it has.
    pub(crate) async fn stop(self) -> Result<(), WorkerEnded> {
        self.stop.cancel();
        let ended = self.worker.await.unwrap();
        self.relay.await.unwrap();
        self.queue.close().await;
        ended
    }
}

/// Waits until `is_so`, for at most this long.
pub(crate) async fn wait_for(what: &str, longest: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + longest;
    while !is_so().await {
        assert!(Instant::now() < until, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) const SOON: Duration = Duration::from_secs(15);

pub(crate) async fn has_ended(shop: &Shop, job: &JobId) -> bool {
    !shop.job(job).await.state.is_live()
}

async fn running_count(shop: &Shop) -> usize {
    let jobs = shop.jobs(JobKind::Confirm).await;
    jobs.into_iter().filter(|job| job.state == JobState::Running).count()
}

/// A payment whose confirm takes so long at Toss, accepted and published.
pub(crate) async fn slow(shop: &Shop, running: &Running, ms: u64) -> (Paying, JobId) {
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("delay").with("ms", json!(ms)));
    let job = shop.accept(&paying).await;
    running.publish(shop, &job, JobKind::Confirm).await;
    (paying, job)
}

pub(crate) async fn reaches_toss(shop: &Shop, paying: &Paying) {
    wait_for("the call at Toss", SOON, async || shop.ledger(paying).calls.confirm > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_checkouts_at_once_keep_each_its_own_status() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 16);
    let mut checkouts = Vec::new();
    for number in 0..100_u32 {
        let paying = shop.authenticated(number % 97 + 1).await;
        let (fault, status) = match number % 10 {
            3 => (Some(Fault::code("REJECT_CARD_COMPANY")), "failed"),
            5 => (Some(Fault::new("cut_after")), "paid"),
            7 => (Some(Fault::new("unauthorized")), "checking"),
            _ => (None, "paid"),
        };
        if let Some(fault) = fault {
            shop.goes_wrong(&paying, "confirm", &fault);
        }
        checkouts.push((paying, status));
    }
    let mut jobs = Vec::new();
    for (paying, _) in &checkouts {
        let job = shop.accept(paying).await;
        running.publish(&shop, &job, JobKind::Confirm).await;
        jobs.push(job);
    }
    for job in &jobs {
        wait_for("every checkout", SOON, async || {
            let state = shop.job(job).await.state;
            !state.is_live() || state == JobState::Parked
        })
        .await;
    }
    for (paying, status) in &checkouts {
        assert_eq!(shop.status(paying).await, *status);
        assert_eq!(shop.ledger(paying).calls.confirm, 1);
        shop.assert_money_is_conserved(paying).await;
    }
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_toss_takes_long_for_one_payment_the_others_flow() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let (paying, job) = slow(&shop, &running, 2_500).await;
    reaches_toss(&shop, &paying).await;
    for _ in 0..8 {
        let other = shop.authenticated(5).await;
        let job = shop.accept(&other).await;
        running.publish(&shop, &job, JobKind::Confirm).await;
        wait_for("another payment", SOON, async || has_ended(&shop, &job).await).await;
        assert_eq!(shop.status(&other).await, "paid");
    }
    assert_eq!(shop.status(&paying).await, "confirming", "still at Toss");
    wait_for("the slow one", SOON, async || has_ended(&shop, &job).await).await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_calls_are_under_way_than_allowed() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 3);
    let began = Instant::now();
    let mut jobs = Vec::new();
    for _ in 0..12 {
        jobs.push(slow(&shop, &running, 150).await.1);
    }
    let mut most = 0;
    wait_for("all of them", SOON, async || {
        most = running_count(&shop).await.max(most);
        let mut left = 0;
        for job in &jobs {
            left += usize::from(!has_ended(&shop, job).await);
        }
        left == 0
    })
    .await;
    assert!(most >= 3, "{most} at once");
    // Four at once would have been done after three times, however fast the machine.
    assert!(began.elapsed() >= Duration::from_millis(4 * 150), "{:?}", began.elapsed());
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_calls_under_way_finish_and_takes_nothing_new() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 3);
    let mut under_way = Vec::new();
    for _ in 0..3 {
        under_way.push(slow(&shop, &running, 400).await);
    }
    for (paying, _) in &under_way {
        reaches_toss(&shop, paying).await;
    }
    let (waiting, waiting_job) = slow(&shop, &running, 0).await;
    running.stop().await.unwrap();
    for (paying, job) in &under_way {
        assert_eq!(shop.job(job).await.state, JobState::Succeeded);
        assert!(!shop.attempts(job).await[0].is_stale);
        assert_eq!(shop.status(paying).await, "paid");
        shop.assert_money_is_conserved(paying).await;
    }
    assert_eq!(shop.job(&waiting_job).await.state, JobState::Queued);
    assert!(shop.attempts(&waiting_job).await.is_empty());
    shop.drain().await;
    assert_eq!(shop.status(&waiting).await, "paid");
    shop.close().await;
}

/// Gives one message, and stops the worker in the same moment.
#[derive(Debug)]
struct StopsAtTheFirst {
    inner: queue::memory::MemoryConsumer,
    stop: CancellationToken,
}

#[async_trait::async_trait]
impl Consumer for StopsAtTheFirst {
    async fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, ConsumerEnded> {
        let received = self.inner.receive(most).await;
        self.stop.cancel();
        received
    }

    fn pause(&mut self, lanes: &[Lane]) {
        self.inner.pause(lanes);
    }
}

#[tokio::test]
async fn what_was_claimed_and_not_sent_when_the_stop_came_is_given_back_at_once() {
    let log = Log::start();
    let shop = Shop::open().await;
    let queue = MemoryQueue::new(NonZeroUsize::new(10).unwrap());
    let stop = CancellationToken::new();
    let consumer = StopsAtTheFirst { inner: queue.consumer(&Lane::ALL), stop: stop.clone() };
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    let message = Message {
        job_id: job.as_str().to_owned(),
        lane: lane(JobKind::Confirm),
        trace: Trace::default(),
    };
    queue.publisher().publish(&[message]).await;
    let context = context(&shop, &TestQueue::Memory(queue), Box::new(consumer), 4);
    worker::run(context, stop).await.unwrap();
    assert!(shop.ledger(&paying).requests.is_empty());
    let attempt = shop.attempts(&job).await.remove(0);
    assert_eq!(attempt.verdict.as_deref(), Some("unsent"));
    assert_eq!(attempt.code.as_deref(), Some("STOPPED_BEFORE_SENDING"));
    let [line] = log.settled().try_into().unwrap();
    assert_eq!((&line["code"], &line["next"]), (&json!(attempt.code), &json!("queued")));
    assert_eq!(line["span"]["job_id"], job.as_str(), "{line}");
    let due = shop.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.unwrap();
    assert_eq!(due.len(), 1, "without waiting for a lease");
    shop.dispatcher.dispatch(std::slice::from_ref(&job)).await.unwrap();
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_ends_ends_the_worker_after_its_calls() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let (paying, job) = slow(&shop, &running, 300).await;
    reaches_toss(&shop, &paying).await;
    running.queue.close().await;
    let Running { worker, stop, relay, .. } = running;
    assert_eq!(worker.await.unwrap(), Err(WorkerEnded::Queue(ConsumerEnded)));
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    assert_eq!(shop.status(&paying).await, "paid");
    stop.cancel();
    relay.await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_written_is_kept_until_it_can_even_through_a_stop() {
    for stops in [false, true] {
        let shop = Shop::open().await;
        let running = Running::start(&shop, 4);
        let (paying, job) = slow(&shop, &running, 200).await;
        reaches_toss(&shop, &paying).await;
        // The database is away when the answer comes, and comes back later.
        shop.store.fail_commits(u32::MAX);
        wait_for("the charge", SOON, async || shop.ledger(&paying).charges == 1).await;
        if stops {
            running.stop.cancel();
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(shop.status(&paying).await, "confirming");
        assert!(!running.worker.is_finished(), "it does not go away with an answer in its hands");
        shop.store.fail_commits(0);
        wait_for("the answer", SOON, async || has_ended(&shop, &job).await).await;
        let attempts = shop.attempts(&job).await;
        assert_eq!((attempts.len(), attempts[0].is_stale), (1, false));
        shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
        running.stop().await.unwrap();
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_cannot_be_claimed_is_claimed_when_the_database_is_back() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    shop.store.fail_commits(u32::MAX);
    running.publish(&shop, &job, JobKind::Confirm).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(shop.ledger(&paying).requests.is_empty());
    shop.store.fail_commits(0);
    wait_for("the payment", SOON, async || has_ended(&shop, &job).await).await;
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_five_times_or_name_no_job_harm_nobody() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    let confirm = |job_id: &str| Message {
        job_id: job_id.to_owned(),
        lane: Lane::Confirm,
        trace: Trace::default(),
    };
    let mut messages = vec![confirm("not a job"), confirm("01a20a52-4849-71ed-b832-b4e362aa47da")];
    messages.extend((0..5).map(|_| confirm(job.as_str())));
    let publisher = running.queue.publisher();
    wait_for("the queue", SOON, async || publisher.is_ready()).await;
    publisher.publish(&messages).await;
    wait_for("the payment", SOON, async || has_ended(&shop, &job).await).await;
    assert_eq!(shop.attempts(&job).await.len(), 1);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    let set_aside = async || shop.store.list_poison(10).await.unwrap();
    wait_for("both to be set aside", SOON, async || set_aside().await.len() == 2).await;
    let bodies: Vec<String> = set_aside().await.into_iter().map(|row| row.message.body).collect();
    for strange in ["not a job", "01a20a52-4849-71ed-b832-b4e362aa47da"] {
        assert!(bodies.iter().any(|body| body == strange), "{strange} is not visible: {bodies:?}");
    }
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cancels_at_once_keep_the_distance_that_toss_wants_by_the_real_clock() {
    let shop = Shop::open_with(Config::default(), 5_000).await;
    let running = Running::start(&shop, 4);
    let paying = shop.authenticated(23).await;
    let confirm = shop.accept(&paying).await;
    running.publish(&shop, &confirm, JobKind::Confirm).await;
    wait_for("the payment", SOON, async || has_ended(&shop, &confirm).await).await;
    let (_, first) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    let (_, second) = shop.cancel(&paying, Some(4_000), "key-2").await.unwrap();
    running.publish(&shop, &first, JobKind::Cancel).await;
    running.publish(&shop, &second, JobKind::Cancel).await;
    for job in [&first, &second] {
        wait_for("both cancels", SOON, async || has_ended(&shop, job).await).await;
    }
    let ledger = shop.ledger(&paying);
    assert_eq!(ledger.cancelled, 7_000);
    assert_eq!(ledger.calls.cancel, 2, "none was dropped for coming too soon");
    shop.assert_money_is_conserved(&paying).await;
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_takes_longer_than_a_lease_keeps_it_by_renewals() {
    let shop = Shop::open_with(Config::default(), 20_000).await;
    let running = Running::start(&shop, 4);
    let (paying, job) = slow(&shop, &running, 6_500).await;
    reaches_toss(&shop, &paying).await;
    let leased_until = shop.job(&job).await.due_at;
    shop.advance(limits::LEASE_MS - 6_000);
    wait_for("the renewal", SOON, async || shop.job(&job).await.due_at > leased_until).await;
    // By the database's clock the first lease is over now.
    shop.advance(limits::LEASE_MS - 6_000);
    assert!(shop.store.now_ms().await.unwrap() > leased_until);
    wait_for("the payment", SOON, async || has_ended(&shop, &job).await).await;
    let attempts = shop.attempts(&job).await;
    assert_eq!((attempts.len(), attempts[0].is_stale), (1, false));
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    running.stop().await.unwrap();
    shop.close().await;
}
