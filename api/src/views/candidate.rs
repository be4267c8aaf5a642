//! Cancels at Toss that may be ours.

use serde::Serialize;
use store::{CancelCandidate, Candidates};
use utoipa::ToSchema;

use super::job::ActionView;
use super::{CURRENCY, instant};
use crate::words::Language;

/// What a cancellation may be at Toss.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CandidatesView {
    /// To be sent with the match: it is refused once the payment has changed.
    pub(crate) payment_version: i64,
    /// What ours gives back, in won.
    pub(crate) amount: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// Whether one of them may be said to be ours.
    pub(crate) r#match: ActionView,
    /// Whether it may be said that none is.
    pub(crate) none: ActionView,
    /// What Toss showed that no cancellation of ours has, oldest first.
    pub(crate) data: Vec<CandidateView>,
}

/// A cancel at Toss.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CandidateView {
    /// Toss's key of it.
    pub(crate) transaction_key: String,
    /// What went back, in won.
    pub(crate) amount: i64,
    /// What of it was free of tax, in won.
    pub(crate) tax_free_amount: i64,
    /// When, by Toss.
    #[schema(required = true, format = DateTime)]
    pub(crate) cancelled_at: Option<String>,
    /// The reason that it carries at Toss.
    pub(crate) reason: String,
    /// Whether its amount is ours.
    pub(crate) fits: bool,
    /// When an answer of Toss showed it.
    #[schema(format = DateTime)]
    pub(crate) seen_at: String,
}

impl CandidatesView {
    /// What the last look-up showed.
    pub(crate) fn new(found: Candidates, language: Language) -> CandidatesView {
        CandidatesView {
            payment_version: found.payment_version,
            amount: found.amount.get(),
            currency: CURRENCY,
            r#match: ActionView::new(found.matching, language),
            none: ActionView::new(found.none, language),
            data: found.entries.into_iter().map(CandidateView::new).collect(),
        }
    }
}

impl CandidateView {
    fn new(entry: CancelCandidate) -> CandidateView {
        CandidateView {
            transaction_key: entry.transaction_key,
            amount: entry.amount.get(),
            tax_free_amount: entry.tax_free_amount.get(),
            cancelled_at: entry.cancelled_at_ms.map(instant),
            reason: entry.reason,
            fits: entry.fits,
            seen_at: instant(entry.seen_at_ms),
        }
    }
}
