//! The simulator over a real socket: what a client of Toss would see, and what the control side shows beside it.
//!
//! One test binary; each file is one concern. Every test starts a simulator of its own on a free port.

mod api;
mod server;
mod support;
