//! A network between the queue and the broker that can fail in the ways networks and brokers fail:
//! cut, refuse, swallow everything, or stop reading from publishers as a broker does that is short
//! of memory. It understands just enough AMQP to put a frame of its own between the broker's, and
//! lets [`crate::frames`] count what passes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use lapin::uri::AMQPUri;
use queue::rabbit::scratch::broker_url;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio_rustls::TlsAcceptor;

use crate::frames::{Counter, Frames};

/// The channel of what concerns the connection itself.
pub(crate) const CONNECTION: u16 = 0;
/// The first one that a client opens.
const FIRST_CHANNEL: u16 = 1;

/// What the network does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Everything passes.
    Well,
    /// New connections are refused; cut the old ones with [`Proxy::cut`].
    Refusing,
    /// Connections are accepted, and nothing passes any more.
    BlackHole,
    /// Nothing passes from publishers to the broker.
    PublishersUnread,
}

/// What happens once to every connection there is.
#[derive(Debug, Clone)]
enum Stroke {
    Cut,
    /// A frame for the clients.
    Frame(Vec<u8>),
    /// The same, for publishers alone.
    PublisherFrame(Vec<u8>),
}

pub(crate) struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    strokes: broadcast::Sender<Stroke>,
    open: Arc<AtomicUsize>,
    is_encrypted: bool,
    pub(crate) from_clients: Frames,
    /// Without those of the proxy's own.
    pub(crate) from_broker: Frames,
}

impl Proxy {
    pub(crate) async fn start() -> Proxy {
        Proxy::start_with(None).await
    }

    pub(crate) async fn start_encrypted(acceptor: TlsAcceptor) -> Proxy {
        Proxy::start_with(Some(acceptor)).await
    }

    async fn start_with(acceptor: Option<TlsAcceptor>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (network, seen) = watch::channel(Network::Well);
        let (strokes, _) = broadcast::channel(16);
        let open = Arc::new(AtomicUsize::new(0));
        let is_encrypted = acceptor.is_some();
        let (from_clients, from_broker) = (Frames::default(), Frames::default());
        let accepting = Accepting {
            network: seen,
            strokes: strokes.clone(),
            open: Arc::clone(&open),
            acceptor,
            from_clients: from_clients.clone(),
            from_broker: from_broker.clone(),
        };
        tokio::spawn(accepting.run(listener));
        Proxy { address, network, strokes, open, is_encrypted, from_clients, from_broker }
    }

    /// The broker's URL, by way of this proxy.
    pub(crate) fn url(&self) -> String {
        let mut uri: AMQPUri = broker_url().parse().unwrap();
        uri.authority.host = "localhost".to_owned();
        uri.authority.port = self.address.port();
        let url = uri.to_string();
        if self.is_encrypted { url.replacen("amqp://", "amqps://", 1) } else { url }
    }

    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        self.strike(Stroke::Cut);
    }

    /// Closes every connection as an operator does.
    pub(crate) fn close_by_operator(&self) {
        let mut method = vec![0, 10, 0, 50, 320_u16.to_be_bytes()[0], 320_u16.to_be_bytes()[1]];
        method.extend(short_string("CONNECTION_FORCED - closed by an operator"));
        method.extend([0, 0, 0, 0]);
        self.strike(Stroke::Frame(frame(CONNECTION, &method)));
    }

    /// Closes the first channel of every connection, as a broker does that has waited too long for an acknowledgement.
    pub(crate) fn lose_patience(&self) {
        let mut method = vec![0, 20, 0, 40, 406_u16.to_be_bytes()[0], 406_u16.to_be_bytes()[1]];
        method.extend(short_string("PRECONDITION_FAILED - delivery acknowledgement timed out"));
        method.extend([0, 0, 0, 0]);
        self.strike(Stroke::Frame(frame(FIRST_CHANNEL, &method)));
    }

    /// Stops reading from publishers and says so, as a broker does that is short of memory.
    pub(crate) fn block_publishers(&self) {
        self.set(Network::PublishersUnread);
        let mut method = vec![0, 10, 0, 60];
        method.extend(short_string("low on memory"));
        self.strike(Stroke::PublisherFrame(frame(CONNECTION, &method)));
    }

    pub(crate) fn unblock_publishers(&self) {
        self.set(Network::Well);
        self.strike(Stroke::PublisherFrame(frame(CONNECTION, &[0, 10, 0, 61])));
    }

    /// How many connections of clients are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.open.load(SeqCst)
    }

    fn strike(&self, stroke: Stroke) {
        // Nobody listens when there is no connection.
        let _listeners = self.strokes.send(stroke);
    }
}

struct Accepting {
    network: watch::Receiver<Network>,
    strokes: broadcast::Sender<Stroke>,
    open: Arc<AtomicUsize>,
    acceptor: Option<TlsAcceptor>,
    from_clients: Frames,
    from_broker: Frames,
}

impl Accepting {
    /// Ends with the [`Proxy`].
    async fn run(mut self, listener: TcpListener) {
        let address = listener.local_addr().unwrap();
        let mut listener = Some(listener);
        loop {
            let is_refusing = *self.network.borrow() == Network::Refusing;
            listener = match listener {
                Some(_) if is_refusing => None,
                None if !is_refusing => Some(TcpListener::bind(address).await.unwrap()),
                unchanged => unchanged,
            };
            let accepting = async {
                match &listener {
                    Some(listener) => listener.accept().await.unwrap().0,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.network.changed() => if changed.is_err() { return },
                client = accepting => self.connect(client),
            }
        }
    }

    fn connect(&self, client: TcpStream) {
        let (network, strokes) = (self.network.clone(), self.strokes.subscribe());
        let (open, acceptor) = (Arc::clone(&self.open), self.acceptor.clone());
        let counters = (self.from_clients.counter(), self.from_broker.counter());
        open.fetch_add(1, SeqCst);
        tokio::spawn(async move {
            match acceptor {
                None => join(client, network, strokes, counters).await,
                Some(acceptor) => {
                    if let Ok(client) = acceptor.accept(client).await {
                        join(client, network, strokes, counters).await;
                    }
                }
            }
            open.fetch_sub(1, SeqCst);
        });
    }
}

/// Joins a client with the broker until one of them goes, or the network says so.
async fn join(
    client: impl AsyncRead + AsyncWrite,
    mut network: watch::Receiver<Network>,
    mut strokes: broadcast::Receiver<Stroke>,
    (count_up, count_down): (Counter, Counter),
) {
    if *network.borrow() == Network::BlackHole {
        // The broker never hears of it: only the client can end it, or the end of the black hole.
        let ((mut from_client, _to_client), mut nowhere) = (split(client), tokio::io::sink());
        tokio::select! {
            _ = tokio::io::copy(&mut from_client, &mut nowhere) => {}
            _ = network.wait_for(|network| *network != Network::BlackHole) => {}
        }
        return;
    }
    let broker: AMQPUri = broker_url().parse().unwrap();
    let address = (broker.authority.host.as_str(), broker.authority.port);
    let broker = TcpStream::connect(address).await.unwrap();
    let (from_client, to_client) = split(client);
    let (from_broker, to_broker) = split(broker);
    let (publishes, is_publisher) = watch::channel(false);
    let up = pass_up(from_client, to_broker, network.clone(), publishes, count_up);
    let (frames, injected) = tokio::sync::mpsc::channel(4);
    let down = pass_down(from_broker, to_client, network, injected, count_down);
    let striking = async {
        loop {
            match strokes.recv().await {
                Ok(Stroke::Frame(frame)) => frames.send(frame).await.unwrap(),
                Ok(Stroke::PublisherFrame(frame)) => {
                    if *is_publisher.borrow() {
                        frames.send(frame).await.unwrap();
                    }
                }
                // The proxy's end is the end of its connections.
                Ok(Stroke::Cut) | Err(_) => return,
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = striking => {}
    }
}

async fn pass_up(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
    publishes: watch::Sender<bool>,
    mut counter: Counter,
) {
    let mut buffer = vec![0; 16_384];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let bytes = &buffer[..count];
        // The name of a connection is in the first thing that a client says.
        if bytes.windows(10).any(|part| part == b" publisher") {
            publishes.send_replace(true);
        }
        let is_publisher = *publishes.borrow();
        let passes = |network: &Network| match network {
            Network::Well | Network::Refusing => true,
            Network::BlackHole => false,
            Network::PublishersUnread => !is_publisher,
        };
        // While nothing passes, the end of the client is still seen.
        let mut late = vec![0; 16_384];
        let mut held = bytes.to_vec();
        loop {
            tokio::select! {
                waited = network.wait_for(passes) => match waited {
                    Ok(_) => break,
                    Err(_) => return,
                },
                more = from.read(&mut late) => match more {
                    Ok(count @ 1..) => held.extend(&late[..count]),
                    Ok(0) | Err(_) => return,
                },
            }
        }
        counter.count(&held);
        if to.write_all(&held).await.is_err() {
            return;
        }
    }
}

async fn pass_down(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
    mut injected: tokio::sync::mpsc::Receiver<Vec<u8>>,
    mut counter: Counter,
) {
    loop {
        // Reading the head is the only place where a frame of our own may come between.
        let mut frame = vec![0; 7];
        let mut read = 0;
        while read < frame.len() {
            tokio::select! {
                count = from.read(&mut frame[read..]) => match count {
                    Ok(count @ 1..) => read += count,
                    Ok(0) | Err(_) => return,
                },
                Some(frame) = injected.recv(), if read == 0 => {
                    if to.write_all(&frame).await.is_err() {
                        return;
                    }
                }
            }
        }
        let size = u32::from_be_bytes(frame[3..7].try_into().unwrap());
        frame.resize(7 + usize::try_from(size).unwrap() + 1, 0);
        if from.read_exact(&mut frame[7..]).await.is_err() {
            return;
        }
        let passes = |network: &Network| *network != Network::BlackHole;
        if network.wait_for(passes).await.is_err() {
            return;
        }
        counter.count(&frame);
        if to.write_all(&frame).await.is_err() {
            return;
        }
        if to.flush().await.is_err() {
            return;
        }
    }
}

/// A method frame.
fn frame(channel: u16, method: &[u8]) -> Vec<u8> {
    let mut frame = vec![1];
    frame.extend(channel.to_be_bytes());
    frame.extend(u32::try_from(method.len()).unwrap().to_be_bytes());
    frame.extend(method);
    frame.push(0xCE);
    frame
}

fn short_string(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).unwrap()];
    bytes.extend(text.as_bytes());
    bytes
}
