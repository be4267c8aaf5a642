//! One request as the outside and the log see it.
//!
//! The log line has the method, the route, the status and the time; never the query, the body, or a credential. Its span has the ids
//! of the request and its trace, as every line has that is logged on the way.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{CONTENT_LANGUAGE, CONTENT_LENGTH, FORWARDED};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use store::Origin;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, record_all};

use super::request_id::{REQUEST_ID, RequestId};
use super::trace::RequestTrace;
use crate::context::Api;
use crate::meters::{self, InFlight};
use crate::problem::Problem;
use crate::rates::Client;
use crate::settings::{ApiSettings, Network};
use crate::words::Language;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What proxies add that do not add the others.
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Where a request comes from; unknown for requests that came over no socket.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub(crate) Client);

impl ClientAddress {
    /// The address, as far as trusted proxies tell.
    #[must_use]
    pub const fn address(self) -> std::net::IpAddr {
        self.0.address
    }
}

/// Gives a request its origin and its client, writes a problem down, and logs one line.
pub(crate) async fn observe(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _in_flight = InFlight::begin();
    let request_id = RequestId::from_headers(request.headers());
    let language = Language::from_headers(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let client = client(&request, &api.settings);
    let trace = RequestTrace::from_headers(request.headers());
    let origin = Origin { request_id: Some(request_id.to_string()), trace: Some(trace.context) };
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(ClientAddress(client));
    let span = span(&request_id, &trace);
    let mut response = next.run(request).instrument(span.clone()).await;
    let _in_span = span.enter();
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        write_problem(&mut response, problem, language, &request_id, &api.settings.public_url);
    }
    if let Some(id) = request_id.header() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    log_answer(&span, &method, route.as_ref(), response.status(), problem.as_ref(), started);
    meters::answered(&method, route.as_ref(), response.status(), started.elapsed());
    response
}

/// What a request's lines and its trace have in common.
fn span(request_id: &RequestId, trace: &RequestTrace) -> Span {
    // Of the highest level, so that a filter that shows warnings shows their requests too.
    tracing::error_span!(
        "request",
        request_id = request_id.as_str(),
        trace_id = trace.context.trace_id(),
        span_id = trace.context.span_id(),
        parent_span_id = trace.parent.map(|parent| parent.span_id()),
        // Known when it ends. For traces; in the log they stand in the line.
        method = Empty,
        route = Empty,
        status = Empty,
        problem = Empty,
        is_read = Empty,
        otel.status_code = Empty,
    )
}

/// One line per request. Reading is most of the traffic, because everybody polls: when it succeeds, it is told only to those who ask.
fn log_answer(
    span: &Span,
    method: &Method,
    route: Option<&MatchedPath>,
    status: StatusCode,
    problem: Option<&Problem>,
    started: Instant,
) {
    let is_read = method.is_safe() && (status.is_success() || status == StatusCode::NOT_MODIFIED);
    let route = route.map_or("none", MatchedPath::as_str);
    let problem = problem.map(|problem| problem.code().word());
    macro_rules! log_at {
        ($level:ident) => {
            tracing::$level!(
                method = method.as_str(),
                route,
                status = status.as_u16(),
                problem,
                ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "answered"
            )
        };
    }
    if is_read {
        log_at!(debug);
    } else if status.is_server_error() {
        log_at!(warn);
    } else {
        log_at!(info);
    }
    // At once: with each step all fields of the span are written anew.
    record_all!(
        span,
        method = method.as_str(),
        route,
        status = status.as_u16(),
        problem,
        is_read,
        otel.status_code = status.is_server_error().then_some("ERROR"),
    );
}

fn write_problem(
    response: &mut Response,
    problem: &Problem,
    language: Language,
    request_id: &RequestId,
    public_url: &str,
) {
    if let Some(cause) = problem.cause_text() {
        tracing::error!(code = problem.code().word(), cause, "a request failed inside");
    }
    *response.body_mut() = Body::from(problem.write(language, request_id.as_str(), public_url));
    let headers = response.headers_mut();
    // The length of the empty body that stood here before.
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
}

fn client(request: &Request, settings: &ApiSettings) -> Client {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let (address, is_vouched) = client_address(peer, request.headers(), &settings.trusted_proxies);
    let is_caller = || settings.trusted_callers.iter().any(|network| network.has(address));
    Client { address, is_trusted: is_vouched && is_caller() }
}

/// The last address that no trusted proxy added, and whether it is the caller's own. What a stranger writes into the header is
/// believed by nobody; that somebody forwarded the request is: then the address is the proxy's, and everybody behind it has the same.
fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> (IpAddr, bool) {
    let is_proxy = |address| proxies.iter().any(|network| network.has(address));
    let mut address = peer;
    let mut is_vouched =
        ![FORWARDED_FOR, FORWARDED, REAL_IP].iter().any(|header| headers.contains_key(header));
    let values: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !is_proxy(address) {
            break;
        }
        let before = read_hop(hop.trim());
        is_vouched = before.is_some();
        let Some(before) = before else { break };
        address = before;
    }
    (address, is_vouched)
}

/// An address, as some proxies write it with its port, and of IPv6 in brackets.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &proxies).0.to_string()
    }

    fn is_vouched(peer: &str, headers: &[(HeaderName, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers.collect(), &proxies).1
    }

    #[test]
    fn an_address_is_the_callers_own_only_without_unknown_proxies() {
        assert!(is_vouched("127.0.0.1", &[]));
        assert!(is_vouched("10.0.0.1", &[(FORWARDED_FOR, "198.51.100.1")]));
        assert!(is_vouched("10.0.0.1", &[(FORWARDED_FOR, "1.1.1.1, 198.51.100.1")]));
        for header in [FORWARDED_FOR, FORWARDED, REAL_IP] {
            assert!(!is_vouched("127.0.0.1", &[(header.clone(), "127.0.0.1")]), "{header}");
        }
        assert!(!is_vouched("10.0.0.1", &[(FORWARDED_FOR, "rubbish")]));
        assert!(!is_vouched("10.0.0.1", &[(FORWARDED, "for=198.51.100.1")]));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(address("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(address("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(address("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(address("10.0.0.1", &["rubbish"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }
}
