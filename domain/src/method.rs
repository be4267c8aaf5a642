//! How a customer may pay: the methods that the payment window is opened with, by Toss's names, and what each takes at the least.

use crate::limits::{ACCOUNT_AMOUNT_MIN, CARD_AMOUNT_MIN};
use crate::money::Won;

/// A method of the payment window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Cards and wallets.
    Card,
    /// A transfer from the customer's bank.
    Transfer,
    /// An account that the customer pays into.
    VirtualAccount,
    /// The telephone bill.
    MobilePhone,
    /// Vouchers for culture.
    CultureGiftCertificate,
    /// Vouchers for books.
    BookGiftCertificate,
    /// Vouchers for games.
    GameGiftCertificate,
}

impl Method {
    /// Every method, in the order in which they are offered.
    pub const ALL: [Method; 7] = [
        Method::Card,
        Method::Transfer,
        Method::VirtualAccount,
        Method::MobilePhone,
        Method::CultureGiftCertificate,
        Method::BookGiftCertificate,
        Method::GameGiftCertificate,
    ];

    /// Toss's name of it. Source: Toss SDK v2, `requestPayment`, `method`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Method::Card => "CARD",
            Method::Transfer => "TRANSFER",
            Method::VirtualAccount => "VIRTUAL_ACCOUNT",
            Method::MobilePhone => "MOBILE_PHONE",
            Method::CultureGiftCertificate => "CULTURE_GIFT_CERTIFICATE",
            Method::BookGiftCertificate => "BOOK_GIFT_CERTIFICATE",
            Method::GameGiftCertificate => "GAME_GIFT_CERTIFICATE",
        }
    }

    /// The smallest payment, in won. Source: Toss core API, `BELOW_MINIMUM_AMOUNT`; for the others Toss names none.
    #[must_use]
    pub const fn amount_min(self) -> i64 {
        match self {
            Method::Transfer | Method::VirtualAccount => ACCOUNT_AMOUNT_MIN,
            Method::Card => CARD_AMOUNT_MIN,
            Method::MobilePhone
            | Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate => 1,
        }
    }

    /// The methods that take this amount.
    pub fn taking(amount: Won) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |method| amount.get() >= method.amount_min())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_take_no_less_than_two_hundred_won_and_cards_no_less_than_a_hundred() {
        let taking = |won| Method::taking(Won::new(won).unwrap()).collect::<Vec<_>>();
        assert_eq!(taking(200), Method::ALL);
        for below in [199, 100] {
            assert!(taking(below).contains(&Method::Card));
            assert!(!taking(below).contains(&Method::Transfer));
            assert!(!taking(below).contains(&Method::VirtualAccount));
        }
        assert!(!taking(99).contains(&Method::Card));
    }
}
