//! What the desk's forms do: each the same as a control call.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::chance::{Chance, ChanceFault};
use crate::codes;
use crate::faults::FaultRequest;
use crate::handle::Handle;
use crate::keys::MerchantKeys;
use crate::payment::amount::parse_digits;
use crate::refusal::Refusal;
use crate::webhooks::endpoints::NewWebhookEndpoint;

type Form = HashMap<String, String>;

fn given<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn needed<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    given(form, name).ok_or_else(|| Refusal::about(codes::INVALID_REQUEST, name))
}

fn number<T: std::str::FromStr>(form: &Form, name: &str) -> Result<Option<T>, Refusal> {
    let bad = |_| Refusal::about(codes::INVALID_REQUEST, name);
    given(form, name).map(str::parse).transpose().map_err(bad)
}

/// # Errors
/// The refusal of the control call, or 400 for a field that is missing or no number.
pub(super) fn act(handle: &Handle, action: &str, form: &Form) -> Result<(), Refusal> {
    match action {
        "clock" => handle.advance_clock_ms(number(form, "ms")?.unwrap_or(0)).map(drop),
        "deposit" => handle.deposit(needed(form, "paymentKey")?).map(drop),
        "reverse" => handle.reverse_deposit(needed(form, "paymentKey")?).map(drop),
        "cancel" => {
            let bad = || Refusal::about(codes::INVALID_REQUEST, "amount");
            let amount = given(form, "amount").map(|it| parse_digits(it).ok_or_else(bad));
            let key = needed(form, "paymentKey")?;
            handle.cancel_by_hand(key, amount.transpose()?, needed(form, "reason")?).map(drop)
        }
        "refund" => {
            let bad = |_| Refusal::about(codes::INVALID_REQUEST, "outcome");
            let outcome = serde_json::from_value(json!(needed(form, "outcome")?)).map_err(bad)?;
            handle.end_refund(needed(form, "paymentKey")?, outcome).map(drop)
        }
        "limit" => {
            let limit = number(form, "callsPerMinute")?;
            handle.switch(|settings| settings.calls_per_minute = limit).map(drop)
        }
        "add-fault" => handle.add_fault(fault(form)?).map(drop),
        "remove-fault" => handle.remove_fault(number(form, "sequence")?.unwrap_or(u64::MAX)),
        "clear-faults" => {
            handle.clear_faults();
            Ok(())
        }
        "add-chance" => add_chance(handle, form),
        "clear-chance" => handle.switch(|settings| settings.chance = None).map(drop),
        "switch" => turn(handle, needed(form, "name")?, needed(form, "value")? == "true"),
        "add-endpoint" => add_endpoint(handle, form),
        "remove-endpoint" => {
            handle.remove_webhook_endpoint(number(form, "id")?.unwrap_or(u64::MAX))
        }
        "resend" => handle.resend_webhook(needed(form, "id")?).map(drop),
        "add-merchant" => add_merchant(handle, form),
        "revoke-key" => handle.revoke_key(needed(form, "secretKey")?),
        _ => Err(Refusal::new(codes::NOT_FOUND_HTTP_METHOD)),
    }
}

/// Reads the fields that make a fault, as the control call reads JSON.
fn fault(form: &Form) -> Result<FaultRequest, Refusal> {
    let mut fields = Map::new();
    for name in ["orderId", "paymentKey", "operation", "kind", "code"] {
        if let Some(text) = given(form, name) {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    let is_everywhere = given(form, "orderId").or(given(form, "paymentKey")).is_none();
    fields.insert("everywhere".to_owned(), json!(is_everywhere));
    fields.insert("times".to_owned(), json!(number::<u32>(form, "times")?.unwrap_or(1)));
    if let Some(ms) = number::<u64>(form, "ms")? {
        fields.insert("ms".to_owned(), json!(ms));
    }
    let bad = |error: serde_json::Error| Refusal::about(codes::INVALID_REQUEST, &error.to_string());
    serde_json::from_value(Value::Object(fields)).map_err(bad)
}

fn add_chance(handle: &Handle, form: &Form) -> Result<(), Refusal> {
    let fault = fault(form)?;
    let fault = ChanceFault {
        kind: fault.kind,
        operation: fault.operation,
        percent: number(form, "percent")?.unwrap_or(0),
        code: fault.code,
        ms: fault.ms,
    };
    let seed = number(form, "seed")?.unwrap_or(0);
    let switched = handle.switch(|settings| {
        let mut faults = settings.chance.take().map(|chance| chance.faults).unwrap_or_default();
        faults.push(fault);
        settings.chance = Some(Chance { seed, faults });
    });
    switched.map(drop)
}

fn turn(handle: &Handle, name: &str, is_on: bool) -> Result<(), Refusal> {
    let change = match name {
        "mismatchForbidden" => {
            let code = if is_on { "FORBIDDEN_REQUEST" } else { "INVALID_REQUEST" };
            ("mismatchCode", json!(code))
        }
        name => (name, json!(is_on)),
    };
    let changes = Map::from_iter([(change.0.to_owned(), change.1)]);
    handle.change_settings(changes).map(drop)
}

fn add_endpoint(handle: &Handle, form: &Form) -> Result<(), Refusal> {
    let event = given(form, "event").map(|name| serde_json::from_value(json!(name))).transpose();
    let event = event.map_err(|_| Refusal::about(codes::INVALID_REQUEST, "event"))?;
    let new = NewWebhookEndpoint {
        url: needed(form, "url")?.to_owned(),
        events: event.into_iter().collect(),
        secret_key: given(form, "secretKey").map(str::to_owned),
    };
    handle.register_webhook(new).map(drop)
}

fn add_merchant(handle: &Handle, form: &Form) -> Result<(), Refusal> {
    let list = |name: &str| -> Vec<String> {
        let keys = given(form, name).unwrap_or_default().split(',').map(str::trim);
        keys.filter(|key| !key.is_empty()).map(str::to_owned).collect()
    };
    let keys = MerchantKeys {
        m_id: given(form, "mId").map(str::to_owned),
        secret_keys: list("secretKeys"),
        client_keys: list("clientKeys"),
    };
    handle.add_merchant(&keys).map(drop)
}
