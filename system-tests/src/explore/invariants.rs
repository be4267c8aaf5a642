//! What must be true after every step, and once all is quiet.

use std::collections::{BTreeMap, BTreeSet};

use domain::cancellation::CancellationState;
use domain::job::JobState;
use domain::limits::{PAGE_ROWS_MAX, POSTS_MAX};
use domain::payment::PaymentState;
use domain::reconcile::FindingKind;
use domain::{CancellationId, OrderId};
use simulator::{LedgerEntry, LedgerQuery};
use store::audit::AuditFilter;
use store::findings::FindingFilter;
use store::orders::OrderDetail;
use store::{AttemptRow, WebhookFilter};

use super::journey::{Journey, Promise, Weather};
use super::workers::is_behind_another;

const LOOK_UP: &str = "look_up";

impl Journey<'_> {
    /// The truth about every payment at Toss.
    fn ledgers(&self) -> Vec<LedgerEntry> {
        self.shop.toss.ledger(&LedgerQuery::default())
    }

    /// At most one charge for an order, never more given back than taken.
    pub(crate) fn check_after_step(&mut self) {
        let mut charges: BTreeMap<String, usize> = BTreeMap::new();
        for ledger in self.ledgers() {
            *charges.entry(ledger.order_id.clone()).or_default() += ledger.charges;
            self.ensure(ledger.cancelled <= ledger.charged, || {
                format!("more is given back than was taken: {ledger:?}")
            });
            self.ensure(ledger.charges <= 1, || format!("a payment is charged twice: {ledger:?}"));
        }
        // Who confirms past us may well take the money of a second window.
        if self.weather == Weather::Calm {
            for (order_id, count) in charges {
                self.ensure(count <= 1, || format!("order {order_id} is charged {count} times"));
            }
        }
    }

    /// What the journey's calls came to.
    pub(crate) fn count_at_toss(&mut self) {
        for ledger in self.ledgers() {
            self.tally.confirms += ledger.calls.confirm;
            self.tally.cancels += ledger.calls.cancel;
            self.tally.doubled += u64::try_from(ledger.charges.saturating_sub(1)).unwrap();
        }
    }

    /// Everything that must be true once all is quiet.
    pub(crate) async fn check_at_rest(&mut self) {
        self.check_after_step();
        let findings = self.open_findings().await;
        let parked: BTreeSet<_> = self.parked().await.into_iter().map(|job| job.order_id).collect();
        for number in 1..=self.payings.len() {
            self.check_order(number, &findings, &parked).await;
        }
        self.check_calls().await;
        self.check_jobs(&parked).await;
        self.check_promises().await;
    }

    /// Open findings: of which payment, and what kind.
    async fn open_findings(&self) -> BTreeMap<String, Vec<FindingKind>> {
        let filter = FindingFilter { is_open: Some(true), ..FindingFilter::default() };
        let page = self.shop.store.list_findings(&filter, None, PAGE_ROWS_MAX).await.unwrap();
        let mut findings: BTreeMap<String, Vec<FindingKind>> = BTreeMap::new();
        for finding in page.rows {
            findings.entry(finding.found.payment_key).or_default().push(finding.found.kind);
        }
        findings
    }

    async fn check_order(
        &mut self,
        number: usize,
        findings: &BTreeMap<String, Vec<FindingKind>>,
        parked: &BTreeSet<String>,
    ) {
        let paying = self.payings[number - 1].clone();
        let detail = self.detail(&paying.order_id).await;
        let review = detail.payment.as_ref().and_then(|payment| payment.review_reason.clone());
        self.note(format!(
            "payment {number}: {:?}, {} left, review {review:?}",
            detail.payment.as_ref().map(|payment| payment.state),
            detail.payment.as_ref().map_or(0, |payment| payment.balance.get()),
        ));
        if self.weather == Weather::Calm {
            self.ensure(review.is_none(), || {
                format!("payment {number} waits for a person ({review:?}) in calm weather")
            });
        }
        let is_parked = parked.contains(&paying.order_id);
        let is_open =
            detail.payment.as_ref().is_some_and(|payment| is_open(&detail, payment.state));
        self.ensure(!is_open || review.is_some() || is_parked, || {
            format!("payment {number} has no end and nobody is asked")
        });
        for payment_key in &paying.payment_keys {
            let found = findings.get(payment_key).cloned().unwrap_or_default();
            self.check_ledgers(number, &detail, payment_key, &found).await;
        }
    }

    /// Both ledgers of one payment agree, or a person is told.
    async fn check_ledgers(
        &mut self,
        number: usize,
        detail: &OrderDetail,
        payment_key: &str,
        found: &[FindingKind],
    ) {
        let ledger = self.shop.ledger(payment_key);
        let left = ledger.charged - ledger.cancelled;
        let ours = detail.payment.as_ref().filter(|payment| payment.payment_key == payment_key);
        let told = format!(
            "payment {number}: {} taken, {} given back at Toss; here {:?}; findings {found:?}",
            ledger.charged,
            ledger.cancelled,
            ours.map(|payment| (payment.state, payment.balance, &payment.review_reason)),
        );
        let Some(payment) = ours else {
            let wanted: &[FindingKind] = if left > 0 { &[FindingKind::OrphanCharge] } else { &[] };
            if found != wanted {
                self.tally.lost += u64::from(left > 0);
                self.breaks(format!("a charge of no payment of ours: {told}"));
            }
            return;
        };
        let booked = if payment.state.holds_money() { payment.balance.get() } else { 0 };
        let done: Vec<_> = detail
            .cancellations
            .iter()
            .filter(|one| one.state == CancellationState::Done)
            .collect();
        let given_back: i64 = done.iter().map(|one| one.amount.get()).sum();
        let is_same = booked == left && (given_back == ledger.cancelled || ledger.charged == 0);
        if is_same {
            let by_hand = done.iter().filter(|one| one.requested_by == "toss").count();
            // An account that was cancelled before its deposit gave nothing back, and what was taken and given back of a payment that is
            // none by our records has evened out.
            let is_ours = payment.state.holds_money() || payment.state == PaymentState::Cancelled;
            let by_hand = if is_ours && ledger.charged > 0 { by_hand } else { 0 };
            let wanted = vec![FindingKind::CancelledAtToss; by_hand];
            self.ensure(found == wanted, || {
                format!("what was done by hand is told otherwise: {told}")
            });
        } else {
            let offered = self.offered(detail.order.id.as_str()).await;
            let is_offered = booked == left && given_back + offered == ledger.cancelled;
            let is_asked = payment.review_reason.is_some() || is_offered;
            let is_told = is_asked && !found.is_empty();
            if !is_told {
                self.tally.lost += u64::from(left > booked);
                self.breaks(format!("the ledgers differ and nobody is told: {told}"));
            }
        }
    }

    /// How much Toss gave back by cancels that somebody is asked to tell apart from ours.
    async fn offered(&self, order_id: &str) -> i64 {
        for job in self.parked().await.into_iter().filter(|job| job.order_id == order_id) {
            let Some(id) = job.cancellation_id else { continue };
            let id = CancellationId::parse(id).unwrap();
            let order_id = OrderId::parse(order_id).unwrap();
            let shown = self.shop.store.list_cancel_candidates(&order_id, &id).await.unwrap();
            if let Some(shown) = shown.filter(|shown| shown.matching.is_ok()) {
                return shown.entries.iter().map(|entry| entry.amount.get()).sum();
            }
        }
        0
    }

    /// Every call that moves money was recorded before, has a key of its own for its own bytes, and they are not many.
    async fn check_calls(&mut self) {
        let mut recorded: BTreeMap<String, String> = BTreeMap::new();
        // By any job: staff and webhooks have a payment looked up as well.
        let mut look_ups_ms: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut jobs = Vec::new();
        for job in self.jobs().await {
            let id = domain::JobId::parse(job.id.clone()).unwrap();
            let attempts = self.shop.store.list_attempts(&id).await.unwrap();
            let look_ups = attempts.iter().filter(|one| one.operation == LOOK_UP);
            let of_order = look_ups_ms.entry(job.order_id.clone()).or_default();
            of_order.extend(look_ups.map(|one| one.started_at));
            jobs.push((job, attempts));
        }
        for (job, attempts) in jobs {
            self.check_order_of_calls(&attempts, &look_ups_ms[&job.order_id]);
            let keys: BTreeSet<_> =
                attempts.into_iter().filter_map(|one| one.idempotency_key).collect();
            let generations = usize::try_from(job.key_generation).unwrap();
            self.ensure(keys.len() <= generations, || {
                format!("a job of {generations} key generations has used {keys:?}")
            });
            recorded.extend(keys.into_iter().map(|key| (key, job.id.clone())));
        }
        let mut sent: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut posts: BTreeMap<String, u32> = BTreeMap::new();
        for post in self.ledgers().into_iter().flat_map(|ledger| ledger.requests) {
            let key = post.idempotency_key.unwrap_or_default();
            if post.method != "POST" || key.starts_with("rival-of-") {
                continue;
            }
            match recorded.get(&key) {
                Some(job) => *posts.entry(job.clone()).or_default() += 1,
                None => self.breaks(format!("a call was not recorded: {} {key}", post.path)),
            }
            sent.entry(key).or_default().insert(format!("{} {}", post.path, post.body));
        }
        for (key, bodies) in sent {
            self.ensure(bodies.len() == 1, || format!("one key, several bodies: {key} {bodies:?}"));
        }
        for (job, count) in posts {
            self.ensure(count <= POSTS_MAX, || format!("job {job} called {count} times"));
        }
    }

    /// After a call that moves money and was not answered, the payment is looked up before the next such call.
    fn check_order_of_calls(&mut self, attempts: &[AttemptRow], look_ups_ms: &[i64]) {
        let sends: Vec<_> = attempts.iter().filter(|one| one.operation != LOOK_UP).collect();
        for (one, next) in sends.iter().zip(sends.iter().skip(1)) {
            let is_answered = one.http_status.is_some_and(|status| status < 500);
            let is_unsent = one.verdict.as_deref() == Some("unsent");
            let between = one.started_at..=next.started_at;
            let is_looked_up = look_ups_ms.iter().any(|at_ms| between.contains(at_ms));
            self.ensure(is_answered || is_unsent || is_looked_up, || {
                format!("a call follows an unknown outcome blindly: {one:?} {next:?}")
            });
        }
    }

    /// Every job is finished, or parked, or waits behind one that is.
    async fn check_jobs(&mut self, parked: &BTreeSet<String>) {
        for job in self.jobs().await {
            let told = self.told(job.kind, &job.order_id);
            let is_parked = job.state == JobState::Parked;
            let waits = is_behind_another(&job) && parked.contains(&job.order_id);
            let is_over = !job.state.is_live() || is_parked || waits;
            self.ensure(is_over, || format!("work is left over: {told} {job:?}"));
        }
    }

    /// What clients were told is in the database.
    async fn check_promises(&mut self) {
        let filter = AuditFilter::default();
        let audit = self.shop.store.list_audit(&filter, None, PAGE_ROWS_MAX).await.unwrap().rows;
        let webhooks =
            self.shop.store.list_webhooks(&WebhookFilter::default(), None, PAGE_ROWS_MAX).await;
        let webhooks: BTreeSet<_> =
            webhooks.unwrap().rows.into_iter().filter_map(|row| row.transmission_id).collect();
        let mut details = BTreeMap::new();
        for paying in &self.payings {
            details.insert(paying.order_id.clone(), self.detail(&paying.order_id).await);
        }
        for promise in self.promises.clone() {
            let is_kept = match &promise {
                Promise::Order { order_id } => details[order_id].order.id.as_str() == order_id,
                Promise::Confirm { order_id, payment_key } => {
                    let payment = details[order_id].payment.as_ref();
                    payment.is_some_and(|payment| payment.payment_key == *payment_key)
                }
                Promise::Cancel { order_id, cancel_id } => {
                    let cancellations = &details[order_id].cancellations;
                    cancellations.iter().any(|one| one.id.as_str() == cancel_id)
                }
                Promise::Webhook { id } => webhooks.contains(id),
                Promise::Act { action, subject } => {
                    let promised = self.promises.iter().filter(|one| **one == promise).count();
                    let audited = audit.iter().filter(|entry| {
                        entry.action == *action
                            && entry.subject == *subject
                            && entry.role != "system"
                    });
                    audited.count() == promised
                }
            };
            self.ensure(is_kept, || format!("a promise is not kept: {promise:?}"));
        }
    }
}

/// Whether something of the payment has no end yet. Money that is held is none of that.
fn is_open(detail: &OrderDetail, state: PaymentState) -> bool {
    let is_undecided = state.is_undecided() || state == PaymentState::WaitingForDeposit;
    is_undecided || detail.cancellations.iter().any(|one| one.state.is_open())
}
