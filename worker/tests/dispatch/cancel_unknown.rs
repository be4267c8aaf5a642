//! Every class of failure of a cancel, through the real client: nothing is given back twice, and nothing is forgotten.

use domain::cancellation::CancellationState;
use domain::job::JobState;
use domain::limits;
use serde_json::{Value, json};

use crate::hands::{Fault, LONG_PAUSE_MS};
use crate::shop::{Paying, Shop};

/// What a fault of the first cancel of 3,000 won ends in.
struct Case {
    fault: Fault,
    state: CancellationState,
    /// How many cancels arrive at Toss, the good one included.
    posts: usize,
    /// How many keys they use.
    keys: usize,
}

fn done(fault: Fault, posts: usize, keys: usize) -> Case {
    Case { fault, state: CancellationState::Done, posts, keys }
}

fn refused(code: &str) -> Case {
    Case { fault: Fault::code(code), state: CancellationState::Refused, posts: 1, keys: 1 }
}

fn cases() -> Vec<Case> {
    vec![
        done(Fault::new("cut_before"), 2, 1),
        done(Fault::new("cut_after"), 1, 1),
        done(Fault::new("in_progress"), 2, 1),
        done(Fault::new("throttle"), 2, 1),
        done(Fault::new("throttle").with("retry_after_seconds", json!(30)), 2, 1),
        done(Fault::new("server_error_before"), 2, 2),
        done(Fault::new("server_error_after"), 1, 1),
        done(Fault::code("PROVIDER_ERROR"), 2, 2),
        done(Fault::code_after("PROVIDER_ERROR"), 1, 1),
        done(Fault::code("FAILED_REFUND_PROCESS"), 2, 2),
        done(Fault::code_after("FAILED_REFUND_PROCESS"), 1, 1),
        done(Fault::code("FORBIDDEN_CONSECUTIVE_REQUEST"), 2, 2),
        done(Fault::code("NOT_AVAILABLE_BANK"), 2, 2),
        // The cancel went through and Toss says that it had been cancelled before: read back, done.
        done(Fault::code_after("ALREADY_CANCELED_PAYMENT"), 1, 1),
        done(Fault::code_after("ALREADY_REFUND_PAYMENT"), 1, 1),
        done(Fault::code_after("NOT_MATCHES_REFUNDABLE_AMOUNT"), 1, 1),
        done(Fault::code("ALREADY_CANCELED_PAYMENT"), 2, 2),
        done(Fault::code_after("NOT_CANCELABLE_AMOUNT"), 1, 1),
        done(Fault::code_after("NOT_CANCELABLE_PAYMENT"), 1, 1),
        done(Fault::code_after("A_CODE_OF_NEXT_YEAR").with("status", json!(400)), 1, 1),
        done(Fault::code("A_CODE_OF_NEXT_YEAR").with("status", json!(400)), 2, 2),
        done(Fault::new("unreadable"), 1, 1),
        done(Fault::new("unreadable_before"), 2, 2),
        done(Fault::new("unreadable_before").with("status", json!(502)), 2, 2),
        done(Fault::new("unknown_values"), 1, 1),
        done(Fault::code("INVALID_REQUEST").with("status", json!(503)), 2, 2),
        refused("INVALID_REQUEST"),
        refused("EXCEED_MAX_REFUND_DUE"),
        refused("NOT_FOUND_PAYMENT"),
        refused("NOT_CANCELABLE_AMOUNT"),
        refused("NOT_CANCELABLE_PAYMENT"),
    ]
}

#[tokio::test]
async fn every_way_in_which_a_cancel_can_fail_ends_right_with_few_calls_and_no_won_lost() {
    let shop = Shop::open().await;
    for Case { fault, state, posts, keys } in cases() {
        let paying = shop.paid(23).await;
        shop.goes_wrong(&paying, "cancel", &fault);
        let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
        shop.drain().await;
        assert_eq!(shop.cancellation(&paying, &id).await, state, "{fault:?}");
        assert_eq!(
            (shop.posts(&paying).len(), shop.keys(&paying).len()),
            (posts + 1, keys + 1),
            "{fault:?}"
        );
        assert!(!shop.job(&job).await.state.is_live(), "{fault:?}");
        assert_eq!(shop.review(&paying).await, None, "{fault:?}");
        shop.assert_money_is_conserved(&paying).await;
        // Nothing stands in the way of the next one.
        shop.cancel(&paying, None, "key-2").await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "cancelled", "{fault:?}");
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_was_never_sent_is_sent_later_under_the_same_key() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    let cut_off = shop.cut_off("worker-2").await;
    for _ in 0..3 {
        cut_off.dispatch(std::slice::from_ref(&job)).await.unwrap();
        assert_eq!(shop.job(&job).await.last_code.as_deref(), Some("CONNECTION_FAILED"));
        assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Sending);
        shop.advance_to(&job).await;
    }
    shop.drain().await;
    assert_eq!(shop.job(&job).await.key_generation, 1);
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn a_key_that_is_not_accepted_holds_the_refund_open_until_somebody_has_mended_it() {
    let shop = Shop::open().await;
    for fault in [Fault::new("unauthorized"), Fault::code("FORBIDDEN_REQUEST")] {
        let paying = shop.paid(23).await;
        shop.goes_wrong(&paying, "cancel", &fault);
        let (id, job) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
        shop.drain().await;
        assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("setup"));
        assert_eq!(shop.review(&paying).await.as_deref(), Some("setup"));
        assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Unresolved);
        shop.retry(&job).await.unwrap();
        shop.drain().await;
        let operations: Vec<_> =
            shop.attempts(&job).await.into_iter().map(|one| one.operation).collect();
        assert_eq!(operations, ["cancel", "look_up", "cancel"], "looks first");
        assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
        assert_eq!(shop.keys(&paying).len(), 3, "and sends under a new key");
        assert_eq!(shop.review(&paying).await, None);
        shop.assert_ended(&paying, &job, JobState::Succeeded, 3).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn an_answer_about_another_payment_is_for_a_person_and_a_retry_reads_back() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("wrong_payment"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("answer_mismatch"));
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Unresolved);
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn whatever_goes_wrong_for_ever_is_parked_after_a_bounded_number_of_calls() {
    let shop = Shop::open().await;
    let for_ever = [
        Fault::new("cut_before"),
        Fault::new("in_progress"),
        Fault::new("throttle").with("retry_after_seconds", json!(600)),
        Fault::new("server_error_before"),
        Fault::code("PROVIDER_ERROR"),
        Fault::code("ALREADY_CANCELED_PAYMENT"),
        Fault::code("FORBIDDEN_CONSECUTIVE_REQUEST"),
        Fault::code("NOT_AVAILABLE_BANK"),
    ];
    for fault in for_ever {
        let paying = shop.paid(23).await;
        shop.goes_wrong(&paying, "cancel", &fault.clone().times(10_000));
        let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
        let began_ms = shop.store.now_ms().await.unwrap();
        shop.drain().await;
        assert_eq!(shop.job(&job).await.state, JobState::Parked, "{fault:?}");
        assert!(shop.cancellation(&paying, &id).await.is_open(), "{fault:?}");
        let took_ms = shop.store.now_ms().await.unwrap() - began_ms;
        assert!(took_ms <= limits::CANCEL_TRIES_MS + 3_600_000, "{fault:?} {took_ms}");
        let cancels = shop.ledger(&paying).calls.cancel;
        // What was refused before any work counts for nothing, and then the day's waits of ten minutes are the bound.
        let waits_only = ["in_progress", "throttle"].contains(&fault.kind);
        let most = if waits_only { 24 * 6 + 10 } else { u64::from(limits::POSTS_MAX) };
        assert!(cancels <= most, "{fault:?} {cancels}");
        assert_eq!(shop.status(&paying).await, "paid", "{fault:?}");
        shop.assert_money_is_conserved(&paying).await;
        // Toss is well again: a retry is still allowed, or a person gives it up where nothing is unknown.
        shop.toss.clear_faults();
        shop.advance(LONG_PAUSE_MS);
        shop.retry(&job).await.unwrap();
        shop.drain().await;
        shop.assert_money_is_conserved(&paying).await;
        let refunds = shop.ledger(&paying).refunds;
        if shop.job(&job).await.state == JobState::Parked {
            assert!(refunds.is_empty(), "{fault:?} {refunds:?}");
            shop.discard(&job).await.unwrap_or_else(|error| panic!("{fault:?} {error}"));
            assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Refused);
        } else {
            assert_eq!(refunds, [3_000], "{fault:?}");
            assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn whatever_two_things_go_wrong_one_after_the_other_the_money_goes_back_once() {
    let shop = Shop::open().await;
    let faults = [
        Fault::new("cut_before"),
        Fault::new("cut_after"),
        Fault::new("server_error_before"),
        Fault::new("server_error_after"),
        Fault::new("in_progress"),
        Fault::code_after("ALREADY_CANCELED_PAYMENT"),
        Fault::code("INVALID_REQUEST"),
    ];
    for first in &faults {
        for second in &faults {
            let paying = shop.paid(2).await;
            shop.goes_wrong(&paying, "cancel", first);
            shop.goes_wrong(&paying, "cancel", second);
            let (id, job) = shop.cancel(&paying, Some(1_000), "key").await.unwrap();
            shop.drain().await;
            let state = shop.cancellation(&paying, &id).await;
            // Only a refusal of what was never done ends it without the money.
            let may_be_refused = [first, second]
                .iter()
                .any(|one| one.kind == "answer_code" && one.more["code"] == "INVALID_REQUEST");
            let is_refused = state == CancellationState::Refused && may_be_refused;
            assert!(
                is_refused || state == CancellationState::Done,
                "{first:?} {second:?}: {state:?}"
            );
            let refunds: &[i64] = if is_refused { &[] } else { &[1_000] };
            assert_eq!(shop.ledger(&paying).refunds, refunds, "{first:?} {second:?}");
            assert!(!shop.job(&job).await.state.is_live());
            shop.assert_money_is_conserved(&paying).await;
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_without_an_answer_that_toss_does_not_show_is_unresolved_and_not_failed() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("server_error_before"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.step(&job).await;
    // Look-ups within the minute in which it may still be finishing prove nothing.
    shop.advance_to(&job).await;
    shop.step(&job).await;
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Unresolved);
    assert_eq!(shop.attempts(&job).await[1].verdict.as_deref(), Some("inconclusive"));
    assert_eq!(shop.job(&job).await.key_generation, 1);
    shop.drain().await;
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    let attempts = shop.attempts(&job).await;
    let (first, second) =
        (&attempts[0], attempts.iter().rfind(|one| one.operation == "cancel").unwrap());
    assert!(second.started_at - first.started_at >= limits::CANCEL_SETTLE_MS);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

/// Entries of `cancels` as Toss shows them.
fn entry(transaction_key: &str, amount: i64, reason: &str) -> Value {
    json!({
        "transactionKey": transaction_key, "cancelAmount": amount, "cancelReason": reason,
        "canceledAt": "2026-01-31T09:05:00+09:00", "cancelStatus": "DONE",
    })
}

fn shows(paying: &Paying, entries: &[Value]) -> Fault {
    let given_back: i64 = entries.iter().map(|one| one["cancelAmount"].as_i64().unwrap()).sum();
    let merge = json!({
        "status": "PARTIAL_CANCELED", "balanceAmount": paying.amount.get() - given_back, "cancels": entries,
    });
    Fault::new("unknown_values").with("merge", merge)
}

#[tokio::test]
async fn two_entries_that_could_be_ours_are_for_a_person_and_nothing_more_is_sent() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_before"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    let tagged = domain::cancellation::tagged_reason("재료 소진", id.as_str());
    let both = [entry("t-1", 3_000, &tagged), entry("t-2", 3_000, &tagged)];
    shop.goes_wrong(&paying, "look_up", &shows(&paying, &both));
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("ambiguous_cancels"));
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Unresolved);
    assert_eq!(shop.posts(&paying).len(), 2);
    let refused = shop.discard(&job).await.unwrap_err();
    assert!(refused.to_string().contains("not known"), "{refused}");
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_whose_tag_toss_lost_is_not_taken_for_a_strangers_while_it_is_open() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_after"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.step(&job).await;
    // Toss shows the entry without our words, to a look-up that staff asked for and to all that follow.
    let key = shop.shown_by_toss(&paying).await["cancels"][0]["transactionKey"]
        .as_str()
        .unwrap()
        .to_owned();
    let untagged = shows(&paying, &[entry(&key, 3_000, "")]).times(1_000);
    shop.goes_wrong(&paying, "look_up", &untagged);
    let look_up = shop.look_up(&job).await;
    shop.step(&look_up).await;
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000], "given back twice");
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("ambiguous_cancels"));
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Unresolved);
    shop.close().await;
}
