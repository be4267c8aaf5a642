//! What an attempt asks of Toss: built once for an idempotency key, and byte for byte the same for every attempt under it.

use domain::Won;
use domain::attempt::Operation;
use domain::cancellation::tagged_reason;
use domain::job::JobKind;
use entities::{cancellation, payment};
use serde::{Deserialize, Serialize};

use crate::connection::Write;
use crate::error::StoreError;
use crate::rows;
use crate::scene::Scene;

/// What an attempt asks of Toss. The same for every attempt under one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Call {
    /// Take the money.
    Confirm {
        /// Toss's name of the payment.
        payment_key: String,
        /// The order that it is bound to.
        order_id: String,
        /// What the order costs, in won: never what the redirect said.
        amount: i64,
        /// Whom the window was told as its customer, for a confirm that names them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_key: Option<String>,
    },
    /// Give money back.
    Cancel {
        /// Toss's name of the payment.
        payment_key: String,
        /// Why, with our tag at the end.
        reason: String,
        /// How much, in won; `None` for all that is left.
        amount: Option<i64>,
        /// What we believe is left, in won: Toss refuses when it is not.
        refundable_amount: i64,
        /// How much of it is free of tax, in won, for an order that has such a part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tax_free_amount: Option<i64>,
        /// Where the money goes, sealed: for virtual accounts after their deposit only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund_account: Option<String>,
    },
    /// Ask what happened.
    LookUp {
        /// Toss's name of the payment.
        payment_key: String,
    },
    /// Ask how the order was paid, under whatever key.
    LookUpOrder {
        /// Toss's name of the order, which is ours.
        order_id: String,
    },
}

/// What a claimed job calls.
pub(crate) const fn operation_of(kind: JobKind, is_sent: bool) -> Operation {
    match kind {
        JobKind::Confirm if is_sent => Operation::Confirm,
        JobKind::Cancel if is_sent => Operation::Cancel,
        JobKind::Confirm | JobKind::Cancel | JobKind::LookUp => Operation::LookUp,
    }
}

/// What is sent: for a key that was used before, exactly what was sent then.
pub(crate) async fn call_of(
    write: &Write<'_>,
    scene: &Scene,
    operation: Operation,
) -> Result<Call, StoreError> {
    let payment_key = scene.payment.payment_key.clone();
    if operation == Operation::LookUp {
        return Ok(if scene.asks_for_order(write).await? {
            Call::LookUpOrder { order_id: scene.payment.order_id.clone() }
        } else {
            Call::LookUp { payment_key }
        });
    }
    if let Some(text) = scene.sent_before(write, operation).await? {
        let call = serde_json::from_str(&text).map_err(|_| StoreError::UnreadableRow {
            table: "attempts",
            id: scene.job.id.clone(),
            column: "call",
            value: "not a call".to_owned(),
        })?;
        return Ok(call);
    }
    let call = match &scene.cancellation {
        Some(cancel) => first_cancel_call(&scene.payment, cancel, payment_key)?,
        None => Call::Confirm {
            payment_key,
            order_id: scene.payment.order_id.clone(),
            amount: scene.payment.amount,
            customer_key: scene.payment.customer_key.clone(),
        },
    };
    Ok(call)
}

/// A whole refund goes out as a full cancel; everything else names its amount. What we believe is left always goes with it.
fn first_cancel_call(
    payment: &payment::Model,
    cancel: &cancellation::Model,
    payment_key: String,
) -> Result<Call, StoreError> {
    let amount: Won = rows::won("cancellations", &cancel.id, "amount", cancel.amount)?;
    let balance: Won = rows::won("payments", &payment.order_id, "balance", payment.balance)?;
    Ok(Call::Cancel {
        payment_key,
        reason: tagged_reason(&cancel.reason, &cancel.id),
        amount: (amount != balance).then_some(amount.get()),
        refundable_amount: balance.get(),
        tax_free_amount: cancel.tax_free_amount,
        refund_account: cancel.refund_account.clone(),
    })
}
