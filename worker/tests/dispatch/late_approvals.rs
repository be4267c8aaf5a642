//! Money that Toss took after we had told the customer that it failed: given back in the system's name, or left to a person.

use domain::order::LateApproval;
use store::audit::AuditFilter;

use crate::hands::Fault;
use crate::shop::{Paying, Shop};

impl Shop {
    /// A payment that was declined in our records and taken at Toss.
    async fn declined_and_taken(&self) -> (Paying, domain::JobId) {
        let paying = self.authenticated(23).await;
        self.goes_wrong(&paying, "confirm", &Fault::code_after("REJECT_CARD_COMPANY"));
        let job = self.accept(&paying).await;
        self.drain().await;
        assert_eq!(self.status(&paying).await, "failed");
        (paying, job)
    }

    /// The same shop under this rule.
    pub(crate) fn with_rule(mut self, rule: LateApproval) -> Shop {
        self.store = self.store.clone().with_late_approval(rule);
        self.dispatcher.store = self.store.clone();
        self
    }
}

#[tokio::test]
async fn the_money_of_a_late_approval_is_given_back_in_the_name_of_the_system() {
    let shop = Shop::open().await;
    let (paying, job) = shop.declined_and_taken().await;
    let look_up = shop.look_up(&job).await;
    shop.step(&look_up).await;
    assert_eq!(shop.status(&paying).await, "refunding");
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    assert_eq!(shop.review(&paying).await, None, "nobody has to look any more");
    let cancels = shop.detail(&paying).await.cancellations;
    assert_eq!((cancels.len(), cancels[0].requested_by.as_str()), (1, "system"));
    let filter =
        AuditFilter { subject: Some(paying.order_id.to_string()), ..AuditFilter::default() };
    let audit = shop.store.list_audit(&filter, None, 10).await.unwrap().rows;
    assert!(audit.iter().any(|one| one.action == "cancel.request" && one.actor == "system"));
    // Looked up again and again, nothing more is given back.
    for _ in 0..3 {
        shop.look_up(&job).await;
        shop.drain().await;
    }
    assert_eq!(shop.ledger(&paying).refunds, [23_000]);
    assert_eq!(shop.ledger(&paying).calls.cancel, 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn where_it_is_kept_a_person_decides_unless_the_customer_has_ordered_again() {
    let shop = Shop::open().await.with_rule(LateApproval::Keep);
    let (paying, job) = shop.declined_and_taken().await;
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await.as_deref(), Some("late_approval"));
    assert_eq!(shop.ledger(&paying).calls.cancel, 0);

    let (paying, job) = shop.declined_and_taken().await;
    shop.advance(1_000);
    // The same phone number.
    shop.order(5).await;
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}
