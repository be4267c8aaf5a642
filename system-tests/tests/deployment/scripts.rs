//! What the scripts share: how they know the processes that they started.

use std::path::Path;
use std::process::Command;

/// Runs lines of bash with the scripts' functions for processes; gives what they print.
fn bash(directory: &Path, lines: &str) -> String {
    let parts = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/parts/processes.bash");
    let text = format!("set -euo pipefail; script=test; . '{parts}'; {lines}");
    let output = Command::new("bash").args(["-c", &text]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_process_is_known_and_ended_also_when_its_program_has_a_long_name() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().canonicalize().unwrap();
    for program in ["seungin", "seungin-built-for-this-machine"] {
        std::fs::copy("/bin/sleep", directory.join(program)).unwrap();
        let said = bash(
            &directory,
            &format!(
                "launch env one.pid \"$PWD\" one.log \"$PWD/{program}\" 300
                 until is_running one.pid {program} \"$PWD\"; do sleep 0.02; done; echo runs
                 is_running one.pid another \"$PWD\" || echo not another
                 is_running one.pid {program} / || echo not elsewhere
                 end_process one.pid {program} \"$PWD\" TERM
                 is_running one.pid {program} \"$PWD\" || echo ended"
            ),
        );
        assert_eq!(said, "runs\nnot another\nnot elsewhere\nended\n", "{program}");
    }
}
