//! Signals: the first asks for a clean end, the second ends at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Signals this soon after the first are the same wish: tools signal a process and then its group.
const ONE_WISH: Duration = Duration::from_millis(300);

/// Gives a token that is cancelled by the first Ctrl-C or SIGTERM. The second ends the process.
///
/// # Errors
/// The system takes no handlers.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::new()?;
    let asked = CancellationToken::new();
    let token = asked.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping: calls to Toss are finished first; a second signal ends at once");
        token.cancel();
        let same_wish = tokio::time::sleep(ONE_WISH);
        tokio::pin!(same_wish);
        loop {
            tokio::select! {
                () = &mut same_wish => break,
                () = signals.next() => {}
            }
        }
        signals.next().await;
        tracing::warn!("ended at once: the next start looks up what was under way");
        std::process::exit(1);
    });
    Ok(asked)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the handlers of Unix can fail")]
    fn new() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
