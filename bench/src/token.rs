//! Tokens of orders that no API has made, so that it lets their customers in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Protects nothing: the bed's own.
const KEY: [u8; 32] = [0x5a; 32];

/// The key as the product is told.
pub(crate) fn key_text() -> String {
    "5a".repeat(KEY.len())
}

/// The access token of an order as a header's value. Source: `api`, the tokens of an order.
pub(crate) fn bearer(order_id: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("HMAC takes keys of any length");
    mac.update(b"a");
    mac.update(order_id.as_bytes());
    let code = mac.finalize().into_bytes();
    let (code, _) = code.split_at(24);
    format!("Bearer oat_{}", URL_SAFE_NO_PAD.encode(code))
}
