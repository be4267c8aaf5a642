//! The way to Toss: one client per pair of keys, and a recorded attempt as the only ticket to a call.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use domain::Won;
use domain::answer::{Answer, Failure, FailureClass};
use store::{AttemptResult, Call, KeyPairId, StartedAttempt};
use toss::{CallResult, CancelCall, ConfirmCall, TossClient};
use tracing::Instrument as _;

use crate::meters;
use crate::trace::AttemptTrace;

/// A client for each pair of keys that this worker has.
#[derive(Debug, Clone, Default)]
pub struct Gateways {
    by_pair: HashMap<KeyPairId, TossClient>,
    known: Arc<HashSet<KeyPairId>>,
}

impl Gateways {
    /// Clients by the pair of keys that each calls with.
    #[must_use]
    pub fn new(by_pair: HashMap<KeyPairId, TossClient>) -> Gateways {
        let known = Arc::new(by_pair.keys().cloned().collect());
        Gateways { by_pair, known }
    }

    /// The pairs that there are clients for.
    #[must_use]
    pub fn key_pairs(&self) -> Arc<HashSet<KeyPairId>> {
        Arc::clone(&self.known)
    }

    /// The merchants that there are keys for, each as often as it has pairs.
    pub(crate) fn merchants(&self) -> impl Iterator<Item = &str> {
        self.by_pair.keys().map(|pair| pair.merchant.as_str())
    }

    /// Each merchant with the client of its newest pair, for calls that are no attempts: those that only ask. Every pair sees the same.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (&str, &TossClient)> {
        let merchants: BTreeSet<&str> = self.merchants().collect();
        merchants.into_iter().filter_map(|merchant| Some((merchant, self.client_of(merchant)?)))
    }

    /// The client of a merchant's newest pair; `None` for one that there are no keys for.
    #[must_use]
    pub fn client_of(&self, merchant: &str) -> Option<&TossClient> {
        let own = self.by_pair.iter().filter(|(pair, _)| pair.merchant == merchant);
        own.max_by_key(|(pair, _)| pair.number).map(|(_, client)| client)
    }

    /// Makes a recorded attempt. Never fails: what goes wrong is part of the result. The attempt is boxed: by itself it would take its
    /// room several times in the task that waits for the answer.
    pub async fn call(&self, attempt: Box<StartedAttempt>, trace: &AttemptTrace) -> AttemptResult {
        // The gate lets no attempt through whose keys the worker lacks.
        let Some(client) = self.by_pair.get(attempt.key_pair()) else {
            let message = format!("this worker does not have {}", attempt.key_pair());
            return unsent(*attempt, FailureClass::Broken, "KEYS_MISSING", &message);
        };
        let request_id = attempt.origin().request_id.as_deref();
        let client = client.on_behalf_of(&trace.context, request_id);
        match ask(&client, &attempt).instrument(trace.span.clone()).await {
            Some(result) => {
                let result = AttemptResult {
                    attempt: *attempt,
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
                *attempt,
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
        Call::LookUpOrder { order_id } => client.look_up_by_order(order_id).await,
        Call::Confirm { payment_key, order_id, amount, customer_key } => {
            let amount = Won::new(*amount).ok()?;
            let customer_key = customer_key.as_deref();
            let idempotency_key = attempt.idempotency_key()?;
            let call = ConfirmCall { payment_key, order_id, amount, customer_key, idempotency_key };
            client.confirm(&call).await
        }
        Call::Cancel {
            payment_key,
            reason,
            amount,
            refundable_amount,
            tax_free_amount,
            refund_account,
        } => {
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
                tax_free_amount: tax_free_amount.map(Won::new).transpose().ok()?,
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
