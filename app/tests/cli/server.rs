//! Servers of a test's own on free ports, which listen until the test's process ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request that was taken.
pub(crate) struct Taken {
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// What was taken so far.
pub(crate) type Kept = Arc<Mutex<Vec<Taken>>>;

/// Serves each connection in a thread of its own; gives `http://host:port`.
pub(crate) fn listen(serve: impl Fn(BufReader<TcpStream>) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(BufReader::new(stream)));
        }
    });
    url
}

/// The next request of a connection; `None` at its end.
pub(crate) fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Taken> {
    let lines = stream.by_ref().lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    head.first()?;
    let mut fields = head.iter().filter_map(|line| line.split_once(": "));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    Some(Taken { head, body })
}

/// A server that gives every request the same answer.
pub(crate) struct Answering {
    pub(crate) url: String,
    kept: Kept,
}

impl Answering {
    /// One that answers with these bytes.
    pub(crate) fn start(answer: impl Into<Vec<u8>>) -> Answering {
        let (kept, answer) = (Kept::default(), answer.into());
        let here = Arc::clone(&kept);
        let url = listen(move |mut stream| {
            while let Some(request) = read_request(&mut stream) {
                here.lock().unwrap().push(request);
                // Who asked may be gone.
                drop(stream.get_mut().write_all(&answer));
            }
        });
        Answering { url, kept }
    }

    /// How many requests came.
    pub(crate) fn count(&self) -> usize {
        self.kept.lock().unwrap().len()
    }
}
