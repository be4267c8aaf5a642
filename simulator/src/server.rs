//! Serving a simulator on a listener until it is told to stop.

use std::io;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::limits::SHUTDOWN_GRACE;
use crate::{Simulator, state_file};

/// Serves until `shutdown` is cancelled, then ends within about a second: injected delays are cut off (their work is not
/// done, or their answer is lost), other requests may finish. Writes the state file while running and once more at the end.
///
/// # Errors
/// The listener failed, or the state could not be written at the end.
pub async fn serve(
    listener: TcpListener,
    simulator: Simulator,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let closing = shutdown.child_token();
    let shared = std::sync::Arc::clone(&simulator.shared);
    // Stops the writer also if this future is dropped.
    let stop_writing = CancellationToken::new().drop_guard();
    let writer = tokio::spawn(state_file::keep_writing(shared, stop_writing.token().clone()));

    let router = simulator.router_until(closing.clone());
    let server =
        axum::serve(listener, router).with_graceful_shutdown(closing.clone().cancelled_owned());
    let grace = async {
        closing.cancelled().await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    let served = tokio::select! {
        served = server => served,
        () = grace => Ok(()),
    };
    drop(stop_writing);
    let written = writer.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    served.and(written)
}
