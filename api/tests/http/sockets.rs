//! Over real sockets: slow clients, too many of them, and the end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::app::TestApp;

async fn serve(
    app: &TestApp,
    extra: Option<Router>,
) -> (SocketAddr, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(api::run(app.context.clone(), listener, extra)))
}

/// Sends bytes and reads until the other side closes.
async fn talk(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut has said what it had to say.
    let _cut = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn it_serves_beside_other_routes_and_ends_when_told_to() {
    let app = TestApp::start().await;
    let shop = Router::new().route("/", get(async || "shop")).route("/boom", get(boom));
    let (address, server) = serve(&app, Some(shop)).await;
    assert!(talk(address, &ask("/livez")).await.starts_with("HTTP/1.1 200"));
    assert!(talk(address, &ask("/")).await.ends_with("shop"));
    let panicked = talk(address, &ask("/boom")).await;
    assert!(panicked.starts_with("HTTP/1.1 500"), "{panicked}");
    assert!(
        panicked.contains("\"code\":\"internal\"") && !panicked.contains("secret of the house"),
        "{panicked}"
    );
    app.context.shutdown.cancel();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

async fn boom() -> &'static str {
    panic!("secret of the house")
}

#[tokio::test]
async fn who_takes_too_long_to_say_what_they_want_is_cut_off() {
    let app =
        TestApp::start_with(|settings| settings.limits.header_timeout = Duration::from_millis(300))
            .await;
    let (address, _server) = serve(&app, None).await;
    let started = Instant::now();
    let answer = talk(address, "GET /livez HTTP/1.1\r\nhost: x\r\n").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let app = TestApp::start_with(|settings| settings.limits.connections_max = 1).await;
    let (address, _server) = serve(&app, None).await;
    let held = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = tokio::spawn(async move { talk(address, &ask("/livez")).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    drop(held);
    assert!(waiting.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_open_event_stream_does_not_keep_the_process_from_ending() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let (address, server) = serve(&app, None).await;
    let path = format!("{}?ticket={}", order.path_to("events"), order.ticket);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ask(&path).as_bytes()).await.unwrap();
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("event: order") {
        assert_ne!(stream.read_buf(&mut told).await.unwrap(), 0, "the stream ended");
    }
    let started = Instant::now();
    app.context.shutdown.cancel();
    server.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    stream.read_to_end(&mut told).await.unwrap();
}
