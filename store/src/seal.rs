//! Sealing: what the database must keep for a while and must not be able to tell. The key is never in it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The key that customers' refund accounts are sealed with. Every process that takes or makes cancels needs the same.
#[derive(Clone)]
pub struct SealKey(Arc<LessSafeKey>);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(redacted)")
    }
}

impl SealKey {
    /// Derives the key from a secret that has other uses as well.
    #[must_use]
    pub fn derive(secret: &[u8; 32]) -> Option<SealKey> {
        let salt = Salt::new(HKDF_SHA256, b"seungin");
        let extracted = salt.extract(secret);
        let expanded = extracted.expand(&[b"refund account"], &CHACHA20_POLY1305).ok()?;
        Some(SealKey(Arc::new(LessSafeKey::new(UnboundKey::from(expanded)))))
    }

    /// Seals a text for one use, as base64: it opens under the same key for the same use only. `None` when the system has no randomness.
    pub(crate) fn seal(&self, text: &str, used_for: &str) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = text.as_bytes().to_vec();
        let aad = Aad::from(used_for.as_bytes());
        let once = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(once, aad, &mut sealed).ok()?;
        Some(STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens it; `None` under another key or for another use.
    pub(crate) fn open(&self, sealed: &str, used_for: &str) -> Option<String> {
        let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let aad = Aad::from(used_for.as_bytes());
        let once = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(once, aad, &mut sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_the_same_key_for_the_same_use_only() {
        let key = SealKey::derive(&[7; 32]).unwrap();
        let sealed = key.seal("110-123", "cancel-1").unwrap();
        assert!(!sealed.contains("110"));
        assert_eq!(key.open(&sealed, "cancel-1").as_deref(), Some("110-123"));
        assert_eq!(key.open(&sealed, "cancel-2"), None);
        assert_eq!(SealKey::derive(&[8; 32]).unwrap().open(&sealed, "cancel-1"), None);
        assert_ne!(key.seal("110-123", "cancel-1").unwrap(), sealed, "never the same twice");
        for broken in ["", "AAAA", "rubbish!", &sealed[..sealed.len() - 2]] {
            assert_eq!(key.open(broken, "cancel-1"), None, "{broken}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", SealKey::derive(&[7; 32])), "Some(SealKey(redacted))");
    }
}
