//! A product that dies at a point while the simulator lives on, and the product of every day on the same data after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::crash::{Case, Recovery, Trap, Way, cases};
use system_tests::{Answer, Client, Home, Order, Places, Product, entry_of, try_send};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, block_in_place};

/// How many products there are at the same time: they do little but wait.
const AT_ONCE: usize = 12;
/// A lease, which is the longest that anybody has to wait for, and five seconds.
const RECOVERY_MAX: Duration = Duration::from_secs(25);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Longer than it takes until a lease is renewed.
const SLOW_MS: u64 = 8_000;
const SECRET_KEY: &str = "test_sk_crash_points";
/// The states in which a job needs nobody any more.
const ENDED: [&str; 4] = ["succeeded", "declined", "void", "discarded"];

#[tokio::test(flavor = "multi_thread", worker_threads = 12)]
async fn whoever_dies_at_a_point_is_followed_by_one_who_brings_it_to_its_end() {
    let home = Home::new();
    // The simulator is Toss here: it lives on, and remembers.
    let simulator = Arc::new(block_in_place(|| home.start_simulator()));
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut deaths = JoinSet::new();
    for case in cases().into_iter().filter(Case::is_embedded) {
        let (simulator, room) = (Arc::clone(&simulator), Arc::clone(&room));
        deaths.spawn(async move {
            let _place = room.acquire().await.unwrap();
            let took = die_and_recover(case, &simulator.url).await;
            println!("{} by {}: {took:?}", case.point, case.way.words());
        });
    }
    let mut failed = 0;
    while let Some(ended) = deaths.join_next().await {
        // What went wrong was said when it panicked.
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "so many points of {} do not recover", cases().len());
}

/// Does it; gives how long it took from the start of the second product.
async fn die_and_recover(case: Case, simulator: &str) -> Duration {
    let home = Home::new();
    let trap = Trap::new(&home, "product");
    let variables = [
        ("TOSS_SECRET_KEY", SECRET_KEY),
        ("TOSS_CLIENT_KEY", "test_ck_crash_points"),
        ("SEUNGIN__TOSS__BASE_URL", simulator),
    ];
    let mut doomed = block_in_place(|| home.start_over_trap(&variables, &trap));
    let mut story = Story::begin(&doomed, simulator, case.way).await;
    trap.set(case.point);
    let answered = story.act().await;
    block_in_place(|| trap.insist_died(doomed.process(), case.point));
    if case.recovery == Recovery::Repeat {
        assert!(answered.is_none(), "{}: accepted before it was committed", case.point);
    }

    let mut product = block_in_place(|| home.start_with(&variables));
    let began = Instant::now();
    story.places.api.clone_from(&product.api);
    let again = story.act().await.expect("an answer");
    insist_same(case, answered.as_ref(), &again);
    let took = story.wait_for_end(case, began).await;
    story.insist_all_agree(case).await;
    product.process().insist_well();
    took
}

/// What was promised before is what is found now.
fn insist_same(case: Case, before: Option<&Answer>, again: &Answer) {
    let is_accepted = |answer: &Answer| matches!(answer.status, 200 | 202);
    assert!(is_accepted(again), "{}: {} {}", case.point, again.status, again.body);
    if let Some(before) = before {
        assert!(is_accepted(before), "{}: {} {}", case.point, before.status, before.body);
        for name in ["orderId", "cancelId"] {
            assert_eq!(before.body[name], again.body[name], "{}", case.point);
        }
    }
}

/// One order and what somebody wants of it.
struct Story {
    places: Places,
    way: Way,
    order: Order,
    payment_key: String,
    master_token: String,
}

impl Story {
    /// Everything up to what somebody wants.
    async fn begin(product: &Product, simulator: &str, way: Way) -> Story {
        let (client, secret_key) = (Client::new(), SECRET_KEY);
        let (api, simulator) = (product.api.clone(), simulator.to_owned());
        let places = Places { client, api, simulator, secret_key };
        let order = places.order(2, 1).await;
        let is_deposit = matches!(way, Way::Deposit | Way::Refund);
        let method = if is_deposit { "VIRTUAL_ACCOUNT" } else { "CARD" };
        let payment_key = places.authenticate(&order, method).await;
        let master_token = product.master_token.clone();
        let story = Story { places, way, order, payment_key, master_token };
        match way {
            Way::Confirm => {}
            Way::Retry => story.script(json!({"kind": "cut_before"})).await,
            Way::Cancel => story.confirm_until("paid").await,
            Way::Deposit => story.confirm_until_deposited().await,
            Way::Refund => {
                story.confirm_until_deposited().await;
                assert_eq!(story.tell().await.expect("an answer").status, 200);
                story.places.wait_for(&story.order, &story.order.token, &["paid"]).await;
            }
            Way::LateApproval => {
                let lie = json!({"kind": "answer_code", "code": "REJECT_CARD_COMPANY", "after_charge": true});
                story.script(lie).await;
                story.confirm_until("failed").await;
            }
            Way::Overtaken => {
                story.script(json!({"kind": "cut_after"})).await;
                story.confirm_until("checking").await;
            }
            Way::Early => assert_eq!(story.tell().await.expect("an answer").status, 200),
            Way::Slow => story.script(json!({"kind": "delay", "ms": SLOW_MS})).await,
            Way::AtApi | Way::AtRelay | Way::WithoutBroker | Way::AtWorker => {
                unreachable!("takes more than one process")
            }
        }
        story
    }

    /// What somebody wants; `None` when no answer came.
    async fn act(&self) -> Option<Answer> {
        match self.way {
            Way::Cancel => self.cancel(json!({"reason": "변심"})).await,
            Way::Refund => {
                let account = json!({"bankCode": "20", "accountNumber": "1234567890", "holderName": "김손님"});
                self.cancel(json!({"reason": "변심", "refundAccount": account})).await
            }
            Way::Deposit | Way::LateApproval | Way::Overtaken => self.tell().await,
            Way::Confirm
            | Way::Early
            | Way::Slow
            | Way::Retry
            | Way::AtApi
            | Way::AtRelay
            | Way::WithoutBroker
            | Way::AtWorker => self.confirm().await,
        }
    }

    async fn script(&self, fault: Value) {
        self.places.script_confirm(&self.order, fault).await;
    }

    async fn confirm(&self) -> Option<Answer> {
        self.places.try_confirm(&self.order, &self.payment_key).await.ok()
    }

    async fn confirm_until(&self, status: &str) {
        assert_eq!(self.confirm().await.expect("an answer").status, 202);
        self.places.wait_for(&self.order, &self.order.token, &[status]).await;
    }

    async fn confirm_until_deposited(&self) {
        self.confirm_until("waiting_for_deposit").await;
        let url = format!("{}/_sim/payments/{}/deposit", self.places.simulator, self.payment_key);
        let request = self.places.client.request(Method::POST, &url);
        assert_eq!(try_send(request).await.expect("an answer").status, 200);
    }

    async fn cancel(&self, body: Value) -> Option<Answer> {
        let url = format!("{}/v1/orders/{}/cancels", self.places.api, self.order.id);
        let request = self.places.client.request(Method::POST, &url);
        let request = request.bearer_auth(&self.master_token);
        try_send(request.header("idempotency-key", &self.order.id).json(&body)).await.ok()
    }

    /// What Toss tells by itself, under the same id every time.
    async fn tell(&self) -> Option<Answer> {
        let url = format!("{}/v1/webhooks/toss", self.places.api);
        let request = self.places.client.request(Method::POST, &url);
        let request = request.header("tosspayments-webhook-transmission-id", "whtrans_1");
        let (order_id, payment_key) = (&self.order.id, &self.payment_key);
        let body = json!({
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": "2026-11-27T12:00:59.65327",
            "data": {"orderId": order_id, "paymentKey": payment_key, "status": "DONE"},
        });
        try_send(request.json(&body)).await.ok()
    }

    fn status_in_the_end(&self) -> &'static str {
        match self.way {
            Way::Cancel | Way::Refund | Way::LateApproval => "cancelled",
            Way::Deposit
            | Way::Overtaken
            | Way::Early
            | Way::Slow
            | Way::Confirm
            | Way::Retry
            | Way::AtApi
            | Way::AtRelay
            | Way::WithoutBroker
            | Way::AtWorker => "paid",
        }
    }

    /// The kind of the job that is under way when somebody dies.
    fn kind(&self) -> &'static str {
        match self.way {
            Way::Cancel | Way::Refund => "cancel",
            Way::Deposit | Way::LateApproval | Way::Overtaken | Way::Early => "look_up",
            Way::Confirm
            | Way::Slow
            | Way::Retry
            | Way::AtApi
            | Way::AtRelay
            | Way::WithoutBroker
            | Way::AtWorker => "confirm",
        }
    }

    /// Waits until every job has its end and the order is as it should be.
    async fn wait_for_end(&self, case: Case, began: Instant) -> Duration {
        loop {
            let (jobs, order) = (self.jobs().await, self.order_as_it_is().await);
            let is_quiet = jobs.iter().all(|job| ENDED.contains(&job["state"].as_str().unwrap()));
            if is_quiet && order["status"] == self.status_in_the_end() {
                return began.elapsed();
            }
            let status = &order["status"];
            assert!(began.elapsed() < RECOVERY_MAX, "{case:?}: it is {status}: {jobs:#?}");
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Money was taken once, given back once if it was to be, and we say the same; and that took the calls that it should.
    async fn insist_all_agree(&self, case: Case) {
        let ledger = self.places.ledger().await;
        let entry = entry_of(&ledger, &self.order);
        let order = self.order_as_it_is().await;
        let is_given_back = self.status_in_the_end() == "cancelled";
        let refunds = if is_given_back { vec![self.order.amount] } else { Vec::new() };
        let given_back: i64 = refunds.iter().sum();
        assert_eq!(entry["charges"], 1, "{case:?}: {entry}");
        assert_eq!(entry["charged"], self.order.amount, "{case:?}: {entry}");
        assert_eq!(entry["refunds"], json!(refunds), "{case:?}: {entry}");
        assert_eq!(order["balance"], self.order.amount - given_back, "{case:?}: {order}");
        let cancels = order["cancels"].as_array().unwrap();
        assert_eq!(cancels.len(), refunds.len(), "{case:?}: {order}");

        let jobs = self.jobs().await;
        let of_kind: Vec<&Value> = jobs.iter().filter(|job| job["kind"] == self.kind()).collect();
        assert_eq!(of_kind.len(), 1, "{case:?}: {jobs:#?}");
        let attempts = self.attempts_of(of_kind[0]).await;
        if !case.attempts.is_empty() {
            assert_eq!(attempts.join(" "), case.attempts, "{case:?}");
        }
    }

    async fn jobs(&self) -> Vec<Value> {
        self.staff_sees("/v1/jobs?limit=200").await["data"].as_array().unwrap().clone()
    }

    async fn attempts_of(&self, job: &Value) -> Vec<String> {
        let detail = self.staff_sees(&format!("/v1/jobs/{}", job["jobId"].as_str().unwrap())).await;
        let attempts = detail["attempts"].as_array().unwrap().iter();
        attempts.map(|attempt| attempt["operation"].as_str().unwrap().to_owned()).collect()
    }

    async fn order_as_it_is(&self) -> Value {
        self.staff_sees(&format!("/v1/orders/{}", self.order.id)).await
    }

    async fn staff_sees(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.places.api);
        let request = self.places.client.request(Method::GET, &url);
        let answer = try_send(request.bearer_auth(&self.master_token)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}
