//! The embedded product: starting, sharing the machine with others, stopping, going on.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::process::Place;

#[test]
fn a_taken_port_is_an_error_that_names_the_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    let ended = place.run(&["--listen", &address, "--simulator-listen", "127.0.0.1:0"]).expect(1);
    assert!(
        ended.stderr.contains(&address) && ended.stderr.contains("--listen"),
        "{}",
        ended.stderr
    );
    let ended = place.run(&["--listen", "127.0.0.1:0", "--simulator-listen", &address]).expect(1);
    assert!(ended.stderr.contains("--simulator-listen"), "{}", ended.stderr);
    let ended = place.run(&["simulator", "--listen", &address]).expect(1);
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
}

#[test]
fn a_second_process_on_the_same_data_directory_is_refused_and_told_who_has_it() {
    let place = Place::new();
    let running = place.start();
    let arguments = ["--listen", "127.0.0.1:0", "--simulator-listen", "127.0.0.1:0"];
    let ended = place.run(&arguments).expect(1);
    assert!(ended.stderr.contains("in use by process"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&running.api), "{}", ended.stderr);
    place.run(&["healthcheck"]).expect(0);
    running.stop().expect(0);
    place.run(&["healthcheck", "--url", "http://127.0.0.1:1"]).expect(1);
}

#[test]
fn ctrl_c_ends_it_quickly_and_cleanly() {
    let place = Place::new();
    for signal in ["INT", "TERM"] {
        let running = place.start();
        let began = Instant::now();
        running.signal(signal);
        let ended = running.wait().expect(0);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(!place.path().join(".seungin/instance.json").exists());
        assert!(ended.stdout.contains("Demo shop") && ended.stdout.contains("curl"));
        assert!(!ended.stdout.contains('\u{1b}'), "colours without a terminal");
    }
}

#[test]
fn the_next_start_goes_on_where_the_last_one_was_also_after_a_kill() {
    let place = Place::new();
    let running = place.start();
    let tried = place.run(&["try", "--json"]).expect(0).json();
    let order_id = tried["orderId"].as_str().unwrap().to_owned();
    let token = place.master_token();
    running.stop().expect(0);

    let mut running = place.start();
    assert_eq!(place.master_token(), token, "the demo staff keep their tokens");
    assert!(find_order(&running.api, &token, &order_id), "the order is gone after a restart");
    running.kill();

    let running = place.start();
    assert!(find_order(&running.api, &token, &order_id), "the order is gone after a kill");
    // The simulator remembers too: its ledger still has what was charged.
    place.run(&["try", "--json"]).expect(0);
    running.stop().expect(0);
}

fn find_order(api: &str, token: &str, order_id: &str) -> bool {
    crate::process::install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{api}/v1/orders/{order_id}");
        let answer = http.get(url).bearer_auth(token).send().await.unwrap();
        answer.status().is_success() && answer.text().await.unwrap().contains("\"cancelled\"")
    })
}

#[test]
fn an_ephemeral_instance_leaves_nothing_behind() {
    let place = Place::new();
    let temporary = place.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = place.command(&["try", "--json"]);
    let ended = command.env("TMPDIR", &temporary).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!place.path().join(".seungin").exists());
}
