//! Workers whose clocks are wrong: the database's clock decides, so theirs cannot matter.

use serde_json::json;
use system_tests::{Process, clear_dead_clocks};

use crate::fleet::{Shape, on_a_fleet};
use crate::load::ids;

const ORDERS: usize = 45;
const DAY_S: i64 = 86_400;

/// The time of day in a worker's first log line, in seconds.
fn time_of_first_line(worker: &mut Process) -> i64 {
    worker.wait_for("log line", |worker| {
        let said = worker.said();
        let (_, rest) = said.split_once(r#""timestamp":""#)?;
        let time = rest.get(11..19)?;
        let parts: Vec<i64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
        (parts.len() == 3).then(|| parts.iter().fold(0, |sum, part| sum * 60 + part))
    })
}

/// From one time of day to another, the shorter way round.
fn ahead_by(later: i64, earlier: i64) -> i64 {
    (later - earlier + DAY_S / 2).rem_euclid(DAY_S) - DAY_S / 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_whose_clocks_are_wrong_by_a_minute_call_once_for_each_order() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        clear_dead_clocks();
        fleet.start_worker_behind(&["faketime", "-f", "+60s"], &[]);
        fleet.start_worker_behind(&["faketime", "-f", "-60s"], &[]);
        fleet.wait_until_ready().await;
        let times: Vec<i64> = fleet.workers.iter_mut().map(time_of_first_line).collect();
        let (fast, slow) = (ahead_by(times[1], times[0]), ahead_by(times[2], times[0]));
        assert!(fast >= 50 && slow <= -30, "no clock is wrong: {fast} s and {slow} s");

        let checkouts = fleet.prepare_with(ORDERS, &json!({"kind": "delay", "ms": 300})).await;
        fleet.accept_all(&checkouts).await;
        fleet.rows.wait_for_paid(&ids(&checkouts), ORDERS, std::time::Instant::now()).await;
        let attempts = fleet.rows.attempts().await;
        assert_eq!(attempts.len(), ORDERS, "an order was taken up twice");
        let workers: std::collections::BTreeSet<&str> =
            attempts.iter().map(|one| one.worker.as_str()).collect();
        assert_eq!(workers.len(), 3, "not everybody worked");
    })
    .await;
}
