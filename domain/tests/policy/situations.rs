//! The situations that the tables and the document of the policy walk through.

use domain::answer::{Answer, FailureClass, TossPayment, TossStatus};
use domain::attempt::{Operation, PastAttempt, Verdict};
use domain::policy::History;

use crate::fixture::{AMOUNT, SECOND_MS, START_MS, failure, past, shown, told, unfinished, won};
use crate::script::{CANCEL_AMOUNT, console_entry, our_entry, shown_with};

/// Every status of Toss, and one that we do not know.
pub(crate) const STATUSES: [&str; 9] = [
    "READY",
    "IN_PROGRESS",
    "WAITING_FOR_DEPOSIT",
    "DONE",
    "CANCELED",
    "PARTIAL_CANCELED",
    "ABORTED",
    "EXPIRED",
    "SOMETHING_NEW",
];

/// What a job has behind it.
pub(crate) struct Past {
    pub(crate) name: &'static str,
    pub(crate) attempts: Vec<PastAttempt>,
    pub(crate) generation: u32,
    /// See [`History::unrecorded_until_ms`].
    pub(crate) unrecorded_until_ms: i64,
}

impl Past {
    fn of(name: &'static str, attempts: Vec<PastAttempt>, generation: u32) -> Past {
        Past { name, attempts, generation, unrecorded_until_ms: 0 }
    }

    /// A backup was restored, and until this second calls that are not on record may take effect.
    fn unrecorded_until(self, second: i64) -> Past {
        Past { unrecorded_until_ms: START_MS + second * SECOND_MS, ..self }
    }

    pub(crate) fn history(&self) -> History<'_> {
        let (generation, unrecorded_until_ms) = (self.generation, self.unrecorded_until_ms);
        History { attempts: &self.attempts, generation, unrecorded_until_ms }
    }
}

fn failed(money: Operation, generation: u32, at_s: i64, class: FailureClass) -> PastAttempt {
    past(money, generation, START_MS + at_s * SECOND_MS, Verdict::Failed(class))
}

fn undone(generation: u32, at_s: i64) -> PastAttempt {
    past(Operation::LookUp, generation, START_MS + at_s * SECOND_MS, Verdict::Undone)
}

/// The histories that a money call may have behind it.
pub(crate) fn pasts_of_calls(money: Operation) -> Vec<Past> {
    use FailureClass as Class;
    let after = Past::of;
    vec![
        after("first call", vec![], 1),
        after("after no answer", vec![failed(money, 1, 0, Class::Unanswered), undone(1, 1)], 1),
        after("after a crash", vec![unfinished(money, 1, START_MS), undone(1, 21)], 1),
        after("after a 409", vec![failed(money, 1, 0, Class::InProgress)], 1),
        after("after a 429", vec![failed(money, 1, 0, Class::Throttled)], 1),
        after("under a new key", vec![failed(money, 1, 0, Class::Ambiguous), undone(1, 61)], 2),
        after("after a restore", vec![undone(1, 30)], 1).unrecorded_until(20),
    ]
}

/// The histories that a look-up may have behind it.
pub(crate) fn pasts_of_look_ups(money: Operation, keys_max: u32) -> Vec<Past> {
    use FailureClass as Class;
    let after = Past::of;
    let answered = |name, class| after(name, vec![failed(money, 1, 0, class)], 1);
    vec![
        after("nothing sent", vec![], 1),
        answered("no answer", Class::Unanswered),
        after("a crash", vec![unfinished(money, 1, START_MS)], 1),
        answered("an answered error", Class::Ambiguous),
        after("an error, last key", vec![failed(money, keys_max, 0, Class::Ambiguous)], keys_max),
        answered("a contradiction", Class::Contradictory),
        answered("a disputed refusal", Class::Disputed),
        answered("a broken setup", Class::Broken),
        after(
            "refused on re-send",
            vec![
                failed(money, 1, 0, Class::Unanswered),
                undone(1, 1),
                failed(money, 1, 3, Class::Refused),
            ],
            1,
        ),
        after(
            "refused, new key",
            vec![
                failed(money, 1, 0, Class::Ambiguous),
                undone(1, 61),
                failed(money, 2, 63, Class::Refused),
            ],
            2,
        ),
        after("restored just now", vec![], 1).unrecorded_until(3_600),
        after("restored before", vec![], 1).unrecorded_until(1),
    ]
}

/// What a look-up may show of a payment that was charged.
pub(crate) fn pictures() -> Vec<(&'static str, Answer)> {
    let left = |balance: i64, status| {
        Answer::Payment(Box::new(TossPayment { balance: won(balance), ..told(status) }))
    };
    let mut pictures: Vec<(&str, Answer)> =
        STATUSES.into_iter().map(|word| (word, shown(TossStatus::from_word(word)))).collect();
    pictures.extend([
        ("our cancel", shown_with(vec![our_entry("t-1")])),
        ("our cancel twice", shown_with(vec![our_entry("t-1"), our_entry("t-2")])),
        ("another, same amount", shown_with(vec![console_entry("t-1", CANCEL_AMOUNT)])),
        ("another, little left", shown_with(vec![console_entry("t-1", AMOUNT - 1)])),
        ("nothing left", left(0, TossStatus::PartialCanceled)),
        ("404", failure(FailureClass::Absent)),
    ]);
    pictures
}
