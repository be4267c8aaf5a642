//! Payment methods: the names callers use, Toss's display names, and which amounts a method takes.

use serde::{Deserialize, Serialize};

use crate::limits::{ACCOUNT_AMOUNT_MIN, CARD_AMOUNT_MIN};
use crate::refusal::Language;

/// How a buyer pays. Serialized and parsed by the names of Toss's SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Toss's own; there is nothing to add to them")]
pub enum Method {
    Card,
    #[serde(rename = "TOSSPAY")]
    TossPay,
    #[serde(rename = "NAVERPAY")]
    NaverPay,
    #[serde(rename = "KAKAOPAY")]
    KakaoPay,
    Payco,
    #[serde(rename = "SAMSUNGPAY")]
    SamsungPay,
    #[serde(rename = "APPLEPAY")]
    ApplePay,
    #[serde(rename = "LPAY")]
    LPay,
    Ssg,
    #[serde(rename = "PINPAY")]
    PinPay,
    #[serde(rename = "KBPAY")]
    KbPay,
    VirtualAccount,
    Transfer,
    MobilePhone,
    CultureGiftCertificate,
    BookGiftCertificate,
    GameGiftCertificate,
}

/// Every method with its name and its display names (Korean, English).
const METHODS: &[(Method, &str, &str, &str)] = &[
    (Method::Card, "CARD", "카드", "Card"),
    (Method::TossPay, "TOSSPAY", "토스페이", "Toss Pay"),
    (Method::NaverPay, "NAVERPAY", "네이버페이", "Naver Pay"),
    (Method::KakaoPay, "KAKAOPAY", "카카오페이", "Kakao Pay"),
    (Method::Payco, "PAYCO", "페이코", "PAYCO"),
    (Method::SamsungPay, "SAMSUNGPAY", "삼성페이", "Samsung Pay"),
    (Method::ApplePay, "APPLEPAY", "애플페이", "Apple Pay"),
    (Method::LPay, "LPAY", "엘페이", "L.PAY"),
    (Method::Ssg, "SSG", "SSG페이", "SSG PAY"),
    (Method::PinPay, "PINPAY", "핀페이", "PIN PAY"),
    (Method::KbPay, "KBPAY", "KB페이", "KB Pay"),
    (Method::VirtualAccount, "VIRTUAL_ACCOUNT", "가상계좌", "Virtual account"),
    (Method::Transfer, "TRANSFER", "계좌이체", "Bank transfer"),
    (Method::MobilePhone, "MOBILE_PHONE", "휴대폰", "Mobile phone"),
    (Method::CultureGiftCertificate, "CULTURE_GIFT_CERTIFICATE", "문화상품권", "Culture voucher"),
    (Method::BookGiftCertificate, "BOOK_GIFT_CERTIFICATE", "도서문화상품권", "Book voucher"),
    (Method::GameGiftCertificate, "GAME_GIFT_CERTIFICATE", "게임문화상품권", "Game voucher"),
];

/// What a method is for the fields of a Payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Card,
    EasyPay,
    VirtualAccount,
    Transfer,
    MobilePhone,
    GiftCertificate,
}

impl Method {
    /// The method of that name in Toss's SDK (`CARD`, `VIRTUAL_ACCOUNT`, …) or of an easy-pay provider (`TOSSPAY`, …).
    pub fn parse(name: &str) -> Option<Method> {
        METHODS.iter().find(|(_, own, _, _)| *own == name).map(|(method, ..)| *method)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        let found = METHODS.iter().find(|(method, ..)| *method == self);
        found.map_or(("CARD", "카드", "Card"), |(_, name, korean, english)| {
            (name, korean, english)
        })
    }

    /// The name that [`Method::parse`] reads.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The method's own name for people; an easy-pay's is its provider's.
    pub(crate) fn title(self, language: Language) -> &'static str {
        let (_, korean, english) = self.row();
        language.pick(korean, english)
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Method::Card => Family::Card,
            Method::TossPay
            | Method::NaverPay
            | Method::KakaoPay
            | Method::Payco
            | Method::SamsungPay
            | Method::ApplePay
            | Method::LPay
            | Method::Ssg
            | Method::PinPay
            | Method::KbPay => Family::EasyPay,
            Method::VirtualAccount => Family::VirtualAccount,
            Method::Transfer => Family::Transfer,
            Method::MobilePhone => Family::MobilePhone,
            Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate => Family::GiftCertificate,
        }
    }

    /// The value of a Payment's `method`.
    pub(crate) fn display(self, language: Language) -> &'static str {
        match self.family() {
            Family::EasyPay => language.pick("간편결제", "Easy pay"),
            Family::Card
            | Family::VirtualAccount
            | Family::Transfer
            | Family::MobilePhone
            | Family::GiftCertificate => self.title(language),
        }
    }

    /// The smallest amount, in won.
    pub(crate) fn amount_min(self) -> i64 {
        match self.family() {
            Family::Card | Family::EasyPay => CARD_AMOUNT_MIN,
            Family::Transfer | Family::VirtualAccount => ACCOUNT_AMOUNT_MIN,
            Family::MobilePhone | Family::GiftCertificate => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name_and_written_by_it() {
        for (method, name, korean, _) in METHODS {
            assert_eq!(Method::parse(name), Some(*method));
            assert_eq!(method.name(), *name);
            assert_eq!(serde_json::to_value(method).expect("JSON"), *name);
            assert_eq!(method.title(Language::Korean), *korean);
        }
        assert_eq!(Method::parse("FOREIGN_EASY_PAY"), None);
    }

    #[test]
    fn an_easy_pay_is_displayed_as_one() {
        assert_eq!(Method::TossPay.display(Language::Korean), "간편결제");
        assert_eq!(Method::Card.display(Language::Korean), "카드");
        assert_eq!(Method::Card.display(Language::English), "Card");
    }
}
