//! A network between the processes and a server, which can fail as networks and servers do.

use std::net::SocketAddr;

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
    /// New connections are refused.
    Refusing,
    /// Connections are accepted, and nothing passes. What is on its way then arrives late, when the network is well again.
    Silent,
    /// The same for what publishers say to a broker, and for nothing else: so a broker behaves that has no disk left.
    PublishersUnread,
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
pub(crate) struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Starts one in front of `host:port`.
    pub(crate) fn start(server: &str, network_is_there: bool) -> Proxy {
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
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets everything pass again.
    pub(crate) fn restore(&self) {
        self.network.send_replace(Network::Well);
    }

    /// The server is gone: connections are cut, and new ones refused.
    pub(crate) fn take_away(&self) {
        self.network.send_replace(Network::Refusing);
        self.cut();
    }

    /// Nothing passes any more, and nobody is told.
    pub(crate) fn silence(&self) {
        self.network.send_replace(Network::Silent);
    }

    /// What publishers say is not read any more.
    pub(crate) fn stop_reading_publishers(&self) {
        self.network.send_replace(Network::PublishersUnread);
    }

    /// Cuts every connection that there is.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
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
        if network.wait_for(|it| *it != Network::Silent).await.is_err() {
            return;
        }
        let Ok(server) = TcpStream::connect(server).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = pass(from_client, to_server, wires.network.clone(), true) => {}
            () = pass(from_server, to_client, wires.network.clone(), false) => {}
        }
    };
    tokio::select! {
        () = passing => {}
        _ = cuts.changed() => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    is_up: bool,
) {
    let mut chunk = vec![0; CHUNK];
    let mut is_publisher = false;
    loop {
        let Ok(count @ 1..) = from.read(&mut chunk).await else { return };
        let bytes = &chunk[..count];
        is_publisher |= is_up && bytes.windows(PUBLISHER.len()).any(|part| part == PUBLISHER);
        let passes = |network: &Network| match network {
            Network::Well => true,
            // What is held back now is never heard: the connection is about to be cut.
            Network::Refusing | Network::Silent => false,
            Network::PublishersUnread => !is_publisher,
        };
        if network.wait_for(passes).await.is_err() || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
