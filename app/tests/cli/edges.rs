//! What the whole product shows a browser, whichever part of it answers: protecting headers on every page, and nothing that follows what
//! a request says about its host.

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::{self, Answer, exchange};
use crate::process::{Place, Running};

/// A page of every part that has any, and answers of every kind.
const PAGES: [&str; 22] = [
    "/",
    "/shop/stores/chicken-yeonnam",
    "/shop/stores/chicken-yeonnam/checkout",
    "/shop/return",
    "/shop/orders",
    "/shop/orders/x",
    "/shop/nowhere",
    "/docs/",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/problems",
    "/console",
    "/console/sign-in",
    "/console/nowhere",
    "/console/assets/x/console.css",
    "/checkout/success",
    "/checkout/fail",
    "/v1/stores",
    "/v1/orders",
    "/livez",
    "/readyz",
    "/nowhere",
];

fn assert_protected(path: &str, answer: &Answer) {
    let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("{path} has no {name}"));
    assert_eq!(header("x-frame-options"), "DENY", "{path}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert!(
        ["no-referrer", "same-origin", "strict-origin-when-cross-origin"]
            .contains(&header("referrer-policy")),
        "{path}"
    );
    let policy = header("content-security-policy");
    let directives: Vec<Vec<&str>> =
        policy.split(';').map(|it| it.split_whitespace().collect()).collect();
    let directive =
        |name: &str| directives.iter().find(|it| it.first() == Some(&name)).map(|it| &it[1..]);
    assert_eq!(directive("default-src"), Some(&["'none'"][..]), "{path}");
    assert_eq!(directive("frame-ancestors"), Some(&["'none'"][..]), "{path}");
    let scripts = directive("script-src").unwrap_or_default();
    assert!(
        !scripts
            .iter()
            .any(|from| from.contains("unsafe") || from.contains('*') || from.ends_with(':')),
        "{path}"
    );
    let has_pages = answer.header("content-type").is_some_and(|it| it.starts_with("text/html"));
    if has_pages {
        assert_eq!(directive("base-uri"), Some(&["'none'"][..]), "{path}");
        assert!(directive("form-action").is_some(), "{path}");
    }
}

#[test]
fn every_page_of_every_part_stands_in_nobodys_frame_and_runs_nobodys_script() {
    let place = Place::new();
    let running = place.start();
    let mut kinds = std::collections::BTreeSet::new();
    for path in PAGES {
        let answer = exchange(Method::GET, &format!("{}{path}", running.api), &[], None);
        assert_protected(path, &answer);
        kinds.insert(answer.status);
    }
    assert!(kinds.is_superset(&[200, 303, 401, 404].into()), "{kinds:?}");
    // The window shows in a page of the shop, and nowhere else.
    let simulator = running.simulator.clone().unwrap();
    let shop = exchange(Method::GET, &format!("{}/shop/return", running.api), &[], None);
    assert!(
        shop.header("content-security-policy")
            .unwrap()
            .contains(&format!("frame-src {simulator};"))
    );
    running.stop().expect(0);
}

fn order(running: &Running, headers: &[(&str, &str)]) -> Value {
    let body = json!({
        "storeId": "chicken-yeonnam",
        "items": [{"productId": "old-whole-two", "quantity": 1, "options": []}],
        "amount": 22_000,
        "customer": {"name": "손님", "phone": "01012345678"},
        "delivery": {"address": "서울 마포구 와우산로 1"},
    });
    let url = format!("{}/v1/orders", running.api);
    let (status, created) = http::send_with(Method::POST, &url, None, headers, Some(&body));
    assert_eq!(status, 201, "{created}");
    created
}

#[test]
fn nothing_follows_what_a_request_says_about_its_host() {
    let place = Place::new();
    let public = [("SEUNGIN__API__PUBLIC_URL", "https://pay.example.com")];
    let running = place.start_with(&public);
    let hosts = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-server", "evil.example"),
        ("x-host", "evil.example"),
        ("x-original-url", "https://evil.example/"),
        ("x-rewrite-url", "https://evil.example/"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "//evil.example"),
    ];
    for headers in hosts.map(|header| vec![header]).into_iter().chain([hosts.to_vec()]) {
        let created = order(&running, &headers);
        for name in ["successUrl", "failUrl"] {
            let address = created[name].as_str().unwrap();
            assert!(
                address.starts_with("https://pay.example.com/checkout/"),
                "{headers:?}: {address}"
            );
        }
        assert!(!created.to_string().contains("evil.example"), "{created}");
        let success =
            created["successUrl"].as_str().unwrap().trim_start_matches("https://pay.example.com");
        let success = format!(
            "{success}&orderId={}&paymentKey=k&amount=1",
            created["orderId"].as_str().unwrap()
        );
        for path in PAGES.iter().map(|path| (*path).to_owned()).chain([success]) {
            let answer = exchange(Method::GET, &format!("{}{path}", running.api), &headers, None);
            for (name, value) in &answer.headers {
                assert!(
                    !value.to_str().unwrap_or_default().contains("evil.example"),
                    "{path} {name}: {value:?}"
                );
            }
            assert!(!answer.text.contains("evil.example"), "{path}: {}", answer.text);
            let leads_to = answer.header("location").unwrap_or("/");
            assert!(leads_to.starts_with('/') && !leads_to.starts_with("//"), "{path}: {leads_to}");
        }
    }
    running.stop().expect(0);
}

#[test]
fn no_query_leads_from_the_checkout_to_another_place() {
    let place = Place::new();
    let running = place.start();
    let created = order(&running, &[]);
    let token = created["successUrl"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    let places = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "%0d%0aLocation:https://evil.example",
    ];
    let names = [
        "next",
        "return",
        "returnUrl",
        "redirect",
        "redirect_uri",
        "url",
        "successRedirect",
        "failRedirect",
        "code",
        "message",
        "host",
        "ticket",
        "orderId",
        "paymentKey",
        "amount",
        "paymentType",
        "token",
    ];
    let mut led = 0;
    for path in [
        "/checkout/success",
        "/checkout/fail",
        "//evil.example/checkout/fail",
        "/checkout/fail/..//evil.example",
    ] {
        for name in names {
            for there in places {
                let url = format!("{}{path}?{name}={there}&token={token}#{there}", running.api);
                let answer = exchange(Method::GET, &url, &[], None);
                let leads_to = answer.header("location").unwrap_or("/shop/return");
                led += usize::from(answer.header("location").is_some());
                assert!(
                    leads_to == "/shop/return"
                        || leads_to.starts_with("/shop/return?")
                        || leads_to.starts_with("/shop/return#"),
                    "{url}: {leads_to}"
                );
                assert!(
                    !leads_to.contains("evil") && !leads_to.contains("javascript"),
                    "{url}: {leads_to}"
                );
                assert!(answer.headers.get_all("location").iter().count() <= 1, "{url}");
            }
        }
    }
    assert!(led >= names.len() * places.len(), "{led} led anywhere at all");
    running.stop().expect(0);
}
