//! Codes about what staff do: cancels, jobs, the catalogue.

use axum::http::StatusCode;

use super::{Info, Repeat};
use crate::words::Text;

pub(super) const CANCEL_UNKNOWN: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 취소", en: "Unknown cancel" },
    detail: Text { ko: "그런 취소가 없습니다.", en: "There is no such cancel." },
    meaning: "The order has no cancellation with this id.",
    action: "List them with `GET /v1/orders/{orderId}/cancels`.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_BEFORE_PAYMENT: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "결제 전", en: "Not paid yet" },
    detail: Text {
        ko: "아직 결제되지 않은 주문입니다.", en: "The order has not been paid."
    },
    meaning: "Nobody has tried to pay the order.",
    action: "Close it with `POST /v1/orders/{orderId}/close`.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_UNDECIDED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "결제 결과 확인 중", en: "Payment undecided" },
    detail: Text {
        ko: "결제 결과가 아직 확인되지 않았습니다.",
        en: "Whether the money was taken is not known yet.",
    },
    meaning: "The payment is being confirmed, or its outcome is being looked up.",
    action: "Wait for the order's status, then cancel.",
    repeat: Repeat::Later,
};

pub(super) const CANCEL_NOTHING_TAKEN: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "취소할 결제 없음", en: "Nothing was taken" },
    detail: Text {
        ko: "돈이 빠져나가지 않은 결제입니다.", en: "No money was taken."
    },
    meaning: "The payment failed or expired.",
    action: "Nothing.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_NOTHING_LEFT: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "취소할 금액 없음", en: "Nothing is left" },
    detail: Text {
        ko: "취소할 수 있는 금액이 남아 있지 않습니다.",
        en: "Nothing is left to give back.",
    },
    meaning: "All of it was given back or is reserved by cancels that are under way.",
    action: "Look at the order's `cancels`.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_EXCEEDS_BALANCE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "취소 가능 금액 초과", en: "More than what is left" },
    detail: Text {
        ko: "취소할 수 있는 금액보다 많습니다.",
        en: "More than what is left to give back.",
    },
    meaning: "`amount` is above `available`, the balance less what open cancels reserve.",
    action: "Cancel at most `available`.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_ZERO: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "취소 금액 오류", en: "Nothing to give back" },
    detail: Text {
        ko: "취소 금액은 1원 이상이어야 합니다.",
        en: "The amount must be at least one won.",
    },
    meaning: "`amount` is 0.",
    action: "Send an amount above 0, or none to cancel all that is left.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_WHOLE_ONLY: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "전액만 취소 가능", en: "Only the whole" },
    detail: Text {
        ko: "이 결제는 전액만 취소할 수 있습니다.",
        en: "Only the whole of this payment can be cancelled.",
    },
    meaning: "A virtual account that waits for its deposit is cancelled as a whole, and so is a payment that Toss gives back no part of: the order's `partiallyCancelable` says so.",
    action: "Leave `amount` out.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_MAY_REPEAT_LOST: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 취소되었을 수 있음", en: "Perhaps cancelled before" },
    detail: Text {
        ko: "데이터베이스를 복원하기 전에 같은 금액이 취소되었습니다. 또 취소하려면 그렇게 밝혀 주세요.",
        en: "The same was cancelled before the database was restored. Say so if you mean another cancel.",
    },
    meaning: "A cancel whose record was lost with a database, and its idempotency key with it, was found at Toss. This request gives back the same amount, or all that is left, and may be its repeat.",
    action: "Look at the order's `cancels` by `toss`. Send the same with `another: true` if this is another cancel.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_TAX_FREE_PART: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "면세 금액 오류", en: "Impossible tax-free part" },
    detail: Text {
        ko: "취소 금액 중 면세 금액이 가능한 범위를 벗어났습니다.",
        en: "So much of the amount cannot be free of tax.",
    },
    meaning: "`taxFreeAmount` is more than what is left free of tax, or so little that the taxed rest does not cover the remainder: `least` and `most` say what is possible.",
    action: "Send one between them, or none.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_ACCOUNT_NEEDED: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "환불 계좌 필요", en: "Refund account needed" },
    detail: Text {
        ko: "입금된 가상계좌 결제는 환불받을 계좌가 있어야 취소할 수 있습니다.",
        en: "A virtual account is refunded to a bank account, which is missing.",
    },
    meaning: "The payment was made into a virtual account: its money needs an account to go back to.",
    action: "Ask the customer for a bank account and send it as `refundAccount`.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_ACCOUNT_UNWANTED: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "환불 계좌 불필요", en: "No refund account" },
    detail: Text {
        ko: "환불 계좌는 입금된 가상계좌 결제를 취소할 때만 씁니다.",
        en: "Only a virtual account after its deposit is refunded to a bank account.",
    },
    meaning: "The money goes back the way it came; nobody would use the account.",
    action: "Leave `refundAccount` out.",
    repeat: Repeat::Pointless,
};

pub(super) const CANCEL_TOO_MANY: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "취소 횟수 초과", en: "Too many cancels" },
    detail: Text {
        ko: "취소할 수 있는 횟수를 넘었습니다.",
        en: "The payment has as many cancels as it may have.",
    },
    meaning: "A payment may have 100 cancellations.",
    action: "Cancel the rest at the Toss merchant console.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_UNKNOWN: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 작업", en: "Unknown job" },
    detail: Text { ko: "그런 작업이 없습니다.", en: "There is no such job." },
    meaning: "No job has this id, or it belongs to a store that the token does not act for.",
    action: "List them with `GET /v1/jobs`.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_ENDED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "끝난 작업", en: "Job has ended" },
    detail: Text { ko: "이미 끝난 작업입니다.", en: "The job has ended." },
    meaning: "The job succeeded, was void or was discarded.",
    action: "Look at the order.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_DECLINED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "거절된 결제", en: "Payment declined" },
    detail: Text {
        ko: "거절된 결제는 다시 시도할 수 없습니다. 고객이 새로 주문해야 합니다.",
        en: "A declined payment is final: the customer starts over with a new order.",
    },
    meaning: "The job ended by a refusal, which is final.",
    action: "Ask the customer to order again.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_UNDER_WAY: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "진행 중인 작업", en: "Job under way" },
    detail: Text {
        ko: "작업이 진행 중입니다. 결과를 기다려 주세요.",
        en: "The job is under way: wait for its result.",
    },
    meaning: "A worker has the job, or will in a moment.",
    action: "Read the job again in a few seconds.",
    repeat: Repeat::Later,
};

pub(super) const JOB_LOOK_UP_ONLY: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "조회 작업", en: "A look-up is not retried" },
    detail: Text {
        ko: "조회 작업은 다시 시도하지 않고 새로 요청합니다.",
        en: "A look-up is requested, not retried.",
    },
    meaning: "The job is a look-up.",
    action: "Use `POST /v1/jobs/{jobId}/look-up`.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_WINDOW_OVER: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "승인 시간 지남", en: "The time to confirm has passed" },
    detail: Text {
        ko: "승인할 수 있는 시간이 지났습니다. 조회만 할 수 있습니다.",
        en: "The time to confirm has passed: only a look-up can tell what happened.",
    },
    meaning: "Toss takes a confirm for ten minutes; this one is older.",
    action: "Use `POST /v1/jobs/{jobId}/look-up`.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_NOT_PARKED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "멈춘 작업이 아님", en: "Job is not parked" },
    detail: Text {
        ko: "사람의 판단을 기다리는 작업만 포기할 수 있습니다.",
        en: "Only a parked job can be discarded.",
    },
    meaning: "The job is still being worked on by itself.",
    action: "Wait until it ends or is parked.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_OUTCOME_UNKNOWN: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "결과를 모르는 작업", en: "Outcome unknown" },
    detail: Text {
        ko: "돈이 움직였는지 모릅니다. 먼저 조회해 주세요.",
        en: "Whether money moved is not known: look the payment up first.",
    },
    meaning: "A call to Toss may have moved money, and no look-up has settled it.",
    action: "Use `POST /v1/jobs/{jobId}/look-up`, then decide.",
    repeat: Repeat::Pointless,
};

pub(super) const PRODUCT_ID_TAKEN: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 쓰인 상품 번호", en: "Product id taken" },
    detail: Text {
        ko: "다른 가게가 쓰고 있는 상품 번호입니다.",
        en: "This product id belongs to another store.",
    },
    meaning: "Product ids are unique over all stores.",
    action: "Choose another id.",
    repeat: Repeat::Pointless,
};

pub(super) const MENU_FULL: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "메뉴 한도 초과", en: "Menu full" },
    detail: Text {
        ko: "메뉴에 더 넣을 수 없습니다.",
        en: "The menu has as many products as it may have.",
    },
    meaning: "A store's menu may have 500 products.",
    action: "Change a product that is no longer sold.",
    repeat: Repeat::Pointless,
};
