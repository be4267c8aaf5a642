//! What one operation changed in the world, in a form that can be stored and carried out again.
//!
//! Each part of the world notes what was touched; this file gathers it. Records are kept as they are after the change,
//! and changes are numbered, so that each is carried out exactly once on top of a snapshot that knows its own number.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cash_receipts::CashReceiptChange;
use crate::clock::Clock;
use crate::faults::changes::FaultChange;
use crate::idempotency::{Entry, Scope};
use crate::keys::Keys;
use crate::ledger::AccountChange;
use crate::payment::Payment;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::webhooks::WebhookChange;
use crate::webhooks::endpoints::Endpoints;
use crate::world::World;

/// Everything that one operation changed. Requests on their way, and the pause between two cancels, are not kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// 1 for the first of all; each is one more than the last.
    pub(crate) sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_offset_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forgotten_payments: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    payments: Vec<Arc<Payment>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<AccountChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forgotten_answers: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Arc<Entry>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    faults: Vec<FaultChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Keys>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoints: Option<Endpoints>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    webhooks: Vec<WebhookChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cash_receipts: Vec<CashReceiptChange>,
}

impl Change {
    fn is_empty(&self) -> bool {
        self.clock_offset_ms.is_none()
            && self.forgotten_payments.is_empty()
            && self.payments.is_empty()
            && self.accounts.is_empty()
            && self.forgotten_answers.is_empty()
            && self.answers.is_empty()
            && self.faults.is_empty()
            && self.settings.is_none()
            && self.keys.is_none()
            && self.endpoints.is_none()
            && self.webhooks.is_empty()
            && self.cash_receipts.is_empty()
    }

    /// Carries the change out on a world that is as it was before it.
    ///
    /// # Errors
    /// It adds a fault that makes no sense: it was not written by [`World::take_change`].
    pub(crate) fn redo(self, world: &mut World) -> Result<(), Refusal> {
        if let Some(offset_ms) = self.clock_offset_ms {
            world.clock = Clock::ahead_by_ms(offset_ms);
        }
        for payment_key in &self.forgotten_payments {
            world.payments.forget(payment_key);
            world.ledger.forget(payment_key);
        }
        self.payments.into_iter().for_each(|payment| world.payments.put_back(payment));
        self.accounts.into_iter().for_each(|account| world.ledger.redo(account));
        self.forgotten_answers.iter().for_each(|scope| world.idempotency.forget(scope));
        self.answers.into_iter().for_each(|entry| world.idempotency.put_back(entry));
        self.faults.into_iter().try_for_each(|fault| world.faults.redo(fault))?;
        if self.settings.is_some() {
            world.put_settings(self.settings);
        }
        if let Some(keys) = self.keys {
            world.keys = keys;
        }
        if let Some(endpoints) = self.endpoints {
            world.webhooks.endpoints.put_back(endpoints);
        }
        self.webhooks.into_iter().for_each(|change| world.webhooks.redo(change));
        self.cash_receipts.into_iter().for_each(|change| world.cash_receipts.redo(change));
        world.sequence = self.sequence;
        Ok(())
    }
}

impl World {
    /// What changed since the last call, under the next number; None if nothing did.
    pub(crate) fn take_change(&mut self) -> Option<Change> {
        let (payments, forgotten_payments) = self.payments.take_changes();
        let (answers, forgotten_answers) = self.idempotency.take_changes();
        let change = Change {
            sequence: self.sequence.saturating_add(1),
            clock_offset_ms: self.clock.take_change(),
            forgotten_payments,
            payments,
            accounts: self.ledger.take_changes(),
            forgotten_answers,
            answers,
            faults: self.faults.take_changes(),
            settings: self.take_settings(),
            keys: self.keys.take_change(),
            endpoints: self.webhooks.endpoints.take_change(),
            webhooks: self.webhooks.take_changes(),
            cash_receipts: self.cash_receipts.take_changes(),
        };
        if change.is_empty() {
            return None;
        }
        self.sequence = change.sequence;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::faults::{FaultKind, FaultRequest, Operation};
    use crate::idempotency::{Found, StoredAnswer};
    use crate::ledger::RecordedRequest;
    use crate::merchant::{KeyId, Merchant};
    use crate::method::Method;
    use crate::payment::cancel::CancelRequest;
    use crate::payment::session::NewPayment;
    use crate::state_file::Snapshot;
    use crate::webhooks::WebhookAttempt;
    use crate::webhooks::endpoints::NewWebhookEndpoint;

    fn merchant() -> Merchant {
        Merchant::of_secret_key("test_sk_a").expect("a merchant")
    }

    fn request(n: u8) -> RecordedRequest {
        RecordedRequest {
            at: String::new(),
            method: "POST".to_owned(),
            path: "/".to_owned(),
            idempotency_key: None,
            traceparent: None,
            request_id: None,
            body: json!({"n": n}),
            status: Some(200),
            replayed: false,
        }
    }

    fn answer_under(world: &mut World, n: u8) {
        let scope = Scope {
            key: (n % 5).to_string(),
            caller: KeyId::of_secret_key("test_sk_a").expect("a key"),
            method: "POST".to_owned(),
            path: "/".to_owned(),
        };
        if world.idempotency.find(&scope, world.now()) != Found::Nothing {
            return;
        }
        world.idempotency.begin(&scope, world.now());
        if !n.is_multiple_of(3) {
            let body = n.to_string();
            world
                .idempotency
                .store(&scope, StoredAnswer { status: 200, body, trace_id: "t".to_owned() });
        }
        world.idempotency.release(&scope);
    }

    /// Registers an address, or sends some of what is due with changing luck.
    fn tell_someone(world: &mut World, n: u8) {
        let url = format!("http://shop{}.example/", n % 3);
        let new = NewWebhookEndpoint { url, events: Vec::new(), secret_key: None };
        world.webhooks.endpoints.register(new, None).expect("registered");
        let now = world.now();
        for due in world.webhooks.take_due(now, usize::from(n % 4), |_| false) {
            let status = if n.is_multiple_of(2) { 200 } else { 500 };
            let attempt = WebhookAttempt { at: String::new(), status: Some(status), error: None };
            world.webhooks.finish(due.sequence, attempt, now);
        }
    }

    fn ask_for_cash_receipts(world: &mut World, n: u8) {
        let body = json!({
            "orderId": format!("order-{}", n % 5), "orderName": "주문", "amount": 100 + i64::from(n),
            "type": "소득공제", "customerIdentityNumber": "0100001234",
        });
        let now = world.now();
        if let Ok(receipt) = world.cash_receipts.issue(&merchant(), &body, now) {
            let view = receipt.view(now, "");
            let key = view["receiptKey"].as_str().expect("a key").to_owned();
            let part = json!({"amount": n});
            drop(world.cash_receipts.cancel(&merchant(), &key, &part, now));
        }
    }

    /// One operation of any kind; most refuse most of the time, which is no change.
    fn operate(world: &mut World, keys: &mut Vec<String>, kind: u8, n: u8) {
        let key = keys.get(usize::from(n) % keys.len().max(1)).cloned().unwrap_or_default();
        let by_hand = CancelRequest::by_hand("x", Some(i64::from(n) + 1));
        match kind % 14 {
            0 => {
                let method =
                    if n.is_multiple_of(2) { Method::Card } else { Method::VirtualAccount };
                let new = NewPayment::new("order-0001", "주문", 10_000);
                let key = world.open(merchant(), new, None).expect("room");
                let now = world.now();
                world.payments.find_mut(&key).expect("there").authenticate(method, now);
                keys.push(key);
            }
            1 => drop(world.confirm(&key, None)),
            2 => drop(world.cancel(&merchant(), &key, &by_hand, Duration::ZERO)),
            3 => drop(world.cancel_by_hand(&key, None, "x")),
            4 => drop(world.deposit(&key)),
            5 if !key.is_empty() => (0..n).for_each(|n| world.ledger.record(&key, request(n))),
            6 => answer_under(world, n),
            7 => {
                let fault = FaultRequest::for_order("o", Operation::Any, FaultKind::Throttle);
                world.faults.add(fault.times(u32::from(n % 3) + 1)).expect("room");
            }
            8 if n.is_multiple_of(8) => drop(world.faults.clear()),
            8 => drop(world.faults.take(None, Some("o"), Operation::Confirm, |_| false)),
            9 => drop(world.reverse_deposit(&key)),
            10 => tell_someone(world, n),
            11 => ask_for_cash_receipts(world, n),
            12 => {
                world.switch(Settings { store_5xx: n.is_multiple_of(2), ..Settings::default() });
                world.keys.revoke(&format!("test_sk_{n}")).expect("a key");
            }
            _ => {
                let days = i64::from(n % 20) * 86_400_000;
                world.clock.advance_ms(days).expect("moved");
                world.refresh(&key);
            }
        }
    }

    fn all_of(world: &World) -> Value {
        serde_json::to_value(Snapshot::of(world)).expect("JSON")
    }

    proptest! {
        #[test]
        fn the_changes_of_any_history_make_the_same_world(
            history in prop::collection::vec((any::<u8>(), any::<u8>()), 1..80),
            snapshot_after in 0..80_usize,
        ) {
            let (mut world, mut keys) = (World::default(), Vec::new());
            let (mut mirror, mut changes) = (World::default(), 0);
            for (at, (kind, n)) in history.into_iter().enumerate() {
                operate(&mut world, &mut keys, kind, n);
                let Some(change) = world.take_change() else { continue };
                changes += 1;
                let line = serde_json::to_string(&change).expect("JSON");
                let stored: Change = serde_json::from_str(&line).expect("readable");
                stored.redo(&mut mirror).expect("sensible");
                prop_assert!(mirror.take_change().is_none(), "redoing is no change");
                if at == snapshot_after {
                    let text = serde_json::to_string(&Snapshot::of(&mirror)).expect("JSON");
                    let snapshot: Snapshot = serde_json::from_str(&text).expect("readable");
                    mirror = snapshot.into_world().expect("sensible");
                }
            }
            prop_assert_eq!(mirror.sequence, changes);
            prop_assert_eq!(all_of(&mirror), all_of(&world));
        }
    }
}
