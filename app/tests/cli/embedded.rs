//! The embedded product: starting, sharing the machine with others, stopping, going on.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http;
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
    assert!(!place.path().join(".seungin").exists(), "a taken port left something behind");
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
    let gone = place.run(&["healthcheck", "--url", "http://127.0.0.1:1"]).expect(1);
    assert_eq!(gone.stderr, "error: http://127.0.0.1:1 does not answer: connection refused\n");
}

#[cfg(unix)]
#[test]
fn in_a_directory_that_others_can_read_the_files_are_the_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let directory = place.path().join(".seungin");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let running = place.start();
    http::order(&running.api);
    let files = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap());
    let files: Vec<_> = files
        .map(|file| {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            (file.file_name().into_string().unwrap(), mode)
        })
        .collect();
    for name in ["seungin.db", "seungin.db-wal", "seungin.db-shm", "token.key", "demo.json"] {
        let mode = files.iter().find(|(known, _)| known == name).map(|(_, mode)| *mode);
        assert_eq!(mode, Some(0o600), "{name} of {files:?}");
    }
    let ended = running.stop().expect(0);
    assert!(ended.stderr.contains("other users can get into"), "{}", ended.stderr);
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).unwrap();
    let ended = place.start().stop().expect(0);
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
}

#[test]
fn the_banner_says_how_to_try_this_very_instance() {
    let place = Place::new();
    let hint = |stdout: &str| {
        let command =
            stdout.lines().find(|line| line.contains("seungin try ")).unwrap().trim().to_owned();
        Command::new("sh").args(["-c", &command]).current_dir(place.path()).env_clear().output()
    };
    for arguments in [&["--data-dir", "나의 data's: 1"][..], &["--ephemeral"]] {
        let running = place.start_as(arguments, &[]);
        let tried = hint(&running.banner).unwrap();
        assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stderr));
        let told = String::from_utf8(tried.stdout).unwrap();
        assert!(told.contains(&format!("at {}\n", running.api)), "another instance: {told}");
        running.stop().expect(0);
    }
}

#[test]
fn the_log_of_a_request_has_its_id_once_and_polls_are_quiet() {
    let place = Place::new();
    let running = place.start_as(&["--log", "info"], &[]);
    let (order_id, token) = http::order(&running.api);
    let path = format!("{}/v1/orders/{order_id}", running.api);
    assert_eq!(http::get(&path, Some(&token)).0, 200);
    let log = running.stop().expect(0).stderr;
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered: Vec<_> = lines.iter().filter(|line| line["message"] == "answered").collect();
    assert_eq!(answered.len(), 1, "{log}");
    assert_eq!((&answered[0]["method"], &answered[0]["level"]), (&"POST".into(), &"INFO".into()));
    let id = answered[0]["span"]["request_id"].as_str().unwrap();
    assert_eq!(answered[0].to_string().matches(id).count(), 1, "{}", answered[0]);
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
    let (status, order) = http::get(&format!("{api}/v1/orders/{order_id}"), Some(token));
    status == 200 && order["status"] == "cancelled"
}

#[test]
fn a_call_under_way_is_finished_before_the_end_and_its_answer_is_kept() {
    let place = Place::new();
    let running = place.start();
    let (order_id, token) = http::order(&running.api);
    let simulator = running.simulator.clone().unwrap();
    http::confirm_slowly(&running.api, &simulator, &order_id, &token, 2_000);
    std::thread::sleep(Duration::from_millis(500));
    running.stop().expect(0);

    let running = place.start();
    let (_, order) = http::get(&format!("{}/v1/orders/{order_id}", running.api), Some(&token));
    assert_eq!(order["status"], "paid", "{order}");
    running.stop().expect(0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = Place::new();
    let mut running = place.start();
    let (order_id, token) = http::order(&running.api);
    let simulator = running.simulator.clone().unwrap();
    http::confirm_slowly(&running.api, &simulator, &order_id, &token, 60_000);
    std::thread::sleep(Duration::from_millis(500));
    running.signal("INT");
    // The same wish once more, as `timeout` and terminals send it.
    running.signal("INT");
    std::thread::sleep(Duration::from_secs(1));
    assert!(running.is_running(), "it did not wait for the call");
    let began = Instant::now();
    running.signal("INT");
    running.wait().expect(1);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn with_keys_of_toss_the_simulator_is_left_out_and_the_browser_gets_toss_own_script() {
    let place = Place::new();
    let keys = [("TOSS_SECRET_KEY", "test_sk_mine"), ("TOSS_CLIENT_KEY", "test_ck_mine")];
    let running = place.start_with(&keys);
    assert_eq!(running.simulator, None);
    let (_, config) = http::get(&format!("{}/v1/checkout/config", running.api), None);
    assert_eq!(config["mode"], "test");
    assert_eq!(config["clientKey"], "test_ck_mine");
    assert_eq!(config["sdkUrl"], "https://js.tosspayments.com/v2/standard");
    let tried = place.run(&["try"]).expect(1);
    assert!(tried.stderr.contains("needs the simulator"), "{}", tried.stderr);
    running.stop().expect(0);
}

#[test]
fn production_does_not_start_on_a_database_with_demo_staff() {
    let place = Place::new();
    place.start().stop().expect(0);
    let token_key = "0f".repeat(32);
    let production = [
        ("SEUNGIN__ENVIRONMENT", "production"),
        ("TOSS_SECRET_KEY", "live_sk_mine"),
        ("TOSS_CLIENT_KEY", "live_ck_mine"),
        ("SEUNGIN__SECURITY__TOKEN_KEY", token_key.as_str()),
        ("SEUNGIN__API__PUBLIC_URL", "https://pay.example.com"),
    ];
    let mut command = place.command(&["--listen", "127.0.0.1:0"]);
    let output = command.envs(production).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{message}");
    assert!(message.contains("(demo)") && message.contains("staff disable"), "{message}");
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
