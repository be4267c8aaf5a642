//! How connections to Toss are made and kept. Not here: what is sent over them.
//!
//! hyper's own client, which reads no proxy from the environment: one would see every payment and be a second place that may swallow an
//! answer.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls_platform_verifier::BuilderVerifierExt;
use tower::Service;

/// How long an idle connection is kept: shorter than a balancer's usual minute, so that a call seldom meets one just being closed. There are
/// never more of them than calls at once.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// When nothing happens on a connection for so long, the other side is asked whether it is still there, and again after as long.
const PROBED_AFTER: Duration = Duration::from_secs(15);
/// After so many such questions without a word the connection counts as broken.
const PROBES_MAX: u32 = 3;
/// What the other side has not acknowledged for so long never arrives: the connection is broken.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Makes the calls; clones share their connections.
pub(crate) type Http = Client<Connector, Full<Bytes>>;
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// # Errors
/// TLS refused, for example because the system's certificates cannot be read.
pub(crate) fn build(
    provider: Arc<CryptoProvider>,
    connect_timeout: Duration,
) -> Result<Http, rustls::Error> {
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut tcp = HttpConnector::new();
    // The one around it tells http from https.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(PROBED_AFTER));
    tcp.set_keepalive_interval(Some(PROBED_AFTER));
    tcp.set_keepalive_retries(Some(PROBES_MAX));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
    // Divided among the addresses of a name, so that one that swallows everything leaves time for the next.
    tcp.set_connect_timeout(Some(connect_timeout));
    let connector = Connector { https: HttpsConnector::from((tcp, tls)), within: connect_timeout };
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_MAX)
        .build(connector))
}

/// Connects within a time that covers the look-up of the name, TCP and TLS together.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<HttpConnector>,
    within: Duration,
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.within, self.https.call(to));
        Box::pin(async { connecting.await.map_err(|_| timed_out())? })
    }
}

/// The time for it is over.
pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "operation timed out")
}
