//! Toss as the random walks know it: one payment, its idempotency store, its cancels, and a network that loses things.
//!
//! What it promises is what Toss documents: an answer is kept under its key and comes again, a running key answers 409, one payment
//! is charged once, `refundableAmount` locks the balance (a walk may switch the lock off to show that time alone protects as well).

use std::collections::{BTreeMap, BTreeSet};

use domain::answer::{Answer, Failure, FailureClass, TossCancel, TossPayment, TossStatus};
use domain::attempt::Operation;
use domain::limits::{CANCEL_SETTLE_MS, UNFINISHED_CALL_MS};

use crate::fixture::{AMOUNT, told, won};
use crate::luck::Luck;
use crate::tape::Tape;

/// What a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Confirm,
    Cancel { amount: i64, refundable: i64, reason: String },
}

impl Body {
    fn operation(&self) -> Operation {
        match self {
            Body::Confirm => Operation::Confirm,
            Body::Cancel { .. } => Operation::Cancel,
        }
    }
}

/// A call that can move money.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) key: String,
    pub(crate) body: Body,
}

/// Something that happens at Toss at its time.
#[derive(Debug, Clone)]
enum Later {
    /// A request arrives.
    Arrive(Request),
    /// A running request is done, and its answer kept.
    Finish(Request),
    /// What was answered with an error is done all the same.
    DoSilently(Request),
}

#[derive(Debug, Clone)]
enum Kept {
    Running,
    Answered(Answer),
}

/// One payment at Toss.
#[derive(Debug)]
pub(crate) struct Toss {
    status: TossStatus,
    balance: i64,
    window_ends_ms: i64,
    has_lock: bool,
    kept: BTreeMap<String, Kept>,
    later: Vec<(i64, Later)>,
    last_cancel_ms: i64,
    /// What each key was first used with; `None` once whoever calls has forgotten that.
    bodies: Option<BTreeMap<String, Body>>,
    /// How often the money was taken. The truth, kept apart from the status.
    pub(crate) charges: u32,
    /// Every cancel that was done, ours and those of the console.
    pub(crate) cancels: Vec<TossCancel>,
    /// How many requests arrived and were worked on.
    pub(crate) posts: u32,
    /// Under how many keys.
    pub(crate) keys: BTreeSet<String>,
}

impl Toss {
    /// A payment that awaits its confirm until `window_ends_ms`.
    pub(crate) fn authenticated(window_ends_ms: i64) -> Toss {
        Toss {
            status: TossStatus::InProgress,
            balance: AMOUNT,
            window_ends_ms,
            has_lock: true,
            kept: BTreeMap::new(),
            later: Vec::new(),
            last_cancel_ms: i64::MIN / 2,
            bodies: Some(BTreeMap::new()),
            charges: 0,
            cancels: Vec::new(),
            posts: 0,
            keys: BTreeSet::new(),
        }
    }

    /// A payment whose money was taken.
    pub(crate) fn charged(has_lock: bool) -> Toss {
        Toss { status: TossStatus::Done, charges: 1, has_lock, ..Toss::authenticated(i64::MAX) }
    }

    pub(crate) fn balance(&self) -> i64 {
        self.balance
    }

    /// What a look-up shows.
    pub(crate) fn show(&self) -> TossPayment {
        TossPayment {
            balance: won(self.balance),
            cancels: self.cancels.clone(),
            last_transaction_key: self.cancels.last().map(|cancel| cancel.transaction_key.clone()),
            ..told(self.status.clone())
        }
    }

    /// Lets the time pass until `now_ms`.
    pub(crate) fn advance(&mut self, now_ms: i64) {
        loop {
            let next = self.later.iter().enumerate().min_by_key(|(_, (at, _))| *at);
            let due = match next {
                Some((index, (at, _))) if *at <= now_ms => Some(index),
                Some(_) | None => None,
            };
            let Some(index) = due else { break };
            let (at, later) = self.later.swap_remove(index);
            self.expire(at);
            match later {
                Later::Arrive(request) => {
                    self.handle(&request, at);
                }
                Later::Finish(request) => {
                    let answer = self.execute(&request.body, at);
                    self.kept.insert(request.key, Kept::Answered(answer));
                }
                Later::DoSilently(request) => {
                    self.execute(&request.body, at);
                }
            }
        }
        self.expire(now_ms);
    }

    fn expire(&mut self, now_ms: i64) {
        let is_running = self.kept.values().any(|kept| matches!(kept, Kept::Running));
        if self.status == TossStatus::InProgress && now_ms >= self.window_ends_ms && !is_running {
            self.status = TossStatus::Expired;
        }
    }

    /// A cancel in Toss's own console.
    pub(crate) fn cancel_in_console(&mut self, amount: i64, now_ms: i64) {
        if (1..=self.balance).contains(&amount) {
            self.give_back(amount, "console".to_owned(), now_ms);
        }
    }

    /// One call of ours: what came back, or `None` when nobody answered.
    pub(crate) fn call(
        &mut self,
        request: &Request,
        started_ms: i64,
        tape: &mut Tape<'_>,
    ) -> Answer {
        let luck = Luck::ALL[usize::from(tape.pick(24))];
        let no_answer = failed(FailureClass::Unanswered, "NO_ANSWER");
        let at = started_ms;
        match luck {
            Luck::Unsent => failed(FailureClass::Unsent, "CONNECTION_FAILED"),
            Luck::RequestLost => no_answer,
            Luck::Throttled => failed(FailureClass::Throttled, "TOO_MANY_REQUESTS"),
            Luck::Unauthorized => failed(FailureClass::Broken, "UNAUTHORIZED_KEY"),
            Luck::GatewayBefore => failed(FailureClass::Ambiguous, "UNREADABLE_ANSWER"),
            Luck::ArrivesLate => {
                let at = at + tape.ms(UNFINISHED_CALL_MS);
                self.later.push((at, Later::Arrive(request.clone())));
                no_answer
            }
            Luck::Slow => {
                if self.note(request) {
                    self.kept.insert(request.key.clone(), Kept::Running);
                    let at = at + tape.ms(UNFINISHED_CALL_MS);
                    self.later.push((at, Later::Finish(request.clone())));
                }
                no_answer
            }
            Luck::AnswerLost => {
                self.handle(request, at);
                no_answer
            }
            Luck::GatewayAfter => {
                self.handle(request, at);
                failed(FailureClass::Ambiguous, "UNREADABLE_ANSWER")
            }
            Luck::Unreadable => {
                self.handle(request, at);
                failed(FailureClass::Contradictory, "UNREADABLE_ANSWER")
            }
            Luck::Fine => self.handle(request, at),
            Luck::ErrorBefore
            | Luck::ErrorAfter
            | Luck::ErrorThenDone
            | Luck::Declined
            | Luck::RefusedOnly => self.handle_badly(request, at, luck, tape),
        }
    }

    /// Whether the key is new, so that there is work to do.
    fn note(&mut self, request: &Request) -> bool {
        self.posts += 1;
        self.keys.insert(request.key.clone());
        if let Some(bodies) = &mut self.bodies {
            let body = bodies.entry(request.key.clone()).or_insert_with(|| request.body.clone());
            assert_eq!(*body, request.body, "one key has one body for ever");
        }
        !self.kept.contains_key(&request.key)
    }

    fn replay(&self, request: &Request) -> Answer {
        match self.kept.get(&request.key) {
            Some(Kept::Answered(answer)) => answer.clone(),
            Some(Kept::Running) | None => {
                failed(FailureClass::InProgress, "IDEMPOTENT_REQUEST_PROCESSING")
            }
        }
    }

    fn handle(&mut self, request: &Request, now_ms: i64) -> Answer {
        if self.note(request) {
            let answer = self.execute(&request.body, now_ms);
            self.kept.insert(request.key.clone(), Kept::Answered(answer));
        }
        self.replay(request)
    }

    fn handle_badly(
        &mut self,
        request: &Request,
        now_ms: i64,
        luck: Luck,
        tape: &mut Tape<'_>,
    ) -> Answer {
        if self.note(request) {
            let is_open = self.status == TossStatus::InProgress;
            let answer = match luck {
                Luck::ErrorAfter => {
                    self.execute(&request.body, now_ms);
                    failed(FailureClass::Ambiguous, "FAILED_INTERNAL_SYSTEM_PROCESSING")
                }
                Luck::ErrorThenDone if request.body.operation() == Operation::Cancel => {
                    let at = now_ms + tape.ms(CANCEL_SETTLE_MS);
                    self.later.push((at, Later::DoSilently(request.clone())));
                    failed(FailureClass::Ambiguous, "FAILED_REFUND_PROCESS")
                }
                Luck::Declined if request.body.operation() == Operation::Confirm && is_open => {
                    self.status = TossStatus::Aborted;
                    failed(FailureClass::Refused, "REJECT_CARD_COMPANY")
                }
                Luck::Declined | Luck::RefusedOnly
                    if request.body.operation() == Operation::Cancel =>
                {
                    failed(FailureClass::Refused, "EXCEED_CANCEL_LIMIT")
                }
                Luck::RefusedOnly if is_open => failed(FailureClass::Refused, "INVALID_REQUEST"),
                // A session that an earlier confirm has used up is not found any more.
                Luck::Declined | Luck::RefusedOnly => {
                    failed(FailureClass::Refused, "NOT_FOUND_PAYMENT_SESSION")
                }
                Luck::Fine
                | Luck::Unsent
                | Luck::RequestLost
                | Luck::AnswerLost
                | Luck::ArrivesLate
                | Luck::Slow
                | Luck::Throttled
                | Luck::Unauthorized
                | Luck::ErrorBefore
                | Luck::ErrorThenDone
                | Luck::GatewayBefore
                | Luck::GatewayAfter
                | Luck::Unreadable => failed(FailureClass::Ambiguous, "PROVIDER_ERROR"),
            };
            self.kept.insert(request.key.clone(), Kept::Answered(answer));
        }
        self.replay(request)
    }

    fn execute(&mut self, body: &Body, now_ms: i64) -> Answer {
        match body {
            Body::Confirm => self.confirm(),
            Body::Cancel { amount, refundable, reason } => {
                self.cancel(*amount, *refundable, reason.clone(), now_ms)
            }
        }
    }

    fn confirm(&mut self) -> Answer {
        match self.status {
            TossStatus::InProgress => {
                self.status = TossStatus::Done;
                self.charges += 1;
                Answer::Payment(Box::new(self.show()))
            }
            TossStatus::Expired => failed(FailureClass::Refused, "NOT_FOUND_PAYMENT_SESSION"),
            TossStatus::Ready
            | TossStatus::WaitingForDeposit
            | TossStatus::Done
            | TossStatus::Canceled
            | TossStatus::PartialCanceled
            | TossStatus::Aborted
            | TossStatus::Unknown(_) => {
                failed(FailureClass::Contradictory, "ALREADY_PROCESSED_PAYMENT")
            }
        }
    }

    fn cancel(&mut self, amount: i64, refundable: i64, reason: String, now_ms: i64) -> Answer {
        if now_ms - self.last_cancel_ms < 1_000 {
            failed(FailureClass::Limited, "FORBIDDEN_CONSECUTIVE_REQUEST")
        } else if self.status == TossStatus::Canceled {
            failed(FailureClass::Contradictory, "ALREADY_CANCELED_PAYMENT")
        } else if self.has_lock && refundable != self.balance {
            failed(FailureClass::Contradictory, "NOT_MATCHES_REFUNDABLE_AMOUNT")
        } else if amount > self.balance {
            failed(FailureClass::Disputed, "NOT_CANCELABLE_AMOUNT")
        } else {
            self.give_back(amount, reason, now_ms);
            Answer::Payment(Box::new(self.show()))
        }
    }

    fn give_back(&mut self, amount: i64, reason: String, now_ms: i64) {
        let is_whole = amount == AMOUNT;
        self.status = if is_whole { TossStatus::Canceled } else { TossStatus::PartialCanceled };
        self.balance -= amount;
        self.last_cancel_ms = now_ms;
        self.cancels.push(TossCancel {
            transaction_key: format!("cancel-{}", self.cancels.len()),
            amount: won(amount),
            reason,
            cancelled_at_ms: Some(now_ms),
            is_done: true,
            tax_free_amount: domain::Won::ZERO,
        });
    }

    /// Whoever calls from now on may send other bodies under old keys: Toss compares keys only.
    pub(crate) fn forget_bodies(&mut self) {
        self.bodies = None;
    }

    /// A look-up of ours, which may fail.
    pub(crate) fn look_up(&self, tape: &mut Tape<'_>) -> Answer {
        match tape.pick(12) {
            1 => failed(FailureClass::Unsent, "CONNECTION_FAILED"),
            2 => failed(FailureClass::Unanswered, "NO_ANSWER"),
            3 => failed(FailureClass::Throttled, "TOO_MANY_REQUESTS"),
            4 => failed(FailureClass::Ambiguous, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"),
            5 => failed(FailureClass::Contradictory, "UNREADABLE_ANSWER"),
            // What was never approved may look like nothing.
            6 if self.status == TossStatus::InProgress => {
                failed(FailureClass::Absent, "NOT_FOUND_PAYMENT")
            }
            _ => Answer::Payment(Box::new(self.show())),
        }
    }
}

fn failed(class: FailureClass, code: &str) -> Answer {
    Answer::Failure(Failure { class, code: code.to_owned(), message: "words".to_owned() })
}
