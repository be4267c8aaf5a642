//! One request as the outside and the log see it.
//!
//! The log line has the method, the route, the status and the time; never the query, the body, or a credential.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{CONTENT_LANGUAGE, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::request_id::{REQUEST_ID, RequestId};
use crate::context::Api;
use crate::problem::Problem;
use crate::rates::Client;
use crate::settings::{ApiSettings, Network};
use crate::words::Language;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from; unknown for requests that came over no socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) Client);

/// Gives a request its id and its client, writes a problem down, and logs one line.
pub(crate) async fn observe(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = RequestId::from_headers(request.headers());
    let language = Language::from_headers(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let client = client(&request, &api.settings);
    request.extensions_mut().insert(request_id.clone());
    request.extensions_mut().insert(ClientAddress(client));
    let span = tracing::info_span!("request", id = request_id.as_str());
    let mut response = next.run(request).instrument(span.clone()).await;
    let _in_span = span.enter();
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        write_problem(&mut response, problem, language, &request_id, &api.settings.public_url);
    }
    if let Some(id) = request_id.header() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    tracing::info!(
        method = method.as_str(),
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = response.status().as_u16(),
        problem = problem.as_ref().map(|problem| problem.code().word()),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id = request_id.as_str(),
        "answered"
    );
    response
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
    let address = client_address(peer, request.headers(), &settings.trusted_proxies);
    let is_trusted = settings.trusted_callers.iter().any(|network| network.has(address));
    Client { address, is_trusted }
}

/// The last address that no trusted proxy added. What a stranger writes into the header is believed by nobody.
fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address| proxies.iter().any(|network| network.has(address));
    let mut address = peer;
    let values: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !is_proxy(address) {
            break;
        }
        match hop.trim().parse() {
            Ok(before) => address = before,
            Err(_) => break,
        }
    }
    address
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
        client_address(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(address("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(address("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["rubbish"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }
}
