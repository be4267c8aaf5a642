//! Load: so many requests per second for minutes while Toss is slow and fails now and then, and afterwards more than the product can take.
//!
//! The requests come at their time, whether or not those before were answered. Each customer orders, confirms and asks until the payment
//! is through; what is left of the pace asks about somebody's order.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::books::Books;
use crate::client::{Answer, try_send};
use crate::customer::SIMULATOR_KEY;
use crate::luck::Luck;
use crate::record::Record;
use crate::topology::{Part, Topology, Wiring};

/// One in so many requests is a new order; as many are confirms, and the rest asks.
const ONE_ORDER_IN: u64 = 7;
/// One in so many paid orders is given back.
const ONE_CANCEL_IN: usize = 10;
/// How many customers ask at the same time, at the most; the oldest are forgotten.
const KNOWN_MAX: usize = 2_000;
/// Toss's time for an answer, and how many of a hundred calls go wrong.
const TOSS_MS: u64 = 1_000;
/// After this much everything has its size.
const WARM: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// The median of so many looks is the memory at a time: what one request takes does not count.
const LOOKS: usize = 5;
/// How many clients ask at once in the overload, and for how long: three times what both APIs take at once.
const FLOOD: usize = 3_000;
const FLOOD_LASTS: Duration = Duration::from_secs(10);
/// How soon after an overload all is as before.
const NORMAL_WITHIN: Duration = Duration::from_secs(10);
/// How long the pace goes on after the overload.
const AFTERWARDS: Duration = Duration::from_secs(30);
const REQUEST_MAX: Duration = Duration::from_secs(20);
const ACCEPT_MAX: Duration = Duration::from_millis(50);
/// So many of a hundred requests that were wanted have been made, or the load was another one.
const PACE_MIN: u64 = 98;
/// No more than so many of a hundred above the memory after the first minute.
const GROWTH_MAX: u64 = 10;
/// How long the last customers may take.
const ENDING_MAX: Duration = Duration::from_secs(180);
const QUIET_MAX: Duration = Duration::from_secs(300);

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests per second.
    pub per_second: u64,
    /// For how long.
    pub minutes: u64,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Order,
    Confirm,
    Ask,
    Cancel,
}

/// One request of the pace.
#[derive(Debug, Clone, Copy)]
struct Made {
    kind: Kind,
    at: Instant,
    took: Duration,
    is_well: bool,
    /// 503, with a time to come back.
    is_shed: bool,
}

/// Somebody with an order.
#[derive(Debug, Clone)]
struct Customer {
    order_id: String,
    token: String,
    amount: i64,
    payment_key: String,
}

/// What is to be done next, as soon as it has its turn.
#[derive(Debug, Clone)]
enum Step {
    Confirm(Customer),
    Ask(Customer),
    Cancel(Customer),
}

/// The whole crowd.
#[derive(Debug)]
struct Crowd {
    topology: Arc<Topology>,
    record: Record,
    ready: Mutex<VecDeque<Step>>,
    known: Mutex<VecDeque<Customer>>,
    made: Mutex<Vec<Made>>,
    luck: Mutex<Luck>,
    cart: Value,
}

/// Runs it; gives whether everything was as it should be.
///
/// # Errors
/// It could not be run.
pub async fn load(plan: Load, directory: &Path) -> Result<bool, String> {
    let what = format!("{} requests per second for {} minutes", plan.per_second, plan.minutes);
    let (topology, log) = Topology::open(directory, &what, Wiring::Straight).await?;
    let topology = Arc::new(topology);
    let outcome = run(plan, &topology, &|line| log.say(line)).await;
    let mut told = topology.stop().await;
    match &outcome {
        Ok(report) => {
            log.say(&format!("\n\n{report}"));
            told.extend(report.wrong.iter().cloned());
        }
        Err(error) => told.push(error.clone()),
    }
    for one in &told {
        log.say(one);
    }
    topology.tidy_up(told.is_empty(), &log);
    outcome.map(|_| told.is_empty())
}

/// What came of it.
#[derive(Debug)]
struct Report {
    rows: Vec<(String, String)>,
    wrong: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| load | |\n|---|---|")?;
        for (name, value) in &self.rows {
            writeln!(f, "| {name} | {value} |")?;
        }
        Ok(())
    }
}

async fn run(plan: Load, topology: &Arc<Topology>, say: &dyn Fn(&str)) -> Result<Report, String> {
    let api = &topology.apis[0];
    let webhooks = json!({"url": format!("{api}/v1/webhooks/toss")});
    topology.post_to_simulator("/_sim/webhooks/endpoints", &webhooks).await?;
    topology.set_simulator(&json!({"chance": trouble()})).await?;
    let crowd = Arc::new(Crowd::gather(Arc::clone(topology)).await?);
    let mut requests = JoinSet::new();
    let measured = tokio::spawn(watch_memory(Arc::clone(topology)));

    let lasts = Duration::from_secs(plan.minutes * 60);
    let began = Instant::now();
    keep_pace(&crowd, plan.per_second, lasts, &mut requests).await;
    let steady = began..Instant::now();
    measured.abort();
    let sizes = topology.sizes();
    say("steady load is over; now more than it can take");
    let flood = tokio::spawn(flood(Arc::clone(&crowd)));
    keep_pace(&crowd, plan.per_second, FLOOD_LASTS, &mut requests).await;
    let flooded = flood.await.map_err(|error| error.to_string())?;
    let over = Instant::now();
    say("the overload is over");
    keep_pace(&crowd, plan.per_second, AFTERWARDS, &mut requests).await;
    timeout(ENDING_MAX, requests.join_all()).await.map_err(|_| "requests that do not end")?;
    topology.set_simulator(&json!({"chance": null})).await?;
    topology.await_quiet(QUIET_MAX).await?;
    let verdict = Books::read(topology).await?.check(&crowd.record.note(|it| it.clone()));
    let made = crowd.made.lock().expect("no panic").clone();
    let mut report = Report { rows: Vec::new(), wrong: verdict.told() };
    report.tell_steady(&made, &steady, plan.per_second);
    report.tell_memory(&sizes);
    report.tell_overload(&made, &flooded, over);
    report.rows.push((
        "lost, doubled".to_owned(),
        format!("{}, {}", verdict.lost.len(), verdict.doubled.len()),
    ));
    Ok(report)
}

/// A Toss that takes its time, and of which one call in ten goes wrong.
fn trouble() -> Value {
    let fault = |kind: &str, percent: u64, ms: Option<u64>| match ms {
        Some(ms) => json!({"kind": kind, "percent": percent, "ms": ms}),
        None => json!({"kind": kind, "percent": percent}),
    };
    json!({"seed": 1, "faults": [
        fault("delay", 90, Some(TOSS_MS)),
        fault("server_error_before", 2, None),
        fault("server_error_after", 2, None),
        fault("cut_before", 2, None),
        fault("cut_after", 2, None),
        fault("in_progress", 2, None),
    ]})
}

/// Makes requests at a pace for a time, whatever becomes of them.
async fn keep_pace(crowd: &Arc<Crowd>, per_second: u64, lasts: Duration, made: &mut JoinSet<()>) {
    let mut pace = interval(Duration::from_nanos(1_000_000_000 / per_second.max(1)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut number: u64 = 0;
    while began.elapsed() < lasts {
        pace.tick().await;
        number += 1;
        let step = if number.is_multiple_of(ONE_ORDER_IN) { None } else { Some(crowd.next()) };
        made.spawn(Arc::clone(crowd).take(step));
        while made.try_join_next().is_some() {}
    }
}

impl Crowd {
    async fn gather(topology: Arc<Topology>) -> Result<Crowd, String> {
        let item =
            |id: &str, quantity: i64| json!({"productId": id, "quantity": quantity, "options": []});
        let mut cart = json!({
            "storeId": "chicken-yeonnam", "items": [item("old-whole", 2), item("radish", 3)],
        });
        let url = format!("{}/v1/quotes", topology.apis[0]);
        let deadline = Instant::now() + ENDING_MAX;
        let quote = loop {
            let request = topology.client.request(Method::POST, &url).json(&cart);
            match try_send(request).await {
                Ok(answer) if answer.status == 200 => break answer,
                _ if Instant::now() < deadline => sleep(Duration::from_millis(200)).await,
                other => return Err(format!("no quote: {other:?}")),
            }
        };
        cart["amount"] = quote.body["amount"].clone();
        cart["customer"] = json!({"name": "손님", "phone": "01012345678"});
        cart["delivery"] = json!({"address": "서울 마포구 와우산로 1"});
        Ok(Crowd {
            topology,
            record: Record::default(),
            ready: Mutex::default(),
            known: Mutex::default(),
            made: Mutex::default(),
            luck: Mutex::new(Luck::new(1)),
            cart,
        })
    }

    /// What has waited longest, else asking about anybody's order.
    fn next(&self) -> Option<Step> {
        if let Some(step) = self.ready.lock().expect("no panic").pop_front() {
            return Some(step);
        }
        let known = self.known.lock().expect("no panic");
        let index = self.luck.lock().expect("no panic").below(known.len());
        known.get(index).cloned().map(Step::Ask)
    }

    fn then(&self, step: Step) {
        self.ready.lock().expect("no panic").push_back(step);
    }

    fn api(&self) -> &str {
        self.luck.lock().expect("no panic").pick::<String>(&self.topology.apis)
    }

    /// One request of the pace: a new order where there is no step.
    async fn take(self: Arc<Self>, step: Option<Option<Step>>) {
        match step {
            None | Some(None) => self.order().await,
            Some(Some(Step::Confirm(customer))) => self.confirm(customer).await,
            Some(Some(Step::Ask(customer))) => self.ask_about(customer).await,
            Some(Some(Step::Cancel(customer))) => self.cancel(customer).await,
        }
    }

    /// Sends, measures and notes; gives what was answered well.
    async fn ask(&self, kind: Kind, request: RequestBuilder) -> Option<Answer> {
        let at = Instant::now();
        let answer = self.record.ask(request.timeout(REQUEST_MAX)).await;
        let status = answer.as_ref().map(|answer| answer.status);
        let is_well = status.is_some_and(|status| status < 400);
        let is_shed = status == Some(503) && answer.as_ref().is_some_and(|it| it.has_retry_after);
        let made = Made { kind, at, took: at.elapsed(), is_well, is_shed };
        self.made.lock().expect("no panic").push(made);
        answer.filter(|_| is_well)
    }

    async fn order(&self) {
        let key = self.luck.lock().expect("no panic").uuid();
        let request =
            self.topology.client.request(Method::POST, &format!("{}/v1/orders", self.api()));
        let request = request.header("idempotency-key", key).json(&self.cart);
        self.record.note(|it| it.order_keys += 1);
        let Some(customer) = self.ask(Kind::Order, request).await.and_then(|made| read(&made))
        else {
            return;
        };
        self.record.note(|it| it.orders.insert(customer.order_id.clone(), customer.amount));
        if let Some(payment_key) = self.authenticate(&customer).await {
            self.then(Step::Confirm(Customer { payment_key, ..customer }));
        }
    }

    /// In Toss's window, which is not ours to measure.
    async fn authenticate(&self, customer: &Customer) -> Option<String> {
        let body = json!({
            "orderId": customer.order_id, "orderName": "통닭", "amount": customer.amount, "method": "CARD",
        });
        let url = format!("{}/_sim/payments", self.topology.simulator);
        let request = self.topology.client.request(Method::POST, &url);
        let made = try_send(request.basic_auth(SIMULATOR_KEY, Some("")).json(&body)).await.ok()?;
        made.body["paymentKey"].as_str().map(str::to_owned)
    }

    async fn confirm(&self, customer: Customer) {
        let url = format!("{}/v1/orders/{}/confirm", self.api(), customer.order_id);
        let body = json!({"paymentKey": customer.payment_key, "amount": customer.amount});
        let request = self.topology.client.request(Method::POST, &url).bearer_auth(&customer.token);
        if self.ask(Kind::Confirm, request.json(&body)).await.is_none() {
            return;
        }
        let (order_id, payment_key) = (customer.order_id.clone(), customer.payment_key.clone());
        self.record.note(|it| it.confirms.insert(order_id, payment_key));
        let mut known = self.known.lock().expect("no panic");
        known.push_back(customer.clone());
        if known.len() > KNOWN_MAX {
            known.pop_front();
        }
        drop(known);
        self.then(Step::Ask(customer));
    }

    async fn ask_about(&self, customer: Customer) {
        let url = format!("{}/v1/orders/{}", self.api(), customer.order_id);
        let request = self.topology.client.request(Method::GET, &url).bearer_auth(&customer.token);
        let Some(answer) = self.ask(Kind::Ask, request).await else { return };
        let is_first_time = {
            let order_id = customer.order_id.clone();
            let word = answer.body["status"].as_str().unwrap_or_default().to_owned();
            self.record.note(|it| it.told.insert(order_id, word.clone())) != Some(word)
        };
        let is_paid = answer.body["status"] == "paid";
        if is_paid && is_first_time && self.luck.lock().expect("no panic").one_in(ONE_CANCEL_IN) {
            self.then(Step::Cancel(customer));
        }
    }

    async fn cancel(&self, customer: Customer) {
        let url = format!("{}/v1/orders/{}/cancels", self.api(), customer.order_id);
        let request = self.topology.client.request(Method::POST, &url);
        let request = request.bearer_auth(&self.topology.master_token);
        let key = self.luck.lock().expect("no panic").uuid();
        let body = json!({"reason": "재료 소진", "amount": 1_000});
        let request = request.header("idempotency-key", key).json(&body);
        self.record.note(|it| *it.cancel_keys.entry(customer.order_id.clone()).or_default() += 1);
        if let Some(answer) = self.ask(Kind::Cancel, request).await {
            let cancel_id = answer.body["cancelId"].as_str().unwrap_or_default().to_owned();
            let cancel = crate::record::Cancel {
                order_id: customer.order_id,
                cancel_id,
                amount: Some(1_000),
            };
            self.record.note(|it| it.cancels.push(cancel));
        }
    }
}

fn read(made: &Answer) -> Option<Customer> {
    let text = |field: &str| made.body[field].as_str().map(str::to_owned);
    Some(Customer {
        order_id: text("orderId")?,
        token: text("accessToken")?,
        amount: made.body["amount"].as_i64()?,
        payment_key: String::new(),
    })
}

/// What came of an overload.
#[derive(Debug, Default)]
struct Flooded {
    done: u64,
    shed: u64,
    /// Answers that are neither, with what they were.
    other: Vec<String>,
    unanswered: u64,
}

/// More clients than the product takes, each of whom asks again at once.
async fn flood(crowd: Arc<Crowd>) -> Flooded {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..FLOOD {
        let crowd = Arc::clone(&crowd);
        clients.spawn(async move {
            let mut flooded = Flooded::default();
            let mut luck = Luck::new(1_000_003 + u64::try_from(number).unwrap_or_default());
            while began.elapsed() < FLOOD_LASTS {
                let url = format!(
                    "{}/v1/orders",
                    crowd.topology.apis[number % crowd.topology.apis.len()]
                );
                let request =
                    crowd.topology.client.request(Method::POST, &url).timeout(REQUEST_MAX);
                let request = request.header("idempotency-key", luck.uuid()).json(&crowd.cart);
                crowd.record.note(|it| it.order_keys += 1);
                match crowd.record.ask(request).await {
                    Some(answer) if answer.status == 201 => {
                        flooded.done += 1;
                        if let Some(made) = read(&answer) {
                            crowd.record.note(|it| it.orders.insert(made.order_id, made.amount));
                        }
                    }
                    Some(answer)
                        if matches!(answer.status, 429 | 503) && answer.has_retry_after =>
                    {
                        flooded.shed += u64::from(answer.status == 503);
                    }
                    Some(answer) => {
                        flooded.other.push(format!("{} {}", answer.status, answer.body))
                    }
                    None => flooded.unanswered += 1,
                }
            }
            flooded
        });
    }
    let mut all = Flooded::default();
    while let Some(Ok(one)) = clients.join_next().await {
        all.done += one.done;
        all.shed += one.shed;
        all.unanswered += one.unanswered;
        all.other.extend(one.other);
    }
    all
}

/// Notes the memory of APIs and workers again and again.
async fn watch_memory(topology: Arc<Topology>) {
    loop {
        topology.note_sizes().await;
        sleep(BETWEEN_LOOKS).await;
    }
}

impl Report {
    fn tell_steady(&mut self, made: &[Made], steady: &std::ops::Range<Instant>, wanted: u64) {
        let during: Vec<&Made> = made.iter().filter(|one| steady.contains(&one.at)).collect();
        let lasted = steady.end.duration_since(steady.start).as_secs().max(1);
        let bad = during.iter().filter(|one| !one.is_well).count();
        self.rows.push(("requests".to_owned(), during.len().to_string()));
        let count = u64::try_from(during.len()).unwrap_or(u64::MAX);
        self.rows.push(("… per second".to_owned(), (count / lasted).to_string()));
        if count * 100 < wanted * lasted * PACE_MIN {
            self.wrong.push(format!("{count} requests in {lasted} s are not {wanted} per second"));
        }
        self.rows.push(("… not answered well".to_owned(), bad.to_string()));
        if bad > 0 {
            self.wrong.push(format!("{bad} requests were not answered well"));
        }
        for (kind, name) in [
            (Kind::Order, "making an order"),
            (Kind::Confirm, "accepting a confirm"),
            (Kind::Ask, "asking"),
            (Kind::Cancel, "accepting a cancel"),
        ] {
            let [p50, p99, most] = quantiles(during.iter().copied().filter(|one| one.kind == kind));
            self.rows
                .push((format!("{name}: p50, p99, most"), format!("{p50:?}, {p99:?}, {most:?}")));
            if kind == Kind::Confirm && p99 >= ACCEPT_MAX {
                self.wrong.push(format!("p99 of accepting is {p99:?}"));
            }
        }
    }

    fn tell_memory(&mut self, sizes: &[(Part, Vec<(Duration, u64)>)]) {
        for (part, sizes) in sizes {
            let middle = |mut few: Vec<u64>| {
                few.sort_unstable();
                few.get(few.len() / 2).copied().unwrap_or(0)
            };
            let warm: Vec<u64> =
                sizes.iter().filter(|(at, _)| *at >= WARM).map(|(_, kib)| *kib).collect();
            let first = middle(warm.iter().take(LOOKS).copied().collect());
            let last = middle(warm.iter().rev().take(LOOKS).copied().collect());
            let grown = last.saturating_sub(first) * 100 / first.max(1);
            self.rows.push((
                format!("memory of {} after a minute, at the end", part.name()),
                format!("{} KiB, {} KiB (+{grown} %)", first, last),
            ));
            if grown >= GROWTH_MAX {
                self.wrong.push(format!("{} grew by {grown} %", part.name()));
            }
        }
    }

    fn tell_overload(&mut self, made: &[Made], flooded: &Flooded, over: Instant) {
        let Flooded { done, shed, other, unanswered } = flooded;
        self.rows.push((
            "overload: done, shed with 503, without an answer, otherwise".to_owned(),
            format!("{done}, {shed}, {unanswered}, {}", other.len()),
        ));
        if *shed == 0 {
            self.wrong.push("the overload was none: nothing was shed".to_owned());
        }
        self.wrong.extend(other.iter().take(3).map(|one| format!("in the overload: {one}")));
        if *unanswered > 0 {
            self.wrong.push(format!("in the overload {unanswered} got no answer"));
        }
        let not_shed =
            made.iter().filter(|one| one.at < over && !one.is_well && !one.is_shed).count();
        self.rows.push(("… of the pace neither done nor shed".to_owned(), not_shed.to_string()));
        if not_shed > 0 {
            self.wrong.push(format!("{not_shed} of the pace were neither done nor shed"));
        }
        let after: Vec<&Made> = made.iter().filter(|one| one.at >= over).collect();
        let slow =
            |one: &Made| !one.is_well || (one.kind == Kind::Confirm && one.took >= ACCEPT_MAX);
        let last_slow =
            after.iter().filter(|one| slow(one)).map(|one| one.at.duration_since(over)).max();
        let back = last_slow.unwrap_or_default();
        self.rows
            .push(("last request after it that was not as before".to_owned(), format!("{back:?}")));
        for began in (0..AFTERWARDS.as_secs()).step_by(5) {
            let slice = over + Duration::from_secs(began)..over + Duration::from_secs(began + 5);
            let within = after.iter().copied().filter(|one| slice.contains(&one.at));
            let [p50, p99, most] = quantiles(within.filter(|one| one.kind == Kind::Confirm));
            self.rows.push((
                format!("… accepting a confirm, {began} to {} s after it", began + 5),
                format!("{p50:?}, {p99:?}, {most:?}"),
            ));
        }
        let later = || after.iter().copied().filter(|one| one.at >= over + NORMAL_WITHIN);
        let bad = later().filter(|one| !one.is_well).count();
        let [_, p99, _] = quantiles(later().filter(|one| one.kind == Kind::Confirm));
        self.rows.push((
            "ten seconds after it: not answered well, p99 of accepting".to_owned(),
            format!("{bad}, {p99:?}"),
        ));
        if bad > 0 || p99 >= ACCEPT_MAX {
            self.wrong.push(format!("not back to normal: {bad} bad, p99 {p99:?}"));
        }
    }
}

/// The middle, the ninety-ninth of a hundred, and the slowest.
fn quantiles<'m>(made: impl Iterator<Item = &'m Made>) -> [Duration; 3] {
    let mut took: Vec<Duration> = made.map(|one| one.took).collect();
    took.sort_unstable();
    let at = |percent: usize| {
        let index = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(index).copied().unwrap_or_default()
    };
    [at(50), at(99), at(100)]
}
