//! The floor's statements, each a transaction of its own: what of the product's rows a minimal program has to read and write for a
//! confirm. It writes to the product's own tables, so that rows and indexes cost both the same.
//!
//! What the product does beyond them: saying why it does not accept a confirm and reading the order back, an attempt row before the
//! call, the order's version, the gate, and telling those who wait.

/// Now, in milliseconds since 1970, by the database's clock, as the product writes it.
macro_rules! now {
    () => {
        "(extract(epoch from clock_timestamp()) * 1000)::bigint"
    };
}

/// Accepts a confirm: `$1` the order, `$2` the payment key, `$3` the amount, `$4` the job's id. Writes payment, job and the order's state;
/// no row if the order does not exist, costs something else, or cannot be paid. A payment key that another order has is an error.
pub(crate) const ACCEPT: &str = concat!(
    "WITH placed AS (UPDATE orders SET state = 'paying', version = version + 1, updated_at = ",
    now!(),
    " WHERE id = $1::text AND amount = $3::bigint AND state = 'open' AND pay_by > ",
    now!(),
    " RETURNING id, store_id, merchant, amount, key_pair, unrecorded_until, updated_at AS at),",
    " paid AS (INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by,",
    " money_job_id, next_cancel_at, version, updated_at, key_pair)",
    " SELECT id, store_id, $2::text, merchant, amount, 0, 'confirming', at, at + 600000, $4::text, 0, 1, at, key_pair FROM placed)",
    " INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,",
    " publications, rerun_wanted, created_at, updated_at, amount, unrecorded_until)",
    " SELECT $4::text, 'confirm', id, store_id, merchant, 'queued', 0, 1, at + 10000, at, 0, false, at, at, amount, unrecorded_until",
    " FROM placed",
);

/// Takes a queued job: `$1` its id, `$2` the worker. Gives order, claim, payment key, amount and when; nothing if it is not ours.
pub(crate) const CLAIM: &str = concat!(
    "UPDATE jobs SET state = 'running', claims = claims + 1, due_at = ",
    now!(),
    " + 20000, publications = 0, worker = $2::text, updated_at = ",
    now!(),
    " FROM payments WHERE jobs.id = $1::text AND jobs.state = 'queued' AND payments.order_id = jobs.order_id",
    " RETURNING jobs.order_id, jobs.claims, payments.payment_key, payments.amount, jobs.updated_at",
);

/// Ends a job whose money was taken, with its payment and its attempt: `$1` the job, `$2` its claim, `$3` method, `$4` approved at,
/// `$5` receipt, `$6` Toss's transaction, `$7` issuer, `$8` card number, `$9` the answer, `$10` idempotency key, `$11` the call's hash,
/// `$12` the call, `$13` begun at, `$14` milliseconds, `$15` HTTP status, `$16` the worker. Writes no row if the claim is another's.
pub(crate) const SETTLE: &str = concat!(
    "WITH ended AS (UPDATE jobs SET state = 'succeeded', publications = 0, updated_at = ",
    now!(),
    ", ended_at = ",
    now!(),
    " WHERE id = $1::text AND claims = $2::bigint AND state = 'running' RETURNING id, order_id, claims, merchant, ended_at),",
    " paid AS (UPDATE payments SET state = 'confirmed', balance = amount, toss_status = 'DONE', method = $3::text,",
    " approved_at = $4::bigint, receipt_url = $5::text, last_transaction_key = $6::text, card_issuer = $7::text,",
    " card_number = $8::text, card_installment_months = 0, is_partial_cancelable = true, tax_free_amount = 0,",
    " money_job_id = NULL, version = version + 1, updated_at = ended.ended_at",
    " FROM ended WHERE payments.order_id = ended.order_id)",
    " INSERT INTO attempts (job_id, number, order_id, claim, operation, key_generation, idempotency_key, call_hash, call,",
    " started_at, finished_at, duration_ms, http_status, verdict, answer, is_stale, worker, merchant)",
    " SELECT id, 1, order_id, claims, 'confirm', 1, $10::text, $11::text, $12::text, $13::bigint, ended_at, $14::bigint,",
    " $15::int, 'proven', $9::text, false, $16::text, merchant FROM ended",
);

/// How many parameters [`SETTLE`] has.
pub(crate) const SETTLE_PARAMETERS: usize = 16;

/// A statement with other words for its parameters: `$1` becomes the first of them, and so on.
pub(crate) fn with_words(statement: &str, words: &[String]) -> String {
    // From the end: `$1` is the beginning of `$16`.
    words.iter().enumerate().rev().fold(statement.to_owned(), |text, (index, word)| {
        text.replace(&format!("${}", index + 1), word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_not_taken_for_the_beginning_of_another() {
        let words: Vec<String> = (1..=16).map(|number| format!(":v{number}.")).collect();
        assert_eq!(with_words("$1, $16, $2, $11, $1", &words), ":v1., :v16., :v2., :v11., :v1.");
    }

    #[test]
    fn every_parameter_of_an_acceptance_is_used() {
        for number in 1..=4 {
            assert!(ACCEPT.contains(&format!("${number}::")), "${number}");
        }
        assert!(!ACCEPT.contains("$5"));
    }

    #[test]
    fn every_parameter_of_a_settlement_is_used_and_there_are_no_more() {
        let words: Vec<String> = (1..=SETTLE_PARAMETERS).map(|_| "?".to_owned()).collect();
        assert!(!with_words(SETTLE, &words).contains('$'));
        for number in 1..=SETTLE_PARAMETERS {
            assert!(SETTLE.contains(&format!("${number}::")), "${number}");
        }
    }
}
