//! What the policy promises about look-ups that staff or a webhook asked for, one sentence each.

use domain::Won;
use domain::answer::{Answer, FailureClass, TossStatus, VirtualAccount};
use domain::attempt::{Operation, PastAttempt, Verdict};
use domain::limits::{CONFIRM_PROOF_MS, DEPOSIT_TAIL_MS, ESCALATE_AFTER_MS, UNFINISHED_CALL_MS};
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{
    Decision, History, NextJob, Pace, PaymentFacts, ReviewReason, decide_look_up,
};

use crate::fixture::{
    AMOUNT, MINUTE_MS, START_MS, failure, now, past, payment, shown, told, unfinished, won,
};
use crate::script::{console_entry, shown_with};

fn look_up(facts: &PaymentFacts, confirm: &[PastAttempt], at_ms: i64, answer: &Answer) -> Decision {
    let own = History::whole(&[], 1);
    let confirm = History::whole(confirm, 1);
    decide_look_up(&own, &confirm, facts, now(Operation::LookUp, at_ms), answer, at_ms + 100)
}

#[test]
fn positive_evidence_counts_whatever_we_thought_before() {
    for state in
        [PaymentState::Confirming, PaymentState::ConfirmUnresolved, PaymentState::WaitingForDeposit]
    {
        let decision = look_up(&payment(state), &[], START_MS, &shown(TossStatus::Done));
        assert_eq!(decision.event, Some(PaymentEvent::Approved), "{state:?}");
        assert_eq!(decision.review, None, "{state:?}");
    }
}

#[test]
fn a_late_approval_is_taken_up_and_shown_to_a_person() {
    for state in [PaymentState::Failed, PaymentState::Expired] {
        let decision = look_up(&payment(state), &[], START_MS, &shown(TossStatus::Done));
        assert_eq!(decision.event, Some(PaymentEvent::Approved), "{state:?}");
        assert_eq!(decision.review, Some(ReviewReason::LateApproval), "{state:?}");
    }
}

#[test]
fn a_decline_is_taken_up_only_while_no_call_of_a_dead_worker_may_be_under_way() {
    let facts = payment(PaymentState::Confirming);
    let died = [unfinished(Operation::Confirm, 1, START_MS)];
    for (status, event) in [
        (TossStatus::Aborted, PaymentEvent::Declined),
        (TossStatus::Expired, PaymentEvent::TimePassed),
    ] {
        let early = look_up(&facts, &died, START_MS + MINUTE_MS, &shown(status.clone()));
        assert_eq!(early.event, None);
        let late = look_up(&facts, &died, START_MS + UNFINISHED_CALL_MS, &shown(status));
        assert_eq!(late.event, Some(event));
    }
}

#[test]
fn nothing_at_toss_is_proof_only_when_the_time_has_passed() {
    let facts = payment(PaymentState::ConfirmUnresolved);
    let lost = [past(Operation::Confirm, 1, START_MS, Verdict::Failed(FailureClass::Unanswered))];
    for answer in
        [shown(TossStatus::InProgress), shown(TossStatus::Ready), failure(FailureClass::Absent)]
    {
        let early = look_up(&facts, &lost, START_MS + CONFIRM_PROOF_MS - 1, &answer);
        assert_eq!((early.event, early.verdict), (None, Verdict::Undone));
        let late = look_up(&facts, &lost, START_MS + CONFIRM_PROOF_MS, &answer);
        assert_eq!((late.event, late.verdict), (Some(PaymentEvent::TimePassed), Verdict::Proven));
    }
}

#[test]
fn a_paid_order_that_toss_does_not_know_is_for_a_person_and_stays_paid() {
    let decision =
        look_up(&payment(PaymentState::Confirmed), &[], START_MS, &failure(FailureClass::Absent));
    assert_eq!((decision.event, decision.review), (None, Some(ReviewReason::Absent)));
}

#[test]
fn a_paid_order_that_toss_shows_as_failed_is_for_a_person_and_stays_paid() {
    for status in [TossStatus::Aborted, TossStatus::Expired] {
        let decision = look_up(&payment(PaymentState::Confirmed), &[], START_MS, &shown(status));
        let review = Some(ReviewReason::UnexpectedState);
        assert_eq!((decision.event, decision.review), (None, review));
    }
}

#[test]
fn cancels_in_the_console_are_taken_up() {
    let answer = shown_with(vec![console_entry("t-1", 3_000)]);
    let decision = look_up(&payment(PaymentState::Confirmed), &[], START_MS, &answer);
    let balance = won(AMOUNT - 3_000);
    assert_eq!(decision.event, Some(PaymentEvent::Cancelled { balance }));
}

#[test]
fn a_look_up_that_was_overtaken_never_raises_the_balance_again() {
    let facts = PaymentFacts { balance: won(1_000), ..payment(PaymentState::PartiallyCancelled) };
    let answer = shown_with(vec![console_entry("t-1", 3_000)]);
    let decision = look_up(&facts, &[], START_MS, &answer);
    assert_eq!((decision.event, decision.review), (None, None));
}

#[test]
fn a_partial_cancel_that_leaves_nothing_is_a_whole_one() {
    let facts = payment(PaymentState::Confirmed);
    let answer = shown_with(vec![console_entry("t-1", AMOUNT)]);
    let decision = look_up(&facts, &[], START_MS, &answer);
    let event = decision.event.unwrap();
    assert_eq!(event, PaymentEvent::Cancelled { balance: Won::ZERO });
    assert_eq!(facts.state.after(event), Ok(PaymentState::Cancelled));
}

#[test]
fn a_reversed_deposit_is_waited_for_again() {
    let decision = look_up(
        &payment(PaymentState::Confirmed),
        &[],
        START_MS,
        &shown(TossStatus::WaitingForDeposit),
    );
    assert_eq!(decision.event, Some(PaymentEvent::DepositAwaited));
}

#[test]
fn an_answer_about_another_payment_changes_nothing_and_calls_a_person() {
    let mut other = told(TossStatus::Done);
    other.total = won(1);
    let decision =
        look_up(&payment(PaymentState::Failed), &[], START_MS, &Answer::Payment(Box::new(other)));
    assert_eq!((decision.event, decision.review), (None, Some(ReviewReason::AnswerMismatch)));
}

#[test]
fn an_answer_that_went_astray_is_asked_for_again_until_an_hour_has_passed() {
    let mut other = told(TossStatus::Done);
    other.order_id = "another".to_owned();
    let answer = Answer::Payment(Box::new(other));
    let facts = payment(PaymentState::WaitingForDeposit);
    let asked = [past(Operation::LookUp, 0, START_MS, Verdict::Inconclusive)];
    let decide = |now_ms: i64| {
        let (own, confirm) = (History::whole(&asked, 2), History::whole(&[], 1));
        let current = now(Operation::LookUp, now_ms - 100);
        let decision = decide_look_up(&own, &confirm, &facts, current, &answer, now_ms);
        assert_eq!(decision.review, Some(ReviewReason::AnswerMismatch), "a person knows");
        decision.job
    };
    let NextJob::Wait(wait) = decide(START_MS + ESCALATE_AFTER_MS - 1) else {
        panic!("it is asked again")
    };
    assert_eq!((wait.pace, wait.repeats), (Pace::LookUp, 1));
    assert_eq!(decide(START_MS + ESCALATE_AFTER_MS), NextJob::Succeed);
}

#[test]
fn another_payment_under_our_key_that_holds_no_money_proves_after_the_time_that_none_was_taken() {
    let facts = payment(PaymentState::ConfirmUnresolved);
    let sent =
        [past(Operation::Confirm, 1, START_MS, Verdict::Failed(FailureClass::Contradictory))];
    let answer = |status, key: &str| {
        let mut other = told(status);
        other.total = won(1);
        other.balance = Won::ZERO;
        other.payment_key = key.to_owned();
        Answer::Payment(Box::new(other))
    };
    let after_ms = START_MS + CONFIRM_PROOF_MS;
    let key = facts.payment_key.clone();
    for status in
        [TossStatus::Canceled, TossStatus::Ready, TossStatus::Aborted, TossStatus::Expired]
    {
        let decide = |at_ms, key: &str| look_up(&facts, &sent, at_ms, &answer(status.clone(), key));
        for decision in [decide(after_ms - 1, &key), decide(after_ms, "another-key")] {
            assert_eq!(decision.event, Some(PaymentEvent::OutcomeUnknown), "{status:?}");
        }
        let proven = decide(after_ms, &key);
        assert_eq!(proven.event, Some(PaymentEvent::TimePassed), "{status:?}");
        assert_eq!(proven.review, Some(ReviewReason::AnswerMismatch), "a person still sees it");
    }
    for status in [TossStatus::Done, TossStatus::PartialCanceled, TossStatus::WaitingForDeposit] {
        let decision = look_up(&facts, &sent, after_ms, &answer(status, &key));
        assert_eq!(decision.event, Some(PaymentEvent::OutcomeUnknown), "money may be held");
    }
}

#[test]
fn a_part_that_went_back_before_we_knew_of_the_money_is_taken_up_and_shown_to_a_person() {
    for (state, review) in [
        (PaymentState::Confirming, ReviewReason::UnexpectedState),
        (PaymentState::ConfirmUnresolved, ReviewReason::UnexpectedState),
        (PaymentState::WaitingForDeposit, ReviewReason::UnexpectedState),
        (PaymentState::Failed, ReviewReason::LateApproval),
        (PaymentState::Expired, ReviewReason::LateApproval),
    ] {
        let mut part = told(TossStatus::PartialCanceled);
        part.balance = won(1);
        let decision = look_up(&payment(state), &[], START_MS, &Answer::Payment(Box::new(part)));
        assert_eq!(decision.event, Some(PaymentEvent::Cancelled { balance: won(1) }), "{state:?}");
        assert_eq!(decision.review, Some(review), "{state:?}");
    }
}

#[test]
fn a_look_up_never_sends_anything_and_every_answer_leaves_the_machine_legal() {
    let statuses = [
        TossStatus::Ready,
        TossStatus::InProgress,
        TossStatus::WaitingForDeposit,
        TossStatus::Done,
        TossStatus::Canceled,
        TossStatus::PartialCanceled,
        TossStatus::Aborted,
        TossStatus::Expired,
        TossStatus::Unknown("NEW".to_owned()),
    ];
    let answers: Vec<Answer> =
        statuses.into_iter().map(shown).chain(FailureClass::ALL.map(failure)).collect();
    for state in PaymentState::ALL {
        for answer in &answers {
            for minutes in [0, 11, 16] {
                let facts = payment(state);
                let decision = look_up(&facts, &[], START_MS + minutes * MINUTE_MS, answer);
                if let Some(event) = decision.event {
                    assert!(state.after(event).is_ok(), "{state:?} {event:?}");
                }
                let goes_on = match decision.job {
                    NextJob::Wait(wait) => !wait.has_new_key,
                    NextJob::Succeed | NextJob::Park(_) => true,
                    NextJob::Decline | NextJob::Void => false,
                };
                assert!(goes_on, "{state:?} {answer:?} {decision:?}");
            }
        }
    }
}

#[test]
fn an_account_that_nobody_paid_into_is_over_some_minutes_after_its_time_or_when_toss_says_so() {
    let facts = payment(PaymentState::WaitingForDeposit);
    let due_ms = START_MS + MINUTE_MS;
    let awaited = |due_at_ms, is_expired| {
        let mut told = told(TossStatus::WaitingForDeposit);
        told.virtual_account = Some(VirtualAccount {
            bank_code: "20".to_owned(),
            account_number: "X123".to_owned(),
            customer_name: None,
            due_at_ms,
            is_expired,
            refund_status: None,
        });
        Answer::Payment(Box::new(told))
    };
    for (answer, at_ms, event) in [
        (awaited(Some(due_ms), false), due_ms, PaymentEvent::DepositAwaited),
        (awaited(Some(due_ms), false), due_ms + DEPOSIT_TAIL_MS - 1, PaymentEvent::DepositAwaited),
        (awaited(Some(due_ms), false), due_ms + DEPOSIT_TAIL_MS, PaymentEvent::TimePassed),
        (awaited(Some(due_ms), true), START_MS, PaymentEvent::TimePassed),
        (awaited(None, false), due_ms + DEPOSIT_TAIL_MS, PaymentEvent::DepositAwaited),
    ] {
        let decision = look_up(&facts, &[], at_ms, &answer);
        assert_eq!(decision.event, Some(event), "{at_ms}");
        assert_eq!(decision.review, None);
    }
    // Toss goes on showing that it waits, and whoever looks again learns nothing new.
    let over = payment(PaymentState::Expired);
    let again = look_up(&over, &[], due_ms + DEPOSIT_TAIL_MS, &awaited(Some(due_ms), false));
    assert_eq!((again.event, again.review), (None, None));
    let late = look_up(&over, &[], START_MS, &shown(TossStatus::Done));
    assert_eq!(late.event, Some(PaymentEvent::Approved), "money always counts");
}

#[test]
fn a_deposit_that_went_back_is_awaited_again_and_shown_to_a_person() {
    for state in [PaymentState::Confirmed, PaymentState::PartiallyCancelled] {
        let decision =
            look_up(&payment(state), &[], START_MS, &shown(TossStatus::WaitingForDeposit));
        assert_eq!(decision.event, Some(PaymentEvent::DepositAwaited), "{state:?}");
        assert_eq!(decision.review, Some(ReviewReason::DepositReversed), "{state:?}");
    }
}
