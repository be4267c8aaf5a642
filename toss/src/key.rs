//! The secret key of a merchant: what it must look like, and that nobody sees it. How it is sent is in `client`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A merchant's secret key at Toss, of the widget or of the individual integration. `Debug` shows its kind only.
///
/// Source: Toss Payments, API keys: `test_sk_`, `live_sk_`, `test_gsk_`, `live_gsk_`. The length is not promised.
#[derive(Clone)]
pub struct SecretKey {
    prefix: &'static str,
    text: SecretString,
}

/// A text that cannot be a secret key. The text itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Nothing was given.
    #[error("the secret key is empty")]
    Empty,
    /// The browser's key was given.
    #[error(
        "this is a client key, which belongs into the browser; the secret key starts with test_sk_, live_sk_, test_gsk_ or live_gsk_"
    )]
    ClientKey,
    /// It starts like no key.
    #[error("a secret key starts with test_sk_, live_sk_, test_gsk_ or live_gsk_")]
    Prefix,
    /// It has characters that no key has.
    #[error(
        "after its prefix a secret key has letters, digits and '_' only, without spaces or line breaks around it"
    )]
    Characters,
}

const PREFIXES: [&str; 4] = ["test_sk_", "live_sk_", "test_gsk_", "live_gsk_"];
const CLIENT_PREFIXES: [&str; 4] = ["test_ck_", "live_ck_", "test_gck_", "live_gck_"];

impl SecretKey {
    /// Checks the text.
    ///
    /// # Errors
    /// [`InvalidKey`] says what is wrong without showing the text; stop the start with it.
    pub fn parse(text: &str) -> Result<SecretKey, InvalidKey> {
        if text.trim().is_empty() {
            return Err(InvalidKey::Empty);
        }
        if CLIENT_PREFIXES.iter().any(|prefix| text.trim().starts_with(prefix)) {
            return Err(InvalidKey::ClientKey);
        }
        let found = PREFIXES
            .iter()
            .find_map(|prefix| Some((*prefix, text.trim_start().strip_prefix(prefix)?)));
        let (prefix, rest) = found.ok_or(InvalidKey::Prefix)?;
        let is_plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if rest.is_empty() || !is_plain || !text.starts_with(prefix) {
            return Err(InvalidKey::Characters);
        }
        Ok(SecretKey { prefix, text: SecretString::from(text) })
    }

    /// Whether real money moves under it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.prefix.starts_with("live_")
    }

    pub(crate) fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}***)", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_of_both_kinds_are_taken_and_know_whether_they_are_live() {
        for (text, is_live) in [
            ("test_sk_D4yKeq5bgrpKRd0J", false),
            ("test_gsk_docs_OaPz8L5KdmQXkzRz3y47BMw6", false),
            ("live_sk_a", true),
            ("live_gsk_A1_b2", true),
        ] {
            assert_eq!(SecretKey::parse(text).unwrap().is_live(), is_live, "{text}");
        }
    }

    #[test]
    fn each_kind_of_wrong_key_has_its_own_message() {
        for (text, error) in [
            ("", InvalidKey::Empty),
            ("  \n", InvalidKey::Empty),
            ("test_ck_D4yKeq5bgrpKRd0J", InvalidKey::ClientKey),
            (" live_gck_abc", InvalidKey::ClientKey),
            ("sk_test_abc", InvalidKey::Prefix),
            ("test_ak_abc", InvalidKey::Prefix),
            ("test_sk_", InvalidKey::Characters),
            ("test_sk_abc\n", InvalidKey::Characters),
            (" test_sk_abc", InvalidKey::Characters),
            ("test_sk_ab c", InvalidKey::Characters),
            ("test_sk_키", InvalidKey::Characters),
        ] {
            assert_eq!(SecretKey::parse(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let key = SecretKey::parse("live_sk_verysecret").unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(live_sk_***)");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_showing_it(text in ".{0,60}", tail in "[A-Za-z0-9_]{1,40}") {
            if let Err(error) = SecretKey::parse(&text) {
                prop_assert!(text.trim().chars().count() < 8 || !error.to_string().contains(text.trim()));
            }
            let key = format!("test_gsk_{tail}");
            prop_assert!(SecretKey::parse(&key).is_ok());
        }
    }
}
