//! Confirms that are accepted together.

use domain::payment::PaymentState;
use domain::{PaymentKey, Won};
use sea_orm::{ConnectionTrait as _, TransactionOptions, TransactionTrait as _};
use store::{AcceptConfirm, AcceptConfirmError};

use crate::fixture::{Shop, confirm_of, order_id};

#[tokio::test]
async fn confirms_that_come_together_are_accepted_or_refused_each_by_itself() {
    let shop = Shop::open().await;
    let ids = [
        "first-order",
        "second-order",
        "third-order",
        "fourth-order",
        "thief-order",
        "cheap-order",
    ];
    for id in ids {
        shop.order(id).await;
    }
    let cheap = AcceptConfirm { amount: Won::new(1).unwrap(), ..confirm_of("cheap-order") };
    let thief = AcceptConfirm {
        payment_key: confirm_of("first-order").payment_key,
        ..confirm_of("thief-order")
    };
    let other = AcceptConfirm {
        payment_key: PaymentKey::parse("another-key".to_owned()).unwrap(),
        ..confirm_of("second-order")
    };
    let together = [
        confirm_of("first-order"),
        cheap,
        confirm_of("second-order"),
        confirm_of("no-such-order"),
        thief,
        confirm_of("second-order"),
        other,
        confirm_of("third-order"),
        confirm_of("fourth-order"),
    ];
    let accepted = shop.store.accept_confirms(&together).await;
    let said: Vec<&str> = accepted.iter().map(word).collect();
    let wanted = [
        "accepted", "amount", "accepted", "unknown", "taken", "again", "other", "accepted",
        "accepted",
    ];
    assert_eq!(said, wanted);
    for (confirm, one) in together.iter().zip(&accepted) {
        let Some(order) = one.as_ref().ok().and_then(|one| one.order.as_ref()) else { continue };
        let found = shop.store.find_order(&confirm.order_id).await.unwrap().unwrap();
        assert_eq!(order, &store::orders::OrderDetail { now_ms: order.now_ms, ..found });
        assert_eq!(order.payment.as_ref().unwrap().state, PaymentState::Confirming);
    }
    let again = shop.store.accept_confirms(&together).await;
    assert!(again.iter().all(|one| one.as_ref().is_ok_and(|one| one.is_replay) || one.is_err()));
    for untouched in ["thief-order", "cheap-order"] {
        let order = shop.store.find_order(&order_id(untouched)).await.unwrap().unwrap();
        assert_eq!(order.payment, None, "{untouched}");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_read_keeps_back_none_of_those_that_come_with_it() {
    let shop = Shop::open().await;
    for id in ["whole-order", "broken-order"] {
        shop.order(id).await;
    }
    shop.rows
        .execute_unprepared(
            "UPDATE order_lines SET options = 'not a list' WHERE order_id = 'broken-order'",
        )
        .await
        .unwrap();
    let together = [confirm_of("broken-order"), confirm_of("whole-order")];
    let accepted = shop.store.accept_confirms(&together).await;
    assert_eq!(accepted.iter().map(word).collect::<Vec<_>>(), ["failed", "accepted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_closed_while_it_is_paid_takes_no_payment_and_keeps_no_other_back() {
    let shop = Shop::open().await;
    for id in ["open-order", "closed-order", "lonely-order"] {
        shop.order(id).await;
    }
    for (together, wanted) in [
        (vec!["closed-order", "open-order"], vec!["not payable", "accepted"]),
        (vec!["lonely-order"], vec!["not payable"]),
    ] {
        let closing = shop.rows.begin_with_options(TransactionOptions::default()).await.unwrap();
        let close = "UPDATE orders SET state = 'closed', version = version + 1 WHERE id =";
        closing.execute_unprepared(&format!("{close} '{}'", together[0])).await.unwrap();
        let confirms: Vec<_> = together.iter().copied().map(confirm_of).collect();
        let store = shop.store.clone();
        let accepting = tokio::spawn(async move { store.accept_confirms(&confirms).await });
        shop.who_waits().await;
        assert!(!accepting.is_finished(), "the order may be closed yet");
        closing.commit().await.unwrap();
        let accepted = accepting.await.unwrap();
        assert_eq!(accepted.iter().map(word).collect::<Vec<_>>(), wanted);
        for (id, word) in together.iter().zip(wanted) {
            let order = shop.store.find_order(&order_id(id)).await.unwrap().unwrap();
            assert_eq!(order.payment.is_some(), word == "accepted", "{id}");
            assert_eq!(order.confirm_job.is_some(), word == "accepted", "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_while_a_confirm_is_written_is_nobodys_error() {
    let shop = Shop::open_on_postgres().await;
    shop.order("our-order").await;
    let blocking = shop.rows.begin_with_options(TransactionOptions::default()).await.unwrap();
    let lock = "SELECT id FROM orders WHERE id = 'our-order' FOR UPDATE";
    blocking.execute_unprepared(lock).await.unwrap();
    let store = shop.store.clone();
    let accepting =
        tokio::spawn(async move { store.accept_confirm(&confirm_of("our-order")).await });
    for session in shop.who_waits().await {
        let end = format!("SELECT pg_terminate_backend({session})");
        shop.rows.execute_unprepared(&end).await.unwrap();
    }
    blocking.commit().await.unwrap();
    let accepted = accepting.await.unwrap();
    assert_eq!(word(&accepted), "accepted", "{accepted:?}");
    let again = shop.store.accept_confirm(&confirm_of("our-order")).await;
    assert_eq!(word(&again), "again");
}

fn word(one: &Result<store::AcceptedConfirm, AcceptConfirmError>) -> &'static str {
    match one {
        Ok(one) if one.is_replay && one.job.is_none() && one.order.is_none() => "again",
        Ok(one) if !one.is_replay && one.job.is_some() && one.order.is_some() => "accepted",
        Ok(_) => "neither new nor old",
        Err(AcceptConfirmError::UnknownOrder) => "unknown",
        Err(AcceptConfirmError::AmountDiffers { .. }) => "amount",
        Err(AcceptConfirmError::NotPayable(_)) => "not payable",
        Err(AcceptConfirmError::OtherConfirm) => "other",
        Err(AcceptConfirmError::PaymentKeyTaken) => "taken",
        Err(AcceptConfirmError::Store(_)) => "failed",
    }
}
