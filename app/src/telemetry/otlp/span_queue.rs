//! Spans on their way to the collector: a bounded queue that nobody waits for, and an honest word about what is lost.
//!
//! The batches, the thread and the wire are the SDK's. It would tell of a full queue and of each failed export in lines of its own;
//! here they are counted, said once when it begins, and once when it is over.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use metrics::counter;
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::telemetry::SPANS_LOST;

/// How many spans may wait, those under way to the collector included. At a kilobyte or so each, a few megabytes; some seconds of the
/// most that one process does.
pub(super) const WAITING_MAX: usize = 4_096;
/// How many go out in one export.
const BATCH_MAX: usize = 512;
/// How long a span waits for company.
const DELAY: Duration = Duration::from_secs(2);

/// The queue, as those see it who count.
#[derive(Debug, Clone)]
pub(super) struct SpanQueue(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// Where the spans go, for messages.
    endpoint: String,
    waiting: AtomicUsize,
    lost: AtomicU64,
    /// What was lost when the collector last took a batch.
    lost_before: AtomicU64,
    /// Whether it was said that spans are lost.
    is_told: AtomicBool,
}

impl SpanQueue {
    /// An empty one.
    pub(super) fn to(endpoint: String) -> SpanQueue {
        SpanQueue(Arc::new(Counts {
            endpoint,
            waiting: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            lost_before: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
        }))
    }

    /// The end that takes spans, with an exporter at the other end.
    pub(super) fn processor<E: SpanExporter + 'static>(
        &self,
        exporter: E,
    ) -> impl SpanProcessor + use<E> {
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_MAX)
            .with_max_export_batch_size(BATCH_MAX)
            .with_scheduled_delay(DELAY)
            .build();
        let out = Out { exporter, counts: Arc::clone(&self.0) };
        In { batches: BatchSpanProcessor::new(out, config), counts: Arc::clone(&self.0) }
    }

    /// Says what was lost altogether. Nothing is exported any more.
    pub(super) fn finish(&self) {
        let waiting = u64::try_from(self.0.waiting.load(Ordering::Acquire)).unwrap_or(u64::MAX);
        let lost = self.lost().saturating_add(waiting);
        if lost > 0 {
            tracing::warn!(lost, endpoint = self.0.endpoint, "spans of traces were lost");
        }
    }

    /// How many spans were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Acquire)
    }
}

impl Counts {
    /// Takes a place in the queue, if there is one.
    fn enter(&self) -> bool {
        let entered = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            waiting.checked_add(1).filter(|waiting| *waiting <= WAITING_MAX)
        });
        if entered.is_err() {
            self.lose(1, "more spans than the collector takes");
        }
        entered.is_ok()
    }

    fn left(&self, count: usize, result: &OTelSdkResult) {
        self.waiting.fetch_sub(count, Ordering::AcqRel);
        match result {
            Ok(()) => self.taken(),
            Err(error) => self.lose(u64::try_from(count).unwrap_or(u64::MAX), &error.to_string()),
        }
    }

    fn lose(&self, count: u64, why: &str) {
        self.lost.fetch_add(count, Ordering::AcqRel);
        counter!(SPANS_LOST).increment(count);
        if !self.is_told.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                why,
                endpoint = self.endpoint,
                "spans of traces are lost; nothing else depends on them"
            );
        }
    }

    /// It is over when a batch was taken, and nothing was lost since the one before.
    fn taken(&self) {
        let lost = self.lost.load(Ordering::Acquire);
        let is_over = self.lost_before.swap(lost, Ordering::AcqRel) == lost;
        if is_over && self.is_told.swap(false, Ordering::AcqRel) {
            tracing::info!(lost, endpoint = self.endpoint, "traces are exported again");
        }
    }
}

/// The end that takes spans. Never waits.
#[derive(Debug)]
struct In {
    batches: BatchSpanProcessor,
    counts: Arc<Counts>,
}

impl SpanProcessor for In {
    fn on_start(&self, span: &mut Span, around: &Context) {
        self.batches.on_start(span, around);
    }

    fn on_end(&self, mut span: SpanData) {
        // As in the log: reading is most of the traffic, and would push out what is done.
        if find(&span.attributes, "is_read") == Some(&Value::Bool(true)) {
            return;
        }
        if self.counts.enter() {
            span.name = name(&span);
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

fn find<'a>(fields: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    fields.iter().find(|field| field.key.as_str() == name).map(|field| &field.value)
}

/// What tools show: a request by its route, an attempt by what it asks of Toss.
fn name(span: &SpanData) -> Cow<'static, str> {
    let field = |name: &str| find(&span.attributes, name);
    if let (Some(method), Some(route)) = (field("method"), field("route")) {
        return format!("{method} {route}").into();
    }
    if let Some(operation) = field("operation") {
        return format!("toss {operation}").into();
    }
    span.name.clone()
}

/// The other end: on the thread of the SDK.
#[derive(Debug)]
struct Out<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for Out<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.exporter.export(batch).await;
        self.counts.left(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// A collector that takes a batch whenever the test lets it.
    #[derive(Debug)]
    struct Gated {
        gate: Mutex<Receiver<()>>,
        taken: Arc<AtomicUsize>,
    }

    impl SpanExporter for Gated {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            let is_open = self.gate.lock().unwrap().recv().is_ok();
            self.taken.fetch_add(batch.len(), Ordering::AcqRel);
            if is_open { Ok(()) } else { Err(OTelSdkError::InternalFailure("closed".to_owned())) }
        }
    }

    fn gated(queue: &SpanQueue) -> (SdkTracerProvider, SyncSender<()>, Arc<AtomicUsize>) {
        let (open, gate) = sync_channel(WAITING_MAX);
        let taken = Arc::new(AtomicUsize::new(0));
        let exporter = Gated { gate: Mutex::new(gate), taken: Arc::clone(&taken) };
        let provider =
            SdkTracerProvider::builder().with_span_processor(queue.processor(exporter)).build();
        (provider, open, taken)
    }

    #[test]
    fn a_full_queue_loses_what_comes_counts_it_and_keeps_the_rest() {
        let queue = SpanQueue::to("http://collector".to_owned());
        let (provider, open, taken) = gated(&queue);
        let tracer = provider.tracer("test");
        // Nothing is taken meanwhile, and still nobody waits.
        for _ in 0..WAITING_MAX + 10 {
            drop(tracer.start("request"));
        }
        assert_eq!(queue.lost(), 10);
        for _ in 0..WAITING_MAX {
            open.send(()).unwrap();
        }
        provider.shutdown_with_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(taken.load(Ordering::Acquire), WAITING_MAX);
        assert_eq!((queue.lost(), queue.0.waiting.load(Ordering::Acquire)), (10, 0));
    }

    #[test]
    fn what_the_collector_refuses_is_lost_and_makes_room() {
        let queue = SpanQueue::to("http://collector".to_owned());
        let (provider, open, _) = gated(&queue);
        drop(open);
        for _ in 0..3 {
            drop(provider.tracer("test").start("request"));
        }
        provider.shutdown_with_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((queue.lost(), queue.0.waiting.load(Ordering::Acquire)), (3, 0));
    }

    #[test]
    fn an_outage_is_told_once_and_over_when_nothing_is_lost_between_two_batches() {
        let counts = SpanQueue::to("http://collector".to_owned()).0;
        let is_told = || counts.is_told.load(Ordering::Acquire);
        let failed = Err(OTelSdkError::InternalFailure("away".to_owned()));
        assert!(counts.enter() && !is_told());
        counts.left(1, &failed);
        assert!(is_told());
        for _ in 0..3 {
            counts.enter();
        }
        counts.left(1, &Ok(()));
        assert!(is_told(), "something was lost since the batch before");
        counts.left(1, &Ok(()));
        assert!(!is_told());
        counts.left(1, &failed);
        assert!(is_told(), "the next outage is told again");
        assert_eq!(counts.lost.load(Ordering::Acquire), 2);
    }
}
