//! What a worker measures: what it claims, what its calls bring, what is settled. Labels are words of `domain` and nothing else.

use std::time::Duration;

use domain::answer::{Answer, FailureClass};
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use store::bulk::ItemOutcome;
use store::{AttemptResult, Claimed, Settled};

use crate::trace::next_word;

const CLAIMS: &str = "seungin_claims_total";
const ATTEMPTS: &str = "seungin_attempts_total";
const CALL_SECONDS: &str = "seungin_toss_call_duration_seconds";
const BULK_ITEMS: &str = "seungin_bulk_items_total";
const SETTLEMENTS: &str = "seungin_settlements_total";

/// Says what they mean, to the recorder that is installed.
pub fn describe_metrics() {
    describe_counter!(
        CLAIMS,
        Unit::Count,
        "Deliveries that were claimed, by `outcome`: attempt (a call follows), concluded (it ended without one), not_now (early, ended, held back, or somebody else's), unknown (there is no such job)."
    );
    describe_counter!(
        ATTEMPTS,
        Unit::Count,
        "Attempts whose outcome is known, by `operation` and `class`: payment for a readable payment, else the failure's class."
    );
    describe_histogram!(
        CALL_SECONDS,
        Unit::Seconds,
        "Time of a call to Toss, answered or not, by `operation`. Calls that could not even be sent are left out: they would look like fast ones."
    );
    describe_counter!(
        SETTLEMENTS,
        Unit::Count,
        "Outcomes that were written to the database, by what became of the job (`next`): succeeded, declined, void, parked, waiting, kept when the claim was over, or recorded when it had been written before."
    );
    describe_counter!(
        BULK_ITEMS,
        Unit::Count,
        "Jobs of bulk runs whose turn came, by what became of them (`state`): done, refused by the rules, or failed because the database does not take them."
    );
}

/// A delivery was claimed.
pub(crate) fn claimed(one: &Claimed) {
    let outcome = match one {
        Claimed::Attempt(_) => "attempt",
        Claimed::Concluded => "concluded",
        Claimed::NotNow => "not_now",
        Claimed::Unknown => "unknown",
    };
    counter!(CLAIMS, "outcome" => outcome).increment(1);
}

/// A call to Toss came back, or did not.
pub(crate) fn called(result: &AttemptResult) {
    if matches!(&result.answer, Answer::Failure(failure) if failure.class == FailureClass::Unsent) {
        return;
    }
    let took = Duration::from_millis(u64::try_from(result.duration_ms).unwrap_or(0));
    histogram!(CALL_SECONDS, "operation" => result.attempt.operation().word()).record(took);
}

/// What an attempt brought is known, whether or not it was made.
pub(crate) fn attempted(result: &AttemptResult) {
    let class = match &result.answer {
        Answer::Payment(_) => "payment",
        Answer::Failure(failure) => failure.class.word(),
    };
    let operation = result.attempt.operation().word();
    counter!(ATTEMPTS, "operation" => operation, "class" => class).increment(1);
}

/// An outcome is written.
pub(crate) fn settled(one: &Settled) {
    counter!(SETTLEMENTS, "next" => next_word(one)).increment(1);
}

/// The turn of a job of a bulk run came.
pub(crate) fn bulk_item(outcome: ItemOutcome) {
    counter!(BULK_ITEMS, "state" => outcome.state().word()).increment(1);
}
