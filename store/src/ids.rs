//! New ids and hashes.

use domain::id::IdSource;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Ids that sort by time and cannot be guessed: UUID version 7.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the id source")]
    fn new_id(&self) -> String {
        Uuid::now_v7().to_string()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the id source")]
    fn jitter_ms(&self, most: i64) -> i64 {
        let range = u128::try_from(most.max(0)).unwrap_or(0).saturating_add(1);
        let drawn = Uuid::new_v4().as_u128().checked_rem(range).unwrap_or(0);
        i64::try_from(drawn).unwrap_or(0)
    }
}

/// Our idempotency key toward Toss: a function of the job and its key generation, so that it survives a restored backup.
pub(crate) fn toss_idempotency_key(job_id: &str, generation: u32) -> String {
    let name = format!("seungin:job:{job_id}:{generation}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes.as_ref()).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_job_and_one_generation() {
        let key = toss_idempotency_key("job-1", 1);
        assert_eq!(key, toss_idempotency_key("job-1", 1));
        assert_ne!(key, toss_idempotency_key("job-1", 2));
        assert_ne!(key, toss_idempotency_key("job-2", 1));
        assert_eq!(key.len(), 36);
    }

    #[test]
    fn jitter_stays_in_its_range() {
        for most in [-5, 0, 1, 7] {
            for _ in 0..50 {
                assert!((0..=most.max(0)).contains(&RandomIds.jitter_ms(most)));
            }
        }
    }
}
