//! Processes that die between two effects, and what the next one makes of it: `docs/crash-points.md`.

mod document;
mod embedded;
