//! The process's environment, read once at the start. Nothing else in the product reads it.

use std::collections::BTreeMap;

/// A copy of the variables. A plain value, so that tests bring their own.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_list().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// Copies the process's variables. Those that are not text cannot be ours and are left out.
    pub(crate) fn of_this_process() -> Environment {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Environment { variables: variables.collect() }
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Environment {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Environment { variables: owned.collect() }
    }

    /// A variable's value. An empty one counts as not set: compose files pass those on.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names with this prefix that have a value.
    pub(crate) fn names_with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.variables.iter().filter(move |(name, _)| name.starts_with(prefix));
        named.filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str())
    }

    /// Whether the user asked for no colours. See <https://no-color.org>.
    pub(crate) fn forbids_colour(&self) -> bool {
        self.find("NO_COLOR").is_some() || self.find("TERM") == Some("dumb")
    }
}
