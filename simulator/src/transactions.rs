//! The transactions feed, one record for each thing that became of a payment, and the settlements, of which there are
//! none in a test environment.
//!
//! Source: Toss, transactions and settlements. The order of the records is not documented; here it is that of time.

use std::collections::HashMap;

use serde::Serialize;

use crate::clock::Moment;
use crate::codes;
use crate::limits::{TRANSACTIONS_PAGE_DEFAULT, TRANSACTIONS_PAGE_MAX};
use crate::merchant::Merchant;
use crate::payment::view::Rendering;
use crate::payment::{Payment, Record, Status};
use crate::refusal::Refusal;
use crate::world::World;

/// Toss's Transaction object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionView {
    m_id: String,
    transaction_key: String,
    payment_key: String,
    order_id: String,
    method: &'static str,
    customer_key: Option<String>,
    use_escrow: bool,
    receipt_url: String,
    status: Status,
    transaction_at: String,
    currency: &'static str,
    amount: i64,
}

type Query = HashMap<String, String>;

fn given<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

fn date(query: &Query, name: &str) -> Result<Moment, Refusal> {
    let text =
        given(query, name).ok_or_else(|| Refusal::about(codes::INVALID_REQUIRED_PARAM, name))?;
    Moment::parse_kst_local(text).ok_or_else(|| Refusal::about(codes::INVALID_DATE, name))
}

/// A page of the merchant's records between two instants, both included.
///
/// # Errors
/// 400 for a date that is missing or none, a limit above 5,000, and a cursor that is no record of the merchant.
pub(crate) fn transactions(
    world: &World,
    merchant: &Merchant,
    query: &Query,
    rendering: Rendering<'_>,
) -> Result<Vec<TransactionView>, Refusal> {
    // Source: Toss shows whole seconds, so the last second counts as a whole.
    let from = date(query, "startDate")?;
    let until = date(query, "endDate")?.plus_ms(999);
    if from > until {
        return Err(Refusal::about(codes::INVALID_DATE, "startDate"));
    }
    let limit = given(query, "limit").map_or(Ok(TRANSACTIONS_PAGE_DEFAULT), str::parse);
    let limit = limit.map_err(|_| Refusal::about(codes::INVALID_REQUEST, "limit"))?;
    if limit > TRANSACTIONS_PAGE_MAX {
        return Err(Refusal::new(codes::EXCEED_MAX_QUERY_LIMIT));
    }
    let own = world.payments.all().filter(|payment| payment.merchant == *merchant);
    let mut records: Vec<(&Payment, &Record)> = own
        .flat_map(|payment| payment.records.iter().map(|record| (payment.as_ref(), record)))
        .collect();
    // Stable: records of one moment stay in the order in which they came.
    records.sort_by_key(|(_, record)| record.at);
    let start = match given(query, "startingAfter") {
        None => 0,
        Some(cursor) => {
            let at = records.iter().position(|(_, record)| record.transaction_key == cursor);
            at.ok_or(Refusal::new(codes::INVALID_PAGING_KEY))?.saturating_add(1)
        }
    };
    let is_negative = world.settings().negative_cancels;
    let is_within = |(_, record): &&(&Payment, &Record)| from <= record.at && record.at <= until;
    let page = records.iter().skip(start).filter(is_within).take(limit);
    Ok(page.map(|(payment, record)| view(payment, record, rendering, is_negative)).collect())
}

fn view(
    payment: &Payment,
    record: &Record,
    rendering: Rendering<'_>,
    is_negative: bool,
) -> TransactionView {
    let is_cancel = matches!(record.status, Status::Canceled | Status::PartialCanceled);
    let is_negative = is_negative && is_cancel;
    TransactionView {
        m_id: payment.merchant.m_id.clone(),
        transaction_key: record.transaction_key.clone(),
        payment_key: payment.payment_key.clone(),
        order_id: payment.order_id.clone(),
        method: payment.method.display(rendering.language),
        customer_key: payment.brandpay_customer_key.clone(),
        use_escrow: payment.escrow,
        receipt_url: format!("{}/receipt/{}", rendering.origin, payment.payment_key),
        status: record.status,
        transaction_at: record.at.to_kst(),
        currency: "KRW",
        amount: if is_negative { record.amount.saturating_neg() } else { record.amount },
    }
}

/// Checks a query for settlements, of which there are none. Source: Toss, empty in the test environment.
///
/// # Errors
/// 400 for a date, a kind of date, a page or a size that is not allowed.
pub(crate) fn settlements(query: &Query) -> Result<[(); 0], Refusal> {
    let bad = |what: &str| Err(Refusal::about(codes::INVALID_REQUEST, what));
    if date(query, "startDate")? > date(query, "endDate")? {
        return Err(Refusal::about(codes::INVALID_DATE, "startDate"));
    }
    if !matches!(given(query, "dateType"), None | Some("soldDate" | "paidOutDate")) {
        return bad("dateType");
    }
    let number = |name: &str| given(query, name).map_or(Ok(1), str::parse::<usize>);
    match number("page") {
        Ok(1..) => {}
        Ok(0) | Err(_) => return bad("page"),
    }
    match number("size") {
        Ok(1..=TRANSACTIONS_PAGE_MAX) => Ok([]),
        Ok(_) => Err(Refusal::new(codes::EXCEED_MAX_QUERY_LIMIT)),
        Err(_) => bad("size"),
    }
}
