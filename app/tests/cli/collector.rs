//! A collector of traces on a port of its own: takes OTLP over HTTP, and keeps what it took.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::server::{Kept, Taken, listen, read_request};

/// A collector that listens until the test's process ends.
pub(crate) struct Collector {
    /// `http://host:port`.
    pub(crate) url: String,
    taken: Kept,
}

impl Collector {
    /// One that takes everything.
    pub(crate) fn start() -> Collector {
        Collector::start_that(|_| true)
    }

    /// One that takes a connection and then never says anything.
    pub(crate) fn start_silent() -> Collector {
        Collector::start_that(|_| false)
    }

    fn start_that(answers: fn(&str) -> bool) -> Collector {
        let taken = Kept::default();
        let kept = Arc::clone(&taken);
        let url = listen(move |stream| serve(stream, answers, &kept));
        Collector { url, taken }
    }

    /// The requests' bodies, one after the other.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.taken.lock().unwrap().iter().flat_map(|one| one.body.clone()).collect()
    }

    /// Whether every request had this line in its head.
    pub(crate) fn was_always_sent(&self, line: &str) -> bool {
        let taken = self.taken.lock().unwrap();
        taken.iter().all(|one| one.head.iter().any(|sent| sent == line))
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let taken = self.taken.lock().unwrap();
        let decode = |one: &Taken| ExportTraceServiceRequest::decode(&one.body[..]).unwrap();
        taken.iter().map(decode).collect()
    }

    /// Every span that was taken.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// An attribute of who exports.
    pub(crate) fn resource(&self, name: &str) -> String {
        let request = self.requests().remove(0);
        let resource = request.resource_spans[0].resource.clone().unwrap();
        text_of(&resource.attributes, name).unwrap()
    }
}

/// Reads requests off a connection and answers them, or does not.
fn serve(mut stream: BufReader<TcpStream>, answers: fn(&str) -> bool, kept: &Kept) {
    while let Some(request) = read_request(&mut stream) {
        let first = &request.head[0];
        if !answers(first) {
            // Until the other side gives up.
            drop(stream.read_to_end(&mut Vec::new()));
            return;
        }
        assert_eq!(first, "POST /v1/traces HTTP/1.1");
        kept.lock().unwrap().push(request);
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

/// An attribute that is a text.
pub(crate) fn text_of(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    let value = attribute.value.clone()?.value?;
    let Value::StringValue(text) = value else { panic!("{name} is {value:?}") };
    Some(text)
}

/// An id as it stands in headers and logs.
pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
