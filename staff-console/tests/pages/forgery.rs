//! Forms of other sites, and sessions that somebody else chose: every form that changes something, as the routers have them.

use axum::http::{Method, StatusCode};

use crate::app::{PASSWORD, TestConsole};
use crate::matrix::things;

/// What forms ask for, of all of them.
const FIELDS: &str = "reason=because&action=look_up&of=all&scope=all&merchant=default&key=k&version=1&entry=&sure=1&seen=1&typed=1&amount=1";

#[tokio::test]
async fn no_form_does_anything_without_its_own_sessions_proof_and_from_another_site() {
    let app = TestConsole::start().await;
    let things = things(&app, "mala", "owner").await;
    let (cookie, other) = (app.sign_in("master").await, app.sign_in("owner").await);
    let proof = app.get("/console", &[("cookie", &cookie)]).await.proof();
    let foreign = app.get("/console", &[("cookie", &other)]).await.proof();
    let before = app.everything().await;
    let session = cookie.split_once('=').unwrap().1;
    let ours = ("origin", "http://shop.example");
    let tries = [
        ("", ours),
        ("proof=", ours),
        (&*format!("proof={foreign}"), ours),
        (&*format!("proof={}", &proof[..63]), ours),
        (&*format!("proof={session}"), ours),
        // Even with the proof.
        (&*format!("proof={proof}"), ("origin", "http://evil.example")),
        (&*format!("proof={proof}"), ("origin", "http://shop.example.evil.example")),
        (&*format!("proof={proof}"), ("origin", "null")),
        (&*format!("proof={proof}"), ("origin", "http://shop.\u{e9}xample")),
        (&*format!("proof={proof}"), ("sec-fetch-site", "cross-site")),
        (&*format!("proof={proof}"), ("sec-fetch-site", "same-site")),
    ];
    let forms: Vec<_> =
        staff_console::routes().into_iter().filter(|(method, _)| *method == Method::POST).collect();
    assert!(forms.len() >= 17, "{}", forms.len());
    for (_, path) in forms {
        let path = things.fill(path);
        for (proof, header) in &tries {
            let is_sign_in = path == "/console/sign-in";
            if is_sign_in && *header == ours {
                continue;
            }
            let form =
                format!("{proof}&{FIELDS}&login=master&password={}", PASSWORD.replace(' ', "+"));
            let page = app.post(&path, &[("cookie", &cookie), *header], &form).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {proof} {header:?}");
            assert!(page.cookie().is_none(), "{path} {proof} {header:?}");
        }
        // What a page of another site can send without asking first is no form with a body that we read otherwise.
        let text = [("cookie", cookie.as_str()), ("content-type", "text/plain")];
        let page = app.post(&path, &text, &format!("proof={proof}&{FIELDS}")).await;
        assert!(page.status.is_client_error(), "{path}: {}", page.status);
    }
    assert_eq!(app.everything().await, before, "nothing was done");
}

#[tokio::test]
async fn opening_pages_changes_nothing() {
    let app = TestConsole::start().await;
    let things = things(&app, "mala", "owner").await;
    let cookie = app.sign_in("master").await;
    let proof = app.get("/console", &[("cookie", &cookie)]).await.proof();
    let before = app.everything().await;
    // The address of a form can be opened, too, with everything in it that the form would send.
    for (_, path) in staff_console::routes() {
        let path = things.fill(path);
        app.get(&path, &[("cookie", &cookie)]).await;
        let query = format!("proof={proof}&{FIELDS}&login=master&password=x");
        app.get(&format!("{path}?{query}"), &[("cookie", &cookie)]).await;
    }
    assert_eq!(app.everything().await, before, "a link is no order");
    assert_eq!(app.get("/console", &[("cookie", &cookie)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own_that_ends_for_good() {
    let app = TestConsole::start().await;
    let first = app.sign_in("master").await;
    let fields = "login=master&password=a+long+enough+secret";
    let again = app.post("/console/sign-in", &[("cookie", &first)], fields).await.cookie().unwrap();
    assert_ne!(first, again, "who signs in again has another session");
    let proof = app.get("/console", &[("cookie", &again)]).await.proof();
    let left =
        app.post("/console/sign-out", &[("cookie", &again)], &format!("proof={proof}")).await;
    assert_eq!(left.location(), "/console/sign-in?signed-out=1");
    for _ in 0..2 {
        let page = app.get("/console", &[("cookie", &again)]).await;
        assert_eq!(page.location(), "/console/sign-in", "the old cookie opens nothing");
    }
    assert_eq!(app.get("/console", &[("cookie", &first)]).await.status, StatusCode::OK);
    let token = first.split_once('=').unwrap().1;
    for guessed in
        ["0".repeat(64), token.to_uppercase(), token[..63].to_owned(), format!("{token}0")]
    {
        let cookie = format!("seungin_console={guessed}");
        assert_eq!(
            app.get("/console", &[("cookie", &cookie)]).await.status,
            StatusCode::SEE_OTHER,
            "{guessed}"
        );
    }
    let by_hash = format!("seungin_console={}", store::sha256_hex(token));
    let page = app.get("/console", &[("cookie", &by_hash)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "what the database knows opens nothing");
}

#[tokio::test]
async fn tries_are_counted_by_address_whatever_a_stranger_writes_into_headers() {
    let app = TestConsole::start().await;
    let mut statuses = Vec::new();
    for number in 0..40 {
        let from = format!("198.51.100.{number}");
        let headers = [("x-forwarded-for", from.as_str()), ("x-real-ip", from.as_str())];
        let form = format!("login=nobody-{number}&password=nothing");
        statuses.push(app.post("/console/sign-in", &headers, &form).await.status);
    }
    assert_eq!(statuses[0], StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(statuses[39], StatusCode::TOO_MANY_REQUESTS);
}
