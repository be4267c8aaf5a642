//! Who gets in, and who does not.

use axum::http::{Method, StatusCode};
use domain::sign_in::FREE_TRIES;
use store::Actor;

use crate::app::{PASSWORD, TestConsole};

#[tokio::test]
async fn whoever_signs_in_is_greeted_by_name_until_they_sign_out() {
    let app = TestConsole::start().await;
    let cookie = app.sign_in("owner").await;
    let cookie = [("cookie", cookie.as_str())];
    let page = app.get("/console", &cookie).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<strong>owner</strong>"), "{}", page.text);

    let form = format!("proof={}", page.proof());
    let left = app.post("/console/sign-out", &cookie, &form).await;
    let there = "/console/sign-in?signed-out=1";
    assert_eq!((left.status, left.location()), (StatusCode::SEE_OTHER, there));
    assert!(left.cookie().unwrap().ends_with('='), "the browser forgets the cookie");
    let after = app.get("/console", &cookie).await;
    assert_eq!((after.status, after.location()), (StatusCode::SEE_OTHER, "/console/sign-in"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_alike() {
    let app = TestConsole::start().await;
    let wrong = app.try_sign_in("owner", "another long secret").await;
    let unknown = app.try_sign_in("nobody", PASSWORD).await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNPROCESSABLE_ENTITY, wrong.status));
    assert!(wrong.cookie().is_none() && unknown.cookie().is_none());
    assert_eq!(wrong.text.replace("owner", "nobody"), unknown.text);
    assert!(!wrong.text.contains("another long secret"), "a password is never shown");
}

#[tokio::test]
async fn after_a_few_guesses_even_the_right_password_has_to_wait() {
    let app = TestConsole::start().await;
    for _ in 0..FREE_TRIES {
        app.try_sign_in("owner", "another long secret").await;
    }
    let locked = app.try_sign_in("owner", PASSWORD).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(locked.cookie().is_none());
    app.store.advance_clock(61_000);
    app.sign_in("owner").await;
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_sign_in_and_back_to_where_they_wanted_to_go() {
    let app = TestConsole::start().await;
    let page = app.get("/console/jobs?state=parked", &[]).await;
    let there = "/console/sign-in?next=%2Fconsole%2Fjobs%3Fstate%3Dparked";
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, there));
    let form = app.get(there, &[]).await;
    assert!(form.text.contains(r#"name="next" value="/console/jobs?state=parked""#));
    let signed = "login=master&password=a+long+enough+secret&next=";
    let fields = format!("{signed}%2Fconsole%2Fjobs%3Fstate%3Dparked");
    let back = app.post("/console/sign-in", &[], &fields).await;
    assert_eq!(back.location(), "/console/jobs?state=parked");
    for elsewhere in ["https://evil.example", "//evil.example", "/v1/orders"] {
        let page = app.post("/console/sign-in", &[], &format!("{signed}{elsewhere}")).await;
        assert_eq!(page.location(), "/console", "{elsewhere}");
    }
}

#[tokio::test]
async fn a_session_that_a_stranger_chose_is_not_taken_over() {
    let app = TestConsole::start().await;
    let chosen = format!("seungin_console={}", "a".repeat(64));
    let fields = "login=master&password=a+long+enough+secret";
    let page = app.post("/console/sign-in", &[("cookie", &chosen)], fields).await;
    assert_ne!(page.cookie().unwrap(), chosen);
    let with_chosen = app.get("/console", &[("cookie", &chosen)]).await;
    assert_eq!(with_chosen.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_without_proof_or_from_another_site_changes_nothing() {
    let app = TestConsole::start().await;
    let (one, two) = (app.sign_in("owner").await, app.sign_in("manager").await);
    let mine = app.get("/console", &[("cookie", &one)]).await.proof();
    let foreign = app.get("/console", &[("cookie", &two)]).await.proof();
    assert_ne!(mine, foreign);
    let good = format!("proof={mine}");
    for (form, origin) in [
        (String::new(), "http://shop.example"),
        (format!("proof={foreign}"), "http://shop.example"),
        (good.clone(), "http://evil.example"),
        (good.clone(), "null"),
    ] {
        let headers = [("cookie", one.as_str()), ("origin", origin)];
        let page = app.post("/console/sign-out", &headers, &form).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{form} {origin}");
    }
    assert_eq!(app.get("/console", &[("cookie", &one)]).await.status, StatusCode::OK);
    let headers = [("cookie", one.as_str()), ("origin", "http://shop.example")];
    let left = app.post("/console/sign-out", &headers, &good).await;
    assert_eq!(left.status, StatusCode::SEE_OTHER);
    let login = app.post("/console/sign-in", &[("origin", "http://evil.example")], "login=a").await;
    assert_eq!(login.status, StatusCode::FORBIDDEN, "nobody is signed in by another site");
}

#[tokio::test]
async fn behind_a_proxy_that_writes_another_host_forms_of_the_configured_address_are_taken() {
    let app = TestConsole::start_at("https://pay.example.com").await;
    let host = ("host", "10.0.0.7:8080");
    let form = "login=master&password=a+long+enough+secret";
    let ours = ("origin", "https://pay.example.com");
    let signed = app.post("/console/sign-in", &[host, ours], form).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.text);
    let cookie = signed.cookie().unwrap();
    let cookie = ("cookie", cookie.as_str());
    let proof = format!("proof={}", app.get("/console", &[cookie, host]).await.proof());
    for bad in [
        "http://pay.example.com",
        "https://pay.example.com:8443",
        "https://pay.example.com.evil.example",
        "https://evil.example",
        "null",
    ] {
        let bad = ("origin", bad);
        let login = app.post("/console/sign-in", &[host, bad], form).await;
        assert_eq!(login.status, StatusCode::FORBIDDEN, "{bad:?}");
        let page = app.post("/console/sign-out", &[cookie, host, bad], &proof).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{bad:?}");
    }
    let elsewhere = [cookie, host, ours, ("sec-fetch-site", "cross-site")];
    let page = app.post("/console/sign-out", &elsewhere, &proof).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "browsers that say more are heeded");
    let page = app.post("/console/sign-out", &[cookie, host, ours], "").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "the proof is needed all the same");
    let left = app.post("/console/sign-out", &[cookie, host, ours], &proof).await;
    assert_eq!(left.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn over_https_the_cookie_goes_over_nothing_else() {
    let app = TestConsole::start_at("https://shop.example").await;
    let page = app.try_sign_in("master", PASSWORD).await;
    let set = page.headers["set-cookie"].to_str().unwrap();
    assert!(set.starts_with("__Host-seungin_console=") && set.contains("; Secure"), "{set}");
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Lax"), "{set}");
}

#[tokio::test]
async fn whoever_is_disabled_is_out_at_once() {
    let app = TestConsole::start().await;
    let cookie = app.sign_in("master").await;
    app.store.disable_staff(&app.master.id, &Actor::system()).await.unwrap();
    assert_eq!(app.get("/console", &[("cookie", &cookie)]).await.status, StatusCode::SEE_OTHER);
    let again = app.try_sign_in("master", PASSWORD).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn pages_are_protected_and_kept_by_nobody_and_their_files_are() {
    let app = TestConsole::start().await;
    let page = app.get("/console/sign-in", &[]).await;
    let header = |name: &str| page.headers[name].to_str().unwrap();
    assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
    assert!(!header("content-security-policy").contains("unsafe"));
    assert_eq!((header("x-frame-options"), header("cache-control")), ("DENY", "no-store"));
    for part in page.text.split('"').filter(|part| part.starts_with("/console/assets/")) {
        let file = app.get(part, &[]).await;
        assert_eq!(file.status, StatusCode::OK, "{part}");
        assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"));
    }
    let old = app.get("/console/assets/0000000000000000/console.css", &[]).await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_language_is_the_browsers_until_somebody_chooses() {
    let app = TestConsole::start().await;
    let english = app.get("/console/sign-in", &[("accept-language", "en")]).await;
    assert!(english.text.contains("lang=\"en\"") && english.text.contains("Sign in"));
    let chosen = app.get("/console/sign-in?lang=ko", &[("accept-language", "en")]).await;
    assert!(chosen.text.contains("로그인"));
    let cookie = chosen.cookie().unwrap();
    let later = [("accept-language", "en"), ("cookie", cookie.as_str())];
    assert!(app.get("/console/sign-in", &later).await.text.contains("로그인"));
}

#[tokio::test]
async fn the_address_of_a_form_is_a_page_that_says_so_and_offers_no_language_that_leads_there() {
    let app = TestConsole::start().await;
    let cookie = app.sign_in("master").await;
    let cookie = [("cookie", cookie.as_str())];
    for (method, path) in staff_console::routes() {
        if method == Method::POST {
            let page =
                app.get(&path.replace("{id}", "x").replace("{cancel_id}", "y"), &cookie).await;
            assert!(page.status != StatusCode::METHOD_NOT_ALLOWED, "{path}: {}", page.text);
            assert!(
                page.headers["content-type"].to_str().unwrap().starts_with("text/html"),
                "{path}"
            );
        }
    }
    let proof = app.get("/console", &cookie).await.proof();
    let form = format!("proof={proof}&action=look_up&of=all&filter=");
    let answer = app.post("/console/bulk/preview", &cookie, &form).await;
    assert!(
        !answer.text.contains("lang=en") && !answer.text.contains("lang=ko"),
        "{}",
        answer.text
    );
    assert!(app.get("/console/jobs", &cookie).await.text.contains("?lang="));
}
