//! Places of those who wait: so many in the process, and so many for one order, so that one order cannot take those of all others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::OrderId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places of one kind.
#[derive(Debug)]
pub(crate) struct Waiters {
    places: Arc<Semaphore>,
    per_order_max: usize,
    /// How many wait for each order for which somebody does.
    orders: Arc<Mutex<HashMap<OrderId, usize>>>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The process is full.
    Process,
    /// The order has as many as one order gets.
    Order,
}

impl Waiters {
    /// So many at once, and so many of them for one order.
    pub(crate) fn new(max: usize, per_order_max: usize) -> Waiters {
        let places = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Waiters { places, per_order_max, orders: Arc::default() }
    }

    /// Takes a place for as long as the answer is kept.
    pub(crate) fn try_take(&self, order: &OrderId) -> Result<Waiter, NoPlace> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| NoPlace::Process)?;
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let of_order = orders.get(order).copied().unwrap_or(0);
        if of_order >= self.per_order_max {
            return Err(NoPlace::Order);
        }
        orders.insert(order.clone(), of_order.saturating_add(1));
        Ok(Waiter { order: order.clone(), orders: Arc::clone(&self.orders), _place: place })
    }
}

/// The place of somebody who waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    order: OrderId,
    orders: Arc<Mutex<HashMap<OrderId, usize>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one takes the order's entry along.
        match orders.get_mut(&self.order) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            Some(_) | None => drop(orders.remove(&self.order)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str) -> OrderId {
        OrderId::parse(id).unwrap()
    }

    #[test]
    fn an_order_has_few_places_and_leaves_the_rest_to_others() {
        let waiters = Waiters::new(3, 2);
        let (one, two) = (order("order-one"), order("order-two"));
        let first = waiters.try_take(&one).unwrap();
        let second = waiters.try_take(&one).unwrap();
        assert_eq!(waiters.try_take(&one).unwrap_err(), NoPlace::Order);
        let other = waiters.try_take(&two).unwrap();
        assert_eq!(waiters.try_take(&two).unwrap_err(), NoPlace::Process);
        drop(first);
        let again = waiters.try_take(&one).unwrap();
        drop((second, other, again));
        assert!(waiters.orders.lock().unwrap().is_empty(), "nothing is kept of who is gone");
        assert_eq!(waiters.places.available_permits(), 3);
    }
}
