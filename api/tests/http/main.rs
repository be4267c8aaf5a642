//! The API as its callers see it: the router without a socket, over a database file of its own and a publisher that records.

mod access;
mod app;
mod cancels;
mod catalogue;
mod checkout;
mod confirm;
mod documents;
mod events;
mod health;
mod hostile;
mod jobs;
mod layers;
mod operators;
mod orders;
mod problems;
mod sockets;
mod staff_reads;
mod toss;
mod trace;
mod waiting;
mod webhooks;
