//! Keeping the state over a restart: one JSON file, replaced as a whole, and beside it the journal of what came after.
//!
//! Written to a neighbour first and renamed, so that a crash leaves the old state or the new one, never half of either.
//! A snapshot shares its records with the running state, so taking it is short however large the state is. It is written
//! now and then, in the background; that nothing is forgotten in between is the business of `journal.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::cash_receipts::CashReceipt;
use crate::clock::Clock;
use crate::faults::{Faults, WaitingFault};
use crate::idempotency::{Entry, Idempotency};
use crate::journal::{self, Journal};
use crate::keys::Keys;
use crate::ledger::{Account, Ledger};
use crate::limits::{STATE_FILE_DEBOUNCE, STATE_FILE_REST_FACTOR, STATE_FILE_REST_MAX};
use crate::payment::Payment;
use crate::payments::Payments;
use crate::private_file;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::state::Shared;
use crate::webhooks::Delivery;
use crate::webhooks::endpoints::Endpoints;
use crate::world::World;

const FORMAT: u32 = 1;

/// Why a simulator could not start from its state file.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// The file is there but cannot be read.
    #[error("the simulator's state file {path} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not a state of the simulator.
    #[error(
        "the simulator's state file {path} is damaged; delete it and its journal to start with no payments"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// The journal beside the state file holds something else than what came after that.
    #[error(
        "line {line} of the simulator's journal {path} is damaged; delete it and the state file to start with no payments"
    )]
    DamagedJournal {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Not a file's trouble: an address, a merchant's name or a key is configured that is none.
    #[error("the simulator cannot be configured like that")]
    Impossible(#[source] Refusal),
    /// The file was written by another version.
    #[error(
        "the simulator's state file {path} has format {found}, this version reads {FORMAT}; \
         delete it and its journal to start anew"
    )]
    OtherFormat {
        /// Which file.
        path: PathBuf,
        /// The format it names.
        found: u32,
    },
}

/// What is kept. Requests that are on their way, and the pause between two cancels, are not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    format: u32,
    /// The last change that is in it. 0 in a file from before there was a journal.
    #[serde(default)]
    sequence: u64,
    clock_offset_ms: i64,
    payments: Vec<Arc<Payment>>,
    accounts: HashMap<String, Arc<Account>>,
    answers: Vec<Arc<Entry>>,
    faults: Vec<WaitingFault>,
    /// None in a file from before there were any, and until one is changed: what is configured counts then.
    #[serde(default)]
    settings: Option<Settings>,
    #[serde(default)]
    keys: Keys,
    #[serde(default)]
    endpoints: Endpoints,
    #[serde(default)]
    webhooks: Vec<Arc<Delivery>>,
    #[serde(default)]
    cash_receipts: Vec<Arc<CashReceipt>>,
}

/// Only the format, so that another version's file is told from a damaged one.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Snapshot {
    pub(crate) fn of(world: &World) -> Snapshot {
        Snapshot {
            format: FORMAT,
            sequence: world.sequence,
            clock_offset_ms: world.clock.offset_ms,
            payments: world.payments.all().cloned().collect(),
            accounts: world.ledger.parts().clone(),
            answers: world.idempotency.answered(),
            faults: world.faults.waiting(),
            settings: world.switched().cloned(),
            keys: world.keys.clone(),
            endpoints: world.webhooks.endpoints.clone(),
            webhooks: world.webhooks.all().cloned().collect(),
            cash_receipts: world.cash_receipts.all().cloned().collect(),
        }
    }

    pub(crate) fn into_world(self) -> Result<World, serde_json::Error> {
        let mut payments = Payments::default();
        self.payments.into_iter().for_each(|payment| payments.put_back(payment));
        let faults = Faults::from_waiting(self.faults)
            .map_err(<serde_json::Error as serde::de::Error>::custom)?;
        let mut world = World::default();
        world.sequence = self.sequence;
        world.clock = Clock::ahead_by_ms(self.clock_offset_ms);
        world.payments = payments;
        world.ledger = Ledger::from_parts(self.accounts);
        world.idempotency = Idempotency::from_entries(self.answers);
        world.faults = faults;
        world.put_settings(self.settings);
        world.keys = self.keys;
        world.webhooks.endpoints.put_back(self.endpoints);
        let receipts = self.cash_receipts.into_iter();
        receipts.for_each(|receipt| world.cash_receipts.put_back(receipt));
        self.webhooks.into_iter().for_each(|delivery| world.webhooks.put_back(delivery));
        Ok(world)
    }
}

/// The state in the file, or an empty one if there is no file, with everything that its journal adds; and the journal,
/// for what comes next.
///
/// # Errors
/// One of the files cannot be read or understood.
pub(crate) fn load(path: &Path) -> Result<(World, Journal), StateFileError> {
    let mut world = load_snapshot(path)?;
    let journal_path = journal::path_beside(path);
    let journal_bytes = journal::replay(&journal_path, &mut world)?;
    Ok((world, Journal::new(journal_path, journal_bytes)))
}

fn load_snapshot(path: &Path) -> Result<World, StateFileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(World::default()),
        Err(source) => return Err(StateFileError::Unreadable { path: path.to_owned(), source }),
    };
    let damaged = |source| StateFileError::Damaged { path: path.to_owned(), source };
    let found = serde_json::from_slice::<FormatOnly>(&bytes).map_err(damaged)?.format;
    if found != FORMAT {
        return Err(StateFileError::OtherFormat { path: path.to_owned(), found });
    }
    let snapshot: Snapshot = serde_json::from_slice(&bytes).map_err(damaged)?;
    snapshot.into_world().map_err(damaged)
}

fn save(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let neighbour = private_file::with_suffix(path, ".new");
    let file = private_file::open(&neighbour, fs::OpenOptions::new().write(true).truncate(true))?;
    let mut writer = io::BufWriter::new(file);
    serde_json::to_writer(&mut writer, snapshot)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&neighbour, path)
}

/// Writes the state soon after each change until `stop`, then once more.
///
/// # Errors
/// The last writing failed. Earlier ones are only logged: the next change tries again.
pub(crate) async fn keep_writing(shared: Arc<Shared>, stop: CancellationToken) -> io::Result<()> {
    let Some(path) = shared.config.state_file.clone() else { return Ok(()) };
    loop {
        tokio::select! {
            () = shared.changed.notified() => {}
            () = stop.cancelled() => break,
        }
        tokio::select! {
            () = tokio::time::sleep(STATE_FILE_DEBOUNCE) => {}
            () = stop.cancelled() => break,
        }
        let begin = Instant::now();
        if let Err(error) = write_once(&shared, &path).await {
            tracing::warn!(%error, path = %path.display(), "the simulator's state was not written");
        }
        tokio::select! {
            () = tokio::time::sleep(rest_after(begin.elapsed())) => {}
            () = stop.cancelled() => break,
        }
    }
    write_once(&shared, &path).await
}

/// How long to leave the processor to others after a writing that took so long.
fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(STATE_FILE_REST_FACTOR).min(STATE_FILE_REST_MAX)
}

async fn write_once(shared: &Arc<Shared>, path: &Path) -> io::Result<()> {
    let (shared, path) = (Arc::clone(shared), path.to_owned());
    let write = move || {
        let (mark, snapshot) = shared.read_at_mark(Snapshot::of);
        save(&path, &snapshot)?;
        match (&shared.journal, mark) {
            (Some(journal), Some(mark)) => journal.drop_first(mark),
            (Some(_) | None, _) => Ok(()),
        }
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}
