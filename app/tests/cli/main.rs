//! The binary as its users meet it: processes, exit codes, what stands on stdout and stderr.

mod catalogue;
mod collector;
mod configuration;
mod doctor;
mod embedded;
mod health;
mod http;
mod journey;
mod process;
mod reconcile;
mod retention;
mod staff;
mod traces;
