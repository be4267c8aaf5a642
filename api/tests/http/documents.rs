//! The documents: committed, served, and up to date.

use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::Value;

use crate::app::{As, TestApp};

fn path_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// Compares a committed document with what the code makes of it; `UPDATE_DOCS=1` writes it.
fn compare(name: &str, made: &str) {
    let path = path_of(name);
    if is_update() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/{name} is not what the code says: UPDATE_DOCS=1 cargo test -p api"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch for whoever runs the tests, not configuration"
)]
fn is_update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

#[test]
fn the_openapi_document_is_up_to_date() {
    let made = format!("{}\n", api::openapi().to_pretty_json().unwrap());
    if is_update() {
        compare("openapi.json", &made);
    }
    // The order of names means nothing, and depends on which crates of the workspace are built together.
    let committed = std::fs::read_to_string(path_of("openapi.json")).unwrap_or_default();
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    assert!(
        read(&committed) == read(&made),
        "docs/openapi.json is not what the code says: UPDATE_DOCS=1 cargo test -p api"
    );
}

#[test]
fn the_page_of_problems_is_up_to_date() {
    compare("problems.md", &api::problem_document());
}

#[tokio::test]
async fn the_document_is_served_as_committed_and_says_what_it_is() {
    let app = TestApp::start().await;
    let served = app.get(As::Nobody, "/openapi.json").await;
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(served.body, serde_json::to_value(api::openapi()).unwrap());
    assert_eq!(served.text("openapi"), "3.1.0");
    assert_eq!(served.body["info"]["license"]["identifier"], "MIT OR Apache-2.0");
    let operations: Vec<&Value> = served.body["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .collect();
    let mut ids: Vec<_> =
        operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), operations.len());
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_description() {
    let app = TestApp::start().await;
    let page = app.get(As::Nobody, "/problems").await;
    assert_eq!(page.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(String::from_utf8(page.bytes).unwrap(), api::problem_document());
}

#[tokio::test]
async fn the_browser_of_the_document_works_under_its_own_policy() {
    let app = TestApp::start().await;
    let page = app.get(As::Nobody, "/docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    let html = String::from_utf8(page.bytes).unwrap();
    for script in html.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(tag.contains("src=\"./"), "a script from elsewhere: {tag}");
        assert_eq!(rest.split("</script>").next().unwrap().trim(), "", "an inline script");
    }
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let asset = app.get(As::Nobody, &format!("/docs/{file}")).await;
        assert_eq!(asset.status, StatusCode::OK, "{file}");
        assert!(!asset.bytes.is_empty(), "{file}");
    }
    let initializer = app.get(As::Nobody, "/docs/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&initializer.bytes).contains("/openapi.json"));
    assert_eq!(app.get(As::Nobody, "/docs").await.header("location"), "/docs/");
}
