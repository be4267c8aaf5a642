//! The work behind the four payment calls, and the faults that sit in its place.

use serde_json::{Value, json};

use super::pipeline::{Call, Endpoint};
use crate::Config;
use crate::codes;
use crate::faults::{FaultKind, FaultRequest};
use crate::merchant::Merchant;
use crate::payment::Payment;
use crate::payment::cancel::CancelRequest;
use crate::payment::confirm::ConfirmRequest;
use crate::payment::view::{PaymentView, Rendering};
use crate::refusal::Refusal;
use crate::world::World;

/// Carries out a call; the body of the good answer.
///
/// # Errors
/// Toss's refusal, or the one that `fault` scripts.
pub(crate) fn work(
    world: &mut World,
    config: &Config,
    call: &Call,
    merchant: &Merchant,
    fault: Option<&FaultRequest>,
) -> Result<String, Refusal> {
    if let Some(refusal) = fault.and_then(refusal_before) {
        return Err(refusal);
    }
    let payment_key = match call.endpoint {
        Endpoint::Confirm => confirm(world, config, call, merchant, fault)?,
        Endpoint::Cancel => cancel(world, config, call, merchant)?,
        Endpoint::LookUp => call.payment_key.clone().unwrap_or_default(),
        Endpoint::LookUpByOrder => {
            let found = world.approved_of_order(merchant, call.order_id.as_deref().unwrap_or(""));
            found.map(|payment| payment.payment_key.clone()).unwrap_or_default()
        }
    };
    if let Some(refusal) = fault.and_then(refusal_after) {
        return Err(refusal);
    }
    let payment = world.payments.find_own(merchant, &payment_key);
    let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
    let rendering = Rendering { now: world.now(), language: call.language, origin: &call.origin };
    render(payment, rendering, fault)
}

fn confirm(
    world: &mut World,
    config: &Config,
    call: &Call,
    merchant: &Merchant,
    fault: Option<&FaultRequest>,
) -> Result<String, Refusal> {
    let request = ConfirmRequest::parse(call.json.as_ref().map_err(Refusal::clone)?)?;
    world.check_confirm(merchant, &request, config.mismatch_code)?;
    let declined = fault.filter(|fault| fault.kind == FaultKind::Decline).map(|fault| {
        Refusal::named(fault.code.as_deref().unwrap_or("REJECT_CARD_COMPANY"), fault.status)
    });
    world.confirm(&request.payment_key, declined)?;
    Ok(request.payment_key)
}

fn cancel(
    world: &mut World,
    config: &Config,
    call: &Call,
    merchant: &Merchant,
) -> Result<String, Refusal> {
    let request = CancelRequest::parse(call.json.as_ref().map_err(Refusal::clone)?)?;
    let payment_key = call.payment_key.clone().unwrap_or_default();
    world.cancel(merchant, &payment_key, &request, config.consecutive_cancel_pause)?;
    Ok(payment_key)
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
    payment: &Payment,
    rendering: Rendering<'_>,
    fault: Option<&FaultRequest>,
) -> Result<String, Refusal> {
    let unserializable = |_| Refusal::new(codes::UNKNOWN_ERROR);
    let has = |kind| fault.is_some_and(|fault| fault.kind == kind);
    let view = if has(FaultKind::WrongPayment) {
        PaymentView::of_another_order(payment, rendering)
    } else {
        PaymentView::of(payment, rendering)
    };
    if !has(FaultKind::UnknownValues) {
        return serde_json::to_string(&view).map_err(unserializable);
    }
    let mut value = serde_json::to_value(&view).map_err(unserializable)?;
    add_unknown_values(&mut value, fault);
    serde_json::to_string(&value).map_err(unserializable)
}

/// What Toss may do any day without a new version: more fields, more values of an enumeration.
fn add_unknown_values(payment: &mut Value, fault: Option<&FaultRequest>) {
    let Some(fields) = payment.as_object_mut() else { return };
    fields.insert("futureField".to_owned(), json!({"nested": [1, "two", null], "amount": 0.5}));
    fields.insert("type".to_owned(), json!("FUTURE_TYPE"));
    fields.insert("method".to_owned(), json!("미래결제"));
    if let Some(card) = fields.get_mut("card").and_then(Value::as_object_mut) {
        card.insert("acquireStatus".to_owned(), json!("FUTURE_STATUS"));
        card.insert("futureField".to_owned(), json!(true));
    }
    if let Some(merge) = fault.and_then(|fault| fault.merge.as_ref()) {
        fields.extend(merge.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}
