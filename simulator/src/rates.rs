//! How many calls a key may make in a minute of the simulator's clock, if that is limited.
//!
//! Source: Toss, test environment: 100 requests a minute for each API. How Toss counts its minutes is not documented; here
//! they are those of the clock.

use std::collections::HashMap;

use crate::clock::Moment;
use crate::http::endpoint::Endpoint;
use crate::limits::MINUTE_MS;
use crate::merchant::KeyId;

#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// The minute that is counted; with another one the counts begin anew, so they cannot grow without end.
    minute: i64,
    counts: HashMap<(KeyId, Endpoint), u32>,
}

/// More keys than this are not told apart within a minute.
const KEYS_MAX: usize = 10_000;

impl Rates {
    /// Counts a call. False if it is beyond `limit`.
    pub(crate) fn allows(
        &mut self,
        key: KeyId,
        endpoint: Endpoint,
        limit: u32,
        now: Moment,
    ) -> bool {
        let minute = now.minutes_since_1970(MINUTE_MS);
        if minute != self.minute || self.counts.len() >= KEYS_MAX {
            self.counts.clear();
            self.minute = minute;
        }
        let count = self.counts.entry((key, endpoint)).or_default();
        *count = count.saturating_add(1);
        *count <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn each_key_and_each_call_has_a_count_of_its_own_and_the_next_minute_begins_anew() {
        let mut clock = Clock::default();
        clock.set_rfc3339("2026-03-01T12:00:00+09:00").expect("set");
        let (now, mut rates) = (clock.now(), Rates::default());
        let key = |text| KeyId::of_secret_key(text).expect("a key");
        for expected in [true, true, false, false] {
            assert_eq!(rates.allows(key("test_sk_a"), Endpoint::Confirm, 2, now), expected);
        }
        assert!(rates.allows(key("test_sk_a"), Endpoint::Cancel, 2, now));
        assert!(rates.allows(key("test_sk_b"), Endpoint::Confirm, 2, now));
        let later = now.plus_ms(MINUTE_MS);
        assert!(rates.allows(key("test_sk_a"), Endpoint::Confirm, 2, later));
    }
}
