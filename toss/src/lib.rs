//! The client of Toss Payments' core API: confirm, cancel, look up. Nothing else in Seungin knows Toss's JSON.
//!
//! A call always comes back with a [`CallResult`]: Toss's refusal is an answer, and so is silence. What it says about the money is
//! in the answer's [`FailureClass`](domain::answer::FailureClass), and three questions decide it, in this order:
//!
//! 1. *Did bytes leave?* Only an error of connecting proves that none did (`Unsent`). Everything later is `Unanswered`.
//! 2. *Is there a code that we know?* Then the table of the operation decides ([`codes`]), except that a final "no" does not count
//!    under a 5xx.
//! 3. *Otherwise, what does the HTTP status say?* 429, 409 and 5xx have meanings of their own; the rest is contradictory.
//!
//! Nothing is retried here, not even by the HTTP stack; what follows an answer is `domain`'s policy. Not here either: settlements,
//! billing keys.
//!
//! | file | holds |
//! |---|---|
//! | [`client`](TossClient) | configuration, the calls about one payment, what is logged |
//! | `key` | the secret key |
//! | `call` | what is asked for, and the exact bytes that ask |
//! | `connect` | how connections are made and kept |
//! | `transport` | one HTTP exchange, bounded, and whether bytes left |
//! | `answer` | from status and body to an answer |
//! | `payment`, `date` | tolerant reading of the Payment object |
//! | `transactions` | the list of transactions, page by page |
//! | [`codes`] | every code with its class |
//! | `redact` | what of an answer may be kept |
//! | `webhook` | what a webhook claims |

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

mod answer;
mod call;
mod client;
pub mod codes;
mod connect;
mod date;
mod key;
mod payment;
mod redact;
mod transactions;
mod transport;
mod webhook;

pub use answer::read_answer;
pub use call::{CancelCall, ConfirmCall, RefundAccount, cancel_body, confirm_body};
pub use client::{BuildError, CallResult, TossClient, TossConfig};
pub use codes::is_key_refusal;
pub use key::{InvalidKey, SecretKey};
pub use redact::{KEPT_BYTES_MAX, redact};
pub use transactions::{TransactionPage, TransactionsCall, TransactionsResult};
pub use webhook::read_webhook;
