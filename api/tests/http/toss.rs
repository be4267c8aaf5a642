//! A worker and a Toss by hand: what becomes of a job is what the test says.

use domain::answer::{Answer as Told, Failure, FailureClass, TossPayment, TossStatus};
use domain::policy::{Pace, Pacing};
use domain::{JobId, OrderId};
use store::{AttemptResult, Call, Claimed};

use crate::app::{As, Ordered, TestApp, won};

/// No delay at all.
#[derive(Debug)]
struct AtOnce;

impl Pacing for AtOnce {
    fn delay_ms(&self, _: Pace, _: u32) -> i64 {
        0
    }
}

/// A payment of this order as Toss would show it.
pub(crate) fn done(order: &OrderId, amount: i64) -> TossPayment {
    TossPayment {
        payment_key: format!("key-of-{order}"),
        order_id: order.as_str().to_owned(),
        status: TossStatus::Done,
        total: won(amount),
        balance: won(amount),
        currency: "KRW".to_owned(),
        method: Some("카드".to_owned()),
        approved_at_ms: Some(1_795_000_000_000),
        last_transaction_key: Some("tx-1".to_owned()),
        secret: None,
        receipt_url: Some("https://receipt.example/1".to_owned()),
        failure: None,
        cancels: Vec::new(),
        virtual_account: None,
        means: domain::answer::Means::default(),
    }
}

pub(crate) fn failure(class: FailureClass, code: &str) -> Told {
    Told::Failure(Failure { class, code: code.to_owned(), message: "토스의 문장".to_owned() })
}

impl TestApp {
    /// Has a worker take the job and hear this.
    pub(crate) async fn work(&self, job: &str, told: Told) {
        let id = JobId::parse(job).unwrap();
        let mut claimed =
            self.store.claim_jobs(&[id], &store::Claimer::unlimited("worker-1")).await.unwrap();
        let Some(Claimed::Attempt(attempt)) = claimed.pop() else {
            panic!("job {job} cannot be claimed now")
        };
        let result = AttemptResult {
            attempt: *attempt,
            answer: told,
            http_status: Some(200),
            trace_id: Some("trace-1".to_owned()),
            body: None,
            retry_after_ms: None,
            duration_ms: 12,
        };
        self.store.settle_attempts(&[result], &AtOnce).await.unwrap();
    }

    /// Posts the confirm and returns its job.
    pub(crate) async fn confirm(&self, order: &Ordered) -> String {
        let answer =
            self.post(As::Token(&order.access), &order.path_to("confirm"), order.confirm()).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.job_of(order, "confirm").await
    }

    /// The newest job of this kind of an order.
    pub(crate) async fn job_of(&self, order: &Ordered, kind: &str) -> String {
        let jobs = self.get(As::Master, &format!("/v1/jobs?kind={kind}&limit=200")).await;
        let jobs = jobs.body["data"].as_array().unwrap().clone();
        let job = jobs.iter().find(|job| job["orderId"] == order.id.as_str()).unwrap();
        job["jobId"].as_str().unwrap().to_owned()
    }

    /// An order of one gimbap that is paid.
    pub(crate) async fn paid_order(&self) -> Ordered {
        let order = self.order().await;
        let job = self.confirm(&order).await;
        self.work(&job, Told::Payment(Box::new(done(&order.order_id(), order.amount)))).await;
        order
    }

    /// An order whose confirm was declined, and the job.
    pub(crate) async fn declined_order(&self) -> (Ordered, String) {
        let order = self.order().await;
        let job = self.confirm(&order).await;
        self.work(&job, failure(FailureClass::Refused, "REJECT_CARD_PAYMENT")).await;
        (order, job)
    }

    /// An order whose confirm waits for a person because our key is wrong: nothing was taken.
    pub(crate) async fn parked_order(&self) -> (Ordered, String) {
        let order = self.order().await;
        let job = self.confirm(&order).await;
        self.work(&job, failure(FailureClass::Broken, "UNAUTHORIZED_KEY")).await;
        (order, job)
    }

    /// An order whose confirm waits for a person because Toss answered about something else.
    pub(crate) async fn unknown_order(&self) -> (Ordered, String) {
        let order = self.order().await;
        let job = self.confirm(&order).await;
        let other = done(&OrderId::parse("another-order").unwrap(), order.amount);
        self.work(&job, Told::Payment(Box::new(other))).await;
        (order, job)
    }

    /// What a claimed job would ask of Toss.
    pub(crate) async fn claimed_call(&self, job: &str) -> Call {
        let id = JobId::parse(job).unwrap();
        let mut claimed =
            self.store.claim_jobs(&[id], &store::Claimer::unlimited("worker-1")).await.unwrap();
        let Some(Claimed::Attempt(attempt)) = claimed.pop() else {
            panic!("job {job} cannot be claimed now")
        };
        attempt.call().clone()
    }
}
