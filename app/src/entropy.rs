//! New secrets. Everything random that `app` makes comes from here.

use store::sha256_hex;
use uuid::Uuid;

/// 64 hexadecimal digits that cannot be guessed.
#[expect(clippy::disallowed_methods, reason = "this is app's source of secrets")]
pub(crate) fn new_secret() -> String {
    // A version 4 UUID has 122 random bits from the system's generator: three exceed the 256 of the hash.
    let random = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let bytes: Vec<u8> = random.iter().flat_map(|uuid| *uuid.as_bytes()).collect();
    sha256_hex(bytes)
}

/// A new staff token. The prefix lets secret scanners recognise it.
pub(crate) fn new_staff_token() -> String {
    format!("sst_{}", new_secret())
}

/// A new password that people can type.
pub(crate) fn new_password() -> String {
    let mut secret = new_secret();
    secret.truncate(16);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_have_full_length() {
        let (one, two) = (new_secret(), new_secret());
        assert_ne!(one, two);
        assert_eq!(one.len(), 64);
        assert!(new_staff_token().starts_with("sst_"));
    }
}
