//! The binary as its users meet it: processes, exit codes, what stands on stdout and stderr.

mod catalogue;
mod collector;
mod configuration;
mod doctor;
mod edges;
mod embedded;
mod health;
mod http;
mod journey;
mod process;
mod reconcile;
mod recover;
mod retention;
mod secrets;
mod server;
mod staff;
mod traces;
