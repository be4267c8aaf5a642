//! `seungin recover`: it does nothing beside workers that may send meanwhile, unless it is told to.

use std::time::Instant;

use crate::process::{Ended, PATIENCE, Place};

const RECOVER: [&str; 3] = ["recover", "--since", "2026-01-01"];

/// Recovers until it is refused: a worker's first heartbeat may be under way.
fn refused(place: &Place) -> Ended {
    let until = Instant::now() + PATIENCE;
    loop {
        let ended = place.run(&RECOVER);
        if ended.code == Some(2) {
            return ended;
        }
        assert!(Instant::now() < until, "{:?} {}", ended.code, ended.stderr);
    }
}

#[test]
fn nothing_is_recovered_beside_a_worker_until_it_has_stopped_or_its_heartbeat_is_known_to_be_old() {
    let place = Place::new();
    let running = place.start();
    let told = refused(&place).stderr;
    for part in [
        "these workers may be running:",
        " on ",
        "Stop them",
        "run this again in ",
        "--beside-running",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("clock"), "{told}");
    // What would be done may be asked at any time.
    place.run(&[&RECOVER[..], &["--dry-run"]].concat()).expect(0);
    running.stop().expect(0);
    place.run(&RECOVER).expect(0);

    // One that was killed said no goodbye, as the heartbeats of a backup.
    let mut running = place.start();
    refused(&place);
    running.kill();
    refused(&place);
    let done = place.run(&[&RECOVER[..], &["--beside-running", "--json"]].concat()).expect(0);
    assert_eq!(done.json()["recordsAheadMs"], 0);
}
