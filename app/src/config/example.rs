//! The configuration as text for people: the example file with every key, and what
//! `seungin config print` shows. Secrets never leave through here.

use std::fmt::Write as _;

use config::ValueKind;

use super::keys::{KEYS, Key};
use super::layers::Settings;
use super::read::{entries, scalar};

/// What stands in the place of a secret.
const REDACTED: &str = "(redacted)";

/// The example file: every key with its default, commented out.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# Every key of Seungin's configuration, with its default. Copy this file to seungin.toml and\n\
         # uncomment what you change. Also: seungin --config FILE.\n\
         #\n\
         # A flag beats a variable, a variable beats this file, this file beats the default. The variable\n\
         # of a key is SEUNGIN__SECTION__NAME; lists are written with commas there. A key marked as secret\n\
         # can also come from a file: set the variable's name + _FILE to its path. `seungin config print`\n\
         # shows each value and where it came from; an unknown key stops the start.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            line(&mut text, &format!("\n[{section}]"));
        }
        line(&mut text, "");
        for meaning in key.meaning {
            line(&mut text, &format!("# {meaning}"));
        }
        line(&mut text, &format!("# Variable: {}", variables(key)));
        let name = key.name.rsplit('.').next().unwrap_or(key.name);
        line(&mut text, &format!("#{name} = {}", key.default.unwrap_or(key.sample)));
    }
    text
}

fn variables(key: &Key) -> String {
    let names =
        std::iter::once(key.variable()).chain(key.aliases.iter().map(|it| (*it).to_owned()));
    let names: Vec<String> = names.collect();
    let secret = if key.is_secret { " (secret: also as …_FILE)" } else { "" };
    format!("{}{secret}", names.join(", "))
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{line}");
}

/// One line of `config print`.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Shown {
    key: &'static str,
    value: Option<String>,
    origin: String,
}

/// Every key with its value and origin; secrets are redacted, keys without a value are shown too.
pub(crate) fn shown(settings: &Settings) -> Vec<Shown> {
    let show = |key: &'static Key| {
        let setting = settings.get(key.name);
        let value = setting.map(|setting| {
            if key.is_secret { REDACTED.to_owned() } else { value_text(&setting.value) }
        });
        let origin = setting.map_or("not set", |setting| setting.origin.as_str()).to_owned();
        Shown { key: key.name, value, origin }
    };
    KEYS.iter().map(show).collect()
}

/// The lines of `config print`, in columns.
pub(crate) fn print(settings: &Settings) -> String {
    let shown = shown(settings);
    let value = |one: &Shown| one.value.clone().unwrap_or_else(|| "-".to_owned());
    let name_width = shown.iter().map(|one| one.key.chars().count()).max().unwrap_or(0);
    let value_width = shown.iter().map(|one| value(one).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for one in &shown {
        let _infallible =
            writeln!(text, "{:name_width$}  {:value_width$}  {}", one.key, value(one), one.origin);
    }
    text
}

fn value_text(value: &ValueKind) -> String {
    match scalar(value) {
        Some(text) => text,
        None => format!("[{}]", entries(value).unwrap_or_default().join(", ")),
    }
}
