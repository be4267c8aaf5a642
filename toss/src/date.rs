//! Toss's dates. They carry an offset, or none and then mean Korean time.

use time::format_description::well_known::Iso8601;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};

/// Reads a date and time as milliseconds since the Unix epoch, UTC. `None` for anything else.
///
/// Source: Toss core API: ISO 8601, `+09:00` in payments, without an offset in some due dates.
pub(crate) fn instant_ms(text: &str) -> Option<i64> {
    let instant = OffsetDateTime::parse(text, &Iso8601::PARSING)
        .or_else(|_| {
            PrimitiveDateTime::parse(text, &Iso8601::PARSING)
                .map(|local| local.assume_offset(offset!(+9)))
        })
        .ok()?;
    instant.unix_timestamp().checked_mul(1_000)?.checked_add(i64::from(instant.millisecond()))
}

/// Writes an instant in milliseconds as Korean time in whole seconds, without an offset; `None` for a year that has not four digits.
///
/// Source: Toss core API, transactions: `yyyy-MM-dd'T'HH:mm:ss`.
pub(crate) fn korean_time(ms: i64) -> Option<String> {
    let instant = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).ok()?;
    let local = instant.checked_to_offset(offset!(+9))?;
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    local.format(form).ok().filter(|text| text.len() == 19)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_date_is_read_with_its_offset_or_as_korean_time() {
        let noon_ms = 1_707_793_200_000; // 2024-02-13T12:00:00+09:00
        for (text, expected) in [
            ("2024-02-13T12:00:00+09:00", noon_ms),
            ("2024-02-13T12:00:00", noon_ms),
            ("2024-02-13T03:00:00Z", noon_ms),
            ("2024-02-13T03:00:00+00:00", noon_ms),
            ("2024-02-12T22:00:00-05:00", noon_ms),
            ("2024-02-13T12:00:00.65327+09:00", noon_ms + 653),
            ("2024-02-13T12:00:00.653", noon_ms + 653),
            ("2024-02-13T12:00:00.123456789", noon_ms + 123),
        ] {
            assert_eq!(instant_ms(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2024-02-13",
            "tomorrow",
            "2024-02-30T12:00:00+09:00",
            "2024-02-13T12:00:00+99:00",
            "1707793200",
        ] {
            assert_eq!(instant_ms(text), None, "{text}");
        }
    }

    /// The years that a four-digit date can name in any offset, in milliseconds.
    const YEARS_MS: std::ops::Range<i64> = -377_705_000_000_000..253_402_000_000_000;

    #[test]
    fn an_instant_is_written_in_korean_time_without_an_offset() {
        assert_eq!(korean_time(1_707_793_200_999).as_deref(), Some("2024-02-13T12:00:00"));
        assert_eq!(korean_time(-1).as_deref(), Some("1970-01-01T08:59:59"));
        assert_eq!((korean_time(i64::MAX), korean_time(i64::MIN)), (None, None));
        assert_eq!(korean_time(-100_000_000_000_000), None, "a year of its own sign");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0..253_000_000_000_000_i64) {
            prop_assert_eq!(instant_ms(&korean_time(ms).unwrap()), Some(ms / 1_000 * 1_000));
        }

        #[test]
        fn any_text_is_read_or_not(text in ".{0,60}") {
            prop_assert!(instant_ms(&text).is_none_or(|ms| YEARS_MS.contains(&ms)));
        }

        #[test]
        fn anything_that_looks_like_a_date_is_read_or_not(
            text in r"[+-]?[0-9]{1,7}-?[0-9W]{2}-?[0-9]{2}T[0-9]{2}:?[0-9]{2}:?[0-9]{2}([.,][0-9]{0,30})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?",
        ) {
            prop_assert!(instant_ms(&text).is_none_or(|ms| YEARS_MS.contains(&ms)));
        }

        #[test]
        fn every_instant_is_read_back_in_any_offset(ms in 0..253_000_000_000_000_i64, quarters in -48_i32..=56) {
            let offset = time::UtcOffset::from_whole_seconds(quarters * 900).unwrap();
            let instant = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();
            let text = instant.to_offset(offset).format(&time::format_description::well_known::Rfc3339).unwrap();
            prop_assert_eq!(instant_ms(&text), Some(ms));
        }
    }
}
