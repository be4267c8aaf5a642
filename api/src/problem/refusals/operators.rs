//! Refusals of what operators do beyond one job.

use domain::action::{DueTimeRefusal, MatchRefusal, NoneRefusal};
use store::bulk::BulkError;
use store::{ChangeDueTimeError, CloseReviewError, MatchError};

use crate::problem::{Problem, ProblemCode};
use crate::views::instant;

impl From<DueTimeRefusal> for Problem {
    fn from(refusal: DueTimeRefusal) -> Problem {
        match refusal {
            DueTimeRefusal::NotNow(refusal) => refusal.into(),
            DueTimeRefusal::TooEarly { earliest_ms } => {
                Problem::new(ProblemCode::DueTooEarly).with("earliest", instant(earliest_ms))
            }
            DueTimeRefusal::TooLate { latest_ms } => {
                Problem::new(ProblemCode::DueTooLate).with("latest", instant(latest_ms))
            }
        }
    }
}

impl From<ChangeDueTimeError> for Problem {
    fn from(error: ChangeDueTimeError) -> Problem {
        match error {
            ChangeDueTimeError::Unknown => Problem::new(ProblemCode::JobUnknown),
            ChangeDueTimeError::Changed { due_at_ms } => {
                Problem::new(ProblemCode::JobChanged).with("dueAt", instant(due_at_ms))
            }
            ChangeDueTimeError::Refused(refusal) => refusal.into(),
            ChangeDueTimeError::Store(error) => error.into(),
        }
    }
}

impl From<MatchRefusal> for Problem {
    fn from(refusal: MatchRefusal) -> Problem {
        match refusal {
            MatchRefusal::NotNow(refusal) => refusal.into(),
            MatchRefusal::UnknownEntry => Problem::new(ProblemCode::MatchEntryUnknown),
            MatchRefusal::AmountDiffers { here, there } => {
                Problem::new(ProblemCode::MatchAmountDiffers)
                    .with("amountHere", here.get())
                    .with("amountThere", there.get())
            }
        }
    }
}

impl From<NoneRefusal> for Problem {
    fn from(refusal: NoneRefusal) -> Problem {
        match refusal {
            NoneRefusal::NotNow(refusal) => refusal.into(),
            NoneRefusal::NotSettled => Problem::new(ProblemCode::MatchNotSettled),
            NoneRefusal::CarriesOurTag => Problem::new(ProblemCode::MatchCarriesTag),
        }
    }
}

impl From<MatchError> for Problem {
    fn from(error: MatchError) -> Problem {
        match error {
            MatchError::Unknown => Problem::new(ProblemCode::CancelUnknown),
            MatchError::Changed => Problem::new(ProblemCode::PaymentChanged),
            MatchError::Refused(refusal) => refusal.into(),
            MatchError::NoneRefused(refusal) => refusal.into(),
            MatchError::Store(error) => error.into(),
        }
    }
}

impl From<CloseReviewError> for Problem {
    fn from(error: CloseReviewError) -> Problem {
        match error {
            CloseReviewError::Unknown => Problem::new(ProblemCode::CancelBeforePayment),
            CloseReviewError::Changed => Problem::new(ProblemCode::PaymentChanged),
            CloseReviewError::Refused(refusal) => refusal.into(),
            CloseReviewError::Store(error) => error.into(),
        }
    }
}

impl From<BulkError> for Problem {
    fn from(error: BulkError) -> Problem {
        match error {
            BulkError::Empty => Problem::new(ProblemCode::BulkEmpty),
            BulkError::TooMany { most } => {
                Problem::new(ProblemCode::BulkTooMany).with("most", most)
            }
            BulkError::Busy => Problem::new(ProblemCode::BulkBusy),
            BulkError::Changed => Problem::new(ProblemCode::BulkChanged),
            BulkError::Unknown => Problem::new(ProblemCode::BulkRunUnknown),
            BulkError::Ended => Problem::new(ProblemCode::BulkRunEnded),
            BulkError::Store(error) => error.into(),
        }
    }
}
