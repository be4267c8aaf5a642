//! Making and checking an order's tokens.
//!
//! | token | means | looks like |
//! |---|---|---|
//! | access | whoever made the order | `oat_` code |
//! | checkout | whoever came back from this order's payment window; may confirm it and nothing else | `cot_` code `.` order id |
//! | ticket | may read the order for 15 minutes | `otk_` expiry and code |
//!
//! The code is HMAC-SHA256 over purpose, order id and expiry, cut to 24 bytes: 192 bits cannot be guessed, and the token stays short.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::OrderId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::settings::TokenKey;

/// How long a ticket lets its holder read the order, in milliseconds.
pub(crate) const TICKET_MS: i64 = 15 * 60_000;

const CODE_BYTES: usize = 24;
const EXPIRY_BYTES: usize = 8;

const ACCESS: &str = "oat_";
const CHECKOUT: &str = "cot_";
const TICKET: &str = "otk_";

/// Whether a token says of itself that it is a ticket. Whether it is one of ours is another question.
pub(super) fn is_ticket(token: &str) -> bool {
    token.starts_with(TICKET)
}

/// Makes and checks the tokens of orders.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    key: TokenKey,
}

/// What a code is for; part of what it authenticates, so that one kind of token cannot be turned into another.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Access,
    Checkout,
    Ticket { expires_at_ms: i64 },
}

impl Tokens {
    /// Tokens under this secret.
    pub(crate) fn new(key: TokenKey) -> Tokens {
        Tokens { key }
    }

    /// A hash behind which nobody finds what was hashed without the key.
    pub(crate) fn fingerprint(&self, bytes: &[u8]) -> String {
        self.key.fingerprint(bytes)
    }

    fn mac(&self) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        Hmac::<Sha256>::new_from_slice(self.key.expose()).ok()
    }

    /// The token of whoever made the order. Always the same for one order.
    pub(crate) fn access(&self, order: &OrderId) -> String {
        format!("{ACCESS}{}", URL_SAFE_NO_PAD.encode(self.code(Purpose::Access, order)))
    }

    /// The token that the payment window's redirect carries. It names its order, because a cancelled window's redirect does not.
    pub(crate) fn checkout(&self, order: &OrderId) -> String {
        format!("{CHECKOUT}{}.{order}", URL_SAFE_NO_PAD.encode(self.code(Purpose::Checkout, order)))
    }

    /// A ticket from `now_ms` on.
    pub(crate) fn ticket(&self, order: &OrderId, now_ms: i64) -> String {
        let expires_at_ms = now_ms.saturating_add(TICKET_MS);
        let mut bytes = expires_at_ms.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.code(Purpose::Ticket { expires_at_ms }, order));
        format!("{TICKET}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether this is the order's access token.
    pub(crate) fn is_access(&self, token: &str, order: &OrderId) -> bool {
        let code = token.strip_prefix(ACCESS).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        code.is_some_and(|code| self.is_code(&code, Purpose::Access, order))
    }

    /// The order that a checkout token belongs to.
    pub(crate) fn checkout_order(&self, token: &str) -> Option<OrderId> {
        let (code, order) = token.strip_prefix(CHECKOUT)?.split_once('.')?;
        let order = OrderId::parse(order).ok()?;
        let code = URL_SAFE_NO_PAD.decode(code).ok()?;
        self.is_code(&code, Purpose::Checkout, &order).then_some(order)
    }

    /// When the order's ticket expires, in milliseconds; `None` when it is not one.
    pub(crate) fn ticket_expiry_ms(&self, token: &str, order: &OrderId) -> Option<i64> {
        let bytes =
            token.strip_prefix(TICKET).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())?;
        let (expiry, code) = bytes.split_first_chunk::<EXPIRY_BYTES>()?;
        let expires_at_ms = i64::from_be_bytes(*expiry);
        self.is_code(code, Purpose::Ticket { expires_at_ms }, order).then_some(expires_at_ms)
    }

    fn code(&self, purpose: Purpose, order: &OrderId) -> Vec<u8> {
        let Some(mut mac) = self.mac() else { return Vec::new() };
        // The purpose's length is fixed by its first byte and the order id comes last: no two inputs run together.
        match purpose {
            Purpose::Access => mac.update(b"a"),
            Purpose::Checkout => mac.update(b"c"),
            Purpose::Ticket { expires_at_ms } => {
                mac.update(b"t");
                mac.update(&expires_at_ms.to_be_bytes());
            }
        }
        mac.update(order.as_str().as_bytes());
        let mut code = mac.finalize().into_bytes().to_vec();
        code.truncate(CODE_BYTES);
        code
    }

    fn is_code(&self, code: &[u8], purpose: Purpose, order: &OrderId) -> bool {
        let expected = self.code(purpose, order);
        expected.len() == CODE_BYTES && bool::from(expected.as_slice().ct_eq(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(secret: u8) -> Tokens {
        Tokens::new(TokenKey::new([secret; 32]))
    }

    fn order(id: &str) -> OrderId {
        OrderId::parse(id).unwrap()
    }

    #[test]
    fn a_token_opens_its_own_order_and_no_other() {
        let (ours, mine, other) = (tokens(1), order("order-1"), order("order-2"));
        assert!(ours.is_access(&ours.access(&mine), &mine));
        assert!(!ours.is_access(&ours.access(&mine), &other));
        assert_eq!(ours.checkout_order(&ours.checkout(&mine)), Some(mine.clone()));
        let moved = ours.checkout(&mine).replace("order-1", "order-2");
        assert_eq!(ours.checkout_order(&moved), None);
        let ticket = ours.ticket(&mine, 1_000);
        assert_eq!(ours.ticket_expiry_ms(&ticket, &mine), Some(1_000 + TICKET_MS));
        assert_eq!(ours.ticket_expiry_ms(&ticket, &other), None);
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let (ours, mine) = (tokens(1), order("order-1"));
        let code = |token: &str, prefix| token.strip_prefix(prefix).unwrap().to_owned();
        let checkout = code(&ours.checkout(&mine), "cot_");
        let as_access = format!("oat_{}", checkout.split('.').next().unwrap());
        assert!(!ours.is_access(&as_access, &mine));
        let as_checkout = format!("cot_{}.order-1", code(&ours.access(&mine), "oat_"));
        assert_eq!(ours.checkout_order(&as_checkout), None);
    }

    #[test]
    fn a_ticket_cannot_be_made_to_last_longer() {
        let (ours, mine) = (tokens(1), order("order-1"));
        let ticket = ours.ticket(&mine, 0);
        let mut bytes = URL_SAFE_NO_PAD.decode(ticket.strip_prefix("otk_").unwrap()).unwrap();
        bytes[6] ^= 1;
        let longer = format!("otk_{}", URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(ours.ticket_expiry_ms(&longer, &mine), None);
    }

    #[test]
    fn another_secret_makes_other_tokens() {
        let mine = order("order-1");
        assert!(!tokens(2).is_access(&tokens(1).access(&mine), &mine));
        assert_eq!(tokens(1).access(&mine), tokens(1).access(&mine));
    }

    #[test]
    fn a_cut_token_is_no_token() {
        let (ours, mine) = (tokens(1), order("order-1"));
        let token = ours.access(&mine);
        for length in 0..token.len() {
            assert!(!ours.is_access(&token[..length], &mine), "{length}");
        }
    }

    #[test]
    fn a_token_with_one_bit_changed_is_no_token() {
        let (ours, mine) = (tokens(1), order("order-1"));
        let (access, checkout) = (ours.access(&mine), ours.checkout(&mine));
        let ticket = ours.ticket(&mine, 1_000);
        let code = |token: &str| {
            let (_, text) = token.split_once('_').unwrap();
            URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap()
        };
        let flipped = |token: &str| {
            let bytes = code(token);
            let bits = 0..bytes.len() * 8;
            bits.map(|bit| {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                URL_SAFE_NO_PAD.encode(bytes)
            })
            .collect::<Vec<_>>()
        };
        for text in flipped(&access) {
            assert!(!ours.is_access(&format!("oat_{text}"), &mine), "{text}");
        }
        for text in flipped(&checkout) {
            assert_eq!(ours.checkout_order(&format!("cot_{text}.order-1")), None, "{text}");
        }
        for text in flipped(&ticket) {
            assert_eq!(ours.ticket_expiry_ms(&format!("otk_{text}"), &mine), None, "{text}");
        }
        // Nor is one that is written otherwise, or longer, or made for nothing.
        for token in [
            format!("{access}="),
            format!("{access}A"),
            access.to_uppercase(),
            access.replace("oat_", "cot_"),
            "oat_".to_owned(),
            "oat_none".to_owned(),
            format!("oat_{}", "A".repeat(access.len() - 4)),
        ] {
            assert!(!ours.is_access(&token, &mine), "{token}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_token_by_chance(text in ".{0,80}", prefix in prop::sample::select(vec!["oat_", "cot_", "otk_"])) {
            let (ours, mine) = (tokens(1), order("order-1"));
            let token = format!("{prefix}{text}");
            prop_assert!(!ours.is_access(&token, &mine));
            prop_assert_eq!(ours.checkout_order(&token), None);
            prop_assert_eq!(ours.ticket_expiry_ms(&token, &mine), None);
        }
    }
}
