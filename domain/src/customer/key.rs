//! What the payment window is told as its customer.

use crate::limits::{CUSTOMER_KEY_CHARS_MAX, CUSTOMER_KEY_CHARS_MIN};

/// What a guest's window is told. Source: Toss SDK v2, `ANONYMOUS`.
pub const GUEST_KEY: &str = "@@ANONYMOUS";

/// The shop's own name of a signed-in customer, by which Toss remembers their wallet. It should be random, never an e-mail address or a
/// phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerKey(String);

/// What is wrong with a customer key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a customer key has {CUSTOMER_KEY_CHARS_MIN} to {CUSTOMER_KEY_CHARS_MAX} letters, digits and '-', '_', '=', '.' or '@'"
)]
pub struct InvalidCustomerKey;

impl CustomerKey {
    /// Checks the text.
    ///
    /// # Errors
    /// [`InvalidCustomerKey`]; whoever sent it corrects it.
    pub fn parse(text: &str) -> Result<CustomerKey, InvalidCustomerKey> {
        let is_allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'.' | b'@')
        };
        let has_length = (CUSTOMER_KEY_CHARS_MIN..=CUSTOMER_KEY_CHARS_MAX).contains(&text.len());
        // A guest has no key of their own.
        if has_length && text.bytes().all(is_allowed) && text != GUEST_KEY {
            Ok(CustomerKey(text.to_owned()))
        } else {
            Err(InvalidCustomerKey)
        }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a payment is one of a wallet whose confirm names its customer.
///
/// Source: Toss core API, redirect of the widget, `paymentType=BRANDPAY`.
#[must_use]
pub fn names_its_customer(payment_type: Option<&str>) -> bool {
    payment_type == Some("BRANDPAY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_characters_and_the_length_that_the_window_takes() {
        for good in ["ab", "019ab1c2-7d3e_7f00=8a4b.@", &"x".repeat(50)] {
            assert_eq!(CustomerKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a", GUEST_KEY, "a b", "가나", "a/b", &"x".repeat(51)] {
            assert!(CustomerKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_wallet_of_the_shop_names_its_customer() {
        assert!(names_its_customer(Some("BRANDPAY")));
        assert!(!names_its_customer(Some("NORMAL")) && !names_its_customer(None));
    }
}
