//! Which traces are exported, and under which ids. The rest is in the tests of the whole program.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanId, Tracer as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::*;

#[test]
fn the_share_is_what_it_says_and_every_process_agrees_on_a_trace() {
    let traces: Vec<TraceId> = (0..10_000)
        .map(|_| domain::TraceContext::begin(&RandomIds).trace_id())
        .map(|id| TraceId::from_hex(&id).unwrap())
        .collect();
    for permille in [0, 1, 250, 999, 1_000] {
        let share = Share { permille };
        let exported = traces.iter().filter(|id| share.has(**id)).count();
        let expected = usize::try_from(permille).unwrap() * 10;
        // Five times the spread of such a sample.
        assert!(exported.abs_diff(expected) <= 217, "{exported} for {permille}");
        assert!(![0, 1_000].contains(&permille) || exported == expected, "{exported}");
        let again = Share { permille };
        assert!(traces.iter().all(|id| share.has(*id) == again.has(*id)));
    }
}

/// Keeps what is exported.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Exports one span with these fields.
fn export(fields: &[(&'static str, &'static str)]) -> SpanData {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_id_generator(LoggedIds)
        .with_simple_exporter(kept.clone())
        .build();
    let tracer = TracerOfLoggedIds::new(provider.tracer("test"));
    let fields = fields.iter().map(|(name, value)| KeyValue::new(*name, *value));
    drop(tracer.build_with_context(
        tracer.span_builder("attempt").with_attributes(fields),
        &Context::new(),
    ));
    kept.0.lock().unwrap().pop().unwrap()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

#[test]
fn a_span_has_the_ids_of_its_fields_and_keeps_the_other_fields() {
    let follows = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let span = export(&[
        ("request_id", "checkout-42"),
        ("trace_id", TRACE),
        ("span_id", SPAN),
        ("parent_span_id", "b7ad6b7169203331"),
        ("follows", follows),
    ]);
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.span_context.span_id().to_string(), SPAN);
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    let linked = &span.links.links[0].span_context;
    assert_eq!(linked.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(linked.span_id().to_string(), "b7ad6b7169203331");
    assert_eq!(span.attributes, [KeyValue::new("request_id", "checkout-42")]);
    assert_eq!(span.span_kind, SpanKind::Client);
}

#[test]
fn a_span_without_ids_or_with_rubbish_gets_new_ones() {
    for fields in [&[][..], &[("trace_id", TRACE)], &[("trace_id", "rubbish"), ("span_id", SPAN)]] {
        let span = export(fields);
        let context = &span.span_context;
        assert!(context.is_valid() && context.trace_id().to_string() != TRACE, "{span:?}");
        assert_eq!((span.parent_span_id, span.links.links.len()), (SpanId::INVALID, 0));
    }
}

#[test]
fn only_requests_and_attempts_are_exported() {
    for (name, target, is_exported) in [
        ("request", "api::layers::observe", true),
        ("attempt", "worker::trace", true),
        ("request", "hyper::proto", false),
        ("request", "apiary", false),
        ("statement", "api::layers::observe", false),
    ] {
        assert_eq!(ids::is_ours(name, target), is_exported, "{name} of {target}");
    }
}
