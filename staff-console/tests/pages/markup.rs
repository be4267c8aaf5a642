//! Whatever stands in the database, or in an address or a form, is text on a page and never markup. The columns come from the schema:
//! one that nobody has decided about fails the test.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use domain::webhook::Webhook;
use store::{Heartbeat, Origin, ReceivedWebhook};

use crate::app::TestConsole;
use crate::matrix::{Things, things};

/// Columns that are no text of anybody's: ids, words of closed lists, hashes and what else is parsed when it is read.
const PARSED: &[(&str, &[&str])] = &[
    ("attempts", &["job_id", "order_id", "operation", "verdict", "merchant"]),
    ("audit", &["id", "role"]),
    ("breakers", &["merchant", "state", "probe_job_id"]),
    ("bulk_items", &["run_id", "job_id", "order_id", "store_id", "state"]),
    ("bulk_runs", &["id", "action", "selection", "state", "staff_id"]),
    ("call_slots", &["merchant", "operation"]),
    ("cancel_entries", &["order_id", "transaction_key"]),
    ("cancellations", &["id", "order_id", "role", "state", "refund_account"]),
    ("chores", &["name"]),
    ("findings", &["id", "kind", "order_id", "state"]),
    ("idempotency_keys", &["scope", "key", "fingerprint", "subject"]),
    ("job_minutes", &["store_id", "kind", "state"]),
    (
        "jobs",
        &[
            "id",
            "kind",
            "order_id",
            "store_id",
            "cancellation_id",
            "state",
            "traceparent",
            "last_class",
            "merchant",
        ],
    ),
    ("option_groups", &["product_id", "id"]),
    ("order_lines", &["order_id", "product_id"]),
    ("orders", &["id", "store_id", "state", "customer_key"]),
    ("pauses", &["merchant", "scope", "state"]),
    (
        "payments",
        &[
            "order_id",
            "store_id",
            "payment_key",
            "merchant",
            "state",
            "toss_status",
            "money_job_id",
            "review_reason",
            "customer_key",
        ],
    ),
    ("poison_messages", &["id"]),
    ("product_options", &["product_id", "id", "group_id"]),
    ("products", &["id", "store_id"]),
    ("reconciliations", &["id", "merchant", "state"]),
    ("sign_in_tries", &["login_hash"]),
    ("staff", &["id", "role", "token_hash", "login", "password_hash"]),
    ("staff_stores", &["staff_id", "store_id"]),
    ("stores", &["id", "merchant"]),
    ("web_sessions", &["token_hash", "staff_id"]),
    ("webhooks", &["id", "kind", "state"]),
    ("workers", &["id"]),
];

/// What the pages show of the rest. A column that is missing here is one that no page shows, or not any more.
const SHOWN: &[&str] = &[
    "attempts.answer",
    "attempts.call",
    "attempts.code",
    "attempts.idempotency_key",
    "attempts.trace_id",
    "attempts.worker",
    "audit.action",
    "audit.actor",
    "audit.detail",
    "audit.reason",
    "audit.request_id",
    "audit.store_id",
    "audit.subject",
    "breakers.last_code",
    "bulk_items.code",
    "bulk_runs.reason",
    "cancel_entries.reason",
    "cancellations.reason",
    "findings.closed_by",
    "findings.closed_note",
    "findings.detail",
    "findings.merchant",
    "findings.transaction_key",
    "jobs.last_code",
    "jobs.last_message",
    "jobs.park_reason",
    "jobs.request_id",
    "jobs.worker",
    "order_lines.options",
    "order_lines.product_name",
    "orders.customer_name",
    "orders.customer_phone",
    "orders.merchant",
    "orders.order_name",
    "orders.store_name",
    "pauses.paused_by",
    "pauses.reason",
    "payments.failure_code",
    "payments.failure_message",
    "payments.method",
    "staff.name",
    "webhooks.event",
    "webhooks.order_id",
    "webhooks.reason",
    "webhooks.source",
    "webhooks.status",
    "workers.host",
    "workers.kinds",
    "workers.version",
];

/// What pages and forms ask for by name.
const NAMES: &str = "q set state kind store merchant code reason class cursor sort from to min max actor action subject next lang done login \
    amount tax-free bank account-number holder at seen key version entry filter of jobs job as-of run sure typed scope password";

/// Parts of pages that only we write.
const ELEMENTS: &str = "a aside article body button caption code dd details div dl dt em fieldset figcaption figure form g h1 h2 h3 head header \
    html img input label legend li link main meta meter nav ol option p path polyline pre progress rect script section select small span strong \
    summary svg table tbody td text textarea th thead time title tr ul !doctype";

/// An element as it begins on a page.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

/// What stands in a column: it tries to end an attribute, an element, a script and a comment, and to be an address of a script.
fn hostile(of: &str) -> String {
    format!(
        "javascript:alert('{of}')//\"'></title></textarea></script><script>alert('{of}')</script><img src=x onerror=alert(1)>{{{{7*7}}}}<!--"
    )
}

/// The elements of a page. An attribute without quotes around its value, or a `<` that begins no element, fails the test.
fn elements(page: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(closing) = rest.strip_prefix('/') {
            rest = closing.split_once('>').expect("a closing tag ends").1;
            continue;
        }
        let end = rest.find([' ', '>', '\n', '/']).expect("a name ends");
        let name = rest[..end].to_lowercase();
        rest = &rest[end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\n', '/']);
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = rest.find(['=', ' ', '>', '\n']).expect("an attribute ends");
            let attribute = rest[..end].to_lowercase();
            rest = &rest[end..];
            let Some(value) = rest.strip_prefix('=') else {
                attributes.push((attribute, String::new()));
                continue;
            };
            let value =
                value.strip_prefix('"').unwrap_or_else(|| panic!("{name} {attribute}: no quotes"));
            let (value, after) = value.split_once('"').expect("a value ends");
            attributes.push((attribute, value.to_owned()));
            rest = after;
        }
        elements.push(Element { name, attributes });
    }
    elements
}

/// That a page consists of our own elements, runs nothing, and leads to our own pages only.
fn assert_only_ours(page: &str, which: &str) {
    for broken_out in ["<script>", "<img src=x", "</title></textarea", "\"'>", "<!--"] {
        assert!(!page.contains(broken_out), "{broken_out} on {which}: {page}");
    }
    let known: BTreeSet<&str> = ELEMENTS.split(' ').collect();
    for Element { name, attributes } in elements(page) {
        assert!(known.contains(name.as_str()), "<{name}> on {which}");
        for (attribute, value) in &attributes {
            let is_plain = attribute
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"-:0123456789".contains(&byte));
            let is_code = attribute.starts_with("on")
                || ["style", "srcdoc", "http-equiv"].contains(&attribute.as_str());
            assert!(is_plain && !is_code, "{attribute} of <{name}> on {which}");
            if ["href", "src", "action", "formaction", "xlink:href", "data"]
                .contains(&attribute.as_str())
            {
                let is_ours = value.starts_with("/console")
                    || value.starts_with('?')
                    || value.starts_with('#');
                assert!(is_ours, "<{name} {attribute}={value}> on {which}");
            }
        }
        if name == "script" {
            assert!(
                attributes.iter().any(|(attribute, _)| attribute == "src"),
                "a script in {which}"
            );
        }
    }
}

/// Every column of a text, as `table.column`.
async fn text_columns(app: &TestConsole) -> Vec<(String, String)> {
    let columns = app.columns().await.into_iter();
    let texts = columns.filter(|column| column.kind.eq_ignore_ascii_case("text"));
    texts.map(|column| (column.table, column.name)).collect()
}

/// A row of everything, beside what [`things`] makes.
async fn more_things(app: &TestConsole, things: &Things) {
    let (order, job) = (&things.order, &things.job);
    let beat = Heartbeat {
        id: "w1".to_owned(),
        host: "h".to_owned(),
        version: "1".to_owned(),
        kinds: "confirm".to_owned(),
        concurrency: 8,
        in_flight: 3,
        is_stopping: false,
    };
    app.store.beat(&beat).await.unwrap();
    let received = ReceivedWebhook {
        transmission_id: Some("t".to_owned()),
        webhook: Webhook::Other("e".to_owned()),
        source: "10.0.0.7".to_owned(),
        headers: "{}".to_owned(),
        body: "{}".to_owned(),
        origin: Origin::default(),
    };
    app.store.accept_webhook(&received).await.unwrap();
    for statement in [
        format!(
            "INSERT INTO attempts (job_id, number, order_id, claim, operation, key_generation, idempotency_key, call_hash, call, started_at, \
             finished_at, duration_ms, http_status, code, message, verdict, trace_id, answer, is_stale, worker, merchant) VALUES \
             ('{job}', 1, '{order}', 1, 'cancel', 1, 'k', 'h', '{{}}', 1, 2, 1, 400, 'c', 'm', 'refused', 't', '{{}}', FALSE, 'w', 'default')"
        ),
        format!(
            "INSERT INTO cancel_entries (order_id, transaction_key, amount, tax_free_amount, reason, cancelled_at, seen_at) VALUES \
             ('{order}', 'tk-1', 1000, 0, 'r', 1, 1)"
        ),
        "INSERT INTO breakers (merchant, state, openings, probe_at, last_code, changed_at) VALUES ('default', 'open', 1, 1, 'c', 1)".to_owned(),
        "INSERT INTO pauses (merchant, scope, state, reason, paused_by, since) VALUES ('default', 'cancel', 'paused', 'r', 'p', 1)".to_owned(),
        "UPDATE webhooks SET has_payment = TRUE".to_owned(),
        format!("UPDATE jobs SET state = 'parked', park_reason = 'p' WHERE id = '{job}'"),
        "UPDATE cancellations SET failure_code = 'c'".to_owned(),
        format!("UPDATE payments SET failure_code = 'c', review_reason = 'setup' WHERE order_id = '{order}'"),
        "UPDATE findings SET state = 'closed', closed_at = 1, closed_by = 'b', closed_note = 'n' WHERE order_id = 'order-of-gimbap'".to_owned(),
        "UPDATE bulk_runs SET stopped_by = 's'".to_owned(),
        "UPDATE bulk_items SET code = 'c', state = 'refused'".to_owned(),
    ] {
        app.sql(&statement).await;
    }
}

/// Every page there is, in a language.
fn pages(things: &[Things]) -> BTreeSet<String> {
    let mut pages = BTreeSet::new();
    for (method, path) in staff_console::routes() {
        if method == Method::GET && !path.ends_with(".csv") && !path.contains("{*") {
            pages.extend(things.iter().map(|things| things.fill(path)));
        }
    }
    for set in ["jobs?set=all", "findings?set=closed", "findings?set=all", "orders?q=order"] {
        pages.insert(format!("/console/{set}"));
    }
    pages
}

#[tokio::test]
async fn whatever_stands_in_the_database_is_text_on_every_page_in_both_languages() {
    let app = TestConsole::start().await;
    let things = [things(&app, "mala", "owner").await, things(&app, "gimbap", "manager").await];
    more_things(&app, &things[0]).await;
    let cookie = app.sign_in("master").await;
    let mut filled = Vec::new();
    for (table, column) in text_columns(&app).await {
        let parsed = PARSED
            .iter()
            .find(|(known, _)| *known == table)
            .map_or(&[][..], |(_, columns)| columns);
        if parsed.contains(&column.as_str()) {
            continue;
        }
        let name = format!("{table}.{column}");
        let text = hostile(&name).replace('\'', "''");
        let value = match name.as_str() {
            "order_lines.options" => {
                format!(r#"[{{"id":"o","name":{},"price":1}}]"#, serde_json::json!(text))
            }
            "attempts.call" => {
                let reason = serde_json::json!(text);
                format!(
                    r#"{{"operation":"cancel","payment_key":"k","reason":{reason},"amount":1,"refundable_amount":1}}"#
                )
            }
            "audit.detail" | "attempts.answer" | "webhooks.headers" | "webhooks.body"
            | "payments.raw" => serde_json::json!({ "k": text, text.clone(): 1 }).to_string(),
            _ => text,
        };
        // Toss's name of a cancel stands there once.
        let one = if name == "cancellations.transaction_key" {
            format!(" WHERE order_id = '{}'", things[0].order)
        } else {
            String::new()
        };
        app.sql(&format!("UPDATE {table} SET {column} = '{value}'{one}")).await;
        filled.push(name);
    }
    let mut shown = BTreeSet::new();
    for language in ["ko", "en"] {
        for path in pages(&things) {
            let page = app.get(&path, &[("cookie", &cookie), ("accept-language", language)]).await;
            let is_there = [StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CONFLICT]
                .contains(&page.status);
            assert!(is_there, "{path}: {} {}", page.status, page.text);
            assert!(page.text.contains(&format!("<html lang=\"{language}\">")), "{path}");
            assert_only_ours(&page.text, &path);
            shown.extend(
                filled
                    .iter()
                    .filter(|name| page.text.contains(&format!("alert(&#39;{name}&#39;)")))
                    .cloned(),
            );
        }
    }
    assert_eq!(
        shown.iter().map(String::as_str).collect::<Vec<_>>(),
        SHOWN,
        "say here what is shown"
    );
    let receipt = "https://dashboard.tosspayments.com/receipt/1";
    app.sql(&format!("UPDATE payments SET receipt_url = '{receipt}'")).await;
    let page = app.get("/console/orders/order-of-mala", &[("cookie", &cookie)]).await;
    assert!(page.text.contains(&format!("<a href=\"{receipt}\" rel=\"noreferrer noopener\">")));
}

#[tokio::test]
async fn whatever_stands_in_an_address_or_a_form_comes_back_as_text() {
    let app = TestConsole::start().await;
    let things = things(&app, "mala", "owner").await;
    let cookie = app.sign_in("master").await;
    let proof = app.get("/console", &[("cookie", &cookie)]).await.proof();
    let text: String = hostile("x").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let names = NAMES.split(' ').chain([text.as_str()]);
    let alone: Vec<String> = names.map(|name| format!("{name}={text}")).collect();
    // All at once, and one after the other: a refused one hides what follows.
    let mut queries = vec![("ko", alone.join("&")), ("en", alone.join("&"))];
    queries.extend(alone.into_iter().map(|one| ("en", one)));
    let (mut echoes, mut forms) = (0, 0);
    let routes = staff_console::routes().into_iter();
    for (method, path) in routes.filter(|(_, path)| *path != "/console/sign-out") {
        let path = things.fill(path).replace("{*rest}", &text);
        for (language, query) in &queries {
            let headers = [("cookie", cookie.as_str()), ("accept-language", language)];
            let page = if method == Method::GET {
                app.get(&format!("{path}?{query}"), &headers).await
            } else {
                app.post(&path, &headers, &format!("proof={proof}&{query}")).await
            };
            let which = format!("{method} {path} {query}");
            assert!(!page.status.is_server_error(), "{which}: {}", page.text);
            let leads_to = page.location();
            let is_ours = leads_to.is_empty() || leads_to.starts_with("/console");
            assert!(is_ours, "{which}: {leads_to}");
            if page.headers.get("content-type").is_some_and(|it| it == "text/html; charset=utf-8") {
                assert_only_ours(&page.text, &which);
                echoes += page.text.matches("javascript:alert(&#39;x").count();
                forms += usize::from(method == Method::POST);
            }
        }
    }
    assert!(echoes > 20 && forms > 400, "{echoes} {forms}: what was typed is shown again");
    let still = app.get("/console", &[("cookie", &cookie)]).await;
    assert_eq!(still.status, StatusCode::OK, "they were signed in all the while");
}

#[test]
fn markup_that_breaks_out_is_noticed() {
    for bad in [
        format!("<p>{}</p>", hostile("x")),
        format!("<p title=\"{}\">x</p>", hostile("x")),
        "<p onclick=\"x\">".to_owned(),
        "<p id=x>".to_owned(),
        "<iframe>".to_owned(),
        "<a href=\"javascript:x\">".to_owned(),
        "<a href=\"//evil.example\">".to_owned(),
        "<script type=\"module\">".to_owned(),
    ] {
        assert!(std::panic::catch_unwind(|| assert_only_ours(&bad, "x")).is_err(), "{bad}");
    }
    assert_only_ours(
        "<!doctype html><p class=\"a\" hidden>1 &lt; 2</p><a href=\"/console\">x</a>",
        "x",
    );
}
