//! The relay against a database and a queue that can be taken away. Time is simulated.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use async_trait::async_trait;
use domain::job::JobKind;
use queue::{Lane, Message, Published};
use store::{Origin, PublishedJob, StoreError};
use tokio::time::Instant;

use super::*;

/// Jobs that are due, in a list. `fails` takes the database away.
#[derive(Debug, Default)]
struct FakeJobs {
    due: Mutex<VecDeque<PublishedJob>>,
    takes: Mutex<Vec<Instant>>,
    fails: AtomicBool,
}

fn published(id: String, kind: JobKind) -> PublishedJob {
    PublishedJob { id, kind, origin: Origin::default() }
}

impl FakeJobs {
    fn with(count: usize) -> FakeJobs {
        let jobs = FakeJobs::default();
        jobs.add(JobKind::Confirm, count);
        jobs
    }

    fn add(&self, kind: JobKind, count: usize) {
        let mut due = self.due.lock().unwrap();
        due.extend((0..count).map(|id| published(format!("{}-{id}", kind.word()), kind)));
    }

    fn left(&self) -> usize {
        self.due.lock().unwrap().len()
    }

    fn takes(&self) -> usize {
        self.takes.lock().unwrap().len()
    }

    fn answer(&self) -> Result<(), StoreError> {
        if self.fails.load(SeqCst) { Err(StoreError::Schema("away".to_owned())) } else { Ok(()) }
    }
}

impl DueJobs for FakeJobs {
    async fn take_due_jobs(&self, limit: u64) -> Result<Vec<PublishedJob>, StoreError> {
        self.takes.lock().unwrap().push(Instant::now());
        self.answer()?;
        let mut due = self.due.lock().unwrap();
        let count = due.len().min(usize::try_from(limit).unwrap());
        Ok(due.drain(..count).collect())
    }

    async fn return_unpublished(&self, ids: &[String]) -> Result<(), StoreError> {
        self.answer()?;
        let returned = ids.iter().map(|id| published(id.clone(), JobKind::Confirm));
        self.due.lock().unwrap().extend(returned);
        Ok(())
    }
}

/// A queue that can be away, or full from a number of messages on.
#[derive(Debug)]
struct FakePublisher {
    is_ready: AtomicBool,
    room: Mutex<usize>,
    published: Mutex<Vec<Message>>,
}

impl FakePublisher {
    fn with_room(room: usize) -> FakePublisher {
        FakePublisher {
            is_ready: AtomicBool::new(true),
            room: Mutex::new(room),
            published: Mutex::default(),
        }
    }

    fn published(&self) -> usize {
        self.published.lock().unwrap().len()
    }
}

#[async_trait]
impl Publisher for FakePublisher {
    async fn publish(&self, batch: &[Message]) -> Vec<Published> {
        let mut room = self.room.lock().unwrap();
        let mut published = self.published.lock().unwrap();
        let taken = batch.len().min(*room);
        *room -= taken;
        published.extend_from_slice(&batch[..taken]);
        (0..batch.len())
            .map(|number| match number < taken {
                true => Published::Confirmed,
                false => Published::NotConfirmed("full".to_owned()),
            })
            .collect()
    }

    fn is_ready(&self) -> bool {
        self.is_ready.load(SeqCst)
    }
}

/// No jitter, so that simulated times are exact.
#[derive(Debug)]
struct NoJitter;

impl IdSource for NoJitter {
    fn new_id(&self) -> String {
        "id".to_owned()
    }

    fn jitter_ms(&self, _most: i64) -> i64 {
        0
    }
}

/// Runs the relay for a simulated time.
async fn relay_for(jobs: &FakeJobs, publisher: &FakePublisher, wake: &Notify, length: Duration) {
    let shutdown = CancellationToken::new();
    let stop = async {
        tokio::time::sleep(length).await;
        shutdown.cancel();
    };
    tokio::join!(relay(jobs, publisher, &NoJitter, &shutdown, Some(wake)), stop);
}

#[tokio::test(start_paused = true)]
async fn whole_batches_follow_each_other_without_a_pause() {
    let (jobs, publisher) = (FakeJobs::with(1_050), FakePublisher::with_room(usize::MAX));
    relay_for(&jobs, &publisher, &Notify::new(), Duration::from_millis(1)).await;
    assert_eq!(publisher.published(), 1_050);
    assert_eq!(jobs.takes(), 11);
}

#[tokio::test(start_paused = true)]
async fn an_idle_relay_looks_at_its_own_pace_and_at_once_when_woken() {
    let (jobs, publisher) = (FakeJobs::default(), FakePublisher::with_room(usize::MAX));
    let wake = Notify::new();
    let poll = Duration::from_millis(RELAY_POLL_MS.unsigned_abs());
    relay_for(&jobs, &publisher, &wake, poll * 10 - Duration::from_millis(1)).await;
    assert_eq!(jobs.takes(), 10);

    jobs.add(JobKind::Cancel, 1);
    let woken = async {
        tokio::time::sleep(poll / 10).await;
        jobs.add(JobKind::LookUp, 1);
        wake.notify_one();
    };
    tokio::join!(relay_for(&jobs, &publisher, &wake, poll / 5), woken);
    let lanes: Vec<Lane> = publisher.published.lock().unwrap().iter().map(|one| one.lane).collect();
    assert_eq!(lanes, [Lane::Cancel, Lane::LookUp]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_while_the_queue_is_away_and_all_of_it_when_it_is_back() {
    let (jobs, publisher) = (FakeJobs::with(7), FakePublisher::with_room(usize::MAX));
    publisher.is_ready.store(false, SeqCst);
    let back = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!((jobs.takes(), jobs.left()), (0, 7));
        publisher.is_ready.store(true, SeqCst);
    };
    let (jobs, publisher) = (&jobs, &publisher);
    let wake = Notify::new();
    tokio::join!(relay_for(jobs, publisher, &wake, Duration::from_secs(66)), back);
    assert_eq!((publisher.published(), jobs.left()), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_queue_does_not_take_is_given_back_and_tried_more_slowly() {
    let (jobs, publisher) = (FakeJobs::with(30), FakePublisher::with_room(10));
    relay_for(&jobs, &publisher, &Notify::new(), Duration::from_secs(60)).await;
    assert_eq!((publisher.published(), jobs.left()), (10, 20));
    // 0.25, 0.25, 0.5, 1, 2, then every 3 s.
    let takes = jobs.takes();
    assert!((20..=26).contains(&takes), "{takes} tries in a minute");

    *publisher.room.lock().unwrap() = 100;
    relay_for(&jobs, &publisher, &Notify::new(), Duration::from_millis(1)).await;
    assert_eq!((publisher.published(), jobs.left()), (30, 0));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_is_tried_on_and_nothing_is_lost() {
    let (jobs, publisher) = (FakeJobs::with(3), FakePublisher::with_room(usize::MAX));
    jobs.fails.store(true, SeqCst);
    let back = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let takes = jobs.takes();
        assert!((11..=15).contains(&takes), "{takes} tries in half a minute");
        jobs.fails.store(false, SeqCst);
    };
    let (jobs, publisher) = (&jobs, &publisher);
    let wake = Notify::new();
    tokio::join!(relay_for(jobs, publisher, &wake, Duration::from_secs(36)), back);
    assert_eq!((publisher.published(), jobs.left()), (3, 0));
}

#[test]
fn jitter_lengthens_a_pause_by_a_fifth_at_the_most() {
    for _ in 0..200 {
        let pause = with_jitter(1_000, &RandomIds);
        assert!((1_000..=1_200).contains(&pause.as_millis()), "{pause:?}");
    }
}
