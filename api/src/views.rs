//! The bodies of answers. One file per resource; each says what its readers may see.

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod cancel;
pub(crate) mod candidate;
pub(crate) mod catalogue;
pub(crate) mod hold;
pub(crate) mod job;
pub(crate) mod job_sums;
pub(crate) mod order;
pub(crate) mod overview;
pub(crate) mod payment_actions;
pub(crate) mod quote;
pub(crate) mod timeline;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

/// The only currency. Source: ISO 4217.
pub(crate) const CURRENCY: &str = "KRW";

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageView<T> {
    /// The rows.
    pub(crate) data: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
    #[schema(required = true)]
    pub(crate) next_cursor: Option<String>,
}

/// An instant as answers carry it: RFC 3339, UTC, milliseconds.
pub(crate) fn instant(ms: i64) -> String {
    let nanos = i128::from(ms).saturating_mul(1_000_000);
    let instant =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    instant.format(&Rfc3339).unwrap_or_default()
}

/// Reads an instant of a request, in milliseconds.
pub(crate) fn read_instant(text: &str) -> Option<i64> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    i64::try_from(nanos.checked_div(1_000_000)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_and_read_with_any_offset() {
        assert_eq!(instant(1_795_000_000_123), "2026-11-18T11:06:40.123Z");
        assert_eq!(read_instant("2026-11-18T20:06:40.123+09:00"), Some(1_795_000_000_123));
        assert_eq!(read_instant("yesterday"), None);
        assert_eq!(instant(i64::MAX), instant(0));
    }
}
