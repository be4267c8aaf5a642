//! Toss's answers without Toss: orders are brought to where they stand by claiming and settling, as a worker does it.

use domain::JobId;
use domain::RefundAccount;
use domain::answer::{
    Answer, Failure, FailureClass, TossCancel, TossPayment, TossStatus, VirtualAccount,
};
use domain::cancellation::cancel_tag;
use domain::policy::{Pace, Pacing};
use domain::retention::DAY_MS;
use entities::{attempt, job, order, payment};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _,
};
use store::{
    AcceptCancel, AttemptResult, Claimed, PruneAges, PruneCounts, PruneMode, StartedAttempt,
};

use crate::fixture::{Shop, caller_key, confirm_of, order_id, owner, won};

/// What the answers' bodies say; it must be gone from an erased order.
pub(crate) const BODY: &str = r#"{"virtualAccount":{"customerName":"***"}}"#;

/// Ages of ninety days, and of seven for workers.
pub(crate) const AGES: PruneAges = PruneAges {
    jobs_ms: 90 * DAY_MS,
    idempotency_ms: 90 * DAY_MS,
    webhooks_ms: 90 * DAY_MS,
    poison_ms: 90 * DAY_MS,
    workers_ms: 7 * DAY_MS,
    sessions_ms: 7 * DAY_MS,
};

#[derive(Debug)]
struct AtOnce;

impl Pacing for AtOnce {
    fn delay_ms(&self, _pace: Pace, _repeats: u32) -> i64 {
        0
    }
}

/// The payment of an order as Toss shows it.
pub(crate) fn told(id: &str, status: TossStatus, balance: i64) -> TossPayment {
    TossPayment {
        payment_key: format!("key-of-{id}"),
        order_id: id.to_owned(),
        status,
        total: won(4_000),
        balance: won(balance),
        currency: "KRW".to_owned(),
        method: Some("카드".to_owned()),
        approved_at_ms: None,
        last_transaction_key: None,
        secret: None,
        receipt_url: Some("https://receipt.example/1".to_owned()),
        failure: None,
        cancels: Vec::new(),
        virtual_account: None,
        means: domain::answer::Means::default(),
    }
}

/// The same with the account that was issued to the customer.
pub(crate) fn told_account(id: &str, status: TossStatus) -> TossPayment {
    let account = VirtualAccount {
        bank_code: "88".to_owned(),
        account_number: "56012345678901".to_owned(),
        customer_name: Some("김하나".to_owned()),
        due_at_ms: None,
        is_expired: false,
        refund_status: None,
    };
    TossPayment { virtual_account: Some(account), ..told(id, status, 4_000) }
}

pub(crate) fn refused() -> Answer {
    failed(FailureClass::Refused, "REJECT_CARD_COMPANY")
}

pub(crate) fn failed(class: FailureClass, code: &str) -> Answer {
    Answer::Failure(Failure {
        class, code: code.to_owned(), message: "카드사 거절".to_owned()
    })
}

fn payment(told: TossPayment) -> Answer {
    Answer::Payment(Box::new(told))
}

impl Shop {
    /// An order whose confirm is accepted, and its job.
    pub(crate) async fn accepted(&self, id: &str) -> JobId {
        self.order(id).await;
        let accepted = self.store.accept_confirm(&confirm_of(id)).await.unwrap();
        JobId::parse(accepted.job.unwrap().id).unwrap()
    }

    /// Claims a job.
    pub(crate) async fn claim(&self, job: &JobId) -> StartedAttempt {
        let claimed = self
            .store
            .claim_jobs(std::slice::from_ref(job), &store::Claimer::unlimited("worker-1"))
            .await
            .unwrap()
            .remove(0);
        match claimed {
            Claimed::Attempt(attempt) => *attempt,
            other @ (Claimed::Concluded | Claimed::NotNow | Claimed::Unknown) => {
                panic!("{other:?}")
            }
        }
    }

    /// Claims a job and settles this answer.
    pub(crate) async fn answer(&self, job: &JobId, answer: Answer) {
        let attempt = self.claim(job).await;
        let result = AttemptResult {
            attempt,
            answer,
            http_status: Some(200),
            trace_id: None,
            body: Some(BODY.to_owned()),
            retry_after_ms: None,
            duration_ms: 5,
        };
        self.store.settle_attempts(&[result], &AtOnce).await.unwrap();
    }

    /// An order whose confirm brought this, and its job.
    pub(crate) async fn answered(&self, id: &str, answer: Answer) -> JobId {
        let job = self.accepted(id).await;
        self.answer(&job, answer).await;
        job
    }

    pub(crate) async fn paid(&self, id: &str) -> JobId {
        self.answered(id, payment(told(id, TossStatus::Done, 4_000))).await
    }

    pub(crate) async fn declined(&self, id: &str) -> JobId {
        self.answered(id, refused()).await
    }

    pub(crate) async fn awaiting_deposit(&self, id: &str) -> JobId {
        self.answered(id, payment(told_account(id, TossStatus::WaitingForDeposit))).await
    }

    /// Accepts a cancel of a paid order, and its job.
    pub(crate) async fn cancel(&self, id: &str, amount: i64) -> JobId {
        let has_account = self.payment(id).await.bank_code.is_some();
        let account = || RefundAccount::parse("20", "1002123456789", "김하나").unwrap();
        let refund_account = has_account.then(account);
        let cancel = AcceptCancel { refund_account, ..cancel_of(id, amount) };
        let accepted = self.store.accept_cancel(&cancel).await.unwrap();
        JobId::parse(accepted.job.unwrap().id).unwrap()
    }

    /// Gives money of a paid order back, so that this is left.
    pub(crate) async fn cancelled(&self, id: &str, amount: i64, left: i64) -> JobId {
        // Toss takes no two cancels of a payment at once.
        self.store.advance_clock(domain::limits::CANCEL_SPACING_MS);
        let job = self.cancel(id, amount).await;
        let row = self.store.find_job(&job).await.unwrap().unwrap();
        let entry = TossCancel {
            transaction_key: format!("{id}-{left}"),
            amount: won(amount),
            reason: format!("고객 요청 {}", cancel_tag(&row.cancellation_id.unwrap())),
            tax_free_amount: domain::Won::ZERO,
            cancelled_at_ms: None,
            is_done: true,
        };
        let known = self.store.find_cancellations(&order_id(id)).await.unwrap();
        let mut cancels: Vec<TossCancel> = known
            .iter()
            .filter_map(|one| {
                Some(TossCancel {
                    transaction_key: one.transaction_key.clone()?,
                    amount: one.amount,
                    reason: one.reason.clone(),
                    cancelled_at_ms: one.cancelled_at_ms,
                    is_done: true,
                    tax_free_amount: domain::Won::ZERO,
                })
            })
            .collect();
        cancels.push(entry);
        let status = if left == 0 { TossStatus::Canceled } else { TossStatus::PartialCanceled };
        let told = TossPayment { cancels, ..told(id, status, left) };
        self.answer(&job, payment(told)).await;
        job
    }

    /// Copies an order with all that belongs to it so many times, each under ids of its own.
    pub(crate) async fn copy(&self, id: &str, count: usize) {
        let order = order::Entity::find_by_id(id).one(&self.rows).await.unwrap().unwrap();
        let payment = self.payment(id).await;
        let jobs = job::Entity::find().filter(job::Column::OrderId.eq(id));
        let jobs = jobs.all(&self.rows).await.unwrap();
        let attempts = attempt::Entity::find().filter(attempt::Column::OrderId.eq(id));
        let attempts = attempts.all(&self.rows).await.unwrap();
        for number in 0..count {
            let named = |name: &str| format!("{name}-{number}");
            let order = order::Model { id: named(id), ..order.clone() };
            order.into_active_model().reset_all().insert(&self.rows).await.unwrap();
            let payment = payment::Model { order_id: named(id), ..payment.clone() };
            payment.into_active_model().reset_all().insert(&self.rows).await.unwrap();
            for job in &jobs {
                let job = job::Model { id: named(&job.id), order_id: named(id), ..job.clone() };
                job.into_active_model().reset_all().insert(&self.rows).await.unwrap();
            }
            for attempt in &attempts {
                let (job_id, order_id) = (named(&attempt.job_id), named(id));
                let attempt = attempt::Model { job_id, order_id, ..attempt.clone() };
                attempt.into_active_model().reset_all().insert(&self.rows).await.unwrap();
            }
        }
    }

    /// Days pass.
    pub(crate) fn pass(&self, days: i64) {
        self.store.advance_clock(days * DAY_MS);
    }

    /// Runs to the end, in batches of this size.
    pub(crate) async fn prune(&self, mode: PruneMode, rows_max: u64) -> PruneCounts {
        let mut run = self.store.prune(&AGES, mode).await.unwrap();
        while run.next_batch(rows_max).await.unwrap().is_some() {}
        assert!(run.is_over());
        run.counts().clone()
    }

    pub(crate) async fn payment(&self, id: &str) -> payment::Model {
        payment::Entity::find_by_id(id).one(&self.rows).await.unwrap().unwrap()
    }

    /// How many jobs and attempts an order has.
    pub(crate) async fn jobs_and_attempts(&self, id: &str) -> (u64, u64) {
        let jobs = job::Entity::find().filter(job::Column::OrderId.eq(id));
        let attempts = attempt::Entity::find().filter(attempt::Column::OrderId.eq(id));
        (jobs.count(&self.rows).await.unwrap(), attempts.count(&self.rows).await.unwrap())
    }
}

pub(crate) fn cancel_of(id: &str, amount: i64) -> AcceptCancel {
    AcceptCancel {
        refund_account: None,
        order_id: order_id(id),
        amount: Some(won(amount)),
        tax_free_amount: None,
        reason: "고객 요청".to_owned(),
        is_another: false,
        actor: owner(),
        key: caller_key(&format!("cancel-{amount}-of-{id}"), "body"),
    }
}
