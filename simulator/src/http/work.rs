//! The work behind the calls of the API, and the faults that sit in its place.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Call, Endpoint};
use crate::codes;
use crate::faults::{FaultKind, FaultRequest};
use crate::merchant::Merchant;
use crate::payment::Payment;
use crate::payment::cancel::CancelRequest;
use crate::payment::confirm::{ConfirmPath, ConfirmRequest};
use crate::payment::direct::{AccountRequest, KeyInRequest};
use crate::payment::view::{PaymentView, Rendering, add_unknown_values};
use crate::refusal::Refusal;
use crate::transactions;
use crate::world::World;

/// Carries out a call; the body of the good answer.
///
/// # Errors
/// Toss's refusal, or the one that `fault` scripts.
pub(crate) fn work(
    world: &mut World,
    pause: Duration,
    call: &Call,
    merchant: &Merchant,
    fault: Option<&FaultRequest>,
) -> Result<String, Refusal> {
    if let Some(refusal) = fault.and_then(refusal_before) {
        return Err(refusal);
    }
    let done = carry_out(world, pause, call, merchant, fault)?;
    if let Some(refusal) = fault.and_then(refusal_after) {
        return Err(refusal);
    }
    render(world, call, merchant, done, fault)
}

/// What a call did: its answer shows a payment, or is something else altogether.
enum Done {
    Payment(String),
    Other(Value),
}

fn carry_out(
    world: &mut World,
    pause: Duration,
    call: &Call,
    merchant: &Merchant,
    fault: Option<&FaultRequest>,
) -> Result<Done, Refusal> {
    let body = || call.json.as_ref().map_err(Refusal::clone);
    let (now, language) = (world.now(), call.language);
    let provider_codes = world.settings().provider_codes;
    let rendering = Rendering { now, language, origin: &call.origin, provider_codes };
    let payment_key = match call.endpoint {
        Endpoint::Confirm => confirm(world, call, ConfirmPath::Current, merchant, fault)?,
        Endpoint::ConfirmByPath => confirm(world, call, ConfirmPath::ByKey, merchant, fault)?,
        Endpoint::ConfirmBrandpay => confirm(world, call, ConfirmPath::Brandpay, merchant, fault)?,
        Endpoint::KeyIn => {
            let request = KeyInRequest::parse(body()?)?;
            world.pay_by_key_in(merchant, request, fault.and_then(declined))?
        }
        Endpoint::IssueAccount => world.issue_account(merchant, AccountRequest::parse(body()?)?)?,
        Endpoint::Cancel => {
            let request = CancelRequest::parse(body()?)?;
            let payment_key = call.payment_key.clone().unwrap_or_default();
            world.cancel(merchant, &payment_key, &request, pause)?;
            payment_key
        }
        Endpoint::LookUp => call.payment_key.clone().unwrap_or_default(),
        Endpoint::LookUpByOrder => {
            let found = world.approved_of_order(merchant, call.order_id.as_deref().unwrap_or(""));
            found.map(|payment| payment.payment_key.clone()).unwrap_or_default()
        }
        Endpoint::Transactions => {
            let page = transactions::transactions(world, merchant, &call.query, rendering)?;
            return other(page);
        }
        Endpoint::Settlements => return other(transactions::settlements(&call.query)?),
        Endpoint::RequestSettlement => {
            let key = body()?.get("paymentKey").and_then(Value::as_str).unwrap_or("");
            let payment = world.payments.find_own(merchant, key);
            payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
            return other(json!({"result": true}));
        }
        Endpoint::CashReceipts => {
            let page = world.cash_receipts.page(merchant, &call.query, now, &call.origin)?;
            return other(page);
        }
        Endpoint::IssueCashReceipt => {
            let receipt = world.cash_receipts.issue(merchant, body()?, now)?;
            return other(receipt.view(now, &call.origin));
        }
        Endpoint::CancelCashReceipt => {
            let key = call.receipt_key.as_deref().unwrap_or("");
            // Source: Toss, everything in this body is optional; a client may send none at all.
            let nothing = json!({});
            let body = if call.body.is_empty() { &nothing } else { body()? };
            let receipt = world.cash_receipts.cancel(merchant, key, body, now)?;
            return other(receipt.view(now, &call.origin));
        }
    };
    Ok(Done::Payment(payment_key))
}

fn other<T: Serialize>(answer: T) -> Result<Done, Refusal> {
    serde_json::to_value(answer).map(Done::Other).map_err(|_| Refusal::new(codes::UNKNOWN_ERROR))
}

fn confirm(
    world: &mut World,
    call: &Call,
    path: ConfirmPath,
    merchant: &Merchant,
    fault: Option<&FaultRequest>,
) -> Result<String, Refusal> {
    let body = call.json.as_ref().map_err(Refusal::clone)?;
    let request = ConfirmRequest::parse(body, path, call.payment_key.as_deref())?;
    world.check_confirm(merchant, &request)?;
    world.confirm(&request.payment_key, fault.and_then(declined))?;
    Ok(request.payment_key)
}

/// The refusal of an institution that a fault scripts.
fn declined(fault: &FaultRequest) -> Option<Refusal> {
    let code = fault.code.as_deref().unwrap_or("REJECT_CARD_COMPANY");
    (fault.kind == FaultKind::Decline).then(|| Refusal::named(code, fault.status))
}

/// The refusal of a fault that answers instead of the work.
fn refusal_before(fault: &FaultRequest) -> Option<Refusal> {
    if fault.kind == FaultKind::ServerErrorBefore {
        return Some(server_error(fault));
    }
    (fault.kind == FaultKind::AnswerCode && !fault.after_charge).then(|| coded(fault))
}

/// The refusal of a fault that answers although the work was done.
fn refusal_after(fault: &FaultRequest) -> Option<Refusal> {
    if fault.kind == FaultKind::ServerErrorAfter {
        return Some(server_error(fault));
    }
    (fault.kind == FaultKind::AnswerCode && fault.after_charge).then(|| coded(fault))
}

fn server_error(fault: &FaultRequest) -> Refusal {
    let code = fault.code.as_deref().unwrap_or("FAILED_INTERNAL_SYSTEM_PROCESSING");
    let refusal = Refusal::named(code, fault.status);
    // A code that Toss answers with 4xx, or does not have, is a server error here all the same.
    if refusal.status() < 500 { Refusal::named(code, Some(500)) } else { refusal }
}

fn coded(fault: &FaultRequest) -> Refusal {
    Refusal::named(fault.code.as_deref().unwrap_or("UNKNOWN_ERROR"), fault.status)
}

fn render(
    world: &World,
    call: &Call,
    merchant: &Merchant,
    done: Done,
    fault: Option<&FaultRequest>,
) -> Result<String, Refusal> {
    let unserializable = |_| Refusal::new(codes::UNKNOWN_ERROR);
    let is_unknown = fault.is_some_and(|fault| fault.kind == FaultKind::UnknownValues);
    let is_unknown = is_unknown || world.settings().unknown_values;
    let view = match &done {
        Done::Payment(payment_key) => {
            let payment = world.payments.find_own(merchant, payment_key);
            let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
            payment_view(world, call, payment, fault)
        }
        Done::Other(value) if !is_unknown => return Ok(value.to_string()),
        Done::Other(value) => return Ok(with_unknown_values(value.clone()).to_string()),
    };
    if !is_unknown {
        return serde_json::to_string(&view).map_err(unserializable);
    }
    let mut value = serde_json::to_value(&view).map_err(unserializable)?;
    let nothing = Map::new();
    let merge = fault.and_then(|fault| fault.merge.as_ref()).unwrap_or(&nothing);
    add_unknown_values(&mut value, merge);
    serde_json::to_string(&value).map_err(unserializable)
}

fn payment_view(
    world: &World,
    call: &Call,
    payment: &Payment,
    fault: Option<&FaultRequest>,
) -> PaymentView {
    let rendering = Rendering {
        now: world.now(),
        language: call.language,
        origin: &call.origin,
        provider_codes: world.settings().provider_codes,
    };
    if fault.is_some_and(|fault| fault.kind == FaultKind::WrongPayment) {
        return PaymentView::of_another_order(payment, rendering);
    }
    PaymentView::of(payment, rendering)
}

/// A field of the future in an object, or in each object of a list.
fn with_unknown_values(mut answer: Value) -> Value {
    let add = |value: &mut Value| {
        if let Some(fields) = value.as_object_mut() {
            fields.insert("futureField".to_owned(), json!({"nested": [1, "two", null]}));
        }
    };
    add(&mut answer);
    answer.as_array_mut().into_iter().flatten().for_each(add);
    answer
}
