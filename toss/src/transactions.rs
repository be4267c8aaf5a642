//! The list of transactions: what Toss has on record for a merchant within a time, page by page. Not here: what a record means, which
//! `domain::reconcile` says.

use std::time::{Duration, Instant};

use domain::Won;
use domain::answer::{Failure, FailureClass, TossStatus};
use domain::limits::TRANSACTIONS_DEADLINE_MS;
use domain::reconcile::TossTransaction;
use hyper::Method;
use serde_json::{Map, Value};

use crate::answer::{UNREADABLE, read_failure};
use crate::client::TossClient;
use crate::codes::{classify_by, rules_of_transactions};
use crate::date::korean_time;
use crate::payment::{amount_unsigned, date, needed};
use crate::transport::{Body, Received};

/// Which records to list.
#[derive(Debug, Clone, Copy)]
pub struct TransactionsCall<'a> {
    /// Those from this instant on, in milliseconds UTC. Toss takes whole seconds.
    pub from_ms: i64,
    /// Those until this instant. Whether it is included, Toss does not say.
    pub to_ms: i64,
    /// Those behind the record with this transaction key, in Toss's own order; `None` for the first.
    pub starting_after: Option<&'a str>,
    /// How many, 1 to 5,000.
    pub limit: u32,
}

/// What a question for transactions brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionsResult {
    /// A page, or why there is none. The class says whether asking again can help.
    pub outcome: Result<TransactionPage, Failure>,
    /// The HTTP status, if one came.
    pub http_status: Option<u16>,
    /// Toss's name of the exchange, for its support.
    pub trace_id: Option<String>,
    /// How long the answer asks to wait, in milliseconds, at most an hour.
    pub retry_after_ms: Option<i64>,
}

/// A page of records, in no promised order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionPage {
    /// Those that name a payment.
    pub transactions: Vec<TossTransaction>,
    /// How many do not even say whose they are.
    pub unreadable: u32,
    /// The transaction key of the last record, behind which the next page starts; `None` on an empty page.
    pub last_key: Option<String>,
}

impl TossClient {
    /// Lists transactions. Moves nothing. It may take longer than other calls: more than a minute.
    ///
    /// Source: Toss core API, `GET /v1/transactions`; dates without an offset are Korean time.
    pub async fn transactions(&self, call: &TransactionsCall<'_>) -> TransactionsResult {
        let (Some(from), Some(to)) = (korean_time(call.from_ms), korean_time(call.to_ms)) else {
            let message = "nothing was sent: a time that no date can name".to_owned();
            return TransactionsResult::failed(failure(
                FailureClass::Broken,
                "UNSENDABLE_CALL",
                message,
            ));
        };
        let limit = call.limit.to_string();
        let mut query = vec![("startDate", from.as_str()), ("endDate", &to), ("limit", &limit)];
        query.extend(call.starting_after.map(|key| ("startingAfter", key)));
        let mut url = self.address("/v1/transactions");
        url.query_pairs_mut().extend_pairs(query);
        let request = self.request(Method::GET, &url, None);
        let started = Instant::now();
        let within = Duration::from_millis(TRANSACTIONS_DEADLINE_MS);
        let result = match self.exchange(request, within).await {
            Ok(received) => interpret(received),
            Err(failure) => TransactionsResult::failed(failure),
        };
        log(&result, started.elapsed());
        result
    }
}

impl TransactionsResult {
    fn failed(failure: Failure) -> TransactionsResult {
        TransactionsResult {
            outcome: Err(failure),
            http_status: None,
            trace_id: None,
            retry_after_ms: None,
        }
    }
}

fn failure(class: FailureClass, code: &str, message: String) -> Failure {
    Failure { class, code: code.to_owned(), message }
}

fn interpret(received: Received) -> TransactionsResult {
    let status = received.http_status;
    let outcome = match received.body {
        Body::Whole(bytes) => read(status, serde_json::from_slice(&bytes).ok().as_ref()),
        Body::TooLong => Err(unreadable(status, "the answer is longer than a mebibyte")),
        Body::Broken(failure) => Err(failure),
    };
    TransactionsResult {
        outcome,
        http_status: Some(status),
        trace_id: received.trace_id,
        retry_after_ms: received.retry_after_ms,
    }
}

fn read(status: u16, json: Option<&Value>) -> Result<TransactionPage, Failure> {
    match json {
        Some(Value::Array(records)) if (200..300).contains(&status) => read_page(status, records),
        Some(error) if !(200..300).contains(&status) => {
            let classify = |code: Option<&str>| classify_by(rules_of_transactions(), status, code);
            Err(read_failure(error, classify)
                .unwrap_or_else(|| unreadable(status, "no error of Toss")))
        }
        Some(_) | None => Err(unreadable(status, "the answer is no list")),
    }
}

fn unreadable(status: u16, why: &str) -> Failure {
    let class = classify_by(rules_of_transactions(), status, None);
    let code = if class == FailureClass::Throttled { "TOO_MANY_REQUESTS" } else { UNREADABLE };
    failure(class, code, format!("HTTP {status}: {why}"))
}

/// The records that can be read. Without the key of the last one nobody could ask for what is behind it: then nothing counts.
fn read_page(status: u16, records: &[Value]) -> Result<TransactionPage, Failure> {
    let mut page = TransactionPage::default();
    for record in records {
        match record.as_object().and_then(read_transaction) {
            Some(transaction) => page.transactions.push(transaction),
            None => page.unreadable = page.unreadable.saturating_add(1),
        }
    }
    let last = records.last().and_then(Value::as_object);
    page.last_key = last.and_then(|fields| needed(fields, "transactionKey").ok());
    if page.last_key.is_none() && !records.is_empty() {
        return Err(unreadable(status, "the last record has no key"));
    }
    Ok(page)
}

fn read_transaction(fields: &Map<String, Value>) -> Option<TossTransaction> {
    let status = needed(fields, "status").unwrap_or_default();
    let is_in_won = matches!(fields.get("currency"), None | Some(Value::Null))
        || fields.get("currency").and_then(Value::as_str) == Some("KRW");
    Some(TossTransaction {
        transaction_key: needed(fields, "transactionKey").ok()?,
        payment_key: needed(fields, "paymentKey").ok()?,
        status: TossStatus::from_word(&status),
        amount: amount_unsigned(fields, "amount").filter(|_: &Won| is_in_won),
        at_ms: date(fields, "transactionAt"),
    })
}

/// One line per call for those who ask for it.
fn log(result: &TransactionsResult, took: Duration) {
    let (records, code) = match &result.outcome {
        Ok(page) => (Some(page.transactions.len()), None),
        Err(failure) => (None, Some(failure.code.as_str())),
    };
    tracing::debug!(
        http_status = result.http_status,
        records,
        code,
        toss_trace_id = result.trace_id.as_deref(),
        duration_ms = took.as_millis(),
        "listed Toss's transactions"
    );
}

#[cfg(test)]
mod tests;
