//! Closing a review by hand: a person has dealt with what was asked, and nothing is left undone by saying so. The money's state is never
//! changed by it, and no word of a person stands in for proof.

use crate::job::ActionRefusal;
use crate::payment::PaymentState;
use crate::policy::ReviewReason;

/// What the rules look at in a payment that a person is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewFacts {
    /// Where it stands.
    pub state: PaymentState,
    /// What is asked, if anything is.
    pub reason: Option<ReviewReason>,
    /// Whether a job of it is parked.
    pub has_parked_job: bool,
    /// Whether a job of it goes on by itself.
    pub has_job_under_way: bool,
    /// Whether a cancellation of it has no end yet.
    pub has_open_cancellation: bool,
}

/// Whether a person may close the review of a payment.
///
/// # Errors
/// [`ActionRefusal`] says why not.
pub const fn check_close_review(payment: &ReviewFacts) -> Result<(), ActionRefusal> {
    let Some(reason) = payment.reason else { return Err(ActionRefusal::NotInReview) };
    if payment.state.is_undecided() {
        return Err(ActionRefusal::OutcomeUnknown);
    }
    if payment.has_parked_job {
        return Err(ActionRefusal::JobFirst);
    }
    if payment.has_job_under_way {
        return Err(ActionRefusal::UnderWay);
    }
    if payment.has_open_cancellation {
        return Err(ActionRefusal::OutcomeUnknown);
    }
    match reason {
        // What they asked is answered by then: nothing is parked, nothing under way, nothing open.
        ReviewReason::Setup
        | ReviewReason::AmbiguousCancels
        | ReviewReason::KeysUsedUp
        | ReviewReason::GaveUp
        | ReviewReason::LookUpUnanswered
        | ReviewReason::CrashLoop
        | ReviewReason::KeysMissing
        // To be known to a person, who has seen it.
        | ReviewReason::AnswerMismatch
        | ReviewReason::UnexpectedState
        | ReviewReason::LateApproval
        | ReviewReason::DepositReversed => Ok(()),
        // Toss does not know of money that we count on: nobody's word replaces it.
        ReviewReason::Absent => match payment.state {
            PaymentState::Confirmed
            | PaymentState::PartiallyCancelled
            | PaymentState::WaitingForDeposit
            | PaymentState::Confirming
            | PaymentState::ConfirmUnresolved => Err(ActionRefusal::EndsByProof),
            PaymentState::Cancelled | PaymentState::Failed | PaymentState::Expired => Ok(()),
        },
        // Whether the money came into an account whose time is over, only Toss knows.
        ReviewReason::LeftBehind => match payment.state {
            PaymentState::WaitingForDeposit
            | PaymentState::Confirming
            | PaymentState::ConfirmUnresolved => Err(ActionRefusal::EndsByProof),
            PaymentState::Confirmed
            | PaymentState::PartiallyCancelled
            | PaymentState::Cancelled
            | PaymentState::Failed
            | PaymentState::Expired => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(verdict: Result<(), ActionRefusal>) -> String {
        verdict.map_or_else(|refusal| format!("{refusal:?}"), |()| "yes".to_owned())
    }

    fn at_rest(reason: ReviewReason, state: PaymentState) -> ReviewFacts {
        ReviewFacts {
            state,
            reason: Some(reason),
            has_parked_job: false,
            has_job_under_way: false,
            has_open_cancellation: false,
        }
    }

    #[test]
    fn the_whole_table_is_as_reviewed() {
        let mut table = format!(
            "{:<18} {:<19} {:<14} {:<14} {:<14} open cancellation\n",
            "review", "payment", "at rest", "parked job", "job under way"
        );
        for reason in ReviewReason::ALL {
            for state in PaymentState::ALL {
                let rest = at_rest(reason, state);
                let cells = [
                    rest,
                    ReviewFacts { has_parked_job: true, ..rest },
                    ReviewFacts { has_job_under_way: true, ..rest },
                    ReviewFacts { has_open_cancellation: true, ..rest },
                ]
                .map(|facts| word(check_close_review(&facts)));
                let [rest, parked, under_way, open] = cells;
                table.push_str(&format!(
                    "{:<18} {:<19} {rest:<14} {parked:<14} {under_way:<14} {open}\n",
                    reason.word(),
                    state.word()
                ));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_payment_whose_outcome_is_unknown_is_never_closed_whatever_is_asked() {
        for reason in ReviewReason::ALL {
            for state in [PaymentState::Confirming, PaymentState::ConfirmUnresolved] {
                let closed = check_close_review(&at_rest(reason, state));
                assert_eq!(closed, Err(ActionRefusal::OutcomeUnknown), "{reason:?}");
            }
        }
    }

    #[test]
    fn what_is_not_in_review_has_nothing_to_close() {
        let quiet =
            ReviewFacts { reason: None, ..at_rest(ReviewReason::Setup, PaymentState::Failed) };
        assert_eq!(check_close_review(&quiet), Err(ActionRefusal::NotInReview));
    }
}
