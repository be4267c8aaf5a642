//! One connection of HTTP, kept open, and one request at a time on it: what measures should cost next to nothing itself.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request with all of its body.
pub(crate) type Whole = Request<Full<Bytes>>;

#[derive(Debug)]
pub(crate) struct Wire {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Wire {
    /// Connects to `host:port`.
    pub(crate) async fn connect(host: &str) -> anyhow::Result<Wire> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Wire { host: host.to_owned(), sender })
    }

    /// Asks, and reads all of the answer.
    pub(crate) async fn ask(&mut self, request: Whole) -> anyhow::Result<Reply> {
        let (head, body) = self.begin(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    /// Asks, and leaves the answer's body to be read.
    pub(crate) async fn begin(&mut self, mut request: Whole) -> anyhow::Result<Response<Incoming>> {
        request.headers_mut().insert(HOST, self.host.parse()?);
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// A request with somebody's credential and a text of JSON.
pub(crate) fn with_json(request: Builder, credential: &str, text: String) -> anyhow::Result<Whole> {
    let request =
        request.header(AUTHORIZATION, credential).header(CONTENT_TYPE, "application/json");
    Ok(request.body(Full::new(Bytes::from(text)))?)
}

/// A request with somebody's credential and no body.
pub(crate) fn without_body(request: Builder, credential: &str) -> anyhow::Result<Whole> {
    Ok(request.header(AUTHORIZATION, credential).body(Full::default())?)
}
