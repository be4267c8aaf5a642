//! The way to Toss: one client per merchant, and a recorded attempt as the only ticket to a call.

use std::collections::HashMap;

use domain::Won;
use domain::answer::{Answer, Failure, FailureClass};
use store::{AttemptResult, Call, StartedAttempt};
use toss::{CallResult, CancelCall, ConfirmCall, TossClient};
use tracing::Instrument as _;

use crate::meters;
use crate::trace::AttemptTrace;

/// The clients of all merchants that this worker has keys for.
#[derive(Debug, Clone, Default)]
pub struct Gateways {
    by_merchant: HashMap<String, TossClient>,
}

impl Gateways {
    /// Clients by the merchant's name in the configuration.
    #[must_use]
    pub fn new(by_merchant: HashMap<String, TossClient>) -> Gateways {
        Gateways { by_merchant }
    }

    /// The merchants that there are keys for.
    pub(crate) fn merchants(&self) -> impl Iterator<Item = &str> {
        self.by_merchant.keys().map(String::as_str)
    }

    /// Makes a recorded attempt. Never fails: what goes wrong is part of the result.
    pub async fn call(&self, attempt: StartedAttempt, trace: &AttemptTrace) -> AttemptResult {
        let Some(client) = self.by_merchant.get(attempt.merchant()) else {
            let message = format!("this worker has no keys for merchant {}", attempt.merchant());
            return unsent(attempt, FailureClass::Broken, "MERCHANT_NOT_CONFIGURED", &message);
        };
        let request_id = attempt.origin().request_id.as_deref();
        let client = client.on_behalf_of(&trace.context, request_id);
        match ask(&client, &attempt).instrument(trace.span.clone()).await {
            Some(result) => {
                let result = AttemptResult {
                    attempt,
                    answer: result.answer,
                    http_status: result.http_status,
                    trace_id: result.trace_id,
                    body: result.body,
                    retry_after_ms: result.retry_after_ms,
                    duration_ms: result.duration_ms,
                };
                meters::called(&result);
                result
            }
            None => unsent(
                attempt,
                FailureClass::Broken,
                "UNSENDABLE_CALL",
                "the recorded call cannot be sent",
            ),
        }
    }
}

/// The call that the attempt records; `None` when its record makes no sense.
async fn ask(client: &TossClient, attempt: &StartedAttempt) -> Option<CallResult> {
    Some(match attempt.call() {
        Call::LookUp { payment_key } => client.look_up(payment_key).await,
        Call::Confirm { payment_key, order_id, amount } => {
            let amount = Won::new(*amount).ok()?;
            let idempotency_key = attempt.idempotency_key()?;
            client.confirm(&ConfirmCall { payment_key, order_id, amount, idempotency_key }).await
        }
        Call::Cancel { payment_key, reason, amount, refundable_amount, refund_account } => {
            // What the call needs must be there.
            let account = attempt.refund_account();
            if refund_account.is_some() != account.is_some() {
                return None;
            }
            let amount = amount.map(Won::new).transpose().ok()?;
            let refundable_amount = Won::new(*refundable_amount).ok()?;
            let idempotency_key = attempt.idempotency_key()?;
            let call = CancelCall {
                payment_key,
                reason,
                amount,
                refundable_amount,
                refund_account: account.map(|account| toss::RefundAccount {
                    bank: account.bank(),
                    account_number: account.number(),
                    holder_name: account.holder(),
                }),
                idempotency_key,
            };
            client.cancel(&call).await
        }
    })
}

/// The result of an attempt that was not made.
pub(crate) fn unsent(
    attempt: StartedAttempt,
    class: FailureClass,
    code: &str,
    message: &str,
) -> AttemptResult {
    AttemptResult {
        attempt,
        answer: Answer::Failure(Failure {
            class,
            code: code.to_owned(),
            message: message.to_owned(),
        }),
        http_status: None,
        trace_id: None,
        body: None,
        retry_after_ms: None,
        duration_ms: 0,
    }
}
