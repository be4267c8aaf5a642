//! Dispatch against the simulator over real HTTP: what happens to payments and cancels when things go wrong.
//!
//! Nothing here waits by the clock: the database's and the simulator's clocks are moved together to the next due job. Only the tests
//! of the running worker wait, by bounded polling.

mod bulk;
mod cancel;
mod cancel_unknown;
mod commits;
mod confirm;
mod console;
mod costs;
mod crash;
mod hands;
mod heartbeat;
mod holds;
mod journey;
mod key_pairs;
mod late_approvals;
mod log;
mod look_ups;
mod matching;
mod measured;
mod methods;
mod obstacles;
mod reconcile;
mod reconcile_daily;
mod refunds;
mod relaying;
mod restore;
mod restore_unknown;
mod retention;
mod running;
mod shop;
mod staff;
mod trace;
mod unknown_outcome;
mod webhooks;
