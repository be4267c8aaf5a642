//! What every call of the API goes through: authentication, test code, faults, idempotency, the work, the answer.
//!
//! The order is the simulator's reading of Toss: what is refused for its key never reaches the idempotency store; what
//! fails validation does. Each step takes the world's lock for itself; between them there may be an injected delay.
//! A request with a delay runs in a task of its own, so that the work is done even if the caller has hung up.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::Response;
use tokio_util::sync::CancellationToken;

use super::App;
use super::answer::{Answer, Reply, cut};
use super::endpoint::{Call, Count, Endpoint};
use super::work::work;
use crate::codes;
use crate::faults::{FaultKind, FaultRequest, Layer};
use crate::idempotency::{self, Found, Scope, StoredAnswer};
use crate::ids;
use crate::ledger::{RecordedRequest, recorded_at, recorded_body};
use crate::limits::LEDGER_HEADER_BYTES_MAX;
use crate::merchant::{Merchant, authenticate};
use crate::refusal::Refusal;
use crate::world::World;

/// A request that was let in.
#[derive(Debug)]
struct Run {
    trace_id: String,
    /// The payment it is about, if there is one, whoever's.
    subject: Option<String>,
    merchant: Option<Merchant>,
    /// How many calls of its kind there were for its payment, or without one, with this one.
    number: u64,
    scope: Option<Scope>,
    /// Decided already, without any work.
    decided: Option<Reply>,
    is_replay: bool,
    fault: Option<FaultRequest>,
    /// Whether it holds the subject against other confirms and cancels.
    holds_subject: bool,
}

pub(crate) async fn handle(app: App, call: Call) -> Response {
    let mut run = app.shared.write(|world| admit(world, &call));
    let is_delayed =
        run.fault.as_ref().is_some_and(|it| it.delay_before_ms().max(it.delay_after_ms()) > 0);
    // An answer that lets webhooks go first may take as long as they do.
    if !is_delayed && !app.shared.read(World::tells_early) {
        return carry_through(app, call, run).await;
    }
    let Ok(permit) = app.shared.delayed.clone().try_acquire_owned() else {
        run.decided = Some(refused(codes::TOO_MANY_REQUESTS, &call));
        run.fault = None;
        return carry_through(app, call, run).await;
    };
    let task = tokio::spawn(async move {
        let response = carry_through(app, call, run).await;
        drop(permit);
        response
    });
    task.await.unwrap_or_else(|_| cut())
}

/// From admission to the answer. Never suspends unless a fault delays it.
async fn carry_through(app: App, call: Call, mut run: Run) -> Response {
    let fault = run.fault.take();
    let delay = |ms: fn(&FaultRequest) -> u64| fault.as_ref().map_or(0, ms);
    let is_cut_short = !sleep(delay(FaultRequest::delay_before_ms), &app.closing).await;
    let mut reply = if is_cut_short {
        Reply::Cut
    } else {
        let pause = app.shared.config.consecutive_cancel_pause;
        app.shared.write(|world| match run.decided.take() {
            Some(reply) => deliver(reply, fault.as_ref()),
            None => {
                let answer = answer_by_work(world, pause, &call, &run, fault.as_ref());
                deliver(Reply::Answer(answer), fault.as_ref())
            }
        })
    };
    if let Some(key) = app.shared.read(|world| subject_afterwards(world, &call, &run)) {
        let_webhooks_go_first(&app, &key).await;
    }
    if !sleep(delay(FaultRequest::delay_after_ms), &app.closing).await {
        reply = Reply::Cut;
    }
    app.shared.write(|world| release(world, &call, &run, reply.status()));
    reply.into_response(&run.trace_id, call.idempotency_key)
}

/// False if the server began to shut down meanwhile.
async fn sleep(ms: u64, closing: &CancellationToken) -> bool {
    if ms == 0 {
        return true;
    }
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => true,
        () = closing.cancelled() => false,
    }
}

/// With early webhooks, waits until those of the payment were sent once; at most about as long as one may take.
async fn let_webhooks_go_first(app: &App, payment_key: &str) {
    let all_sent = async {
        loop {
            let sent = app.shared.webhook_sent.notified();
            tokio::pin!(sent);
            // Before the look, so that nothing is missed between the two.
            sent.as_mut().enable();
            if !app.shared.read(|world| world.has_early_news(payment_key)) {
                return;
            }
            sent.await;
        }
    };
    let longest = app.shared.config.webhook_timeout.saturating_add(Duration::from_secs(1));
    tokio::select! {
        () = all_sent => {}
        () = tokio::time::sleep(longest) => {}
        () = app.closing.cancelled() => {}
    }
}

fn refused(code: codes::Code, call: &Call) -> Reply {
    Reply::Answer(Answer::refusal(&Refusal::new(code), call.language))
}

/// Decides what becomes of a request before any work: refused, replayed, or run.
fn admit(world: &mut World, call: &Call) -> Run {
    let mut run = Run {
        trace_id: ids::trace_id(),
        subject: subject_of(world, call),
        merchant: None,
        number: 0,
        scope: None,
        decided: None,
        is_replay: false,
        fault: None,
        holds_subject: false,
    };
    run.number = count(world, call, run.subject.as_deref());
    match check_caller(world, call) {
        Ok((merchant, scope)) => {
            run.merchant = Some(merchant);
            run.scope = scope;
            let_in(world, call, &mut run);
        }
        Err(refusal) => run.decided = Some(Reply::Answer(Answer::refusal(&refusal, call.language))),
    }
    run
}

/// Counts a call, at its payment if it has one; how many of its kind there were.
fn count(world: &mut World, call: &Call, subject: Option<&str>) -> u64 {
    let (Some(key), Some(kind)) = (subject, call.endpoint.count()) else {
        world.unnamed_calls = world.unnamed_calls.saturating_add(1);
        return world.unnamed_calls;
    };
    world.refresh(key);
    let calls = &mut world.ledger.account_mut(key).calls;
    let count = match kind {
        Count::Confirm => &mut calls.confirm,
        Count::LookUp => &mut calls.look_up,
        Count::LookUpByOrder => &mut calls.look_up_by_order,
        Count::Cancel => &mut calls.cancel,
    };
    *count = count.saturating_add(1);
    match kind {
        Count::Confirm => calls.confirm,
        Count::Cancel => calls.cancel,
        Count::LookUp | Count::LookUpByOrder => {
            calls.look_up.saturating_add(calls.look_up_by_order)
        }
    }
}

/// The payment a request names, else the newest of the order it names.
fn subject_of(world: &World, call: &Call) -> Option<String> {
    let by_key = call.payment_key.as_deref().and_then(|key| world.payments.find(key));
    let by_order = || call.order_id.as_deref().and_then(|id| world.newest_of_order(id));
    by_key.or_else(by_order).map(|payment| payment.payment_key.clone())
}

/// The payment that a call was about; one that the call itself has made, if it made one.
fn subject_afterwards(world: &World, call: &Call, run: &Run) -> Option<String> {
    let is_making = matches!(call.endpoint, Endpoint::KeyIn | Endpoint::IssueAccount);
    let made = if is_making { subject_of(world, call) } else { None };
    made.or_else(|| run.subject.clone())
}

/// Key, test code, idempotency key: everything that is refused without a trace in the idempotency store.
fn check_caller(world: &mut World, call: &Call) -> Result<(Merchant, Option<Scope>), Refusal> {
    let caller = authenticate(call.authorization.as_deref())?;
    let merchant = world.merchant_of(caller)?;
    let now = world.now();
    if let Some(limit) = world.settings().calls_per_minute
        && !world.rates.allows(caller, call.endpoint, limit, now)
    {
        return Err(Refusal::new(codes::TOO_MANY_REQUESTS));
    }
    if let Some(code) = &call.test_code {
        let known = std::str::from_utf8(code).ok().and_then(codes::find_code);
        return Err(Refusal::new(known.copied().unwrap_or(codes::INVALID_TEST_CODE)));
    }
    let key = call.idempotency_key.as_ref().map(HeaderValue::as_bytes);
    let scope = idempotency::parse_key(key)?.map(|key| Scope {
        key,
        caller,
        method: call.endpoint.method().to_owned(),
        path: call.path.clone(),
    });
    Ok((merchant, scope))
}

fn let_in(world: &mut World, call: &Call, run: &mut Run) {
    let front = take_fault(world, call, run, |fault| fault.kind.layer() != Layer::Front);
    if let Some(fault) = front {
        run.scope = None;
        run.decided = Some(front_reply(&fault, call));
        run.fault = Some(fault);
        return;
    }
    let now = world.now();
    match run.scope.as_ref().map(|scope| world.idempotency.find(scope, now)) {
        Some(Found::Running) => {
            run.scope = None;
            run.decided = Some(refused(codes::IDEMPOTENT_REQUEST_PROCESSING, call));
            return;
        }
        Some(Found::Answer(stored)) => {
            run.scope = None;
            run.is_replay = true;
            run.decided = Some(Reply::Answer(Answer {
                original_trace_id: Some(stored.trace_id),
                ..Answer::json(stored.status, stored.body)
            }));
            run.fault = take_fault(world, call, run, |fault| fault.kind.layer() == Layer::Work);
            return;
        }
        Some(Found::Nothing) | None => {}
    }
    if let Some(scope) = &run.scope {
        world.idempotency.begin(scope, now);
    }
    if hold_subject(world, call, run) {
        run.fault = take_fault(world, call, run, |_| false);
    }
}

/// Keeps other confirms and cancels away from the payment. False if one of them was first: that is the answer then.
fn hold_subject(world: &mut World, call: &Call, run: &mut Run) -> bool {
    let too_late = match call.endpoint.count() {
        Some(Count::Confirm) => codes::ALREADY_PROCESSING_REQUEST,
        Some(Count::Cancel) => codes::FORBIDDEN_CONSECUTIVE_REQUEST,
        Some(Count::LookUp | Count::LookUpByOrder) | None => return true,
    };
    let (Some(merchant), Some(key)) = (&run.merchant, &run.subject) else { return true };
    if world.payments.find_own(merchant, key).is_none() {
        return true;
    }
    run.holds_subject = world.occupy(key);
    if run.holds_subject {
        return true;
    }
    let answer = Answer::refusal(&Refusal::new(too_late), call.language);
    store(world, run, &answer, true);
    run.decided = Some(Reply::Answer(answer));
    false
}

fn take_fault(
    world: &mut World,
    call: &Call,
    run: &Run,
    is_kept: impl Fn(&FaultRequest) -> bool,
) -> Option<FaultRequest> {
    let key = run.subject.as_deref();
    let order_id = key.and_then(|key| world.payments.find(key)).map(|it| it.order_id.clone());
    let order_id = order_id.as_deref().or(call.order_id.as_deref());
    let operation = call.endpoint.operation();
    let fault = world.faults.take(key, order_id, operation, &is_kept).or_else(|| {
        let chance = world.settings().chance.as_ref()?;
        let drawn = chance.draw(order_id.unwrap_or_default(), operation, run.number);
        drawn.filter(|fault| !is_kept(fault))
    });
    if let Some(fault) = &fault {
        tracing::debug!(kind = ?fault.kind, path = call.path, "a scripted fault hits this request");
    }
    fault
}

/// The answer of a fault in front of the idempotency store.
fn front_reply(fault: &FaultRequest, call: &Call) -> Reply {
    match fault.kind {
        FaultKind::InProgress => refused(codes::IDEMPOTENT_REQUEST_PROCESSING, call),
        FaultKind::Unauthorized => refused(codes::UNAUTHORIZED_KEY, call),
        FaultKind::Throttle => Reply::Answer(Answer {
            retry_after_seconds: fault.retry_after_seconds,
            ..Answer::refusal(&Refusal::new(codes::TOO_MANY_REQUESTS), call.language)
        }),
        FaultKind::UnreadableBefore => {
            Reply::Answer(Answer::gateway_page(fault.status.unwrap_or(200)))
        }
        FaultKind::CutBefore
        | FaultKind::CutAfter
        | FaultKind::Decline
        | FaultKind::AnswerCode
        | FaultKind::Delay
        | FaultKind::DelayAfter
        | FaultKind::ServerErrorBefore
        | FaultKind::ServerErrorAfter
        | FaultKind::Unreadable
        | FaultKind::WrongPayment
        | FaultKind::UnknownValues => Reply::Cut,
    }
}

fn answer_by_work(
    world: &mut World,
    pause: Duration,
    call: &Call,
    run: &Run,
    fault: Option<&FaultRequest>,
) -> Answer {
    let result = match &run.merchant {
        Some(merchant) => work(world, pause, call, merchant, fault),
        None => Err(Refusal::new(codes::UNAUTHORIZED_KEY)),
    };
    let answer = match result {
        Ok(body) => Answer::json(200, body),
        Err(refusal) => Answer::refusal(&refusal, call.language),
    };
    let store_5xx = world.settings().store_5xx;
    store(world, run, &answer, store_5xx);
    answer
}

fn store(world: &mut World, run: &Run, answer: &Answer, store_5xx: bool) {
    let Some(scope) = &run.scope else { return };
    if idempotency::is_stored(answer.status, store_5xx) {
        let stored = StoredAnswer {
            status: answer.status,
            body: answer.body.clone(),
            trace_id: run.trace_id.clone(),
        };
        world.idempotency.store(scope, stored);
    }
}

/// What the way back does to an answer.
fn deliver(reply: Reply, fault: Option<&FaultRequest>) -> Reply {
    match fault.map(|fault| (fault.kind, fault.status)) {
        Some((FaultKind::CutAfter, _)) => Reply::Cut,
        Some((FaultKind::Unreadable, status)) => {
            Reply::Answer(Answer::gateway_page(status.unwrap_or(200)))
        }
        Some(_) | None => reply,
    }
}

/// Lets go of the key and the payment and notes the request in the ledger.
fn release(world: &mut World, call: &Call, run: &Run, status: Option<u16>) {
    if let Some(scope) = &run.scope {
        world.idempotency.release(scope);
    }
    let Some(key) = &subject_afterwards(world, call, run) else { return };
    if run.holds_subject {
        world.vacate(key);
    }
    if world.payments.find(key).is_none() {
        return;
    }
    let request = RecordedRequest {
        at: recorded_at(world.now()),
        method: call.endpoint.method().to_owned(),
        path: call.path.clone(),
        idempotency_key: recorded_header(call.idempotency_key.as_ref()),
        traceparent: recorded_header(call.traceparent.as_ref()),
        request_id: recorded_header(call.request_id.as_ref()),
        body: recorded_body(&call.body),
        status,
        replayed: run.is_replay,
    };
    world.ledger.record(key, request);
}

fn recorded_header(value: Option<&HeaderValue>) -> Option<String> {
    let bytes = value?.as_bytes();
    let start = bytes.get(..bytes.len().min(LEDGER_HEADER_BYTES_MAX)).unwrap_or(bytes);
    Some(String::from_utf8_lossy(start).into_owned())
}
