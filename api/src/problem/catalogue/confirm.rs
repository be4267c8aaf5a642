//! Codes about paying an order.

use axum::http::StatusCode;

use super::{Info, Repeat};
use crate::words::Text;

pub(super) const CONFIRM_AMOUNT_MISMATCH: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "결제 금액 불일치", en: "Amount is not the order's" },
    detail: Text {
        ko: "결제 금액이 주문 금액과 다릅니다. 승인하지 않았습니다.",
        en: "The amount is not the order's. Nothing was confirmed.",
    },
    meaning: "`amount` differs from the order's. Nothing was sent to Toss.",
    action: "Start over: the redirect's values were changed on their way, or belong to another order.",
    repeat: Repeat::Pointless,
};

pub(super) const CONFIRM_CONFLICT: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "다른 결제가 진행 중", en: "Another payment is under way" },
    detail: Text {
        ko: "이 주문은 다른 결제로 이미 진행 중입니다.",
        en: "This order is being paid with another payment.",
    },
    meaning: "The order has a payment under another payment key. It is unharmed.",
    action: "Show the order's status instead.",
    repeat: Repeat::Pointless,
};

pub(super) const PAYMENT_KEY_TAKEN: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 쓰인 결제", en: "Payment already used" },
    detail: Text {
        ko: "다른 주문에 쓰인 결제입니다.",
        en: "This payment belongs to another order.",
    },
    meaning: "Another order is being paid, or was paid, under this payment key.",
    action: "Start over with a new payment.",
    repeat: Repeat::Pointless,
};

pub(super) const ORDER_CLOSED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "취소된 주문", en: "Order closed" },
    detail: Text {
        ko: "결제 전에 취소된 주문입니다.",
        en: "The order was closed before it was paid.",
    },
    meaning: "The order was closed; it takes no payment.",
    action: "Start over with a new order.",
    repeat: Repeat::Pointless,
};

pub(super) const ORDER_LAPSED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "결제 시간 지남", en: "Order lapsed" },
    detail: Text {
        ko: "결제할 수 있는 시간이 지났습니다.",
        en: "The time to pay this order has passed.",
    },
    meaning: "The order's `payBy` has passed; it takes no payment.",
    action: "Start over with a new order.",
    repeat: Repeat::Pointless,
};

pub(super) const ORDER_HAS_PAYMENT: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "결제가 있는 주문", en: "Order has a payment" },
    detail: Text {
        ko: "이미 결제가 시작된 주문입니다.",
        en: "A payment was already started for this order.",
    },
    meaning: "The order can no longer be closed: a payment exists. One that failed is final for its order.",
    action: "Show the order's status. Money is given back by a cancel.",
    repeat: Repeat::Pointless,
};
