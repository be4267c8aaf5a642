//! Reads settings into types that cannot be invalid, and collects everything that is wrong on the
//! way, so that one start shows all of it.

use std::fmt::Display;
use std::str::FromStr;

use config::{Value, ValueKind};

use super::layers::{DEFAULT_ORIGIN, Setting, Settings};
use super::problem::Problem;

/// Reads keys and remembers problems.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    settings: &'a Settings,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings) -> Reader<'a> {
        Reader { settings, problems: Vec::new() }
    }

    /// What was wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Remembers that a key's value cannot be used.
    pub(super) fn refuse(&mut self, name: &str, reason: impl Into<String>) {
        let origin = self.find(name).map_or(DEFAULT_ORIGIN, |setting| setting.origin.as_str());
        self.problems.push(Problem::key(name, origin, reason));
    }

    /// Whether somebody set the key.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.find(name).is_some_and(|setting| setting.origin != DEFAULT_ORIGIN)
    }

    /// Whether the key has a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The names of this section's keys that have a value.
    pub(super) fn names_of(&self, section: &str) -> Vec<&'a str> {
        let names = self.settings.keys().map(String::as_str);
        names.filter(|name| name.starts_with(section)).collect()
    }

    /// A text; `None` when the key has no value.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = &self.find(name)?.value;
        match scalar(value) {
            Some(text) => Some(text),
            None => {
                self.refuse(name, "it must be a text");
                None
            }
        }
    }

    /// A text that parses; `None` when the key has no value, or a wrong one, which is remembered.
    pub(super) fn parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse(name, of_value(&text, reason));
                None
            }
        }
    }

    /// A number within a range.
    pub(super) fn number(&mut self, name: &str, least: u32, most: u32) -> Option<u32> {
        let number: Option<u32> = self.text(name)?.replace('_', "").parse().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(name, format!("it must be a number between {least} and {most}"));
        }
        number
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.text(name)?.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.refuse(name, "it must be true or false");
                None
            }
        }
    }

    /// A list; in the environment its entries are separated by commas.
    pub(super) fn list<T>(&mut self, name: &str) -> Option<Vec<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(entries) = entries(&self.find(name)?.value) else {
            self.refuse(name, "it must be a list of texts");
            return None;
        };
        let parse = |entry: &String| entry.parse().map_err(|reason| of_value(entry, reason));
        match entries.iter().map(parse).collect() {
            Ok(list) => Some(list),
            Err(reason) => {
                self.refuse(name, reason);
                None
            }
        }
    }

    fn find(&self, name: &str) -> Option<&'a Setting> {
        self.settings.get(name)
    }
}

/// What is wrong with a value, repeating it. Not an address: where it is wrong, a password may stand in it.
fn of_value(text: &str, reason: impl Display) -> String {
    let is_address = text.contains("//") || text.contains('@');
    if is_address { reason.to_string() } else { format!("{text:?}: {reason}") }
}

/// A value as text, whatever simple type its source gave it; `None` for lists and tables.
pub(super) fn scalar(value: &ValueKind) -> Option<String> {
    match value {
        ValueKind::Boolean(value) => Some(value.to_string()),
        ValueKind::I64(value) => Some(value.to_string()),
        ValueKind::I128(value) => Some(value.to_string()),
        ValueKind::U64(value) => Some(value.to_string()),
        ValueKind::U128(value) => Some(value.to_string()),
        ValueKind::Float(value) => Some(value.to_string()),
        ValueKind::String(value) => Some(value.clone()),
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
    }
}

/// The texts of a list, or of a text with commas.
pub(super) fn entries(value: &ValueKind) -> Option<Vec<String>> {
    match value {
        ValueKind::Array(values) => {
            values.iter().map(|value: &Value| scalar(&value.kind)).collect::<Option<Vec<_>>>()
        }
        ValueKind::String(text) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Some(parts.map(str::to_owned).collect())
        }
        ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::Table(_) => None,
    }
}
