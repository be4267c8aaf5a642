//! The books of all sides once it is quiet, and what must be true of them: the simulator's ledger, the database, and what clients wrote down.

use std::collections::{BTreeMap, BTreeSet};

use domain::limits::POSTS_MAX;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::record::Recorded;
use crate::servers::Servers;
use crate::topology::Topology;

/// How many differences of one kind are told.
const TOLD_MAX: usize = 20;

/// One payment of ours.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Payment {
    pub(crate) order_id: String,
    pub(crate) payment_key: String,
    pub(crate) balance: i64,
    pub(crate) state: String,
    pub(crate) review_reason: Option<String>,
}

/// One cancellation of ours.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Cancellation {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
    /// Staff id; `toss` for one made in Toss's own console.
    pub(crate) requested_by: String,
    pub(crate) role: String,
}

/// One job.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) state: String,
    pub(crate) claims: i64,
}

/// One call to Toss, as it was recorded.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) job_id: String,
    pub(crate) order_id: String,
    pub(crate) claim: i64,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) started_at: i64,
    pub(crate) finished_at: Option<i64>,
    pub(crate) http_status: Option<i64>,
    pub(crate) verdict: Option<String>,
    pub(crate) is_stale: bool,
}

/// How often an action stands in the audit.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Audited {
    pub(crate) action: String,
    pub(crate) count: u64,
}

/// What really happened to one payment, by the simulator.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) payment_key: String,
    pub(crate) order_id: String,
    pub(crate) charged: i64,
    pub(crate) cancelled: i64,
    pub(crate) charges: usize,
    pub(crate) refunds: Vec<i64>,
    pub(crate) requests: Vec<Request>,
}

/// A request that came to the simulator.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) body: Value,
}

/// All books.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub(crate) orders: BTreeMap<String, i64>,
    pub(crate) payments: BTreeMap<String, Payment>,
    pub(crate) cancellations: Vec<Cancellation>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) audit: Vec<Audited>,
    /// Transmission ids that are in the database.
    pub(crate) webhooks: BTreeSet<String>,
    pub(crate) ledger: Vec<Account>,
    /// Transmission ids that were answered with 200, as far as the simulator remembers.
    pub(crate) heard: BTreeSet<String>,
}

/// What the books say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// What was accepted, or charged, and is nowhere.
    pub(crate) lost: Vec<String>,
    /// Money that moved more often than it should.
    pub(crate) doubled: Vec<String>,
    /// What else is not as it must be.
    pub(crate) broken: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.broken.is_empty()
    }

    /// Everything that is wrong, in words; of many some.
    pub(crate) fn told(&self) -> Vec<String> {
        let tell = |kind: &str, what: &[String]| -> Vec<String> {
            what.iter().take(TOLD_MAX).map(|one| format!("{kind}: {one}")).collect()
        };
        [tell("LOST", &self.lost), tell("DOUBLED", &self.doubled), tell("BROKEN", &self.broken)]
            .concat()
    }
}

impl Books {
    /// Reads the database, and asks the simulator, whose ledger is kept in a file as well.
    pub(crate) async fn read(topology: &Topology) -> Result<Books, String> {
        fn read<T: DeserializeOwned>(servers: &Servers, sql: &str) -> Result<Vec<T>, String> {
            let rows = servers.rows(sql)?.into_iter().map(serde_json::from_value);
            rows.collect::<Result<_, _>>().map_err(|error| format!("{error} in {sql}"))
        }
        let servers = &topology.servers;
        let ledger = topology.ask_simulator("/_sim/ledger").await?;
        let webhooks = topology.ask_simulator("/_sim/webhooks").await?;
        let kept = topology.directory().join("ledger.json");
        std::fs::write(&kept, ledger.to_string())
            .map_err(|error| format!("{}: {error}", kept.display()))?;
        let texts = |rows: Vec<Value>| -> BTreeSet<String> {
            rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
        };
        let orders = servers.rows("select id, amount from orders")?;
        let payments: Vec<Payment> = read(
            servers,
            "select order_id, payment_key, balance, state, review_reason from payments",
        )?;
        Ok(Books {
            orders: orders
                .iter()
                .filter_map(|row| Some((row["id"].as_str()?.to_owned(), row["amount"].as_i64()?)))
                .collect(),
            payments: payments.into_iter().map(|one| (one.order_id.clone(), one)).collect(),
            cancellations: read(
                servers,
                "select id, order_id, amount, state, requested_by, role from cancellations",
            )?,
            jobs: read(servers, "select id, order_id, state, claims from jobs")?,
            attempts: read(
                servers,
                "select job_id, order_id, claim, idempotency_key, started_at, finished_at, \
                 http_status, verdict, is_stale from attempts order by started_at, job_id, number",
            )?,
            audit: read(
                servers,
                "select action, count(*) as count from audit where role <> 'system' group by action",
            )?,
            webhooks: texts(servers.rows(
                "select transmission_id as id from webhooks where transmission_id is not null",
            )?),
            ledger: serde_json::from_value(ledger["payments"].clone())
                .map_err(|error| format!("{error} in the ledger"))?,
            heard: heard(&webhooks),
        })
    }

    /// Everything that must be true.
    pub(crate) fn check(&self, recorded: &Recorded) -> Verdict {
        let mut verdict = Verdict { broken: recorded.broken.clone(), ..Verdict::default() };
        self.check_promises(recorded, &mut verdict);
        self.check_keys(recorded, &mut verdict);
        self.check_money(&mut verdict);
        self.check_jobs(&mut verdict);
        self.check_calls(&mut verdict);
        self.check_audit(recorded, &mut verdict);
        verdict
    }

    /// Whatever a client was told is in the database.
    fn check_promises(&self, recorded: &Recorded, verdict: &mut Verdict) {
        for (order_id, amount) in &recorded.orders {
            if self.orders.get(order_id) != Some(amount) {
                verdict.lost.push(format!("order {order_id} of {amount} won"));
            }
        }
        for (order_id, payment_key) in &recorded.confirms {
            let payment = self.payments.get(order_id);
            if payment.is_none_or(|payment| payment.payment_key != *payment_key) {
                verdict.lost.push(format!("confirm of {order_id}: {payment:?}"));
            }
        }
        for cancel in &recorded.cancels {
            let found = self.cancellations.iter().find(|one| one.id == cancel.cancel_id);
            let is_kept = found.is_some_and(|one| {
                one.order_id == cancel.order_id && cancel.amount.is_none_or(|won| won == one.amount)
            });
            if !is_kept {
                verdict.lost.push(format!("{cancel:?}: {found:?}"));
            }
        }
        for (order_id, word) in &recorded.told {
            let state = self.payments.get(order_id).map(|payment| payment.state.as_str());
            if word == "paid" && matches!(state, Some("failed" | "expired") | None) {
                verdict.broken.push(format!("{order_id} was told to be paid and is {state:?}"));
            }
        }
        for (order_id, word) in &recorded.told {
            let payment = self.payments.get(order_id);
            let is_held =
                payment.is_some_and(|it| holds_money(&it.state) && it.review_reason.is_none());
            if is_held && matches!(word.as_str(), "failed" | "expired") {
                verdict.broken.push(format!("{order_id} was told to be {word}: {payment:?}"));
            }
        }
        for id in self.heard.union(&recorded.heard).filter(|id| !self.webhooks.contains(*id)) {
            verdict.lost.push(format!("webhook {id} was answered with 200"));
        }
    }

    /// One key makes one order and one cancel, however often it was sent, and whatever became of the answers.
    fn check_keys(&self, recorded: &Recorded, verdict: &mut Verdict) {
        if self.orders.len() > recorded.order_keys {
            let told = format!("{} orders under {} keys", self.orders.len(), recorded.order_keys);
            verdict.doubled.push(told);
        }
        let mut made: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &self.cancellations {
            if one.role != "system" && one.requested_by != "toss" {
                *made.entry(&one.order_id).or_default() += 1;
            }
        }
        for (order_id, count) in made {
            let keys = recorded.cancel_keys.get(order_id).copied().unwrap_or(0);
            if count > keys {
                verdict.doubled.push(format!("{count} cancels of {order_id} under {keys} keys"));
            }
        }
    }

    /// Both ledgers agree, payment by payment, or a person is told.
    fn check_money(&self, verdict: &mut Verdict) {
        let mut charges: BTreeMap<&str, usize> = BTreeMap::new();
        for account in &self.ledger {
            *charges.entry(&account.order_id).or_default() += account.charges;
            self.check_account(account, verdict);
        }
        for (order_id, count) in charges.into_iter().filter(|(_, count)| *count > 1) {
            verdict.doubled.push(format!("order {order_id} was charged {count} times"));
        }
        let known: BTreeSet<&str> =
            self.ledger.iter().map(|one| one.payment_key.as_str()).collect();
        for payment in self.payments.values() {
            if holds_money(&payment.state) && !known.contains(payment.payment_key.as_str()) {
                verdict.broken.push(format!("Toss knows nothing of {payment:?}"));
            }
        }
    }

    fn check_account(&self, account: &Account, verdict: &mut Verdict) {
        let Account { order_id, charged, cancelled, .. } = account;
        if cancelled > charged {
            verdict.doubled.push(format!("more was given back than taken: {order_id}"));
        }
        let left = charged - cancelled;
        let ours = self.payments.get(order_id);
        let Some(payment) = ours.filter(|one| one.payment_key == account.payment_key) else {
            if left > 0 {
                verdict.lost.push(format!("a charge of no payment: {order_id}, {left} won"));
            }
            return;
        };
        let booked = if holds_money(&payment.state) { payment.balance } else { 0 };
        let mut done: Vec<i64> = self
            .cancellations
            .iter()
            .filter(|one| one.order_id == *order_id && one.state == "done")
            .map(|one| one.amount)
            .collect();
        let mut refunds = account.refunds.clone();
        done.sort_unstable();
        refunds.sort_unstable();
        // An account that was closed before its deposit gave nothing back.
        let is_same = booked == left && (done == refunds || *charged == 0);
        if is_same {
            return;
        }
        let told = format!(
            "{order_id}: {charged} taken and {refunds:?} given back at Toss; here {} with {} left, {done:?} given back",
            payment.state, payment.balance
        );
        if refunds.len() > done.len() && payment.review_reason.is_none() {
            verdict.doubled.push(told);
        } else if payment.review_reason.is_none() && !self.is_parked(order_id) {
            verdict.lost.push(told);
        } else {
            verdict.broken.push(format!("{told}; a person is told"));
        }
    }

    fn is_parked(&self, order_id: &str) -> bool {
        self.jobs.iter().any(|job| job.order_id == order_id && job.state == "parked")
    }

    /// Every job is finished or waits for a person.
    fn check_jobs(&self, verdict: &mut Verdict) {
        for job in &self.jobs {
            let is_over = matches!(
                job.state.as_str(),
                "succeeded" | "declined" | "void" | "discarded" | "parked"
            );
            // A cancel that waits behind a parked one is not forgotten.
            let waits = job.state == "waiting" && self.is_parked(&job.order_id);
            if !is_over && !waits {
                verdict.lost.push(format!("it is quiet, and {job:?} has no end"));
            }
        }
        for payment in self.payments.values() {
            let is_open = matches!(payment.state.as_str(), "confirming" | "confirm_unresolved");
            let is_asked = payment.review_reason.is_some() || self.is_parked(&payment.order_id);
            if is_open && !is_asked {
                verdict.lost.push(format!("nobody is asked about {payment:?}"));
            }
        }
        for cancellation in &self.cancellations {
            let is_open = !matches!(cancellation.state.as_str(), "done" | "refused");
            if is_open && !self.is_parked(&cancellation.order_id) {
                verdict.lost.push(format!("nobody is asked about {cancellation:?}"));
            }
        }
    }

    /// Every call that moved money was recorded before, once per claim and under a key of its own bytes, and none followed an unknown
    /// outcome blindly.
    fn check_calls(&self, verdict: &mut Verdict) {
        let mut by_job: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
        let mut look_ups: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
        let mut claims = BTreeSet::new();
        for attempt in &self.attempts {
            if !claims.insert((attempt.job_id.as_str(), attempt.claim)) {
                verdict.broken.push(format!("two calls of one claim: {attempt:?}"));
            }
            if let Some(key) = &attempt.idempotency_key {
                keys.insert(key, &attempt.job_id);
                by_job.entry(&attempt.job_id).or_default().push(attempt);
            } else {
                look_ups.entry(&attempt.order_id).or_default().push(attempt.started_at);
            }
        }
        for sends in by_job.values() {
            for (one, next) in sends.iter().zip(sends.iter().skip(1)) {
                let is_answered = one.http_status.is_some_and(|status| status < 500);
                let is_unsent = one.verdict.as_deref() == Some("unsent");
                let between = one.started_at..=next.started_at;
                let mut of_order = look_ups.get(one.order_id.as_str()).into_iter().flatten();
                if !is_answered && !is_unsent && !of_order.any(|at| between.contains(at)) {
                    let told =
                        format!("a call follows an unknown outcome blindly: {one:?} {next:?}");
                    verdict.broken.push(told);
                }
            }
        }
        let mut bodies: BTreeMap<&str, String> = BTreeMap::new();
        let mut posts: BTreeMap<&str, u32> = BTreeMap::new();
        for request in self.ledger.iter().flat_map(|account| &account.requests) {
            if request.method != "POST" {
                continue;
            }
            let key = request.idempotency_key.as_deref().unwrap_or_default();
            match keys.get(key) {
                Some(job) => *posts.entry(job).or_default() += 1,
                None => verdict.broken.push(format!("a call was not recorded: {request:?}")),
            }
            let sent = format!("{} {}", request.path, request.body);
            let first = bodies.entry(key).or_insert_with(|| sent.clone());
            if *first != sent {
                verdict.broken.push(format!("one key, two bodies: {first} and {sent}"));
            }
        }
        for (job, count) in posts.into_iter().filter(|(_, count)| *count > POSTS_MAX) {
            verdict.broken.push(format!("job {job} called {count} times"));
        }
    }

    /// Every action of staff stands in the audit once.
    fn check_audit(&self, recorded: &Recorded, verdict: &mut Verdict) {
        let count = |action: &str| {
            let found = self.audit.iter().find(|one| one.action == action);
            found.map_or(0, |one| one.count)
        };
        let cancels: BTreeSet<&str> =
            recorded.cancels.iter().map(|one| one.cancel_id.as_str()).collect();
        let all = u64::try_from(self.cancellations.len()).unwrap_or(u64::MAX);
        let requested = count("cancel.request");
        if requested < u64::try_from(cancels.len()).unwrap_or(u64::MAX) || requested > all {
            verdict
                .broken
                .push(format!("{requested} cancels in the audit, {} by clients", cancels.len()));
        }
        for (action, acted) in &recorded.acted {
            let audited = count(action);
            if audited < acted.done || audited > acted.done + acted.unknown {
                verdict
                    .broken
                    .push(format!("{audited} of {action} in the audit, {acted:?} by staff"));
            }
        }
    }
}

/// The ids of those webhooks in the simulator's list that were answered with 200.
pub(crate) fn heard(webhooks: &Value) -> BTreeSet<String> {
    let is_heard = |one: &&Value| {
        let mut attempts = one["attempts"].as_array().into_iter().flatten();
        attempts.any(|attempt| attempt["status"] == 200)
    };
    let all = webhooks["webhooks"].as_array().into_iter().flatten();
    all.filter(is_heard).filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
}

fn holds_money(state: &str) -> bool {
    matches!(state, "confirmed" | "partially_cancelled")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::Cancel;

    fn parse<T: DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn request(key: &str) -> Value {
        json!({"method": "POST", "path": "/v1/payments/confirm", "idempotencyKey": key, "body": {"amount": 5_000}})
    }

    /// An order of 5,000 won that was paid, of which 2,000 were given back.
    fn sound() -> (Books, Recorded) {
        let attempt = |job: &str, key: &str, at: i64| {
            parse(json!({
                "job_id": job, "order_id": "o", "claim": 1, "idempotency_key": key,
                "started_at": at, "finished_at": at + 1, "http_status": 200, "verdict": "proven", "is_stale": false,
            }))
        };
        let job =
            |id: &str| parse(json!({"id": id, "order_id": "o", "state": "succeeded", "claims": 1}));
        let payment = json!({
            "order_id": "o", "payment_key": "p", "balance": 3_000, "state": "partially_cancelled", "review_reason": null,
        });
        let books = Books {
            orders: [("o".to_owned(), 5_000)].into(),
            payments: [("o".to_owned(), parse(payment))].into(),
            cancellations: vec![parse(
                json!({"id": "c", "order_id": "o", "amount": 2_000, "state": "done", "requested_by": "s", "role": "master"}),
            )],
            jobs: vec![job("confirm"), job("cancel")],
            attempts: vec![attempt("confirm", "k1", 1), attempt("cancel", "k2", 9)],
            audit: vec![Audited { action: "cancel.request".to_owned(), count: 1 }],
            webhooks: ["w".to_owned()].into(),
            ledger: vec![parse(json!({
                "paymentKey": "p", "orderId": "o", "charged": 5_000, "cancelled": 2_000, "charges": 1,
                "refunds": [2_000], "requests": [request("k1"), request("k2")],
            }))],
            heard: ["w".to_owned()].into(),
        };
        let recorded = Recorded {
            orders: [("o".to_owned(), 5_000)].into(),
            confirms: [("o".to_owned(), "p".to_owned())].into(),
            cancels: vec![Cancel {
                order_id: "o".to_owned(),
                cancel_id: "c".to_owned(),
                amount: Some(2_000),
            }],
            told: [("o".to_owned(), "partially_cancelled".to_owned())].into(),
            order_keys: 1,
            cancel_keys: [("o".to_owned(), 1)].into(),
            ..Recorded::default()
        };
        (books, recorded)
    }

    /// What the books say after something was done to them: how many are lost, doubled and broken.
    fn after(change: impl FnOnce(&mut Books, &mut Recorded)) -> (usize, usize, usize) {
        let (mut books, mut recorded) = sound();
        change(&mut books, &mut recorded);
        let verdict = books.check(&recorded);
        (verdict.lost.len(), verdict.doubled.len(), verdict.broken.len())
    }

    #[test]
    fn sound_books_are_clean() {
        let (books, recorded) = sound();
        let verdict = books.check(&recorded);
        assert!(verdict.is_clean(), "{verdict:?}");
    }

    #[test]
    fn what_was_promised_and_is_nowhere_is_lost() {
        assert_eq!(after(|books, _| books.orders.clear()).0, 1);
        assert_eq!(
            after(|_, recorded| drop(recorded.confirms.insert("x".into(), "y".into()))).0,
            1
        );
        assert_eq!(after(|books, _| books.cancellations[0].amount = 1_000).0, 2);
        assert_eq!(after(|books, _| books.webhooks.clear()).0, 1);
        assert_eq!(after(|books, _| books.jobs[0].state = "queued".into()).0, 1);
        assert_eq!(after(|books, _| books.cancellations[0].state = "sending".into()).1, 1);
        // A charge whose payment nobody knows.
        assert_eq!(
            after(|books, recorded| {
                books.payments.clear();
                recorded.confirms.clear();
            })
            .0,
            1
        );
    }

    #[test]
    fn money_that_moved_twice_is_doubled() {
        assert_eq!(after(|books, _| books.ledger[0].charges = 2).1, 1);
        assert_eq!(
            after(|books, _| {
                books.ledger[0].refunds.push(2_000);
                books.ledger[0].cancelled = 4_000;
            })
            .1,
            1
        );
        assert_eq!(after(|books, _| books.ledger[0].cancelled = 9_000).1, 1);
    }

    #[test]
    fn more_than_one_thing_under_one_key_is_doubled() {
        assert_eq!(after(|_, recorded| recorded.order_keys = 0).1, 1);
        // Both ledgers agree on two cancels, of which only one was ever meant.
        assert_eq!(
            after(|books, _| {
                let mut again = books.cancellations[0].clone();
                again.id = "d".into();
                again.amount = 1_000;
                books.cancellations.push(again);
                books.ledger[0].refunds.push(1_000);
                books.ledger[0].cancelled += 1_000;
                books.payments.get_mut("o").unwrap().balance -= 1_000;
            })
            .1,
            1
        );
    }

    #[test]
    fn calls_that_break_the_rules_are_told() {
        // One that nobody wrote down before.
        assert_eq!(after(|books, _| books.ledger[0].requests.push(parse(request("k3")))).2, 1);
        // One key for other bytes.
        assert_eq!(
            after(|books, _| {
                let mut other: Request = parse(request("k1"));
                other.body = json!({"amount": 9});
                books.ledger[0].requests.push(other);
            })
            .2,
            1
        );
        // A second call after one that was not answered, with no look-up between.
        let blind = |books: &mut Books| {
            books.attempts[0].http_status = None;
            books.attempts[0].finished_at = None;
            let mut next = books.attempts[0].clone();
            next.claim = 2;
            next.started_at = 5;
            books.attempts.push(next);
        };
        assert_eq!(after(|books, _| blind(books)).2, 1);
        assert_eq!(
            after(|books, _| {
                blind(books);
                let mut look_up = books.attempts[0].clone();
                (look_up.job_id, look_up.idempotency_key, look_up.started_at) =
                    ("l".into(), None, 3);
                books.attempts.push(look_up);
            }),
            (0, 0, 0)
        );
        // Two calls under one claim.
        assert_eq!(
            after(|books, _| {
                let again = books.attempts[0].clone();
                books.attempts.push(again);
            })
            .2,
            1
        );
    }

    #[test]
    fn words_that_are_taken_back_and_acts_without_a_trace_are_told() {
        assert_eq!(
            after(|books, recorded| {
                recorded.told.insert("o".into(), "paid".into());
                let payment = books.payments.get_mut("o").unwrap();
                payment.state = "failed".into();
                payment.review_reason = Some("late_approval".into());
            })
            .2,
            2
        );
        assert_eq!(after(|books, _| books.audit.clear()).2, 1);
        assert_eq!(
            after(|_, recorded| {
                let acted = crate::record::Acted { done: 1, unknown: 0 };
                recorded.acted.insert("job.retry", acted);
            })
            .2,
            1
        );
    }
}
