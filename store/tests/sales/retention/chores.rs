//! Chores: once in a while, by one of all.

use store::{Chore, ChoreTurn, HeldChore};

use crate::fixture::Shop;

const HOUR_MS: i64 = 60 * 60_000;

async fn take(shop: &Shop) -> Result<HeldChore, i64> {
    match shop.store.take_chore(Chore::Retention, HOUR_MS, HOUR_MS).await.unwrap() {
        ChoreTurn::Ours(held) => Ok(held),
        ChoreTurn::NotYet { due_in_ms } => Err(due_in_ms),
    }
}

#[tokio::test]
async fn a_chore_is_first_done_within_its_first_while_and_then_when_it_was_put_off_to() {
    let shop = Shop::open_empty().await;
    let first = take(&shop).await.unwrap_err();
    assert!((1..=HOUR_MS).contains(&first), "{first}");
    let still = take(&shop).await.unwrap_err();
    assert!((1..=first).contains(&still), "the row says when, not who asks: {still}");
    shop.store.advance_clock(HOUR_MS);
    let held = take(&shop).await.unwrap();
    assert!(take(&shop).await.is_err(), "it is held");
    shop.store.put_off_chore(&held, 24 * HOUR_MS).await.unwrap();
    let due_in_ms = take(&shop).await.unwrap_err();
    assert!((23 * HOUR_MS..=24 * HOUR_MS).contains(&due_in_ms), "{due_in_ms}");
    shop.store.advance_clock(24 * HOUR_MS);
    assert!(take(&shop).await.is_ok());
}

#[tokio::test]
async fn a_chore_whose_holder_died_is_begun_anew_and_the_late_holder_moves_nothing() {
    let shop = Shop::open_empty().await;
    take(&shop).await.unwrap_err();
    shop.store.advance_clock(HOUR_MS);
    let late = take(&shop).await.unwrap();
    shop.store.advance_clock(HOUR_MS);
    let next = take(&shop).await.unwrap();
    shop.store.put_off_chore(&late, 24 * HOUR_MS).await.unwrap();
    let due_in_ms = take(&shop).await.unwrap_err();
    assert!(due_in_ms <= HOUR_MS, "{due_in_ms}");
    shop.store.put_off_chore(&next, 2 * HOUR_MS).await.unwrap();
    assert!(take(&shop).await.unwrap_err() > HOUR_MS);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_at_once_one_does_it() {
    let shop = Shop::open_empty().await;
    take(&shop).await.unwrap_err();
    shop.store.advance_clock(HOUR_MS);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = shop.store.clone();
        tasks.spawn(
            async move { store.take_chore(Chore::Retention, HOUR_MS, HOUR_MS).await.unwrap() },
        );
    }
    let turns = tasks.join_all().await;
    assert_eq!(turns.iter().filter(|turn| matches!(turn, ChoreTurn::Ours(_))).count(), 1);
}
