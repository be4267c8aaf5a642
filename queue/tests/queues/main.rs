//! The queues: one contract for all of them, and what RabbitMQ promises beyond it. The tests need a
//! broker (see [`broker`]); `scripts/servers start` provides one.

mod broker;
mod contract;
mod costs;
mod faults;
mod frames;
mod poison;
mod proxy;
mod rabbit;
mod stranger;
mod topology;
mod under_test;
