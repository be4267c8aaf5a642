//! The worker: takes job ids from the queue, claims the jobs, makes their calls to Toss and settles the answers.
//!
//! The story of a job is in [`dispatch`]: claim, call, settle. [`run`] does that for many at once: it takes and starts
//! ([`floor`]), and writes answers in batches ([`settler`]). Around it stand the leases ([`lease`]), what holds calls back ([`holds`]) and
//! what answers say about Toss itself ([`signs`]), the heartbeat ([`heartbeat`]), what the queue gave up ([`poison`]), what time alone
//! changes ([`sweeper`]), what operators do to many jobs at once ([`bulk`]), what is deleted once a day ([`retention`]), what is
//! compared with Toss once a day ([`reconcile`]), the clients of the merchants ([`gateway`]), the delays ([`pacing`]),
//! what is measured ([`meters`]), and what an attempt leaves in logs and traces ([`trace`]). What an answer means is `domain`'s, what is
//! written is `store`'s.

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

mod bulk;
pub mod dispatch;
mod floor;
pub mod gateway;
mod heartbeat;
mod holds;
mod lease;
mod meters;
pub mod pacing;
mod poison;
pub mod reconcile;
mod retention;
mod run;
mod settler;
mod signs;
mod sweeper;
pub mod trace;

pub use dispatch::Dispatcher;
pub use gateway::Gateways;
pub use meters::describe_metrics;
pub use pacing::{JitteredPacing, PlainPacing};
pub use reconcile::{DailyReconciliation, ReconcileError, Reconciler, Tempo};
pub use run::{AHEAD_MAX, CallLimits, Identity, WorkerContext, WorkerEnded, run};
pub use sweeper::sweep_once;
pub use trace::AttemptTrace;
