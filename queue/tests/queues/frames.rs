//! Counts the frames of AMQP that pass a [`crate::proxy::Proxy`], by what they are. Left out is what concerns a connection itself: its
//! beginning and end, and heartbeats, which come by the clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::proxy::CONNECTION;

/// What a frame is. Source: AMQP 0-9-1, 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frame {
    /// A method, by its class's number and its own.
    Method(u16, u16),
    Header,
    Body,
}

pub(crate) const CANCEL: Frame = Frame::Method(60, 30);
pub(crate) const CANCEL_OK: Frame = Frame::Method(60, 31);
pub(crate) const PUBLISH: Frame = Frame::Method(60, 40);
pub(crate) const DELIVER: Frame = Frame::Method(60, 60);
pub(crate) const ACK: Frame = Frame::Method(60, 80);

/// How many frames of each sort passed in one direction, whatever the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames(Arc<Mutex<BTreeMap<Frame, usize>>>);

impl Frames {
    /// What was counted since the last time.
    pub(crate) fn take(&self) -> BTreeMap<Frame, usize> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Counts one direction of a new connection.
    pub(crate) fn counter(&self) -> Counter {
        Counter { frames: self.clone(), unread: Vec::new() }
    }
}

/// Finds the frames in what passes, however it is cut into pieces.
pub(crate) struct Counter {
    frames: Frames,
    /// The beginning of a frame.
    unread: Vec<u8>,
}

impl Counter {
    pub(crate) fn count(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
        let mut rest = self.unread.as_slice();
        while let Some((frame, after)) = first(rest) {
            rest = after;
            if let Some(frame) = frame {
                *self.frames.0.lock().unwrap().entry(frame).or_default() += 1;
            }
        }
        self.unread = rest.to_vec();
    }
}

/// The first frame, and what follows it; `None` as long as it is not whole.
fn first(bytes: &[u8]) -> Option<(Option<Frame>, &[u8])> {
    // What a client says before any frame.
    if bytes.first() == Some(&b'A') {
        return Some((None, bytes.get(8..)?));
    }
    let size = u32::from_be_bytes(bytes.get(3..7)?.try_into().unwrap());
    let (payload, after) = bytes[7..].split_at_checked(usize::try_from(size).unwrap())?;
    let (end, after) = after.split_first()?;
    assert_eq!(*end, 0xCE, "a frame has no end");
    let number = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    if number(bytes, 1) == CONNECTION {
        return Some((None, after));
    }
    let frame = match bytes[0] {
        1 => Frame::Method(number(payload, 0), number(payload, 2)),
        2 => Frame::Header,
        3 => Frame::Body,
        other => panic!("a frame of the unknown type {other}"),
    };
    Some((Some(frame), after))
}

#[test]
fn frames_are_counted_however_they_are_cut() {
    let said = [
        &b"AMQP\0\0\x09\x01"[..],
        b"\x01\0\x01\0\0\0\x05\0\x3c\0\x28\xce\xce",
        b"\x02\0\x01\0\0\0\x02ab\xce",
        b"\x08\0\0\0\0\0\0\xce",
        b"\x03\0\x01\0\0\0\0\xce",
        b"\x03\0\x01\0\0\0\x01",
    ]
    .concat();
    for length in 1..=said.len() {
        let frames = Frames::default();
        let mut counter = frames.counter();
        said.chunks(length).for_each(|piece| counter.count(piece));
        let expected = [(PUBLISH, 1), (Frame::Header, 1), (Frame::Body, 1)];
        assert_eq!(frames.take(), expected.into(), "in pieces of {length}");
    }
}
