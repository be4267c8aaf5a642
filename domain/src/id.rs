//! Names of things, each a type of its own, so that an order's id cannot be passed where a job's is meant.
//!
//! Parsing checks the characters and the length; what is parsed once is valid for ever. No ids are made here: that takes entropy.

use std::fmt;

/// A text that cannot be the id it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {what} is {rule}")]
pub struct InvalidId {
    /// Which id it should have been, in words.
    pub what: &'static str,
    /// What it must look like, in words.
    pub rule: &'static str,
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// `.` and `..` are refused: every URL parser folds them away, so no call about such a payment could ever reach Toss.
fn is_payment_key(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic()) && text != "." && text != ".."
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal..=$max:literal, $accepts:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`InvalidId`] says what it must look like; refuse the input with it.
            pub fn parse(text: impl Into<String>) -> Result<$name, InvalidId> {
                let text = text.into();
                if ($min..=$max).contains(&text.len()) && $accepts(&text) {
                    Ok($name(text))
                } else {
                    Err(InvalidId { what: $what, rule: $rule })
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as owned text.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An order, in Toss's charset, because Toss knows it by the same name.
    ///
    /// Source: Toss core API, `orderId`.
    OrderId, "orderId", 6..=64, is_plain, "6 to 64 letters, digits, '-' or '_'"
);
id!(
    /// Toss's name of one payment, opaque to us.
    ///
    /// Source: Toss core API, `paymentKey`, at most 200 characters.
    PaymentKey, "paymentKey", 1..=200, is_payment_key, "1 to 200 visible ASCII characters, and neither '.' nor '..'"
);
id!(
    /// A store of the catalogue.
    StoreId, "storeId", 1..=64, is_plain, "1 to 64 letters, digits, '-' or '_'"
);
id!(
    /// A product of the catalogue; also used for its option groups and options.
    ProductId, "productId", 1..=64, is_plain, "1 to 64 letters, digits, '-' or '_'"
);
id!(
    /// A job.
    JobId, "jobId", 1..=64, is_plain, "1 to 64 letters, digits, '-' or '_'"
);
id!(
    /// A cancellation.
    CancellationId, "cancelId", 1..=64, is_plain, "1 to 64 letters, digits, '-' or '_'"
);
id!(
    /// A bulk run: one action on many jobs.
    BulkRunId, "runId", 1..=64, is_plain, "1 to 64 letters, digits, '-' or '_'"
);
id!(
    /// A member of staff.
    StaffId, "staffId", 1..=64, is_plain, "1 to 64 letters, digits, '-' or '_'"
);

/// Where new ids and jitter come from, so that tests can repeat them.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// A new id, unique for ever, that sorts roughly by time: 36 characters of `[0-9a-f-]`.
    fn new_id(&self) -> String;

    /// A number in `0 ..= most`, for jitter, and for ids that say nothing of the time.
    fn jitter_ms(&self, most: i64) -> i64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_order_id_keeps_to_the_charset_of_toss() {
        for good in ["abcdef", "A-b_9012", &"x".repeat(64)] {
            assert!(OrderId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "abcde", "abc def", "주문번호입니다", "abc.def", "abc=def", &"x".repeat(65)]
        {
            assert!(OrderId::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,300}") {
            if let Ok(id) = OrderId::parse(text.clone()) {
                prop_assert_eq!(id.as_str(), text.as_str());
            }
            prop_assert_eq!(PaymentKey::parse(text.clone()).is_ok(),
                !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic())
                    && text != "." && text != "..");
        }
    }
}
