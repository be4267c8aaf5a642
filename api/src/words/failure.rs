//! Why a payment was declined, as a sentence that a customer understands, and what they can do about it.
//!
//! Toss's own messages are never shown to customers: their wording is not ours to promise, and some describe the shop's contract.
//! Codes are grouped by what the customer can do. A code that is not listed gets the sentence that is true of every decline.

use super::Text;

/// A decline, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Explained {
    /// What happened.
    pub(crate) message: Text,
    /// What to do now.
    pub(crate) next_step: Text,
}

const OTHER_CARD: Text = Text {
    ko: "다른 카드나 결제 수단으로 새로 주문해 주세요.",
    en: "Order again with another card or another way to pay.",
};
const OTHER_METHOD: Text = Text {
    ko: "다른 결제 수단으로 새로 주문해 주세요.",
    en: "Order again with another way to pay.",
};
const ASK_THE_BANK: Text = Text {
    ko: "카드사나 은행에 문의하시거나, 다른 결제 수단으로 새로 주문해 주세요.",
    en: "Ask your card company or bank, or order again with another way to pay.",
};
const CHECK_AND_AGAIN: Text = Text {
    ko: "입력한 정보를 확인한 뒤 새로 주문해 주세요.",
    en: "Check what you entered, then order again.",
};
const AGAIN: Text = Text {
    ko: "장바구니에서 새로 주문해 주세요.",
    en: "Start again from your cart with a new order.",
};
const ASK_THE_SHOP: Text = Text {
    ko: "가게에 문의하시거나 잠시 뒤 새로 주문해 주세요.",
    en: "Ask the shop, or order again a little later.",
};

/// What is true of every decline.
const DECLINED: Explained = Explained {
    message: Text { ko: "결제가 거절되었습니다.", en: "The payment was declined." },
    next_step: OTHER_METHOD,
};

/// The sentences, with the codes that they are for.
///
/// Source: Toss core API, error codes of the confirm call; the grouping is ours.
const SENTENCES: &[(&[&str], Explained)] = &[
    (
        &["INVALID_CARD_NUMBER"],
        Explained {
            message: Text {
                ko: "카드 번호가 올바르지 않습니다.",
                en: "The card number is not right.",
            },
            next_step: CHECK_AND_AGAIN,
        },
    ),
    (
        &["INVALID_CARD_EXPIRATION"],
        Explained {
            message: Text {
                ko: "카드 유효기간이 올바르지 않습니다.",
                en: "The card's expiry date is not right.",
            },
            next_step: CHECK_AND_AGAIN,
        },
    ),
    (
        &["INVALID_PASSWORD"],
        Explained {
            message: Text {
                ko: "결제 비밀번호가 올바르지 않습니다.",
                en: "The payment password is not right.",
            },
            next_step: CHECK_AND_AGAIN,
        },
    ),
    (
        &["EXCEED_MAX_AUTH_COUNT"],
        Explained {
            message: Text {
                ko: "인증을 너무 여러 번 시도했습니다.",
                en: "There were too many attempts to verify the payment.",
            },
            next_step: ASK_THE_BANK,
        },
    ),
    (
        &["INVALID_ACCOUNT_INFO_RE_REGISTER"],
        Explained {
            message: Text {
                ko: "등록한 계좌 정보를 쓸 수 없습니다.",
                en: "The account that you registered cannot be used.",
            },
            next_step: Text {
                ko: "계좌를 다시 등록한 뒤 새로 주문해 주세요.",
                en: "Register the account again, then order again.",
            },
        },
    ),
    (
        &["INVALID_STOPPED_CARD"],
        Explained {
            message: Text { ko: "정지된 카드입니다.", en: "The card is suspended." },
            next_step: OTHER_CARD,
        },
    ),
    (
        &["INVALID_CARD_LOST_OR_STOLEN"],
        Explained {
            message: Text {
                ko: "분실 또는 도난 신고된 카드입니다.",
                en: "The card was reported lost or stolen.",
            },
            next_step: OTHER_CARD,
        },
    ),
    (
        &["REJECT_CARD_PAYMENT"],
        Explained {
            message: Text {
                ko: "카드 한도나 잔액이 부족합니다.",
                en: "The card's limit or balance is not enough.",
            },
            next_step: OTHER_CARD,
        },
    ),
    (
        &["INVALID_REJECT_CARD", "REJECT_CARD_COMPANY"],
        Explained {
            message: Text {
                ko: "카드사가 결제를 거절했습니다.",
                en: "The card company declined the payment.",
            },
            next_step: ASK_THE_BANK,
        },
    ),
    (
        &[
            "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
            "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
            "INVALID_CARD_INSTALLMENT_PLAN",
            "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
        ],
        Explained {
            message: Text {
                ko: "이 카드로는 선택한 할부를 쓸 수 없습니다.",
                en: "This card cannot be used with the instalments you chose.",
            },
            next_step: Text {
                ko: "일시불이나 다른 카드로 새로 주문해 주세요.",
                en: "Order again and pay at once, or use another card.",
            },
        },
    ),
    (
        &["NOT_ALLOWED_POINT_USE"],
        Explained {
            message: Text {
                ko: "포인트를 쓸 수 없는 카드입니다.",
                en: "Points cannot be used with this card.",
            },
            next_step: Text {
                ko: "포인트 없이 새로 주문해 주세요.",
                en: "Order again without using points.",
            },
        },
    ),
    (
        &[
            "EXCEED_MAX_AMOUNT",
            "EXCEED_MAX_DAILY_PAYMENT_COUNT",
            "EXCEED_MAX_PAYMENT_AMOUNT",
            "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
            "EXCEED_MAX_ONE_DAY_AMOUNT",
            "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
            "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
        ],
        Explained {
            message: Text {
                ko: "결제 한도를 넘었습니다.",
                en: "A limit of your card or account was exceeded.",
            },
            next_step: OTHER_METHOD,
        },
    ),
    (
        &["BELOW_MINIMUM_AMOUNT"],
        Explained {
            message: Text {
                ko: "이 결제 수단으로 내기에는 금액이 너무 적습니다.",
                en: "The amount is too small for this way to pay.",
            },
            next_step: OTHER_METHOD,
        },
    ),
    (
        &["REJECT_ACCOUNT_PAYMENT"],
        Explained {
            message: Text {
                ko: "계좌 잔액이 부족합니다.",
                en: "The account's balance is not enough.",
            },
            next_step: OTHER_METHOD,
        },
    ),
    (
        &["RESTRICTED_TRANSFER_ACCOUNT"],
        Explained {
            message: Text {
                ko: "등록한 지 얼마 되지 않아 아직 쓸 수 없는 계좌입니다.",
                en: "The account was registered too recently to be used yet.",
            },
            next_step: OTHER_METHOD,
        },
    ),
    (
        &["REJECT_TOSSPAY_INVALID_ACCOUNT"],
        Explained {
            message: Text {
                ko: "출금에 동의하지 않은 계좌입니다.",
                en: "The account has not been allowed for withdrawals.",
            },
            next_step: ASK_THE_BANK,
        },
    ),
    (
        &["NOT_AVAILABLE_BANK", "NOT_AVAILABLE_PAYMENT"],
        Explained {
            message: Text {
                ko: "지금은 결제할 수 없는 시간입니다.",
                en: "Payments of this kind are not taken at this hour.",
            },
            next_step: OTHER_METHOD,
        },
    ),
    (
        &["FDS_ERROR"],
        Explained {
            message: Text {
                ko: "보안을 위해 결제가 보류되었습니다.",
                en: "The payment was stopped by a security check.",
            },
            next_step: Text {
                ko: "본인 확인 안내를 받으셨다면 마친 뒤, 또는 다른 결제 수단으로 새로 주문해 주세요.",
                en: "If you were asked to verify yourself, do so first; or order again with another way to pay.",
            },
        },
    ),
    (
        &["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION", "EXPIRED_PAYMENT"],
        Explained {
            message: Text {
                ko: "결제 시간이 지났습니다.",
                en: "The time to finish the payment has passed.",
            },
            next_step: AGAIN,
        },
    ),
    (
        &["PAY_PROCESS_CANCELED"],
        Explained {
            message: Text {
                ko: "결제를 취소하셨습니다.", en: "You cancelled the payment."
            },
            next_step: AGAIN,
        },
    ),
    (
        &[
            "INVALID_REQUEST",
            "INVALID_API_KEY",
            "NOT_FOUND_TERMINAL_ID",
            "INVALID_AUTHORIZE_AUTH",
            "INVALID_UNREGISTERED_SUBMALL",
            "NOT_REGISTERED_BUSINESS",
            "UNAUTHORIZED_KEY",
            "INCORRECT_BASIC_AUTH_FORMAT",
            "FORBIDDEN_REQUEST",
            "NOT_MATCHES_CUSTOMER_KEY",
            "INVALID_IDEMPOTENCY_KEY",
        ],
        Explained {
            message: Text {
                ko: "가게의 결제 설정 때문에 결제하지 못했습니다.",
                en: "The payment could not be made because of the shop's own set-up.",
            },
            next_step: ASK_THE_SHOP,
        },
    ),
];

/// Explains a code of a confirm that was declined.
pub(crate) fn explain(code: &str) -> Explained {
    let listed = SENTENCES.iter().find(|(codes, _)| codes.contains(&code));
    listed.map_or(DECLINED, |(_, explained)| *explained)
}

/// What staff do about a cancel that Toss refused with this code; `None` where Toss's own sentence says all.
pub(crate) fn cancel_next_step(code: &str) -> Option<Text> {
    match code {
        "EXCEED_MAX_REFUND_DUE" => Some(Text {
            ko: "결제 수단의 취소 기한이 지났습니다(휴대폰 결제는 결제한 달까지만 취소됩니다). 계좌 이체 등 다른 방법으로 환불해 주세요.",
            en: "The method's time for cancels is over (a telephone bill's ends with the month). Give the money back by another way.",
        }),
        "NOT_ALLOWED_PARTIAL_REFUND" => Some(Text {
            ko: "일부만 취소할 수 없는 결제입니다. 전액을 취소하거나 다른 방법으로 환불해 주세요.",
            en: "No part of this payment can be cancelled. Cancel all of it, or give the money back by another way.",
        }),
        "MAY_REPEAT_LOST_CANCEL" => Some(Text {
            ko: "복원 전에 같은 금액이 이미 취소된 것이 확인되었습니다. 또 취소하려는 것이면 다시 요청해 주세요.",
            en: "The same was cancelled before the database was restored. Ask again if you mean another cancel.",
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_gets_the_sentence_that_is_always_true() {
        assert_eq!(explain("SOMETHING_NEW"), DECLINED);
        assert_eq!(explain(""), DECLINED);
        assert_ne!(explain("REJECT_CARD_PAYMENT"), DECLINED);
    }

    #[test]
    fn no_code_has_two_sentences() {
        let mut codes: Vec<_> = SENTENCES.iter().flat_map(|(codes, _)| *codes).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn every_sentence_is_for_people_and_leads_to_a_new_order() {
        for (codes, explained) in SENTENCES {
            let (message, step) = (explained.message, explained.next_step);
            for text in [message.en, step.en] {
                assert!(text.is_ascii() && !text.contains('_'), "{codes:?}: {text}");
            }
            for text in [message.ko, step.ko] {
                assert!(text.ends_with("니다.") || text.ends_with("주세요."), "{codes:?}: {text}");
            }
            assert!(step.en.contains("rder again") || step.en.contains("new order"), "{}", step.en);
            assert!(step.ko.contains("새로 주문"), "{}", step.ko);
        }
    }
}
