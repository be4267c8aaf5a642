//! The simulator over a real socket: what a client of Toss would see, and what the control side shows beside it.
//!
//! One test binary; each file is one concern. Every test starts a simulator of its own on a free port.

mod api;
mod callbacks;
mod cancel;
mod confirm;
mod control;
mod desk;
mod faults;
mod hostile;
mod idempotency;
mod journal;
mod merchants;
mod other_calls;
mod payment_object;
mod receiver;
mod server;
mod settings;
mod state_file;
mod support;
mod transactions;
mod virtual_account;
mod webhooks;
mod window;
