//! Serving and shutting down.

use std::time::{Duration, Instant};

use simulator::{FaultKind, FaultRequest, Operation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::start;

#[tokio::test]
async fn a_long_delay_and_a_silent_connection_do_not_hold_up_the_shutdown() {
    let mut toss = start().await;
    let payment_key = toss.payment("order-0001");
    let delay = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::Delay);
    toss.add_fault(delay.with_ms(60_000));
    let address = toss.url.trim_start_matches("http://").to_owned();
    let mut silent = tokio::net::TcpStream::connect(&address).await.expect("a connection");
    silent.write_all(b"POST /v1/payments/confirm HTTP/1.1\r\nhost: x\r\n").await.expect("written");
    let (shutdown, server) = (toss.shutdown.clone(), toss.server.take().expect("a server"));
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begin = Instant::now();
        shutdown.cancel();
        server.await.expect("no panic").expect("a clean end");
        begin.elapsed()
    };
    let (confirmed, took) =
        tokio::join!(toss.try_confirm(&payment_key, "order-0001", "k"), stopping);
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    assert!(confirmed.is_err(), "the delayed request was cut off, not answered");
    assert_eq!(toss.truth(&payment_key), (0, 0, 0));
}

#[tokio::test]
async fn a_cut_connection_carries_not_a_single_byte_of_http() {
    let toss = start().await;
    let payment_key = toss.paid("order-0001").await;
    for kind in [FaultKind::CutBefore, FaultKind::CutAfter] {
        toss.fault("order-0001", Operation::LookUp, kind);
        let address = toss.url.trim_start_matches("http://").to_owned();
        let mut socket = tokio::net::TcpStream::connect(&address).await.expect("a connection");
        let request = format!(
            "GET /v1/payments/{payment_key} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n",
            crate::support::basic(crate::support::SECRET_KEY)
        );
        socket.write_all(request.as_bytes()).await.expect("written");
        let mut received = Vec::new();
        // Closed or reset: both are no answer.
        drop(socket.read_to_end(&mut received).await);
        assert_eq!(String::from_utf8_lossy(&received), "", "{kind:?}");
    }
}
