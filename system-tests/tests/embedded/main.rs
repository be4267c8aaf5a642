//! The embedded product under load and under fire: real processes, the real API, the simulator's ledger as the judge.

mod backup;
mod full_disk;
mod hostile;
mod latency;
mod parallel;
mod restart;
mod rotation;
mod site;
mod wire;

/// Taken by every test for as long as it runs: one measures times, and all of them keep the machine busy.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
