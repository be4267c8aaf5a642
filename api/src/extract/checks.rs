//! Collecting everything that is wrong with a request, so that the caller hears of all of it at once.

use domain::Won;
use domain::id::InvalidId;

use crate::problem::{FieldProblem, Place, Problem};
use crate::words::Text;

const NOT_AN_ID: Text =
    Text { ko: "형식이 맞지 않습니다.", en: "This does not have the right form." };
const NOT_AN_AMOUNT: Text = Text {
    ko: "금액은 0 이상의 정수(원)여야 합니다.",
    en: "An amount is a whole, non-negative number of won.",
};

/// What is said of a text that controls how it is shown.
pub(crate) const CONTROL_CHARACTER: Text = Text {
    ko: "쓸 수 없는 문자가 있습니다.",
    en: "This has characters that cannot be used.",
};

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    errors: Vec<FieldProblem>,
}

/// A place in the body.
pub(crate) fn body(pointer: impl Into<String>) -> Place {
    Place::Body(pointer.into())
}

/// A parameter of the query or path.
pub(crate) fn parameter(name: &str) -> Place {
    Place::Parameter(name.to_owned())
}

impl Checks {
    /// Notes something wrong.
    pub(crate) fn refuse(&mut self, error: FieldProblem) {
        self.errors.push(error);
    }

    /// An id.
    pub(crate) fn id<T>(&mut self, place: Place, parsed: Result<T, InvalidId>) -> Option<T> {
        parsed
            .map_err(|error| {
                self.refuse(FieldProblem::new(place, "malformed", NOT_AN_ID).note(error.rule))
            })
            .ok()
    }

    /// An amount.
    pub(crate) fn amount(&mut self, place: Place, won: i64) -> Option<Won> {
        Won::new(won)
            .map_err(|_| self.refuse(FieldProblem::new(place, "out_of_range", NOT_AN_AMOUNT)))
            .ok()
    }

    /// Anything that may be missing.
    pub(crate) fn known<T>(&mut self, place: Place, value: Option<T>, wrong: Text) -> Option<T> {
        if value.is_none() {
            self.refuse(FieldProblem::new(place, "not_allowed", wrong));
        }
        value
    }

    /// Everything that was found wrong.
    pub(crate) fn problem(self) -> Problem {
        Problem::invalid(self.errors)
    }

    /// Whether nothing was.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.problem()) }
    }
}
