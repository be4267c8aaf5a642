//! Crash points: a binary that dies at them, and the trap that says at which. Where they are is read from the sources ([`points`]); what has
//! to come of a death at each is a table ([`cases`]).

mod cases;
mod points;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::process::Process;
use crate::product::{Home, Product, build, build_directory};

pub use self::cases::{Case, Recovery, Way, cases};
pub use self::points::{Point, Unmarked, points, unmarked_effects};

/// What the binary is told the trap's file by.
pub const VARIABLE: &str = "SEUNGIN_CRASH_POINT_FILE";
/// The signal of `abort`.
const ABORTED: i32 = 6;

/// A file in which the point stands at which a process is to die, once it does.
#[derive(Debug)]
pub struct Trap(PathBuf);

impl Trap {
    /// One that nobody falls into yet; no two in a home have the same name.
    #[must_use]
    pub fn new(home: &Home, name: &str) -> Trap {
        Trap(home.path().join(format!("{name}.trap")))
    }

    /// From now on the process dies at this point.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn set(&self, point: &str) {
        // Whole from the first: it is read at every point.
        let new = self.0.with_extension("new");
        std::fs::write(&new, point).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }

    /// The variable that makes a process of [`armed_binary`] look into it.
    #[must_use]
    pub fn variable(&self) -> (&'static str, &Path) {
        (VARIABLE, &self.0)
    }

    /// Waits for the end of the process, and insists that it died, and there.
    ///
    /// # Panics
    /// It lives on, or ended in another way or at another place.
    pub fn insist_died(&self, process: &mut Process, point: &str) {
        let signal = process.wait_for_signal();
        let said = std::fs::read_to_string(&self.0).unwrap_or_default();
        assert_eq!(
            (signal, said),
            (ABORTED, format!("died at {point}")),
            "{}: {}",
            process.name(),
            process.said()
        );
    }
}

impl Home {
    /// Starts the product as [`Home::start_with`] does, but such that it dies in the trap.
    #[must_use]
    pub fn start_over_trap(&self, variables: &[(&str, &str)], trap: &Trap) -> Product {
        let mut command = self.command_of(armed_binary());
        let (name, file) = trap.variable();
        command.env(name, file);
        self.start_on_data(command, variables)
    }
}

/// The binary with its crash points armed, built at the first call.
///
/// Only what is between the points and the binary is compiled for it: what lies below shares its artefacts with the usual build, and the two
/// binaries are in different directories.
///
/// # Panics
/// It cannot be built.
#[must_use]
pub fn armed_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let shared = build_directory();
        let own = shared.join("crash-points");
        let own = own.to_str().expect("a readable path");
        build(&["--features", "crash-points", "--target-dir", own], Some(&shared))
    })
}
