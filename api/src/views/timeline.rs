//! What happened to an order, as staff see it.

use serde::Serialize;
use store::WebhookRow;
use store::findings::Finding;
use store::orders::{Happening, Timeline, TimelineEntry};
use utoipa::ToSchema;

use super::audit::AuditView;
use super::instant;
use super::job::{AttemptView, JobView};
use super::order::OrderView;
use crate::words::Language;
use domain::text::mask_payment_key;

/// An order and what happened to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TimelineView {
    /// The order, with its lines, its payment and its cancels.
    pub(crate) order: OrderView,
    /// Toss's name of the payment, but for its end.
    #[schema(required = true)]
    pub(crate) payment_key: Option<String>,
    /// Its jobs, oldest first.
    pub(crate) jobs: Vec<JobView>,
    /// What happened, oldest first.
    pub(crate) entries: Vec<TimelineEntryView>,
    /// What is not told because there is too much of it.
    pub(crate) left_out: Vec<LeftOutView>,
}

/// Something that happened. Besides `at` and `what` it has what belongs to the word.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TimelineEntryView {
    /// When.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// order_made, confirm_accepted, payment_approved, job_made, job_parked, job_ended, called, cancel_requested, cancel_done,
    /// webhook_received, review_asked, found, finding_closed, acted or erased. More words may come.
    pub(crate) what: &'static str,
    /// Which job: of job_made, job_parked, job_ended and called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    /// The call to Toss: of called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<AttemptView>,
    /// Which cancel: of cancel_requested and cancel_done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cancel_id: Option<String>,
    /// The webhook: of webhook_received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<WebhookView>,
    /// Why a person should look: of review_asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The finding: of found and finding_closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finding: Option<FindingView>,
    /// What somebody did: of acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audit: Option<AuditView>,
}

/// What is not told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftOutView {
    /// jobs, attempts, webhooks, findings or audit.
    pub(crate) what: &'static str,
    /// How many, at most 10,000.
    pub(crate) count: u64,
    /// Whether there are more, or may be.
    pub(crate) more: bool,
}

/// A webhook of Toss, without its body.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView {
    /// Its id.
    pub(crate) webhook_id: String,
    /// payment, deposit, other or unreadable.
    pub(crate) kind: String,
    /// The event's name, of other kinds.
    #[schema(required = true)]
    pub(crate) event: Option<String>,
    /// The order that it names.
    #[schema(required = true)]
    pub(crate) order_id: Option<String>,
    /// The status that it claims.
    #[schema(required = true)]
    pub(crate) status: Option<String>,
    /// The address that it came from.
    pub(crate) source: String,
    /// looked_up, waiting, ignored, refused or expired.
    pub(crate) state: &'static str,
    /// Why: a code.
    #[schema(required = true)]
    pub(crate) reason: Option<String>,
    /// How often it came.
    pub(crate) deliveries: i32,
    /// When it first came.
    #[schema(format = DateTime)]
    pub(crate) received_at: String,
}

/// A difference between our records and Toss's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingView {
    /// Its id.
    pub(crate) finding_id: String,
    /// What was found: a stable word.
    pub(crate) kind: &'static str,
    /// At whose account.
    pub(crate) merchant: String,
    /// The order, as Toss or we name it.
    #[schema(required = true)]
    pub(crate) order_id: Option<String>,
    /// Toss's name of the payment, but for its end.
    pub(crate) payment_key: String,
    /// Won in our records.
    #[schema(required = true)]
    pub(crate) amount_here: Option<i64>,
    /// Won at Toss.
    #[schema(required = true)]
    pub(crate) amount_there: Option<i64>,
    /// How both sides stand, in one sentence.
    pub(crate) detail: String,
    /// When a run saw it first.
    #[schema(format = DateTime)]
    pub(crate) first_seen_at: String,
    /// When a run saw it last.
    #[schema(format = DateTime)]
    pub(crate) last_seen_at: String,
    /// When it was closed; null while it is open.
    #[schema(required = true, format = DateTime)]
    pub(crate) closed_at: Option<String>,
    /// By whom: a staff id, `operator` or `system`.
    #[schema(required = true)]
    pub(crate) closed_by: Option<String>,
    /// Why.
    #[schema(required = true)]
    pub(crate) closed_note: Option<String>,
}

impl TimelineView {
    /// A timeline.
    pub(crate) fn new(timeline: Timeline, language: Language) -> TimelineView {
        let payment = timeline.order.payment.as_ref();
        TimelineView {
            payment_key: payment.map(|payment| mask_payment_key(&payment.payment_key)),
            order: OrderView::for_staff(&timeline.order, language),
            jobs: timeline.jobs.iter().map(JobView::new).collect(),
            entries: timeline.entries.into_iter().map(TimelineEntryView::new).collect(),
            left_out: timeline
                .left_out
                .into_iter()
                .map(|(what, of)| LeftOutView {
                    what: what.word(),
                    count: of.count,
                    more: of.is_floor,
                })
                .collect(),
        }
    }
}

impl TimelineEntryView {
    fn new(entry: TimelineEntry) -> TimelineEntryView {
        let mut view = TimelineEntryView {
            at: instant(entry.at_ms),
            what: entry.what.word(),
            ..TimelineEntryView::default()
        };
        match entry.what {
            Happening::OrderMade
            | Happening::ConfirmAccepted
            | Happening::PaymentApproved
            | Happening::Erased => {}
            Happening::JobMade(job) | Happening::JobParked(job) | Happening::JobEnded(job) => {
                view.job_id = Some(job.id);
            }
            Happening::Called { job_id, attempt } => {
                view.job_id = Some(job_id.into_string());
                view.attempt = Some(AttemptView::new(&attempt));
            }
            Happening::CancelRequested(cancel) | Happening::CancelDone(cancel) => {
                view.cancel_id = Some(cancel.id.into_string());
            }
            Happening::WebhookReceived(row) => view.webhook = Some(WebhookView::new(row)),
            Happening::ReviewAsked { reason } => view.reason = Some(reason),
            Happening::Found(finding) | Happening::FindingClosed(finding) => {
                view.finding = Some(FindingView::new(finding));
            }
            Happening::Acted(entry) => view.audit = Some(AuditView::new(entry)),
        }
        view
    }
}

impl WebhookView {
    /// A webhook.
    pub(crate) fn new(row: WebhookRow) -> WebhookView {
        WebhookView {
            webhook_id: row.id,
            kind: row.kind,
            event: row.event,
            order_id: row.order_id,
            status: row.status,
            source: row.source,
            state: row.state.word(),
            reason: row.reason,
            deliveries: row.deliveries,
            received_at: instant(row.received_at_ms),
        }
    }
}

impl FindingView {
    /// A finding.
    pub(crate) fn new(finding: Finding) -> FindingView {
        let (found, closed) = (finding.found, finding.closed);
        FindingView {
            finding_id: finding.id,
            kind: found.kind.word(),
            merchant: found.merchant,
            order_id: found.order_id,
            payment_key: mask_payment_key(&found.payment_key),
            amount_here: found.here.map(|won| won.get()),
            amount_there: found.there.map(|won| won.get()),
            detail: found.detail,
            first_seen_at: instant(finding.first_seen_at_ms),
            last_seen_at: instant(finding.last_seen_at_ms),
            closed_at: closed.as_ref().map(|closed| instant(closed.at_ms)),
            closed_by: closed.as_ref().map(|closed| closed.by.clone()),
            closed_note: closed.map(|closed| closed.note),
        }
    }
}
