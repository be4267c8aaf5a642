//! A server of raw bytes: each connection is handled by a script, so that it can break off wherever a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use toss::{SecretKey, TossClient, TossConfig};

/// What the stub does with a request that it has read.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Sends these bytes and keeps the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes.
    BytesThenClose(Vec<u8>),
    /// Sends these bytes and then nothing any more, keeping the connection open.
    BytesThenSilence(Vec<u8>),
    /// Sends these bytes, and then one more every 20 ms.
    BytesThenDribble(Vec<u8>),
    /// Resets the connection (RST).
    Reset,
}

/// A running stub; it ends with the test's runtime.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    requests: mpsc::Receiver<String>,
}

impl Stub {
    /// Answers the n-th request with the n-th reply, and every later one with the last.
    pub(crate) async fn start(replies: Vec<Reply>) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, requests) = mpsc::channel(1_000);
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let served = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, replies.clone(), served.clone(), seen.clone()));
            }
        });
        Stub { address, connections, requests }
    }

    pub(crate) fn client(&self) -> TossClient {
        client(&format!("http://{}", self.address), Duration::from_secs(5))
    }

    /// Every request that arrived so far, head and body as they came.
    pub(crate) fn seen(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }
}

pub(crate) fn client(base_url: &str, call_deadline: Duration) -> TossClient {
    crate::log::listen();
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let key = SecretKey::parse("test_sk_stub").unwrap();
    let connect_timeout = Duration::from_millis(200);
    TossClient::new(TossConfig { connect_timeout, call_deadline, ..TossConfig::new(base_url, key) })
        .unwrap()
}

async fn serve(
    mut stream: TcpStream,
    replies: Vec<Reply>,
    served: Arc<AtomicUsize>,
    seen: mpsc::Sender<String>,
) {
    while let Some(request) = read_request(&mut stream).await {
        seen.send(request).await.unwrap();
        let at = served.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1);
        match replies[at].clone() {
            Reply::Bytes(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::BytesThenClose(bytes) => {
                // The client may have gone away already; that is its right.
                if stream.write_all(&bytes).await.is_ok() {
                    stream.shutdown().await.ok();
                }
                return;
            }
            Reply::BytesThenSilence(bytes) => {
                stream.write_all(&bytes).await.ok();
                std::future::pending::<()>().await;
            }
            Reply::BytesThenDribble(bytes) => {
                stream.write_all(&bytes).await.ok();
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                return;
            }
            Reply::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(length) = whole_length(&bytes) {
            return Some(String::from_utf8(bytes[..length].to_vec()).unwrap());
        }
        let mut chunk = [0; 4_096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn whole_length(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head]
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        })
        .unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}

pub(crate) fn response(status: u16, extra_headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{extra_headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) const PAYMENT: &[u8] =
    br#"{"paymentKey":"pk","orderId":"order-1","status":"DONE","totalAmount":100,"balanceAmount":100}"#;
