//! Spans with the ids that they are logged with, in place of ids that the tracer makes.

use std::cell::Cell;

use domain::TraceContext;
use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{IdGenerator, SdkTracer, Span};
use store::RandomIds;

/// The span of a request, and of an attempt. The names are those of `api` and `worker`.
const REQUEST: (&str, &str) = ("request", "api");
const ATTEMPT: (&str, &str) = ("attempt", "worker");

/// Whether a span of this name and module is one that is exported.
pub(super) fn is_ours(name: &str, target: &str) -> bool {
    let of = target.split("::").next().unwrap_or_default();
    [REQUEST, ATTEMPT].contains(&(name, of))
}

thread_local! {
    /// The ids of the span that is being built on this thread.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Gives the ids that [`TracerOfLoggedIds`] found, to the tracer below it, which asks for them without saying for which span.
#[derive(Debug)]
pub(super) struct LoggedIds;

impl IdGenerator for LoggedIds {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().unwrap_or_else(begin).0
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().unwrap_or_else(begin).1
    }
}

fn begin() -> (TraceId, SpanId) {
    let context = span_context(&TraceContext::begin(&RandomIds));
    (context.trace_id(), context.span_id())
}

fn span_context(of: &TraceContext) -> SpanContext {
    let trace_id = TraceId::from_hex(&of.trace_id()).unwrap_or(TraceId::INVALID);
    let span_id = SpanId::from_hex(&of.span_id()).unwrap_or(SpanId::INVALID);
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, TraceState::default())
}

/// Builds spans with the ids in their fields `trace_id`, `span_id`, `parent_span_id` and `follows`.
#[derive(Debug)]
pub(super) struct TracerOfLoggedIds {
    tracer: SdkTracer,
}

impl TracerOfLoggedIds {
    pub(super) fn new(tracer: SdkTracer) -> TracerOfLoggedIds {
        TracerOfLoggedIds { tracer }
    }
}

impl Tracer for TracerOfLoggedIds {
    type Span = Span;

    fn build_with_context(&self, mut builder: SpanBuilder, around: &Context) -> Span {
        let mut fields = builder.attributes.take().unwrap_or_default();
        let ids = Ids::take(&mut fields);
        builder.span_kind = match &*builder.name {
            name if name == REQUEST.0 => Some(SpanKind::Server),
            name if name == ATTEMPT.0 => Some(SpanKind::Client),
            _ => None,
        };
        builder.attributes = Some(fields);
        let Some(ids) = ids else { return self.tracer.build_with_context(builder, around) };
        builder.links = ids.follows.map(|of| vec![Link::with_context(of)]);
        let parent = ids.parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(SpanContext::new(
                ids.trace_id,
                parent,
                TraceFlags::SAMPLED,
                true,
                TraceState::default(),
            ))
        });
        NEXT.set(Some((ids.trace_id, ids.span_id)));
        let span = self.tracer.build_with_context(builder, &parent);
        NEXT.set(None);
        span
    }
}

/// The ids among a span's fields.
struct Ids {
    trace_id: TraceId,
    span_id: SpanId,
    parent: Option<SpanId>,
    follows: Option<SpanContext>,
}

impl Ids {
    /// Takes them out: in a trace they stand elsewhere.
    fn take(fields: &mut Vec<KeyValue>) -> Option<Ids> {
        let mut text = |name: &str| {
            let at = fields.iter().position(|field| field.key.as_str() == name)?;
            let Value::String(text) = fields.remove(at).value else { return None };
            Some(String::from(text))
        };
        let (trace_id, span_id) = (text("trace_id"), text("span_id"));
        let (parent, follows) = (text("parent_span_id"), text("follows"));
        Some(Ids {
            trace_id: TraceId::from_hex(&trace_id?).ok()?,
            span_id: SpanId::from_hex(&span_id?).ok()?,
            parent: parent.and_then(|id| SpanId::from_hex(&id).ok()),
            follows: follows
                .and_then(|text| TraceContext::parse(&text).ok())
                .map(|context| span_context(&context)),
        })
    }
}
