//! What the buyer chose in the window, and what follows from it.

use serde::Deserialize;

use crate::codes;
use crate::faults::{FaultKind, FaultRequest, Operation};
use crate::http::redirect::append_parameters;
use crate::method::Method;
use crate::refusal::{Language, Refusal};
use crate::world::World;

/// The faults that the window offers for the confirm that follows, by their names in the form.
pub(crate) const FAULTS: &[(&str, FaultKind)] = &[
    ("delay", FaultKind::Delay),
    ("cut_after", FaultKind::CutAfter),
    ("cut_before", FaultKind::CutBefore),
    ("server_error_after", FaultKind::ServerErrorAfter),
    ("server_error_before", FaultKind::ServerErrorBefore),
    ("in_progress", FaultKind::InProgress),
    ("unreadable", FaultKind::Unreadable),
    ("throttle", FaultKind::Throttle),
];
/// The failures that the window offers.
pub(crate) const FAILURES: &[codes::Code] = &[
    codes::REJECT_CARD_COMPANY,
    codes::REJECT_CARD_PAYMENT,
    codes::INVALID_STOPPED_CARD,
    codes::INVALID_CARD_EXPIRATION,
    codes::EXCEED_MAX_AMOUNT,
    codes::EXCEED_MAX_DAILY_PAYMENT_COUNT,
    codes::NOT_AVAILABLE_BANK,
    codes::PROVIDER_ERROR,
    codes::PAY_PROCESS_ABORTED,
];
pub(crate) const DELAY_SECONDS_DEFAULT: u64 = 5;
pub(crate) const DELAY_SECONDS_MAX: u64 = 120;

/// The window's form as posted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChoiceForm {
    action: String,
    method: String,
    fault: String,
    code: String,
    delay_seconds: String,
}

#[derive(Debug)]
pub(crate) enum Choice {
    Pay {
        method: Method,
        fault: Option<(FaultKind, u64)>,
    },
    /// Authenticated, but the institution will refuse the confirm.
    Decline {
        method: Method,
        code: &'static codes::Code,
    },
    /// Failed inside of the window.
    Abort,
    /// Closed by the buyer.
    Cancel,
}

impl ChoiceForm {
    /// # Errors
    /// 400 for an action, method, fault or code that the window does not have.
    pub(crate) fn check(&self) -> Result<Choice, Refusal> {
        let bad = |field: &str| Refusal::about(codes::INVALID_PARAMETERS, field);
        let method = || match self.method.as_str() {
            "" => Ok(Method::Card),
            name => Method::parse(name).ok_or_else(|| bad("method")),
        };
        match self.action.as_str() {
            "pay" => Ok(Choice::Pay { method: method()?, fault: self.fault()? }),
            "fail" if self.code == codes::PAY_PROCESS_ABORTED.name => Ok(Choice::Abort),
            "fail" => {
                let name = if self.code.is_empty() { "REJECT_CARD_COMPANY" } else { &self.code };
                let code = codes::find_code(name).ok_or_else(|| bad("code"))?;
                Ok(Choice::Decline { method: method()?, code })
            }
            "cancel" => Ok(Choice::Cancel),
            _ => Err(bad("action")),
        }
    }

    fn fault(&self) -> Result<Option<(FaultKind, u64)>, Refusal> {
        let bad = |field: &str| Refusal::about(codes::INVALID_PARAMETERS, field);
        let kind = match self.fault.as_str() {
            "" | "none" => return Ok(None),
            name => FAULTS.iter().find(|(own, _)| *own == name).ok_or_else(|| bad("fault"))?.1,
        };
        let seconds = match self.delay_seconds.as_str() {
            "" => DELAY_SECONDS_DEFAULT,
            text => text
                .parse()
                .ok()
                .filter(|seconds| (1..=DELAY_SECONDS_MAX).contains(seconds))
                .ok_or_else(|| bad("delay_seconds"))?,
        };
        Ok(Some((kind, seconds.saturating_mul(1_000))))
    }
}

/// Carries the choice out and returns the address the browser is sent to.
///
/// # Errors
/// There is no such payment window, or too many faults wait.
pub(crate) fn apply(
    world: &mut World,
    payment_key: &str,
    choice: Choice,
    language: Language,
) -> Result<String, Refusal> {
    let now = world.now();
    let payment = world.payments.find(payment_key);
    let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
    let window = payment.window.clone().ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
    let (order_id, amount) = (payment.order_id.clone(), payment.amount.to_string());
    let is_first = payment.authenticated_at.is_none();
    match choice {
        Choice::Pay { method, fault } => {
            if let Some((kind, ms)) = fault.filter(|_| is_first) {
                let request = FaultRequest::for_payment(payment_key, Operation::Confirm, kind);
                let is_delay = kind == FaultKind::Delay;
                world.faults.add(if is_delay { request.with_ms(ms) } else { request })?;
            }
            authenticate(world, payment_key, method, now);
        }
        Choice::Decline { method, code } => {
            let decline =
                FaultRequest::for_payment(payment_key, Operation::Confirm, FaultKind::Decline);
            world.faults.add(decline.with_code(code.name))?;
            authenticate(world, payment_key, method, now);
        }
        Choice::Abort => {
            let refusal = Refusal::new(codes::PAY_PROCESS_ABORTED);
            world.abort(payment_key, &refusal);
            let parameters = [
                ("code", refusal.code()),
                ("message", refusal.message(language)),
                ("orderId", &order_id),
            ];
            return Ok(append_parameters(&window.fail_url, &parameters));
        }
        Choice::Cancel => {
            // Source: Toss, a cancelled window has no orderId, and the payment stays READY.
            let refusal = Refusal::new(codes::PAY_PROCESS_CANCELED);
            let parameters = [("code", refusal.code()), ("message", refusal.message(language))];
            return Ok(append_parameters(&window.fail_url, &parameters));
        }
    }
    let parameters = [
        ("paymentKey", payment_key),
        ("orderId", &order_id),
        ("amount", &amount),
        ("paymentType", "NORMAL"),
    ];
    Ok(append_parameters(&window.success_url, &parameters))
}

fn authenticate(world: &mut World, payment_key: &str, method: Method, now: crate::clock::Moment) {
    if let Some(payment) = world.payments.find_mut(payment_key) {
        payment.authenticate(method, now);
    }
}
