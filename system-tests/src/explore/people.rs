//! What staff do: cancel, and act on jobs. All of it is audited.

use axum::http::Method as Verb;
use axum::http::header::AUTHORIZATION;
use domain::JobId;
use domain::action::JobAction;
use domain::cancellation::CancellationState;
use serde_json::json;
use simulator::Method;
use store::{Actor, JobRow, KeyPairId};

use super::journey::{Journey, Promise};
use super::site::STAFF_TOKEN;

impl Journey<'_> {
    /// A cancel, wholly or in part, perhaps for the second time under the same key.
    pub(crate) async fn cancel(&mut self) {
        let index = self.likely_paying(|journey, paying| journey.is_held(paying));
        let paying = self.payings[index].clone();
        let amount =
            self.luck.weigh(&[(3, None), (3, Some(1_000)), (2, Some(2_000)), (1, Some(7_000))]);
        let mut body = json!({"reason": "재료 소진"});
        if let Some(amount) = amount {
            body["amount"] = amount.into();
            if paying.tax_free > 0 && self.luck.one_in(2) {
                body["taxFreeAmount"] = amount.min(paying.tax_free).into();
            }
        }
        let is_deposited = paying.method == Method::VirtualAccount
            && paying.payment_keys.iter().any(|key| self.shop.ledger(key).charges > 0);
        if is_deposited && !self.luck.one_in(8) {
            body["refundAccount"] =
                json!({"bankCode": "20", "accountNumber": "1002123456789", "holderName": "손님"});
        }
        let (mut key, asked) = (self.luck.uuid(), body.to_string());
        let mut other_body = false;
        if self.luck.one_in(3)
            && let Some((known, before)) = paying.cancel_keys.last()
        {
            key = known.clone();
            other_body = *before != asked;
        }
        let bearer = format!("Bearer {STAFF_TOKEN}");
        let headers = [(AUTHORIZATION.as_str(), bearer.as_str()), ("idempotency-key", &key)];
        let path = format!("/v1/orders/{}/cancels", paying.order_id);
        let answer = self.shop.ask(Verb::POST, &path, &headers, Some(&body)).await;
        let amount = amount.map_or("all".to_owned(), |amount| amount.to_string());
        let code = answer.body["code"].as_str().unwrap_or_default();
        self.note(format!(
            "staff: cancel {amount} of payment {} → {} {code}",
            index + 1,
            answer.status
        ));
        self.ensure(answer.status < 500, || format!("a cancel fails: {}", answer.body));
        if answer.status != 202 {
            return;
        }
        self.ensure(!other_body, || "one key is accepted with two bodies".to_owned());
        self.payings[index].cancel_keys.push((key, asked));
        let cancel_id = answer.body["cancelId"].as_str().unwrap().to_owned();
        let promise = Promise::Cancel { order_id: paying.order_id.clone(), cancel_id };
        if !self.promises.contains(&promise) {
            self.promises.push(promise);
            let subject = paying.order_id.clone();
            self.promises.push(Promise::Act { action: "cancel.request", subject });
            self.check_budget(&paying.order_id, paying.amount).await;
        }
    }

    /// No cancel is accepted with which the open and the done ones exceed the payment. A cancel by hand that comes later may: what is
    /// open by then is bounded by what Toss has left.
    async fn check_budget(&mut self, order_id: &str, amount: i64) {
        let order_id = domain::OrderId::parse(order_id).unwrap();
        let detail = self.shop.store.find_order(&order_id).await.unwrap().unwrap();
        let counts = |state: CancellationState| state.is_open() || state == CancellationState::Done;
        let reserved: i64 = detail
            .cancellations
            .iter()
            .filter(|one| counts(one.state))
            .map(|one| one.amount.get())
            .sum();
        self.ensure(reserved <= amount, || {
            format!("cancels of {reserved} won are reserved of a payment of {amount}")
        });
    }

    /// Staff look a job up, retry it or give it up, as far as they may.
    pub(crate) async fn act_on_a_job(&mut self) {
        let jobs = self.jobs().await;
        if jobs.is_empty() {
            return;
        }
        let job = self.luck.pick(&jobs).clone();
        let action = self.luck.weigh(&[(3, "look-up"), (3, "retry"), (1, "discard")]);
        self.act(&job, action).await;
    }

    /// One action on one job, as the API lets staff do it.
    pub(crate) async fn act(&mut self, job: &JobRow, action: &'static str) {
        let path = format!("/v1/jobs/{}/{action}", job.id);
        let body = json!({"reason": "고객 문의"});
        let answer = self.shop.ask_as(STAFF_TOKEN, Verb::POST, &path, Some(&body)).await;
        let told = self.told(job.kind, &job.order_id);
        self.note(format!("staff: {action} {told} → {}", answer.status));
        self.ensure(answer.status < 500, || format!("{action} fails: {}", answer.body));
        if answer.status == 200 {
            let action = match action {
                "look-up" => "job.look_up",
                "retry" => "job.retry",
                _ => "job.discard",
            };
            self.promises.push(Promise::Act { action, subject: job.id.clone() });
        }
    }

    /// The first merchant's keys are rotated; later, what rests is handed over to the new pair.
    pub(crate) async fn rotate_keys(&mut self) {
        if self.current_pair == 1 {
            self.current_pair = 2;
            self.shop.restart_api(2);
            self.note("operator: new orders take the second pair of keys".to_owned());
            return;
        }
        let old = KeyPairId { merchant: "default".to_owned(), number: 1 };
        let retired = self.shop.store.retire_key_pair(&old, 2, &Actor::system()).await.unwrap();
        self.note(format!(
            "operator: hands over {} payments, {} are left",
            retired.moved, retired.left
        ));
    }

    /// Staff work off what is parked: they have each looked up, then tried again, and give up what may be given up.
    pub(crate) async fn work_off(&mut self) {
        for action in ["look-up", "retry", "discard"] {
            for job in self.parked().await {
                let id = JobId::parse(job.id.clone()).unwrap();
                let detail = self.shop.store.find_job_detail(&id).await.unwrap().unwrap();
                let may = match action {
                    "retry" => detail.check(JobAction::Retry).is_ok(),
                    // Some leave it for somebody else.
                    "discard" => detail.check(JobAction::Discard).is_ok() && self.luck.one_in(2),
                    _ => true,
                };
                if may {
                    self.act(&job, action).await;
                }
            }
            self.drain(26 * 60 * 60_000).await;
        }
    }
}
