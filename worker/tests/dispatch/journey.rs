//! The happy path, told once: paid, given back in part, given back in whole.

use crate::shop::Shop;

#[tokio::test]
async fn a_payment_is_confirmed_partly_cancelled_and_cancelled() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.accept(&paying).await;
    assert_eq!(shop.status(&paying).await, "confirming");
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;

    shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "partially_cancelled");
    shop.assert_money_is_conserved(&paying).await;

    shop.cancel(&paying, None, "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 20_000]);
    shop.close().await;
}
