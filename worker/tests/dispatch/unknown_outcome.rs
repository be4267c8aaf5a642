//! Every class of failure of a confirm, through the real client: it ends in the right state, with few calls and both ledgers equal.

use domain::job::JobState;
use domain::limits;
use serde_json::json;

use domain::order::LateApproval;

use crate::hands::Fault;
use crate::shop::Shop;

/// What a fault of the first confirm ends in.
struct Case {
    fault: Fault,
    status: &'static str,
    /// How many confirms arrive at Toss, the good one included.
    posts: usize,
    /// How many keys they use.
    keys: usize,
}

fn case(fault: Fault, status: &'static str, posts: usize, keys: usize) -> Case {
    Case { fault, status, posts, keys }
}

fn cases() -> Vec<Case> {
    let decline = Fault::new("decline").with("code", json!("REJECT_CARD_COMPANY"));
    vec![
        // Done or not, an answer that never came is looked up, and the same key is used.
        case(Fault::new("cut_before"), "paid", 2, 1),
        case(Fault::new("cut_after"), "paid", 1, 1),
        // Not worked on: the same key, without a look-up.
        case(Fault::new("in_progress"), "paid", 2, 1),
        case(Fault::new("throttle"), "paid", 2, 1),
        case(Fault::new("throttle").with("retry_after_seconds", json!(30)), "paid", 2, 1),
        // Answered errors may have been done; if not, a new key.
        case(Fault::new("server_error_before"), "paid", 2, 2),
        case(Fault::new("server_error_after"), "paid", 1, 1),
        case(
            Fault::new("server_error_before").with("code", json!("UNKNOWN_PAYMENT_ERROR")),
            "paid",
            2,
            2,
        ),
        case(Fault::code("PROVIDER_ERROR"), "paid", 2, 2),
        case(Fault::code_after("PROVIDER_ERROR"), "paid", 1, 1),
        case(Fault::code("CARD_PROCESSING_ERROR"), "paid", 2, 2),
        case(Fault::code_after("CARD_PROCESSING_ERROR"), "paid", 1, 1),
        case(Fault::code("FORBIDDEN_CONSECUTIVE_REQUEST"), "paid", 2, 2),
        // Contradictions and what we cannot read.
        case(Fault::code("ALREADY_PROCESSED_PAYMENT"), "paid", 2, 2),
        case(Fault::code_after("ALREADY_PROCESSED_PAYMENT"), "paid", 1, 1),
        case(Fault::code_after("ALREADY_PROCESSING_REQUEST"), "paid", 1, 1),
        case(Fault::code("A_CODE_OF_NEXT_YEAR").with("status", json!(400)), "paid", 2, 2),
        case(Fault::code_after("A_CODE_OF_NEXT_YEAR").with("status", json!(403)), "paid", 1, 1),
        case(Fault::new("unreadable"), "paid", 1, 1),
        case(Fault::new("unreadable").with("status", json!(502)), "paid", 1, 1),
        case(Fault::new("unreadable_before"), "paid", 2, 2),
        case(Fault::new("unreadable_before").with("status", json!(502)), "paid", 2, 2),
        case(Fault::new("unreadable_before").with("status", json!(404)), "paid", 2, 2),
        case(Fault::new("unknown_values"), "paid", 1, 1),
        // Refusals of a first request are final.
        case(decline, "failed", 1, 1),
        case(Fault::code("REJECT_CARD_PAYMENT"), "failed", 1, 1),
        case(Fault::code("INVALID_REQUEST"), "failed", 1, 1),
        case(Fault::code("NOT_FOUND_PAYMENT"), "failed", 1, 1),
        case(Fault::code("NOT_FOUND_PAYMENT_SESSION"), "expired", 1, 1),
        // A refusal under a 5xx is none.
        case(Fault::code("REJECT_CARD_PAYMENT").with("status", json!(503)), "paid", 2, 2),
        // Ours to mend: a person.
        case(Fault::new("unauthorized"), "checking", 1, 1),
        case(Fault::code("FORBIDDEN_REQUEST"), "checking", 1, 1),
        case(Fault::new("wrong_payment"), "checking", 1, 1),
    ]
}

#[tokio::test]
async fn every_way_in_which_a_confirm_can_fail_ends_right_with_few_calls_and_no_won_lost() {
    let shop = Shop::open().await;
    for Case { fault, status, posts, keys } in cases() {
        let paying = shop.authenticated(23).await;
        shop.goes_wrong(&paying, "confirm", &fault);
        let job = shop.accept(&paying).await;
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, status, "{fault:?}");
        assert_eq!(shop.posts(&paying).len(), posts, "{fault:?}");
        assert_eq!(shop.keys(&paying).len(), keys, "{fault:?}");
        let state = match status {
            "paid" => JobState::Succeeded,
            "checking" => JobState::Parked,
            _ => JobState::Declined,
        };
        assert_eq!(shop.job(&job).await.state, state, "{fault:?}");
        if fault.kind == "wrong_payment" {
            // Charged and not believed: the retry's look-up finds out.
            shop.retry(&job).await.unwrap();
            shop.drain().await;
        }
        shop.assert_money_is_conserved(&paying).await;
        let mends_it = fault.kind == "unauthorized" || fault.more["code"] == "FORBIDDEN_REQUEST";
        assert_eq!(shop.review(&paying).await.is_some(), mends_it, "{fault:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn whatever_goes_wrong_for_ever_is_given_up_after_a_bounded_number_of_calls() {
    let shop = Shop::open().await;
    let for_ever = [
        Fault::new("cut_before"),
        Fault::new("in_progress"),
        Fault::new("throttle"),
        Fault::new("server_error_before"),
        Fault::new("unreadable_before"),
        Fault::new("unreadable_before").with("status", json!(503)),
        Fault::code("PROVIDER_ERROR"),
        Fault::code("ALREADY_PROCESSED_PAYMENT"),
        Fault::code("FORBIDDEN_CONSECUTIVE_REQUEST"),
        Fault::code("A_CODE_OF_NEXT_YEAR").with("status", json!(400)),
    ];
    for fault in for_ever {
        let paying = shop.authenticated(23).await;
        shop.goes_wrong(&paying, "confirm", &fault.clone().times(1_000));
        let job = shop.accept(&paying).await;
        let began_ms = shop.store.now_ms().await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "expired", "{fault:?}");
        assert!(!shop.job(&job).await.state.is_live(), "{fault:?}");
        let calls = shop.ledger(&paying).calls;
        // "Still processing" uses no budget: its own curve and the window bound it.
        let calls_max = if fault.kind == "in_progress" { 40 } else { u64::from(limits::POSTS_MAX) };
        assert!(calls.confirm <= calls_max, "{fault:?} {calls:?}");
        let ended_ms = shop.job(&job).await.ended_at.unwrap();
        assert!(ended_ms - began_ms <= limits::CONFIRM_PROOF_MS + 120_000, "{fault:?}");
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn whatever_two_things_go_wrong_one_after_the_other_the_money_is_taken_once() {
    let shop = Shop::open().await;
    let faults = [
        Fault::new("cut_before"),
        Fault::new("cut_after"),
        Fault::new("server_error_before"),
        Fault::new("server_error_after"),
        Fault::new("in_progress"),
        Fault::code_after("ALREADY_PROCESSED_PAYMENT"),
        Fault::code("REJECT_CARD_COMPANY"),
    ];
    let look_ups = [None, Some(Fault::new("server_error_before"))];
    for first in &faults {
        for second in &faults {
            for look_up in &look_ups {
                let paying = shop.authenticated(1).await;
                shop.goes_wrong(&paying, "confirm", first);
                shop.goes_wrong(&paying, "confirm", second);
                if let Some(fault) = look_up {
                    shop.goes_wrong(&paying, "look_up", fault);
                }
                let job = shop.accept(&paying).await;
                shop.drain().await;
                let status = shop.status(&paying).await;
                // Only a refusal of what was never done ends it without the money.
                let is_refusal = |fault: &Fault| fault.more["code"] == "REJECT_CARD_COMPANY";
                let is_right = match status {
                    "paid" => !is_refusal(first),
                    "failed" => is_refusal(first) || is_refusal(second),
                    _ => false,
                };
                assert!(is_right, "{first:?} {second:?} {look_up:?}: {status}");
                assert_eq!(shop.ledger(&paying).charges, usize::from(status == "paid"));
                assert!(!shop.job(&job).await.state.is_live());
                shop.assert_money_is_conserved(&paying).await;
            }
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_checked_and_never_offered_to_be_paid_again() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_after"));
    // Not even the look-ups are answered at first.
    shop.goes_wrong(&paying, "look_up", &Fault::new("cut_before").times(5));
    let job = shop.accept(&paying).await;
    assert_eq!(shop.status(&paying).await, "confirming");
    for _ in 0..6 {
        shop.step(&job).await;
        let view = shop.detail(&paying).await.view();
        assert_eq!(view.status.word(), "checking");
        assert!(view.ask_again_s.is_some());
        shop.advance_to(&job).await;
    }
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.detail(&paying).await.view().ask_again_s, None);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn an_error_that_the_same_key_replays_does_not_end_as_a_failure() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    // The first call charges and is answered 500, but that answer is lost on the way; the look-up does not see it yet.
    shop.goes_wrong(&paying, "confirm", &Fault::new("in_progress"));
    shop.goes_wrong(&paying, "confirm", &Fault::new("server_error_after"));
    let stale = json!({"status": "IN_PROGRESS", "approvedAt": null});
    shop.goes_wrong(&paying, "look_up", &Fault::new("unknown_values").with("merge", stale));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.ledger(&paying).charges, 1);
    assert!(!shop.job(&job).await.state.is_live());
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn what_was_never_sent_is_sent_later_under_the_same_key() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let cut_off = shop.cut_off("worker-2").await;
    let job = shop.accept(&paying).await;
    for _ in 0..3 {
        cut_off.dispatch(std::slice::from_ref(&job)).await.unwrap();
        assert_eq!(shop.job(&job).await.last_code.as_deref(), Some("CONNECTION_FAILED"));
        assert_eq!(shop.status(&paying).await, "confirming", "nothing is unknown");
        shop.advance_to(&job).await;
    }
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.job(&job).await.key_generation, 1);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_that_toss_works_on_for_longer_than_we_wait_is_taken_once() {
    let shop = Shop::open_with(simulator::Config::default(), 150).await;
    for kind in ["delay", "delay_after"] {
        let paying = shop.authenticated(23).await;
        shop.goes_wrong(&paying, "confirm", &Fault::new(kind).with("ms", json!(400)));
        let job = shop.accept(&paying).await;
        let settled = shop.step(&job).await;
        assert_eq!(settled.code.as_deref(), Some("NO_ANSWER"));
        // Meanwhile our second call with its key is told that the first is running.
        shop.drain_for(60_000).await;
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "paid", "{kind}");
        assert_eq!(shop.keys(&paying).len(), 1, "{kind}");
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_charge_behind_a_refusal_is_found_and_shown_to_a_person() {
    let shop = Shop::open().await.with_rule(LateApproval::Keep);
    let paying = shop.authenticated(23).await;
    // Toss says no and takes the money.
    shop.goes_wrong(&paying, "confirm", &Fault::code_after("REJECT_CARD_COMPANY"));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "failed");
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.review(&paying).await.as_deref(), Some("late_approval"));
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;
    // The question stays until somebody answers it: here, by giving the money back.
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.review(&paying).await.as_deref(), Some("late_approval"));
    shop.cancel(&paying, None, "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    assert_eq!(shop.review(&paying).await, None, "it was answered");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}
