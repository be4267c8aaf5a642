//! What follows a payment: cancelled in two steps, or declined; both end with a look into the
//! simulator's ledger, which knows what really happened.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Cancelled, Journey};
use crate::journey::narrator::won;
use crate::journey::views::{CancelView, CreatedOrder, OrderView, Problem};
use crate::journey::window::{self, Choice};

impl Journey<'_> {
    pub(super) async fn pay_and_cancel(
        &mut self,
        simulator: &str,
        order: &CreatedOrder,
    ) -> anyhow::Result<()> {
        let ticket = self.pay(simulator, order, Choice::Pay).await?;
        let paid = self.follow_to_end(order, &ticket, "confirm").await?;
        self.expect_status(&paid, &["paid"])?;
        ensure!(
            paid.balance == order.amount,
            "the balance is {}, not {}",
            paid.balance,
            order.amount
        );
        self.outcome.confirming = Some(self.step_began.elapsed());
        self.told(&paid.status_text);

        let part = (order.amount / 3).max(1);
        self.cancel(order, &ticket, "partial cancel", Some(part), part).await?;
        let rest = order.amount.saturating_sub(part);
        self.cancel(order, &ticket, "cancel the rest", None, rest).await?;

        self.begin("balance");
        let cancelled = self.follow_to_end(order, &ticket, "balance").await?;
        self.expect_status(&cancelled, &["cancelled"])?;
        ensure!(
            cancelled.balance == 0 && cancelled.cancelled_amount == order.amount,
            "the balance is {}, cancelled are {}",
            cancelled.balance,
            cancelled.cancelled_amount
        );
        self.told("nothing is left, the order is cancelled");

        self.begin("ledger");
        let ledger = self.ledger(simulator, order).await?;
        ensure!(ledger.payments.len() == 1, "{} payments, not 1", ledger.payments.len());
        let entry = ledger.payments.first().context("no payment")?;
        ensure!(
            entry.charges == 1 && entry.charged == order.amount,
            "charged {} times, {} in all, not once {}",
            entry.charges,
            entry.charged,
            order.amount
        );
        ensure!(
            entry.refunds == [part, rest] && entry.cancelled == order.amount,
            "given back {:?}, not {:?}",
            entry.refunds,
            [part, rest]
        );
        self.told("charged once, and the same given back");
        Ok(())
    }

    pub(super) async fn decline(
        &mut self,
        simulator: &str,
        order: &CreatedOrder,
        code: &str,
    ) -> anyhow::Result<()> {
        let ticket = self.pay(simulator, order, Choice::Decline(code)).await?;
        let failed = self.follow_to_end(order, &ticket, "confirm").await?;
        self.expect_status(&failed, &["failed"])?;
        let failure =
            failed.payment.and_then(|payment| payment.failure).context("no failure is shown")?;
        ensure!(failure.code == code, "the order failed with {}, not with {code}", failure.code);
        ensure!(!failure.message.is_empty(), "the customer is told nothing");
        self.outcome.confirming = Some(self.step_began.elapsed());
        self.told(&format!("{}: {}", failure.code, failure.message));

        self.begin("repeat");
        let again = window::go_through(&self.plan.http, simulator, order, Choice::Pay).await?;
        let payment_key = window::parameter(&again, "paymentKey").context("no paymentKey")?;
        let body = json!({"paymentKey": payment_key, "amount": order.amount});
        let path = format!("/v1/orders/{}/confirm", order.order_id);
        let refused = self.send(Method::POST, &path, Some(&order.access_token), &body).await?;
        let refused = refused.expect(StatusCode::CONFLICT)?;
        let problem: Problem = refused.json()?;
        self.told(&format!("another payment of this order is refused: {}", problem.code));

        self.begin("ledger");
        let ledger = self.ledger(simulator, order).await?;
        ensure!(
            ledger.payments.iter().all(|entry| entry.charges == 0 && entry.charged == 0),
            "something was charged: {:?}",
            ledger.payments
        );
        self.told("nothing was charged");
        Ok(())
    }

    /// Cancels, as staff, and waits until it is done.
    async fn cancel(
        &mut self,
        order: &CreatedOrder,
        ticket: &str,
        name: &'static str,
        amount: Option<u64>,
        expected: u64,
    ) -> anyhow::Result<()> {
        self.begin(name);
        let began = Instant::now();
        let mut body = json!({"reason": "seungin try"});
        if let (Some(amount), Some(fields)) = (amount, body.as_object_mut()) {
            fields.insert("amount".to_owned(), amount.into());
        }
        let url = self.url(&format!("/v1/orders/{}/cancels", order.order_id));
        let key = format!("{}-{}", order.order_id, if amount.is_some() { "part" } else { "rest" });
        let token = &self.plan.target.staff_token;
        let accepted = self.plan.http.send(Method::POST, &url, |request| {
            request.bearer_auth(token).header("Idempotency-Key", &key).json(&body)
        });
        let accepted: CancelView = accepted.await?.expect(StatusCode::ACCEPTED)?.json()?;
        ensure!(
            accepted.amount == expected,
            "{} are to be cancelled, not {expected}",
            accepted.amount
        );
        let is_done = |view: &OrderView| {
            let cancel = view.cancels.iter().find(|cancel| cancel.cancel_id == accepted.cancel_id);
            match cancel.map(|cancel| cancel.status.as_str()) {
                Some("done") => Ok(true),
                Some("requested" | "sending" | "unresolved") | None => Ok(false),
                Some(other) => Err(anyhow::anyhow!("the cancel is {other}")),
            }
        };
        let view = self.follow(order, ticket, is_done).await?;
        let took = began.elapsed();
        let url = format!("{url}/{}", accepted.cancel_id);
        let done = self.plan.http.send(Method::GET, &url, |request| request.bearer_auth(token));
        let done: CancelView = done.await?.expect(StatusCode::OK)?.json()?;
        ensure!(done.transaction_key.is_some(), "the cancel has no transaction key of Toss");
        self.outcome.cancels.push(Cancelled {
            cancel_id: accepted.cancel_id,
            amount: expected,
            took,
        });
        self.told(&format!("{}, balance {}", won(expected), won(view.balance)));
        Ok(())
    }
}
