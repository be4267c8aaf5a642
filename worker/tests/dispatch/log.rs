//! What is logged on the test's own thread, as the product writes it when nobody watches: JSON, one line each.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use serde_json::Value;

thread_local! {
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The lines since [`Log::start`], of every crate, from DEBUG up.
#[derive(Debug)]
pub(crate) struct Log(());

/// Writes where the thread that logs can read it again.
struct OfThread;

impl io::Write for OfThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TEXT.with_borrow_mut(|text| text.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens to everything that this thread logs from now on. A test's runtime has no other, unless the test asks for more.
    pub(crate) fn start() -> Log {
        // One for all threads: with one for each, a place that logs is switched off for everybody when a thread without one comes
        // there first.
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_max_level(tracing::Level::DEBUG)
                .with_writer(|| OfThread)
                .init();
        });
        TEXT.with_borrow_mut(Vec::clear);
        Log(())
    }

    /// Everything, as it was written.
    pub(crate) fn text(&self) -> String {
        TEXT.with_borrow(|text| String::from_utf8(text.clone()).unwrap())
    }

    /// The lines of attempts.
    pub(crate) fn settled(&self) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == "settled").collect()
    }
}
