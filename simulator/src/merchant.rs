//! Who calls: keys, Basic authentication, and merchants.
//!
//! Every well-formed test key is a merchant of its own unless `keys` says otherwise, so that tests running side by side
//! never see each other. Live keys are refused: nobody may think that the simulator moved money.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codes;
use crate::limits::{M_ID_CHARS_MAX, SECRET_KEY_CHARS_MAX};
use crate::refusal::Refusal;

/// A well-formed test secret key, by a fingerprint: the key itself is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeyId(Uuid);

impl KeyId {
    /// # Errors
    /// `INVALID_API_KEY` for a client key, `UNAUTHORIZED_KEY` for anything else that is not a test secret key.
    pub(crate) fn of_secret_key(key: &str) -> Result<KeyId, Refusal> {
        let is_client_key =
            ["test_ck_", "test_gck_", "live_ck_", "live_gck_"].iter().any(|p| key.starts_with(p));
        if is_client_key {
            return Err(Refusal::new(codes::INVALID_API_KEY));
        }
        let is_known = ["test_sk_", "test_gsk_"]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))
            .is_some_and(is_key_body);
        if !is_known {
            return Err(Refusal::new(codes::UNAUTHORIZED_KEY));
        }
        Ok(KeyId::named(key))
    }

    /// The secret key of the same kind and ending as a client key.
    ///
    /// # Errors
    /// `INSECURE_KEY_USAGE` for a secret key, `INVALID_CLIENT_KEY` for anything else that is not a test client key.
    pub(crate) fn beside_client_key(key: &str) -> Result<KeyId, Refusal> {
        if ["test_sk_", "test_gsk_", "live_sk_", "live_gsk_"].iter().any(|p| key.starts_with(p)) {
            return Err(Refusal::new(codes::INSECURE_KEY_USAGE));
        }
        let secret_key = [("test_ck_", "test_sk_"), ("test_gck_", "test_gsk_")]
            .iter()
            .find_map(|(client, secret)| Some((key.strip_prefix(client)?, secret)))
            .filter(|(body, _)| is_key_body(body))
            .map(|(body, secret)| format!("{secret}{body}"));
        match secret_key {
            Some(secret_key) => Ok(KeyId::named(&secret_key)),
            None => Err(Refusal::new(codes::INVALID_CLIENT_KEY)),
        }
    }

    fn named(secret_key: &str) -> KeyId {
        KeyId(Uuid::new_v5(&Uuid::NAMESPACE_OID, secret_key.as_bytes()))
    }
}

/// A merchant (Toss: MID).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Merchant {
    pub(crate) id: Uuid,
    /// Toss's name of the shop, at most 14 characters.
    pub(crate) m_id: String,
}

impl Merchant {
    /// The merchant that a key stands for by itself.
    pub(crate) fn of_key(key: KeyId) -> Merchant {
        let hex = key.0.simple().to_string();
        Merchant { id: key.0, m_id: "sim".chars().chain(hex.chars().take(11)).collect() }
    }

    /// The merchant of a name.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for a name that is not 1–14 letters, digits, `-` or `_`. Source: Toss, length of a MID.
    pub(crate) fn named(m_id: &str) -> Result<Merchant, Refusal> {
        let is_name = (1..=M_ID_CHARS_MAX).contains(&m_id.len())
            && m_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_name {
            return Err(Refusal::about(codes::INVALID_REQUEST, "mId"));
        }
        let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, m_id.as_bytes());
        Ok(Merchant { id, m_id: m_id.to_owned() })
    }

    #[cfg(test)]
    pub(crate) fn of_secret_key(key: &str) -> Result<Merchant, Refusal> {
        KeyId::of_secret_key(key).map(Merchant::of_key)
    }
}

fn is_key_body(body: &str) -> bool {
    (1..=SECRET_KEY_CHARS_MAX).contains(&body.len())
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Padding is tolerated, not required: clients without it are in use against Toss.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the `Authorization` header: `Basic ` + base64 of `{secretKey}:`. The password is ignored.
///
/// # Errors
/// By kind, as Toss does: no header 401, wrong format 403, wrong key 401 or 400.
/// Source: Toss, authentication and error tables.
pub(crate) fn authenticate(header: Option<&[u8]>) -> Result<KeyId, Refusal> {
    let header = header.ok_or(Refusal::new(codes::UNAUTHORIZED_KEY))?;
    let key = decode_user(header).ok_or(Refusal::new(codes::INCORRECT_BASIC_AUTH_FORMAT))?;
    KeyId::of_secret_key(&key)
}

fn decode_user(header: &[u8]) -> Option<String> {
    let (scheme, credentials) = header.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = BASE64.decode(credentials.trim_ascii()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    Some(decoded.split_once(':')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(header: &str) -> (u16, String) {
        let refusal = authenticate(Some(header.as_bytes())).expect_err("a refusal");
        (refusal.status(), refusal.code().to_owned())
    }

    fn basic(user: &str) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user))
    }

    #[test]
    fn padding_and_the_case_of_the_scheme_do_not_matter() {
        let header = basic("test_sk_abc1:");
        let expected = KeyId::of_secret_key("test_sk_abc1").expect("a key");
        for header in [header.clone(), header.replace("Basic", "bAsIc"), header.replace('=', "")] {
            assert_eq!(authenticate(Some(header.as_bytes())), Ok(expected), "{header}");
        }
        assert_eq!(Merchant::of_key(expected).m_id.len(), 14);
    }

    #[test]
    fn each_kind_of_wrong_credentials_has_its_own_answer() {
        let unauthorized = (401, "UNAUTHORIZED_KEY".to_owned());
        let format = (403, "INCORRECT_BASIC_AUTH_FORMAT".to_owned());
        let wrong_kind = (400, "INVALID_API_KEY".to_owned());
        assert_eq!(authenticate(None).expect_err("a refusal").code(), "UNAUTHORIZED_KEY");
        for user in
            ["live_sk_abc:", "test_sk_:", "nonsense:", ":", "test_sk_a b:", "\u{feff}test_sk_a:"]
        {
            assert_eq!(refused(&basic(user)), unauthorized, "{user}");
        }
        for header in ["", "Basic", "Basic %%%", "Bearer abc", &basic("test_sk_abc")] {
            assert_eq!(refused(header), format, "{header}");
        }
        for user in ["test_ck_abc:", "live_ck_abc:", "test_gck_abc:"] {
            assert_eq!(refused(&basic(user)), wrong_kind, "{user}");
        }
    }

    #[test]
    fn a_client_key_belongs_to_the_secret_key_of_the_same_kind_and_ending() {
        let secret = |key| KeyId::of_secret_key(key).expect("a key");
        let client = |key| KeyId::beside_client_key(key).expect("a key");
        assert_eq!(client("test_ck_a1"), secret("test_sk_a1"));
        assert_eq!(client("test_gck_a1"), secret("test_gsk_a1"));
        assert_ne!(client("test_ck_a1"), secret("test_gsk_a1"));
        assert_ne!(client("test_ck_a1"), client("test_ck_a2"));
        let code = |key| KeyId::beside_client_key(key).expect_err("refused").code().to_owned();
        assert_eq!(code("test_sk_a1"), "INSECURE_KEY_USAGE");
        assert_eq!(code("live_ck_a1"), "INVALID_CLIENT_KEY");
        assert_eq!(code("test_ck_"), "INVALID_CLIENT_KEY");
    }
}
