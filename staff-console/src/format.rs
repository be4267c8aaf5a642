//! How values are written: instants in Korea's time, durations, money, masked keys, parts of addresses.

use std::fmt::Write as _;

use api::Language;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Korea has had one offset since 1988.
const KOREA: UtcOffset = offset!(+9);

fn instant(at_ms: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms).saturating_mul(1_000_000)).ok()
}

/// An instant in Korea, to the second.
pub(crate) fn time(at_ms: i64) -> String {
    let shown = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let text = instant(at_ms).and_then(|at| at.to_offset(KOREA).format(shown).ok());
    text.unwrap_or_else(|| at_ms.to_string())
}

/// The same for machines, in UTC.
pub(crate) fn utc(at_ms: i64) -> String {
    let shown =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    instant(at_ms).and_then(|at| at.format(shown).ok()).unwrap_or_else(|| at_ms.to_string())
}

/// An instant in Korea, as a form's field has it.
pub(crate) fn local(at_ms: i64) -> String {
    let shown = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let text = instant(at_ms).and_then(|at| at.to_offset(KOREA).format(shown).ok());
    text.unwrap_or_default()
}

/// Reads it back, in milliseconds UTC. A browser leaves seconds out when they are nought.
pub(crate) fn read_local(text: &str) -> Option<i64> {
    let shown = format_description!("[year]-[month]-[day]T[hour]:[minute][optional [:[second]]]");
    let at = PrimitiveDateTime::parse(text, shown).ok()?.assume_offset(KOREA);
    at.unix_timestamp().checked_mul(1_000)
}

/// How long something lasts or lasted, in its largest unit and the next.
pub(crate) fn duration(ms: i64, language: Language) -> String {
    let ms = ms.max(0);
    let units = match language {
        Language::Korean => ["일", "시간", "분", "초"],
        Language::English => ["d", "h", "min", "s"],
    };
    if ms < 1_000 {
        return format!("{ms} ms");
    }
    let sizes = [86_400_000, 3_600_000, 60_000, 1_000];
    let (mut left, mut text, mut parts) = (ms, String::new(), 0);
    for (size, unit) in sizes.into_iter().zip(units) {
        let count = left.checked_div(size).unwrap_or(0);
        if count > 0 || parts > 0 {
            if parts > 0 && count > 0 {
                text.push(' ');
            }
            if count > 0 {
                let space = if language == Language::English { " " } else { "" };
                let _infallible = write!(text, "{count}{space}{unit}");
            }
            parts = i32::saturating_add(parts, 1);
        }
        left = left.checked_rem(size).unwrap_or(0);
        if parts == 2 {
            break;
        }
    }
    text
}

/// A number with commas.
pub(crate) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(index);
        if index > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount of won.
pub(crate) fn won(amount: i64, language: Language) -> String {
    match language {
        Language::Korean => format!("{}원", number(amount)),
        Language::English => format!("₩{}", number(amount)),
    }
}

/// A text as one value of a query.
pub(crate) fn in_query(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Where to go after signing in: a page of the console, whatever the address said.
pub(crate) fn local_page(next: Option<&str>) -> &str {
    let is_ours = |path: &str| {
        (path == "/console" || path.starts_with("/console/") || path.starts_with("/console?"))
            && !path.contains("..")
            && path.chars().all(|c| c.is_ascii_graphic() && c != '\\')
    };
    next.filter(|path| is_ours(path)).unwrap_or("/console")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_in_korea_and_told_to_machines_in_utc() {
        assert_eq!(time(1_795_000_000_000), "2026-11-18 20:06:40");
        assert_eq!(utc(1_795_000_000_123), "2026-11-18T11:06:40.123Z");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_forms_time_is_koreas_and_comes_back() {
        assert_eq!(local(1_795_000_000_000), "2026-11-18T20:06:40");
        assert_eq!(read_local("2026-11-18T20:06:40"), Some(1_795_000_000_000));
        assert_eq!(read_local("2026-11-18T20:06"), Some(1_794_999_960_000));
        assert_eq!(read_local("yesterday"), None);
    }

    #[test]
    fn durations_have_two_units_at_the_most() {
        let english = |ms| duration(ms, Language::English);
        assert_eq!(english(-5), "0 ms");
        assert_eq!(english(999), "999 ms");
        assert_eq!(english(61_500), "1 min 1 s");
        assert_eq!(english(3_600_000), "1 h");
        assert_eq!(english(90_061_000), "1 d 1 h");
        assert_eq!(duration(7_260_000, Language::Korean), "2시간 1분");
    }

    #[test]
    fn money_and_numbers_have_commas() {
        assert_eq!(won(1_234_567, Language::Korean), "1,234,567원");
        assert_eq!(won(-500, Language::English), "₩-500");
        assert_eq!((number(0), number(1_000)), ("0".to_owned(), "1,000".to_owned()));
    }

    #[test]
    fn after_signing_in_one_stays_in_the_console() {
        for good in ["/console", "/console/jobs?state=parked&cursor=a%2Fb", "/console?x=1"] {
            assert_eq!(local_page(Some(good)), good);
        }
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/consolex",
            "/console/../v1",
            "/console/\\\\e",
            "/",
            "/console/\r\nx",
        ] {
            assert_eq!(local_page(Some(bad)), "/console", "{bad}");
        }
        assert_eq!(local_page(None), "/console");
    }

    #[test]
    fn a_query_keeps_what_would_end_a_value() {
        assert_eq!(in_query("/console/jobs?a=b&c"), "%2Fconsole%2Fjobs%3Fa%3Db%26c");
    }
}
