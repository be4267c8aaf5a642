//! What the embedded product says when it is up: where it listens, who may sign in, what to try.

use std::fmt::Write as _;

use api::Mode;

use crate::demo::Demo;
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

/// The banner. `data_dir` is where everything is kept, as text; `None` for a temporary one.
pub(crate) fn banner(running: &Running, data_dir: Option<&str>, style: Style) -> String {
    let api = &running.instance.api;
    let mut text = String::new();
    let money = match running.mode {
        Mode::Simulator => "simulator: no money moves",
        Mode::Test => "Toss with test keys: no money moves",
        Mode::Live => "Toss with live keys: MONEY MOVES",
    };
    line(&mut text, &format!("\n  {} is running ({money})\n", style.bold("Seungin")));
    entry(&mut text, "Demo shop", &format!("{api}/"), style);
    entry(&mut text, "API docs", &format!("{api}/docs"), style);
    if let Some(simulator) = &running.instance.simulator {
        entry(&mut text, "Simulator", &format!("{simulator}/_sim/ledger"), style);
    }
    entry(&mut text, "Data", data_dir.unwrap_or("temporary, removed at the end"), style);
    match &running.demo {
        Some(demo) => staff(&mut text, demo, api, style),
        None => line(&mut text, "\n  No demo staff here: seungin staff add --help"),
    }
    line(&mut text, &format!("\n  {}", style.bold("To try")));
    line(&mut text, "    open the demo shop, order something, choose what happens in the window");
    line(
        &mut text,
        "    cargo run -- try                               one order, paid and cancelled",
    );
    line(
        &mut text,
        "    cargo run -- try --decline REJECT_CARD_COMPANY one that the card company declines",
    );
    line(&mut text, "\n  Ctrl-C stops; the next start goes on where this one was.\n");
    text
}

fn staff(text: &mut String, demo: &Demo, api: &str, style: Style) {
    line(text, &format!("\n  {}", style.bold("Demo staff")));
    for member in &demo.staff {
        let stores = if member.stores.is_empty() {
            "all stores".to_owned()
        } else {
            member.stores.join(", ")
        };
        line(text, &format!("    {:8} {} {}", member.role, member.token, style.dim(&stores)));
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
