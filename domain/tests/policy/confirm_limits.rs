//! What the policy promises about the limits of a confirm, one sentence each: budget, window, proof, and who is called when.

use domain::answer::{FailureClass, TossStatus};
use domain::attempt::{Operation, Verdict};
use domain::job::{ActionRefusal, JobState, check_discard};
use domain::limits::{
    CONFIRM_KEYS_MAX, CONFIRM_PROOF_MS, CONFIRM_WINDOW_MS, HISTORY_MAX, POSTS_MAX,
    UNFINISHED_CALL_MS,
};
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{History, NextJob, Pace, ReviewReason, Step, plan_confirm};

use crate::fixture::{MINUTE_MS, SECOND_MS, START_MS, failure, past, payment, shown, unfinished};
use crate::script::{ConfirmScript, READY_TO_CONFIRM, Script, has_new_key};

#[test]
fn answers_that_say_wait_use_no_key_and_need_no_look_up() {
    let waits = [
        (FailureClass::InProgress, Pace::ConfirmInProgress),
        (FailureClass::Throttled, Pace::Throttled),
        (FailureClass::Unsent, Pace::Unsent),
    ];
    for (class, pace) in waits {
        let mut job = ConfirmScript::new();
        for repeats in 0..12 {
            let decision = job.sends(failure(class));
            let NextJob::Wait(wait) = decision.job else { panic!("{decision:?}") };
            assert_eq!((wait.pace, wait.repeats), (pace, repeats), "{class:?}");
        }
        assert_eq!((job.book.generation, job.plan()), (1, Step::Send), "{class:?}");
        // The budget of keys is untouched.
        job.sends(failure(FailureClass::Ambiguous));
        assert!(has_new_key(job.looks_up(shown(READY_TO_CONFIRM)).job), "{class:?}");
    }
}

#[test]
fn what_was_never_worked_on_uses_no_budget_at_all() {
    let attempts: Vec<_> = (0..i64::from(POSTS_MAX) + 10)
        .map(|index| {
            let class = if index % 2 == 0 { FailureClass::Unsent } else { FailureClass::Throttled };
            past(Operation::Confirm, 1, START_MS + index * SECOND_MS, Verdict::Failed(class))
        })
        .collect();
    let history = History::whole(&attempts, 1);
    let facts = payment(PaymentState::Confirming);
    assert_eq!(plan_confirm(&history, &facts, START_MS + MINUTE_MS), Step::Send);
}

#[test]
fn keys_are_bounded_and_then_only_looking_is_left() {
    let mut job = ConfirmScript::new();
    let mut sends = 0;
    while job.book.end.is_none() {
        if job.plan() == Step::Send {
            sends += 1;
            job.sends(failure(FailureClass::Ambiguous));
        } else {
            job.looks_up(shown(READY_TO_CONFIRM));
        }
    }
    assert_eq!(sends, CONFIRM_KEYS_MAX);
    assert_eq!(job.payment.state, PaymentState::Expired);
    assert!(job.passed_ms() >= CONFIRM_PROOF_MS);
}

#[test]
fn calls_are_bounded_when_no_answer_ever_comes() {
    let mut job = ConfirmScript::new();
    // A window that does not end, so that only the number of calls can end it.
    job.payment.confirm_by_ms = i64::MAX;
    let mut sends = 0;
    for _ in 0..200 {
        if job.plan() == Step::Send {
            sends += 1;
            job.sends(failure(FailureClass::Unanswered));
        } else {
            job.looks_up(shown(READY_TO_CONFIRM));
        }
    }
    assert_eq!(sends, POSTS_MAX);
}

#[test]
fn a_confirm_whose_window_closed_before_it_was_sent_is_never_sent() {
    for attempts in
        [vec![], vec![past(Operation::Confirm, 1, START_MS, Verdict::Failed(FailureClass::Unsent))]]
    {
        let history = History::whole(&attempts, 1);
        let facts = payment(PaymentState::Confirming);
        let step = plan_confirm(&history, &facts, START_MS + CONFIRM_WINDOW_MS);
        let Step::Conclude(decision) = step else { panic!("{step:?}") };
        assert_eq!(decision.job, NextJob::Void);
        assert_eq!(decision.event, Some(PaymentEvent::TimePassed));
    }
}

#[test]
fn a_confirm_sent_two_seconds_before_its_window_closes_ends_all_the_same() {
    let late_ms = START_MS + CONFIRM_WINDOW_MS - 2 * SECOND_MS;
    let mut done = ConfirmScript::new();
    done.book.now_ms = late_ms;
    done.sends(failure(FailureClass::Unanswered));
    done.looks_up(shown(READY_TO_CONFIRM));
    done.book.now_ms = START_MS + CONFIRM_WINDOW_MS;
    done.looks_up(shown(TossStatus::Done));
    assert_eq!(done.payment.state, PaymentState::Confirmed);

    let mut undone = ConfirmScript::new();
    undone.book.now_ms = late_ms;
    undone.sends(failure(FailureClass::Unanswered));
    undone.book.now_ms = START_MS + CONFIRM_WINDOW_MS;
    while undone.book.end.is_none() {
        assert_eq!(undone.payment.state, PaymentState::ConfirmUnresolved, "not before the proof");
        undone.looks_up(shown(READY_TO_CONFIRM));
    }
    assert_eq!(undone.payment.state, PaymentState::Expired);
    assert!(undone.passed_ms() >= CONFIRM_PROOF_MS);
    assert!(undone.passed_ms() <= CONFIRM_PROOF_MS + 2 * MINUTE_MS);
}

#[test]
fn an_unknown_outcome_forbids_giving_up_until_a_look_up_settles_it() {
    let check = |attempts: &[_]| check_discard(JobState::Parked, &History::whole(attempts, 1));
    let unknown = Err(ActionRefusal::OutcomeUnknown);
    let sent = |class| past(Operation::Confirm, 1, START_MS, Verdict::Failed(class));
    let undone = |at_ms| past(Operation::LookUp, 1, at_ms, Verdict::Undone);
    let after_answer_ms = START_MS + SECOND_MS;
    let after_arrival_ms = START_MS + UNFINISHED_CALL_MS;
    for class in [FailureClass::Ambiguous, FailureClass::Contradictory, FailureClass::Disputed] {
        assert_eq!(check(&[sent(class)]), unknown, "{class:?}");
        assert_eq!(check(&[sent(class), undone(after_answer_ms)]), Ok(()), "{class:?}");
    }
    for send in [sent(FailureClass::Unanswered), unfinished(Operation::Confirm, 1, START_MS)] {
        assert_eq!(check(std::slice::from_ref(&send)), unknown);
        assert_eq!(check(&[send.clone(), undone(after_arrival_ms - 1)]), unknown);
        assert_eq!(check(&[send, undone(after_arrival_ms)]), Ok(()));
    }
    for class in [FailureClass::Unsent, FailureClass::Refused, FailureClass::Broken] {
        assert_eq!(check(&[sent(class)]), Ok(()), "{class:?}");
    }
}

#[test]
fn a_history_that_may_be_cut_proves_nothing_by_what_it_does_not_show() {
    let count = i64::try_from(HISTORY_MAX).unwrap();
    let look_up = |index| {
        let failed = Verdict::Failed(FailureClass::Unanswered);
        past(Operation::LookUp, 1, START_MS + index * MINUTE_MS, failed)
    };
    let attempts: Vec<_> = (0..count).map(look_up).collect();
    let history = History::whole(&attempts, 1);
    let facts = payment(PaymentState::ConfirmUnresolved);
    let at_ms = START_MS + count * MINUTE_MS;
    assert_eq!(plan_confirm(&history, &facts, at_ms), Step::LookUp, "not: nothing was ever sent");
    assert_eq!(check_discard(JobState::Parked, &history), Err(ActionRefusal::OutcomeUnknown));
}

#[test]
fn a_broken_setup_stops_at_once_and_a_retry_looks_first() {
    let mut job = ConfirmScript::new();
    let decision = job.sends(failure(FailureClass::Broken));
    assert_eq!(decision.job, NextJob::Park(ReviewReason::Setup));
    assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
    job.book.end = None;
    let decision = job.looks_up(shown(READY_TO_CONFIRM));
    assert!(has_new_key(decision.job), "Toss may have kept the refusal under the old key");
}

#[test]
fn look_ups_that_stay_unanswered_call_a_person_after_an_hour_and_go_on() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    let decision = job.looks_up(failure(FailureClass::Unanswered));
    assert_eq!(decision.review, None);
    job.book.now_ms = START_MS + 60 * MINUTE_MS;
    let decision = job.looks_up(failure(FailureClass::Unanswered));
    assert_eq!(decision.review, Some(ReviewReason::LookUpUnanswered));
    assert_eq!(job.looks_up(shown(TossStatus::Done)).job, NextJob::Succeed);
}

#[test]
fn what_toss_shows_and_nothing_of_ours_explains_is_for_a_person() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    let decision = job.looks_up(shown(TossStatus::Unknown("SOMETHING_NEW".to_owned())));
    assert_eq!(decision.job, NextJob::Park(ReviewReason::UnexpectedState));
    assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
}

#[test]
fn what_was_given_back_before_we_knew_that_it_was_taken_is_taken_up_and_shown_to_a_person() {
    for status in [TossStatus::Canceled, TossStatus::PartialCanceled] {
        let mut job = ConfirmScript::new();
        job.sends(failure(FailureClass::Unanswered));
        let decision = job.looks_up(shown(status));
        assert_eq!(decision.job, NextJob::Succeed);
        assert_eq!(decision.review, Some(ReviewReason::UnexpectedState));
        assert!(!job.payment.state.is_undecided(), "{:?}", job.payment.state);
    }
}

#[test]
fn a_payment_that_is_decided_already_is_not_sent_again() {
    for (state, job) in [
        (PaymentState::Confirmed, NextJob::Succeed),
        (PaymentState::WaitingForDeposit, NextJob::Succeed),
        (PaymentState::Cancelled, NextJob::Succeed),
        (PaymentState::Failed, NextJob::Decline),
        (PaymentState::Expired, NextJob::Decline),
    ] {
        let history = History::whole(&[], 1);
        let step = plan_confirm(&history, &payment(state), START_MS);
        let Step::Conclude(decision) = step else { panic!("{step:?}") };
        assert_eq!((decision.job, decision.event), (job, None), "{state:?}");
    }
}
