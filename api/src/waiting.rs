//! Waiting for an order to change: `Prefer: wait=N` and `?wait=N`.
//!
//! A waiter is woken by the commit that changes its order, or when the store finds the order changed. It also looks when the time to pay
//! runs out, which changes the word without a commit. It never holds a place among the requests that are worked on.

use std::time::Duration;

use axum::http::HeaderMap;
use domain::OrderId;
use domain::status::CustomerStatus;
use store::Watch;
use store::orders::OrderDetail;
use tokio::time::{Instant, sleep_until};

use crate::context::Api;
use crate::extract::parameter;
use crate::layers::PREFER;
use crate::layers::bounds::Place;
use crate::problem::{FieldProblem, Problem};
use crate::words::Text;

/// The longest wait: shorter than the half minute after which proxies give up on a silent connection.
const WAIT_SECONDS_MAX: u64 = 25;

const NOT_SECONDS: Text =
    Text { ko: "초 단위의 정수여야 합니다.", en: "This is a whole number of seconds." };

/// How long a caller asked to wait: `1 ..= WAIT_SECONDS_MAX` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    seconds: u64,
}

impl Wait {
    /// What the caller asked for; the parameter goes before the header. Longer than the longest counts as the longest, and 0 as
    /// nothing. A preference that cannot be read is passed over, as preferences are.
    ///
    /// Source: RFC 7240, sections 2 and 4.3.
    pub(crate) fn asked(
        parameter_text: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Option<Wait>, Problem> {
        let seconds = match parameter_text {
            // As the document has it: a number of 32 bits.
            Some(text) => {
                text.parse::<i32>().ok().and_then(|it| u64::try_from(it).ok()).ok_or_else(|| {
                    Problem::invalid(vec![FieldProblem::new(
                        parameter("wait"),
                        "wrong_type",
                        NOT_SECONDS,
                    )])
                })?
            }
            None => preferred_wait(headers).unwrap_or(0),
        };
        Ok((seconds > 0).then_some(Wait { seconds: seconds.min(WAIT_SECONDS_MAX) }))
    }

    /// As a duration.
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// As the header says that it was heeded.
    pub(crate) fn preference(self) -> String {
        format!("wait={}", self.seconds)
    }
}

fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split([',', ';'])).find_map(|preference| {
        let (name, seconds) = preference.split_once('=')?;
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        seconds.trim().trim_matches('"').parse().ok().filter(|_| is_wait)
    })
}

/// Waits until the order differs from `order`, the time is over, or the process stops, and gives the order as it is then. `None` when
/// too many wait already, in all or for this order: the caller is answered at once and asks again.
pub(crate) async fn wait_for_change(
    api: &Api,
    watch: &Watch,
    order: OrderDetail,
    wait: Wait,
    place: &Place,
) -> Result<Option<OrderDetail>, Problem> {
    let Ok(_waiting) = api.waiting.try_take(&order.order.id) else { return Ok(None) };
    place.leave();
    let until = Instant::now().checked_add(wait.duration()).unwrap_or_else(Instant::now);
    let mut follower = Follower::new(watch, order);
    while Instant::now() < until && !api.shutdown.is_cancelled() {
        if let Some(changed) = follower.next_look(api, until).await? {
            return Ok(Some(changed));
        }
    }
    Ok(Some(follower.order))
}

/// Somebody who has seen an order and wants to hear when it is another.
#[derive(Debug)]
pub(crate) struct Follower<'w> {
    watch: &'w Watch,
    order: OrderDetail,
    /// When the time to pay runs out, if that is still to come.
    lapses_at: Option<Instant>,
}

impl<'w> Follower<'w> {
    pub(crate) fn new(watch: &'w Watch, order: OrderDetail) -> Follower<'w> {
        let mut follower = Follower { watch, order, lapses_at: None };
        follower.plan_lapse();
        follower
    }

    /// Waits for a sign of change, at most until `until`, and looks. `None` when nothing has changed.
    pub(crate) async fn next_look(
        &mut self,
        api: &Api,
        until: Instant,
    ) -> Result<Option<OrderDetail>, Problem> {
        let changed = self.watch.changed();
        tokio::pin!(changed);
        // Before looking, so that no change falls between the look and the wait.
        changed.as_mut().enable();
        if let Some(found) = self.look(api).await? {
            return Ok(Some(found));
        }
        api.store.watch_from(self.watch, self.order.order.version);
        let lapse = self.lapses_at.unwrap_or(until);
        tokio::select! {
            () = &mut changed => {}
            () = sleep_until(until.min(lapse)) => {}
            () = api.shutdown.cancelled() => return Ok(None),
        }
        self.look(api).await
    }

    /// Looks whether the order is another: first at its version, which costs little.
    async fn look(&mut self, api: &Api) -> Result<Option<OrderDetail>, Problem> {
        let id: &OrderId = &self.order.order.id;
        let has_lapsed = self.lapses_at.is_some_and(|lapse| lapse <= Instant::now());
        let is_other = api.store.order_version(id).await? != Some(self.order.order.version);
        if !is_other && !has_lapsed {
            return Ok(None);
        }
        let Some(found) = api.store.find_order(id).await? else { return Ok(None) };
        let is_other = seen(&found) != seen(&self.order);
        self.order = found;
        self.plan_lapse();
        Ok(is_other.then(|| self.order.clone()))
    }

    fn plan_lapse(&mut self) {
        let left_ms = self.order.order.pay_by_ms.saturating_sub(self.order.now_ms);
        let is_open = self.order.view().status == CustomerStatus::AwaitingPayment;
        self.lapses_at = u64::try_from(left_ms)
            .ok()
            .filter(|_| is_open)
            .and_then(|left_ms| Instant::now().checked_add(Duration::from_millis(left_ms)));
    }
}

/// What makes an order another one for those who watch it.
fn seen(order: &OrderDetail) -> (i64, CustomerStatus) {
    (order.order.version, order.view().status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(parameter: Option<&str>, header: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(PREFER, header.parse().unwrap());
        }
        Wait::asked(parameter, &headers).unwrap().map(|wait| wait.seconds)
    }

    #[test]
    fn a_wait_is_asked_for_by_parameter_or_preference() {
        assert_eq!(asked(None, None), None);
        assert_eq!(asked(Some("3"), Some("wait=9")), Some(3));
        assert_eq!(asked(None, Some("wait=9")), Some(9));
        assert_eq!(asked(None, Some("respond-async, Wait = \"9\"")), Some(9));
        assert_eq!(asked(None, Some("wait=600")), Some(WAIT_SECONDS_MAX));
        assert_eq!(asked(None, Some("wait=soon")), None);
        assert_eq!(asked(Some("0"), None), None);
        assert_eq!(asked(Some("2147483647"), None), Some(WAIT_SECONDS_MAX));
        for bad in ["-1", "2147483648", "1.0", ""] {
            assert!(Wait::asked(Some(bad), &HeaderMap::new()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_preference_is_read_or_passed_over(text in "[ -~]{0,80}") {
            let _either = asked(None, Some(&text));
        }
    }
}
