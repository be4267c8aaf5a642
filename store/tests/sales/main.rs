//! The selling side of the store on a real database file: catalogue, orders, staff and their audit, and the figures about it all,
//! through public functions.

mod accepting;
mod bulk;
mod catalogue;
mod claiming;
mod fixture;
mod gauges;
mod job_lists;
mod key_pairs;
mod listing;
mod orders;
mod overview;
mod processes;
mod reconciliation;
mod relayed;
mod retention;
mod search;
mod sign_in;
mod staff;
mod sweep;
mod timeline;
