//! The product as a process: builds the real binary, runs it in a directory of its own, and takes it down again.
//!
//! What is done to it is in `tests/`. This library knows the binary from outside only, as everybody does: its flags, its
//! files, its exit.

mod client;
mod customer;
mod process;
mod product;
mod role;

pub use crate::client::{Answer, Client, send, try_send};
pub use crate::customer::{Order, Places, SIMULATOR_KEY, entry_of, insist_charged_once};
pub use crate::process::{Process, Signal};
pub use crate::product::{Home, Product, Simulator, binary};
pub use crate::role::{Finished, Variables};
