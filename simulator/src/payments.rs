//! All payments, found by payment key, by order and by window; bounded.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::clock::Moment;
use crate::codes;
use crate::limits::PAYMENTS_MAX;
use crate::merchant::Merchant;
use crate::payment::Payment;
use crate::refusal::Refusal;

#[derive(Debug, Default)]
pub(crate) struct Payments {
    by_key: HashMap<String, Arc<Payment>>,
    /// Payment keys of an order id, oldest first, of all merchants.
    by_order: HashMap<String, Vec<String>>,
    by_window: HashMap<String, String>,
    oldest_first: VecDeque<String>,
    /// Keys of payments that came, went or may have changed since [`Payments::take_changes`].
    changed: BTreeSet<String>,
}

impl Payments {
    /// Payments in the order of their making.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Payment>> {
        self.oldest_first.iter().filter_map(|key| self.by_key.get(key))
    }

    /// Payments, the youngest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Payment> {
        self.oldest_first.iter().rev().filter_map(|key| self.find(key))
    }

    pub(crate) fn find(&self, payment_key: &str) -> Option<&Payment> {
        self.by_key.get(payment_key).map(Arc::as_ref)
    }

    pub(crate) fn find_mut(&mut self, payment_key: &str) -> Option<&mut Payment> {
        let payment = self.by_key.get_mut(payment_key)?;
        self.changed.insert(payment_key.to_owned());
        Some(Arc::make_mut(payment))
    }

    /// A payment of that merchant; another merchant's is not there. Source: Toss, keys see their own payments.
    pub(crate) fn find_own(&self, merchant: &Merchant, payment_key: &str) -> Option<&Payment> {
        self.find(payment_key).filter(|payment| payment.merchant == *merchant)
    }

    /// Every payment of an order, newest first, of all merchants.
    pub(crate) fn of_order(&self, order_id: &str) -> impl Iterator<Item = &Payment> {
        let keys = self.by_order.get(order_id).map(Vec::as_slice).unwrap_or_default();
        keys.iter().rev().filter_map(|key| self.find(key))
    }

    pub(crate) fn key_of_window(&self, window_id: &str) -> Option<&str> {
        self.by_window.get(window_id).map(String::as_str)
    }

    /// Adds a payment. Returns the key of the one that had to make room, if the store was full.
    ///
    /// # Errors
    /// 429 if it is full of payments that are not finished.
    pub(crate) fn add(&mut self, payment: Payment, now: Moment) -> Result<Option<String>, Refusal> {
        let evicted =
            if self.by_key.len() >= PAYMENTS_MAX { Some(self.evict_oldest(now)?) } else { None };
        self.changed.extend(evicted.clone());
        self.changed.insert(payment.payment_key.clone());
        self.put_back(Arc::new(payment));
        Ok(evicted)
    }

    /// The payments that changed since the last call, as they are now, and the keys of those that are gone.
    pub(crate) fn take_changes(&mut self) -> (Vec<Arc<Payment>>, Vec<String>) {
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for key in std::mem::take(&mut self.changed) {
            match self.by_key.get(&key) {
                Some(payment) => changed.push(Arc::clone(payment)),
                None => gone.push(key),
            }
        }
        (changed, gone)
    }

    /// Puts a stored payment in its place, over an older one with its key. Not a change.
    pub(crate) fn put_back(&mut self, payment: Arc<Payment>) {
        if let Some(older) = self.by_key.get_mut(&payment.payment_key) {
            *older = payment;
            return;
        }
        let key = payment.payment_key.clone();
        self.by_order.entry(payment.order_id.clone()).or_default().push(key.clone());
        if let Some(window) = &payment.window {
            self.by_window.insert(window.id.clone(), key.clone());
        }
        self.oldest_first.push_back(key.clone());
        self.by_key.insert(key, payment);
    }

    fn evict_oldest(&mut self, now: Moment) -> Result<String, Refusal> {
        let is_finished =
            |key: &String| self.find(key).is_none_or(|it| it.is_finished() || it.has_run_out(now));
        let key = self
            .oldest_first
            .iter()
            .position(is_finished)
            .and_then(|at| self.oldest_first.remove(at))
            .ok_or_else(|| Refusal::about(codes::TOO_MANY_REQUESTS, "payments"))?;
        self.remove(&key);
        Ok(key)
    }

    /// Takes out a payment that made room before it was stored. Not a change.
    pub(crate) fn forget(&mut self, payment_key: &str) {
        if let Some(at) = self.oldest_first.iter().position(|key| key == payment_key) {
            self.oldest_first.remove(at);
        }
        self.remove(payment_key);
    }

    fn remove(&mut self, key: &str) {
        if let Some(payment) = self.by_key.remove(key) {
            if let Some(window) = &payment.window {
                self.by_window.remove(&window.id);
            }
            if let Some(keys) = self.by_order.get_mut(&payment.order_id) {
                keys.retain(|other| other != key);
                if keys.is_empty() {
                    self.by_order.remove(&payment.order_id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::payment::session::NewPayment;

    fn payment(n: usize) -> Payment {
        let merchant = Merchant::of_secret_key("test_sk_a").expect("a merchant");
        let new = NewPayment::new(&format!("order-{n:05}"), "주문", 1_000);
        Payment::open(merchant, new, None, Clock::default().now())
    }

    #[test]
    fn the_oldest_finished_payment_makes_room_and_unfinished_ones_never_do() {
        let (mut payments, now) = (Payments::default(), Clock::default().now());
        let mut keys = Vec::new();
        for n in 0..PAYMENTS_MAX {
            let payment = payment(n);
            keys.push(payment.payment_key.clone());
            assert_eq!(payments.add(payment, now), Ok(None));
        }
        assert_eq!(payments.add(payment(0), now).expect_err("full").status(), 429);
        payments.find_mut(&keys[7]).expect("there").expire();
        payments.find_mut(&keys[9]).expect("there").expire();
        assert_eq!(payments.add(payment(0), now), Ok(Some(keys[7].clone())));
        assert!(payments.find(&keys[7]).is_none());
        assert_eq!(payments.of_order("order-00007").count(), 0);
        assert_eq!(payments.of_order("order-00000").count(), 2);
    }
}
