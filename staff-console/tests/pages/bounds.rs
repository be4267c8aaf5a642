//! What happens when more is asked of the console than it takes at once.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::app::{PASSWORD, Page, TestConsole};

/// Of one place.
async fn small() -> TestConsole {
    TestConsole::start_with("http://shop.example", |settings| {
        settings.limits.console_requests_max = 1;
        settings.limits.requests_in_flight_max = 1;
    })
    .await
}

fn is_told_to_come_again(page: &Page) {
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{}", page.text);
    assert_eq!(page.headers["retry-after"], "2");
}

#[tokio::test]
async fn beyond_its_places_the_console_says_in_its_own_way_that_it_is_busy() {
    let app = small().await;
    let cookie = app.sign_in("master").await;
    let member = [("cookie", cookie.as_str()), ("accept", "text/html,*/*;q=0.8")];
    let english = [&member[..], &[("accept-language", "en")]].concat();
    let json = [("cookie", cookie.as_str()), ("accept", "application/json")];
    let live = [("accept", "text/html"), ("x-live", "1")];
    // Each is asked before the first one has its answer of the database.
    let (first, page, form, data, refreshed) = tokio::join!(
        app.get("/console/jobs", &member),
        app.get("/console", &english),
        app.post("/console/sign-out", &member, "proof=x"),
        app.get("/console/jobs.csv", &json),
        app.get("/console/jobs", &live),
    );
    assert_eq!(first.status, StatusCode::OK);
    for busy in [&page, &form, &data, &refreshed] {
        is_told_to_come_again(busy);
    }
    assert!(page.text.contains("Too much is asked of the console"), "{}", page.text);
    assert!(page.headers.contains_key("content-security-policy"));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(data.headers["content-type"], "application/problem+json");
    assert!(data.text.contains("\"code\":\"overloaded\""), "{}", data.text);
    // A refused sign-out is none, and the place is free again.
    assert_eq!(app.get("/console", &member).await.status, StatusCode::OK);
}

#[tokio::test]
async fn customers_staff_and_health_do_not_take_each_others_places() {
    let app = small().await;
    let cookie = app.sign_in("master").await;
    let member = [("cookie", cookie.as_str())];
    let (page, menu, live, ready) = tokio::join!(
        app.get("/console/jobs", &member),
        app.get("/v1/stores", &[]),
        app.get("/livez", &[]),
        app.get("/readyz", &[]),
    );
    for other in [page, menu, live, ready] {
        assert_eq!(other.status, StatusCode::OK, "{}", other.text);
    }
    let full = TestConsole::start_with("http://shop.example", |settings| {
        settings.limits.console_requests_max = 0;
    })
    .await;
    is_told_to_come_again(&full.get("/console/sign-in", &[]).await);
    for path in ["/v1/stores", "/livez", "/readyz"] {
        assert_eq!(full.get(path, &[]).await.status, StatusCode::OK, "{path}");
    }
    let page = full.get("/console", &[]).await;
    let style = page.text.split('"').find(|part| part.ends_with("console.css")).unwrap();
    assert_eq!(full.get(style, &[]).await.status, StatusCode::OK, "the page has its style");
}

#[tokio::test]
async fn the_console_alone_has_the_same_bound_and_health_stands_outside_of_it() {
    let app = TestConsole::start_with("http://shop.example", |settings| {
        settings.limits.console_requests_max = 0;
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = app.context.shutdown.clone();
    let serving = tokio::spawn(api::run_alone(app.context.clone(), listener, app.console.clone()));
    let ask = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let busy = ask("/console").await;
    assert!(busy.starts_with("HTTP/1.1 503 ") && busy.contains("\r\nretry-after: 2\r\n"), "{busy}");
    for path in ["/livez", "/readyz"] {
        let answer = ask(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_answered_at_once_and_passes() {
    let app = TestConsole::start_with("http://shop.example", |settings| {
        // Each from an address of its own: what holds them is not the rate.
        settings.trusted_proxies = vec!["0.0.0.0".parse().unwrap()];
    })
    .await;
    let app = std::sync::Arc::new(app);
    let mut flood = JoinSet::new();
    for number in 0..60 {
        let app = std::sync::Arc::clone(&app);
        flood.spawn(async move {
            let began = Instant::now();
            let from = format!("198.51.100.{number}");
            let accept = if number % 2 == 0 { "text/html" } else { "application/json" };
            let headers = [("x-forwarded-for", from.as_str()), ("accept", accept)];
            let form = format!("login=nobody-{number}&password=nothing+like+it");
            let page = app.post("/console/sign-in", &headers, &form).await;
            (page, began.elapsed())
        });
    }
    let answers = flood.join_all().await;
    let (busy, tried): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(page, _)| page.status == StatusCode::SERVICE_UNAVAILABLE);
    // Four are tried and sixteen wait; those may have their turn.
    assert!(busy.len() >= 20 && tried.len() >= 4, "{} {}", busy.len(), tried.len());
    for (page, took) in &busy {
        is_told_to_come_again(page);
        assert!(page.cookie().is_none() && !page.text.contains("nothing like it"));
        assert!(*took < Duration::from_secs(15), "{took:?}");
    }
    for (page, _) in &tried {
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let is_json = |page: &Page| page.headers["content-type"] == "application/problem+json";
    assert!(
        busy.iter().any(|(page, _)| is_json(page)) && !busy.iter().all(|(page, _)| is_json(page))
    );
    // Who is told to come again has not used a try up.
    let everything = app.everything().await;
    let counted = everything.iter().filter(|row| row.starts_with("sign_in_tries: ")).count();
    assert_eq!(counted, tried.len());
    let page = app.try_sign_in("master", PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
}
