//! Webhooks, findings, workers, the audit and staff: who sees what, and what the forms change.

use axum::http::StatusCode;
use domain::Won;
use domain::answer::TossStatus;
use domain::reconcile::FindingKind;
use domain::webhook::{PaymentNews, Webhook};
use store::audit::AuditFilter;
use store::findings::{FindingFilter, NewFinding};
use store::{Heartbeat, Origin, ReceivedWebhook};

use crate::app::{Page, TestConsole};

/// A payment of mala's and one of gimbap's.
const ORDERS: [(&str, &str); 2] = [("mala", "order-of-mala"), ("gimbap", "order-of-gimbap")];

async fn receive(app: &TestConsole, webhook: Webhook) {
    let received = ReceivedWebhook {
        transmission_id: None,
        webhook,
        source: "10.0.0.7".to_owned(),
        headers: "{}".to_owned(),
        body: "{}".to_owned(),
        origin: Origin::default(),
    };
    app.store.accept_webhook(&received).await.unwrap();
}

fn finding(kind: FindingKind, order_id: Option<&str>) -> NewFinding {
    NewFinding {
        kind,
        merchant: "default".to_owned(),
        order_id: order_id.map(str::to_owned),
        payment_key: format!("key-of-{}", order_id.unwrap_or("nobody")),
        transaction_key: None,
        here: Won::new(4_000).ok(),
        there: Won::new(3_500).ok(),
        detail: format!("about {}", order_id.unwrap_or("nobody")),
        happened_at_ms: 1_500,
    }
}

async fn find(app: &TestConsole, found: NewFinding) -> String {
    app.store.write_findings(std::slice::from_ref(&found)).await.unwrap();
    let page = app.store.list_findings(&FindingFilter::default(), None, 100).await.unwrap();
    page.rows.into_iter().find(|row| row.found == found).unwrap().id
}

/// Opens a page in English.
async fn open(app: &TestConsole, cookie: &str, path: &str) -> Page {
    app.get(path, &[("cookie", cookie), ("accept-language", "en")]).await
}

/// Opens a page and sends its form.
async fn send(app: &TestConsole, cookie: &str, proof: &str, path: &str, fields: &str) -> Page {
    let headers = [("cookie", cookie), ("accept-language", "en")];
    app.post(path, &headers, &format!("proof={proof}&{fields}")).await
}

fn assert_shows(page: &Page, there: &[&str], not_there: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for part in there {
        assert!(page.text.contains(part), "{part} is not in {}", page.text);
    }
    for part in not_there {
        assert!(!page.text.contains(part), "{part} is in {}", page.text);
    }
}

#[tokio::test]
async fn webhooks_are_shown_with_what_became_of_them_to_those_whose_payments_they_name() {
    let app = TestConsole::start().await;
    for (store_id, order_id) in ORDERS {
        app.pay(store_id, order_id).await;
        let news = PaymentNews {
            order_id: order_id.to_owned(),
            payment_key: format!("key-of-{order_id}"),
            status: TossStatus::Done,
            transaction_key: None,
        };
        receive(&app, Webhook::Payment(news)).await;
    }
    receive(&app, Webhook::Other("<b>BILLING</b>".to_owned())).await;
    let (owner, master) = (app.sign_in("owner").await, app.sign_in("master").await);
    let path = "/console/webhooks";

    let mine = [r#"href="/console/orders/order-of-mala""#, "Looked up", "<code>DONE</code>"];
    let others = ["order-of-gimbap", "BILLING"];
    assert_shows(&open(&app, &owner, path).await, &mine, &others);
    let all = open(&app, &master, path).await;
    let escaped = ["order-of-mala", "order-of-gimbap", "10.0.0.7", "OTHER_EVENT"];
    assert_shows(&all, &escaped, &["<b>BILLING"]);

    let ignored = open(&app, &master, &format!("{path}?state=ignored")).await;
    assert_shows(&ignored, &["OTHER_EVENT"], &["order-of-mala", "order-of-gimbap"]);
    let one = open(&app, &master, &format!("{path}?q=order-of-mala&state=looked_up")).await;
    assert_shows(&one, &["order-of-mala"], &["order-of-gimbap\""]);
    let none = open(&app, &master, &format!("{path}?to=2000-01-01")).await;
    assert_shows(&none, &["There are no such webhooks."], &["order-of"]);
}

#[tokio::test]
async fn what_somebody_typed_into_a_filter_comes_back_as_text() {
    let app = TestConsole::start().await;
    let master = app.sign_in("master").await;
    for path in
        ["webhooks?q=", "findings?q=", "findings?merchant=", "audit?actor=", "audit?subject="]
    {
        let path = format!("/console/{path}%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
        let page = open(&app, &master, &path).await;
        assert_shows(&page, &["script"], &["<script>", "\"><script"]);
    }
    for path in ["webhooks", "findings", "audit"] {
        let page = open(&app, &master, &format!("/console/{path}?cursor=x")).await;
        let there = format!("/console/{path}");
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, there.as_str()));
    }
}

#[tokio::test]
async fn findings_are_told_in_words_and_only_to_those_whose_orders_they_are_about() {
    let app = TestConsole::start().await;
    for (store_id, order_id) in ORDERS {
        app.pay(store_id, order_id).await;
    }
    let mine = find(&app, finding(FindingKind::AmountDiffers, Some("order-of-mala"))).await;
    let other = find(&app, finding(FindingKind::MissingHere, Some("order-of-gimbap"))).await;
    let orphan = find(&app, finding(FindingKind::OrphanCharge, None)).await;
    let (owner, master) = (app.sign_in("owner").await, app.sign_in("master").await);

    let list = open(&app, &owner, "/console/findings").await;
    let told = ["Amounts differ", "order-of-mala", "₩4,000", "₩3,500", "A defect or tampering"];
    assert_shows(&list, &told, &["order-of-gimbap", "Charge without a payment</a>"]);
    let one = open(&app, &owner, &format!("/console/findings/{mine}")).await;
    assert_shows(&one, &["about order-of-mala", "What was done about it"], &[]);
    for id in [&other, &orphan, &"nobody".to_owned()] {
        let page = open(&app, &owner, &format!("/console/findings/{id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        let path = format!("/console/findings/{id}/close");
        let page = send(&app, &owner, &one.proof(), &path, "reason=mine").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
    }
    let all = open(&app, &master, "/console/findings").await;
    assert_shows(&all, &["order-of-mala", "order-of-gimbap", "Charge without a payment</a>"], &[]);
    let kind = open(&app, &master, "/console/findings?kind=orphan_charge").await;
    assert_shows(&kind, &["Charge without a payment</a>"], &["order-of-mala"]);
    let closed = open(&app, &master, "/console/findings?set=closed").await;
    assert_shows(&closed, &["There are no such findings."], &["order-of-mala"]);
}

#[tokio::test]
async fn who_closes_a_finding_second_is_told_so_and_changes_nothing() {
    let app = TestConsole::start().await;
    app.pay("mala", "order-of-mala").await;
    let id = find(&app, finding(FindingKind::AmountDiffers, Some("order-of-mala"))).await;
    let (owner, master) = (app.sign_in("owner").await, app.sign_in("master").await);
    let path = format!("/console/findings/{id}");
    let owners = open(&app, &owner, &path).await.proof();
    let masters = open(&app, &master, &path).await.proof();
    let close = format!("{path}/close");

    let without = send(&app, &owner, &owners, &close, "reason=+").await;
    assert_eq!(without.status, StatusCode::BAD_REQUEST, "a reason is asked for");
    let foreign = send(&app, &owner, &masters, &close, "reason=x").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "the proof is another session's");
    assert!(app.store.find_finding(&id).await.unwrap().unwrap().closed.is_none());

    let first = send(&app, &owner, &owners, &close, "reason=ticket+12").await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.text);
    let list = open(&app, &owner, first.location()).await;
    assert_shows(&list, &["role=\"status\"", "The finding was closed."], &["order-of-mala"]);
    let second = send(&app, &master, &masters, &close, "reason=ticket+13").await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text.contains("Somebody else has closed this finding already."));
    let closed = open(&app, &master, "/console/findings?set=closed").await;
    assert_shows(&closed, &["ticket 12", "owner"], &["ticket 13"]);
    let page = open(&app, &master, &path).await;
    assert_shows(&page, &["ticket 12"], &["What was done about it"]);
}

#[tokio::test]
async fn workers_are_shown_with_a_warning_when_none_runs_and_when_versions_differ() {
    let app = TestConsole::start().await;
    let master = app.sign_in("master").await;
    let path = "/console/workers";
    let warning = "No worker runs";
    assert_shows(&open(&app, &master, path).await, &[warning, "No worker is known."], &[]);
    for (id, version) in [("w1", "1.0.0"), ("w2", "1.1.0")] {
        let beat = Heartbeat {
            id: id.to_owned(),
            host: format!("host-of-{id}"),
            version: version.to_owned(),
            kinds: "confirm,cancel".to_owned(),
            concurrency: 8,
            in_flight: 3,
            is_stopping: false,
        };
        app.store.beat(&beat).await.unwrap();
    }
    let two = open(&app, &master, path).await;
    let told = ["host-of-w1", "host-of-w2", "3 / 8", "confirm,cancel", "1.0.0, 1.1.0", "Alive"];
    assert_shows(&two, &told, &[warning]);
    app.store.advance_clock(120_000);
    let lost = open(&app, &master, path).await;
    assert_shows(&lost, &[warning, "Lost"], &["different versions"]);
}

#[tokio::test]
async fn the_audit_names_who_did_what_and_leads_to_what_it_was_done_to() {
    let app = TestConsole::start().await;
    app.pay("mala", "order-of-mala").await;
    let id = find(&app, finding(FindingKind::AmountDiffers, Some("order-of-mala"))).await;
    let actor = app.master.actor(Origin { request_id: Some("r-77".to_owned()), trace: None });
    app.store.close_finding(&id, &actor, "ticket 12").await.unwrap();
    let master = app.sign_in("master").await;
    let path = "/console/audit?action=finding.close";
    let page = open(&app, &master, path).await;
    let link = format!("href=\"/console/findings/{id}\"");
    let told = ["ticket 12", "r-77", "Master", "<details id=\"detail-", "order-of-mala", &link];
    assert_shows(&page, &told, &["staff.add"]);
    let by = format!("/console/audit?actor={}", app.master.id);
    assert_shows(&open(&app, &master, &by).await, &["finding.close"], &["staff.add"]);
    let store = open(&app, &master, "/console/audit?store=gimbap").await;
    assert_shows(&store, &["store.create"], &["finding.close"]);
    let none = open(&app, &master, "/console/audit?to=2000-01-01").await;
    assert_shows(&none, &["There are no such entries."], &["finding.close"]);
}

#[tokio::test]
async fn pages_for_masters_refuse_owners_and_managers_and_are_not_in_their_menu() {
    let app = TestConsole::start().await;
    let owner_id = id_of(&app, "owner").await;
    for login in ["owner", "manager"] {
        let cookie = app.sign_in(login).await;
        let home = open(&app, &cookie, "/console").await;
        for path in ["/console/workers", "/console/audit", "/console/staff"] {
            let page = open(&app, &cookie, path).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{login} {path}");
            assert!(!home.text.contains(&format!("href=\"{path}\"")), "{login} {path}");
        }
        let path = format!("/console/staff/{}/disable", app.master.id);
        let fields = format!("sure={}", app.master.id);
        let page = send(&app, &cookie, &home.proof(), &path, &fields).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{login}");
    }
    assert!(app.store.find_staff(&app.master.id).await.unwrap().is_some());
    assert!(app.store.find_staff(&owner_id).await.unwrap().is_some());
}

async fn id_of(app: &TestConsole, name: &str) -> domain::StaffId {
    let staff = app.store.list_staff(None, 100).await.unwrap().rows;
    staff.into_iter().find(|member| member.name == name).unwrap().id
}

#[tokio::test]
async fn a_master_disables_somebody_at_once_and_never_themselves() {
    let app = TestConsole::start().await;
    let (owner, master) = (app.sign_in("owner").await, app.sign_in("master").await);
    let owner_id = id_of(&app, "owner").await;
    let list = open(&app, &master, "/console/staff").await;
    let told = [
        "Every store",
        "gimbap",
        "Last sign-in",
        "seungin staff add",
        "Nobody disables themselves",
    ];
    assert_shows(&list, &told, &[&format!("/console/staff/{}/disable", app.master.id)]);
    let proof = list.proof();
    let disable = |id: &str| format!("/console/staff/{id}/disable");

    let me = app.master.id.as_str();
    let itself = send(&app, &master, &proof, &disable(me), &format!("sure={me}")).await;
    assert_eq!(itself.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(itself.text.contains("Nobody disables themselves."));
    let (path, sure) = (disable(owner_id.as_str()), format!("sure={owner_id}"));
    let unsure = send(&app, &master, &proof, &path, "").await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = send(&app, &master, &proof, &disable("nobody"), "sure=nobody").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(open(&app, &owner, "/console").await.status, StatusCode::OK);

    let done = send(&app, &master, &proof, &path, &sure).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(open(&app, &owner, "/console").await.status, StatusCode::SEE_OTHER, "out at once");
    let after = open(&app, &master, done.location()).await;
    assert_shows(&after, &["role=\"status\"", "Disabled"], &[&path]);
    let filter = AuditFilter {
        action: Some("staff.disable".to_owned()),
        actor: Some(app.master.id.as_str().to_owned()),
        ..AuditFilter::default()
    };
    let audited = app.store.list_audit(&filter, None, 10).await.unwrap().rows;
    let subjects: Vec<&str> = audited.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(subjects, [owner_id.as_str()]);
}
