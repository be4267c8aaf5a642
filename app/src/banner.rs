//! What the embedded product says when it is up: where it listens, who may sign in, what to try.

use std::fmt::Write as _;

use api::Mode;

use crate::config::Environment;
use crate::demo::{Demo, DemoStaff};
use crate::embedded::Running;

/// Whether the text may be coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people at a terminal.
    Coloured,
    /// For files, pipes and those who asked for it.
    Plain,
}

impl Style {
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Style::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Style::Plain => text.to_owned(),
        }
    }
}

/// How the user calls this program: by Cargo, or by the name that they typed.
pub(crate) fn program(environment: &Environment, typed: Option<String>) -> String {
    // Cargo says so to what it runs.
    if environment.find("CARGO").is_some() {
        return "cargo run --".to_owned();
    }
    typed.map_or_else(|| "seungin".to_owned(), |name| quoted(&name))
}

/// The command that tries this instance, with what it needs to find it.
pub(crate) fn try_command(program: &str, flags: &[(&str, String)], running: &Running) -> String {
    let mut command = format!("{program} try");
    for (flag, value) in flags {
        let _infallible = write!(command, " {flag} {}", quoted(value));
    }
    if running.is_ephemeral() {
        let _infallible = write!(command, " --api {}", running.instance.api);
        if let Some(token) = running.demo.as_ref().and_then(Demo::master_token) {
            let _infallible = write!(command, " --staff-token {token}");
        }
    }
    command
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:,@%=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The banner. `data_dir` is where everything is kept, as text; `None` for a temporary one.
/// `try_command` is what tries this instance.
pub(crate) fn banner(
    running: &Running,
    data_dir: Option<&str>,
    try_command: &str,
    style: Style,
) -> String {
    let api = &running.instance.api;
    let mut text = String::new();
    let money = match running.mode {
        Mode::Simulator => "simulator: no money moves",
        Mode::Test => "Toss with test keys: no money moves",
        Mode::Live => "Toss with live keys: MONEY MOVES",
    };
    line(&mut text, &format!("\n  {} is running ({money})\n", style.bold("Seungin")));
    entry(&mut text, "Demo shop", &format!("{api}/"), style);
    entry(&mut text, "Console", &format!("{api}/console"), style);
    entry(&mut text, "API docs", &format!("{api}/docs"), style);
    if let Some(simulator) = &running.instance.simulator {
        entry(&mut text, "Simulator", &format!("{simulator}/_sim"), style);
    }
    if let Some(health) = &running.instance.health {
        entry(&mut text, "Metrics", &format!("{health}/metrics"), style);
    }
    entry(&mut text, "Data", data_dir.unwrap_or("temporary, removed at the end"), style);
    match &running.demo {
        Some(demo) => staff(&mut text, demo, api, style),
        None => line(&mut text, "\n  No demo staff here: seungin staff add --help"),
    }
    line(&mut text, &format!("\n  {}", style.bold("To try")));
    line(&mut text, "    open the demo shop, order something, choose what happens in the window");
    if running.instance.simulator.is_some() {
        line(&mut text, "    one order, paid and cancelled:");
        line(&mut text, &format!("      {try_command}"));
        line(&mut text, "    one that the card company declines:");
        line(&mut text, &format!("      {try_command} --decline REJECT_CARD_COMPANY"));
    }
    let end = match data_dir {
        Some(_) => "Ctrl-C stops; the next start goes on where this one was.",
        None => "Ctrl-C stops and removes everything.",
    };
    line(&mut text, &format!("\n  {end}\n"));
    text
}

/// The demo staff with their tokens, one line each.
pub(crate) fn staff_lines(demo: &Demo) -> String {
    let mut text = String::new();
    for member in &demo.staff {
        line(&mut text, &staff_line(member, Style::Plain));
    }
    text
}

fn staff_line(member: &DemoStaff, style: Style) -> String {
    let stores = match member.stores.as_slice() {
        [] => "all stores".to_owned(),
        stores => stores.join(", "),
    };
    let console = format!("{} / {}", member.login, member.password);
    format!("{:8} {console:27} {} {}", member.role, member.token, style.dim(&stores))
}

fn staff(text: &mut String, demo: &Demo, api: &str, style: Style) {
    line(
        text,
        &format!("\n  {}", style.bold("Demo staff: login / password, and token for the API")),
    );
    for member in &demo.staff {
        line(text, &format!("    {}", staff_line(member, style)));
    }
    if let Some(token) = demo.master_token() {
        line(text, &format!("\n  {}", style.bold("The newest orders, as the master sees them")));
        line(
            text,
            &format!("    curl -H 'Authorization: Bearer {token}' '{api}/v1/orders?limit=5'"),
        );
    }
}

fn entry(text: &mut String, name: &str, value: &str, style: Style) {
    line(text, &format!("    {name:10} {}", style.green(value)));
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_needs_it() {
        for plain in ["x", "/var/lib/seungin", ".seungin", "데이터", "a-b_c.d"] {
            assert_eq!(quoted(plain), plain);
        }
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("~x"), "'~x'");
    }

    #[test]
    fn the_program_is_called_as_the_user_called_it() {
        let by_cargo = Environment::of(&[("CARGO", "/usr/bin/cargo")]);
        assert_eq!(program(&by_cargo, Some("target/debug/seungin".to_owned())), "cargo run --");
        let none = Environment::default();
        assert_eq!(program(&none, Some("./seungin".to_owned())), "./seungin");
        assert_eq!(program(&none, None), "seungin");
    }
}
