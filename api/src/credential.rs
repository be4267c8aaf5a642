//! Credentials: the tokens of an order, and who a caller is.
//!
//! An order's tokens are message authentication codes of its id, so that nothing secret is stored, a replayed creation can return the
//! same token, and a wrong one is refused without looking anything up: strangers cannot find out which orders exist. Staff tokens are
//! random; the database holds their SHA-256.

mod caller;
mod token;

pub(crate) use caller::{ActingStaff, CloserOf, PayerOf, Reader, ReaderOf, Staff, unknown_order};
pub(crate) use token::{TICKET_MS, Tokens};
