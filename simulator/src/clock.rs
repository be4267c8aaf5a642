//! The simulator's movable clock and its instants.
//!
//! Every time limit of Toss that lasts minutes or days runs on this clock, so that a test passes two weeks in a
//! millisecond. Short real-world limits (injected delays, the pause between two cancels) do not.

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::{datetime, offset};
use time::{OffsetDateTime, UtcOffset};

const KST: UtcOffset = offset!(+9);
/// The clock may be set between these instants only; arithmetic around them cannot overflow.
const EARLIEST: OffsetDateTime = datetime!(2000-01-01 00:00 UTC);
const LATEST: OffsetDateTime = datetime!(2200-01-01 00:00 UTC);

/// An instant in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) fn plus_ms(self, ms: i64) -> Moment {
        Moment(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative if it lies after.
    pub(crate) fn ms_since(self, earlier: Moment) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole minutes since 1970, for `minute_ms` to a minute.
    pub(crate) fn minutes_since_1970(self, minute_ms: i64) -> i64 {
        self.0.checked_div(minute_ms).unwrap_or(0)
    }

    fn date_time(self) -> OffsetDateTime {
        let nanos = i128::from(self.0).saturating_mul(1_000_000);
        // Out of range only for a hand-edited state file; any instant will do there.
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .checked_to_offset(KST)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Toss's form: `2026-01-31T09:05:00+09:00`.
    pub(crate) fn to_kst(self) -> String {
        format!("{}+09:00", self.to_kst_local("T"))
    }

    /// The same instant for people: `2026-01-31 09:05:00`.
    pub(crate) fn to_kst_local(self, separator: &str) -> String {
        let at = self.date_time();
        format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }

    /// `20260131090500`, the middle of a payment key.
    pub(crate) fn to_kst_digits(self) -> String {
        self.to_kst_local("").chars().filter(char::is_ascii_digit).collect()
    }

    /// `2026-01-31T09:05:00.123000`, as old webhooks have it: no offset. Source: Toss, webhook events.
    pub(crate) fn to_kst_micros(self) -> String {
        format!("{}.{:03}000", self.to_kst_local("T"), self.0.rem_euclid(1_000))
    }

    /// Reads `2026-01-31T09:05:00` in Korea, with an offset of Korea if it has one; a date alone is its midnight.
    pub(crate) fn parse_kst_local(text: &str) -> Option<Moment> {
        let text = text.strip_suffix("+09:00").unwrap_or(text);
        let with_time = match text.len() {
            10 => format!("{text}T00:00:00+09:00"),
            _ => format!("{text}+09:00"),
        };
        OffsetDateTime::parse(&with_time, &Rfc3339).ok().map(|at| Moment(ms_of(at)))
    }

    /// `2026-01-31`.
    pub(crate) fn to_kst_date(self) -> String {
        self.to_kst_local("T").chars().take(10).collect()
    }

    /// Year and month in Korea; mobile phone payments can be cancelled within one only.
    pub(crate) fn kst_month(self) -> (i32, u8) {
        let at = self.date_time();
        (at.year(), u8::from(at.month()))
    }
}

/// Real time plus an offset that `/_sim/clock` moves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    pub(crate) offset_ms: i64,
    /// Whether it was moved since [`Clock::take_change`].
    is_moved: bool,
}

/// Why the clock was not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfRange;

impl Clock {
    pub(crate) fn ahead_by_ms(offset_ms: i64) -> Clock {
        Clock { offset_ms, is_moved: false }
    }

    /// The offset, if it was moved since the last call.
    pub(crate) fn take_change(&mut self) -> Option<i64> {
        std::mem::take(&mut self.is_moved).then_some(self.offset_ms)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(real_now_ms()).plus_ms(self.offset_ms)
    }

    /// Moves the clock by `ms`, which may be negative.
    pub(crate) fn advance_ms(&mut self, ms: i64) -> Result<(), OutOfRange> {
        self.set(self.now().0.checked_add(ms).ok_or(OutOfRange)?)
    }

    /// Sets the clock to an RFC 3339 instant; it goes on running from there.
    pub(crate) fn set_rfc3339(&mut self, text: &str) -> Result<(), OutOfRange> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| OutOfRange)?;
        self.set(ms_of(at))
    }

    fn set(&mut self, ms: i64) -> Result<(), OutOfRange> {
        if !(ms_of(EARLIEST)..=ms_of(LATEST)).contains(&ms) {
            return Err(OutOfRange);
        }
        self.offset_ms = ms.saturating_sub(real_now_ms());
        self.is_moved = true;
        Ok(())
    }
}

fn ms_of(at: OffsetDateTime) -> i64 {
    let ms = at.unix_timestamp_nanos().checked_div(1_000_000).unwrap_or(0);
    i64::try_from(ms).unwrap_or(0)
}

/// The only reading of real wall-clock time in this crate.
fn real_now_ms() -> i64 {
    ms_of(OffsetDateTime::now_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_toss_writes_them() {
        let at = Moment(1_769_817_900_123);
        assert_eq!(at.to_kst(), "2026-01-31T09:05:00+09:00");
        assert_eq!(at.to_kst_digits(), "20260131090500");
        assert_eq!(at.to_kst_micros(), "2026-01-31T09:05:00.123000");
        assert_eq!(at.kst_month(), (2026, 1));
    }

    #[test]
    fn dates_are_read_as_those_of_korea() {
        let at = Some("2026-01-31T09:05:00+09:00".to_owned());
        for text in ["2026-01-31T09:05:00", "2026-01-31T09:05:00.5", "2026-01-31T09:05:00+09:00"] {
            assert_eq!(Moment::parse_kst_local(text).map(Moment::to_kst), at, "{text}");
        }
        let midnight = Moment::parse_kst_local("2026-01-31").map(Moment::to_kst);
        assert_eq!(midnight.as_deref(), Some("2026-01-31T00:00:00+09:00"));
        for bad in ["", "2026-02-30", "2026-01-31T09:05:00Z", "2026-01-31 9"] {
            assert_eq!(Moment::parse_kst_local(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_clock_moves_and_goes_on_running() {
        let mut clock = Clock::default();
        let before = clock.now();
        clock.advance_ms(15 * 60_000).expect("a quarter of an hour");
        assert!(clock.now().ms_since(before) >= 15 * 60_000);
        clock.set_rfc3339("2030-05-01T00:00:00+09:00").expect("an instant");
        assert!(clock.now().to_kst().starts_with("2030-05-01T00:00:0"));
    }

    #[test]
    fn the_clock_refuses_instants_that_make_no_sense() {
        let mut clock = Clock::default();
        assert_eq!(clock.advance_ms(i64::MAX), Err(OutOfRange));
        assert_eq!(clock.advance_ms(i64::MIN), Err(OutOfRange));
        assert_eq!(clock.set_rfc3339("1969-01-01T00:00:00Z"), Err(OutOfRange));
        assert_eq!(clock.set_rfc3339("tomorrow"), Err(OutOfRange));
        assert_eq!(clock.offset_ms, 0);
    }

    #[test]
    fn an_instant_out_of_the_calendar_does_not_panic() {
        assert!(Moment(i64::MAX).plus_ms(i64::MAX).to_kst().ends_with("+09:00"));
        assert!(Moment(i64::MIN).to_kst().ends_with("+09:00"));
    }
}
