//! Choices of a random walk, read from a tape of bytes: where the tape ends, nothing goes wrong any more.
//!
//! That makes every walk end, and lets a failing one shrink to the few choices that matter.

use proptest::prelude::*;

/// Tapes of up to `most` choices: rough ones, and calmer ones that come further.
pub(crate) fn tapes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let rough = proptest::collection::vec(any::<u8>(), 0..most);
    let calm = proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..most);
    prop_oneof![rough, calm]
}

/// A tape and how far it was read.
#[derive(Debug)]
pub(crate) struct Tape<'a> {
    bytes: &'a [u8],
}

impl<'a> Tape<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Tape<'a> {
        Tape { bytes }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    fn next(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `below`; 0 when the tape is over.
    pub(crate) fn pick(&mut self, below: u8) -> u8 {
        self.next() % below
    }

    /// True once in `n` times; never when the tape is over.
    pub(crate) fn once_in(&mut self, n: u8) -> bool {
        self.pick(n) == n - 1
    }

    /// A time from 0 to almost `most`.
    pub(crate) fn ms(&mut self, most: i64) -> i64 {
        most.max(0) * i64::from(self.next()) / 256
    }
}
