//! Which refusal of the domain or the store becomes which problem. Exhaustive: a new refusal stops the build here.

mod operators;

use domain::cancellation::CancelRefusal;
use domain::cart::CartProblem;
use domain::job::ActionRefusal;
use domain::order::NotPayable;
use store::catalogue::QuoteError;
use store::{AcceptCancelError, AcceptConfirmError, ActError, StoreError};

use super::{FieldProblem, Place, Problem, ProblemCode};

/// When to come again after the database failed: longer than a restart of a healthy one takes to be noticed.
const DATABASE_RETRY_S: u64 = 2;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let problem = match error {
            StoreError::Database(_) => {
                Problem::new(ProblemCode::Unavailable).retry_after_s(DATABASE_RETRY_S)
            }
            StoreError::UnreadableRow { .. } | StoreError::Schema(_) => {
                Problem::new(ProblemCode::Internal)
            }
        };
        problem.caused_by(error)
    }
}

/// A place in the cart's line, with the code and the words of the problem.
fn in_line(line: usize, field: &str, code: ProblemCode) -> FieldProblem {
    let place = Place::Body(format!("/items/{line}/{field}"));
    FieldProblem::new(place, code.word(), code.info().detail)
}

impl From<CartProblem> for Problem {
    fn from(problem: CartProblem) -> Problem {
        use CartProblem as P;
        let code = cart_code(&problem);
        let refusal = Problem::new(code);
        match problem {
            P::EmptyCart => refusal,
            P::TooManyLines { most, .. } => refusal.with("most", most),
            P::QuantityOutOfRange { line, most, .. } => {
                refusal.at(in_line(line, "quantity", code)).with("most", most)
            }
            P::UnknownProduct { line, product_id }
            | P::ForeignProduct { line, product_id, store_id: _ }
            | P::UnavailableProduct { line, product_id } => refusal
                .at(in_line(line, "productId", code))
                .with("productId", product_id.into_string()),
            P::UnknownOption { line, product_id, option_id }
            | P::UnavailableOption { line, product_id, option_id }
            | P::DuplicateOption { line, product_id, option_id } => refusal
                .at(in_line(line, "options", code))
                .with("productId", product_id.into_string())
                .with("optionId", option_id.into_string()),
            P::TooManyOptions { line, product_id, most, .. } => refusal
                .at(in_line(line, "options", code))
                .with("productId", product_id.into_string())
                .with("most", most),
            P::TooFewChoices { line, product_id, group_id, least, .. } => refusal
                .at(in_line(line, "options", code))
                .with("productId", product_id.into_string())
                .with("groupId", group_id.into_string())
                .with("least", least),
            P::TooManyChoices { line, product_id, group_id, most, .. } => refusal
                .at(in_line(line, "options", code))
                .with("productId", product_id.into_string())
                .with("groupId", group_id.into_string())
                .with("most", most),
            P::StoreClosed { store_id } => refusal.with("storeId", store_id.into_string()),
            P::BelowMinimumOrder { minimum, items_amount } => {
                refusal.with("minimumOrder", minimum.get()).with("itemsAmount", items_amount.get())
            }
            P::AmountTooLarge { most } => refusal.with("most", most.get()),
            P::AmountTooSmall { least, amount } => {
                refusal.with("least", least.get()).with("amount", amount.get())
            }
        }
    }
}

const fn cart_code(problem: &CartProblem) -> ProblemCode {
    use CartProblem as P;
    use ProblemCode as C;
    match problem {
        P::EmptyCart => C::EmptyCart,
        P::TooManyLines { .. } => C::CartTooLarge,
        P::QuantityOutOfRange { .. } => C::QuantityOutOfRange,
        P::UnknownProduct { .. } => C::ProductUnknown,
        P::ForeignProduct { .. } => C::ProductOfOtherStore,
        P::UnavailableProduct { .. } => C::ProductUnavailable,
        P::UnknownOption { .. } => C::OptionUnknown,
        P::UnavailableOption { .. } => C::OptionUnavailable,
        P::DuplicateOption { .. } => C::OptionDuplicate,
        P::TooManyOptions { .. } => C::TooManyOptions,
        P::TooFewChoices { .. } => C::TooFewChoices,
        P::TooManyChoices { .. } => C::TooManyChoices,
        P::StoreClosed { .. } => C::StoreClosed,
        P::BelowMinimumOrder { .. } => C::BelowMinimumOrder,
        P::AmountTooLarge { .. } => C::AmountTooLarge,
        P::AmountTooSmall { .. } => C::AmountTooSmall,
    }
}

impl From<QuoteError> for Problem {
    fn from(error: QuoteError) -> Problem {
        match error {
            QuoteError::UnknownStore => Problem::new(ProblemCode::StoreUnknown),
            QuoteError::Cart(problem) => problem.into(),
            QuoteError::Store(error) => error.into(),
        }
    }
}

impl From<NotPayable> for Problem {
    fn from(refusal: NotPayable) -> Problem {
        Problem::new(match refusal {
            NotPayable::HasPayment => ProblemCode::OrderHasPayment,
            NotPayable::Closed => ProblemCode::OrderClosed,
            NotPayable::Lapsed => ProblemCode::OrderLapsed,
        })
    }
}

impl From<AcceptConfirmError> for Problem {
    fn from(error: AcceptConfirmError) -> Problem {
        match error {
            AcceptConfirmError::UnknownOrder => Problem::new(ProblemCode::OrderUnknown),
            AcceptConfirmError::AmountDiffers { amount } => {
                Problem::new(ProblemCode::ConfirmAmountMismatch).with("amount", amount.get())
            }
            AcceptConfirmError::NotPayable(refusal) => refusal.into(),
            AcceptConfirmError::OtherConfirm => Problem::new(ProblemCode::ConfirmConflict),
            AcceptConfirmError::PaymentKeyTaken => Problem::new(ProblemCode::PaymentKeyTaken),
            AcceptConfirmError::Store(error) => error.into(),
        }
    }
}

impl From<CancelRefusal> for Problem {
    fn from(refusal: CancelRefusal) -> Problem {
        match refusal {
            CancelRefusal::NothingTaken(_) => Problem::new(ProblemCode::CancelNothingTaken),
            CancelRefusal::Undecided => Problem::new(ProblemCode::CancelUndecided).retry_after_s(2),
            CancelRefusal::NothingLeft => {
                Problem::new(ProblemCode::CancelNothingLeft).with("available", 0)
            }
            CancelRefusal::TooMuch { available } => {
                Problem::new(ProblemCode::CancelExceedsBalance).with("available", available.get())
            }
            CancelRefusal::Zero => Problem::new(ProblemCode::CancelZero),
            CancelRefusal::WholeOnly => Problem::new(ProblemCode::CancelWholeOnly),
            CancelRefusal::MayRepeatLost => Problem::new(ProblemCode::CancelMayRepeatLost),
            CancelRefusal::TaxFreePart { least, most } => {
                Problem::new(ProblemCode::CancelTaxFreePart)
                    .with("least", least.get())
                    .with("most", most.get())
            }
            CancelRefusal::RefundAccountNeeded => Problem::new(ProblemCode::CancelAccountNeeded),
            CancelRefusal::RefundAccountUnwanted => {
                Problem::new(ProblemCode::CancelAccountUnwanted)
            }
        }
    }
}

impl From<AcceptCancelError> for Problem {
    fn from(error: AcceptCancelError) -> Problem {
        match error {
            AcceptCancelError::UnknownOrder => Problem::new(ProblemCode::OrderUnknown),
            AcceptCancelError::NoPayment => Problem::new(ProblemCode::CancelBeforePayment),
            AcceptCancelError::Refused(refusal) => refusal.into(),
            AcceptCancelError::TooMany => Problem::new(ProblemCode::CancelTooMany),
            AcceptCancelError::KeyReused => Problem::new(ProblemCode::IdempotencyKeyReused),
            AcceptCancelError::Store(error) => error.into(),
        }
    }
}

impl From<ActionRefusal> for Problem {
    fn from(refusal: ActionRefusal) -> Problem {
        Problem::new(match refusal {
            ActionRefusal::Ended => ProblemCode::JobEnded,
            ActionRefusal::Declined => ProblemCode::JobDeclined,
            ActionRefusal::UnderWay => ProblemCode::JobUnderWay,
            ActionRefusal::LookUpOnly => ProblemCode::JobLookUpOnly,
            ActionRefusal::WindowOver => ProblemCode::JobWindowOver,
            ActionRefusal::NotParked => ProblemCode::JobNotParked,
            ActionRefusal::OutcomeUnknown => ProblemCode::JobOutcomeUnknown,
            ActionRefusal::NotWaiting => ProblemCode::JobNotWaiting,
            ActionRefusal::NothingToMatch => ProblemCode::MatchNothing,
            ActionRefusal::NotInReview => ProblemCode::ReviewNone,
            ActionRefusal::JobFirst => ProblemCode::ReviewJobFirst,
            ActionRefusal::EndsByProof => ProblemCode::ReviewEndsByProof,
        })
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Problem {
        match error {
            ActError::Unknown => Problem::new(ProblemCode::JobUnknown),
            ActError::Changed => Problem::new(ProblemCode::JobChanged),
            ActError::Refused(refusal) => refusal.into(),
            ActError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_action_has_the_word_of_its_problem() {
        for refusal in ActionRefusal::ALL {
            assert_eq!(refusal.word(), Problem::from(refusal).code().word());
        }
    }
}
