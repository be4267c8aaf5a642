//! What customers read about an order's status, a cancellation's status, and what to do next.

use domain::cancellation::CancellationState;
use domain::status::CustomerStatus;

use super::Text;

/// Where the order stands, as a sentence.
pub(crate) const fn status_text(status: CustomerStatus) -> Text {
    match status {
        CustomerStatus::AwaitingPayment => {
            Text { ko: "결제를 기다리고 있습니다.", en: "Waiting for your payment." }
        }
        CustomerStatus::Confirming => Text {
            ko: "결제를 승인하고 있습니다.",
            en: "Your payment is being confirmed.",
        },
        CustomerStatus::Checking => Text {
            ko: "결제 결과를 확인하고 있습니다.",
            en: "We are checking what happened to your payment.",
        },
        CustomerStatus::WaitingForDeposit => {
            Text { ko: "입금을 기다리고 있습니다.", en: "Waiting for your deposit." }
        }
        CustomerStatus::Paid => Text { ko: "결제가 완료되었습니다.", en: "Paid." },
        CustomerStatus::Failed => Text {
            ko: "결제되지 않았습니다. 돈은 빠져나가지 않았습니다.",
            en: "The payment failed. No money was taken.",
        },
        CustomerStatus::Expired => Text {
            ko: "결제 시간이 지났습니다. 돈은 빠져나가지 않았습니다.",
            en: "The time to pay has passed. No money was taken.",
        },
        CustomerStatus::Closed => Text {
            ko: "결제 전에 주문이 취소되었습니다.",
            en: "The order was closed before it was paid.",
        },
        CustomerStatus::Refunding => Text {
            ko: "돈을 돌려드리고 있습니다.",
            en: "Your money is on its way back.",
        },
        CustomerStatus::PartiallyCancelled => Text {
            ko: "결제 금액의 일부가 취소되었습니다.",
            en: "A part of the payment was given back.",
        },
        CustomerStatus::Cancelled => Text {
            ko: "결제가 모두 취소되었습니다.",
            en: "The whole payment was given back.",
        },
    }
}

/// What the customer should do now; `None` when there is nothing to do.
pub(crate) const fn next_step(status: CustomerStatus) -> Option<Text> {
    match status {
        CustomerStatus::AwaitingPayment => Some(Text {
            ko: "결제창에서 결제를 마쳐 주세요.",
            en: "Finish paying in the payment window.",
        }),
        CustomerStatus::Confirming => Some(Text {
            ko: "잠시만 기다려 주세요. 다시 결제하지 마세요.",
            en: "One moment, please. Do not pay again.",
        }),
        CustomerStatus::Checking => Some(Text {
            ko: "다시 결제하지 마세요. 확인되는 대로 이 화면에 알려 드립니다.",
            en: "Do not pay again. The result will appear here as soon as we know it.",
        }),
        CustomerStatus::WaitingForDeposit => Some(Text {
            ko: "안내된 계좌로 기한 안에 정확한 금액을 보내 주세요.",
            en: "Send the exact amount to the account shown, before it is due.",
        }),
        CustomerStatus::Failed | CustomerStatus::Expired | CustomerStatus::Closed => Some(Text {
            ko: "장바구니에서 새로 주문해 주세요.",
            en: "Start again from your cart with a new order.",
        }),
        CustomerStatus::Refunding => Some(Text {
            ko: "따로 하실 일은 없습니다. 카드사나 은행에 따라 며칠 걸릴 수 있습니다.",
            en: "There is nothing to do. Your bank or card company may take a few days.",
        }),
        CustomerStatus::Paid | CustomerStatus::PartiallyCancelled | CustomerStatus::Cancelled => {
            None
        }
    }
}

/// Where a cancellation stands, as a sentence.
pub(crate) const fn cancellation_text(state: CancellationState) -> Text {
    match state {
        CancellationState::Requested => {
            Text { ko: "취소를 접수했습니다.", en: "The cancel is accepted." }
        }
        CancellationState::Sending => {
            Text { ko: "취소하고 있습니다.", en: "The cancel is under way." }
        }
        CancellationState::Done => {
            Text { ko: "취소되었습니다.", en: "The money was given back." }
        }
        CancellationState::Refused => Text {
            ko: "취소하지 못했습니다.",
            en: "The cancel was refused. Nothing was given back.",
        },
        CancellationState::Unresolved => Text {
            ko: "취소 결과를 확인하고 있습니다.",
            en: "We are checking what happened to the cancel.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_whose_payment_is_undecided_is_told_to_pay() {
        for status in [CustomerStatus::Confirming, CustomerStatus::Checking] {
            let step = next_step(status).unwrap();
            assert!(step.en.contains("Do not pay again"), "{status:?}");
            assert!(step.ko.contains("다시 결제하지 마세요"), "{status:?}");
        }
    }

    #[test]
    fn every_status_is_written_in_both_scripts() {
        for status in CustomerStatus::ALL {
            let texts = [Some(status_text(status)), next_step(status)];
            for text in texts.into_iter().flatten() {
                assert!(text.en.is_ascii(), "{}", text.en);
                assert!(text.ko.chars().any(|c| ('가'..='힣').contains(&c)), "{}", text.ko);
            }
        }
        for state in CancellationState::ALL {
            assert!(cancellation_text(state).en.is_ascii());
        }
    }
}
