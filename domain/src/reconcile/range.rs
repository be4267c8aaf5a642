//! Which time a reconciliation compares: from an instant to another one, and every night the days before.

use crate::limits::{RECONCILE_LAG_MS, RECONCILE_RANGE_MS_MAX};
use crate::retention::DAY_MS;

/// Korea is nine hours before UTC, all year.
const KOREA_MS: i64 = 9 * 60 * 60_000;
/// How many days a daily run compares: yesterday, and two days more for what was away then.
const DAYS: i64 = 3;

/// A time to compare: `from_ms` is in it, `to_ms` is not. Milliseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Its beginning.
    pub from_ms: i64,
    /// Its end.
    pub to_ms: i64,
}

/// Why a range cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeRefusal {
    /// There is nothing in it.
    #[error("the range must end after it begins")]
    Empty,
    /// Too much at once.
    #[error("the range may be {} days long at the most", RECONCILE_RANGE_MS_MAX / DAY_MS)]
    TooLong,
    /// It has not passed.
    #[error("the range must not end in the future; without an end it goes on until now")]
    Future,
    /// All of it may still be under way.
    #[error("the range must begin more than {} minutes ago: what is younger may be under way", RECONCILE_LAG_MS / 60_000)]
    TooYoung,
}

impl Range {
    /// The range that can be compared by now: its end is held back from what may still be under way, and it begins with a whole second,
    /// because Toss's times have no fraction and what happened within that second would stand before it.
    ///
    /// # Errors
    /// [`RangeRefusal`] says what is wrong with it.
    pub const fn settled(from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Range, RangeRefusal> {
        if from_ms >= to_ms {
            return Err(RangeRefusal::Empty);
        }
        if to_ms > now_ms {
            return Err(RangeRefusal::Future);
        }
        if to_ms.saturating_sub(from_ms) > RECONCILE_RANGE_MS_MAX {
            return Err(RangeRefusal::TooLong);
        }
        let settled_ms = now_ms.saturating_sub(RECONCILE_LAG_MS);
        if from_ms >= settled_ms {
            return Err(RangeRefusal::TooYoung);
        }
        let to_ms = if to_ms < settled_ms { to_ms } else { settled_ms };
        let from_ms = from_ms.saturating_sub(from_ms.rem_euclid(1_000));
        Ok(Range { from_ms, to_ms })
    }

    /// Whether an instant is in it.
    #[must_use]
    pub const fn contains(&self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.to_ms
    }
}

/// What a daily run compares: the three whole days in Korea before now.
#[must_use]
pub const fn daily_range(now_ms: i64) -> Range {
    let midnight_ms = midnight_before(now_ms.saturating_sub(RECONCILE_LAG_MS));
    Range { from_ms: midnight_ms.saturating_sub(DAYS.saturating_mul(DAY_MS)), to_ms: midnight_ms }
}

/// The next time after now that it is so many minutes after midnight in Korea.
#[must_use]
pub fn next_daily_ms(now_ms: i64, minute_of_day: u32) -> i64 {
    let minutes_ms = i64::from(minute_of_day % (24 * 60)).saturating_mul(60_000);
    let today_ms = midnight_before(now_ms).saturating_add(minutes_ms);
    if today_ms > now_ms { today_ms } else { today_ms.saturating_add(DAY_MS) }
}

/// The last midnight in Korea.
const fn midnight_before(now_ms: i64) -> i64 {
    let korean_ms = now_ms.saturating_add(KOREA_MS);
    korean_ms.saturating_sub(korean_ms.rem_euclid(DAY_MS)).saturating_sub(KOREA_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const HOUR_MS: i64 = 60 * MINUTE_MS;
    /// 2026-11-27T12:00:00+09:00.
    const NOON_MS: i64 = 1_795_748_400_000;

    #[test]
    fn what_is_younger_than_ten_minutes_is_left_out() {
        let from_ms = NOON_MS - DAY_MS;
        let to_now = Range::settled(from_ms, NOON_MS, NOON_MS).unwrap();
        assert_eq!(to_now, Range { from_ms, to_ms: NOON_MS - 10 * MINUTE_MS });
        assert!(!to_now.contains(NOON_MS - 5_000));
        let earlier = Range::settled(from_ms, NOON_MS - HOUR_MS, NOON_MS).unwrap();
        assert_eq!(earlier.to_ms, NOON_MS - HOUR_MS);
        assert!(earlier.contains(from_ms) && !earlier.contains(earlier.to_ms));
    }

    #[test]
    fn a_range_begins_with_a_whole_second_like_the_times_that_toss_tells() {
        let from_ms = NOON_MS - DAY_MS;
        let range = Range::settled(from_ms + 999, NOON_MS, NOON_MS).unwrap();
        assert_eq!(range.from_ms, from_ms);
        assert!(range.contains(from_ms), "what happened in that second is told as its beginning");
    }

    #[test]
    fn a_range_that_cannot_be_meant_is_refused() {
        let settled = |from_ms, to_ms| Range::settled(from_ms, to_ms, NOON_MS).unwrap_err();
        assert_eq!(settled(NOON_MS, NOON_MS), RangeRefusal::Empty);
        assert_eq!(settled(NOON_MS, NOON_MS - 1), RangeRefusal::Empty);
        assert_eq!(settled(NOON_MS - 1, NOON_MS + 1), RangeRefusal::Future);
        assert_eq!(settled(NOON_MS - 32 * DAY_MS, NOON_MS), RangeRefusal::TooLong);
        assert!(Range::settled(NOON_MS - 31 * DAY_MS, NOON_MS, NOON_MS).is_ok());
        assert_eq!(settled(NOON_MS - 10 * MINUTE_MS, NOON_MS), RangeRefusal::TooYoung);
        assert!(Range::settled(NOON_MS - 10 * MINUTE_MS - 1, NOON_MS, NOON_MS).is_ok());
        assert_eq!(settled(i64::MIN, NOON_MS), RangeRefusal::TooLong);
    }

    #[test]
    fn a_daily_run_compares_three_whole_days_in_korea() {
        let midnight_ms = NOON_MS - 12 * HOUR_MS;
        let days = Range { from_ms: midnight_ms - 3 * DAY_MS, to_ms: midnight_ms };
        assert_eq!(daily_range(NOON_MS), days);
        assert_eq!(daily_range(midnight_ms + 10 * MINUTE_MS), days);
        // The day that has just ended may have something under way.
        assert_eq!(daily_range(midnight_ms + 10 * MINUTE_MS - 1).to_ms, midnight_ms - DAY_MS);
    }

    #[test]
    fn the_next_time_of_day_is_today_or_tomorrow_and_never_now() {
        let at = |minute| next_daily_ms(NOON_MS, minute);
        assert_eq!(at(12 * 60 + 1), NOON_MS + MINUTE_MS);
        assert_eq!(at(12 * 60), NOON_MS + DAY_MS);
        assert_eq!(at(0), NOON_MS + 12 * HOUR_MS);
        assert_eq!(at(24 * 60), NOON_MS + 12 * HOUR_MS);
    }
}
