//! What is wrong with a configuration, in words that name the key and its source and no secret.

use std::fmt;

use super::keys::KEYS;

/// One thing to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    subject: String,
    origin: Option<String>,
    reason: String,
}

impl Problem {
    /// A key whose value cannot be used.
    pub(crate) fn key(name: &str, origin: &str, reason: impl Into<String>) -> Problem {
        let (subject, origin) = (format!("`{name}`"), Some(origin.to_owned()));
        Problem { subject, origin, reason: reason.into() }
    }

    /// A source that cannot be used at all.
    pub(crate) fn source(origin: &str, reason: String) -> Problem {
        Problem { subject: origin.to_owned(), origin: None, reason }
    }

    /// A key that nobody knows: most likely a slip that would otherwise be ignored in silence.
    pub(crate) fn unknown(name: &str, origin: &str) -> Problem {
        let section = name.split_once('.').map_or("", |(section, _)| section);
        let mut known: Vec<String> = Vec::new();
        for key in KEYS {
            let there = match key.section() {
                own if own == section => key.name.to_owned(),
                other if section.is_empty() => format!("[{other}]"),
                _ => continue,
            };
            if !known.contains(&there) {
                known.push(there);
            }
        }
        let reason = match known.as_slice() {
            [] => "there is no such section".to_owned(),
            known => format!("there is no such key; known are {}", known.join(", ")),
        };
        Problem::key(name, origin, reason)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin}): {}", self.subject, self.reason),
            None => write!(f, "{}: {}", self.subject, self.reason),
        }
    }
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidConfig(pub(crate) Vec<Problem>);

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for InvalidConfig {}
