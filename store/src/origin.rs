//! Where work comes from: it travels with a job from the request that makes it to every call that is made for it.

use domain::TraceContext;
use entities::job;

/// Whose request something is done for. For logs and traces only: nothing is ever decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The request's id: visible ASCII, the caller's own if it sent one.
    pub request_id: Option<String>,
    /// The request's place in its trace.
    pub trace: Option<TraceContext>,
}

impl Origin {
    /// The one that a job was made with. A trace context that cannot be read is none: no payment waits for it.
    pub(crate) fn of(row: &job::Model) -> Origin {
        Origin {
            request_id: row.request_id.clone(),
            trace: row.traceparent.as_deref().and_then(|text| TraceContext::parse(text).ok()),
        }
    }
}
