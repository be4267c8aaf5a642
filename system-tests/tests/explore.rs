//! A thousand random journeys, each repeated by its seed. `cargo run -p system-tests --release -- explore` makes more of them.

use store::scratch::is_on_servers;
use system_tests::{explore, travel};

/// How many journeys are made; on a server each makes its own tables first.
fn seeds() -> u64 {
    if is_on_servers() { 10 } else { 1_000 }
}

const THREADS: usize = 2;

#[test]
fn whatever_happens_in_whatever_order_no_money_is_lost_or_moved_twice() {
    let seeds = seeds();
    println!("seeds 1 to {seeds}");
    let explored = explore(1..seeds + 1, THREADS);
    for (seed, broken) in &explored.broken {
        println!("cargo run -p system-tests --release -- explore --seed {seed}: {broken:#?}");
    }
    let tally = explored.tally;
    assert!(explored.broken.is_empty(), "{} seeds break something", explored.broken.len());
    assert_eq!((explored.seeds, tally.lost, tally.doubled), (seeds, 0, 0));
    // A journey that does nothing breaks nothing.
    for (name, count) in tally.rows().into_iter().filter(|(name, _)| !is_bad(name)) {
        assert!(count >= seeds / 10, "{count} {name}");
    }
}

/// Whether the count should be none.
fn is_bad(name: &str) -> bool {
    ["lost", "doubled"].contains(&name)
}

#[test]
fn the_same_seed_is_the_same_journey() {
    for seed in 1..=seeds().isqrt().min(8) {
        let (one, other) = (travel(seed), travel(seed));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.digest(), other.digest());
    }
    assert_ne!(travel(1).digest(), travel(2).digest());
}
