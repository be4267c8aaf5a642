//! What a stranger may write into a message and lapin cannot survive, made harmless on its way in.
//!
//! Anybody with rights at the broker can publish headers of tables within tables, tens of thousands deep. lapin reads them by recursion, on a
//! thread whose stack we cannot choose, and an overflow ends the process; the message would come again and end the next one. So the bytes
//! pass through here: a table or an array below [`DEPTH_MAX`] becomes a text of the same bytes. All three are written alike, as a
//! length and as many bytes; only the letter in front differs. And a short text that is no UTF-8, at which lapin gives the connection
//! up, gets question marks. Nothing changes its length.
//!
//! Only frames of a message's properties and of its delivery are looked at; the others pass as they are. Not here: what a header means.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_compat::Compat;
use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_util::{AsyncRead, AsyncWrite, Stream};
use lapin::AsyncTcpStream;
use tokio::net::TcpStream;

/// How many tables and arrays a header may have within each other. What RabbitMQ itself writes (`x-death`) has three.
const DEPTH_MAX: usize = 8;
/// The longest frame, in bytes. RabbitMQ's own limit is 128 KiB unless somebody raises it.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// A frame's kind, channel and size, and the byte that ends it. Source: AMQP 0-9-1, 4.2.3.
const FRAME_HEAD_BYTES: usize = 7;
const FRAME_END_BYTES: usize = 1;
/// Kinds of frames.
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
/// Class and method of `basic.deliver`, as they begin its frame.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// The socket, with or without TLS.
pub(super) type Socket = AsyncTcpStream<Compat<TcpStream>>;
/// lapin's runtime on our streams.
pub(super) type ShallowRuntime = Runtime<RuntimeParts<Tokio, Streams>>;

/// tokio's runtime, for connections over [`Shallow`] streams.
pub(super) fn runtime() -> ShallowRuntime {
    Runtime::new(RuntimeParts::new(Tokio::current(), Streams(Tokio::current())))
}

/// Tells lapin the type of our streams. It is given them ready, and makes none.
#[derive(Debug, Clone)]
pub(super) struct Streams(Tokio);

impl Reactor for Streams {
    type TcpStream = Shallow<Socket>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Shallow<Socket>, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(
        &self,
        duration: Duration,
    ) -> impl Stream<Item = std::time::Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        _address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

/// A stream that gives whole frames, each made harmless.
#[derive(Debug)]
pub(super) struct Shallow<S> {
    stream: S,
    frames: Frames,
}

impl<S> Shallow<S> {
    pub(super) fn new(stream: S) -> Shallow<S> {
        Shallow { stream, frames: Frames::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shallow<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Shallow { stream, frames } = self.get_mut();
        loop {
            let given = frames.give(target);
            if given > 0 || target.is_empty() {
                return Poll::Ready(Ok(given));
            }
            let read = ready!(frames.fill(|room| Pin::new(&mut *stream).poll_read(context, room)))?;
            if read == 0 && !frames.end() {
                return Poll::Ready(Ok(0));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shallow<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}

/// Bytes as they came; the first of them, as far as they are whole frames, made harmless and given on.
#[derive(Debug, Default)]
struct Frames {
    bytes: Vec<u8>,
    given: usize,
    /// How many bytes from the beginning may be given.
    ready: usize,
}

impl Frames {
    /// Copies what is ready, as much as fits.
    fn give(&mut self, target: &mut [u8]) -> usize {
        let ready = self.bytes.get(self.given..self.ready).unwrap_or_default();
        let count = ready.len().min(target.len());
        for (to, from) in target.iter_mut().zip(ready) {
            *to = *from;
        }
        self.given = self.given.saturating_add(count);
        count
    }

    /// Reads more, and finds out how far it is ready.
    fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.bytes.drain(..self.given);
        self.ready = self.ready.saturating_sub(self.given);
        self.given = 0;
        let before = self.bytes.len();
        self.bytes.resize(before.saturating_add(READ_BYTES), 0);
        let read = read(self.bytes.get_mut(before..).unwrap_or_default());
        let count = if let Poll::Ready(Ok(count)) = &read { *count } else { 0 };
        self.bytes.truncate(before.saturating_add(count));
        ready!(read)?;
        while self.pass_frame()? {}
        Poll::Ready(Ok(count))
    }

    /// The stream is over: what is no whole frame is lapin's to judge. `false` when there is nothing left.
    fn end(&mut self) -> bool {
        self.ready = self.bytes.len();
        self.given < self.ready
    }

    /// Makes the next frame ready; `false` when it is not whole yet.
    fn pass_frame(&mut self) -> io::Result<bool> {
        let rest = self.bytes.get_mut(self.ready..).unwrap_or_default();
        let Some(&[kind, _, _, size @ ..]) = rest.first_chunk::<FRAME_HEAD_BYTES>() else {
            return Ok(false);
        };
        if ![METHOD, HEADER, BODY, HEARTBEAT].contains(&kind) {
            // No frame: a server that speaks another version says so, and lapin reads it.
            self.ready = self.bytes.len();
            return Ok(false);
        }
        let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
        if size > FRAME_BYTES_MAX {
            let words = format!("a frame of {size} bytes, more than {FRAME_BYTES_MAX}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        let end = FRAME_HEAD_BYTES.saturating_add(size);
        let whole = end.saturating_add(FRAME_END_BYTES);
        if rest.len() < whole {
            return Ok(false);
        }
        let payload = rest.get_mut(FRAME_HEAD_BYTES..end).unwrap_or_default();
        let is_delivery = kind == METHOD && payload.starts_with(&DELIVER);
        let mut walk = Walk { bytes: payload, at: 0 };
        // Where a walk ends early, lapin ends too, and gives the connection up.
        let _walked = match kind {
            HEADER => walk.properties(),
            _ if is_delivery => walk.delivery(),
            _ => None,
        };
        self.ready = self.ready.saturating_add(whole);
        Ok(true)
    }
}

/// Walks over a frame and changes what has to be. `None`: the frame is not what it claims to be, and lapin refuses it at the same place.
struct Walk<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Walk<'_> {
    /// Source: AMQP 0-9-1, 4.2.6.1, and the properties of the class `basic` in their order.
    fn properties(&mut self) -> Option<()> {
        const CONTENT_TYPE: u16 = 1 << 15;
        const CONTENT_ENCODING: u16 = 1 << 14;
        const HEADERS: u16 = 1 << 13;
        const DELIVERY_MODE: u16 = 1 << 12;
        const PRIORITY: u16 = 1 << 11;
        /// Correlation id, reply to, expiration, message id.
        const TEXTS_BEFORE_TIMESTAMP: [u16; 4] = [1 << 10, 1 << 9, 1 << 8, 1 << 7];
        const TIMESTAMP: u16 = 1 << 6;
        /// Type, user id, app id, cluster id.
        const TEXTS_AFTER_TIMESTAMP: [u16; 4] = [1 << 5, 1 << 4, 1 << 3, 1 << 2];
        // Class, weight, size of the body.
        self.skip(12)?;
        let flags = u16::from_be_bytes(self.take::<2>()?);
        let has = |property: u16| flags & property != 0;
        for property in [CONTENT_TYPE, CONTENT_ENCODING] {
            if has(property) {
                self.short_text()?;
            }
        }
        if has(HEADERS) {
            let end = self.length()?;
            self.entries(end, 1, true)?;
        }
        for property in [DELIVERY_MODE, PRIORITY] {
            if has(property) {
                self.skip(1)?;
            }
        }
        let before = TEXTS_BEFORE_TIMESTAMP.iter().filter(|text| has(**text)).count();
        (0..before).try_for_each(|_| self.short_text())?;
        if has(TIMESTAMP) {
            self.skip(8)?;
        }
        let after = TEXTS_AFTER_TIMESTAMP.iter().filter(|text| has(**text)).count();
        (0..after).try_for_each(|_| self.short_text())
    }

    /// Tag of the consumer, number, whether it comes again, exchange, routing key.
    fn delivery(&mut self) -> Option<()> {
        self.skip(DELIVER.len())?;
        self.short_text()?;
        self.skip(8 + 1)?;
        self.short_text()?;
        self.short_text()
    }

    /// The entries of a table, which have names, or of an array.
    fn entries(&mut self, end: usize, depth: usize, has_names: bool) -> Option<()> {
        while self.at < end {
            if has_names {
                self.short_text()?;
            }
            let kind_at = self.at;
            let [kind] = self.take::<1>()?;
            // Source: AMQP 0-9-1 errata of RabbitMQ, "table field types", which lapin follows.
            match kind {
                b'F' | b'A' if depth < DEPTH_MAX => {
                    let inner_end = self.length()?;
                    self.entries(inner_end, depth.saturating_add(1), kind == b'F')?;
                }
                b'F' | b'A' => {
                    *self.bytes.get_mut(kind_at)? = b'S';
                    self.at = self.length()?;
                }
                b'S' | b'x' => self.at = self.length()?,
                b'V' => {}
                b't' | b'b' | b'B' => self.skip(1)?,
                b's' | b'U' | b'u' => self.skip(2)?,
                b'I' | b'i' | b'f' => self.skip(4)?,
                b'D' => self.skip(5)?,
                b'l' | b'L' | b'd' | b'T' => self.skip(8)?,
                _ => return None,
            }
        }
        Some(())
    }

    /// A length in four bytes: where what follows ends.
    fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(u32::from_be_bytes(self.take::<4>()?)).ok()?;
        let end = self.at.checked_add(length)?;
        (end <= self.bytes.len()).then_some(end)
    }

    fn short_text(&mut self) -> Option<()> {
        let [length] = self.take::<1>()?;
        let end = self.at.checked_add(usize::from(length))?;
        let text = self.bytes.get_mut(self.at..end)?;
        if std::str::from_utf8(text).is_err() {
            text.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        self.at = end;
        Some(())
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.skip(N)?;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::AsyncReadExt as _;
    use futures_util::io::Cursor;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1][..], &size, payload, &[0xce]].concat()
    }

    fn short(text: &[u8]) -> Vec<u8> {
        [&[u8::try_from(text.len()).unwrap()][..], text].concat()
    }

    fn long(kind: u8, bytes: &[u8]) -> Vec<u8> {
        let size = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[kind][..], &size, bytes].concat()
    }

    /// So many tables and arrays within each other, tables at even depths, around a text.
    fn nested(depth: usize) -> Vec<u8> {
        let mut value = long(b'S', b"deep");
        for level in (0..depth).rev() {
            value = match level % 2 {
                0 => long(b'F', &[short(b"a"), value].concat()),
                _ => long(b'A', &[value, b"V".to_vec(), b"t\x01".to_vec()].concat()),
            };
        }
        value
    }

    /// Properties with this type and, as the only header, this value.
    fn header(kind: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
        let table = [short(name), value.to_vec()].concat();
        let flags =
            ((1_u16 << 15) | (1 << 13) | (1 << 12) | (1 << 7) | (1 << 6) | (1 << 5)).to_be_bytes();
        let begin = [&[0, 60, 0, 0][..], &[0; 8], &flags, &short(b"application/json")].concat();
        let mode_id_time = [&[2][..], &short(b"id-1"), &[0; 8]].concat();
        let table = long(b'F', &table)[1..].to_vec();
        frame(HEADER, &[begin, table, mode_id_time, short(kind)].concat())
    }

    async fn passed(bytes: &[u8], at_once: usize) -> Vec<u8> {
        struct Slow<'a>(Cursor<&'a [u8]>, usize);
        impl AsyncRead for Slow<'_> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                target: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let most = target.len().min(self.1);
                Pin::new(&mut self.0).poll_read(context, &mut target[..most])
            }
        }
        let mut passed = Vec::new();
        let mut stream = Shallow::new(Slow(Cursor::new(bytes), at_once));
        stream.read_to_end(&mut passed).await.unwrap();
        passed
    }

    #[tokio::test]
    async fn what_is_below_the_depth_becomes_a_text_of_the_same_bytes_and_all_else_stays() {
        // The headers are a table themselves.
        let allowed = header(b"job", b"x", &nested(DEPTH_MAX - 1));
        assert_eq!(passed(&allowed, 4_096).await, allowed);
        for depth in [DEPTH_MAX, DEPTH_MAX + 1, 200, 15_000] {
            let deep = header(b"job", b"x", &nested(depth));
            let made = passed(&deep, 4_096).await;
            let changed: Vec<usize> = (0..deep.len()).filter(|at| deep[*at] != made[*at]).collect();
            assert_eq!((made.len(), changed.len()), (deep.len(), 1), "depth {depth}");
            assert_eq!(made[changed[0]], b'S');
        }
    }

    #[tokio::test]
    async fn the_size_of_the_reads_makes_no_difference() {
        let frames = [
            b"\x01\x00\x00\x00\x00\x00\x02\x00\x0a\xce".to_vec(),
            header(b"job", b"x", &nested(30)),
            frame(BODY, &[9; 300]),
            frame(HEARTBEAT, b""),
            header(b"job", b"y", &nested(3)),
        ]
        .concat();
        let at_once = passed(&frames, usize::MAX).await;
        assert_eq!(at_once.len(), frames.len());
        for size in [1, 2, 7, 8, 100] {
            assert_eq!(passed(&frames, size).await, at_once, "{size} bytes at a time");
        }
    }

    #[tokio::test]
    async fn short_texts_that_are_no_utf8_get_question_marks() {
        let made = passed(&header(b"j\xffb", b"\xc3\x28", &nested(1)), 4_096).await;
        assert_eq!(made, header(b"j?b", b"?(", &nested(1)));
        let korean = header("승인".as_bytes(), "결제".as_bytes(), &nested(1));
        assert_eq!(passed(&korean, 4_096).await, korean);
        let delivery = |key: &[u8]| {
            let payload = [&DELIVER[..], &short(b"tag"), &[0; 9], &short(b"jobs"), &short(key)];
            frame(METHOD, &payload.concat())
        };
        assert_eq!(passed(&delivery(b"con\xffirm"), 4_096).await, delivery(b"con?irm"));
    }

    #[tokio::test]
    async fn what_is_no_frame_or_a_broken_one_passes_without_a_panic() {
        let refusal = b"AMQP\x00\x00\x09\x01";
        assert_eq!(passed(refusal, 3).await, refusal);
        let whole = header(b"job", b"x", &nested(3));
        let payload = &whole[FRAME_HEAD_BYTES..whole.len() - FRAME_END_BYTES];
        for end in 0..payload.len() {
            let broken = frame(HEADER, &payload[..end]);
            assert_eq!(passed(&broken, 4_096).await, broken, "cut after {end} bytes");
            assert_eq!(passed(&whole[..end], 4_096).await, whole[..end], "a stream that ends");
        }
        let mut endless = Shallow::new(Cursor::new([BODY, 0, 1, 255, 255, 255, 255, 0]));
        let refused = endless.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }
}
