//! The ports that the process listens on.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::exit::Failure;

/// Takes a port before anything else is started, so that a taken one changes nothing.
///
/// # Errors
/// The port is taken or not allowed; the message names the flag that chooses another.
pub(crate) async fn listen(address: SocketAddr, flag: &str) -> Result<Listener, Failure> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("{address} cannot be listened on; choose another address by {flag} (port 0 takes a free one)")
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    Ok(Listener { listener, address })
}

/// Takes the port for health and metrics alone, if there is to be one.
///
/// # Errors
/// See [`listen`].
pub(crate) async fn listen_for_health(config: &Config) -> Result<Option<Listener>, Failure> {
    match config.health_listen {
        Some(address) => Ok(Some(listen(address, "--health-listen").await?)),
        None => Ok(None),
    }
}

/// A taken port.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// How it is reached from this machine.
    pub(crate) fn url(&self) -> String {
        let mut reached = self.address;
        if reached.ip().is_unspecified() {
            reached.set_ip(match reached {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{reached}")
    }

    /// Hands the socket to whoever serves it.
    pub(crate) fn into_socket(self) -> TcpListener {
        self.listener
    }
}
