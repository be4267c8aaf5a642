//! What the policy promises about taking money, one sentence each.

use domain::answer::{Answer, FailureClass, TossFailure, TossPayment, TossStatus};
use domain::attempt::{Operation, Verdict};
use domain::job::JobState;
use domain::limits::UNFINISHED_CALL_MS;
use domain::order::OrderState;
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{History, NextJob, ReviewReason, Step, decide_confirm};
use domain::status::{CustomerStatus, Standing, customer_view};

use crate::fixture::{SECOND_MS, START_MS, failure, now, past, payment, shown, told, won};
use crate::script::{ConfirmScript, READY_TO_CONFIRM, Script, has_new_key};

#[test]
fn a_good_answer_takes_the_money_with_one_call() {
    let mut job = ConfirmScript::new();
    let decision = job.sends(shown(TossStatus::Done));
    assert_eq!(decision.job, NextJob::Succeed);
    assert_eq!(job.payment.state, PaymentState::Confirmed);
}

#[test]
fn an_answer_about_another_payment_is_parked_and_never_accepted() {
    let wrong = [
        TossPayment { order_id: "order-2".to_owned(), ..told(TossStatus::Done) },
        TossPayment { payment_key: "pay-2".to_owned(), ..told(TossStatus::Done) },
        TossPayment { total: won(9_999), ..told(TossStatus::Done) },
        TossPayment { currency: "USD".to_owned(), ..told(TossStatus::Done) },
    ];
    for told in wrong {
        let mut job = ConfirmScript::new();
        let decision = job.sends(Answer::Payment(Box::new(told.clone())));
        assert_eq!(decision.job, NextJob::Park(ReviewReason::AnswerMismatch));
        assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);

        let mut job = ConfirmScript::new();
        job.sends(failure(FailureClass::Unanswered));
        let decision = job.looks_up(Answer::Payment(Box::new(told)));
        assert_eq!(decision.job, NextJob::Park(ReviewReason::AnswerMismatch));
        assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
    }
}

#[test]
fn a_lost_answer_is_looked_up_before_any_second_call_and_the_customer_is_told_to_wait() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    let standing = Standing {
        order: OrderState::Paying,
        pay_by_ms: START_MS,
        payment: Some(job.payment.state),
        confirm_job: Some(JobState::Waiting),
        is_refunding: false,
        open_cancel_since_ms: None,
        since_ms: START_MS,
    };
    let view = customer_view(&standing, START_MS + 5 * SECOND_MS);
    assert_eq!((view.status, view.ask_again_s), (CustomerStatus::Checking, Some(1)));
    let decision = job.looks_up(shown(TossStatus::Done));
    assert_eq!(decision.job, NextJob::Succeed);
    assert_eq!(job.payment.state, PaymentState::Confirmed);
}

#[test]
fn a_call_whose_worker_died_is_looked_up_like_a_lost_answer() {
    let mut job = ConfirmScript::new();
    job.sends_and_dies();
    let decision = job.looks_up(shown(READY_TO_CONFIRM));
    assert_eq!(decision.verdict, Verdict::Undone);
    assert!(!has_new_key(decision.job), "its key still finds out");
    assert_eq!(job.plan(), Step::Send);
}

#[test]
fn the_same_key_is_kept_while_no_answer_came() {
    let mut job = ConfirmScript::new();
    for _ in 0..5 {
        job.sends(failure(FailureClass::Unanswered));
        let decision = job.looks_up(shown(READY_TO_CONFIRM));
        assert!(!has_new_key(decision.job));
    }
    assert_eq!(job.book.generation, 1);
}

#[test]
fn no_answer_to_a_money_call_ever_changes_the_key() {
    for class in FailureClass::ALL {
        for earlier in [None, Some(FailureClass::Unanswered), Some(FailureClass::Ambiguous)] {
            let attempts: Vec<_> = earlier
                .map(|class| past(Operation::Confirm, 1, START_MS, Verdict::Failed(class)))
                .into_iter()
                .collect();
            let history = History::whole(&attempts, 1);
            let at_ms = START_MS + SECOND_MS;
            let current = now(Operation::Confirm, at_ms);
            let facts = payment(PaymentState::Confirming);
            let decision = decide_confirm(&history, &facts, current, &failure(class), at_ms);
            assert!(!has_new_key(decision.job), "{class:?} after {earlier:?}");
        }
    }
}

#[test]
fn an_answered_error_never_gets_the_same_key_again() {
    let answered = [
        FailureClass::Ambiguous,
        FailureClass::Contradictory,
        FailureClass::Limited,
        FailureClass::BankClosed,
    ];
    for class in answered {
        let mut job = ConfirmScript::new();
        job.sends(failure(class));
        let decision = job.looks_up(shown(READY_TO_CONFIRM));
        assert_eq!(decision.verdict, Verdict::Undone, "{class:?}");
        assert!(has_new_key(decision.job), "{class:?}");
        assert_eq!((job.book.generation, job.plan()), (2, Step::Send), "{class:?}");
    }
}

#[test]
fn an_error_followed_by_proof_of_the_money_ends_confirmed() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Ambiguous));
    assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
    assert_eq!(job.looks_up(shown(TossStatus::Done)).job, NextJob::Succeed);
    assert_eq!(job.payment.state, PaymentState::Confirmed);
}

#[test]
fn an_error_that_a_same_key_call_replays_is_not_a_failure() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    job.looks_up(failure(FailureClass::Absent));
    job.sends(failure(FailureClass::Ambiguous));
    assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
    job.looks_up(shown(TossStatus::Done));
    assert_eq!(job.payment.state, PaymentState::Confirmed);
}

#[test]
fn already_processed_never_turns_a_paid_order_into_a_failed_one() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Contradictory));
    assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
    job.looks_up(shown(TossStatus::Done));
    assert_eq!(job.payment.state, PaymentState::Confirmed);
}

#[test]
fn a_refusal_of_the_first_call_is_final() {
    for class in [FailureClass::Refused, FailureClass::Absent] {
        let mut job = ConfirmScript::new();
        let decision = job.sends(failure(class));
        assert_eq!(decision.job, NextJob::Decline, "{class:?}");
        assert_eq!(job.payment.state, PaymentState::Failed, "{class:?}");
    }
}

#[test]
fn a_refusal_of_a_repeated_call_is_looked_up_whatever_its_key() {
    let mut same_key = ConfirmScript::new();
    same_key.sends(failure(FailureClass::Unanswered));
    same_key.looks_up(shown(READY_TO_CONFIRM));
    same_key.sends(failure(FailureClass::Refused));
    assert_eq!(same_key.plan(), Step::LookUp);
    same_key.looks_up(shown(TossStatus::Done));
    assert_eq!(same_key.payment.state, PaymentState::Confirmed);

    let mut new_key = ConfirmScript::new();
    new_key.sends(failure(FailureClass::Ambiguous));
    new_key.looks_up(shown(READY_TO_CONFIRM));
    new_key.sends(failure(FailureClass::Refused));
    assert_eq!(new_key.payment.state, PaymentState::ConfirmUnresolved);
    new_key.looks_up(shown(TossStatus::Done));
    assert_eq!(new_key.payment.state, PaymentState::Confirmed);
}

#[test]
fn a_refusal_of_a_repeated_call_is_final_once_a_look_up_shows_nothing_and_nothing_is_under_way() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    job.looks_up(shown(READY_TO_CONFIRM));
    job.sends(failure(FailureClass::Refused));
    while job.book.end.is_none() {
        assert_eq!(job.payment.state, PaymentState::ConfirmUnresolved);
        job.looks_up(shown(READY_TO_CONFIRM));
    }
    assert_eq!(job.payment.state, PaymentState::Failed);
    assert!(job.passed_ms() >= UNFINISHED_CALL_MS, "{} ms", job.passed_ms());
    assert!(job.passed_ms() <= 2 * UNFINISHED_CALL_MS, "{} ms", job.passed_ms());
}

#[test]
fn a_call_that_nobody_answered_blocks_a_new_key_while_it_may_still_arrive() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    job.looks_up(shown(READY_TO_CONFIRM));
    // A gateway's error: Toss may never have seen the key.
    job.sends(failure(FailureClass::Ambiguous));
    while !has_new_key(job.looks_up(shown(READY_TO_CONFIRM)).job) {
        assert!(job.passed_ms() < 2 * UNFINISHED_CALL_MS, "{} ms", job.passed_ms());
    }
    assert!(job.passed_ms() >= UNFINISHED_CALL_MS, "{} ms", job.passed_ms());
}

#[test]
fn what_toss_aborted_or_expired_is_final_unless_a_dead_worker_may_still_be_sending() {
    for (status, state) in
        [(TossStatus::Aborted, PaymentState::Failed), (TossStatus::Expired, PaymentState::Expired)]
    {
        let mut lost = ConfirmScript::new();
        lost.sends(failure(FailureClass::Unanswered));
        lost.looks_up(shown(status.clone()));
        assert_eq!(lost.payment.state, state);

        let mut died = ConfirmScript::new();
        died.sends_and_dies();
        died.looks_up(shown(status.clone()));
        assert_eq!(died.payment.state, PaymentState::ConfirmUnresolved);
        died.book.now_ms = START_MS + UNFINISHED_CALL_MS;
        died.looks_up(shown(status));
        assert_eq!(died.payment.state, state);
    }
}

#[test]
fn the_reason_of_a_decline_is_told_when_a_look_up_finds_it() {
    let mut job = ConfirmScript::new();
    job.sends(failure(FailureClass::Unanswered));
    let failure = TossFailure { code: "REJECT_CARD_COMPANY".to_owned(), message: "no".to_owned() };
    let told = TossPayment { failure: Some(failure), ..told(TossStatus::Aborted) };
    let decision = job.looks_up(Answer::Payment(Box::new(told)));
    assert_eq!(decision.code.as_deref(), Some("REJECT_CARD_COMPANY"));
    assert_eq!(decision.message.as_deref(), Some("no"));
}

#[test]
fn a_session_that_is_gone_is_time_that_passed_and_not_a_decline() {
    let mut job = ConfirmScript::new();
    let answer = Answer::Failure(domain::answer::Failure {
        class: FailureClass::Refused,
        code: "NOT_FOUND_PAYMENT_SESSION".to_owned(),
        message: String::new(),
    });
    assert_eq!(job.sends(answer).event, Some(PaymentEvent::TimePassed));
    assert_eq!(job.payment.state, PaymentState::Expired);
}
