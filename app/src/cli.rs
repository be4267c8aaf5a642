//! The command line: every subcommand and flag, with what `--help` says. Not here: what they do.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::webhook::WebhookState;

use crate::command::acting::read_reason;
use crate::command::backup::BackupArgs;
use crate::command::erase::EraseArgs;
use crate::command::findings::FindingsCommand;
use crate::command::prune::PruneArgs;
use crate::command::reconcile::ReconcileArgs;
use crate::command::recover::RecoverArgs;
use crate::config::{Address, Flags};

/// A queue-driven payment backend for Toss Payments. Without a command everything starts in one
/// process: API, demo shop, worker, queue, database, and a simulator in the place of Toss.
#[derive(Debug, Parser)]
#[command(name = "seungin", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) embedded: Embedded,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  seungin                              start everything; the demo shop is at http://127.0.0.1:8080
  seungin --ephemeral --listen 127.0.0.1:0
                                       the same on a free port, and nothing stays behind
  seungin api --listen 0.0.0.0:8080    the API alone, on PostgreSQL and RabbitMQ
  seungin worker --kinds confirm       a worker for confirms alone
  seungin try                          one order: paid, partly cancelled, cancelled
  seungin try --decline REJECT_CARD_COMPANY
                                       one order that the card company declines
  seungin staff add --name Kim --role owner --store malatang-hongdae
  seungin reconcile --from 2026-11-01 --to 2026-11-08
                                       a week of payments against Toss's records
  seungin config print                 every setting and where it came from

Exit codes: 0 done, 1 failed, 2 wrong usage, 69 something needed is not reachable, 78 wrong configuration.";

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Read this configuration file instead of ./seungin.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep everything in this directory [default: .seungin]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Which log lines to write to stderr, such as `debug` or `info,toss=debug`
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

/// Flags of the embedded product.
#[derive(Debug, Args)]
pub(crate) struct Embedded {
    /// Address of the API and the demo shop; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address of the bundled simulator [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDR")]
    pub(crate) simulator_listen: Option<SocketAddr>,
    /// Address of a listener for health and metrics alone
    #[arg(long, value_name = "ADDR")]
    pub(crate) health_listen: Option<SocketAddr>,
    /// Use a temporary data directory that is removed at the end
    #[arg(long, conflicts_with = "data_dir")]
    pub(crate) ephemeral: bool,
}

impl Embedded {
    /// The first flag that was given; flags of the embedded product mean nothing to a command.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.listen.is_some(), "--listen"),
            (self.simulator_listen.is_some(), "--simulator-listen"),
            (self.health_listen.is_some(), "--health-listen"),
            (self.ephemeral, "--ephemeral"),
        ];
        given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}

/// What to do instead of running everything.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the API alone, on PostgreSQL and RabbitMQ; any number of times
    Api(ApiArgs),
    /// Run the operators' console alone, on PostgreSQL and RabbitMQ; any number of times
    Console(ApiArgs),
    /// Run a worker alone, on PostgreSQL and RabbitMQ; any number of times
    Worker(WorkerArgs),
    /// Drive whole journeys from cart to cancelled, and check every step
    Try(TryArgs),
    /// Run the Toss simulator alone
    Simulator(SimulatorArgs),
    /// Bring the database's schema up to this version
    Migrate,
    /// Fill a new database with the demo's stores and staff, and print their tokens
    Seed,
    /// Load stores and menus from a JSON file; all of it or nothing
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArgs),
    /// Members of staff and their tokens
    #[command(subcommand)]
    Staff(StaffCommand),
    /// Calls to Toss for a merchant: what holds them back, stop and resume
    #[command(subcommand)]
    Merchant(MerchantCommand),
    /// Compare our records with Toss's over a time, and tell what differs; exit 1 if anything does
    Reconcile(ReconcileArgs),
    /// What reconciliation has found: list, and close what was dealt with
    #[command(subcommand)]
    Findings(FindingsCommand),
    /// Show what came to the webhook address, or act on it once more
    #[command(subcommand)]
    Webhooks(WebhooksCommand),
    /// Copy SQLite's database into a file, while it is used; docs/backup.md says what else to keep
    Backup(BackupArgs),
    /// After a backup was restored, before anything is started: look up whatever may have been sent since, before it is sent again
    Recover(RecoverArgs),
    /// Delete what was kept long enough: what is done once a day, now
    Prune(PruneArgs),
    /// Blank the personal data of finished orders for good, and keep what the law wants kept
    EraseCustomer(EraseArgs),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI description of the HTTP API
    Openapi,
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Look at everything that the product needs, and say what to do about what is not well; exit 1 if anything fails
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a running process whether it is ready, quietly; exit 0 if it is
    Healthcheck {
        /// The address of an API, or of a worker's health listener [default: the running instance of the data directory]
        #[arg(long, value_name = "URL")]
        url: Option<Address>,
    },
}

const IMPORT_HELP: &str = "\
The file is {\"stores\": [{storeId, name, merchant?, deliveryFee, minimumOrder, open?, products: [
  {productId, name, description?, price, available?, optionGroups?: [
    {groupId, name, minChoices, maxChoices, options: [{optionId, name, price, available?}]}]}]}]}.
Prices are won. Importing the same file again changes nothing. config/README.md has more.";

/// How to try it.
#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// The API to use [default: the running instance of the data directory, else one that is started for this]
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<Address>,
    /// A staff token that may cancel [default: SEUNGIN_STAFF_TOKEN, else the demo master's]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) staff_token: Option<String>,
    /// Let the simulator decline with this code, and expect the order to fail in the right way; such as
    /// REJECT_CARD_COMPANY, REJECT_CARD_PAYMENT, INVALID_STOPPED_CARD, INVALID_CARD_EXPIRATION,
    /// EXCEED_MAX_AMOUNT, EXCEED_MAX_DAILY_PAYMENT_COUNT
    #[arg(long, value_name = "CODE")]
    pub(crate) decline: Option<String>,
    /// How many journeys
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
    /// How many at the same time
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) concurrency: u32,
    /// Print one JSON object instead of the story
    #[arg(long)]
    pub(crate) json: bool,
    /// How long one journey may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) timeout: u64,
}

/// How to run the API, or the console, alone.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// Address; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address of a listener for health and metrics alone
    #[arg(long, value_name = "ADDR")]
    pub(crate) health_listen: Option<SocketAddr>,
}

/// How to run a worker alone.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Calls to Toss at the same time [default: 64]
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<u32>,
    /// Take only these jobs: confirm, cancel, look_up, bulk; with commas between [default: all]
    #[arg(long, value_name = "KINDS")]
    pub(crate) kinds: Option<String>,
    /// Address of a listener for health and metrics
    #[arg(long, value_name = "ADDR")]
    pub(crate) health_listen: Option<SocketAddr>,
}

/// How to run the simulator alone.
#[derive(Debug, Args)]
pub(crate) struct SimulatorArgs {
    /// Address; port 0 takes a free one [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Keep the state in this file over restarts [default: keep it in memory only]
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file: Option<PathBuf>,
    /// Send webhooks of every event there [default: only where POST /_sim/webhooks/endpoints says]
    #[arg(long, value_name = "URL")]
    pub(crate) webhook_url: Option<String>,
}

/// What to import.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Products of these stores that the file does not name cannot be ordered any more
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Staff.
#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Add somebody and print their token, which is shown only this once
    Add {
        /// What people call them
        #[arg(long)]
        name: String,
        /// What they may do: owner and manager act for their stores, master for all
        #[arg(long)]
        role: RoleName,
        /// A store that they act for; repeat it for several
        #[arg(long = "store", value_name = "STORE_ID")]
        stores: Vec<String>,
    },
    /// List everybody
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let somebody sign in to the console: set their login and password, and end their sessions
    Passwd {
        /// Their id, as `staff list` shows it
        id: String,
        /// What they sign in under: 2 to 60 letters, digits, '.', '_', '-' or '@'
        #[arg(long)]
        login: String,
        /// Read the password from the standard input's first line instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Refuse somebody's token and password from now on
    Disable {
        /// Their id, as `staff list` shows it
        id: String,
    },
}

/// A role as it is written on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleName {
    /// The owner of stores.
    Owner,
    /// A manager of stores.
    Manager,
    /// Head office.
    Master,
}

/// What came to the webhook address.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Print them, newest first
    List(WebhookListArgs),
    /// Act on one once more: its payment is looked up
    Replay(WebhookReplayArgs),
}

/// Which webhooks to print.
#[derive(Debug, Args)]
pub(crate) struct WebhookListArgs {
    /// Only those that stand so: looked_up, waiting, ignored, refused, expired
    #[arg(long, value_parser = read_webhook_state)]
    pub(crate) state: Option<WebhookState>,
    /// Only those that name this order
    #[arg(long, value_name = "ORDER_ID")]
    pub(crate) order: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=200))]
    pub(crate) limit: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which webhook to act on.
#[derive(Debug, Args)]
pub(crate) struct WebhookReplayArgs {
    /// Its id, as `list` shows it
    pub(crate) id: String,
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT", value_parser = read_reason)]
    pub(crate) reason: String,
}

fn read_webhook_state(word: &str) -> Result<WebhookState, String> {
    WebhookState::from_word(word).ok_or_else(|| {
        format!("the states are {}", WebhookState::ALL.map(WebhookState::word).join(", "))
    })
}

/// Calls for a merchant.
#[derive(Debug, Subcommand)]
pub(crate) enum MerchantCommand {
    /// Print what holds calls back: open circuit breakers and pauses
    Holds {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Start no calls until `resume`; what is accepted waits, what is under way ends
    Pause(PauseArgs),
    /// Let calls go on; what waited is due at once
    Resume(PauseArgs),
    /// Print every pair of keys, and how much is still pinned to it
    Keys {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Hand payments that rest over from a pair to the current one, and say what still needs it
    RetireKeys(RetireArgs),
}

/// Whose pair of keys is to go.
#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    /// Whose [default: "default", or the only merchant]
    #[arg(long)]
    pub(crate) merchant: Option<String>,
    /// The number of the pair that is to leave the configuration
    #[arg(long, value_name = "NUMBER")]
    pub(crate) pair: u32,
}

/// What to stop or resume.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Whose calls [default: "default", or the only merchant]
    #[arg(long)]
    pub(crate) merchant: Option<String>,
    /// Which calls
    #[arg(long, value_enum, default_value_t = CallKind::All)]
    pub(crate) kind: CallKind,
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Calls as they are written on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum CallKind {
    /// Every call.
    All,
    /// Calls that take money.
    Confirm,
    /// Calls that give money back.
    Cancel,
    /// Questions where a payment stands.
    LookUp,
}

/// Configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where it came from; secrets are not shown
    Print {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the configuration; exit 78 if it cannot be used
    Check,
    /// Print a configuration file with every key, its default and its meaning
    Example,
}

impl Cli {
    /// What the flags say about the configuration.
    pub(crate) fn flags(&self) -> Flags {
        let text = |path: &PathBuf| path.display().to_string();
        let address = |address: SocketAddr| address.to_string();
        let (mut listen, mut simulator_listen, mut health_listen) =
            (self.embedded.listen, self.embedded.simulator_listen, self.embedded.health_listen);
        let (mut concurrency, mut kinds) = (None, None);
        if let Some(Command::Simulator(args)) = &self.command {
            simulator_listen = args.listen;
        }
        if let Some(Command::Api(args) | Command::Console(args)) = &self.command {
            (listen, health_listen) = (args.listen, args.health_listen);
        }
        if let Some(Command::Worker(args)) = &self.command {
            health_listen = args.health_listen;
            (concurrency, kinds) = (args.concurrency, args.kinds.clone());
        }
        let values = [
            ("data_dir", self.common.data_dir.as_ref().map(text), "--data-dir"),
            ("log.filter", self.common.log.clone(), "--log"),
            ("api.listen", listen.map(address), "--listen"),
            ("simulator.listen", simulator_listen.map(address), "--simulator-listen"),
            ("health.listen", health_listen.map(address), "--health-listen"),
            ("worker.concurrency", concurrency.map(|it| it.to_string()), "--concurrency"),
            ("worker.kinds", kinds, "--kinds"),
        ];
        let given = values.into_iter().filter_map(|(key, value, flag)| Some((key, value?, flag)));
        Flags { file: self.common.config.clone(), values: given.collect() }
    }

    /// The flags by which another command finds the same instance.
    pub(crate) fn repeated_flags(&self) -> Vec<(&'static str, String)> {
        let text = |path: &PathBuf| path.display().to_string();
        let given = [
            ("--config", self.common.config.as_ref().map(text)),
            ("--data-dir", self.common.data_dir.as_ref().map(text)),
        ];
        given.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_every_command_may_stand_behind_it() {
        let cli = Cli::try_parse_from(["seungin", "config", "print", "--data-dir", "x"]).unwrap();
        assert_eq!(cli.flags().values, [("data_dir", "x".to_owned(), "--data-dir")]);
    }
}
