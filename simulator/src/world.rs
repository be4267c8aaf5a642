//! Everything the simulator remembers, and the operations on it. One mutex guards it; nothing here waits for anything.
//!
//! The state of the world is kept in parts that know nothing of each other (payments, ledger, idempotency store, faults,
//! clock); this file is where an operation touches several of them together.

mod direct;
mod telling;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::cash_receipts::CashReceipts;
use crate::clock::{Clock, Moment};
use crate::codes;
use crate::faults::Faults;
use crate::idempotency::Idempotency;
use crate::keys::Keys;
use crate::ledger::{Ledger, LedgerEntry};
use crate::merchant::{KeyId, Merchant};
use crate::payment::account::{Due, RefundOutcome};
use crate::payment::cancel::CancelRequest;
use crate::payment::confirm::ConfirmRequest;
use crate::payment::session::NewPayment;
use crate::payment::{Payment, Window};
use crate::payments::Payments;
use crate::rates::Rates;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::webhooks::Webhooks;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) payments: Payments,
    pub(crate) ledger: Ledger,
    pub(crate) idempotency: Idempotency,
    pub(crate) faults: Faults,
    pub(crate) keys: Keys,
    pub(crate) webhooks: Webhooks,
    pub(crate) cash_receipts: CashReceipts,
    /// What holds until somebody switches something.
    configured: Settings,
    /// What was switched, wholly in the place of what was configured.
    switched: Option<Settings>,
    are_settings_changed: bool,
    /// How many calls came that name no payment.
    pub(crate) unnamed_calls: u64,
    /// Where browsers reach the simulator, as far as that is known without a request.
    pub(crate) origin: String,
    /// The number of the last change that was taken with [`World::take_change`].
    pub(crate) sequence: u64,
    pub(crate) rates: Rates,
    /// Payments with a confirm or cancel on its way.
    busy: HashSet<String>,
    /// When each payment was last cancelled, in real time.
    cancelled_at: HashMap<String, Instant>,
}

impl World {
    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Lets the payment's time run out if it has. Must come before every other look at it.
    pub(crate) fn refresh(&mut self, payment_key: &str) {
        let now = self.now();
        // A confirm that was in time stays in time while it is being worked on.
        if self.busy.contains(payment_key) {
            return;
        }
        if self.payments.find(payment_key).is_some_and(|payment| payment.has_run_out(now))
            && let Some(payment) = self.payments.find_mut(payment_key)
        {
            payment.expire();
            self.tell(payment_key);
        }
    }

    /// Lets every payment's time run out that has.
    pub(crate) fn refresh_all(&mut self) {
        let now = self.now();
        let has_run_out = self.payments.all().filter(|payment| payment.has_run_out(now));
        let keys: Vec<String> = has_run_out.map(|payment| payment.payment_key.clone()).collect();
        keys.iter().for_each(|key| self.refresh(key));
    }

    pub(crate) fn configure(&mut self, settings: Settings) {
        self.configured = settings;
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.switched.as_ref().unwrap_or(&self.configured)
    }

    /// The settings, if they are other than those that were configured.
    pub(crate) fn switched(&self) -> Option<&Settings> {
        self.switched.as_ref()
    }

    /// Puts stored settings in place. Not a change.
    pub(crate) fn put_settings(&mut self, settings: Option<Settings>) {
        self.switched = settings;
    }

    pub(crate) fn switch(&mut self, settings: Settings) {
        if self.settings().reorder_webhooks && !settings.reorder_webhooks {
            let now = self.now();
            self.webhooks.release_waiting(now);
        }
        self.switched = Some(settings);
        self.are_settings_changed = true;
    }

    /// The settings, if they changed since the last call.
    pub(crate) fn take_settings(&mut self) -> Option<Settings> {
        if std::mem::take(&mut self.are_settings_changed) { self.switched.clone() } else { None }
    }

    /// # Errors
    /// 401 for a key that is not, or no longer, anybody's.
    pub(crate) fn merchant_of(&self, key: KeyId) -> Result<Merchant, Refusal> {
        self.keys.merchant_of(key, self.settings().known_keys_only)
    }

    /// # Errors
    /// 400 for a client key that is nobody's.
    pub(crate) fn merchant_of_client(&self, beside: KeyId) -> Result<Merchant, Refusal> {
        self.keys.merchant_of_client(beside, self.settings().known_keys_only)
    }

    /// Opens a session (READY); with `window`, one that a payment window shows.
    ///
    /// # Errors
    /// The first value that is not allowed; 429 if the store is full of unfinished payments.
    pub(crate) fn open(
        &mut self,
        merchant: Merchant,
        new: NewPayment,
        window: Option<Window>,
    ) -> Result<String, Refusal> {
        new.check()?;
        let now = self.now();
        let due = Due::parse(new.valid_hours, new.due_date.as_deref(), now)?;
        let payment = Payment { due, ..Payment::open(merchant, new, window, now) };
        let payment_key = payment.payment_key.clone();
        if let Some(evicted) = self.payments.add(payment, now)? {
            self.ledger.forget(&evicted);
            self.cancelled_at.remove(&evicted);
        }
        Ok(payment_key)
    }

    /// The newest payment with that order id that was approved, of that merchant.
    ///
    /// Source: Toss, a look-up by order finds approved payments only. Which of several is not documented.
    pub(crate) fn approved_of_order(
        &self,
        merchant: &Merchant,
        order_id: &str,
    ) -> Option<&Payment> {
        let is_own_and_approved =
            |payment: &&Payment| payment.merchant == *merchant && payment.approval.is_some();
        self.payments.of_order(order_id).find(is_own_and_approved)
    }

    /// The newest payment of an order, whoever's and in whatever state.
    pub(crate) fn newest_of_order(&self, order_id: &str) -> Option<&Payment> {
        self.payments.of_order(order_id).next()
    }

    /// Marks the payment as being worked on. False if it already is.
    pub(crate) fn occupy(&mut self, payment_key: &str) -> bool {
        self.busy.insert(payment_key.to_owned())
    }

    pub(crate) fn vacate(&mut self, payment_key: &str) {
        self.busy.remove(payment_key);
    }

    /// Checks a confirm for its merchant without doing it.
    ///
    /// # Errors
    /// 404 for a payment that is not the merchant's; else see [`Payment::check_confirm`].
    pub(crate) fn check_confirm(
        &self,
        merchant: &Merchant,
        request: &ConfirmRequest,
    ) -> Result<(), Refusal> {
        let payment = self.payments.find_own(merchant, &request.payment_key);
        let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
        payment.check_confirm(request, self.settings().mismatch_code)
    }

    /// Takes the money of a checked confirm, or aborts the payment if the institution refuses it.
    ///
    /// # Errors
    /// `declined`, if given, or the institution's own refusal; the payment is ABORTED then.
    pub(crate) fn confirm(
        &mut self,
        payment_key: &str,
        declined: Option<Refusal>,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let payment = self.payments.find_mut(payment_key);
        let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
        if let Some(refusal) = declined.or_else(|| payment.institution_refusal()) {
            payment.abort(&refusal);
            self.tell(payment_key);
            return Err(refusal);
        }
        if let Some(charged) = payment.approve(now) {
            self.ledger.account_mut(payment_key).charges.push(charged);
        }
        self.tell(payment_key);
        Ok(())
    }

    /// Gives money back, at most once per `pause` of real time for one payment.
    ///
    /// # Errors
    /// 404 for a payment that is not the merchant's, 403 for one that follows the last too closely; else see
    /// [`Payment::check_cancel`].
    pub(crate) fn cancel(
        &mut self,
        merchant: &Merchant,
        payment_key: &str,
        request: &CancelRequest,
        pause: Duration,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let payment = self.payments.find_own(merchant, payment_key);
        let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
        if self.cancelled_at.get(payment_key).is_some_and(|last| last.elapsed() < pause) {
            return Err(Refusal::new(codes::FORBIDDEN_CONSECUTIVE_REQUEST));
        }
        let checked = payment.check_cancel(request, now)?;
        self.cancelled_at.insert(payment_key.to_owned(), Instant::now());
        self.carry_out(payment_key, |payment| payment.cancel(checked, now));
        Ok(())
    }

    /// A cancel in the merchant console.
    ///
    /// # Errors
    /// As for a cancel through the API, but without its pause.
    pub(crate) fn cancel_by_hand(
        &mut self,
        payment_key: &str,
        amount: Option<i64>,
        reason: &str,
    ) -> Result<(), Refusal> {
        self.refresh(payment_key);
        let now = self.now();
        let payment = self.payments.find(payment_key);
        let payment = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?;
        let checked = payment.check_cancel_by_hand(amount, reason, now)?;
        self.carry_out(payment_key, |payment| payment.cancel(checked, now));
        Ok(())
    }

    fn carry_out(&mut self, payment_key: &str, cancel: impl FnOnce(&mut Payment) -> Option<i64>) {
        let refunded = self.payments.find_mut(payment_key).and_then(cancel);
        if let Some(amount) = refunded {
            self.ledger.account_mut(payment_key).refunds.push(amount);
        }
        self.tell(payment_key);
    }

    /// The payment failed inside of its window.
    pub(crate) fn abort(&mut self, payment_key: &str, refusal: &Refusal) {
        if let Some(payment) = self.payments.find_mut(payment_key) {
            payment.abort(refusal);
            self.tell(payment_key);
        }
    }

    /// The buyer pays into the virtual account.
    ///
    /// # Errors
    /// 404 for an unknown payment, 400 if no deposit is awaited.
    pub(crate) fn deposit(&mut self, payment_key: &str) -> Result<(), Refusal> {
        let now = self.now();
        let payment = self.payments.find_mut(payment_key);
        let deposited = payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?.deposit(now)?;
        self.ledger.account_mut(payment_key).charges.push(deposited);
        self.tell(payment_key);
        Ok(())
    }

    /// The bank takes the deposit back: it never was there.
    ///
    /// # Errors
    /// 404 for an unknown payment, 400 if there is no whole deposit.
    pub(crate) fn reverse_deposit(&mut self, payment_key: &str) -> Result<(), Refusal> {
        let now = self.now();
        let payment = self.payments.find_mut(payment_key);
        payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?.reverse_deposit(now)?;
        self.ledger.account_mut(payment_key).charges.pop();
        self.tell(payment_key);
        Ok(())
    }

    /// Decides how the refunds of a payment to the buyer's account end.
    ///
    /// # Errors
    /// 404 for an unknown payment, 400 if nothing was given back to an account.
    pub(crate) fn end_refund(
        &mut self,
        payment_key: &str,
        outcome: RefundOutcome,
    ) -> Result<(), Refusal> {
        let payment = self.payments.find_mut(payment_key);
        payment.ok_or(Refusal::new(codes::NOT_FOUND_PAYMENT))?.end_refund(outcome)
    }

    /// The truth about one payment.
    pub(crate) fn ledger_entry(&self, payment: &Payment) -> LedgerEntry {
        let account = self.ledger.account(&payment.payment_key).cloned().unwrap_or_default();
        LedgerEntry {
            payment_key: payment.payment_key.clone(),
            order_id: payment.order_id.clone(),
            m_id: payment.merchant.m_id.clone(),
            status: payment.status,
            charged: account.charged(),
            cancelled: account.cancelled(),
            charges: account.charges.len(),
            refunds: account.refunds,
            calls: account.calls,
            requests: account.requests.into(),
        }
    }
}
