//! The selling side of the store on a real database file: catalogue, orders, staff and their audit, and the figures about it all,
//! through public functions.

mod bulk;
mod catalogue;
mod fixture;
mod gauges;
mod listing;
mod orders;
mod processes;
mod reconciliation;
mod relayed;
mod retention;
mod staff;
mod sweep;
