//! One connection with its one channel: how it is made, watched, and ended within bounds.
//!
//! lapin's own recovery is off: it can wait for ever without a word, and its consumers fall silent
//! (a black hole, a lost channel, an exhausted back-off). Here any trouble ends the whole
//! connection, and [`super::keeper`] makes a new one.
//!
//! The socket is ours: lapin has no timeout for its handshake, and a thread of it waits for as long
//! as the other side keeps silent. Shutting the socket down ends that thread in every state, so a
//! [`Line`] that is dropped leaves nothing behind.

use std::io;
use std::net::{Shutdown, TcpStream as Socket};
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use async_compat::Compat;
use futures_util::{Stream, StreamExt};
use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties, ErrorKind, Event};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::rabbit::config::RabbitConfig;
use crate::rabbit::shallow::{self, Shallow};
use crate::rabbit::status::{Role, Trouble};

/// How long a TCP connection, and then TLS, may take: work has to flow again within 5 s after the
/// broker's return, so a try that began in the wrong moment must not take longer.
const REACH_WITHIN: Duration = Duration::from_secs(3);
/// How long the broker may take to let us in. Longer, because many come at once after its return;
/// short enough for the 5 s.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(4);
/// How long the broker may take for one answer. Making a quorum queue takes it about 0.1 s.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a polite end may take, before the socket is shut down.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// How often lapin's own idea of the connection is looked at, for ends that it tells nobody of.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// AMQP's "everything is fine".
const REPLY_SUCCESS: u16 = 200;

/// An open connection and its channel.
pub(super) struct Line {
    /// The only channel: trouble on it is trouble of the connection.
    pub(super) channel: Channel,
    connection: Connection,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    look: Interval,
    /// The last field, so that it is the last to go: a polite end needs it.
    _switch: Switch,
}

/// What happened to a line while nobody asked for anything.
#[derive(Debug)]
pub(super) enum Happening {
    /// The broker reads no more from it, for the reason given.
    Blocked(String),
    /// The broker reads from it again.
    Unblocked,
    /// It is over.
    Lost(Trouble),
}

/// The largest frame of a connection that only our own messages go over, some hundred bytes each: lapin keeps room for 64 of the
/// largest per connection, used or not. What strangers publish comes over the others, in frames as large as the broker takes.
const OWN_FRAME_BYTES_MAX: u32 = 16 * 1_024;

/// Ends a connection at once, whatever state it is in: everybody who reads from the socket sees
/// its end.
struct Switch(Socket);

impl Drop for Switch {
    fn drop(&mut self) {
        // It fails when the other side was faster.
        let _already_down = self.0.shutdown(Shutdown::Both);
    }
}

impl Line {
    /// Connects. Dropping the future before it is ready leaves nothing behind.
    pub(super) async fn open(config: &RabbitConfig, role: Role) -> Result<Line, Trouble> {
        let (stream, switch) = reach(config).await?;
        // lapin asks for the stream once: it does not retry unless told to.
        let stream = Mutex::new(Some(AsyncTcpStream::Plain(Shallow::new(stream))));
        let hand_over = async move |_uri, _runtime| {
            let stream = stream.lock().ok().and_then(|mut stream| stream.take());
            stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected).into())
        };
        let name = format!("{} {}", config.prefix, role.word());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let mut uri = config.uri.clone();
        if role == Role::Publisher {
            uri.query.frame_max.get_or_insert(OWN_FRAME_BYTES_MAX);
        }
        let connecting = Connection::connector(uri, shallow::runtime(), hand_over, properties);
        let connection = match timeout(HANDSHAKE_WITHIN, connecting).await {
            Ok(Err(error)) if reply_code(&error).is_some_and(is_denial) => {
                return Err(Trouble::Denied(error.to_string()));
            }
            Ok(connected) => connected.map_err(passing("the handshake"))?,
            Err(_elapsed) => return Err(silent(HANDSHAKE_WITHIN, "the handshake")),
        };
        let events = Box::pin(connection.events_listener());
        let channel = within(ANSWER_WITHIN, "a channel", connection.create_channel()).await?;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Line { channel, connection, events, look, _switch: switch })
    }

    /// Waits until something happens to the line. Dropping the future misses nothing.
    pub(super) async fn happening(&mut self) -> Happening {
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => return Happening::Blocked(reason),
                    Some(Event::ConnectionUnblocked) => return Happening::Unblocked,
                    Some(Event::Error(error)) => return lost(error.to_string()),
                    Some(Event::Connected | Event::SendFlow(_)) => {}
                    Some(_unknown) => {}
                    None => return lost("the connection is gone".to_owned()),
                },
                _ = self.look.tick() => {
                    if !self.connection.status().connected() {
                        return lost("the connection was closed".to_owned());
                    }
                    if !self.channel.status().connected() {
                        return lost("the channel was closed".to_owned());
                    }
                }
            }
        }
    }

    /// Makes a new channel in place of one that the broker closed.
    pub(super) async fn reopen_channel(&mut self) -> Result<(), Trouble> {
        self.channel = within(ANSWER_WITHIN, "a channel", self.connection.create_channel()).await?;
        Ok(())
    }

    /// Says goodbye, so that the broker need not wonder, and ends the connection in any case.
    pub(super) async fn close(self) {
        let goodbye = self.connection.close(REPLY_SUCCESS, "goodbye".into());
        // A connection that is gone needs no goodbye.
        let _said = timeout(GOODBYE_WITHIN, goodbye).await;
    }
}

/// Connects the socket, with TLS when asked for.
async fn reach(config: &RabbitConfig) -> Result<(shallow::Socket, Switch), Trouble> {
    let authority = &config.uri.authority;
    let connecting = TcpStream::connect((authority.host.as_str(), authority.port));
    let stream = within(REACH_WITHIN, "a TCP connection", connecting).await?;
    let (stream, switch) = split(stream).map_err(passing("the socket"))?;
    let plain = AsyncTcpStream::Plain(Compat::new(stream));
    if !config.is_encrypted() {
        return Ok((plain, switch));
    }
    let connector = connector(config).map_err(passing("TLS"))?;
    let encrypting = plain.into_rustls(&connector, &authority.host);
    Ok((within(REACH_WITHIN, "TLS", encrypting).await?, switch))
}

/// The stream that lapin gets, and the switch that we keep.
fn split(stream: TcpStream) -> io::Result<(TcpStream, Switch)> {
    // Messages are small, and somebody waits for each window of them.
    stream.set_nodelay(true)?;
    let socket = stream.into_std()?;
    let switch = Switch(socket.try_clone()?);
    Ok((TcpStream::from_std(socket)?, switch))
}

/// The process's TLS provider is used, or ring when none is installed.
fn connector(config: &RabbitConfig) -> io::Result<RustlsConnector> {
    let trusted = match &config.authorities {
        Some(own) => RustlsConnectorConfig::default().with_parsable_certificates(own.clone()),
        None => RustlsConnectorConfig::new_with_native_certs()?,
    };
    trusted.connector_with_no_client_auth()
}

/// Waits no longer than `limit`.
pub(super) async fn within<T, E: ToString>(
    limit: Duration,
    what: &str,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T, Trouble> {
    match timeout(limit, doing).await {
        Ok(done) => done.map_err(passing(what)),
        Err(_elapsed) => Err(silent(limit, what)),
    }
}

fn silent(limit: Duration, what: &str) -> Trouble {
    Trouble::Passing(format!("{what}: nothing within {} ms", limit.as_millis()))
}

/// The code that the broker refused something with.
pub(super) fn reply_code(error: &lapin::Error) -> Option<u16> {
    if let ErrorKind::ProtocolError(told) = error.kind() { Some(told.get_id()) } else { None }
}

/// Whether this code says that who we are, or where we want to, is not allowed. Source: AMQP 0-9-1, 1.2.
pub(super) const fn is_denial(code: u16) -> bool {
    const ACCESS_REFUSED: u16 = 403;
    const NOT_ALLOWED: u16 = 530;
    matches!(code, ACCESS_REFUSED | NOT_ALLOWED)
}

pub(super) fn passing<E: ToString>(what: &str) -> impl Fn(E) -> Trouble {
    move |error| Trouble::Passing(format!("{what}: {}", error.to_string()))
}

fn lost(words: String) -> Happening {
    Happening::Lost(Trouble::Passing(words))
}
