//! Signing in to the console: names, passwords, how long a session lasts, and how guessing is slowed down. No hashing: that takes entropy.

use std::fmt;

/// How long a session lasts without a request, in milliseconds.
///
/// Source: OWASP's advice for applications with money is 15 to 30 minutes; pages that are looked at refresh themselves, so this is about a
/// browser that was left.
pub const SESSION_IDLE_MS: i64 = 60 * 60_000;
/// How long a session lasts at the most: a working day.
pub const SESSION_MS_MAX: i64 = 12 * 60 * 60_000;
/// How often the last request of a session is written down. Idleness is that exact.
pub const SESSION_SEEN_EVERY_MS: i64 = 60_000;
/// The fewest characters of a password. Source: NIST SP 800-63B, section 3.1.1.2: 8 at the least and 15 for a password alone; with a lock
/// after a few tries, twelve.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The most characters of a password: hashing more would cost time and protect nothing.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// So many tries fail without a pause.
pub const FREE_TRIES: u32 = 5;
/// The first pause, in milliseconds; each further failure doubles it.
pub const LOCK_MS_FIRST: i64 = 60_000;
/// The longest pause, in milliseconds: whoever knows a name can keep its owner out for no longer after they stop.
pub const LOCK_MS_MAX: i64 = 15 * 60_000;

/// For how long no further try counts after so many failures in a row, in milliseconds.
#[must_use]
pub const fn lock_ms(failures: u32) -> i64 {
    match failures.checked_sub(FREE_TRIES) {
        None => 0,
        // Past the fourth doubling it is the longest anyway.
        Some(doublings) if doublings >= 4 => LOCK_MS_MAX,
        Some(doublings) => {
            let pause = LOCK_MS_FIRST.saturating_mul(1_i64 << doublings);
            if pause > LOCK_MS_MAX { LOCK_MS_MAX } else { pause }
        }
    }
}

/// What somebody signs in under: 2 to 60 lower-case letters, digits and `.`, `_`, `-`, `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Login(String);

impl Login {
    /// Reads it as people type it: space around it and capitals do not matter.
    ///
    /// # Errors
    /// [`InvalidLogin`] says what it must look like.
    pub fn parse(text: &str) -> Result<Login, InvalidLogin> {
        let login = text.trim().to_ascii_lowercase();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@".contains(c);
        if (2..=60).contains(&login.len()) && login.chars().all(is_plain) {
            Ok(Login(login))
        } else {
            Err(InvalidLogin)
        }
    }

    /// The login as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that nobody can sign in under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a login is 2 to 60 letters, digits, '.', '_', '-' or '@'")]
pub struct InvalidLogin;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    Short,
    /// Too many.
    #[error("a password has at most {PASSWORD_CHARS_MAX} characters")]
    Long,
    /// It can be guessed from what everybody sees.
    #[error("a password must not contain the login, and not be one character again and again")]
    Obvious,
}

/// Whether a password may be set for this login.
///
/// # Errors
/// [`WeakPassword`] says why not.
pub fn check_password(login: &Login, password: &str) -> Result<(), WeakPassword> {
    let count = password.chars().count();
    if count < PASSWORD_CHARS_MIN {
        return Err(WeakPassword::Short);
    }
    if count > PASSWORD_CHARS_MAX {
        return Err(WeakPassword::Long);
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next();
    if lower.contains(login.as_str()) || lower.chars().all(|c| Some(c) == first) {
        return Err(WeakPassword::Obvious);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_mistakes_cost_nothing_and_guessing_costs_ever_more_up_to_a_limit() {
        let pauses: Vec<i64> = (0..=10).map(|failures| lock_ms(failures) / 1_000).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 0, 60, 120, 240, 480, 900, 900]);
        assert_eq!(lock_ms(u32::MAX), LOCK_MS_MAX);
    }

    #[test]
    fn a_login_is_the_same_however_it_is_typed() {
        assert_eq!(Login::parse(" Hana.Kim@shop ").unwrap().as_str(), "hana.kim@shop");
        for bad in ["", "a", "a b", "한나", "a<b", &"a".repeat(61)] {
            assert_eq!(Login::parse(bad), Err(InvalidLogin), "{bad}");
        }
    }

    #[test]
    fn a_password_is_long_and_not_obvious() {
        let login = Login::parse("hana").unwrap();
        assert_eq!(check_password(&login, "열두글자가넘는비밀번호입니다"), Ok(()));
        assert_eq!(check_password(&login, "elevenchars"), Err(WeakPassword::Short));
        assert_eq!(check_password(&login, &"ab".repeat(65)), Err(WeakPassword::Long));
        assert_eq!(check_password(&login, "Hana-loves-tteok"), Err(WeakPassword::Obvious));
        assert_eq!(check_password(&login, "aaaaaaaaaaaa"), Err(WeakPassword::Obvious));
    }
}
