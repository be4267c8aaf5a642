//! Merchants and their numbered pairs of keys: how they are read, and which belong together.

use std::collections::BTreeMap;

use toss::SecretKey;

use super::read::Reader;

/// The merchant that `toss.secret_key` belongs to, and that stores sell under when they name none.
pub(crate) const DEFAULT: &str = "default";
/// The pair that `toss.secret_key` and `toss.client_key` are.
pub(crate) const FIRST: u32 = 1;
/// What the keys of merchants begin with.
const SECTION: &str = "merchants.";

/// Every merchant, by name: at least one.
#[derive(Debug, Clone)]
pub(crate) struct Merchants(BTreeMap<String, Merchant>);

/// One merchant.
#[derive(Debug, Clone)]
pub(crate) struct Merchant {
    /// The pair that new orders take.
    pub(crate) current: u32,
    /// At least the current one.
    pub(crate) pairs: BTreeMap<u32, KeyPair>,
}

/// A client key and the secret key that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct KeyPair {
    pub(crate) secret_key: SecretKey,
    pub(crate) client_key: String,
}

impl Merchants {
    /// One merchant with one pair.
    pub(crate) fn single(pair: KeyPair) -> Merchants {
        let merchant = Merchant { current: FIRST, pairs: BTreeMap::from([(FIRST, pair)]) };
        Merchants(BTreeMap::from([(DEFAULT.to_owned(), merchant)]))
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Merchant)> {
        self.0.iter().map(|(name, merchant)| (name.as_str(), merchant))
    }

    /// Every pair with its merchant and its number.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, u32, &KeyPair)> {
        self.iter().flat_map(|(name, merchant)| {
            merchant.pairs.iter().map(move |(number, pair)| (name, *number, pair))
        })
    }

    /// Whether the keys move money: of all, because they are never mixed.
    pub(crate) fn are_live(&self) -> bool {
        self.pairs().any(|(_, _, pair)| pair.secret_key.is_live())
    }
}

/// The merchant of stores that name none, of these: the one that is called so, or the only one.
pub(crate) fn default_of<'a>(names: &[&'a str]) -> Option<&'a str> {
    match names {
        [only] => Some(only),
        names => names.iter().copied().find(|name| *name == DEFAULT),
    }
}

/// Reads them; `Some(None)` when there are none.
pub(super) fn parse_merchants(reader: &mut Reader<'_>) -> Option<Option<Merchants>> {
    let mut numbers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for name in reader.names_of(SECTION) {
        let parts: Vec<&str> = name.split('.').collect();
        let (merchant, number) = match parts.as_slice() {
            [_, merchant, _, number, _] => (*merchant, number.parse().ok()),
            [_, merchant, ..] => (*merchant, None),
            _ => continue,
        };
        let known = numbers.entry(merchant.to_owned()).or_default();
        known.extend(number.filter(|number| !known.contains(number)));
    }
    let has_short = reader.has("toss.secret_key") || reader.has("toss.client_key");
    if has_short {
        let known = numbers.entry(DEFAULT.to_owned()).or_default();
        if known.contains(&FIRST) {
            let reason = "pair 1 of the merchant \"default\" is given in [merchants] too";
            reader.refuse("toss.secret_key", reason);
            return None;
        }
        known.insert(0, FIRST);
    }
    let mut merchants = BTreeMap::new();
    let mut is_whole = true;
    for (name, numbers) in numbers {
        let is_short = has_short && name == DEFAULT;
        match parse_merchant(reader, &name, &numbers, is_short) {
            Some(merchant) => drop(merchants.insert(name, merchant)),
            None => is_whole = false,
        }
    }
    let merchants = Merchants(merchants);
    if !is_whole || !check_kinds(reader, &merchants) {
        return None;
    }
    Some((!merchants.0.is_empty()).then_some(merchants))
}

fn parse_merchant(
    reader: &mut Reader<'_>,
    name: &str,
    numbers: &[u32],
    is_short: bool,
) -> Option<Merchant> {
    let mut pairs = BTreeMap::new();
    for number in numbers {
        let section = if is_short && *number == FIRST {
            "toss".to_owned()
        } else {
            format!("{SECTION}{name}.keys.{number}")
        };
        let (secret, client) = (format!("{section}.secret_key"), format!("{section}.client_key"));
        pairs.insert(*number, parse_pair(reader, &secret, &client));
    }
    let key = format!("{SECTION}{name}.current_key");
    let is_chosen = reader.has(&key);
    let chosen = reader.number(&key, 1, 9_999);
    if is_chosen && chosen.is_none() {
        return None;
    }
    let lowest = pairs.keys().next().copied();
    let Some(current) = chosen.or(lowest).filter(|number| pairs.contains_key(number)) else {
        reader.refuse(&key, "there is no such pair of keys");
        return None;
    };
    let pairs: Option<BTreeMap<_, _>> =
        pairs.into_iter().map(|(number, pair)| Some((number, pair?))).collect();
    Some(Merchant { current, pairs: pairs? })
}

fn parse_pair(reader: &mut Reader<'_>, secret_name: &str, client_name: &str) -> Option<KeyPair> {
    match (reader.text(secret_name), reader.text(client_name)) {
        (None, None) => None,
        (Some(_), None) => {
            reader.refuse(client_name, "a secret key needs the client key of the same pair");
            None
        }
        (None, Some(_)) => {
            reader.refuse(secret_name, "a client key needs the secret key of the same pair");
            None
        }
        (Some(secret), Some(client_key)) => {
            // The message names what is wrong and does not repeat the key.
            let secret_key = SecretKey::parse(&secret)
                .map_err(|reason| reader.refuse(secret_name, reason.to_string()));
            if !is_pair(&secret, &client_key) {
                let reason = "it must be the client key of the same pair: test_ck_… with test_sk_…, \
                              live_ck_… with live_sk_…, …gck_ with …gsk_";
                reader.refuse(client_name, reason);
                return None;
            }
            Some(KeyPair { secret_key: secret_key.ok()?, client_key })
        }
    }
}

/// Keys that move money and keys that do not are never mixed: nobody could say any more what a product does.
fn check_kinds(reader: &mut Reader<'_>, merchants: &Merchants) -> bool {
    let are_live = merchants.are_live();
    let mixed = merchants.pairs().find(|(_, _, pair)| pair.secret_key.is_live() != are_live);
    if let Some((name, number, _)) = mixed {
        let key = format!("{SECTION}{name}.keys.{number}.secret_key");
        reader.refuse(&key, "a test key beside a live one: all pairs must be of one kind");
    }
    mixed.is_none()
}

/// Whether the prefixes belong together; that the rest does, only Toss knows.
fn is_pair(secret_key: &str, client_key: &str) -> bool {
    [
        ("test_sk_", "test_ck_"),
        ("live_sk_", "live_ck_"),
        ("test_gsk_", "test_gck_"),
        ("live_gsk_", "live_gck_"),
    ]
    .iter()
    .any(|(secret, client)| {
        let is_plain = |rest: &str| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        secret_key.starts_with(secret) && client_key.strip_prefix(client).is_some_and(is_plain)
    })
}
