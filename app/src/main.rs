//! `seungin`, the one binary: reads the command line and the configuration, and starts what they
//! ask for. What the parts are is in `parts`; which of them the embedded product takes, in
//! `embedded`; every other subcommand is in `command` and `journey`.

mod alerts;
mod banner;
mod catalogue_file;
mod cli;
mod command;
mod config;
mod data_dir;
mod demo;
mod embedded;
mod entropy;
mod exit;
mod health;
mod journey;
mod lifecycle;
mod metrics;
mod output;
mod parts;
mod roles;
mod shutdown;
mod telemetry;
mod unanswered;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::command::doctor::Telling;
use crate::config::{Config, Environment, LogConfig, Settings};
use crate::data_dir::DataDir;
use crate::embedded::Ports;
use crate::exit::Failure;
use crate::output::{print, tell};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&format!("error: {}", failure.message()));
            failure.code()
        }
    }
}

fn start(cli: &Cli) -> Result<(), Failure> {
    if let (Some(_), Some(flag)) = (&cli.command, cli.embedded.given()) {
        let mut command = <Cli as clap::CommandFactory>::command();
        let message = format!("{flag} belongs to `seungin` without a command");
        command.error(clap::error::ErrorKind::ArgumentConflict, message).exit();
    }
    // Two TLS providers would fail at the first connection; say which one before anybody connects.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider was installed already"))?;
    let environment = Environment::of_this_process();
    // These need no configuration and must work with a wrong one.
    if let Some(Command::Openapi) = &cli.command {
        return command::openapi();
    }
    if let Some(Command::Completions { shell }) = &cli.command {
        return command::completions(*shell);
    }
    let (config, settings) = config::load(&environment, &cli.flags(), Path::new("."))?;
    if let Some(Command::Config(command)) = &cli.command {
        return command::settings::run(&settings, &config, command);
    }
    let log = log_of(cli, &config, &settings);
    let traces = config.traces.as_ref().filter(|_| runs_on(cli));
    let telemetry = telemetry::start(&log, traces, !environment.forbids_colour())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let ended = runtime.block_on(Box::pin(run(cli, config, &environment)));
    drop(runtime);
    telemetry.finish();
    ended
}

/// Whether the command goes on until it is stopped.
fn runs_on(cli: &Cli) -> bool {
    matches!(
        cli.command,
        None | Some(
            Command::Simulator(_) | Command::Api(_) | Command::Console(_) | Command::Worker(_)
        )
    )
}

/// A command that ends by itself is quiet, unless somebody asked for its log.
fn log_of(cli: &Cli, config: &Config, settings: &Settings) -> LogConfig {
    let mut log = config.log.clone();
    if !runs_on(cli) && config::is_default(settings, "log.filter") {
        // lapin tells every failed try as an error of its own.
        "error,lapin=off".clone_into(&mut log.filter);
    }
    log
}

async fn run(cli: &Cli, config: Config, environment: &Environment) -> Result<(), Failure> {
    match &cli.command {
        None => run_embedded(cli, &config, environment).await,
        Some(Command::Api(_)) => roles::run_api(&config).await,
        Some(Command::Console(_)) => roles::run_console(&config).await,
        Some(Command::Worker(_)) => roles::run_worker(&config).await,
        Some(Command::Try(args)) => journey::run(config, environment, args).await,
        Some(Command::Simulator(args)) => {
            command::simulator::run(&config, args, shutdown::on_signal()?).await
        }
        Some(Command::Migrate) => command::migrate(&config).await,
        Some(Command::Seed) => command::seed::run(&config).await,
        Some(Command::Import(args)) => command::catalogue::import(&config, args).await,
        Some(Command::Staff(staff)) => command::staff::run(&config, staff).await,
        Some(Command::Doctor { json }) => {
            let telling =
                if *json { Telling::Json } else { Telling::Lines(output::style(environment)) };
            command::doctor::run(&config, telling, &clock_ms).await
        }
        Some(Command::Merchant(merchant)) => command::merchant::run(&config, merchant).await,
        Some(Command::Reconcile(args)) => command::reconcile::run(&config, args).await,
        Some(Command::Findings(findings)) => command::findings::run(&config, findings).await,
        Some(Command::Webhooks(webhooks)) => command::webhooks::run(&config, webhooks).await,
        Some(Command::Backup(args)) => command::backup::run(&config, args).await,
        Some(Command::Recover(args)) => command::recover::run(&config, args).await,
        Some(Command::Prune(args)) => command::prune::run(&config, args).await,
        Some(Command::EraseCustomer(args)) => command::erase::run(&config, args).await,
        Some(Command::Healthcheck { url }) => command::health::check(&config, url.as_ref()).await,
        // Done already, without a runtime.
        Some(Command::Config(_) | Command::Openapi | Command::Completions { .. }) => Ok(()),
    }
}

/// This machine's clock, which is compared with the database's and used for nothing else.
#[expect(clippy::disallowed_methods, reason = "it is what is looked at, not what decides")]
fn clock_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

async fn run_embedded(
    cli: &Cli,
    config: &Config,
    environment: &Environment,
) -> Result<(), Failure> {
    let shutdown = shutdown::on_signal()?;
    let (ports, data_dir) = take_place(cli, config).await?;
    let kept_at = (!data_dir.is_ephemeral()).then(|| data_dir.path().display().to_string());
    let running = embedded::start(config, ports, data_dir).await?;
    let program = banner::program(environment, std::env::args().next());
    let hint = banner::try_command(&program, &cli.repeated_flags(), &running);
    let banner = banner::banner(&running, kept_at.as_deref(), &hint, output::style(environment));
    print(&banner).context("standard output cannot be written to")?;
    running.run(&shutdown).await?;
    Ok(())
}

/// Takes the ports and the data directory. One that exists is taken first, because who uses it is
/// the better answer; a new one is made last, so that a taken port leaves nothing behind.
async fn take_place(cli: &Cli, config: &Config) -> Result<(Ports, DataDir), Failure> {
    if cli.embedded.ephemeral {
        return Ok((Ports::take(config).await?, DataDir::ephemeral()?));
    }
    if config.data_dir.exists() {
        let data_dir = DataDir::take(&config.data_dir)?;
        return Ok((Ports::take(config).await?, data_dir));
    }
    let ports = Ports::take(config).await?;
    Ok((ports, DataDir::take(&config.data_dir)?))
}
