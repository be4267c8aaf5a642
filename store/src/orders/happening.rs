//! What a timeline consists of.

use domain::JobId;

use super::{CancellationDetail, OrderDetail};
use crate::audit::AuditEntry;
use crate::findings::Finding;
use crate::jobs::{AttemptRow, JobRow};
use crate::page::BoundedCount;
use crate::webhooks::WebhookRow;

/// An order, and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The order with its lines, its payment and its cancellations.
    pub order: OrderDetail,
    /// Its jobs, oldest first.
    pub jobs: Vec<JobRow>,
    /// What happened, oldest first.
    pub entries: Vec<TimelineEntry>,
    /// What is not told because there is too much of it; empty for nearly every order.
    pub left_out: Vec<(LeftOut, BoundedCount)>,
}

/// What there can be too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Jobs, and what happened to them.
    Jobs,
    /// Calls to Toss.
    Attempts,
    /// Webhooks.
    Webhooks,
    /// Findings of reconciliation.
    Findings,
    /// Entries of the audit; how many is not counted.
    Audit,
}

impl LeftOut {
    /// The word for answers: the name of the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            LeftOut::Jobs => "jobs",
            LeftOut::Attempts => "attempts",
            LeftOut::Webhooks => "webhooks",
            LeftOut::Findings => "findings",
            LeftOut::Audit => "audit",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When, in milliseconds UTC.
    pub at_ms: i64,
    /// What.
    pub what: Happening,
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// It was made.
    OrderMade,
    /// The customer came back from Toss's window, and its confirm was accepted.
    ConfirmAccepted,
    /// Toss took the money, by Toss's clock.
    PaymentApproved,
    /// A job was made.
    JobMade(JobRow),
    /// A job stopped for a person, and waits still.
    JobParked(JobRow),
    /// A job ended.
    JobEnded(JobRow),
    /// Toss was called.
    Called {
        /// For which job.
        job_id: JobId,
        /// The call and its answer.
        attempt: AttemptRow,
    },
    /// A cancel was asked for, or one that was made in Toss's own console was seen.
    CancelRequested(CancellationDetail),
    /// A cancel was made, by Toss's clock.
    CancelDone(CancellationDetail),
    /// Toss sent a webhook.
    WebhookReceived(WebhookRow),
    /// A person was asked to look, and is asked still.
    ReviewAsked {
        /// Why.
        reason: String,
    },
    /// Reconciliation found a difference.
    Found(Finding),
    /// A difference was gone, or somebody dealt with it.
    FindingClosed(Finding),
    /// Somebody did something.
    Acted(AuditEntry),
    /// The customer's personal data was erased.
    Erased,
}

impl Happening {
    /// The word for answers.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Happening::OrderMade => "order_made",
            Happening::ConfirmAccepted => "confirm_accepted",
            Happening::PaymentApproved => "payment_approved",
            Happening::JobMade(_) => "job_made",
            Happening::JobParked(_) => "job_parked",
            Happening::JobEnded(_) => "job_ended",
            Happening::Called { .. } => "called",
            Happening::CancelRequested(_) => "cancel_requested",
            Happening::CancelDone(_) => "cancel_done",
            Happening::WebhookReceived(_) => "webhook_received",
            Happening::ReviewAsked { .. } => "review_asked",
            Happening::Found(_) => "found",
            Happening::FindingClosed(_) => "finding_closed",
            Happening::Acted(_) => "acted",
            Happening::Erased => "erased",
        }
    }

    /// What comes first of what happened in one millisecond: causes before what follows from them.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Happening::OrderMade => 0,
            Happening::Acted(_) => 1,
            Happening::ConfirmAccepted | Happening::CancelRequested(_) => 2,
            Happening::WebhookReceived(_) => 3,
            Happening::JobMade(_) => 4,
            Happening::Called { .. } => 5,
            Happening::PaymentApproved | Happening::CancelDone(_) => 6,
            Happening::JobEnded(_) | Happening::JobParked(_) => 7,
            Happening::ReviewAsked { .. } | Happening::Found(_) => 8,
            Happening::FindingClosed(_) => 9,
            Happening::Erased => 10,
        }
    }
}
