//! Retention: what is deleted when, what never is, and what erasing a customer blanks and keeps.

mod aged;
mod answers;
mod chores;
mod erase;
mod jobs;
mod runs;
