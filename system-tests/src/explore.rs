//! Random journeys through the real product, each repeated by its seed: customers, staff, Toss, the clock, the queue and dying workers
//! take turns, and then both ledgers have to agree.
//!
//! A journey is one database, one simulator behind HTTP, the API as a router and a worker's own steps, done one after the other on one
//! thread with a clock that stands still until it is moved. So the same seed is the same journey. What a journey may do is in `steps`,
//! what must be true in `invariants`.

mod customers;
mod elsewhere;
mod invariants;
mod journey;
mod mail;
mod people;
mod quiet;
mod shop;
mod site;
mod steps;
mod tally;
mod workers;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub use journey::Travelled;
pub use tally::Tally;

use site::Site;

/// How many journeys went, and how.
#[derive(Debug, Clone, Default)]
pub struct Explored {
    /// How many were made.
    pub seeds: u64,
    /// All their counts together.
    pub tally: Tally,
    /// The seeds whose journey broke something, each with what.
    pub broken: Vec<(u64, Vec<String>)>,
}

/// Makes the journey of one seed.
///
/// # Panics
/// The product does, or something of the journey's own.
#[must_use]
pub fn travel(seed: u64) -> Travelled {
    let runtime = runtime();
    runtime.block_on(async {
        let site = Site::open().await;
        Box::pin(journey::travel(&site, seed)).await
    })
}

/// Makes the journeys of these seeds on so many threads.
///
/// # Panics
/// A thread cannot be started.
#[must_use]
pub fn explore(seeds: Range<u64>, threads: usize) -> Explored {
    let next = AtomicU64::new(seeds.start);
    let explored = Mutex::new(Explored::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| travel_in_turn(&next, seeds.end, &explored));
        }
    });
    let mut explored = explored.into_inner().unwrap();
    explored.broken.sort();
    explored
}

fn travel_in_turn(next: &AtomicU64, end: u64, explored: &Mutex<Explored>) {
    let runtime = runtime();
    let mut site = runtime.block_on(Site::open());
    loop {
        let seed = next.fetch_add(1, Ordering::SeqCst);
        if seed >= end {
            return;
        }
        let travelled =
            catch_unwind(AssertUnwindSafe(|| runtime.block_on(journey::travel(&site, seed))));
        let mut all = explored.lock().unwrap();
        all.seeds += 1;
        match travelled {
            Ok(travelled) => {
                all.tally = all.tally.plus(travelled.tally);
                if !travelled.broken.is_empty() {
                    all.broken.push((seed, travelled.broken));
                }
            }
            Err(panic) => {
                all.broken.push((seed, vec![format!("a panic: {}", said(panic.as_ref()))]));
                site = runtime.block_on(Site::open());
            }
        }
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
