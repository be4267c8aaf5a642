//! Traces for a collector, by OTLP over HTTP: the spans of requests and attempts, under the ids that they are logged with.
//!
//! The ids are not the exporter's to make. They stand on rows, in log lines and in what is sent to Toss, exporting or not; so the spans
//! carry them as fields, and what is here hands them on. How spans wait, and what is lost, is in [`span_queue`].

mod ids;
mod span_queue;
#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Context as _;
use domain::id::IdSource as _;
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample};
use store::RandomIds;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer as _;

use self::ids::{LoggedIds, TracerOfLoggedIds};
use self::span_queue::SpanQueue;
use super::Listener;
use crate::config::TracesConfig;

/// How long one export may take, with its own retries.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the end of the process waits for what is left.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// What exports.
#[derive(Debug)]
pub(crate) struct Export {
    provider: SdkTracerProvider,
    queue: SpanQueue,
}

/// Starts exporting: a thread of its own, which nobody ever waits for but [`Export::finish`].
///
/// # Errors
/// No exporter can be made; nothing is known of the collector yet.
pub(super) fn start(traces: &TracesConfig) -> anyhow::Result<(Export, Listener)> {
    let endpoint = format!("{}/v1/traces", traces.endpoint.as_str());
    let client = reqwest::blocking::Client::builder()
        .timeout(EXPORT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // As on the way to Toss: what is configured is what is called.
        .no_proxy()
        .build()
        .context("the exporter's HTTP client")?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .context("the exporter")?;
    let queue = SpanQueue::to(endpoint);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource(&traces.service_name))
        .with_sampler(Share { permille: traces.sample_permille })
        .with_id_generator(LoggedIds)
        .with_span_processor(queue.processor(exporter))
        .build();
    let tracer = TracerOfLoggedIds::new(provider.tracer("seungin"));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // Lines stay in the log, where their trace's id finds them.
        .with_filter(filter_fn(is_exported).with_max_level_hint(LevelFilter::ERROR));
    Ok((Export { provider, queue }, layer.boxed()))
}

/// Spans are of the highest level, so that whoever filters lines does not filter them.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && ids::is_ours(metadata.name(), metadata.target())
}

impl Export {
    /// Sends what is left, for at most [`FLUSH_MAX`], and says what was lost.
    pub(super) fn finish(self) {
        // What it could not send is told by the queue.
        let _sent = self.provider.shutdown_with_timeout(FLUSH_MAX);
        self.queue.finish();
    }
}

/// Who tells. One instance is one process.
fn resource(service_name: &str) -> Resource {
    Resource::builder_empty()
        .with_service_name(service_name.to_owned())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", RandomIds.new_id()))
        .build()
}

/// Exports so many of a thousand traces, and of each all or nothing in every process, because the trace's id decides. What a caller
/// wishes for does not count: a stranger could have everything exported, or nothing.
#[derive(Debug, Clone)]
struct Share {
    permille: u32,
}

impl Share {
    fn has(&self, trace_id: TraceId) -> bool {
        // The half of an id that is random, whoever made it. Source: W3C Trace Context, level 2.
        let [.., a, b, c, d, e, f, g] = trace_id.to_bytes();
        let random = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
        random % 1_000 < u64::from(self.permille)
    }
}

impl ShouldSample for Share {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let decision = if self.has(trace_id) {
            SamplingDecision::RecordAndSample
        } else {
            SamplingDecision::Drop
        };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}
