//! Being killed at any moment: what a caller was told is still so afterwards.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use simulator::{
    Config, FaultKind, FaultRequest, Handle, LedgerQuery, NewPayment, Operation, Simulator,
};
use tokio::runtime::Runtime;

use crate::support::{Running, SECRET_KEY, start_with, window_form};

fn config(path: &Path) -> Config {
    Config {
        state_file: Some(path.to_owned()),
        consecutive_cancel_pause: Duration::ZERO,
        ..Config::default()
    }
}

fn journal_of(path: &Path) -> PathBuf {
    path.with_extension("json.journal")
}

/// Starts a simulator in a runtime of its own and runs `story` with it. Then everything is dropped where it stands, as
/// when the process is killed: nothing is told to stop, nothing is written any more.
fn live_and_be_killed<T>(path: &Path, story: impl AsyncFnOnce(&Running) -> T) -> T {
    let runtime: Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (toss, result) = runtime.block_on(async {
        let toss = start_with(config(path)).await;
        let result = story(&toss).await;
        (toss, result)
    });
    runtime.shutdown_timeout(Duration::from_secs(10));
    drop(toss);
    result
}

/// Without a server nobody writes the state file: everything is in the journal.
fn without_server(path: &Path) -> Handle {
    Simulator::new(config(path)).expect("readable").handle()
}

#[test]
fn a_confirm_and_a_cancel_that_were_answered_outlive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deeper").join("simulator.json");
    let part = json!({"cancelReason": "일부", "cancelAmount": 1_000});
    let (key, confirmed, cancelled, ledger) = live_and_be_killed(&path, async |toss| {
        let key = toss.payment("order-0001");
        let confirmed = toss.confirm(&key, "order-0001", "k1").await;
        let cancelled = toss.cancel(&key, "k2", part.clone()).await;
        assert_eq!((confirmed.status, cancelled.status), (200, 200));
        let ledger = toss.handle.ledger_of(&key);
        (key, confirmed, cancelled, ledger)
    });
    live_and_be_killed(&path, async |toss| {
        assert_eq!(toss.handle.ledger_of(&key), ledger);
        assert_eq!(toss.confirm(&key, "order-0001", "k1").await.text, confirmed.text);
        assert_eq!(toss.cancel(&key, "k2", part.clone()).await.text, cancelled.text);
        let again = toss.confirm(&key, "order-0001", "k3").await;
        assert_eq!(again.code(), (400, "ALREADY_PROCESSED_PAYMENT"));
        assert_eq!(toss.truth(&key), (15_000, 1, 1_000));
    });
    let entry = without_server(&path).ledger_of(&key).expect("still there");
    assert_eq!((entry.charges, entry.refunds, entry.calls.confirm), (1, vec![1_000], 3));
}

#[test]
fn a_charge_whose_answer_was_cut_off_and_the_fault_that_did_it_outlive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let key = live_and_be_killed(&path, async |toss| {
        let key = toss.payment("order-0001");
        let cut = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::CutAfter);
        toss.add_fault(cut.times(2));
        assert!(toss.try_confirm(&key, "order-0001", "k").await.is_err());
        key
    });
    live_and_be_killed(&path, async |toss| {
        assert_eq!(toss.truth(&key), (15_000, 1, 0));
        assert_eq!(toss.handle.faults().first().map(|fault| fault.remaining), Some(1));
        assert!(toss.try_confirm(&key, "order-0001", "k").await.is_err());
    });
    live_and_be_killed(&path, async |toss| {
        assert_eq!(toss.handle.faults(), []);
        assert_eq!(toss.confirm(&key, "order-0001", "k").await.body["status"], "DONE");
        assert_eq!(toss.truth(&key), (15_000, 1, 0));
    });
}

#[test]
fn what_the_buyer_did_in_the_window_outlives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let form = window_form("test_ck_shop1");
    let post = async |toss: &Running, path: &str, form: &[(&str, &str)]| {
        let request = toss.client.post(format!("{}{path}", toss.url)).form(form);
        let answer = request.send().await.expect("an answer");
        answer.headers()["location"].to_str().expect("text").to_owned()
    };
    let window = live_and_be_killed(&path, async |toss| post(toss, "/window", &form).await);
    let address = live_and_be_killed(&path, async |toss| {
        post(toss, &window, &[("action", "pay"), ("fault", "throttle")]).await
    });
    let address = reqwest::Url::parse(&address).expect("an address");
    let mut parameters = address.query_pairs();
    let key = parameters.find(|(name, _)| name == "paymentKey").expect("a key").1.into_owned();
    live_and_be_killed(&path, async |toss| {
        for status in [429, 200] {
            assert_eq!(toss.confirm(&key, "order-0001", "k").await.status, status);
        }
    });
}

#[test]
fn what_was_done_by_hand_is_in_the_journal_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let simulator = without_server(&path);
    let new = NewPayment::new("order-0001", "마라탕", 15_000);
    let card = simulator.create_payment(SECRET_KEY, new).expect("a payment").payment_key;
    let clock = simulator.advance_clock(Duration::from_secs(86_400)).expect("moved");
    let fault = |order| FaultRequest::for_order(order, Operation::Confirm, FaultKind::Throttle);
    simulator.add_fault(fault("order-0001")).expect("a fault");
    simulator.clear_faults();
    simulator.add_fault(fault("order-0002")).expect("a fault");
    let (faults, ledger) = (simulator.faults(), simulator.ledger(&LedgerQuery::default()));
    assert_eq!(ledger.first().map(|it| it.status), Some(simulator::Status::Expired));
    assert!(simulator.cancel_by_hand(&card, None, "x").is_err());

    let revived = without_server(&path);
    assert_eq!(revived.clock().offset_ms, clock.offset_ms);
    assert_eq!(revived.faults(), faults);
    assert_eq!(revived.ledger(&LedgerQuery::default()), ledger);
    assert!(!path.exists(), "nobody wrote the state file");
}

#[test]
fn a_deposit_and_a_cancel_by_hand_outlive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let (key, ledger) = live_and_be_killed(&path, async |toss| {
        let method = Some(simulator::Method::VirtualAccount);
        let new = NewPayment { method, ..NewPayment::new("order-0001", "마라탕", 15_000) };
        let key = toss.paid_of(new).await;
        toss.handle.deposit(&key).expect("deposited");
        let entry = toss.handle.cancel_by_hand(&key, Some(500), "x").expect("cancelled");
        assert_eq!((entry.charged, entry.cancelled), (15_000, 500));
        (key, Some(entry))
    });
    assert_eq!(without_server(&path).ledger_of(&key), ledger);
}

#[test]
fn a_line_that_was_being_written_is_nobodys_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let simulator = without_server(&path);
    let make = |simulator: &Handle, order: &str| {
        let new = NewPayment::new(order, "마라탕", 15_000);
        simulator.create_payment(SECRET_KEY, new).expect("a payment").payment_key
    };
    let first = make(&simulator, "order-0001");
    let whole = std::fs::read(journal_of(&path)).expect("a journal");
    let lost = make(&simulator, "order-0002");
    let longer = std::fs::read(journal_of(&path)).expect("a journal");
    for end in [whole.len() + 1, (whole.len() + longer.len()) / 2, longer.len() - 1] {
        std::fs::write(journal_of(&path), &longer[..end]).expect("written");
        let revived = without_server(&path);
        assert!(revived.ledger_of(&first).is_some() && revived.ledger_of(&lost).is_none(), "{end}");
        let next = make(&revived, "order-0003");
        let again = without_server(&path);
        assert!(again.ledger_of(&first).is_some() && again.ledger_of(&next).is_some(), "{end}");
    }
}

#[tokio::test]
async fn a_journal_older_than_the_state_file_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let mut toss = start_with(config(&path)).await;
    let key = toss.paid("order-0001").await;
    toss.cancel(&key, "c", json!({"cancelReason": "일부", "cancelAmount": 1_000})).await;
    let fault = FaultRequest::for_order("order-0001", Operation::Cancel, FaultKind::Throttle);
    toss.add_fault(fault);
    // Perhaps the state file was written in the middle of this; the journal is a continuation of it then.
    let journal = std::fs::read(journal_of(&path)).expect("a journal");
    let (ledger, faults) = (toss.handle.ledger_of(&key), toss.handle.faults());
    toss.shutdown.cancel();
    toss.server.take().expect("a server").await.expect("no panic").expect("a clean end");
    let left = std::fs::metadata(journal_of(&path)).expect("a journal").len();
    assert_eq!(left, 0, "the state file has it all");

    std::fs::write(journal_of(&path), &journal).expect("as if killed before it was emptied");
    let simulator = without_server(&path);
    assert_eq!((simulator.ledger_of(&key), simulator.faults()), (ledger, faults));
    simulator.cancel_by_hand(&key, Some(500), "x").expect("cancelled");
    let entry = without_server(&path).ledger_of(&key).expect("there");
    assert_eq!((entry.charges, entry.refunds), (1, vec![1_000, 500]));
}

#[tokio::test]
async fn the_two_files_make_a_whole_at_every_moment_of_the_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("simulator.json"), folder.path().join("copy.json"));
    let toss = start_with(config(&path)).await;
    let (begin, mut paid) = (std::time::Instant::now(), Vec::new());
    // Long enough for the state file to be written a few times.
    while begin.elapsed() < Duration::from_secs(1) || !path.exists() {
        paid.push(toss.paid(&format!("order-{:05}", paid.len())).await);
        // The journal first: what leaves it meanwhile is in the state file by then.
        std::fs::copy(journal_of(&path), journal_of(&copy)).expect("a copy");
        if path.exists() {
            std::fs::copy(&path, &copy).expect("a copy");
        }
        let killed = without_server(&copy);
        for key in paid.iter().rev().take(50) {
            assert_eq!(killed.ledger_of(key), toss.handle.ledger_of(key));
        }
    }
}

#[test]
fn anything_else_that_cannot_be_read_is_a_clear_error_and_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let simulator = without_server(&path);
    for n in 0..3 {
        simulator.advance_clock(Duration::from_secs(n + 1)).expect("moved");
    }
    let good = std::fs::read_to_string(journal_of(&path)).expect("a journal");
    let lines: Vec<&str> = good.lines().collect();
    for (text, line) in [
        (format!("{}\n{}\n{}\n", lines[0], &lines[1][..9], lines[2]), "line 2"),
        (format!("{}\n{}\n", lines[0], lines[2]), "line 2"),
        (format!("{}\n{}\n", lines[1], lines[2]), "line 1"),
        (format!("{}\n\n", lines[0]), "line 2"),
        ("{}\n".to_owned(), "line 1"),
        (format!("{{\"surprise\": 1,{}\n", &lines[0][1..]), "line 1"),
    ] {
        std::fs::write(journal_of(&path), &text).expect("written");
        let error = Simulator::new(config(&path)).expect_err("an error").to_string();
        assert!(error.contains(line) && error.contains("simulator.json.journal"), "{error}");
        assert_eq!(std::fs::read_to_string(journal_of(&path)).expect("still there"), text);
    }
    std::fs::write(journal_of(&path), good).expect("written");
    assert_eq!(without_server(&path).clock().offset_ms / 1_000, 6);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_answered_and_ends_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let mut toss = start_with(config(&path)).await;
    std::fs::create_dir(journal_of(&path)).expect("something in the way");
    let body = json!({"orderId": "order-0001", "orderName": "마라탕", "amount": 15_000});
    assert!(toss.try_post("/_sim/payments", "k", body).await.is_err(), "no answer");
    let ended = toss.server.take().expect("a server").await.expect("no panic");
    let error = ended.expect_err("it cannot go on").to_string();
    assert!(error.contains("simulator.json.journal cannot be written"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    std::fs::write(journal_of(&path), "").expect("written");
    std::fs::set_permissions(journal_of(&path), PermissionsExt::from_mode(0o644)).expect("set");
    let mut toss = start_with(config(&path)).await;
    toss.paid("order-0001").await;
    assert_eq!(mode(&journal_of(&path)), 0o600);
    toss.shutdown.cancel();
    toss.server.take().expect("a server").await.expect("no panic").expect("a clean end");
    assert_eq!((mode(&path), mode(&journal_of(&path))), (0o600, 0o600));
}
