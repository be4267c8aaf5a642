//! Delays: the curves of `domain`, computed by the `backoff` crate, with jitter of our own.
//!
//! The crate reads a clock and entropy when it is left to itself, so both are turned off here: no randomisation, no elapsed limit.
//! It is used in this file only, so that a successor is a change of one file.

use std::sync::Arc;
use std::time::Duration;

use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff as _;
use domain::id::IdSource;
use domain::policy::{Pace, Pacing};

/// Steps after which every curve stands at its cap.
const STEPS_MAX: u32 = 32;

/// Jitter on top of a delay: up to this share of it, as one in so many.
const JITTER_SHARE: i64 = 5;

/// The curves as they are. Jobs that failed together come back together: for whoever has to know when.
#[derive(Debug, Clone, Copy)]
pub struct PlainPacing;

impl Pacing for PlainPacing {
    fn delay_ms(&self, pace: Pace, repeats: u32) -> i64 {
        curve_ms(pace, repeats)
    }
}

/// The delays of the product: the curve, and up to a fifth more, so that jobs that failed together do not come back together.
#[derive(Debug, Clone)]
pub struct JitteredPacing {
    ids: Arc<dyn IdSource>,
}

impl JitteredPacing {
    /// Delays with jitter from this source.
    #[must_use]
    pub fn new(ids: Arc<dyn IdSource>) -> JitteredPacing {
        JitteredPacing { ids }
    }
}

impl Pacing for JitteredPacing {
    fn delay_ms(&self, pace: Pace, repeats: u32) -> i64 {
        let delay_ms = PlainPacing.delay_ms(pace, repeats);
        let jitter_ms = self.ids.jitter_ms(delay_ms.checked_div(JITTER_SHARE).unwrap_or(0));
        delay_ms.saturating_add(jitter_ms)
    }
}

/// The curve without jitter: `first × factor^repeats`, at most its cap.
fn curve_ms(pace: Pace, repeats: u32) -> i64 {
    let curve = pace.curve();
    let mut backoff = ExponentialBackoffBuilder::default()
        .with_initial_interval(duration(curve.first_ms))
        .with_randomization_factor(0.0)
        .with_multiplier(f64::from(curve.factor))
        .with_max_interval(duration(curve.cap_ms))
        .with_max_elapsed_time(None)
        .build();
    let mut delay = None;
    for _ in 0..=repeats.min(STEPS_MAX) {
        delay = backoff.next_backoff();
    }
    let delay_ms =
        delay.map_or(curve.cap_ms, |delay| i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
    delay_ms.min(curve.cap_ms)
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::RandomIds;

    #[test]
    fn every_curve_grows_to_its_cap_and_never_beyond() {
        for pace in Pace::ALL {
            let curve = pace.curve();
            let delays: Vec<_> = (0..80).map(|repeats| curve_ms(pace, repeats)).collect();
            assert_eq!(delays[0], curve.first_ms, "{pace:?}");
            assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]), "{pace:?} {delays:?}");
            assert_eq!(delays[54], curve.cap_ms, "{pace:?}");
        }
    }

    #[test]
    fn the_delay_after_the_54th_attempt_neither_overflows_nor_exceeds_the_cap() {
        let pacing = JitteredPacing::new(Arc::new(RandomIds));
        for pace in Pace::ALL {
            for repeats in [54, 1_000, u32::MAX] {
                let cap_ms = pace.curve().cap_ms;
                let delay_ms = pacing.delay_ms(pace, repeats);
                assert!((cap_ms..=cap_ms + cap_ms / JITTER_SHARE).contains(&delay_ms), "{pace:?}");
            }
        }
    }

    #[test]
    fn a_confirm_without_an_answer_is_sent_again_after_about_1_3_9_27_and_30_seconds() {
        let delays: Vec<_> = (0..6).map(|repeats| curve_ms(Pace::ConfirmResend, repeats)).collect();
        assert_eq!(delays, [1_000, 3_000, 9_000, 27_000, 30_000, 30_000]);
    }
}
