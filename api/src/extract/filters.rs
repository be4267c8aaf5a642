//! Parameters that many lists are filtered by.

use domain::Won;
use store::SearchText;

use super::checks::Checks;
use crate::problem::{FieldProblem, Place};
use crate::views::read_instant;
use crate::words::Text;

const NOT_AN_INSTANT: Text = Text {
    ko: "RFC 3339 형식의 시각이어야 합니다.",
    en: "This is not an instant in the form of RFC 3339.",
};
const NOT_AN_AMOUNT: Text = Text {
    ko: "금액은 0 이상의 정수(원)여야 합니다.",
    en: "An amount is a whole, non-negative number of won.",
};
const NOT_TO_BE_FOUND: Text = Text {
    ko: "1자에서 200자 사이의 검색어여야 합니다.",
    en: "What is looked for has 1 to 200 characters.",
};

/// An instant, in milliseconds UTC.
pub(crate) fn read_time(checks: &mut Checks, place: Place, text: Option<&str>) -> Option<i64> {
    text.and_then(|text| checks.known(place, read_instant(text), NOT_AN_INSTANT))
}

/// An amount.
pub(crate) fn read_amount(checks: &mut Checks, place: Place, text: Option<&str>) -> Option<Won> {
    let won = text?.parse().ok().and_then(|won| Won::new(won).ok());
    if won.is_none() {
        checks.refuse(FieldProblem::new(place, "out_of_range", NOT_AN_AMOUNT));
    }
    won
}

/// What somebody looks for.
pub(crate) fn read_search(
    checks: &mut Checks,
    place: Place,
    text: Option<&str>,
) -> Option<SearchText> {
    text.and_then(|text| checks.known(place, SearchText::parse(text), NOT_TO_BE_FOUND))
}
