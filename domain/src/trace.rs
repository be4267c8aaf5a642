//! Trace contexts: which story a request or a call belongs to, in the words of tracing tools.
//!
//! Two ids and a flag, nothing personal. What other tools add beside them (`tracestate`) is not carried: it is theirs, of any
//! content, and would stand on our rows. Not here: where a context travels, and who records what happened under it.
//!
//! Source: W3C Trace Context, `traceparent`.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use crate::id::IdSource;

/// One span's place in its trace. Its text is a `traceparent` header: `00-{trace id}-{span id}-{flags}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: NonZeroU128,
    span_id: NonZeroU64,
    is_sampled: bool,
}

/// A text that is no trace context. Go on without it: begin a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent is 00-, 32, 16 and 2 lower-case hexadecimal digits, and neither id is zero")]
pub struct InvalidTraceContext;

impl TraceContext {
    /// Begins a trace. Whoever records traces may record it.
    ///
    /// The ids are made of the source's numbers and not of its ids, because those begin with the time, and tools pick their samples
    /// by the digits of a trace id.
    #[must_use]
    pub fn begin(ids: &impl IdSource) -> TraceContext {
        let trace_id = (u128::from(draw(ids)) << 64) | u128::from(draw(ids));
        TraceContext {
            trace_id: NonZeroU128::new(trace_id).unwrap_or(NonZeroU128::MIN),
            span_id: new_span_id(ids),
            is_sampled: true,
        }
    }

    /// The place of a new span below this one, in the same trace.
    #[must_use]
    pub fn child(&self, ids: &impl IdSource) -> TraceContext {
        TraceContext { span_id: new_span_id(ids), ..*self }
    }

    /// Reads a `traceparent`. Of a later version than ours, what it adds is passed over.
    ///
    /// # Errors
    /// [`InvalidTraceContext`].
    pub fn parse(text: &str) -> Result<TraceContext, InvalidTraceContext> {
        let mut parts = text.split('-');
        let mut hex = |digits| parts.next().and_then(|part| parse_hex(part, digits));
        let version = hex(2).ok_or(InvalidTraceContext)?;
        let trace_id = hex(32).and_then(NonZeroU128::new).ok_or(InvalidTraceContext)?;
        let span_id = hex(16).and_then(|id| NonZeroU64::new(u64::try_from(id).ok()?));
        let flags = hex(2).ok_or(InvalidTraceContext)?;
        if version == VERSION_FORBIDDEN || (version == VERSION && parts.next().is_some()) {
            return Err(InvalidTraceContext);
        }
        let is_sampled = flags & FLAG_SAMPLED != 0;
        Ok(TraceContext { trace_id, span_id: span_id.ok_or(InvalidTraceContext)?, is_sampled })
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The span's id: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_sampled { FLAG_SAMPLED } else { 0 };
        write!(f, "{VERSION:02x}-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

const VERSION: u128 = 0;
const VERSION_FORBIDDEN: u128 = 0xff;
/// That a caller may have recorded the trace. The other flags are not ours to pass on.
const FLAG_SAMPLED: u128 = 1;

fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex =
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

fn new_span_id(ids: &impl IdSource) -> NonZeroU64 {
    NonZeroU64::new(draw(ids)).unwrap_or(NonZeroU64::MIN)
}

fn draw(ids: &impl IdSource) -> u64 {
    let half = || u64::try_from(ids.jitter_ms(i64::from(u32::MAX))).unwrap_or(0);
    (half() << 32) | half()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use proptest::prelude::*;

    use super::*;

    const OF_CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// Numbers that follow on each other.
    #[derive(Debug, Default)]
    struct Counting(AtomicI64);

    impl IdSource for Counting {
        fn new_id(&self) -> String {
            unreachable!("ids begin with the time")
        }

        fn jitter_ms(&self, most: i64) -> i64 {
            self.0.fetch_add(1, Ordering::Relaxed).min(most)
        }
    }

    #[test]
    fn a_callers_context_is_read_and_written_as_it_came() {
        let context = TraceContext::parse(OF_CALLER).unwrap();
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert_eq!(context.to_string(), OF_CALLER);
        let unsampled = OF_CALLER.replace("-01", "-00");
        assert_eq!(TraceContext::parse(&unsampled).unwrap().to_string(), unsampled);
    }

    #[test]
    fn flags_that_we_do_not_know_are_not_passed_on() {
        for (sent, passed_on) in [("03", "01"), ("ff", "01"), ("fe", "00")] {
            let text = OF_CALLER.replace("-01", &format!("-{sent}"));
            let context = TraceContext::parse(&text).unwrap();
            assert!(context.to_string().ends_with(&format!("-{passed_on}")), "{sent}");
        }
    }

    #[test]
    fn what_is_no_context_is_refused() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for bad in [
            String::new(),
            "-".repeat(55),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-"),
            format!("00-{trace}-{span}-1"),
            format!("00-{trace}-{span}-01-"),
            format!("00-{trace}-{span}-01-more"),
            format!(" 00-{trace}-{span}-01"),
            format!("00-{trace}-{span}-01 "),
            format!("00-{}-{span}-01", trace.to_ascii_uppercase()),
            format!("00-{trace}0-{span}-01"),
            format!("00-{trace}-{span}0-01"),
            format!("00-+{}-{span}-01", "0".repeat(31)),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-{span}-0g"),
            format!("ff-{trace}-{span}-01"),
            format!("0-{trace}-{span}-01"),
        ] {
            assert_eq!(TraceContext::parse(&bad), Err(InvalidTraceContext), "{bad:?}");
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        for later in
            [OF_CALLER.replacen("00", "01", 1), format!("cc{}-more-of-it", &OF_CALLER[2..])]
        {
            let context = TraceContext::parse(&later).unwrap();
            assert_eq!(context.to_string(), OF_CALLER, "we speak our own version");
        }
    }

    #[test]
    fn a_child_stays_in_the_trace_and_a_new_trace_is_another() {
        let ids = Counting::default();
        let first = TraceContext::begin(&ids);
        let child = first.child(&ids);
        assert_eq!(child.trace_id(), first.trace_id());
        assert_ne!(child.span_id(), first.span_id());
        assert_ne!(TraceContext::begin(&ids).trace_id(), first.trace_id());
        assert!(first.to_string().ends_with("-01"));
    }

    #[test]
    fn a_source_that_gives_zeros_makes_a_context_that_can_be_read() {
        #[derive(Debug)]
        struct Zero;
        impl IdSource for Zero {
            fn new_id(&self) -> String {
                String::new()
            }
            fn jitter_ms(&self, _most: i64) -> i64 {
                0
            }
        }
        let context = TraceContext::begin(&Zero);
        assert_eq!(TraceContext::parse(&context.to_string()), Ok(context));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _read_or_refused = TraceContext::parse(&text);
        }

        #[test]
        fn nearly_right_texts_are_read_as_they_are_written_or_refused(
            text in "(00|01|ff|0)-[0-9a-f]{31,33}-[0-9a-fA-F]{15,17}-[0-9a-f]{1,3}(-.{0,5})?",
        ) {
            if let Ok(context) = TraceContext::parse(&text) {
                prop_assert_eq!(&context.to_string()[2..52], &text[2..52]);
                prop_assert_eq!(TraceContext::parse(&context.to_string()), Ok(context));
            }
        }

        #[test]
        fn every_context_can_be_read_back(trace in 1..=u128::MAX, span in 1..=u64::MAX, sampled: bool) {
            let text = format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(sampled));
            let context = TraceContext::parse(&text).unwrap();
            prop_assert_eq!(context.to_string(), text);
        }
    }
}
