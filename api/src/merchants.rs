//! Whom payments may go to, and the public keys that their windows are opened with. Plain values; the secret keys are the workers'.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::CurrentKeys;
use store::orders::OrderRow;

/// The merchants that are configured.
#[derive(Debug, Clone)]
pub struct Merchants {
    by_name: Arc<BTreeMap<String, MerchantKeys>>,
    default: Option<String>,
    current: CurrentKeys,
}

/// One merchant's client keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantKeys {
    /// The number of the pair of keys that new orders take.
    pub current: u32,
    /// The client key of every pair, by number.
    pub client_keys: BTreeMap<u32, String>,
}

impl Merchants {
    /// Merchants by name. `default` is whom a new store sells under that names none; `None`: it must name one.
    #[must_use]
    pub fn new(by_name: BTreeMap<String, MerchantKeys>, default: Option<String>) -> Merchants {
        let current = by_name.iter().map(|(name, keys)| (name.clone(), keys.current)).collect();
        Merchants { by_name: Arc::new(by_name), default, current }
    }

    /// One merchant, called "default", with one pair of keys.
    #[must_use]
    pub fn single(client_key: impl Into<String>) -> Merchants {
        let name = "default".to_owned();
        let client_keys = BTreeMap::from([(1, client_key.into())]);
        let keys = MerchantKeys { current: 1, client_keys };
        Merchants::new(BTreeMap::from([(name.clone(), keys)]), Some(name))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Whether it is configured.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whom a new store sells under that names none.
    pub(crate) fn default_name(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The one merchant; `None` when there are several.
    pub(crate) fn only_name(&self) -> Option<&str> {
        let mut all = self.by_name.keys();
        let (only, None) = (all.next()?, all.next()) else { return None };
        Some(only)
    }

    /// What orders are pinned to when they are made.
    pub(crate) fn current(&self) -> CurrentKeys {
        self.current.clone()
    }

    /// The key that an order's window is opened with; `None` when its pair is not configured any more.
    pub(crate) fn client_key(&self, order: &OrderRow) -> Option<&str> {
        let keys = self.by_name.get(&order.merchant)?;
        keys.client_keys.get(&order.key_pair).map(String::as_str)
    }

    /// The one key that every new order's window is opened with; `None` when there are several merchants.
    pub(crate) fn only_client_key(&self) -> Option<&str> {
        let mut all = self.by_name.values();
        let (only, None) = (all.next()?, all.next()) else { return None };
        only.client_keys.get(&only.current).map(String::as_str)
    }
}
