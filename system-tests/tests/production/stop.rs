//! Processes are told to stop while there is work: what is under way is finished, what is not begun goes to others, and customers notice
//! nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::{Places, Signal};

use crate::fleet::{Fleet, LEASE, RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::{Checkout, ids};

const ORDERS: usize = 40;
const CALL_MS: u64 = 1_500;
/// The longest that a worker may need to stop: a call, its settlement, and goodbyes.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Signals that follow each other faster are one wish.
const ONE_WISH: Duration = Duration::from_millis(600);
/// The pace of confirms during a rolling restart.
const BETWEEN_CUSTOMERS: Duration = Duration::from_millis(50);
/// How many of them come between two steps of it.
const BETWEEN_STEPS: usize = 10;
/// What a process that was told twice exits with.
const ENDED_AT_ONCE: i32 = 1;

/// The code of an attempt that was claimed and not begun.
const NOT_BEGUN: &str = "STOPPED_BEFORE_SENDING";

/// Insists that each job was called for once, that nothing was cut off, and that no answer came too late.
async fn insist_nothing_was_wasted(fleet: &Fleet) {
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for attempt in fleet.rows.attempts().await {
        assert!(attempt.finished_at.is_some() && !attempt.is_stale, "{attempt:?}");
        if attempt.code.as_deref() != Some(NOT_BEGUN) {
            assert_eq!(attempt.http_status, Some(200), "{attempt:?}");
            *calls.entry(attempt.job_id).or_default() += 1;
        }
    }
    assert!(calls.values().all(|count| *count == 1), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_stop_finishes_its_calls_and_leaves_the_rest_to_others() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let checkouts = fleet.prepare_with(ORDERS, &json!({"kind": "delay", "ms": CALL_MS})).await;
        let (first, second) = checkouts.split_at(ORDERS / 2);
        fleet.accept_all(first).await;
        let mut stopping = fleet.workers.remove(0);
        stopping.signal(Signal::Terminate);
        fleet.accept_all(second).await;
        let (code, took) = stopping.wait_for_end();
        println!("a worker under load stopped within {took:?} after the last confirm");
        assert_eq!(code, 0, "{}", stopping.said());
        assert!(took <= STOP_MAX, "{took:?}");
        assert_eq!(fleet.rows.workers().await.len(), 1, "it said no goodbye");
        fleet.rows.wait_for_paid(&ids(&checkouts), ORDERS, Instant::now()).await;
        insist_nothing_was_wasted(fleet).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_worker_at_once_and_its_call_is_taken_over() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let checkouts = fleet.prepare_with(1, &json!({"kind": "delay", "ms": 8_000})).await;
        fleet.accept_all(&checkouts).await;
        fleet.wait_for_call(&checkouts[0]).await;
        fleet.start_worker(&[]);
        let mut stopping = fleet.workers.remove(0);
        stopping.signal(Signal::Terminate);
        tokio::time::sleep(ONE_WISH).await;
        stopping.insist_well();
        stopping.signal(Signal::Terminate);
        let (code, took) = stopping.wait_for_end();
        let ended = Instant::now();
        assert_eq!(code, ENDED_AT_ONCE, "{}", stopping.said());
        assert!(took <= Duration::from_secs(1), "{took:?}");
        let took = fleet.rows.wait_for_paid(&ids(&checkouts), 1, ended).await;
        println!("ended by a second signal: paid {took:?} later");
        assert!(took <= LEASE + RECOVERY_MAX, "{took:?}");
    })
    .await;
}

/// What customers know while processes come and go.
#[derive(Debug, Clone, Default)]
struct Directory {
    /// Where requests are taken.
    open: Arc<Mutex<Vec<String>>>,
    /// Those that were told to stop: only there a request may meet nobody.
    stopping: Arc<Mutex<Vec<String>>>,
    confirmed: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Directory {
    fn open(&self, url: &str) {
        self.open.lock().unwrap().push(url.to_owned());
    }

    /// From now on it is told to stop, and customers may not know it yet.
    fn stop(&self, url: &str) {
        self.stopping.lock().unwrap().push(url.to_owned());
    }

    /// Waits until some more customers have come.
    async fn wait_for_load(&self) {
        let wanted = self.confirmed.load(Ordering::SeqCst) + BETWEEN_STEPS;
        while self.confirmed.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(BETWEEN_CUSTOMERS).await;
        }
    }

    fn close(&self, url: &str) {
        self.open.lock().unwrap().retain(|open| open != url);
    }
}

/// Confirms at all open APIs in turn; who meets nobody goes to the next one. Gives how often that happened.
async fn confirm_everywhere(
    places: Places,
    directory: Directory,
    checkouts: Vec<Checkout>,
) -> (usize, Vec<Checkout>) {
    let mut met_nobody = 0;
    let mut confirmed = Vec::new();
    let mut pace = tokio::time::interval(BETWEEN_CUSTOMERS);
    for (number, checkout) in checkouts.into_iter().enumerate() {
        pace.tick().await;
        if directory.is_over.load(Ordering::SeqCst) {
            break;
        }
        for offset in 0.. {
            let url = {
                let open = directory.open.lock().unwrap();
                open[(number + offset) % open.len()].clone()
            };
            let places = Places { api: url.clone(), ..places.clone() };
            match places.try_confirm(&checkout.order, &checkout.payment_key).await {
                Ok(answer) => {
                    assert_eq!(answer.status, 202, "{}", answer.body);
                    break;
                }
                Err(error) => {
                    let is_stopping = directory.stopping.lock().unwrap().contains(&url);
                    assert!(is_stopping, "{url} was not told to stop: {error:?}");
                    met_nobody += 1;
                }
            }
        }
        confirmed.push(checkout);
        directory.confirmed.fetch_add(1, Ordering::SeqCst);
    }
    (met_nobody, confirmed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_everything_under_load_fails_no_request_and_wastes_no_call() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let checkouts = fleet.prepare_with(250, &json!({"kind": "delay", "ms": 300})).await;
        let directory = Directory::default();
        fleet.apis.iter().for_each(|api| directory.open(&api.url));
        let confirming =
            tokio::spawn(confirm_everywhere(fleet.places(0), directory.clone(), checkouts));
        for _ in 0..2 {
            fleet.start_api();
            let (new, old) = (fleet.apis[2].url.clone(), fleet.apis[0].url.clone());
            fleet.wait_for_ready(&new, 200).await;
            directory.open(&new);
            directory.wait_for_load().await;
            directory.stop(&old);
            fleet.stop_api(0);
            directory.close(&old);
            fleet.start_worker(&[]);
            directory.wait_for_load().await;
            fleet.stop_worker(0);
        }
        directory.is_over.store(true, Ordering::SeqCst);
        let (met_nobody, confirmed) = confirming.await.unwrap();
        println!("a rolling restart: {} confirms, {met_nobody} met nobody", confirmed.len());
        assert!(confirmed.len() >= ORDERS, "it was over before there was load");
        fleet.rows.wait_for_paid(&ids(&confirmed), confirmed.len(), Instant::now()).await;
        insist_nothing_was_wasted(fleet).await;
        let workers = fleet.rows.workers().await.len();
        assert_eq!(workers, 2, "stopped workers said no goodbye");
    })
    .await;
}
