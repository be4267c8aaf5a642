//! Who may reach what: every route of the API and of the console, by every role, for a store of theirs and for another. The routes come
//! from the routers themselves: one that has no rule here fails the test.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use domain::bulk::BulkAction;
use domain::reconcile::FindingKind;
use domain::role::Role;
use domain::{JobId, OrderId, StoreId, Won};
use serde_json::{Value, json};
use store::bulk::{BulkSelection, StartBulkRun};
use store::findings::{FindingFilter, NewFinding};
use store::idempotency::CallerKey;
use store::staff::NewStaff;
use store::{AcceptCancel, Actor, JobFilter, JobSort, Origin, sha256_hex};
use tower::ServiceExt as _;

use crate::app::TestConsole;

/// Who may reach a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Anybody.
    Anybody,
    /// Whoever holds the order's own token, and no staff.
    Customer,
    /// Staff, who see there what is theirs.
    Staff,
    /// Staff of the store that it is about.
    OfStore,
    /// Whoever began it, and masters.
    Own,
    /// Masters.
    Master,
}

use Rule::{Anybody, Customer, Master, OfStore, Own, Staff};

/// The rules of the API, by the operations of its description.
const API: &[(&str, Rule)] = &[
    ("live", Anybody),
    ("ready", Anybody),
    ("checkoutConfig", Anybody),
    ("listStores", Anybody),
    ("readMenu", Anybody),
    ("quote", Anybody),
    ("createOrder", Anybody),
    ("takeWebhook", Anybody),
    ("checkoutSuccess", Anybody),
    ("checkoutFail", Anybody),
    ("confirmOrder", Customer),
    ("listOrders", Staff),
    ("listJobs", Staff),
    ("countJobs", Staff),
    ("groupJobs", Staff),
    ("exportJobs", Staff),
    ("readOverview", Staff),
    ("listBulkRuns", Staff),
    ("createBulkRun", Staff),
    ("previewBulkRun", Staff),
    ("readOrder", OfStore),
    ("followOrder", OfStore),
    ("closeOrder", OfStore),
    ("readTimeline", OfStore),
    ("readPaymentActions", OfStore),
    ("lookUpOrder", OfStore),
    ("closeReview", OfStore),
    ("listCancels", OfStore),
    ("cancelOrder", OfStore),
    ("readCancel", OfStore),
    ("listCandidates", OfStore),
    ("matchCancel", OfStore),
    ("readJob", OfStore),
    ("lookUpJob", OfStore),
    ("retryJob", OfStore),
    ("discardJob", OfStore),
    ("changeDueTime", OfStore),
    ("putStore", OfStore),
    ("putProduct", OfStore),
    ("readBulkRun", Own),
    ("stopBulkRun", Own),
    ("listAudit", Master),
    ("listHolds", Master),
    ("pauseCalls", Master),
    ("resumeCalls", Master),
];

/// The rules of the console.
const CONSOLE: &[(&str, Rule)] = &[
    ("GET /console/sign-in", Anybody),
    ("POST /console/sign-in", Anybody),
    ("GET /console", Staff),
    ("GET /console/jobs", Staff),
    ("GET /console/jobs.csv", Staff),
    ("GET /console/bulk", Staff),
    ("GET /console/orders", Staff),
    ("GET /console/webhooks", Staff),
    ("GET /console/findings", Staff),
    ("POST /console/bulk/preview", Staff),
    ("POST /console/bulk", Staff),
    ("POST /console/sign-out", Staff),
    ("GET /console/jobs/{id}", OfStore),
    ("POST /console/jobs/{id}/look-up", OfStore),
    ("POST /console/jobs/{id}/retry", OfStore),
    ("POST /console/jobs/{id}/discard", OfStore),
    ("POST /console/jobs/{id}/due-time", OfStore),
    ("GET /console/orders/{id}", OfStore),
    ("GET /console/orders/{id}/cancel", OfStore),
    ("POST /console/orders/{id}/cancel", OfStore),
    ("POST /console/orders/{id}/look-up", OfStore),
    ("POST /console/orders/{id}/review/close", OfStore),
    ("GET /console/orders/{id}/cancels/{cancel_id}", OfStore),
    ("POST /console/orders/{id}/cancels/{cancel_id}", OfStore),
    ("GET /console/findings/{id}", OfStore),
    ("POST /console/findings/{id}/close", OfStore),
    ("GET /console/bulk/{id}", Own),
    ("POST /console/bulk/{id}/stop", Own),
    ("GET /console/workers", Master),
    ("GET /console/audit", Master),
    ("GET /console/staff", Master),
    ("GET /console/holds", Master),
    ("POST /console/holds/pause", Master),
    ("POST /console/holds/resume", Master),
    ("POST /console/staff/{id}/disable", Master),
];

/// A page that is there for nobody.
const MISSING: &str = "GET /console/{*rest}";

/// Somebody, and what shows who they are.
struct Somebody {
    name: &'static str,
    role: Option<Role>,
    store: &'static str,
    token: String,
    cookie: String,
    proof: String,
}

/// What there is of a store.
pub(crate) struct Things {
    store: &'static str,
    pub(crate) order: String,
    pub(crate) job: String,
    cancel: String,
    run: String,
    finding: String,
    victim: String,
}

const ROLES: [(&str, Option<Role>, &str); 4] = [
    ("nobody", None, ""),
    ("owner", Some(Role::Owner), "mala"),
    ("manager", Some(Role::Manager), "gimbap"),
    ("master", Some(Role::Master), ""),
];

async fn people(app: &TestConsole) -> Vec<Somebody> {
    let mut people = Vec::new();
    for (name, role, store) in ROLES {
        let (mut cookie, mut proof) = (String::new(), String::new());
        if role.is_some() {
            cookie = app.sign_in(name).await;
            proof = app.get("/console", &[("cookie", &cookie)]).await.proof();
        }
        people.push(Somebody { name, role, store, token: format!("sst_{name}"), cookie, proof });
    }
    people
}

/// A paid order of a store with a cancel under way, a bulk run of its member, a finding, and a member of staff to be disabled.
pub(crate) async fn things(app: &TestConsole, store: &'static str, member: &str) -> Things {
    let order = format!("order-of-{store}");
    app.pay(store, &order).await;
    app.sql(&format!("UPDATE payments SET state = 'confirmed', balance = amount, money_job_id = NULL WHERE order_id = '{order}'")).await;
    app.sql(&format!(
        "UPDATE jobs SET state = 'succeeded', ended_at = 1 WHERE order_id = '{order}'"
    ))
    .await;
    let key =
        CallerKey { scope: "matrix".to_owned(), key: order.clone(), fingerprint: "f".to_owned() };
    let cancel = AcceptCancel {
        order_id: OrderId::parse(order.as_str()).unwrap(),
        amount: Won::new(1_000).ok(),
        tax_free_amount: None,
        refund_account: None,
        reason: "because".to_owned(),
        is_another: false,
        actor: Actor::system(),
        key,
    };
    let cancel =
        app.store.accept_cancel(&cancel).await.unwrap().cancellation_id.as_str().to_owned();
    let scope = domain::role::Scope::Stores(vec![StoreId::parse(store).unwrap()]);
    let jobs = app
        .store
        .list_jobs(&JobFilter::all(scope.clone()), JobSort::Newest, None, 10)
        .await
        .unwrap();
    let job = jobs.rows.iter().find(|job| job.cancellation_id.is_some()).unwrap().id.clone();
    let member = app
        .store
        .find_staff_by_token_hash(&sha256_hex(format!("sst_{member}")))
        .await
        .unwrap()
        .unwrap();
    let run = StartBulkRun {
        id: None,
        previewed: None,
        action: BulkAction::LookUp,
        reason: "because".to_owned(),
        selection: BulkSelection::Named(vec![JobId::parse(job.as_str()).unwrap()]),
        scope,
        actor: member.actor(Origin::default()),
    };
    let run = app.store.start_bulk_run(&run).await.unwrap().id;
    let found = NewFinding {
        kind: FindingKind::AmountDiffers,
        merchant: "default".to_owned(),
        order_id: Some(order.clone()),
        payment_key: format!("key-of-{order}"),
        transaction_key: None,
        here: None,
        there: None,
        detail: "d".to_owned(),
        happened_at_ms: 1,
    };
    app.store.write_findings(std::slice::from_ref(&found)).await.unwrap();
    let findings = app.store.list_findings(&FindingFilter::default(), None, 10).await.unwrap();
    let finding = findings.rows.into_iter().find(|row| row.found == found).unwrap().id;
    let victim = NewStaff {
        name: format!("victim of {store}"),
        role: Role::Owner,
        stores: vec![StoreId::parse(store).unwrap()],
        token_hash: sha256_hex(format!("sst_victim_{store}")),
    };
    let victim = app.store.add_staff(&victim).await.unwrap().id.as_str().to_owned();
    Things { store, order, job, cancel, run, finding, victim }
}

/// A route with what it is about.
struct Route {
    name: String,
    method: Method,
    path: String,
    rule: Rule,
    is_api: bool,
}

fn rule_of(rules: &[(&str, Rule)], name: &str) -> Rule {
    let found = rules.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("{name} has no rule: say in this file who may reach it")).1
}

/// Every route there is.
fn routes() -> Vec<Route> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            let method = method.to_uppercase().parse().unwrap();
            let rule = rule_of(API, &name);
            routes.push(Route { name, method, path: path.clone(), rule, is_api: true });
        }
    }
    for (method, path) in staff_console::routes() {
        let name = format!("{method} {path}");
        if name != MISSING {
            let rule = rule_of(CONSOLE, &name);
            routes.push(Route { name, method, path: path.to_owned(), rule, is_api: false });
        }
    }
    let ruled = API.len() + CONSOLE.len();
    assert_eq!(routes.len(), ruled, "a rule is about no route");
    routes
}

impl Things {
    /// A route's path, its place holders filled with what there is.
    pub(crate) fn fill(&self, path: &str) -> String {
        let id = match path.split('/').nth(2).unwrap_or_default() {
            "jobs" => &self.job,
            "orders" => &self.order,
            "bulk" => &self.run,
            "findings" => &self.finding,
            "staff" => &self.victim,
            _ => "",
        };
        let path = path.replace("{orderId}", &self.order).replace("{jobId}", &self.job);
        let path = path.replace("{cancelId}", &self.cancel).replace("{cancel_id}", &self.cancel);
        let path = path.replace("{runId}", &self.run).replace("{storeId}", self.store);
        path.replace("{productId}", &format!("bun-of-{}", self.store)).replace("{id}", id)
    }
}

impl Route {
    fn path_of(&self, things: &Things) -> String {
        things.fill(&self.path)
    }

    /// A body that the route would take.
    fn body(&self, somebody: &Somebody) -> String {
        if self.is_api {
            return self.json().map_or_else(String::new, |json| json.to_string());
        }
        let fields = "reason=because&action=look_up&of=all&scope=all&merchant=default&key=k&version=1&entry=&sure=1&seen=1&typed=1";
        let fields =
            format!("{fields}&at=2026-01-01T00:00&login=nobody&password=nothing&confirm=1&sign=1");
        format!("proof={}&{fields}", somebody.proof)
    }

    fn json(&self) -> Option<Value> {
        if self.method == Method::GET {
            return None;
        }
        Some(match self.name.as_str() {
            "confirmOrder" => json!({ "paymentKey": "key-1", "amount": 4_000 }),
            "cancelOrder" | "discardJob" | "pauseCalls" | "resumeCalls" => {
                json!({ "reason": "because" })
            }
            "changeDueTime" => {
                json!({ "dueAt": "2026-01-01T00:00:00Z", "seenDueAt": "2026-01-01T00:00:00Z" })
            }
            "closeReview" => json!({ "reason": "because", "paymentVersion": 1 }),
            "matchCancel" => json!({ "reason": "because", "paymentVersion": 1, "none": true }),
            "previewBulkRun" => json!({ "action": "look_up", "filter": {} }),
            "createBulkRun" => json!({ "action": "look_up", "reason": "because", "filter": {} }),
            "putStore" => json!({ "name": "x", "deliveryFee": 0, "minimumOrder": 0, "open": true }),
            "putProduct" => json!({ "name": "x", "price": 1, "available": true }),
            _ => json!({}),
        })
    }

    async fn ask(
        &self,
        app: &TestConsole,
        somebody: &Somebody,
        things: &Things,
    ) -> (StatusCode, String) {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.path_of(things))
            .header("host", "shop.example")
            .header("idempotency-key", "019ab1c9-0b1c-7e00-9f4d-2a3b4c5d6e7f");
        if self.is_api {
            request = request.header("content-type", "application/json");
            if somebody.role.is_some() {
                request = request.header("authorization", format!("Bearer {}", somebody.token));
            }
        } else {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("cookie", &somebody.cookie);
        }
        let body = if self.method == Method::GET { String::new() } else { self.body(somebody) };
        let response =
            app.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let location =
            response.headers().get("location").and_then(|it| it.to_str().ok()).unwrap_or_default();
        (response.status(), location.to_owned())
    }
}

/// Whether somebody got past the question of who they are.
fn is_let_in((status, location): &(StatusCode, String)) -> bool {
    let is_sent_to_sign_in = *status == StatusCode::SEE_OTHER
        && location.starts_with("/console/sign-in")
        && !location.contains("signed-out");
    let is_closed =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(status);
    !is_closed && !is_sent_to_sign_in
}

#[tokio::test]
async fn every_route_is_open_to_those_whom_its_rule_names_and_to_nobody_else() {
    let app = TestConsole::start().await;
    let things = [things(&app, "mala", "owner").await, things(&app, "gimbap", "manager").await];
    let mut people = people(&app).await;
    let mut table = String::new();
    for route in routes() {
        let mut line = format!("{:<58} {:<9}", route.name, format!("{:?}", route.rule));
        for somebody in &mut people {
            // What is about no store is asked for once.
            let count = if matches!(route.rule, OfStore | Own) { 2 } else { 1 };
            for thing in things.iter().take(count) {
                let is_own = somebody.store == thing.store;
                let is_master = somebody.role == Some(Role::Master);
                let wanted = match route.rule {
                    Anybody => true,
                    Customer => false,
                    Staff => somebody.role.is_some(),
                    OfStore | Own => is_own || is_master,
                    Master => is_master,
                };
                let answer = route.ask(&app, somebody, thing).await;
                let is_in = is_let_in(&answer);
                let whose = if is_own { "own" } else { "foreign" };
                assert_eq!(
                    is_in, wanted,
                    "{} as {} of {whose} store: {answer:?}",
                    route.name, somebody.name
                );
                assert!(
                    !answer.0.is_server_error(),
                    "{} as {}: {answer:?}",
                    route.name,
                    somebody.name
                );
                line.push_str(if is_in { " +" } else { " -" });
                if route.name == "POST /console/sign-out" && somebody.role.is_some() {
                    somebody.cookie = app.sign_in(somebody.name).await;
                    somebody.proof =
                        app.get("/console", &[("cookie", &somebody.cookie)]).await.proof();
                }
            }
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    assert_eq!(table.lines().count(), API.len() + CONSOLE.len());
    let missing = app.get("/console/nowhere", &[("cookie", &people[1].cookie)]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
