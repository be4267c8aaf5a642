//! What the policy promises about giving money back, one sentence each.

use domain::Won;
use domain::answer::{Answer, Failure, FailureClass, TossCancel, TossPayment, TossStatus};
use domain::attempt::{Operation, Verdict};
use domain::cancellation::{CancellationState, cancel_tag};
use domain::limits::{
    CANCEL_KEYS_MAX, CANCEL_SETTLE_MS, CANCEL_TRIES_MS, POSTS_MAX, UNFINISHED_CALL_MS,
};
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{CancellationMove, Decision, NextJob, Pace, ReviewReason, Step};

use crate::fixture::{AMOUNT, MINUTE_MS, SECOND_MS, START_MS, failure, shown, told, won};
use crate::script::{
    CANCEL_AMOUNT, CancelScript, Script, console_entry, has_new_key, our_entry, shown_with,
    with_cancels,
};

fn is_done(decision: &Decision) -> bool {
    decision.job == NextJob::Succeed
        && matches!(decision.cancellation, Some(CancellationMove::Done { .. }))
}

fn is_refused(decision: &Decision) -> bool {
    decision.job == NextJob::Decline && decision.cancellation == Some(CancellationMove::Refused)
}

/// Toss shows the payment as it was before any cancel.
fn untouched() -> Answer {
    shown(TossStatus::Done)
}

#[test]
fn a_good_answer_gives_back_once_and_tells_what_is_left() {
    let mut job = CancelScript::new();
    let decision = job.sends(shown_with(vec![our_entry("t-1")]));
    assert!(is_done(&decision), "{decision:?}");
    let balance = won(AMOUNT - CANCEL_AMOUNT);
    assert_eq!(decision.event, Some(PaymentEvent::Cancelled { balance }));
}

#[test]
fn an_answer_without_our_entry_proves_nothing() {
    let mut job = CancelScript::new();
    let decision = job.sends(untouched());
    assert_eq!(decision.cancellation, Some(CancellationMove::Unresolved));
    assert_eq!(job.plan(), Step::LookUp);
}

#[test]
fn an_answer_about_another_payment_is_parked_and_never_accepted() {
    let other =
        TossPayment { order_id: "order-2".to_owned(), ..with_cancels(vec![our_entry("t-1")]) };
    let mut job = CancelScript::new();
    let decision = job.sends(Answer::Payment(Box::new(other)));
    assert_eq!(decision.job, NextJob::Park(ReviewReason::AnswerMismatch));
    assert_eq!(decision.cancellation, Some(CancellationMove::Unresolved));
}

#[test]
fn a_lost_answer_is_unresolved_and_looked_up_before_any_second_call() {
    let mut job = CancelScript::new();
    let decision = job.sends(failure(FailureClass::Unanswered));
    assert_eq!(decision.cancellation, Some(CancellationMove::Unresolved));
    let decision = job.looks_up(untouched());
    assert_eq!((decision.verdict, decision.cancellation), (Verdict::Undone, None));
    assert!(!has_new_key(decision.job), "its key still finds out");
}

#[test]
fn the_same_key_is_kept_while_no_answer_came_and_its_answer_counts() {
    let mut job = CancelScript::new();
    for _ in 0..5 {
        job.sends(failure(FailureClass::Unanswered));
        job.looks_up(untouched());
    }
    assert_eq!(job.book.generation, 1);
    let decision = job.sends(shown_with(vec![our_entry("t-1")]));
    assert!(is_done(&decision), "{decision:?}");
}

#[test]
fn a_lost_answer_that_a_look_up_finds_done_ends_done() {
    let mut job = CancelScript::new();
    job.sends_and_dies();
    let decision = job.looks_up(shown_with(vec![our_entry("t-1")]));
    assert!(is_done(&decision), "{decision:?}");
}

#[test]
fn two_entries_that_could_be_ours_are_for_a_person() {
    let twice = vec![our_entry("t-1"), our_entry("t-2")];
    let other_amount = vec![TossCancel { amount: won(1), ..our_entry("t-1") }];
    let tag_lost = vec![console_entry("t-1", CANCEL_AMOUNT)];
    for cancels in [twice, other_amount, tag_lost] {
        let mut job = CancelScript::new();
        job.sends(failure(FailureClass::Unanswered));
        let decision = job.looks_up(shown_with(cancels.clone()));
        assert_eq!(decision.job, NextJob::Park(ReviewReason::AmbiguousCancels), "{cancels:?}");
        assert_eq!(decision.cancellation, Some(CancellationMove::Unresolved), "{cancels:?}");
    }
}

#[test]
fn entries_of_our_other_cancellations_are_never_taken_for_ours() {
    let other_id = "0193a5c2-0000-7000-8000-ba9876543210";
    let reason = format!("changed their mind {}", cancel_tag(other_id));
    let other = TossCancel { reason, ..our_entry("t-0") };
    let mut job = CancelScript::new();
    job.cancel.other_tags = vec![cancel_tag(other_id)];
    job.sends(failure(FailureClass::Unanswered));
    let decision = job.looks_up(shown_with(vec![other]));
    assert_eq!(decision.verdict, Verdict::Undone);
}

#[test]
fn a_new_key_needs_a_look_up_that_began_after_the_answered_error_had_settled() {
    let mut job = CancelScript::new();
    job.sends(failure(FailureClass::Ambiguous));
    let answered_ms = START_MS + 100;
    let early = job.looks_up(untouched());
    assert_eq!(early.verdict, Verdict::Inconclusive);
    assert_eq!(job.book.generation, 1);
    assert!(job.book.now_ms >= answered_ms + CANCEL_SETTLE_MS, "the next look-up waits");
    let settled = job.looks_up(untouched());
    assert_eq!(settled.verdict, Verdict::Undone);
    assert!(has_new_key(settled.job));
    assert_eq!((job.book.generation, job.plan()), (2, Step::Send));
}

#[test]
fn a_call_that_nobody_answered_blocks_a_new_key_until_it_cannot_arrive_any_more() {
    // The first worker pauses before it sends; a later call under the same key gets an error of a gateway.
    let mut job = CancelScript::new();
    job.sends_and_dies();
    job.looks_up(untouched());
    job.sends(failure(FailureClass::Ambiguous));
    let mut last_started_ms = 0;
    while job.book.generation == 1 {
        last_started_ms = job.book.now_ms;
        job.looks_up(untouched());
    }
    assert!(last_started_ms >= START_MS + UNFINISHED_CALL_MS, "{last_started_ms}");
    // Key 2 succeeds; there is nothing left for the first worker to do twice.
    let decision = job.sends(shown_with(vec![our_entry("t-1")]));
    assert!(is_done(&decision), "{decision:?}");
}

#[test]
fn a_refusal_of_the_first_call_is_final_and_frees_the_amount() {
    let mut job = CancelScript::new();
    let decision = job.sends(failure(FailureClass::Refused));
    assert!(is_refused(&decision), "{decision:?}");
}

#[test]
fn a_refusal_of_a_repeated_call_is_looked_up_whatever_its_key() {
    let mut same_key = CancelScript::new();
    same_key.sends(failure(FailureClass::Unanswered));
    same_key.looks_up(untouched());
    same_key.sends(failure(FailureClass::Refused));
    assert!(is_done(&same_key.looks_up(shown_with(vec![our_entry("t-1")]))));

    let mut new_key = CancelScript::new();
    new_key.sends(failure(FailureClass::Ambiguous));
    new_key.looks_up(untouched());
    new_key.looks_up(untouched());
    assert_eq!(
        new_key.sends(failure(FailureClass::Refused)).cancellation,
        Some(CancellationMove::Unresolved)
    );
    assert!(is_done(&new_key.looks_up(shown_with(vec![our_entry("t-1")]))));
}

#[test]
fn already_cancelled_is_done_once_our_entry_is_read_back() {
    let mut job = CancelScript::new();
    job.sends(failure(FailureClass::Unanswered));
    job.looks_up(untouched());
    job.sends(failure(FailureClass::Contradictory));
    assert!(is_done(&job.looks_up(shown_with(vec![our_entry("t-1")]))));
}

#[test]
fn a_disputed_refusal_is_final_only_after_a_look_up() {
    let mut job = CancelScript::new();
    let decision = job.sends(failure(FailureClass::Disputed));
    assert_eq!(decision.cancellation, Some(CancellationMove::Unresolved));
    assert!(is_refused(&job.looks_up(untouched())));
}

#[test]
fn never_more_is_given_back_than_toss_has_left() {
    // Seen before anything is sent.
    let mut first = CancelScript::new();
    first.payment.balance = won(CANCEL_AMOUNT - 1);
    let Step::Conclude(decision) = first.plan() else { panic!() };
    assert!(is_refused(&decision), "{decision:?}");
    // Seen by the look-up after Toss refused our picture of the balance.
    let mut later = CancelScript::new();
    later.sends(failure(FailureClass::Contradictory));
    let console = vec![console_entry("t-1", AMOUNT - CANCEL_AMOUNT + 1)];
    later.looks_up(shown_with(console.clone()));
    let decision = later.looks_up(shown_with(console));
    assert!(is_refused(&decision), "{decision:?}");
    assert_eq!(decision.code.as_deref(), Some("EXCEEDS_BALANCE"));
    let balance = won(CANCEL_AMOUNT - 1);
    assert_eq!(decision.event, Some(PaymentEvent::Cancelled { balance }), "the staff see why");
}

#[test]
fn a_balance_that_sank_after_our_own_call_is_looked_up_before_anything_is_refused() {
    // The first key was proved undone; before the second is used, somebody's look-up shows less money.
    let mut job = CancelScript::new();
    job.sends(failure(FailureClass::Ambiguous));
    job.looks_up(untouched());
    job.looks_up(untouched());
    assert_eq!(job.plan(), Step::Send);
    job.payment.balance = Won::ZERO;
    job.payment.state = PaymentState::Cancelled;
    assert_eq!(job.plan(), Step::LookUp);
    job.payment.state = PaymentState::Confirmed;
    let decision = job.looks_up(shown_with(vec![our_entry("t-1")]));
    assert!(is_done(&decision), "{decision:?}");
}

#[test]
fn errors_for_ever_are_parked_after_a_bounded_number_of_calls_with_toss_code() {
    let mut job = CancelScript::new();
    let answer = Answer::Failure(Failure {
        class: FailureClass::Ambiguous,
        code: "FAILED_PARTIAL_REFUND".to_owned(),
        message: "은행 응답 시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.".to_owned(),
    });
    let mut sends = 0;
    let mut last = None;
    while job.book.end.is_none() {
        if job.plan() == Step::Send {
            sends += 1;
            let decision = job.sends(answer.clone());
            assert!(decision.message.is_some_and(|message| message.contains("환불요청")));
        } else {
            last = Some(job.looks_up(untouched()));
        }
    }
    assert_eq!(sends, CANCEL_KEYS_MAX);
    let last = last.unwrap();
    assert_eq!(last.job, NextJob::Park(ReviewReason::KeysUsedUp));
    assert_eq!(last.code.as_deref(), Some("FAILED_PARTIAL_REFUND"));
    assert!(job.passed_ms() < 60 * MINUTE_MS, "{}", job.passed_ms());
}

#[test]
fn calls_without_an_answer_are_bounded_in_number_and_time() {
    let mut job = CancelScript::new();
    let mut sends = 0;
    while job.book.end.is_none() {
        if job.plan() == Step::Send {
            sends += 1;
            job.sends(failure(FailureClass::Unanswered));
        } else {
            job.looks_up(untouched());
        }
    }
    assert_eq!(job.book.end, Some(NextJob::Park(ReviewReason::GaveUp)));
    assert!(sends <= POSTS_MAX, "{sends}");
    assert!(job.passed_ms() <= CANCEL_TRIES_MS + 60 * MINUTE_MS, "{}", job.passed_ms());
}

#[test]
fn a_day_without_a_connection_is_tried_through_and_then_parked_as_unsent() {
    let mut job = CancelScript::new();
    while job.plan() == Step::Send {
        job.sends(failure(FailureClass::Unsent));
    }
    assert!(job.passed_ms() >= CANCEL_TRIES_MS, "gave up after {} ms", job.passed_ms());
    let step = job.plan();
    // So many attempts may be more than the view holds: a look-up comes before the job stops.
    assert_eq!(step, Step::LookUp);
    let decision = job.looks_up(untouched());
    assert_eq!(decision.job, NextJob::Park(ReviewReason::GaveUp));
}

#[test]
fn a_key_that_was_granted_when_the_day_ended_leads_to_a_stop_and_not_to_a_loop() {
    let mut job = CancelScript::new();
    job.sends(failure(FailureClass::Ambiguous));
    job.book.now_ms = START_MS + CANCEL_TRIES_MS - SECOND_MS / 2;
    assert!(has_new_key(job.looks_up(untouched()).job));
    let decision = job.looks_up(untouched());
    assert_eq!(decision.job, NextJob::Park(ReviewReason::GaveUp));
}

#[test]
fn giving_up_waits_until_an_answered_error_has_settled() {
    let mut job = CancelScript::new();
    job.book.now_ms = START_MS + CANCEL_TRIES_MS - SECOND_MS;
    job.sends(failure(FailureClass::Ambiguous));
    assert_eq!(job.looks_up(untouched()).verdict, Verdict::Inconclusive);
    assert!(job.book.history().is_outcome_unknown());
    let decision = job.looks_up(untouched());
    assert_eq!(decision.job, NextJob::Park(ReviewReason::GaveUp));
    assert!(!job.book.history().is_outcome_unknown());
}

#[test]
fn giving_up_on_a_lost_answer_proves_nothing_while_the_call_may_still_arrive() {
    let mut job = CancelScript::new();
    job.book.now_ms = START_MS + CANCEL_TRIES_MS - SECOND_MS;
    job.sends(failure(FailureClass::Unanswered));
    job.book.now_ms = START_MS + CANCEL_TRIES_MS;
    let decision = job.looks_up(untouched());
    assert_eq!(decision.job, NextJob::Park(ReviewReason::GaveUp));
    assert_eq!(decision.verdict, Verdict::Inconclusive);
    assert!(job.book.history().is_outcome_unknown());
}

#[test]
fn bank_hours_and_the_limiter_are_waited_for_longer_each_time() {
    for (class, pace) in
        [(FailureClass::BankClosed, Pace::BankHours), (FailureClass::Limited, Pace::Limited)]
    {
        let mut job = CancelScript::new();
        let mut repeats = Vec::new();
        while job.book.end.is_none() {
            if job.plan() == Step::Send {
                let decision = job.sends(failure(class));
                let NextJob::Wait(wait) = decision.job else { panic!("{decision:?}") };
                assert_eq!(wait.pace, pace);
                repeats.push(wait.repeats);
            } else {
                job.looks_up(untouched());
            }
        }
        assert_eq!(repeats, [0, 1, 2, 3, 4], "{class:?}");
    }
}

#[test]
fn a_broken_setup_holds_the_cancellation_open_until_somebody_has_mended_it() {
    let mut job = CancelScript::new();
    let decision = job.sends(failure(FailureClass::Broken));
    assert_eq!(decision.job, NextJob::Park(ReviewReason::Setup));
    assert_eq!(decision.cancellation, None);
    job.book.end = None;
    assert!(has_new_key(job.looks_up(untouched()).job));
    assert!(is_done(&job.sends(shown_with(vec![our_entry("t-1")]))));
}

#[test]
fn an_account_cancelled_before_its_deposit_is_done_without_a_transaction() {
    let cancelled = TossPayment { cancels: vec![], ..told(TossStatus::Canceled) };
    for is_answer in [true, false] {
        let mut job = CancelScript::new();
        job.payment.state = PaymentState::WaitingForDeposit;
        job.payment.balance = won(AMOUNT);
        job.cancel.amount = won(AMOUNT);
        let decision = if is_answer {
            job.sends(Answer::Payment(Box::new(cancelled.clone())))
        } else {
            job.sends(failure(FailureClass::Unanswered));
            job.looks_up(Answer::Payment(Box::new(cancelled.clone())))
        };
        assert!(is_done(&decision), "{decision:?}");
        assert_eq!(job.payment.state, PaymentState::Cancelled);
    }
}

#[test]
fn a_cancellation_that_has_ended_is_not_sent_again() {
    for (state, end) in [
        (CancellationState::Done, NextJob::Succeed),
        (CancellationState::Refused, NextJob::Decline),
    ] {
        let mut job = CancelScript::new();
        job.cancel.state = state;
        let Step::Conclude(decision) = job.plan() else { panic!("{state:?}") };
        assert_eq!((decision.job, decision.cancellation), (end, None));
    }
}

#[test]
fn a_payment_that_toss_does_not_know_is_for_a_person() {
    let mut job = CancelScript::new();
    job.sends(failure(FailureClass::Unanswered));
    let decision = job.looks_up(failure(FailureClass::Absent));
    assert_eq!(decision.job, NextJob::Park(ReviewReason::Absent));
    assert_eq!(job.book.attempts.last().map(|last| last.operation), Some(Operation::LookUp));
}
