//! Reading amounts out of JSON and splitting tax out of them. Whole won only; no floating point anywhere.

use serde_json::Value;

use crate::codes;
use crate::limits::AMOUNT_MAX;
use crate::refusal::Refusal;

/// A whole amount: a JSON number (`1000`, `1000.0`) or digits in a string. None for anything else.
///
/// Source: Toss's own sample forwards the redirect's query string as it is, so numeric strings are accepted.
pub(crate) fn parse_amount(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => parse_digits(number.to_string().trim_end_matches(".0")),
        Value::String(text) => parse_digits(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A field that may be missing or null, which is the same.
///
/// # Errors
/// 400 `INVALID_REQUEST` if it is there and no whole amount.
pub(crate) fn optional_amount(body: &Value, field: &str) -> Result<Option<i64>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match parse_amount(value) {
            Some(amount) => Ok(Some(amount)),
            None => Err(Refusal::about(codes::INVALID_REQUEST, field)),
        },
    }
}

/// Digits with an optional minus sign, within ±[`AMOUNT_MAX`].
pub(crate) fn parse_digits(text: &str) -> Option<i64> {
    if text.starts_with('+') {
        return None;
    }
    text.parse().ok().filter(|amount| (AMOUNT_MAX.saturating_neg()..=AMOUNT_MAX).contains(amount))
}

/// Value added tax inside an amount: an eleventh of its taxed part, rounded half up.
///
/// Source: Toss, 9026 won are 8205 supplied and 821 tax.
pub(crate) fn vat_of(taxed: i64) -> i64 {
    taxed.saturating_mul(2).saturating_add(11).checked_div(22).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_whole_numbers_or_digits() {
        for value in [json!(1000), json!("1000"), json!(1000.0)] {
            assert_eq!(parse_amount(&value), Some(1000), "{value}");
        }
        assert_eq!(parse_amount(&json!(-5)), Some(-5));
        for value in
            [json!(10.5), json!("+5"), json!(""), json!("1,000"), json!(null), json!([1000])]
        {
            assert_eq!(parse_amount(&value), None, "{value}");
        }
        assert_eq!(parse_amount(&json!(i64::MAX)), None);
        assert_eq!(parse_amount(&json!(1e300)), None);
    }

    #[test]
    fn tax_is_an_eleventh_rounded_half_up() {
        for (taxed, vat) in [(9026, 821), (0, 0), (5, 0), (6, 1), (11, 1), (50_000, 4545)] {
            assert_eq!(vat_of(taxed), vat, "{taxed}");
        }
    }
}
