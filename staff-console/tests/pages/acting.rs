//! What forms do: exactly what was previewed, once, and nothing that could have been meant otherwise.

use axum::http::StatusCode;
use domain::role::{Role, Scope};
use store::bulk::BulkReader;
use store::{JobFilter, JobSet, JobSort, PauseScope};

use crate::app::{Page, TestConsole};

const ORDER: &str = "order-of-mala";

/// Somebody who is signed in.
struct Hand<'a> {
    app: &'a TestConsole,
    cookie: String,
    proof: String,
}

impl Hand<'_> {
    async fn of<'a>(app: &'a TestConsole, login: &str) -> Hand<'a> {
        let cookie = app.sign_in(login).await;
        let proof = app.get("/console", &[("cookie", &cookie)]).await.proof();
        Hand { app, cookie, proof }
    }

    async fn open(&self, path: &str) -> Page {
        self.app.get(path, &[("cookie", &self.cookie), ("accept-language", "en")]).await
    }

    async fn send(&self, path: &str, fields: &str) -> Page {
        let headers = [("cookie", self.cookie.as_str()), ("accept-language", "en")];
        self.app.post(path, &headers, &format!("proof={}&{fields}", self.proof)).await
    }
}

/// The value of a hidden field.
fn field(page: &Page, name: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
    rest.split('"').next().unwrap().to_owned()
}

async fn paid(app: &TestConsole) {
    app.pay("mala", ORDER).await;
    app.sql(&format!(
        "UPDATE payments SET state = 'confirmed', balance = amount, money_job_id = NULL WHERE order_id = '{ORDER}'"
    ))
    .await;
    app.sql("UPDATE jobs SET state = 'succeeded', ended_at = 1").await;
}

async fn runs(app: &TestConsole) -> usize {
    let reader = BulkReader { started_by: None, scope: Scope::Every };
    app.store.list_bulk_runs(&reader, None, 100).await.unwrap().rows.len()
}

#[tokio::test]
async fn a_filter_that_cannot_be_meant_acts_on_nothing_and_says_so() {
    let app = TestConsole::start().await;
    app.pay("mala", ORDER).await;
    let hand = Hand::of(&app, "master").await;
    for filter in
        ["set=all%26min=abc", "set=alll", "set=all%26to=2026-13-01", "set=all%26kind=x", "junk=1"]
    {
        let page = hand
            .send("/console/bulk/preview", &format!("action=discard&of=all&filter={filter}"))
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{filter}");
        assert!(page.text.contains("Filters that make no sense"), "{}", page.text);
    }
    let without = hand.send("/console/bulk/preview", "action=discard&of=all").await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    // A list without filters shows what failed, and so says its preview.
    app.sql("UPDATE jobs SET state = 'parked', park_reason = 'setup'").await;
    let usual = hand.send("/console/bulk/preview", "action=look_up&of=all&filter=").await;
    assert!(usual.text.contains("<code>set=failed</code>"), "{}", usual.text);
    let list = hand.open("/console/jobs?set=all&min=abc").await;
    assert!(list.text.contains("Filters that make no sense: <code>min</code>"), "{}", list.text);
}

#[tokio::test]
async fn a_run_is_begun_once_and_with_the_jobs_that_were_previewed() {
    let app = TestConsole::start().await;
    app.pay("mala", ORDER).await;
    app.store.advance_clock(1_000);
    let hand = Hand::of(&app, "master").await;
    let form = "action=look_up&of=all&filter=set%3Dall";
    let preview = hand.send("/console/bulk/preview", form).await;
    assert!(preview.text.contains("<code>set=all</code>"), "{}", preview.text);
    let begin = ["run", "jobs", "as-of"].map(|name| format!("&{name}={}", field(&preview, name)));
    let begin = format!("{form}&reason=because{}", begin.concat());
    let first = hand.send("/console/bulk", &begin).await;
    let again = hand.send("/console/bulk", &begin).await;
    assert_eq!((first.status, first.location()), (StatusCode::SEE_OTHER, again.location()));
    assert_eq!(runs(&app).await, 1);

    let preview = hand.send("/console/bulk/preview", form).await;
    app.store.advance_clock(1_000);
    app.pay("gimbap", "order-of-gimbap").await;
    let begin = ["run", "jobs", "as-of"].map(|name| format!("&{name}={}", field(&preview, name)));
    let changed =
        hand.send("/console/bulk", &format!("{form}&reason=because{}", begin.concat())).await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    assert!(changed.text.contains("have changed since they were previewed"), "{}", changed.text);
    assert_eq!(runs(&app).await, 1);
}

#[tokio::test]
async fn a_cancel_is_checked_before_it_is_shown_and_counts_once_per_shown_form() {
    let app = TestConsole::start().await;
    paid(&app).await;
    let hand = Hand::of(&app, "owner").await;
    let path = format!("/console/orders/{ORDER}/cancel");
    assert!(hand.open(&path).await.text.contains("₩4,000"));
    for (fields, told) in [
        ("amount=0&reason=x", "at least"),
        ("amount=4001&reason=x", ""),
        ("amount=1,00,0&reason=x", "An amount is a number of won."),
        ("amount=1000&reason=x&tax-free=99999", ""),
        ("amount=1000&reason=x&bank=88&account-number=123&holder=h", ""),
        ("amount=1000&reason=", ""),
    ] {
        let page = hand.send(&path, fields).await;
        assert!(page.status.is_client_error(), "{fields}: {} {}", page.status, page.text);
        assert!(page.text.contains(told), "{fields}: {}", page.text);
        assert!(!page.text.contains("name=\"sure\""), "{fields} is asked about");
    }
    let sure = async || {
        let page = hand.send(&path, "amount=1000&reason=x").await;
        assert!(
            page.text.contains("₩1,000") && page.text.contains("name=\"sure\""),
            "{}",
            page.text
        );
        format!(
            "amount=1000&reason=x&sure=1&seen={}&key={}",
            field(&page, "seen"),
            field(&page, "key")
        )
    };
    let (one, two) = (sure().await, sure().await);
    for (form, word) in [(&one, "cancel"), (&one, "cancel-before"), (&two, "cancel")] {
        let done = hand.send(&path, form).await;
        assert_eq!(
            done.location(),
            format!("/console/orders/{ORDER}?done={word}"),
            "{}",
            done.text
        );
    }
    let all = JobFilter { set: JobSet::All, ..JobFilter::all(Scope::Every) };
    let jobs = app.store.list_jobs(&all, JobSort::Newest, None, 10).await.unwrap().rows;
    assert_eq!(jobs.iter().filter(|job| job.cancellation_id.is_some()).count(), 2);
}

#[tokio::test]
async fn a_cancel_that_may_repeat_a_lost_one_is_ticked_as_another() {
    let app = TestConsole::start().await;
    paid(&app).await;
    let hand = Hand::of(&app, "owner").await;
    let path = format!("/console/orders/{ORDER}/cancel");
    assert!(!hand.open(&path).await.text.contains("name=\"another\""), "nothing was lost");
    app.sql(&format!(
        "INSERT INTO cancellations (id, order_id, amount, reason, requested_by, role, state, transaction_key, requested_at, cancelled_at, updated_at) \
         VALUES ('found', '{ORDER}', 1000, 'x [0123456789ab]', 'toss', 'system', 'done', 'tx', 1, 1, 1)"
    ))
    .await;
    assert!(hand.open(&path).await.text.contains("name=\"another\""));
    for fields in ["amount=1000&reason=x", "reason=x", "amount=1000&reason=x&another="] {
        let refused = hand.send(&path, fields).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{fields}: {}", refused.text);
        assert!(refused.text.contains("before the database was restored"), "{}", refused.text);
    }
    let page = hand.send(&path, "amount=1000&reason=x&another=1").await;
    let sure = format!("sure=1&seen=1000&key={}", field(&page, "key"));
    let unticked = hand.send(&path, &format!("amount=1000&reason=x&another=&{sure}")).await;
    assert_eq!(unticked.status, StatusCode::CONFLICT, "{}", unticked.text);
    assert_eq!(field(&page, "another"), "1");
    let done = hand.send(&path, &format!("amount=1000&reason=x&another=1&{sure}")).await;
    assert_eq!(done.location(), format!("/console/orders/{ORDER}?done=cancel"), "{}", done.text);
}

#[tokio::test]
async fn above_the_limit_the_amount_is_typed_once_more() {
    let app = TestConsole::start_with("http://shop.example", |settings| {
        settings.confirm_amount_above = 1_000
    })
    .await;
    paid(&app).await;
    let hand = Hand::of(&app, "owner").await;
    let path = format!("/console/orders/{ORDER}/cancel");
    let page = hand.send(&path, "reason=x").await;
    assert!(page.text.contains("name=\"typed\""), "{}", page.text);
    let form = format!("reason=x&sure=1&seen=4000&key={}", field(&page, "key"));
    for typed in ["", "&typed=1000", "&typed=40,00"] {
        let refused = hand.send(&path, &format!("{form}{typed}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
    }
    let done = hand.send(&path, &format!("{form}&typed=4,000")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
}

#[tokio::test]
async fn of_two_who_saw_the_same_job_one_retries_it_and_the_other_is_told() {
    let app = TestConsole::start().await;
    app.pay("mala", ORDER).await;
    app.sql("UPDATE jobs SET state = 'waiting', due_at = due_at + 100000").await;
    let (one, two) = (Hand::of(&app, "owner").await, Hand::of(&app, "master").await);
    let all = JobFilter::all(Scope::Every);
    let job = app.store.list_jobs(&all, JobSort::Newest, None, 1).await.unwrap().rows.remove(0);
    let path = format!("/console/jobs/{}", job.id);
    let seen = format!("seen={}", job.updated_at);
    assert!(
        one.open(&path).await.text.contains(&format!("name=\"seen\" value=\"{}\"", job.updated_at))
    );
    app.store.advance_clock(1_000);
    let first = one.send(&format!("{path}/retry"), &seen).await;
    assert_eq!(first.location(), format!("{path}?done=retry"), "{}", first.text);
    // It waits again, as behind a pause, and still it is not as the second has seen it.
    app.sql("UPDATE jobs SET state = 'waiting'").await;
    let second = two.send(&format!("{path}/retry"), &seen).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text.contains("has changed meanwhile"), "{}", second.text);
    app.sql("UPDATE jobs SET state = 'parked', park_reason = 'setup'").await;
    let late = two.send(&format!("{path}/discard"), &format!("{seen}&reason=x")).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text);
}

#[tokio::test]
async fn what_is_paused_needs_a_person_and_is_told_at_the_job() {
    let app = TestConsole::start().await;
    app.pay("mala", ORDER).await;
    let master = app.master.actor(store::Origin::default());
    app.store
        .pause_merchant("default", PauseScope::All, &master, "UNAUTHORIZED_KEY")
        .await
        .unwrap();
    let hand = Hand::of(&app, "master").await;
    let overview = hand.open("/console").await;
    assert!(
        overview.text.contains("href=\"/console/holds\"")
            && overview.text.contains("Payments wait."),
        "{}",
        overview.text
    );
    assert!(!overview.text.contains("Nothing needs a person"), "{}", overview.text);
    let jobs =
        app.store.list_jobs(&JobFilter::all(Scope::Every), JobSort::Newest, None, 1).await.unwrap();
    let page = hand.open(&format!("/console/jobs/{}", jobs.rows[0].id)).await;
    assert!(page.text.contains("are paused: it does not go on"), "{}", page.text);
    assert_eq!(app.master.role, Role::Master);
}
