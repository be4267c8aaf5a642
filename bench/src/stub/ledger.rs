//! What was confirmed and cancelled at the stub, and when.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::answers::{Answer, Cancel, Payment};

/// All of it; forgotten at a reset.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How long every answer takes.
    pub(super) delay: Duration,
    payments: HashMap<String, Payment>,
    /// Order → payment.
    keys: HashMap<String, String>,
    receipts: Vec<(String, u64)>,
    repeats: u64,
    cancels: u64,
    look_ups: u64,
}

impl Ledger {
    /// Takes the money. A payment that is known is answered as it is, and counted apart.
    pub(super) fn confirm(&mut self, asked: &Value, came_at_us: u64) -> Answer {
        let text = |name: &str| asked[name].as_str().filter(|text| !text.is_empty());
        let (Some(key), Some(order_id), Some(amount)) =
            (text("paymentKey"), text("orderId"), asked["amount"].as_u64())
        else {
            return Answer::bad_request();
        };
        if let Some(known) = self.payments.get(key) {
            self.repeats += 1;
            return Answer::of(known);
        }
        let payment = Payment {
            key: key.to_owned(),
            order_id: order_id.to_owned(),
            total: amount,
            balance: amount,
            cancels: Vec::new(),
        };
        let answer = Answer::of(&payment);
        self.receipts.push((order_id.to_owned(), came_at_us));
        self.keys.insert(order_id.to_owned(), key.to_owned());
        self.payments.insert(key.to_owned(), payment);
        answer
    }

    /// Gives back what is asked for, or all that is left.
    pub(super) fn cancel(&mut self, key: &str, asked: &Value) -> Answer {
        let number = self.cancels + 1;
        let Some(payment) = self.payments.get_mut(key) else { return Answer::absent() };
        let amount = asked["cancelAmount"].as_u64().unwrap_or(payment.balance);
        let Some(left) = payment.balance.checked_sub(amount).filter(|_| amount > 0) else {
            return Answer::refused();
        };
        payment.balance = left;
        let reason = asked["cancelReason"].as_str().unwrap_or_default().to_owned();
        payment.cancels.push(Cancel { number, amount, left, reason });
        self.cancels = number;
        Answer::of(payment)
    }

    pub(super) fn look_up(&mut self, key: &str) -> Answer {
        self.look_ups += 1;
        self.payments.get(key).map_or_else(Answer::absent, Answer::of)
    }

    pub(super) fn look_up_by_order(&mut self, order_id: &str) -> Answer {
        self.look_ups += 1;
        let payment = self.keys.get(order_id).and_then(|key| self.payments.get(key));
        payment.map_or_else(Answer::absent, Answer::of)
    }

    /// How much of each was asked for.
    pub(super) fn counts(&self) -> Value {
        json!({
            "confirms": self.receipts.len(), "repeats": self.repeats, "cancels": self.cancels,
            "lookUps": self.look_ups,
        })
    }

    /// Every confirm's order, and when the stub had read its head, in microseconds since 1970.
    pub(super) fn receipts(&self) -> Value {
        json!(self.receipts)
    }
}

#[cfg(test)]
mod tests {
    use domain::Won;
    use domain::answer::Answer as Understood;
    use domain::attempt::Operation;

    use super::*;

    fn understood(operation: Operation, answer: &Answer) -> Understood {
        toss::read_answer(operation, answer.status, answer.body.as_bytes())
    }

    fn payment(operation: Operation, answer: &Answer) -> domain::answer::TossPayment {
        match understood(operation, answer) {
            Understood::Payment(payment) => *payment,
            Understood::Failure(failure) => panic!("{failure:?} of {}", answer.body),
        }
    }

    fn confirmed() -> Ledger {
        let mut ledger = Ledger::default();
        let asked = json!({"paymentKey": "key-\"1", "orderId": "order-1", "amount": 18_000});
        let answer = ledger.confirm(&asked, 7);
        assert_eq!(payment(Operation::Confirm, &answer).order_id, "order-1");
        ledger
    }

    #[test]
    fn a_confirm_is_answered_with_a_payment_that_the_product_understands() {
        let mut ledger = confirmed();
        for answer in [ledger.look_up("key-\"1"), ledger.look_up_by_order("order-1")] {
            let payment = payment(Operation::LookUp, &answer);
            assert_eq!(payment.payment_key, "key-\"1");
            assert_eq!(payment.status.word(), "DONE");
            assert_eq!((payment.total, payment.balance), (won(18_000), won(18_000)));
            assert!(payment.approved_at_ms.is_some() && payment.last_transaction_key.is_some());
            assert!(payment.receipt_url.is_some() && payment.means.card_number.is_some());
        }
        assert_eq!(ledger.receipts(), json!([["order-1", 7]]));
    }

    #[test]
    fn a_second_confirm_of_a_payment_takes_nothing_and_is_counted_apart() {
        let mut ledger = confirmed();
        let again = json!({"paymentKey": "key-\"1", "orderId": "order-1", "amount": 18_000});
        assert_eq!(payment(Operation::Confirm, &ledger.confirm(&again, 9)).balance, won(18_000));
        let counts = ledger.counts();
        assert_eq!((&counts["confirms"], &counts["repeats"]), (&json!(1), &json!(1)));
    }

    #[test]
    fn cancels_add_up_and_end_with_the_money() {
        let mut ledger = confirmed();
        let part = json!({"cancelAmount": 5_000, "cancelReason": "품절 \"하나\""});
        let first = payment(Operation::Cancel, &ledger.cancel("key-\"1", &part));
        assert_eq!((first.status.word(), first.balance), ("PARTIAL_CANCELED", won(13_000)));
        let rest = json!({"cancelReason": "rest"});
        let last = payment(Operation::Cancel, &ledger.cancel("key-\"1", &rest));
        assert_eq!((last.status.word(), last.balance), ("CANCELED", Won::ZERO));
        let amounts: Vec<Won> = last.cancels.iter().map(|cancel| cancel.amount).collect();
        assert_eq!(amounts, [won(5_000), won(13_000)]);
        assert_ne!(last.cancels[0].transaction_key, last.cancels[1].transaction_key);
        assert_eq!(last.cancels[0].reason, "품절 \"하나\"");
        assert_eq!(ledger.cancel("key-\"1", &rest).status, 403);
        assert_eq!(ledger.look_up("nobody's").status, 404);
    }

    fn won(amount: i64) -> Won {
        Won::new(amount).unwrap()
    }
}
