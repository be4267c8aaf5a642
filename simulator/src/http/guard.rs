//! What stands before and behind every answer: who may steer the simulator, and that nothing is told before it is kept.

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::api::language_of;
use super::{App, answer};
use crate::codes;
use crate::refusal::Refusal;

/// Lets an answer out once everything that it may tell of is in the journal. What cannot be kept is not answered: the
/// caller has to find out, as after a crash.
pub(crate) async fn keep_before_answering(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if app.shared.keep() { response } else { answer::cut() }
}

/// Refuses a request that came here under a name that is not the simulator's own. A page of another site can have its
/// name resolve to this machine and is of the same origin then; the name that it used stays in the `Host` header.
pub(crate) async fn refuse_foreign_hosts(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let public_url = app.shared.config.public_url.as_deref();
    let is_own = |host: &HeaderValue| host.to_str().is_ok_and(|it| is_own_host(it, public_url));
    if request.headers().get_all(header::HOST).iter().all(is_own) {
        return next.run(request).await;
    }
    refuse(&request, "Host")
}

/// Refuses a request that a page of another site made.
pub(crate) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).map(HeaderValue::as_bytes);
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_own = |origin: &[u8]| {
        [b"http://".as_slice(), b"https://"].iter().any(|it| origin.strip_prefix(*it) == Some(host))
    };
    if origin.is_some_and(|origin| !is_own(origin)) {
        return refuse(&request, "Origin");
    }
    next.run(request).await
}

fn refuse(request: &Request, what: &str) -> Response {
    let refusal = Refusal::about(codes::FORBIDDEN_REQUEST, what);
    answer::refuse(&refusal, language_of(request.headers()))
}

/// Whether `host` (with or without a port) is an IP address, a loopback name, or the host of `public_url`. An address is
/// never foreign: nobody else's name leads to it.
fn is_own_host(host: &str, public_url: Option<&str>) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    if host.contains('@') {
        return false;
    }
    let name = authority.host().to_ascii_lowercase();
    let in_brackets = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_address = match in_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    let is_loopback_name = name == "localhost" || name.ends_with(".localhost");
    let public = public_url.and_then(|url| url.parse::<Uri>().ok());
    let is_public =
        public.as_ref().and_then(Uri::host).is_some_and(|it| it.eq_ignore_ascii_case(&name));
    is_address || is_loopback_name || is_public
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_loopback_names_and_the_public_host_are_its_own_and_nothing_else() {
        let public = Some("https://Sim.Example:8443");
        for host in [
            "127.0.0.1:8081",
            "127.0.0.1",
            "192.168.0.7:80",
            "[::1]:8081",
            "[2001:db8::1]",
            "localhost:8081",
            "LOCALHOST",
            "shop.localhost:1",
            "sim.example",
            "sim.example:9",
        ] {
            assert!(is_own_host(host, public), "{host}");
        }
        for host in [
            "",
            "elsewhere.example",
            "127.0.0.1.elsewhere.example",
            "localhost.elsewhere.example",
            "evillocalhost",
            "elsewhere.example@127.0.0.1",
            "127.0.0.1@elsewhere.example",
            "[localhost]",
            "256.0.0.1",
            "sim.example.elsewhere.example",
            "local host",
        ] {
            assert!(!is_own_host(host, public), "{host}");
        }
        assert!(!is_own_host("sim.example", None));
        assert!(!is_own_host("sim.example", Some("no address")));
    }
}
