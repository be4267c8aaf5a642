//! Names that Toss would make up: payment keys, transaction keys, trace ids, window ids. Unique, meaningless, opaque.

use uuid::Uuid;

use crate::clock::Moment;

/// The one place of randomness in this crate.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator stands for the outside world: its ids are not ours to repeat"
)]
fn random() -> Uuid {
    Uuid::new_v4()
}

/// `tsim` + time + ten characters, like Toss's short form of a payment key.
pub(crate) fn payment_key(now: Moment) -> String {
    format!("tsim{}{}", now.to_kst_digits(), chars(10))
}

/// 32 upper-case hexadecimal digits.
pub(crate) fn transaction_key() -> String {
    random().simple().to_string().to_uppercase()
}

pub(crate) fn trace_id() -> String {
    random().simple().to_string()
}

pub(crate) fn window_id() -> String {
    random().simple().to_string()
}

/// The value that Toss's deposit notices carry, `ps_…`.
pub(crate) fn webhook_secret() -> String {
    format!("ps_{}", chars(20))
}

pub(crate) fn receipt_key() -> String {
    chars(32)
}

/// Nine digits, as the tax office numbers a cash receipt.
pub(crate) fn issue_number() -> String {
    let digits = random().as_u128().checked_rem(1_000_000_000).unwrap_or(0);
    format!("{digits:09}")
}

/// The id of a webhook, equal over its tries: `whtrans_…`.
pub(crate) fn transmission_id() -> String {
    format!("whtrans_{}", random().simple())
}

/// A test environment's virtual account number: starts with `X`. Source: Toss, test environment.
pub(crate) fn account_number() -> String {
    let digits: String = random().as_u128().to_string().chars().rev().take(13).collect();
    format!("X{digits}")
}

fn chars(count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKMNPQRSTVWXYZabcdefghjk";
    let bytes = *random().as_bytes();
    let more = *random().as_bytes();
    let letter = |byte: u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('A', char::from);
    bytes.into_iter().chain(more).map(letter).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn ids_are_of_their_forms_and_never_the_same() {
        let now = Clock::default().now();
        let keys: std::collections::HashSet<String> =
            (0..1_000).map(|_| payment_key(now)).collect();
        assert_eq!(keys.len(), 1_000);
        assert!(keys.iter().all(|key| key.len() == 28 && key.starts_with("tsim")));
        assert_eq!(transaction_key().len(), 32);
        assert_eq!(account_number().len(), 14);
        assert!(webhook_secret().len() <= 50);
    }
}
