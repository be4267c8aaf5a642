//! The sentences of the document that no rule can compute: what a class, a pace or a reason means to an operator.

use domain::answer::FailureClass;
use domain::policy::{Pace, ReviewReason};

/// What happened, and what of the budget it uses up.
pub(super) const fn class_meaning(class: FailureClass) -> (&'static str, &'static str) {
    match class {
        FailureClass::Unsent => ("no connection: nothing was sent", "nothing"),
        FailureClass::Unanswered => ("the request left, and no whole answer came", "a call"),
        FailureClass::InProgress => {
            ("Toss still works on the first request with this key (409)", "nothing")
        }
        FailureClass::Throttled => ("too many requests (429): refused before any work", "nothing"),
        FailureClass::Ambiguous => {
            ("Toss answered a passing error; it may have been done", "a call, a key")
        }
        FailureClass::Limited => {
            ("Toss wants more time between requests of one payment", "a call, a key")
        }
        FailureClass::BankClosed => ("the bank is closed at this hour", "a call, a key"),
        FailureClass::Contradictory => (
            "the answer contradicts what we know, cannot be read, or has an unknown code",
            "a call, a key",
        ),
        FailureClass::Disputed => ("refused, perhaps because it had been done before", "a call"),
        FailureClass::Refused => ("refused", "a call"),
        FailureClass::Absent => ("Toss knows no such payment (404)", "a call"),
        FailureClass::Broken => {
            ("our key, contract or request is wrong", "a call, a key once it was mended")
        }
    }
}

/// A status of Toss, or that it is none we know.
pub(super) fn status_words(status: &str) -> String {
    if status == "SOMETHING_NEW" {
        "a status that we do not know".to_owned()
    } else {
        format!("`{status}`")
    }
}

/// What a look-up of a cancel may show.
pub(super) fn picture_words(picture: &str) -> &str {
    match picture {
        "our cancel" => "our cancel, with its amount",
        "our cancel twice" => "two cancels with our tag",
        "another, same amount" => "a cancel of this amount without our tag",
        "another, little left" => "a cancel of the console that leaves less than ours needs",
        "nothing left" => "nothing left to cancel",
        "404" => "`absent`",
        other => other,
    }
}

/// When a pace is used.
pub(super) const fn pace_use(pace: Pace) -> &'static str {
    match pace {
        Pace::Now => "goes on at once",
        Pace::Unsent => "after a call that could not be sent",
        Pace::ConfirmResend => "before a confirm is sent again",
        Pace::ConfirmInProgress => "while Toss still works on a confirm (409)",
        Pace::CancelResend => "before a cancel is sent again",
        Pace::LookUp => "before a look-up",
        Pace::Throttled => "after too many requests",
        Pace::Limited => "after Toss's limiter for one payment",
        Pace::BankHours => "until a bank opens",
    }
}

/// What a reason means, and what to do about it.
pub(super) const fn review_words(reason: ReviewReason) -> (&'static str, &'static str) {
    match reason {
        ReviewReason::Setup => (
            "Toss refused our key, contract or request",
            "mend the key or contract, then retry; a look-up comes first by itself",
        ),
        ReviewReason::AnswerMismatch => (
            "Toss answered with another order, key, amount or currency",
            "compare the payment in Toss's console with the order; look up again; tell Toss",
        ),
        ReviewReason::UnexpectedState => (
            "Toss shows a state that nothing of ours explains",
            "see in Toss's console who did what; look up again afterwards",
        ),
        ReviewReason::AmbiguousCancels => (
            "cancels at Toss cannot be told apart",
            "see in Toss's console which of them was ours; do not cancel again before that is clear",
        ),
        ReviewReason::KeysUsedUp => (
            "every try was answered with an error, and nothing was done",
            "read the code of the last attempt; discard it (its keys are spent) and ask for a new cancel",
        ),
        ReviewReason::GaveUp => (
            "it was tried for as long as makes sense",
            "retry it: that looks once more; if nothing went back, discard it and ask for a new cancel",
        ),
        ReviewReason::LookUpUnanswered => (
            "look-ups have stayed unanswered for an hour",
            "check the connection to Toss and Toss's status page; nothing else needs doing, the looking goes on",
        ),
        ReviewReason::CrashLoop => (
            "three claims in a row never finished",
            "read the workers' logs before a retry: this job may be killing them",
        ),
        ReviewReason::Absent => (
            "Toss does not know a payment that should be there",
            "check that the merchant's key is the one the payment was made with",
        ),
        ReviewReason::KeysMissing => (
            "the keys that the payment is pinned to are not configured",
            "give them back to the configuration: the job goes on by itself",
        ),
        ReviewReason::LateApproval => (
            "the money was taken after the order had been given up",
            "see that it was given back, or that the order goes ahead",
        ),
        ReviewReason::DepositReversed => (
            "the customer's deposit went back after the order had been paid with it",
            "hold the order back until the money is there again",
        ),
        ReviewReason::LeftBehind => (
            "the payment is past its time, no job of it is under way, and a look-up did not help",
            "look at its attempts and at Toss's console; have it looked up again",
        ),
    }
}
