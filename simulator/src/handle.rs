//! Steering a simulator from the same process. The paths under `/_sim` are this, over HTTP.

pub(crate) mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chance::Chance;
use crate::codes;
use crate::faults::{FaultRequest, WaitingFault};
use crate::idempotency::StoredKey;
use crate::keys::MerchantKeys;
use crate::ledger::LedgerEntry;
use crate::merchant::KeyId;
use crate::method::Method;
use crate::payment::account::RefundOutcome;
use crate::payment::session::NewPayment;
use crate::payment::{Payment, Status};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::state::Shared;
use crate::world::World;

/// A cheap, clonable handle on a simulator.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// A payment as made by [`Handle::create_payment`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedPayment {
    /// What the redirect would carry.
    pub payment_key: String,
    /// As asked for.
    pub order_id: String,
    /// Won.
    pub amount: i64,
    /// The merchant that the secret key stands for.
    pub m_id: String,
    /// How the buyer pays.
    pub method: Method,
    /// IN_PROGRESS: a confirm may follow.
    pub status: Status,
}

/// Which payments of the ledger to show; both given: those that match both.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerQuery {
    /// Only this payment.
    pub payment_key: Option<String>,
    /// Only payments of this order.
    pub order_id: Option<String>,
}

/// What time it is for the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockView {
    /// `2026-01-31T09:05:00+09:00`.
    pub now: String,
    /// How far it is ahead of real time, in milliseconds.
    pub offset_ms: i64,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Handle {
        Handle { shared }
    }

    /// Changes the world and keeps the change before telling of it. If it cannot be kept, the server stops; see
    /// [`crate::serve`].
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = self.shared.write(change);
        self.shared.keep();
        result
    }

    /// Makes an authenticated payment (IN_PROGRESS), as if the buyer had been through the payment window.
    ///
    /// # Errors
    /// The secret key is none, or a value is not allowed.
    pub fn create_payment(
        &self,
        secret_key: &str,
        new: NewPayment,
    ) -> Result<CreatedPayment, Refusal> {
        self.create_payment_of(KeyId::of_secret_key(secret_key)?, new)
    }

    pub(crate) fn create_payment_of(
        &self,
        key: KeyId,
        new: NewPayment,
    ) -> Result<CreatedPayment, Refusal> {
        let method = new.method.unwrap_or(Method::Card);
        self.change(|world| {
            let merchant = world.merchant_of(key)?;
            let payment_key = world.open(merchant, new, None)?;
            let now = world.now();
            let payment = world.payments.find_mut(&payment_key);
            let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
            payment.authenticate(method, now);
            Ok(created(payment))
        })
    }

    /// What was really charged and cancelled; the payments of one order newest first, all payments oldest first.
    pub fn ledger(&self, query: &LedgerQuery) -> Vec<LedgerEntry> {
        self.change(|world| {
            let keys = keys_asked_for(world, query);
            // What has run out shall show, so that the status is the one a look-up would see.
            keys.iter().for_each(|key| world.refresh(key));
            let payments = keys.iter().filter_map(|key| world.payments.find(key));
            payments.map(|payment| world.ledger_entry(payment)).collect()
        })
    }

    /// What was really charged and cancelled for one payment.
    pub fn ledger_of(&self, payment_key: &str) -> Option<LedgerEntry> {
        let payment_key = Some(payment_key.to_owned());
        self.ledger(&LedgerQuery { payment_key, order_id: None }).pop()
    }

    /// Scripts a fault behind those that wait already.
    ///
    /// # Errors
    /// The fault makes no sense, or too many wait.
    pub fn add_fault(&self, fault: FaultRequest) -> Result<WaitingFault, Refusal> {
        self.change(|world| world.faults.add(fault))
    }

    /// The waiting faults in the order in which they were scripted.
    pub fn faults(&self) -> Vec<WaitingFault> {
        self.shared.read(|world| world.faults.waiting())
    }

    /// Forgets all waiting faults; returns how many there were.
    pub fn clear_faults(&self) -> usize {
        self.change(|world| world.faults.clear())
    }

    /// Forgets one waiting fault, by its sequence.
    ///
    /// # Errors
    /// 404 if it does not wait any more.
    pub fn remove_fault(&self, sequence: u64) -> Result<(), Refusal> {
        self.change(|world| world.faults.remove(sequence))
    }

    /// Every switch.
    pub fn settings(&self) -> Settings {
        self.shared.read(|world| world.settings().clone())
    }

    /// Changes switches; they are all there afterwards.
    ///
    /// # Errors
    /// A fault by chance makes no sense.
    pub fn switch(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings, Refusal> {
        self.change(|world| {
            let mut settings = world.settings().clone();
            change(&mut settings);
            settings.chance.as_ref().map_or(Ok(()), Chance::check)?;
            world.switch(settings.clone());
            Ok(settings)
        })
    }

    pub(crate) fn change_settings(&self, changes: Map<String, Value>) -> Result<Settings, Refusal> {
        self.change(|world| {
            let settings = world.settings().with(changes)?;
            world.switch(settings.clone());
            Ok(settings)
        })
    }

    /// Gives keys to a merchant; its MID. Two secret keys without a name: the second replaces the first beside it.
    ///
    /// # Errors
    /// Something is no key or no name.
    pub fn add_merchant(&self, keys: &MerchantKeys) -> Result<String, Refusal> {
        self.change(|world| world.keys.give(keys).map(|merchant| merchant.m_id))
    }

    /// Merchants that keys were given to, with the number of their valid secret keys.
    pub fn merchants(&self) -> BTreeMap<String, usize> {
        self.shared.read(|world| world.keys.merchants())
    }

    /// Refuses a secret key from now on.
    ///
    /// # Errors
    /// It is no secret key.
    pub fn revoke_key(&self, secret_key: &str) -> Result<(), Refusal> {
        self.change(|world| world.keys.revoke(secret_key))
    }

    /// What is kept under idempotency keys, newest first, at most so many.
    pub fn idempotency(&self, count: usize) -> Vec<StoredKey> {
        self.shared.read(|world| world.idempotency.newest(count))
    }

    /// What time it is.
    pub fn clock(&self) -> ClockView {
        self.shared.read(clock_view)
    }

    /// Moves the clock forward.
    ///
    /// # Errors
    /// It would leave the years 2000–2199.
    pub fn advance_clock(&self, by: Duration) -> Result<ClockView, Refusal> {
        self.advance_clock_ms(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
    }

    pub(crate) fn advance_clock_ms(&self, ms: i64) -> Result<ClockView, Refusal> {
        self.change(|world| {
            let moved = world.clock.advance_ms(ms);
            moved.map_err(|_| Refusal::about(codes::INVALID_REQUEST, "advance_ms"))?;
            world.refresh_all();
            Ok(clock_view(world))
        })
    }

    /// Sets the clock to an RFC 3339 instant; it goes on running from there.
    ///
    /// # Errors
    /// It is no such instant, or outside of the years 2000–2199.
    pub fn set_clock(&self, now: &str) -> Result<ClockView, Refusal> {
        self.change(|world| {
            let moved = world.clock.set_rfc3339(now);
            moved.map_err(|_| Refusal::about(codes::INVALID_DATE, "now"))?;
            world.refresh_all();
            Ok(clock_view(world))
        })
    }

    /// The buyer pays into the virtual account.
    ///
    /// # Errors
    /// No such payment, or no deposit is awaited.
    pub fn deposit(&self, payment_key: &str) -> Result<LedgerEntry, Refusal> {
        self.change(|world| {
            world.deposit(payment_key)?;
            entry(world, payment_key)
        })
    }

    /// The bank takes the deposit back: the payment waits for it again.
    ///
    /// # Errors
    /// No such payment, or there is no whole deposit.
    pub fn reverse_deposit(&self, payment_key: &str) -> Result<LedgerEntry, Refusal> {
        self.change(|world| {
            world.reverse_deposit(payment_key)?;
            entry(world, payment_key)
        })
    }

    /// Decides how the refunds of a payment to the buyer's account end. They go well two days later if nobody does.
    ///
    /// # Errors
    /// No such payment, or nothing was given back to an account.
    pub fn end_refund(
        &self,
        payment_key: &str,
        outcome: RefundOutcome,
    ) -> Result<LedgerEntry, Refusal> {
        self.change(|world| {
            world.end_refund(payment_key, outcome)?;
            entry(world, payment_key)
        })
    }

    /// Somebody cancels by hand in Toss's merchant console; None cancels all that is left. Amount in won.
    ///
    /// # Errors
    /// No such payment, or the cancel breaks a rule of Toss.
    pub fn cancel_by_hand(
        &self,
        payment_key: &str,
        amount: Option<i64>,
        reason: &str,
    ) -> Result<LedgerEntry, Refusal> {
        self.change(|world| {
            world.cancel_by_hand(payment_key, amount, reason)?;
            entry(world, payment_key)
        })
    }
}

fn keys_asked_for(world: &World, query: &LedgerQuery) -> Vec<String> {
    let key_of = |payment: &Payment| payment.payment_key.clone();
    match (&query.payment_key, &query.order_id) {
        (Some(key), order_id) => {
            let payment = world.payments.find(key);
            let is_of_order = |it: &&Payment| order_id.as_ref().is_none_or(|id| *id == it.order_id);
            payment.filter(is_of_order).map(key_of).into_iter().collect()
        }
        (None, Some(order_id)) => world.payments.of_order(order_id).map(key_of).collect(),
        (None, None) => world.payments.all().map(|payment| key_of(payment)).collect(),
    }
}

fn entry(world: &World, payment_key: &str) -> Result<LedgerEntry, Refusal> {
    let payment = world.payments.find(payment_key);
    payment.map(|it| world.ledger_entry(it)).ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))
}

fn clock_view(world: &World) -> ClockView {
    ClockView { now: world.now().to_kst(), offset_ms: world.clock.offset_ms }
}

fn created(payment: &Payment) -> CreatedPayment {
    CreatedPayment {
        payment_key: payment.payment_key.clone(),
        order_id: payment.order_id.clone(),
        amount: payment.amount,
        m_id: payment.merchant.m_id.clone(),
        method: payment.method,
        status: payment.status,
    }
}
