//! Which merchant a key stands for, beyond the rule that every test key is a merchant of its own.
//!
//! Source: Toss, keys are issued per MID; a secret key that was replaced stays valid beside its successor for a while.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::limits::KEYS_MAX;
use crate::merchant::{KeyId, Merchant};
use crate::refusal::Refusal;

/// Keys that belong to one merchant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MerchantKeys {
    /// Toss's name of the shop: 1–14 letters, digits, `-`, `_`. Default: the merchant that the first secret key stands
    /// for already, which is how a key is replaced by another one.
    #[serde(default)]
    pub m_id: Option<String>,
    /// `test_sk_…` or `test_gsk_…`, at least one.
    pub secret_keys: Vec<String>,
    /// `test_ck_…` or `test_gck_…`. A client key with the ending of a secret key needs not be named.
    #[serde(default)]
    pub client_keys: Vec<String>,
}

/// A key's merchant, or that it is no longer valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Of(Merchant),
    Revoked,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    secret: BTreeMap<KeyId, Standing>,
    /// By the secret key that would be beside them.
    client: BTreeMap<KeyId, Merchant>,
    #[serde(skip)]
    is_changed: bool,
}

impl Keys {
    /// What is kept, if it changed since the last call.
    pub(crate) fn take_change(&mut self) -> Option<Keys> {
        std::mem::take(&mut self.is_changed).then(|| self.clone())
    }

    /// # Errors
    /// `UNAUTHORIZED_KEY` for one that was revoked or, with `known_only`, was never given to a merchant.
    pub(crate) fn merchant_of(&self, key: KeyId, known_only: bool) -> Result<Merchant, Refusal> {
        match self.secret.get(&key) {
            Some(Standing::Of(merchant)) => Ok(merchant.clone()),
            None if !known_only => Ok(Merchant::of_key(key)),
            Some(Standing::Revoked) | None => Err(Refusal::new(codes::UNAUTHORIZED_KEY)),
        }
    }

    /// The merchant of a client key, `beside` its secret key.
    ///
    /// # Errors
    /// `INVALID_CLIENT_KEY` for an unknown one, with `known_only`.
    pub(crate) fn merchant_of_client(
        &self,
        beside: KeyId,
        known_only: bool,
    ) -> Result<Merchant, Refusal> {
        let named = self.client.get(&beside).cloned();
        let by_secret = || self.merchant_of(beside, known_only);
        named.map_or_else(by_secret, Ok).map_err(|_| Refusal::new(codes::INVALID_CLIENT_KEY))
    }

    /// Gives keys to a merchant, whomever they stood for before.
    ///
    /// # Errors
    /// Something is no key or no name, or there are too many.
    pub(crate) fn give(&mut self, keys: &MerchantKeys) -> Result<Merchant, Refusal> {
        let parse = |key: &String| KeyId::of_secret_key(key);
        let secret: Vec<KeyId> = keys.secret_keys.iter().map(parse).collect::<Result<_, _>>()?;
        let beside = |key: &String| KeyId::beside_client_key(key);
        let client: Vec<KeyId> = keys.client_keys.iter().map(beside).collect::<Result<_, _>>()?;
        let first = secret.first().copied();
        let first = first.ok_or_else(|| Refusal::about(codes::INVALID_REQUEST, "secretKeys"))?;
        let merchant = match &keys.m_id {
            Some(m_id) => Merchant::named(m_id)?,
            None => self.merchant_of(first, false)?,
        };
        let more = secret.len().saturating_add(client.len());
        let count = self.secret.len().saturating_add(self.client.len());
        if count.saturating_add(more) > KEYS_MAX {
            return Err(Refusal::about(codes::TOO_MANY_REQUESTS, "keys"));
        }
        let standing = Standing::Of(merchant.clone());
        self.secret.extend(secret.into_iter().map(|key| (key, standing.clone())));
        self.client.extend(client.into_iter().map(|key| (key, merchant.clone())));
        self.is_changed = true;
        Ok(merchant)
    }

    /// Takes a key's validity away.
    ///
    /// # Errors
    /// It is no secret key, or too many are known.
    pub(crate) fn revoke(&mut self, secret_key: &str) -> Result<(), Refusal> {
        let key = KeyId::of_secret_key(secret_key)?;
        if self.secret.len() >= KEYS_MAX && !self.secret.contains_key(&key) {
            return Err(Refusal::about(codes::TOO_MANY_REQUESTS, "keys"));
        }
        self.secret.insert(key, Standing::Revoked);
        self.is_changed = true;
        Ok(())
    }

    /// Every merchant that keys were given to, with the number of its valid secret keys.
    pub(crate) fn merchants(&self) -> BTreeMap<String, usize> {
        let mut merchants = BTreeMap::new();
        for standing in self.secret.values() {
            if let Standing::Of(merchant) = standing {
                let count: &mut usize = merchants.entry(merchant.m_id.clone()).or_default();
                *count = count.saturating_add(1);
            }
        }
        merchants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(m_id: Option<&str>, secret: &[&str], client: &[&str]) -> MerchantKeys {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        MerchantKeys {
            m_id: m_id.map(str::to_owned),
            secret_keys: owned(secret),
            client_keys: owned(client),
        }
    }

    #[test]
    fn a_key_is_replaced_by_one_of_the_same_merchant_and_then_revoked() {
        let mut known = Keys::default();
        let id = |key| KeyId::of_secret_key(key).expect("a key");
        let old = known.merchant_of(id("test_sk_old"), false).expect("a merchant");
        known.give(&keys(None, &["test_sk_old", "test_sk_new"], &[])).expect("given");
        assert_eq!(known.merchant_of(id("test_sk_new"), false), Ok(old.clone()));
        assert_eq!(known.merchant_of(id("test_sk_old"), true), Ok(old));
        known.revoke("test_sk_old").expect("revoked");
        assert!(known.merchant_of(id("test_sk_old"), false).is_err());
        assert!(known.merchant_of(id("test_sk_other"), true).is_err());
        assert!(known.merchant_of(id("test_sk_other"), false).is_ok());
    }

    #[test]
    fn a_named_merchant_has_secret_and_client_keys_of_any_ending() {
        let mut known = Keys::default();
        let given = keys(Some("shop-1"), &["test_sk_a", "test_gsk_b"], &["test_ck_c"]);
        let merchant = known.give(&given).expect("given");
        assert_eq!(merchant.m_id, "shop-1");
        for client in ["test_ck_a", "test_gck_b", "test_ck_c"] {
            let beside = KeyId::beside_client_key(client).expect("a key");
            assert_eq!(known.merchant_of_client(beside, true), Ok(merchant.clone()), "{client}");
        }
        for bad in [
            keys(Some("fifteen-letters"), &["test_sk_a"], &[]),
            keys(None, &[], &[]),
            keys(None, &["test_ck_a"], &[]),
            keys(None, &["test_sk_a"], &["test_sk_a"]),
        ] {
            assert!(known.give(&bad).is_err(), "{bad:?}");
        }
    }
}
