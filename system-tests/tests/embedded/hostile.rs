//! What strangers may send over the wire: it is refused or the connection is closed, in bounded time and memory, and others are served.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use system_tests::{Home, Product};

use crate::ALONE;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest body that the API takes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a head may take, and how long a connection may be idle.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// How long a body may take.
const BODY_MAX: Duration = Duration::from_secs(20);
/// How much the process may grow, whatever is sent to it: far below what is sent here.
const GROWTH_KIB_MAX: u64 = 48 * 1024;

/// Heads that do not end: so many, each of so many bytes, which together is more than twice what the process may grow.
const UNENDING: usize = 300;
const UNENDING_BYTES: usize = 390_000;

/// How much a connection may cost that is open, in a debug build: its buffers and its task.
const CONNECTION_KIB_MAX: u64 = 100;

const JSON: &str = "POST /v1/quotes HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";

/// A product that everybody may talk to.
struct Target {
    product: Product,
    resident_kib: u64,
}

impl Target {
    fn start(home: &Home) -> Target {
        let product = home.start_ephemeral();
        let mut target = Target { product, resident_kib: 0 };
        // What is made at the first request is no growth.
        (0..50).for_each(|_| target.insist_serving());
        target.resident_kib = target.product.resident_kib();
        target
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.product.api.trim_start_matches("http://")).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and reads until the other side closes, which it has to.
    fn exchange(&self, what: &str, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // Whoever is refused in the middle may find the connection closed.
        drop(stream.write_all(bytes));
        read_to_close(what, &mut stream)
    }

    /// Sends bytes and insists that they are refused: by one of these statuses, or, where there is none, by any 4xx or a closed connection.
    fn insist_refused(&self, what: &str, bytes: &[u8], statuses: &[u16]) {
        let said = self.exchange(what, bytes);
        let found = statuses_of(&said);
        let is_refused = match statuses {
            [] => found.iter().all(|status| (400..500).contains(status)),
            known => found.len() == 1 && known.contains(&found[0]),
        };
        assert!(is_refused, "{what}: {found:?}, not {statuses:?}: {said}");
        self.insist_serving();
    }

    /// Insists that others are served, and at once.
    fn insist_serving(&self) {
        let began = Instant::now();
        let said = self.exchange("others", &get("/livez"));
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(5), "others wait {:?}", began.elapsed());
    }

    /// Insists that nothing panicked or failed inside, and that the process is hardly larger than before.
    fn insist_well(self) {
        self.insist_grown_less_than(GROWTH_KIB_MAX);
    }

    fn insist_grown_less_than(mut self, most_kib: u64) {
        self.product.insist_well();
        let said = self.product.said();
        assert!(!said.contains("ERROR"), "{said}");
        let grown = self.product.resident_kib().saturating_sub(self.resident_kib);
        assert!(grown < most_kib, "grown by {grown} KiB from {} KiB", self.resident_kib);
    }
}

fn read_to_close(what: &str, stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        // A reset closes too: what was sent was not wanted any more.
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{what}: neither answered nor closed ({error}): {said:?}"),
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn statuses_of(said: &str) -> Vec<u16> {
    let heads = said.split("HTTP/1.").skip(1);
    heads.filter_map(|head| head.get(2..5)?.parse().ok()).collect()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes()
}

fn post(body: &[u8]) -> Vec<u8> {
    post_as("application/json", body)
}

fn post_as(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/quotes HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn with_head(lines: &str, rest: &[u8]) -> Vec<u8> {
    [format!("{JSON}{lines}\r\n").as_bytes(), rest].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[tokio::test]
async fn bodies_that_are_too_large_or_no_text_are_refused() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let much = vec![b' '; 10 * BODY_BYTES_MAX];
    target.insist_refused("a large body", &post(&much), &[413]);
    target.insist_refused(
        "a large body that never comes",
        &with_head("content-length: 99999999\r\n", b""),
        &[413],
    );
    let chunks = chunk(&much[..16 * 1024]).repeat(20);
    target.insist_refused(
        "large chunks",
        &with_head("transfer-encoding: chunked\r\n", &chunks),
        &[413],
    );
    let bytes = chunk(b" ").repeat(BODY_BYTES_MAX + 1);
    target.insist_refused(
        "many chunks",
        &with_head("transfer-encoding: chunked\r\n", &bytes),
        &[413],
    );
    for length in ["-1", "+5", "5, 6", "1 2", "0x10", "99999999999999999999", ""] {
        let head = with_head(&format!("content-length: {length}\r\n"), b"{}");
        target.insist_refused(&format!("the length {length:?}"), &head, &[400]);
    }
    for size in ["FFFFFFFFFFFFFFFFF", "-1", "zz", "0x5"] {
        let head =
            with_head("transfer-encoding: chunked\r\n", format!("{size}\r\nhello\r\n").as_bytes());
        target.insist_refused(&format!("a chunk of {size}"), &head, &[400]);
    }
    let extended = format!("1;{}\r\n", "x".repeat(100_000));
    target.insist_refused(
        "a chunk's extension",
        &with_head("transfer-encoding: chunked\r\n", extended.as_bytes()),
        &[400],
    );
    for depth in [129, 1_000, BODY_BYTES_MAX] {
        target.insist_refused("deep arrays", &post(&b"[".repeat(depth)), &[400]);
        let objects = br#"{"items":"#.repeat(depth / 9);
        target.insist_refused("deep objects", &post(&objects), &[400]);
    }
    let order = r#"{"storeId":"hongdae-mala","items":[{"productId":"마라탕","quantity":1}]}"#;
    let wide: Vec<u8> = order.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe".as_slice(), &wide].concat();
    for (what, body) in [
        ("UTF-16", wide),
        ("UTF-16 with its mark", marked),
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", order.as_bytes()].concat()),
        ("EUC-KR", b"{\"storeId\":\"\xb8\xb6\xb6\xf3\xc5\xc1\"}".to_vec()),
        ("half a character", b"{\"storeId\":\"\xec\x9d\"}".to_vec()),
        ("half a surrogate", br#"{"storeId":"\ud800"}"#.to_vec()),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec()),
    ] {
        target.insist_refused(what, &post_as("application/json; charset=utf-8", &body), &[400]);
    }
    for other in [
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "\u{ff}",
    ] {
        target.insist_refused(other, &post_as(other, b"{}"), &[415]);
    }
    target.insist_well();
}

#[tokio::test]
async fn heads_that_make_no_sense_are_refused() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let many = |count: usize| -> String { (0..count).map(|at| format!("x-{at}: y\r\n")).collect() };
    target.insist_refused("many headers", &with_head(&many(200), b""), &[431]);
    target.insist_refused("very many headers", &with_head(&many(50_000), b""), &[431]);
    target.insist_refused(
        "a long header",
        &with_head(&format!("x: {}\r\n", "y".repeat(2_000_000)), b""),
        &[431],
    );
    target.insist_refused(
        "a long name",
        &with_head(&format!("{}: y\r\n", "x".repeat(2_000_000)), b""),
        &[400, 431],
    );
    target.insist_refused("a long method", &b"X".repeat(2_000_000), &[]);
    target.insist_refused("a long address", &get(&format!("/{}", "a".repeat(70_000))), &[414, 431]);
    target.insist_refused(
        "a very long address",
        &get(&format!("/?{}", "a".repeat(2_000_000))),
        &[414, 431],
    );
    for line in [
        "x y: z\r\n",
        "x : y\r\n",
        ": y\r\n",
        "x: a\0b\r\n",
        "x: a\rb\r\n",
        " x: y\r\n",
        "x: y\r\n folded\r\n",
        "이름: y\r\n",
        "x\r\n",
    ] {
        target.insist_refused(&format!("{line:?}"), &with_head(line, b""), &[400]);
    }
    for begin in [
        "GET /livez HTTP/1.2\r\nhost: x\r\n\r\n",
        "GET /livez HTTP/2.0\r\nhost: x\r\n\r\n",
        "GET /livez HTTP/9\r\n\r\n",
        "GET /livez FTP/1.1\r\n\r\n",
        "GET\r\n\r\n",
        "GET /livez\r\n\r\n",
        "GET  /livez  HTTP/1.1\r\n\r\n",
        "G\u{1}T /livez HTTP/1.1\r\n\r\n",
        "\r\r\r\r\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}",
        "CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ] {
        target.insist_refused(&format!("{begin:?}"), begin.as_bytes(), &[]);
    }
    target.insist_well();
}

#[tokio::test]
async fn heads_that_do_not_end_hold_no_more_memory_than_a_head_may_have() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "y".repeat(UNENDING_BYTES));
    let held: Vec<TcpStream> = (0..UNENDING)
        .map(|_| {
            let mut stream = target.connect();
            // Whoever is refused in the middle may find the connection closed.
            drop(stream.write_all(head.as_bytes()));
            stream
        })
        .collect();
    target.insist_serving();
    target.insist_well();
    drop(held);
}

#[tokio::test]
async fn what_proxies_could_read_in_two_ways_is_read_once() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let hidden = "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n";
    let kept_open = "POST /v1/quotes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    // Of a length and chunks the chunks count, and nothing behind them is taken for another request.
    let chunked = format!("0\r\n\r\n{hidden}");
    for head in [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", chunked.len()),
        format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", chunked.len()),
        "transfer-encoding: chunked\r\n".to_owned(),
    ] {
        let said = target.exchange(&head, format!("{kept_open}{head}\r\n{chunked}").as_bytes());
        assert_eq!(statuses_of(&said), [400], "{head}: {said}");
    }
    for head in [
        "content-length: 2\r\ncontent-length: 3\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding:\u{b}chunked\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding : chunked\r\n",
    ] {
        let sent = format!("{kept_open}{head}\r\n{chunked}");
        target.insist_refused(head, sent.as_bytes(), &[400]);
    }
    let old =
        "POST /v1/quotes HTTP/1.0\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n{}";
    target.insist_refused("chunks in HTTP/1.0", old.as_bytes(), &[400]);
    // A body that was refused unread is no request either.
    let refused = format!("{kept_open}content-length: 9999999\r\n\r\n{hidden}");
    target.insist_refused("a request in a body", refused.as_bytes(), &[413]);
    target.insist_well();
}

#[tokio::test]
async fn unusual_ways_to_ask_are_answered_like_others() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let old = target.exchange("HTTP/1.0", b"GET /livez HTTP/1.0\r\n\r\n");
    assert_eq!(statuses_of(&old), [200], "{old}");
    let together = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50);
    let said = target.exchange("pipelined", &[together, get("/nowhere")].concat());
    assert_eq!(statuses_of(&said), [vec![200; 50], vec![404]].concat(), "{said}");
    let said =
        target.exchange("line feeds alone", b"GET /livez HTTP/1.1\nhost: x\nconnection: close\n\n");
    assert_eq!(statuses_of(&said), [200], "{said}");

    let expecting = with_head("expect: 100-continue\r\ncontent-length: 2\r\n", b"{}");
    let said = target.exchange("a body that is waited for", &expecting);
    assert_eq!(statuses_of(&said), [100, 400], "{said}");
    let too_much = with_head("expect: 100-continue\r\ncontent-length: 9999999\r\n", b"");
    let said = target.exchange("a body that is not waited for", &too_much);
    assert_eq!(statuses_of(&said), [413], "{said}");

    for (path, status) in [
        ("/../../etc/passwd", 404),
        ("/v1/stores/../../etc/passwd", 404),
        ("/v1/stores/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/v1/stores/..%2f..%2fetc%2fpasswd/menu", 404),
        ("/docs/../../../etc/passwd", 404),
        ("/docs/%2e%2e%2fopenapi.json", 404),
        ("//v1/stores", 404),
        ("/v1//stores", 404),
        ("/v1/stores/", 404),
        ("/V1/stores", 404),
        ("/v1/stores/%00/menu", 404),
        ("/v1/stores/%ff%fe/menu", 404),
        ("/v1/stores/%zz/menu", 404),
        ("/v1/stores/a%0d%0ax-evil:%20y/menu", 404),
        ("/v1/stores;x=y", 404),
        ("/v1/stores?limit=%ff", 400),
        ("/v1/stores?limit=1&limit=2", 400),
        ("/v1/stores?%00", 400),
        ("/v1/orders/hello-1?ticket=%ff", 401),
    ] {
        let said = target.exchange(path, &get(path));
        assert_eq!(statuses_of(&said), [status], "{path}: {said}");
        assert!(!said.contains("root:") && !said.contains("x-evil: y\r\n"), "{path}: {said}");
    }
    let said = target.exchange("another's address", b"GET http://evil.example/nowhere HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert_eq!(statuses_of(&said), [404]);
    assert!(!said.contains("evil.example"), "whoever asks decides about no address: {said}");
    for bytes in [
        &b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"[..],
        b"GET /a\tb HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ] {
        target.insist_refused(&String::from_utf8_lossy(bytes), bytes, &[]);
    }
    target.insist_well();
}

#[tokio::test]
async fn a_flood_of_all_of_it_leaves_no_trace_in_memory() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let floods = [
        post(&vec![b'['; BODY_BYTES_MAX]),
        post(&vec![b' '; 8 * BODY_BYTES_MAX]),
        with_head(&"x: y\r\n".repeat(20_000), b""),
        get(&format!("/?{}", "a".repeat(500_000))),
        with_head("transfer-encoding: chunked\r\n", &chunk(&[b' '; 1_024]).repeat(200)),
    ];
    std::thread::scope(|scope| {
        for flood in &floods {
            let target = &target;
            scope.spawn(move || {
                let mut answered = 0;
                for _ in 0..40 {
                    let found = statuses_of(&target.exchange("a flood", flood));
                    assert!(found.iter().all(|status| (400..500).contains(status)), "{found:?}");
                    answered += usize::from(!found.is_empty());
                }
                // Whoever is refused in the middle may find the connection closed before the answer: not everybody.
                assert!(answered > 0, "cut off, and nobody was told why");
            });
        }
    });
    target.insist_serving();
    target.insist_well();
}

/// Hundreds that say nothing, or one byte now and then: each is cut off in time, and nobody else notices.
#[tokio::test]
async fn who_is_slow_on_purpose_is_cut_off_and_holds_nobody_up() {
    const OF_EACH: usize = 150;
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let target = Target::start(&home);
    let began = Instant::now();
    let open = |begin: &[u8]| -> Vec<TcpStream> {
        let one = |_| {
            let mut stream = target.connect();
            stream.write_all(begin).unwrap();
            stream
        };
        (0..OF_EACH).map(one).collect()
    };
    let idle = open(b"");
    let heads = open(b"GET /livez HTTP/1.1\r\nx: ");
    // As many as there are places for requests that are worked on.
    let bodies: Vec<TcpStream> =
        (0..4).flat_map(|_| open(&with_head("content-length: 1000\r\n", b"{"))).collect();
    let kept: Vec<TcpStream> = open(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
    let count = [&idle, &heads, &bodies, &kept].map(Vec::len).into_iter().sum::<usize>();
    let count = u64::try_from(count).unwrap();
    let mut dripping: Vec<&TcpStream> = heads.iter().chain(&bodies).collect();
    while began.elapsed() < BODY_MAX {
        for stream in &mut dripping {
            // Whoever was cut off already cannot go on.
            drop(stream.write_all(b" "));
        }
        let said = target.exchange("a customer", &post(br#"{"storeId":"nowhere","items":[]}"#));
        assert_eq!(statuses_of(&said), [404], "{said}");
        std::thread::sleep(Duration::from_secs(1));
    }
    let close_all = |what: &str, streams: Vec<TcpStream>, status: &[u16]| {
        for mut stream in streams {
            let said = read_to_close(what, &mut stream);
            assert_eq!(statuses_of(&said), status, "{what}: {said}");
        }
        assert!(began.elapsed() < HEAD_MAX + PATIENCE, "{what}: {:?}", began.elapsed());
    };
    close_all("a slow body", bodies, &[408]);
    close_all("a slow head", heads, &[]);
    close_all("an idle connection", idle, &[]);
    close_all("a connection that was kept", kept, &[200]);
    target.insist_serving();
    target.insist_grown_less_than(count * CONNECTION_KIB_MAX);
}
