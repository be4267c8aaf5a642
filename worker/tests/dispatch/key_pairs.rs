//! Pairs of keys: a payment stays with the one that it began with, is handed over when it rests, and never called with another's.

use domain::job::{JobKind, JobState};
use domain::limits;
use simulator::MerchantKeys;
use store::{Actor, KeyPairId};

use crate::hands::Fault;
use crate::shop::{SECRET_KEY, Shop, current, gateways_of};

const NEW_KEY: &str = "test_sk_rotated";

/// A shop whose merchant has a second secret key at Toss.
async fn shop_with_two_keys() -> Shop {
    let shop = Shop::open().await;
    let secret_keys = vec![SECRET_KEY.to_owned(), NEW_KEY.to_owned()];
    shop.toss.add_merchant(&MerchantKeys { secret_keys, ..MerchantKeys::default() }).unwrap();
    shop
}

/// Gives the worker these pairs of the shop's merchant.
fn give(shop: &mut Shop, pairs: &[(u32, &str)]) {
    let pairs: Vec<_> = pairs.iter().map(|(number, key)| ("default", *number, *key)).collect();
    shop.dispatcher.gateways = gateways_of(&shop.toss_url, 5_000, &pairs);
}

fn pair(number: u32) -> KeyPairId {
    KeyPairId { merchant: "default".to_owned(), number }
}

#[tokio::test]
async fn a_key_that_is_rotated_between_two_attempts_takes_and_gives_back_nothing_twice() {
    let mut shop = shop_with_two_keys().await;
    for kind in ["cut_before", "cut_after", "in_progress", "server_error_after", "unreadable"] {
        give(&mut shop, &[(1, SECRET_KEY)]);
        let paying = shop.authenticated(7).await;
        let job = shop.accept(&paying).await;
        shop.goes_wrong(&paying, "confirm", &Fault::new(kind));
        shop.step(&job).await;
        // The order was made before; orders made from now on take the second pair.
        give(&mut shop, &[(1, SECRET_KEY), (2, NEW_KEY)]);
        shop.current_keys = current(2);
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "paid", "{kind}");
        shop.assert_money_is_conserved(&paying).await;

        let (_, cancel) = shop.cancel(&paying, Some(3_000), "part").await.unwrap();
        shop.goes_wrong(&paying, "cancel", &Fault::new(kind));
        give(&mut shop, &[(1, SECRET_KEY)]);
        shop.step(&cancel).await;
        give(&mut shop, &[(1, SECRET_KEY), (2, NEW_KEY)]);
        shop.drain().await;
        assert_eq!(shop.ledger(&paying).cancelled, 3_000, "{kind}");
        shop.assert_money_is_conserved(&paying).await;
        shop.current_keys = current(1);
    }
    shop.close().await;
}

#[tokio::test]
async fn what_is_pinned_to_keys_that_a_worker_lacks_waits_in_review_and_is_sent_with_no_other() {
    let mut shop = shop_with_two_keys().await;
    let paying = shop.authenticated(5).await;
    let job = shop.accept(&paying).await;
    give(&mut shop, &[(2, NEW_KEY)]);
    assert!(shop.dispatcher.claim(std::slice::from_ref(&job)).await.unwrap().is_empty());
    let row = shop.job(&job).await;
    assert_eq!((row.state, row.last_code.as_deref()), (JobState::Waiting, Some("KEYS_MISSING")));
    assert!(row.last_message.unwrap().contains("pair 1 of merchant default"));
    assert!(shop.attempts(&job).await.is_empty() && shop.ledger(&paying).requests.is_empty());
    assert_eq!(shop.review(&paying).await.as_deref(), Some("keys_missing"));
    assert_eq!(shop.store.needed_key_pairs().await.unwrap(), [pair(1)]);

    give(&mut shop, &[(1, SECRET_KEY), (2, NEW_KEY)]);
    shop.drain().await;
    assert_eq!((shop.status(&paying).await, shop.review(&paying).await), ("paid", None));
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_whose_keys_never_came_ends_with_its_window_and_took_nothing() {
    let mut shop = Shop::open().await;
    let paying = shop.authenticated(5).await;
    shop.accept(&paying).await;
    give(&mut shop, &[]);
    shop.drain_for(limits::CONFIRM_WINDOW_MS + 60_000).await;
    assert_eq!((shop.status(&paying).await, shop.review(&paying).await), ("expired", None));
    assert!(shop.ledger(&paying).requests.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_payment_that_rests_is_handed_over_and_cancelled_with_the_other_pair() {
    let mut shop = shop_with_two_keys().await;
    let resting = shop.paid(9).await;
    let busy = shop.authenticated(4).await;
    let job = shop.accept(&busy).await;
    let (open, _) = shop.order(3).await;
    shop.goes_wrong(&busy, "confirm", &Fault::new("cut_before"));
    shop.step(&job).await;
    let retired = shop.store.retire_key_pair(&pair(1), 2, &Actor::system()).await.unwrap();
    assert_eq!((retired.moved, retired.left), (1, 2), "one is under way, one may still be paid");

    give(&mut shop, &[(1, SECRET_KEY), (2, NEW_KEY)]);
    shop.drain().await;
    assert_eq!(shop.status(&busy).await, "paid");
    shop.store.close_order(&open, None).await.unwrap();
    let retired = shop.store.retire_key_pair(&pair(1), 2, &Actor::system()).await.unwrap();
    assert_eq!((retired.moved, retired.left), (1, 0));
    let uses = shop.store.key_pair_uses().await.unwrap();
    assert_eq!(uses.iter().map(|one| (one.pair.number, one.resting)).collect::<Vec<_>>(), [(2, 2)]);

    shop.toss.revoke_key(SECRET_KEY).unwrap();
    give(&mut shop, &[(2, NEW_KEY)]);
    for paying in [&resting, &busy] {
        shop.cancel(paying, None, "all").await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(paying).await, "cancelled");
        shop.assert_money_is_conserved(paying).await;
    }
    assert_eq!(shop.jobs(JobKind::Cancel).await.len(), 2);
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_handed_over_that_a_call_may_be_under_way_for() {
    let shop = shop_with_two_keys().await;
    let paying = shop.paid(9).await;
    let (_, cancel) = shop.cancel(&paying, Some(1_000), "part").await.unwrap();
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_after"));
    shop.step(&cancel).await;
    let retired = shop.store.retire_key_pair(&pair(1), 2, &Actor::system()).await.unwrap();
    assert_eq!((retired.moved, retired.left), (0, 1));
    shop.drain().await;
    let retired = shop.store.retire_key_pair(&pair(1), 2, &Actor::system()).await.unwrap();
    assert_eq!((retired.moved, retired.left), (1, 0));
    shop.close().await;
}
