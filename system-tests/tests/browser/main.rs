//! The demo shop as a visitor uses it, and the console as staff do: the real binary, headless Chromium, Debian's driver. Every test has a product and a
//! browser of its own, and fails when the browser's console has anything to complain about.
//!
//! Screenshots of every page go to `target/screenshots/`; with `UPDATE_DOCS=1` two of them become those of the README.

mod axe;
mod console;
mod driven;
mod endings;
mod journey;
mod looks;
mod methods;
mod reach;
mod screenshots;
mod visitor;
