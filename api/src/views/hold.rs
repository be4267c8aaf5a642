//! What holds calls to Toss back.

use serde::Serialize;
use store::Holds;
use utoipa::ToSchema;

use super::instant;

/// Everything that holds calls back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HoldsView {
    /// Open circuit breakers: Toss does not answer.
    pub(crate) breakers: Vec<BreakerView>,
    /// Pauses, and suspicions that one more sign makes a pause of.
    pub(crate) pauses: Vec<PauseView>,
}

/// An open breaker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BreakerView {
    /// Whose calls.
    pub(crate) merchant: String,
    /// From when on one call may try.
    #[schema(format = DateTime)]
    pub(crate) probe_at: String,
    /// Whether one tries just now.
    pub(crate) probing: bool,
    /// What the last failed call brought.
    #[schema(required = true)]
    pub(crate) code: Option<String>,
    /// How often it opened without an answer between.
    pub(crate) openings: i32,
}

/// A pause, or the suspicion of one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PauseView {
    /// Whose calls.
    pub(crate) merchant: String,
    /// all, confirm, cancel or look_up.
    pub(crate) scope: &'static str,
    /// Whether it holds calls.
    pub(crate) in_force: bool,
    /// A person's sentence, or a code.
    pub(crate) reason: String,
    /// Staff id, or `system`.
    pub(crate) paused_by: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub(crate) since: String,
}

impl HoldsView {
    /// What the rows say.
    pub(crate) fn new(holds: Holds) -> HoldsView {
        let breakers = holds.breakers.into_iter().map(|breaker| BreakerView {
            merchant: breaker.merchant,
            probe_at: instant(breaker.probe_at_ms),
            probing: breaker.has_probe,
            code: breaker.last_code,
            openings: breaker.openings,
        });
        let pauses = holds.pauses.into_iter().map(|pause| PauseView {
            merchant: pause.merchant,
            scope: pause.scope.word(),
            in_force: pause.is_in_force,
            reason: pause.reason,
            paused_by: pause.paused_by,
            since: instant(pause.since_ms),
        });
        HoldsView { breakers: breakers.collect(), pauses: pauses.collect() }
    }
}
