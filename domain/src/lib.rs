//! The rules of Seungin and nothing else: money, ids, state machines, what an answer of Toss means and what follows.
//!
//! Everything here is a total function over plain values. There is no clock, no entropy, no I/O, no SQL and no JSON: callers pass
//! instants (milliseconds since the Unix epoch, UTC) and get decisions back. A state or a failure class added here stops the build
//! wherever somebody has to think about it.

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

pub mod action;
pub mod answer;
pub mod attempt;
pub mod breaker;
pub mod bulk;
pub mod cancellation;
pub mod cart;
pub mod customer;
pub mod id;
pub mod job;
pub mod limits;
pub mod method;
pub mod money;
pub mod order;
pub mod payment;
pub mod policy;
pub mod reconcile;
pub mod refund_account;
pub mod retention;
pub mod role;
pub mod sign_in;
pub mod status;
pub mod text;
pub mod trace;
pub mod webhook;

pub use id::{BulkRunId, CancellationId, JobId, OrderId, PaymentKey, ProductId, StaffId, StoreId};
pub use money::Won;
pub use refund_account::RefundAccount;
pub use trace::TraceContext;
