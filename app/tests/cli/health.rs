//! Health and metrics of the embedded product, as a probe and a scraper meet them.

use std::collections::{BTreeMap, BTreeSet};

use crate::http;
use crate::process::Place;

const DOCUMENT: &str = include_str!("../../../docs/metrics.md");

/// The documented metrics: kind and labels by name.
fn documented() -> BTreeMap<&'static str, (&'static str, BTreeSet<&'static str>)> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `seungin_"));
    let documented: BTreeMap<_, _> = rows
        .map(|row| {
            let mut cells = row.split('|').map(str::trim).skip(1);
            let name = cells.next().unwrap().trim_matches('`');
            let kind = cells.next().unwrap();
            (name, (kind, cells.next().unwrap().split('`').skip(1).step_by(2).collect()))
        })
        .collect();
    assert!(documented.len() > 20, "the document has its table");
    documented
}

/// Every sample of a text: its family and its labels.
fn samples(text: &str) -> Vec<(&str, BTreeMap<&str, &str>)> {
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap().split(',').filter(|one| !one.is_empty());
            let labels = labels.map(|label| {
                let (name, value) = label.split_once('=').unwrap();
                (name, value.trim_matches('"'))
            });
            let parts = ["_bucket", "_sum", "_count"];
            let family = parts.iter().find_map(|part| name.strip_suffix(part));
            let family = family.filter(|family| families.contains(family)).unwrap_or(name);
            assert!(families.contains(&family), "{line} has no TYPE");
            (family, labels.collect())
        })
        .collect()
}

#[test]
fn a_busy_product_tells_what_is_documented_and_nothing_of_its_orders() {
    let place = Place::new();
    let running = place.start_as(&["--health-listen", "127.0.0.1:0", "--log", "error"], &[]);
    let metrics = running.banner.lines().find_map(|line| line.trim().strip_prefix("Metrics"));
    let metrics = metrics.unwrap().trim().to_owned();
    let paid = place.run(&["try", "--json"]).expect(0).json();
    place.run(&["try", "--decline", "REJECT_CARD_COMPANY"]).expect(0);
    let order_id = paid["orderId"].as_str().unwrap();
    http::get(&format!("{}/v1/orders/a-strangers-order", running.api), None);
    http::get(&format!("{}/a-strangers-path?a-strangers-query", running.api), None);

    let (status, text) = http::get_text(&metrics);
    assert_eq!(status, 200);
    let documented = documented();
    let mut seen = BTreeSet::new();
    for (family, labels) in samples(&text) {
        let Some((_, promised)) = documented.get(family) else {
            panic!("{family} is not documented")
        };
        for (label, value) in labels.iter().filter(|(label, _)| **label != "le") {
            assert!(promised.contains(label), "{family} has a label {label}");
            assert!(value.len() <= 64, "{family}: {label} is {value}");
        }
        seen.insert(family);
    }
    assert!(!text.contains(order_id) && !text.contains("strangers"), "{text}");
    for family in [
        "seungin_alerts_total",
        "seungin_attempts_total",
        "seungin_build_info",
        "seungin_check_ok",
        "seungin_claims_total",
        "seungin_database_pool_open",
        "seungin_database_up",
        "seungin_http_request_duration_seconds",
        "seungin_http_requests_in_flight",
        "seungin_jobs",
        "seungin_jobs_oldest_waiting_seconds",
        "seungin_jobs_parked",
        "seungin_payments_in_review",
        "seungin_settlements_total",
        "seungin_toss_call_duration_seconds",
        "seungin_workers_live",
    ] {
        assert!(seen.contains(family), "no {family} in\n{text}");
    }
    assert!(text.contains("class=\"refused\""), "the decline was counted: {text}");
    assert!(text.contains("route=\"/v1/orders/{orderId}\""), "{text}");

    // In a trial the API tells them too; it is its owner who asks.
    assert!(http::get_text(&format!("{}/metrics", running.api)).1.contains("seungin_build_info"));
    running.stop().expect(0);
}

#[test]
fn a_health_listener_answers_probes_like_the_api_does() {
    let place = Place::new();
    let running = place.start_as(&["--health-listen", "127.0.0.1:0"], &[]);
    let metrics = running.banner.lines().find_map(|line| line.trim().strip_prefix("Metrics"));
    let health = metrics.unwrap().trim().trim_end_matches("/metrics").to_owned();
    for base in [&health, &running.api] {
        assert_eq!(
            http::get_text(&format!("{base}/readyz")),
            (200, "{\"status\":\"ok\"}".to_owned())
        );
        let (status, told) = http::get(&format!("{base}/readyz?verbose"), None);
        assert_eq!((status, &told["status"]), (200, &"ok".into()));
        let checks = told["checks"].as_array().unwrap();
        let names: Vec<&str> = checks.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["database", "migrations", "queue_publisher", "queue_consumer"]);
        let asked = place.run(&["healthcheck", "--url", base]).expect(0);
        assert_eq!((asked.stdout.as_str(), asked.stderr.as_str()), ("", ""), "it is quiet");
    }
    assert_eq!(http::get(&format!("{health}/v1/stores"), None).0, 404, "nothing else is there");
    running.stop().expect(0);
}

#[test]
fn a_taken_health_port_is_an_error_that_names_the_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    let ports = ["--listen", "127.0.0.1:0", "--simulator-listen", "127.0.0.1:0"];
    let ended = place.run(&[&ports[..], &["--health-listen", &address]].concat()).expect(1);
    assert!(ended.stderr.contains("--health-listen"), "{}", ended.stderr);
}
