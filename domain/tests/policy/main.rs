//! The retry policy, tested through its public surface: its tables, its promises as sentences, and random walks against a small
//! model of Toss. The tests of single types stand beside them in `src`.

mod book;
mod cancel_sentences;
mod cancel_walk;
mod confirm_limits;
mod confirm_sentences;
mod confirm_walk;
mod document;
mod fixture;
mod look_up_sentences;
mod luck;
mod model;
mod script;
mod situations;
mod tables;
mod tape;
