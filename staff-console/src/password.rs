//! Hashing of passwords: Argon2id, with the parameters of this version; a hash that was made with others is compared by its own.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::LazyLock;

/// Source: OWASP password storage cheat sheet, Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// What a password is compared with when there is none, so that this takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

/// A password could not be hashed: the system gave no memory or no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(String);

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| HashError(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a new salt, as a PHC string. Takes tens of milliseconds and 19 MiB.
///
/// # Errors
/// [`HashError`].
pub fn hash(password: &str) -> Result<String, HashError> {
    let hash = argon2()?.hash_password(password.as_bytes());
    Ok(hash.map_err(|error| HashError(error.to_string()))?.to_string())
}

/// Whether this is the password of the hash. Without one it is not, and takes as long to say so.
pub(crate) fn is_right(password: &str, hash: Option<&str>) -> bool {
    let compared = hash.or(NOBODY.as_deref());
    let Some(Ok(parsed)) = compared.map(PasswordHash::new) else { return false };
    let is_equal =
        argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &parsed).is_ok());
    is_equal && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_is_right_and_nothing_else_is() {
        let hashed = hash("떡볶이는 맵게 주세요").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert_ne!(hashed, hash("떡볶이는 맵게 주세요").unwrap(), "the salt is new each time");
        assert!(is_right("떡볶이는 맵게 주세요", Some(&hashed)));
        assert!(!is_right("떡볶이는 맵게 주세요.", Some(&hashed)));
        assert!(!is_right("", Some(&hashed)));
        assert!(!is_right("x", Some("not a hash")));
        assert!(!is_right("nobody has this password", None));
    }

    /// How long it takes must not tell which names there are.
    #[test]
    fn a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has() {
        let cost = |hash: &str| {
            let parsed = PasswordHash::new(hash).unwrap();
            let algorithm = parsed.algorithm.to_string();
            (algorithm, parsed.version, Params::try_from(&parsed).unwrap())
        };
        let nobody = NOBODY.as_deref().expect("it is made at the first try");
        assert_eq!(cost(nobody), cost(&hash("somebody's").unwrap()));
    }
}
