//! Toss's dates. They carry an offset, or none and then mean Korean time. Not here: dates that we send, of which there are none.

use time::format_description::well_known::Iso8601;
use time::macros::offset;
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

    proptest! {
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
