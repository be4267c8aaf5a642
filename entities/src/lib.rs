//! The rows of the database, one file per table, as SeaORM sees them. No queries, no rules: those are in `store` and `domain`.
//!
//! Every instant is an integer of milliseconds since the Unix epoch, UTC; all money is whole won. States are the domain's words.

pub mod attempt;
pub mod audit;
pub mod breaker;
pub mod bulk_item;
pub mod bulk_run;
pub mod call_slot;
pub mod cancel_entry;
pub mod cancellation;
pub mod chore;
pub mod finding;
pub mod idempotency_key;
pub mod job;
pub mod job_minute;
pub mod option_group;
pub mod order;
pub mod order_line;
pub mod pause;
pub mod payment;
pub mod poison_message;
pub mod product;
pub mod product_option;
pub mod reconciliation;
pub mod sign_in_try;
pub mod staff;
pub mod staff_store;
pub mod store;
pub mod web_session;
pub mod webhook;
pub mod worker;
