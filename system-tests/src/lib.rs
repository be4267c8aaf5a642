//! The product as a process: builds the real binary, runs it in a directory of its own, and takes it down again.
//!
//! What is done to it is in `tests/`. This library knows the binary from outside only, as everybody does: its flags, its
//! files, its exit.

mod process;
mod product;

pub use crate::process::Process;
pub use crate::product::{Home, Product, Simulator, binary};
