//! Standard output: data for people and programs. Messages and logs go to stderr.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use crate::banner::Style;
use crate::config::Environment;

/// Writes a text. A reader that went away (`| head`) is no error.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a message for people, without the time and level of a log line.
#[expect(clippy::print_stderr, reason = "this is where messages for people go out")]
pub(crate) fn tell(message: &str) {
    eprintln!("{message}");
}

/// How standard output may look.
pub(crate) fn style(environment: &Environment) -> Style {
    let is_terminal = std::io::stdout().is_terminal();
    if is_terminal && !environment.forbids_colour() { Style::Coloured } else { Style::Plain }
}
