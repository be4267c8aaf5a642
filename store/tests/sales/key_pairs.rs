//! Payments that are handed over to another pair of keys, and what is on record about it.

use sea_orm::ConnectionTrait as _;
use store::KeyPairId;

use crate::fixture::{Shop, confirm_of, owner};

#[tokio::test]
async fn no_payment_is_handed_over_without_its_audit() {
    let shop = Shop::open().await;
    shop.order("order-1").await;
    shop.store.accept_confirm(&confirm_of("order-1")).await.unwrap();
    let sql = "UPDATE payments SET state = 'confirmed', money_job_id = NULL";
    shop.rows.execute_unprepared(sql).await.unwrap();
    let from = KeyPairId { merchant: "default".to_owned(), number: 1 };
    let numbers = async || {
        let uses = shop.store.key_pair_uses().await.unwrap();
        uses.iter().map(|one| (one.pair.number, one.resting)).collect::<Vec<_>>()
    };
    // As if the process died between the one and the other: there is no place for the audit.
    shop.rows.execute_unprepared("ALTER TABLE audit RENAME TO audit_elsewhere").await.unwrap();
    shop.store.retire_key_pair(&from, 2, &owner()).await.unwrap_err();
    assert_eq!(numbers().await, [(1, 1)], "handed over, and nobody knows by whom");
    shop.rows.execute_unprepared("ALTER TABLE audit_elsewhere RENAME TO audit").await.unwrap();
    let retired = shop.store.retire_key_pair(&from, 2, &owner()).await.unwrap();
    assert_eq!((retired.moved, numbers().await), (1, vec![(2, 1)]));
    assert_eq!(shop.audited("merchant.retire_keys").await, 1);
    shop.store.retire_key_pair(&from, 2, &owner()).await.unwrap();
    assert_eq!(shop.audited("merchant.retire_keys").await, 1, "nothing was left to hand over");
}
