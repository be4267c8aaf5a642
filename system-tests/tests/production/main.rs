//! Production's shape under fire: many real processes on PostgreSQL and RabbitMQ, and everything between them taken away in turn.
//!
//! Every test has a fleet of its own with a database and queues of its own, and reaches the servers by way of proxies that can fail. In the
//! end all books have to agree: what was accepted, what the database says, what the simulator really charged. Not here: what only the
//! broker's administrator can do, such as closing a connection by its name; `queue`'s tests have a proxy that says it in the broker's place.
#![expect(clippy::print_stdout, reason = "measured times are for people")]

mod broker;
mod clock;
mod console;
mod crash_points;
mod database;
mod doctor;
mod fleet;
mod kill;
mod kinds;
mod load;
mod messages;
mod pause;
mod poison;
mod redelivery;
mod restore;
mod rows;
mod secrets;
mod share;
mod start;
mod stop;
mod trace;
