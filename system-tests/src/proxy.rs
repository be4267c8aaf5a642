//! A network between processes and a server, which can fail as networks and servers do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 256;
/// How many bytes are passed on at once.
const CHUNK: usize = 16_384;
/// What the connections of publishers call themselves in the first thing that they say.
const PUBLISHER: &[u8] = b" publisher";

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    /// Everything passes.
    Well,
    /// Everything passes, each piece so much later.
    Slow(Duration),
    /// New connections are refused.
    Refusing,
    /// Connections are accepted, and nothing passes. What is on its way then arrives late, when the network is well again.
    Silent,
    /// What clients say is not heard, and what the server says still is.
    Deaf,
    /// What the server says is not heard, and it hears everything.
    Mute,
    /// The server's ends are closed, and the clients are not told. What they say is lost.
    HalfOpen,
    /// What publishers say to a broker is not read, and everything else is: so a broker behaves that has no disk left.
    PublishersUnread,
}

/// How a connection is in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Every connection ends, and new ones are made.
    Cut,
    /// Every connection ends, and new ones are refused.
    Refused,
    /// Each piece takes so much longer.
    Slow(Duration),
    /// Nothing passes, either way.
    Silent,
    /// What goes to the server does not arrive.
    Deaf,
    /// What comes from the server does not arrive.
    Mute,
    /// The server's end is gone, and the other end does not know.
    HalfOpen,
}

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// What connections see of the proxy.
#[derive(Debug, Clone)]
struct Wires {
    network: watch::Receiver<Network>,
    /// Whoever sees it change is cut.
    cuts: watch::Receiver<u64>,
}

/// A proxy in front of one server.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Starts one in front of `host:port`, on a free port of loopback. It ends when it is dropped.
    ///
    /// # Panics
    /// There is no free port, or no runtime.
    #[must_use]
    pub fn start(server: &str, network_is_there: bool) -> Proxy {
        let first = if network_is_there { Network::Well } else { Network::Refusing };
        let socket = bind(([127, 0, 0, 1], 0).into());
        let address = socket.local_addr().unwrap();
        let (network, seen) = watch::channel(first);
        let (cuts, seen_cuts) = watch::channel(0);
        let wires = Wires { network: seen, cuts: seen_cuts };
        tokio::spawn(accept(socket, address, server.to_owned(), wires));
        Proxy { address, network, cuts }
    }

    /// Where it is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the server that it is in front of, by way of it.
    ///
    /// # Panics
    /// As [`server_of`].
    #[must_use]
    pub fn instead_of(&self, url: &str) -> String {
        url.replacen(server_of(url), &self.address.to_string(), 1)
    }

    /// Gets its connections into trouble, until [`Proxy::restore`].
    pub(crate) fn disturb(&self, trouble: Trouble) {
        match trouble {
            Trouble::Cut => self.cut(),
            Trouble::Refused => self.take_away(),
            Trouble::Slow(by) => self.be(Network::Slow(by)),
            Trouble::Silent => self.silence(),
            Trouble::Deaf => self.be(Network::Deaf),
            Trouble::Mute => self.be(Network::Mute),
            Trouble::HalfOpen => self.be(Network::HalfOpen),
        }
    }

    /// Lets everything pass again.
    pub fn restore(&self) {
        self.be(Network::Well);
    }

    /// The server is gone: connections are cut, and new ones refused.
    pub fn take_away(&self) {
        self.be(Network::Refusing);
        self.cut();
    }

    /// Nothing passes any more, and nobody is told.
    pub fn silence(&self) {
        self.be(Network::Silent);
    }

    /// What publishers say is not read any more.
    pub fn stop_reading_publishers(&self) {
        self.be(Network::PublishersUnread);
    }

    fn be(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Cuts every connection that there is.
    pub fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }
}

/// `host:port` of an address.
///
/// # Panics
/// It is no address of the form `scheme://…`.
#[must_use]
pub fn server_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("an address with its scheme");
    let server = rest.split_once('/').map_or(rest, |(server, _)| server);
    server.rsplit_once('@').map_or(server, |(_, server)| server)
}

impl Network {
    /// Whether something may pass; what is held back is on its way until it may.
    fn passes(self, way: Way, is_publisher: bool) -> bool {
        match self {
            Network::Well | Network::Slow(_) => true,
            // What is held back now is never heard: the connection is about to be cut.
            Network::Refusing | Network::Silent | Network::HalfOpen => false,
            Network::Deaf => way == Way::ToClient,
            Network::Mute => way == Way::ToServer,
            Network::PublishersUnread => !is_publisher,
        }
    }
}

/// A port that is taken, so that nobody else gets it, but not listened on: whoever connects is refused.
fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// Ends with the [`Proxy`].
async fn accept(socket: TcpSocket, address: SocketAddr, server: String, wires: Wires) {
    let mut network = wires.network.clone();
    let mut socket = Some(socket);
    let mut listener: Option<TcpListener> = None;
    loop {
        let is_refusing = *network.borrow_and_update() == Network::Refusing;
        if is_refusing {
            if listener.take().is_some() {
                socket = Some(bind(address));
            }
        } else if let Some(bound) = socket.take() {
            listener = Some(bound.listen(BACKLOG).unwrap());
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.unwrap().0,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = network.changed() => if changed.is_err() { return },
            client = accepted => drop(tokio::spawn(join(client, server.clone(), wires.clone()))),
        }
    }
}

/// Joins a client with the server until one of them goes, or they are cut.
async fn join(client: TcpStream, server: String, wires: Wires) {
    let Wires { mut network, mut cuts } = wires.clone();
    cuts.mark_unchanged();
    let passing = async {
        // The server hears nothing of a connection that is made in silence.
        let reaches = |it: &Network| !matches!(it, Network::Silent | Network::HalfOpen);
        if network.wait_for(reaches).await.is_err() {
            return;
        }
        let Ok(server) = TcpStream::connect(server).await else { return };
        let (from_client, mut to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        let mut lost = wires.network.clone();
        tokio::select! {
            () = pass(from_client, &mut to_server, wires.network.clone(), Way::ToServer) => {}
            () = pass(from_server, &mut to_client, wires.network.clone(), Way::ToClient) => {}
            _ = lost.wait_for(|it| *it == Network::HalfOpen) => {}
        }
        drop(to_server);
        // The client's end stays open for as long as nobody is to notice.
        let _is_over = network.wait_for(|it| *it != Network::HalfOpen).await;
    };
    tokio::select! {
        () = passing => {}
        _ = cuts.changed() => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    way: Way,
) {
    let mut chunk = vec![0; CHUNK];
    let mut is_publisher = false;
    loop {
        let Ok(count @ 1..) = from.read(&mut chunk).await else { return };
        let bytes = &chunk[..count];
        is_publisher |=
            way == Way::ToServer && bytes.windows(PUBLISHER.len()).any(|part| part == PUBLISHER);
        let now = match network.wait_for(|it| it.passes(way, is_publisher)).await {
            Ok(now) => *now,
            Err(_) => return,
        };
        if let Network::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
