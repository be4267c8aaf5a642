//! Giving money back: amounts, turns, limits, and what exactly is sent.

use domain::cancellation::{CancelRefusal, CancellationState};
use domain::job::{JobKind, JobState};
use domain::{Won, limits};
use serde_json::json;
use simulator::Config;
use store::AcceptCancelError;

use crate::hands::Fault;
use crate::shop::Shop;

fn is_refused(refused: &AcceptCancelError, refusal: CancelRefusal) -> bool {
    match refused {
        AcceptCancelError::Refused(known) => *known == refusal,
        AcceptCancelError::UnknownOrder
        | AcceptCancelError::NoPayment
        | AcceptCancelError::TooMany
        | AcceptCancelError::KeyReused
        | AcceptCancelError::Store(_) => false,
    }
}

#[tokio::test]
async fn of_two_cancels_at_once_that_exceed_the_balance_together_one_is_refused() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let (one, two) = tokio::join!(
        shop.cancel(&paying, Some(15_000), "key-1"),
        shop.cancel(&paying, Some(15_000), "key-2")
    );
    let refused = one.err().xor(two.err()).expect("one of them");
    let available = Won::new(8_000).unwrap();
    assert!(is_refused(&refused, CancelRefusal::TooMuch { available }), "{refused:?}");
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [15_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn no_number_of_cancels_at_once_gives_back_more_than_was_paid() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let keys: Vec<String> = (0..20).map(|number| format!("key-{number}")).collect();
    let mut asked = tokio::task::JoinSet::new();
    let shop = std::sync::Arc::new(shop);
    for key in keys {
        let (shop, paying) = (std::sync::Arc::clone(&shop), paying.clone());
        asked.spawn(async move { shop.cancel(&paying, Some(4_000), &key).await.is_ok() });
    }
    let accepted = asked.join_all().await.into_iter().filter(|is_accepted| *is_accepted).count();
    assert_eq!(accepted, 5);
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [4_000; 5]);
    shop.assert_money_is_conserved(&paying).await;
    std::sync::Arc::into_inner(shop).unwrap().close().await;
}

#[tokio::test]
async fn nothing_and_less_than_nothing_are_not_amounts_to_give_back() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let refused = shop.cancel(&paying, Some(0), "key").await.unwrap_err();
    assert!(is_refused(&refused, CancelRefusal::Zero), "{refused:?}");
    assert!(Won::new(-1).is_err(), "a negative amount cannot even be asked for");
    assert!(shop.jobs(JobKind::Cancel).await.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn two_equal_cancels_that_are_both_meant_both_happen() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    shop.cancel(&paying, Some(3_000), "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 3_000]);
    assert_eq!(shop.keys(&paying).len(), 3, "the confirm's and one for each");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn the_same_cancel_delivered_twice_gives_back_once() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    // Twice by the caller, under one idempotency key; then five times by the queue, to two workers at once.
    let (one, two) = tokio::join!(
        shop.cancel(&paying, Some(3_000), "key"),
        shop.cancel(&paying, Some(3_000), "key")
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    let ids = vec![one.1.clone(); 5];
    let other = shop.worker("worker-2");
    let (mine, others) = tokio::join!(shop.dispatcher.dispatch(&ids), other.dispatch(&ids));
    assert_eq!(mine.unwrap().len() + others.unwrap().len(), 1);
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000]);
    shop.assert_ended(&paying, &one.1, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn a_second_cancel_waits_its_turn_and_a_moment_more_and_is_not_lost() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let (_, first) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    let (_, second) = shop.cancel(&paying, Some(4_000), "key-2").await.unwrap();
    let attempt = shop.claim(&shop.dispatcher, &first).await;
    // While the first is under way the second is not even recorded as begun.
    assert!(shop.dispatcher.claim(std::slice::from_ref(&second)).await.unwrap().is_empty());
    let behind = shop.job(&second).await;
    assert_eq!(
        (behind.state, behind.last_code.as_deref()),
        (JobState::Waiting, Some("BEHIND_ANOTHER"))
    );
    assert_eq!(behind.runnable_since, behind.due_at, "it is not late: it may not run yet");
    let result = shop.dispatcher.call(attempt).await;
    shop.dispatcher.settle(result).await.unwrap();
    let ended_at_ms = shop.job(&first).await.ended_at.unwrap();
    let woken = shop.job(&second).await;
    assert_eq!(woken.due_at, ended_at_ms + limits::CANCEL_SPACING_MS);
    assert_eq!(woken.runnable_since, woken.due_at, "it could not run before");
    shop.drain().await;
    let began = shop.attempts(&second).await[0].started_at;
    assert!(began >= ended_at_ms + limits::CANCEL_SPACING_MS);
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 4_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_tosses_limiter_drops_is_sent_again_under_a_new_key() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::code("FORBIDDEN_CONSECUTIVE_REQUEST"));
    let (_, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.step(&job).await;
    let waiting = shop.job(&job).await;
    assert!(waiting.due_at - waiting.updated_at >= 60_000, "the limiter wants at least a minute");
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000]);
    assert_eq!(shop.keys(&paying).len(), 3);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 3).await;
    shop.close().await;
}

#[tokio::test]
async fn two_cancels_in_the_same_second_come_through_tosses_real_limiter() {
    // Toss counts real seconds here, so each key that it drops is followed by the next until the pause is over.
    let pause = std::time::Duration::from_millis(30);
    let shop =
        Shop::open_with(Config { consecutive_cancel_pause: pause, ..Config::default() }, 5_000)
            .await;
    let paying = shop.paid(23).await;
    shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    shop.cancel(&paying, Some(4_000), "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 4_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn an_escrow_payment_that_refuses_parts_for_ever_is_parked_after_a_bounded_number_of_calls() {
    let shop = Shop::open().await;
    let paying = shop.authenticated_by(23, None, true).await;
    shop.accept(&paying).await;
    shop.drain().await;
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.drain().await;
    let parked = shop.job(&job).await;
    assert_eq!(parked.park_reason.as_deref(), Some("keys_used_up"));
    assert_eq!(parked.last_code.as_deref(), Some("FAILED_PARTIAL_REFUND"));
    let sent: Vec<_> =
        shop.attempts(&job).await.into_iter().filter(|one| one.operation == "cancel").collect();
    assert_eq!(sent.len(), usize::try_from(limits::CANCEL_KEYS_MAX).unwrap());
    assert!(sent.iter().all(|one| one.message.as_deref().is_some_and(|said| !said.is_empty())));
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Unresolved);
    assert_eq!(shop.status(&paying).await, "paid");
    // Nothing was given back, and a person may say that nothing will be; the whole can then still be cancelled.
    shop.discard(&job).await.unwrap();
    shop.cancel(&paying, None, "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_whole_refund_is_sent_as_one_and_a_part_names_its_amount_and_both_name_the_balance() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let (part, _) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    // "The rest" is fixed when it is accepted: 20,000, whatever comes later.
    let (rest, _) = shop.cancel(&paying, None, "key-2").await.unwrap();
    shop.drain().await;
    let bodies: Vec<_> = shop
        .posts(&paying)
        .into_iter()
        .filter(|post| post.path.ends_with("/cancel"))
        .map(|post| post.body)
        .collect();
    let reason =
        |id: &domain::CancellationId| domain::cancellation::tagged_reason("재료 소진", id.as_str());
    assert_eq!(
        bodies,
        [
            json!({"cancelReason": reason(&part), "cancelAmount": 3_000, "refundableAmount": 23_000}),
            json!({"cancelReason": reason(&rest), "refundableAmount": 20_000}),
        ]
    );
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_whole_refund_whose_amount_is_named_is_sent_as_a_full_cancel_too() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let (id, _) = shop.cancel(&paying, Some(23_000), "key").await.unwrap();
    shop.drain().await;
    let reason = domain::cancellation::tagged_reason("재료 소진", id.as_str());
    let body = shop.posts(&paying).pop().unwrap().body;
    assert_eq!(body, json!({"cancelReason": reason, "refundableAmount": 23_000}));
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn the_rest_stays_what_it_was_accepted_as_when_the_part_before_it_is_refused() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::code("INVALID_REQUEST"));
    let (part, _) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    let (rest, _) = shop.cancel(&paying, None, "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.cancellation(&paying, &part).await, CancellationState::Refused);
    let reason = domain::cancellation::tagged_reason("재료 소진", rest.as_str());
    let body = shop.posts(&paying).pop().unwrap().body;
    let named = json!({"cancelReason": reason, "cancelAmount": 20_000, "refundableAmount": 23_000});
    assert_eq!(body, named);
    assert_eq!(shop.ledger(&paying).refunds, [20_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_payment_that_was_cancelled_in_parts_down_to_nothing_is_shown_as_cancelled() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    for (amount, key) in [(Some(3_000), "key-1"), (Some(5_000), "key-2"), (None, "key-3")] {
        shop.cancel(&paying, amount, key).await.unwrap();
        shop.drain().await;
    }
    let payment = shop.detail(&paying).await.payment.unwrap();
    assert_eq!(payment.toss_status.as_deref(), Some("PARTIAL_CANCELED"));
    assert_eq!(payment.balance, Won::ZERO);
    assert_eq!(shop.status(&paying).await, "cancelled");
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 5_000, 15_000]);
    let refused = shop.cancel(&paying, None, "key-4").await.unwrap_err();
    assert!(is_refused(&refused, CancelRefusal::NothingLeft), "{refused:?}");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_is_still_processing_for_hours_is_asked_for_again_under_its_one_key() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let more_than_the_budget = limits::POSTS_MAX + 10;
    shop.goes_wrong(&paying, "cancel", &Fault::new("in_progress").times(more_than_the_budget));
    let (_, job) = shop.cancel(&paying, None, "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled", "{:?}", shop.job(&job).await);
    assert_eq!(shop.job(&job).await.key_generation, 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_payment_whose_outcome_is_open_cannot_be_cancelled_yet() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let refused = shop.cancel(&paying, None, "key-1").await.unwrap_err();
    assert!(matches!(refused, AcceptCancelError::NoPayment), "{refused:?}");
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_after"));
    let job = shop.accept(&paying).await;
    let refused = shop.cancel(&paying, None, "key-1").await.unwrap_err();
    assert!(is_refused(&refused, CancelRefusal::Undecided), "{refused:?}");
    shop.step(&job).await;
    let refused = shop.cancel(&paying, None, "key-1").await.unwrap_err();
    assert!(is_refused(&refused, CancelRefusal::Undecided), "{refused:?}");
    shop.drain().await;
    // The refused tries have not used the key up.
    shop.cancel(&paying, None, "key-1").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.close().await;
}
