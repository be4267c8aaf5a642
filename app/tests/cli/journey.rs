//! `seungin try`: what it prints, and that it notices when something differs.

use crate::process::Place;

#[test]
fn one_journey_ends_with_one_object_that_says_how_it_went() {
    let report = Place::new().run(&["try", "--json"]).expect(0);
    assert_eq!(report.stdout.lines().count(), 1);
    let report = report.json();
    assert_eq!(report["ok"], true);
    let states = report["states"].as_array().unwrap();
    assert_eq!(states.first().unwrap(), "awaiting_payment");
    assert!(states.iter().any(|state| state == "paid"), "{report}");
    assert_eq!(states.last().unwrap(), "cancelled");
    let cancels = report["cancels"].as_array().unwrap();
    let cancelled: u64 = cancels.iter().map(|cancel| cancel["amount"].as_u64().unwrap()).sum();
    assert_eq!((cancels.len(), cancelled), (2, report["amount"].as_u64().unwrap()));
    assert!(report["orderId"].is_string() && report["ms"].is_u64());
}

#[test]
fn the_story_for_people_has_no_colours_without_a_terminal() {
    let told = Place::new().run(&["try"]).expect(0);
    for word in ["quote", "window", "accept", "partial cancel", "ledger", "as it should be"] {
        assert!(told.stdout.contains(word), "{word} is missing in {}", told.stdout);
    }
    assert!(!told.stdout.contains('\u{1b}'));
    assert!(told.stderr.is_empty(), "{}", told.stderr);
}

#[test]
fn a_declined_journey_fails_in_the_right_way() {
    let place = Place::new();
    for code in ["REJECT_CARD_COMPANY", "EXCEED_MAX_AMOUNT"] {
        let report = place.run(&["try", "--json", "--decline", code]).expect(0).json();
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(report["states"].as_array().unwrap().last().unwrap(), "failed");
        assert!(report["cancels"].as_array().unwrap().is_empty());
    }
    let unknown = place.run(&["try", "--json", "--decline", "NO_SUCH_CODE"]).expect(1);
    assert_eq!(unknown.json()["ok"], false);
    let told = "error: window: the simulator knows no code NO_SUCH_CODE to decline with; \
                `try --help` names some\n";
    assert_eq!(unknown.stderr, told, "one sentence");
}

#[test]
fn the_help_names_codes_that_the_simulator_declines_with() {
    let place = Place::new();
    let help = place.run(&["try", "--help"]).expect(0).stdout;
    let is_code = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let words = help.split(|c: char| c.is_whitespace() || ",;[".contains(c));
    let codes: Vec<&str> = words.filter(is_code).filter(|it| !it.starts_with("SEUNGIN")).collect();
    assert!(codes.len() >= 5, "{codes:?}");
    let running = place.start();
    for code in codes {
        place.run(&["try", "--json", "--decline", code]).expect(0);
    }
    running.stop().expect(0);
}

#[test]
fn many_journeys_end_with_totals_and_latencies() {
    let report = Place::new().run(&["try", "--json", "--count", "12", "--concurrency", "6"]);
    let report = report.expect(0).json();
    assert_eq!((&report["count"], &report["failed"]), (&12.into(), &0.into()));
    assert_eq!(report["paidAmount"], report["cancelledAmount"]);
    for step in ["acceptMs", "confirmMs", "cancelMs"] {
        let times = ["p50", "p95", "p99"].map(|it| report["latencies"][step][it].as_u64().unwrap());
        assert!(times[0] > 0 && times.is_sorted(), "{report}");
    }
}

#[test]
fn an_api_that_is_not_there_and_a_token_that_may_not_are_noticed() {
    let place = Place::new();
    let gone = ["try", "--api", "http://127.0.0.1:1", "--staff-token", "sst_x"];
    assert_eq!(
        place.run(&gone).expect(69).stderr,
        "error: http://127.0.0.1:1 does not answer as the API\n"
    );
    let running = place.start();
    let report = place.run(&["try", "--json", "--api", &running.api, "--staff-token", "sst_wrong"]);
    let report = report.expect(1);
    assert!(report.stderr.contains("partial cancel"), "{}", report.stderr);
    assert_eq!(report.json()["ok"], false);
    running.stop().expect(0);
}
