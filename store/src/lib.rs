//! Every SQL statement of Seungin, as typed functions in the project's words. SQLite and PostgreSQL give the same results.
//!
//! The database is the truth. Each public function that changes something is one transaction: it takes the rows that it decides on
//! under a write lock, asks `domain` what follows, and writes all of it or nothing. No HTTP and no Toss in here.
//!
//! Lock order, everywhere: stores and products, orders, payments, rates, jobs, cancellations, attempts; ids sorted within a batch.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::unreachable
    )
)]

mod accept_cancel;
mod accept_confirm;
mod activity;
mod address;
mod announce;
pub mod audit;
mod back_up;
pub mod bulk;
mod call;
pub mod catalogue;
mod changes;
mod chores;
mod claim;
mod connection;
mod error;
pub mod findings;
mod gate;
mod gauges;
mod holds;
pub mod idempotency;
mod ids;
mod jobs;
mod key_pairs;
mod late_approval;
mod leases;
mod look;
mod migrate;
mod open;
mod operate;
pub mod orders;
mod origin;
mod overview;
mod page;
#[cfg(test)]
mod plans;
mod poison;
mod prune;
pub mod reconcile;
mod recover;
mod refund_accounts;
mod relayed;
mod rows;
mod scene;
#[cfg(feature = "test-control")]
pub mod scratch;
mod seal;
mod search;
mod settle;
pub mod sign_in;
mod sql;
pub mod staff;
mod sweep;
#[cfg(feature = "test-control")]
mod test_control;
mod traffic;
mod transaction;
mod walk;
mod webhooks;
mod workers;

pub use accept_cancel::{AcceptCancel, AcceptCancelError, AcceptedCancel};
pub use accept_confirm::{AcceptConfirm, AcceptConfirmError, AcceptedConfirm};
pub use address::{InvalidAddress, check_address, is_postgres, server_of};
pub use back_up::damage_of;
pub use call::Call;
pub use changes::Watch;
pub use chores::{Chore, ChoreTurn, HeldChore};
pub use claim::{Claimed, StartedAttempt};
pub use connection::Store;
pub use error::StoreError;
pub use gate::Claimer;
pub use gauges::{Gauges, JobCount, LOST_MS, PoolGauges, ROWS_MAX};
pub use holds::{Holds, OpenBreaker, Pause, PauseScope};
pub use ids::{RandomIds, sha256_hex};
pub use jobs::{
    AttemptRow, CSV_ROWS_MAX, JobCounts, JobDetail, JobFilter, JobGroup, JobGroups, JobRow, JobSet,
    JobSort,
};
pub use key_pairs::{CurrentKeys, KeyPairId, KeyPairUse, Retired};
pub use open::{OpenError, StoreOptions};
pub use operate::{
    ActError, ActedJob, Actor, CancelCandidate, Candidates, ChangeDueTimeError, CloseReviewError,
    MatchCancellation, MatchError, Matched, PaymentOffers,
};
pub use origin::Origin;
pub use overview::{LATENCY_CALLS_MAX, Latency, MerchantHealth, NeedsPerson, Overview};
pub use page::{BoundedCount, COUNT_MAX, ListError, Page};
pub use poison::{PoisonMessage, PoisonRow};
pub use prune::{PruneAges, PruneCounts, PruneMode, PruneRun, PrunedTable};
pub use recover::Recovery;
pub use relayed::PublishedJob;
pub use seal::SealKey;
pub use search::{CANDIDATES_MAX, SearchText};
pub use settle::{AttemptResult, STOPPED_BEFORE_SENDING, Settled};
pub use traffic::{FailureCount, Traffic, TrafficPoint};
pub use webhooks::{
    AcceptedWebhook, ReadWebhook, ReceivedWebhook, ReplayError, WebhookFilter, WebhookRow,
};
pub use workers::{Heartbeat, WorkerRow, WorkerStanding};
