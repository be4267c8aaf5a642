//! `seungin simulator`: the Toss look-alike alone, for the tests of other projects too.

use tokio_util::sync::CancellationToken;

use crate::cli::SimulatorArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::output::print;
use crate::parts;

/// Serves until `shutdown`.
///
/// # Errors
/// The port is taken, or the state file is damaged.
pub(crate) async fn run(
    config: &Config,
    args: &SimulatorArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let listener = parts::listen(config.simulator.listen, "--listen").await?;
    let url = listener.url();
    let serve = parts::simulator(
        config,
        listener,
        args.state_file.clone(),
        args.webhook_url.clone(),
        shutdown,
    )?;
    print(&format!(
        "{url}\n  API: {url}/v1/payments with any key test_sk_…; browser script: {url}/v2/standard\n  \
         control desk: {url}/_sim\n  \
         ledger: {url}/_sim/ledger; faults: POST {url}/_sim/faults; clock: POST {url}/_sim/clock\n"
    ))?;
    serve.await?;
    Ok(())
}
