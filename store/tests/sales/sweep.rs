//! What time leaves behind: payments and cancellations that no job is at work on.

use domain::limits::CONFIRM_PROOF_MS;
use sea_orm::ConnectionTrait as _;

use crate::fixture::*;

impl Shop {
    async fn sql(&self, statement: &str) {
        self.rows.execute_unprepared(statement).await.unwrap();
    }

    /// How many look-ups wait, and why the payment is under review.
    async fn swept(&self) -> (usize, Option<String>) {
        let due = self.store.take_due_jobs(100).await.unwrap();
        let order = self.store.find_order(&order_id("order-0001")).await.unwrap().unwrap();
        (due.len(), order.payment.unwrap().review_reason)
    }
}

#[tokio::test]
async fn an_undecided_payment_without_a_job_is_looked_up_and_an_hour_later_shown_to_a_person() {
    let shop = Shop::open().await;
    shop.order("order-0001").await;
    shop.store.accept_confirm(&confirm_of("order-0001")).await.unwrap();
    shop.store.advance_clock(CONFIRM_PROOF_MS);
    assert_eq!(shop.store.sweep_payments(10).await.unwrap(), 0, "its job is there");
    shop.sql("UPDATE jobs SET state = 'discarded', ended_at = 1").await;
    assert_eq!(shop.store.sweep_payments(10).await.unwrap(), 1);
    assert_eq!(shop.store.sweep_payments(10).await.unwrap(), 0, "once an hour");
    shop.store.advance_clock(10);
    assert_eq!(shop.swept().await, (1, None));
    shop.sql("UPDATE jobs SET state = 'succeeded', ended_at = 1").await;
    shop.store.advance_clock(60 * 60_000);
    assert_eq!(shop.store.sweep_payments(10).await.unwrap(), 1);
    shop.store.advance_clock(10);
    assert_eq!(shop.swept().await, (1, Some("left_behind".to_owned())));
}

#[tokio::test]
async fn an_open_cancellation_without_a_job_has_its_payment_looked_up() {
    let shop = Shop::open().await;
    shop.order("order-0001").await;
    shop.store.accept_confirm(&confirm_of("order-0001")).await.unwrap();
    shop.sql("UPDATE jobs SET state = 'succeeded', ended_at = 1").await;
    shop.sql("UPDATE payments SET state = 'confirmed', balance = amount").await;
    shop.sql(
        "INSERT INTO cancellations (id, order_id, amount, reason, requested_by, role, state, requested_at, updated_at)
         VALUES ('c', 'order-0001', 100, 'r', 's', 'owner', 'sending', 1, 1)",
    )
    .await;
    assert_eq!(shop.store.sweep_payments(10).await.unwrap(), 1);
    shop.store.advance_clock(10);
    assert_eq!(shop.swept().await, (1, None));
}
