//! The product as a process: builds the real binary, runs it in a directory of its own, and takes it down again.
//!
//! What is done to it is in `tests/`. All of this library but [`explore()`] knows the binary from outside only, as everybody does: its
//! flags, its files, its exit. [`explore()`] takes the product's parts into its own process, where thousands of journeys are made that
//! luck chooses and a seed repeats.

mod books;
mod campaign;
mod client;
mod clock;
pub mod crash;
mod customer;
mod explore;
mod load;
mod log;
mod luck;
mod process;
mod product;
mod proxy;
mod record;
mod role;
mod servers;
pub mod sources;
mod topology;

pub use crate::campaign::{Plan, campaign};
pub use crate::client::{Answer, Client, send, try_send};
pub use crate::clock::clear_dead_clocks;
pub use crate::customer::{Order, Places, SIMULATOR_KEY, entry_of, insist_charged_once};
pub use crate::explore::{Explored, Tally, Travelled, explore, travel};
pub use crate::load::{Load, load};
pub use crate::process::{Process, Signal};
pub use crate::product::{Home, Product, Simulator, binary};
pub use crate::proxy::{Proxy, server_of};
pub use crate::role::{Finished, Variables};
pub use crate::servers::Servers;
