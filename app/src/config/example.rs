//! The configuration as text for people: the example file with every key, and what
//! `seungin config print` shows. Secrets never leave through here.

use std::fmt::Write as _;

use config::ValueKind;

use super::Config;
use super::keys::{KEYS, Key, MERCHANT, NUMBER};
use super::layers::Settings;
use super::read::{entries, scalar};
use crate::data_dir::database_url;

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
        if key.table() != section {
            section = key.table();
            let mark = if key.is_pattern() { "#" } else { "" };
            line(&mut text, &format!("\n{mark}[{}]", sample_name(section)));
        }
        line(&mut text, "");
        for meaning in key.meaning {
            line(&mut text, &format!("# {meaning}"));
        }
        if let Some(production) = key.production {
            line(&mut text, &format!("# In production: {production}"));
        }
        line(&mut text, &format!("# Variable: {}", variables(key)));
        let name = key.name.rsplit('.').next().unwrap_or(key.name);
        line(&mut text, &format!("#{name} = {}", key.default.unwrap_or(key.sample)));
    }
    text
}

/// The name with something in the place of what it stands for.
fn sample_name(name: &str) -> String {
    name.replace(MERCHANT, "gangnam").replace(NUMBER, "1")
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
    key: String,
    value: Option<String>,
    origin: String,
}

/// Every key with the value in force and its origin; secrets are redacted, keys without a value are
/// shown too.
pub(crate) fn shown(settings: &Settings, config: &Config) -> Vec<Shown> {
    let show = |key: &Key, name: &str| match (settings.get(name), derived(name, config)) {
        (Some(setting), _) => {
            let value =
                if key.is_secret { REDACTED.to_owned() } else { value_text(&setting.value) };
            Shown { key: name.to_owned(), value: Some(value), origin: setting.origin.clone() }
        }
        (None, Some((value, origin))) => {
            Shown { key: name.to_owned(), value: Some(value), origin: format!("default: {origin}") }
        }
        (None, None) => Shown { key: name.to_owned(), value: None, origin: "not set".to_owned() },
    };
    let show_all = |key: &'static Key| -> Vec<Shown> {
        if !key.is_pattern() {
            return vec![show(key, key.name)];
        }
        settings.keys().filter(|name| key.is_named(name)).map(|name| show(key, name)).collect()
    };
    KEYS.iter().flat_map(show_all).collect()
}

/// What is in force for a key that has no value, and why.
fn derived(name: &str, config: &Config) -> Option<(String, &'static str)> {
    match name {
        "api.public_url" => {
            Some((format!("http://{}", config.api.listen), "the address that api.listen gets"))
        }
        "database.url" => {
            let url = database_url(&config.data_dir, true).ok()?;
            Some((url, "the file in the data directory"))
        }
        "security.token_key" => Some((REDACTED.to_owned(), "generated into the data directory")),
        _ => None,
    }
}

/// The lines of `config print`, in columns.
pub(crate) fn print(settings: &Settings, config: &Config) -> String {
    let shown = shown(settings, config);
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
