//! One kept connection, spoken by hand: an HTTP client in a debug build would be a good part of what it measures.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A connection that is kept open between requests.
#[derive(Debug)]
pub(crate) struct Wire {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Wire {
    /// Connects to `http://host:port`.
    pub(crate) fn connect(url: &str) -> Wire {
        let host = url.strip_prefix("http://").expect("an http address").to_owned();
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Wire { host, stream: BufReader::new(stream) }
    }

    /// Posts JSON and reads the whole answer; gives how long that took, the status and the body.
    pub(crate) fn post(&mut self, path: &str, token: &str, body: &Value) -> (Duration, u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (status, answer) = self.read();
        (began.elapsed(), status, serde_json::from_slice(&answer).unwrap())
    }

    fn read(&mut self) -> (u16, Vec<u8>) {
        let head: Vec<String> = self
            .stream
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .take_while(|it| !it.is_empty())
            .collect();
        let status = head[0].split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        let lengths = head.iter().filter_map(|line| line.split_once(": "));
        let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = lengths.next().and_then(|(_, it)| it.parse().ok()).expect("a length");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (status, body)
    }
}
