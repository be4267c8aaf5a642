//! Crash points: places between two effects at which a process may die, each with a number, so that a test can have it die just there.
//!
//! A point is a line of the source and nothing in the product: without the feature `armed` the macro makes no code. `docs/crash-points.md`
//! lists all of them; a test compares it with the sources, and has a process die at each.

/// Marks a point: its area and number, what has happened by then, and what comes next and has not.
///
/// The numbers of an area are 1, 2, 3 … without a gap; the order says nothing.
#[cfg(not(feature = "armed"))]
#[macro_export]
macro_rules! point {
    ($id:literal, $done:literal, $not_done:literal) => {};
}

/// Marks a point: its area and number, what has happened by then, and what comes next and has not.
#[cfg(feature = "armed")]
#[macro_export]
macro_rules! point {
    ($id:literal, $done:literal, $not_done:literal) => {
        $crate::reached($id)
    };
}

/// The variable that names a file: the process dies at the point whose area and number stand in it, as soon as they do.
#[cfg(feature = "armed")]
const TRAP: &str = "SEUNGIN_CRASH_POINT_FILE";

/// Ends the process if this is the point at which it is to die; says so in the file before.
#[cfg(feature = "armed")]
pub fn reached(id: &str) {
    #[expect(clippy::disallowed_methods, reason = "a switch of tests, not configuration")]
    let trap = std::env::var_os(TRAP);
    let Some(trap) = trap else { return };
    if std::fs::read_to_string(&trap).is_ok_and(|wanted| wanted == id) {
        // No destructor runs and nothing is flushed, as when it is killed. Of two that come at once the first has it.
        drop(std::fs::write(&trap, format!("died at {id}")));
        std::process::abort();
    }
}
