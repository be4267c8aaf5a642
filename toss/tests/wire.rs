//! What goes over the wire, and what every way of breaking off says about the money. Against a stub of raw bytes; the behaviour of
//! Toss is in `contract.rs`.

#[path = "wire/log.rs"]
mod log;
#[path = "wire/stub.rs"]
mod stub;

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::answer::{Answer, FailureClass};
use domain::{TraceContext, Won};
use stub::{PAYMENT, Reply, Stub, client, response};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use toss::{CallResult, CancelCall, ConfirmCall, TossClient};

fn confirm<'a>() -> ConfirmCall<'a> {
    ConfirmCall {
        customer_key: None,
        payment_key: "pk",
        order_id: "order-1",
        amount: Won::new(100).unwrap(),
        idempotency_key: "key-1",
    }
}

fn cancel<'a>() -> CancelCall<'a> {
    CancelCall {
        tax_free_amount: None,
        payment_key: "p/k?1",
        reason: "변심",
        amount: None,
        refundable_amount: Won::new(100).unwrap(),
        refund_account: None,
        idempotency_key: "key-2",
    }
}

fn class_and_code(result: &CallResult) -> (FailureClass, &str) {
    match &result.answer {
        Answer::Failure(failure) => (failure.class, failure.code.as_str()),
        Answer::Payment(payment) => panic!("read as a payment: {payment:?}"),
    }
}

fn message(result: &CallResult) -> &str {
    match &result.answer {
        Answer::Failure(failure) => &failure.message,
        Answer::Payment(payment) => panic!("read as a payment: {payment:?}"),
    }
}

/// The class and code of a confirm that gets this reply, and how often the request arrived.
async fn confirm_against(reply: Reply) -> (CallResult, usize) {
    let mut stub = Stub::start(vec![reply]).await;
    let client = client(&format!("http://{}", stub.address), Duration::from_millis(400));
    let result = client.confirm(&confirm()).await;
    (result, stub.seen().len())
}

const UNANSWERED: (FailureClass, &str) = (FailureClass::Unanswered, "NO_ANSWER");
const UNSENT: (FailureClass, &str) = (FailureClass::Unsent, "CONNECTION_FAILED");

#[tokio::test]
async fn a_confirm_is_sent_as_toss_documents_it() {
    let mut stub = Stub::start(vec![Reply::Bytes(response(
        200,
        "X-TossPayments-Trace-Id: trace-1\r\n",
        PAYMENT,
    ))])
    .await;
    let result = stub.client().confirm(&confirm()).await;
    assert!(matches!(&result.answer, Answer::Payment(payment) if payment.order_id == "order-1"));
    assert_eq!((result.http_status, result.trace_id.as_deref()), (Some(200), Some("trace-1")));

    let [request] = stub.seen().try_into().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"paymentKey":"pk","orderId":"order-1","amount":100}"#);
    assert_eq!(body, toss::confirm_body(&confirm()));
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /v1/payments/confirm HTTP/1.1"));
    let mut headers: Vec<String> = lines.map(|line| line.to_ascii_lowercase()).collect();
    headers.sort();
    let host = format!("host: {}", stub.address);
    // Nothing else: a language or a version header would change Toss's answers.
    let expected = [
        "accept: */*",
        "authorization: basic dgvzdf9za19zdhviog==",
        "content-length: 52",
        "content-type: application/json",
        &host,
        "idempotency-key: key-1",
        concat!("user-agent: seungin/", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(headers, expected);
    assert!(
        head.contains("Basic dGVzdF9za19zdHViOg=="),
        "standard base64 of 'test_sk_stub:', padded"
    );
}

#[tokio::test]
async fn a_call_on_behalf_of_a_request_carries_its_trace_and_no_other_call_does() {
    let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::parse(text).unwrap();
    let mut stub = Stub::start(vec![Reply::Bytes(response(200, "", PAYMENT))]).await;
    let client = stub.client();
    for (request_id, is_sent) in
        [(Some("checkout-42"), true), (Some("a b"), false), (Some("사람"), false), (None, false)]
    {
        client.on_behalf_of(&trace, request_id).confirm(&confirm()).await;
        let head = stub.seen().pop().unwrap().to_ascii_lowercase();
        assert!(head.contains(&format!("\r\ntraceparent: {text}\r\n")), "{head}");
        assert_eq!(head.contains("\r\nx-request-id: checkout-42\r\n"), is_sent, "{head}");
        assert_eq!(head.contains("x-request-id"), is_sent, "{head}");
    }
    client.confirm(&confirm()).await;
    let head = stub.seen().pop().unwrap();
    assert!(!head.contains("traceparent") && !head.contains("request-id"), "{head}");
}

#[tokio::test]
async fn a_cancel_and_the_look_ups_address_one_encoded_segment() {
    let mut stub = Stub::start(vec![Reply::Bytes(response(200, "", PAYMENT))]).await;
    let client = stub.client();
    client.cancel(&cancel()).await;
    client.look_up("a b%2F/..").await;
    client.look_up_by_order("order-1").await;
    let first_lines: Vec<String> =
        stub.seen().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        first_lines,
        [
            "POST /v1/payments/p%2Fk%3F1/cancel HTTP/1.1",
            "GET /v1/payments/a%20b%252F%2F.. HTTP/1.1",
            "GET /v1/payments/orders/order-1 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn a_look_up_carries_neither_body_nor_idempotency_key() {
    let mut stub = Stub::start(vec![Reply::Bytes(response(200, "", PAYMENT))]).await;
    stub.client().look_up("pk").await;
    let request = stub.seen().remove(0).to_ascii_lowercase();
    assert!(!request.contains("idempotency-key") && !request.contains("content-"), "{request}");
}

#[tokio::test]
async fn what_no_request_can_be_made_of_is_not_sent() {
    let mut stub = Stub::start(vec![Reply::Bytes(response(200, "", PAYMENT))]).await;
    let client = stub.client();
    for key in [".", "..", ""] {
        let looked_up = client.look_up(key).await;
        assert_eq!(class_and_code(&looked_up), (FailureClass::Broken, "UNSENDABLE_CALL"));
        let cancelled = client.cancel(&CancelCall { payment_key: key, ..cancel() }).await;
        assert_eq!(class_and_code(&cancelled), (FailureClass::Broken, "UNSENDABLE_CALL"));
    }
    for idempotency_key in ["", "키", "a\r\nX: y", &"k".repeat(301)] {
        let result = client.confirm(&ConfirmCall { idempotency_key, ..confirm() }).await;
        assert_eq!(class_and_code(&result), (FailureClass::Broken, "INVALID_IDEMPOTENCY_KEY"));
    }
    assert_eq!((stub.seen().len(), stub.connections.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_refused_connection_is_unsent() {
    // Bound but not listening: the port is ours and refuses.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let client =
        client(&format!("http://{}", socket.local_addr().unwrap()), Duration::from_secs(2));
    let result = client.confirm(&confirm()).await;
    assert_eq!(class_and_code(&result), UNSENT);
    assert!(message(&result).starts_with("failed: ") && !message(&result).contains("127.0.0.1"));
    assert_eq!((result.http_status, result.body), (None, None));
}

#[tokio::test]
async fn a_connection_that_is_never_accepted_is_unsent_after_the_connect_timeout() {
    // A full backlog: the kernel drops further attempts silently, as a firewall does.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
    {
        fill.push(stream);
        assert!(fill.len() < 100, "the backlog never fills");
    }
    let result =
        client(&format!("http://{address}"), Duration::from_secs(5)).confirm(&confirm()).await;
    assert_eq!(class_and_code(&result), UNSENT);
    assert!(message(&result).starts_with("timed out: "), "{}", message(&result));
    assert!((150..2_000).contains(&result.duration_ms), "{}", result.duration_ms);
}

#[tokio::test]
async fn a_failed_tls_handshake_is_unsent() {
    for reply in [Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice()), None] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            match reply {
                Some(bytes) => {
                    tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
                }
                None => std::future::pending().await,
            }
        });
        let result =
            client(&format!("https://{address}"), Duration::from_secs(5)).confirm(&confirm()).await;
        assert_eq!(class_and_code(&result), UNSENT);
        // The time for connecting is the time for TLS, too.
        assert_eq!(message(&result).starts_with("timed out: "), reply.is_none());
        assert!(result.duration_ms < 2_000, "{}", result.duration_ms);
    }
}

#[tokio::test]
async fn tls_offers_http_1_1_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hello = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; 4_096];
        let length = stream.read(&mut hello).await.unwrap();
        hello[..length].to_vec()
    });
    let client = client(&format!("https://localhost:{port}"), Duration::from_secs(5));
    assert_eq!(class_and_code(&client.confirm(&confirm()).await), UNSENT);
    let hello = hello.await.unwrap();
    let has = |part: &[u8]| hello.windows(part.len()).any(|window| window == part);
    // The extension of protocols with one name in its list, and the one of the server's name.
    assert!(has(b"\x00\x10\x00\x0b\x00\x09\x08http/1.1") && has(b"\x00\x09localhost"));
}

#[tokio::test]
async fn an_unknown_host_is_unsent() {
    // A label that no name server can be asked for, so that the test asks none.
    let host = "a".repeat(64);
    let result =
        client(&format!("http://{host}.invalid"), Duration::from_secs(5)).confirm(&confirm()).await;
    assert_eq!(class_and_code(&result), UNSENT);
}

#[tokio::test]
async fn once_the_request_is_out_every_break_is_unanswered_and_nothing_is_sent_twice() {
    let whole = response(200, "", PAYMENT);
    for (what, reply) in [
        ("closed without a byte", Reply::BytesThenClose(vec![])),
        ("reset", Reply::Reset),
        ("closed within the head", Reply::BytesThenClose(b"HTTP/1.1 200 O".to_vec())),
        ("closed within the body", Reply::BytesThenClose(whole[..whole.len() - 1].to_vec())),
        (
            "closed within a chunk",
            Reply::BytesThenClose(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{".to_vec(),
            ),
        ),
        ("silence", Reply::BytesThenSilence(vec![])),
        ("silence within the body", Reply::BytesThenSilence(whole[..whole.len() - 1].to_vec())),
        ("no HTTP", Reply::BytesThenClose(b"\x00\x01\x02 what?\r\n\r\n".to_vec())),
    ] {
        let (result, arrived) = confirm_against(reply).await;
        assert_eq!(class_and_code(&result), UNANSWERED, "{what}");
        assert_eq!(arrived, 1, "{what}");
        assert_eq!(result.body, None, "{what}");
    }
}

#[tokio::test]
async fn the_time_of_a_call_ends_with_the_last_byte_of_its_answer() {
    let whole = response(200, "", PAYMENT);
    let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    for (what, reply, http_status) in [
        ("silence", Reply::BytesThenSilence(vec![]), None),
        ("silence within the head", Reply::BytesThenSilence(whole[..20].to_vec()), None),
        ("silence within the body", Reply::BytesThenSilence(whole[..80].to_vec()), Some(200)),
        ("a body that dribbles", Reply::BytesThenDribble(endless), Some(200)),
    ] {
        let (result, arrived) = confirm_against(reply).await;
        assert_eq!(class_and_code(&result), UNANSWERED, "{what}");
        assert!(message(&result).starts_with("timed out: "), "{what}: {}", message(&result));
        assert!((390..2_000).contains(&result.duration_ms), "{what}: {}", result.duration_ms);
        assert_eq!((result.http_status, arrived), (http_status, 1), "{what}");
    }
}

#[tokio::test]
async fn too_many_requests_counts_even_when_the_rest_breaks_off() {
    let head = "HTTP/1.1 429 X\r\ncontent-length: 100\r\nretry-after: 7\r\n\r\n{";
    let (result, _) = confirm_against(Reply::BytesThenClose(head.into())).await;
    assert_eq!(class_and_code(&result), (FailureClass::Throttled, "TOO_MANY_REQUESTS"));
    assert_eq!((result.http_status, result.retry_after_ms), (Some(429), Some(7_000)));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let huge = vec![b' '; 2 * 1024 * 1024];
    let (result, _) = confirm_against(Reply::BytesThenClose(response(200, "", &huge))).await;
    assert_eq!(class_and_code(&result), (FailureClass::Contradictory, "UNREADABLE_ANSWER"));
    let (result, _) = confirm_against(Reply::BytesThenClose(response(502, "", &huge))).await;
    assert_eq!(class_and_code(&result), (FailureClass::Ambiguous, "UNREADABLE_ANSWER"));
    assert_eq!((result.http_status, result.body), (Some(502), None));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (result, arrived) =
        confirm_against(Reply::Bytes(response(307, "location: /elsewhere\r\n", b""))).await;
    assert_eq!(class_and_code(&result), (FailureClass::Contradictory, "UNREADABLE_ANSWER"));
    assert_eq!((result.http_status, arrived), (Some(307), 1));
}

#[tokio::test]
async fn a_gateways_page_is_kept_as_text() {
    let page = b"<html>502 Bad Gateway</html>";
    let (result, _) =
        confirm_against(Reply::Bytes(response(502, "content-type: text/html\r\n", page))).await;
    assert_eq!(class_and_code(&result), (FailureClass::Ambiguous, "UNREADABLE_ANSWER"));
    assert_eq!(result.body.as_deref(), Some("<html>502 Bad Gateway</html>"));
}

#[tokio::test]
async fn connections_are_used_again() {
    let stub = Stub::start(vec![Reply::Bytes(response(200, "", PAYMENT))]).await;
    let client = stub.client();
    for _ in 0..5 {
        assert!(matches!(client.look_up("pk").await.answer, Answer::Payment(_)));
    }
    assert_eq!(stub.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_between_two_calls_is_not_used_again() {
    let keep = response(200, "connection: keep-alive\r\n", PAYMENT);
    let mut stub = Stub::start(vec![Reply::BytesThenClose(keep)]).await;
    let client = stub.client();
    for round in 1..=3 {
        assert!(matches!(client.confirm(&confirm()).await.answer, Answer::Payment(_)));
        assert_eq!((stub.seen().len(), stub.connections.load(Ordering::SeqCst)), (1, round));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_request_that_meets_a_closing_connection_arrives_once_or_is_unanswered_but_never_twice() {
    // Every answer promises to keep the connection and the server closes it all the same, so every call races with a closing one.
    let keep = response(200, "connection: keep-alive\r\n", PAYMENT);
    let mut stub = Stub::start(vec![Reply::BytesThenClose(keep)]).await;
    let client: TossClient = stub.client();
    let mut unanswered = 0;
    for round in 0..300_u64 {
        let idempotency_key = format!("round-{round}");
        let result =
            client.confirm(&ConfirmCall { idempotency_key: &idempotency_key, ..confirm() }).await;
        let arrived =
            stub.seen().iter().filter(|request| request.contains(&idempotency_key)).count();
        match &result.answer {
            Answer::Payment(_) => assert_eq!(arrived, 1, "round {round}"),
            Answer::Failure(failure) => {
                assert_eq!(failure.class, FailureClass::Unanswered, "round {round}: {failure:?}");
                assert!(arrived <= 1, "round {round}");
                unanswered += 1;
            }
        }
        if round % 3 == 0 {
            tokio::time::sleep(Duration::from_micros(round * 5)).await;
        }
    }
    assert!(unanswered < 300, "no call got through");
}

#[tokio::test]
async fn a_request_that_a_pooled_connection_swallowed_is_unanswered_and_not_repeated() {
    for last in [Reply::Reset, Reply::BytesThenClose(vec![])] {
        let mut stub = Stub::start(vec![Reply::Bytes(response(200, "", PAYMENT)), last]).await;
        let client = stub.client();
        client.look_up("warm-up").await;
        let result = client.confirm(&confirm()).await;
        assert_eq!(class_and_code(&result), UNANSWERED);
        let arrived = stub.seen().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!((arrived, stub.connections.load(Ordering::SeqCst)), (1, 1));
    }
}

#[tokio::test]
async fn no_failure_names_the_address_that_was_called() {
    let whole = response(200, "", PAYMENT);
    for reply in [Reply::Reset, Reply::BytesThenClose(whole[..80].to_vec())] {
        let (result, _) = confirm_against(reply).await;
        let message = message(&result);
        assert!(!message.contains("http://") && !message.contains("confirm"), "{message}");
    }
    let too_long = "pk".repeat(40_000);
    let result = client("http://127.0.0.1:9", Duration::from_secs(2)).look_up(&too_long).await;
    assert_eq!(class_and_code(&result), (FailureClass::Broken, "UNSENDABLE_CALL"));
    assert!(!message(&result).contains("pk"), "{}", message(&result));
}

#[tokio::test]
async fn a_call_leaves_one_line_in_the_log_without_keys_or_bodies() {
    let answer = response(200, "X-TossPayments-Trace-Id: trace-1\r\n", PAYMENT);
    let stub = Stub::start(vec![Reply::Bytes(answer)]).await;
    let client = stub.client();
    let payment_key = "tviva20231208004903pIlD7";
    client.confirm(&ConfirmCall { payment_key, ..confirm() }).await;
    client.look_up(payment_key).await;

    let lines = log::lines();
    let ours: Vec<&String> = lines.iter().filter(|line| line.contains("called Toss")).collect();
    assert_eq!(ours.len(), 2, "{lines:#?}");
    for part in ["confirm", "200", "payment", "DONE", "trace-1", "duration_ms"] {
        assert!(ours[0].contains(part), "{part} in {}", ours[0]);
    }
    for line in lines.iter().filter(|line| line.starts_with("toss")) {
        for hidden in [payment_key, "test_sk_stub", "dGVzdF9za19zdHViOg==", "key-1", "order-1"] {
            assert!(!line.contains(hidden), "{hidden} in {line}");
        }
    }
    // The libraries below may name addresses in their own debug lines, but never the merchant's key.
    assert!(!lines.iter().any(|line| line.contains("dGVzdF9za19zdHViOg==")), "{lines:#?}");
}
