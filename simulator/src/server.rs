//! Serving a simulator on a listener until it is told to stop.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::limits::SHUTDOWN_GRACE;
use crate::webhooks::sender;
use crate::{Simulator, state_file};

/// Serves until `shutdown` is cancelled, then ends within about a second: injected delays are cut off (their work is not
/// done, or their answer is lost), other requests may finish. Writes the state file while running and once more at the
/// end; if this future is dropped instead, the journal has what is missing there.
///
/// # Errors
/// The listener failed, the journal could not be written (what follows is not answered any more), or the state could not
/// be written at the end.
pub async fn serve(
    listener: TcpListener,
    simulator: Simulator,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let closing = shutdown.child_token();
    let shared = Arc::clone(&simulator.shared);
    let stop_writing = CancellationToken::new();
    let writing = state_file::keep_writing(Arc::clone(&shared), stop_writing.clone());
    // Dropped together with this future: a late snapshot must not overtake whoever goes on with the file.
    let writer = AbortOnDropHandle::new(tokio::spawn(writing));

    let sending = sender::keep_sending(Arc::clone(&shared), closing.clone());
    let _sender = AbortOnDropHandle::new(tokio::spawn(sending));

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
        failure = shared.journal_failure() => Err(failure),
    };
    stop_writing.cancel();
    let written = writer.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    served.and(written)
}
