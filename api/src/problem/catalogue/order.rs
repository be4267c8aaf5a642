//! Codes about stores, carts and orders.

use axum::http::StatusCode;

use super::{Info, Repeat};
use crate::words::Text;

pub(super) const STORE_UNKNOWN: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 가게", en: "Unknown store" },
    detail: Text { ko: "그런 가게가 없습니다.", en: "There is no such store." },
    meaning: "No store has this id, or the staff token does not act for it.",
    action: "List the stores with `GET /v1/stores`.",
    repeat: Repeat::Pointless,
};

pub(super) const ORDER_UNKNOWN: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 주문", en: "Unknown order" },
    detail: Text {
        ko: "그런 주문이 없거나 볼 수 없는 주문입니다.",
        en: "There is no such order, or it is not yours to see.",
    },
    meaning: "No order has this id, or the credential does not belong to it. The two are not told apart.",
    action: "Use the access token that came with the order.",
    repeat: Repeat::Pointless,
};

pub(super) const EMPTY_CART: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "빈 장바구니", en: "Empty cart" },
    detail: Text { ko: "장바구니가 비어 있습니다.", en: "The cart is empty." },
    meaning: "`items` has no line.",
    action: "Send at least one line.",
    repeat: Repeat::Pointless,
};

pub(super) const CART_TOO_LARGE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "장바구니 한도 초과", en: "Cart too large" },
    detail: Text {
        ko: "한 번에 주문할 수 있는 품목 수를 넘었습니다.",
        en: "The cart has more lines than can be ordered at once.",
    },
    meaning: "`items` has more lines than `most`.",
    action: "Split the order.",
    repeat: Repeat::Pointless,
};

pub(super) const QUANTITY_OUT_OF_RANGE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "수량 오류", en: "Quantity out of range" },
    detail: Text {
        ko: "주문할 수 있는 수량이 아닙니다.", en: "This quantity cannot be ordered."
    },
    meaning: "A line's `quantity` is not between 1 and `most`.",
    action: "Change the quantity.",
    repeat: Repeat::Pointless,
};

pub(super) const PRODUCT_UNKNOWN: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "없는 상품", en: "Unknown product" },
    detail: Text {
        ko: "더 이상 없는 상품이 들어 있습니다.",
        en: "The cart has a product that does not exist.",
    },
    meaning: "The catalogue has no product with the id of the line that `errors` points to.",
    action: "Load the menu again and take the line out.",
    repeat: Repeat::Pointless,
};

pub(super) const PRODUCT_OF_OTHER_STORE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "다른 가게의 상품", en: "Product of another store" },
    detail: Text {
        ko: "다른 가게의 상품이 들어 있습니다.",
        en: "The cart has a product of another store.",
    },
    meaning: "An order is for one store; the line that `errors` points to is sold by another one.",
    action: "Order from each store separately.",
    repeat: Repeat::Pointless,
};

pub(super) const PRODUCT_UNAVAILABLE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "품절된 상품", en: "Product sold out" },
    detail: Text {
        ko: "품절된 상품이 들어 있습니다.",
        en: "The cart has a product that is sold out.",
    },
    meaning: "The product exists and cannot be ordered now.",
    action: "Take the line out, or try later.",
    repeat: Repeat::Later,
};

pub(super) const OPTION_UNKNOWN: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "없는 옵션", en: "Unknown option" },
    detail: Text {
        ko: "상품에 없는 옵션을 골랐습니다.",
        en: "An option is chosen that the product does not have.",
    },
    meaning: "The product of the line that `errors` points to has no option with this id.",
    action: "Load the menu again.",
    repeat: Repeat::Pointless,
};

pub(super) const OPTION_UNAVAILABLE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "품절된 옵션", en: "Option sold out" },
    detail: Text {
        ko: "품절된 옵션을 골랐습니다.", en: "An option is chosen that is sold out."
    },
    meaning: "The option exists and cannot be chosen now.",
    action: "Choose another option, or try later.",
    repeat: Repeat::Later,
};

pub(super) const OPTION_DUPLICATE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "중복된 옵션", en: "Option chosen twice" },
    detail: Text {
        ko: "같은 옵션을 두 번 골랐습니다.", en: "An option is chosen twice."
    },
    meaning: "A line names the same option more than once.",
    action: "Name each option once; raise the quantity instead.",
    repeat: Repeat::Pointless,
};

pub(super) const TOO_MANY_OPTIONS: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "옵션 한도 초과", en: "Too many options" },
    detail: Text {
        ko: "한 품목에 고를 수 있는 옵션 수를 넘었습니다.",
        en: "A line has more options than can be chosen.",
    },
    meaning: "A line names more options than `most`.",
    action: "Choose fewer options.",
    repeat: Repeat::Pointless,
};

pub(super) const TOO_FEW_CHOICES: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "필수 옵션 누락", en: "Choice missing" },
    detail: Text {
        ko: "필수 옵션을 골라 주세요.", en: "A required option is not chosen."
    },
    meaning: "An option group asks for at least `least` choices.",
    action: "Choose from the group `groupId`.",
    repeat: Repeat::Pointless,
};

pub(super) const TOO_MANY_CHOICES: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "옵션 초과 선택", en: "Too many choices" },
    detail: Text {
        ko: "옵션을 너무 많이 골랐습니다.",
        en: "More options are chosen than the group allows.",
    },
    meaning: "An option group takes at most `most` choices.",
    action: "Choose fewer from the group `groupId`.",
    repeat: Repeat::Pointless,
};

pub(super) const STORE_CLOSED: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "영업 중이 아님", en: "Store closed" },
    detail: Text {
        ko: "지금은 주문을 받지 않는 가게입니다.",
        en: "The store takes no orders now.",
    },
    meaning: "The store is closed.",
    action: "Try when the store is open.",
    repeat: Repeat::Later,
};

pub(super) const BELOW_MINIMUM_ORDER: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "최소 주문 금액 미달", en: "Below the minimum order" },
    detail: Text {
        ko: "최소 주문 금액보다 적습니다.",
        en: "The items cost less than the store delivers for.",
    },
    meaning: "The items without delivery cost `itemsAmount`, which is less than `minimumOrder`.",
    action: "Add items.",
    repeat: Repeat::Pointless,
};

pub(super) const AMOUNT_TOO_LARGE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "금액 초과", en: "Amount too large" },
    detail: Text {
        ko: "한 번에 결제할 수 있는 금액을 넘었습니다.",
        en: "The order costs more than can be paid at once.",
    },
    meaning: "The total is above `most`.",
    action: "Split the order.",
    repeat: Repeat::Pointless,
};

pub(super) const AMOUNT_TOO_SMALL: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "금액 미달", en: "Amount too small" },
    detail: Text {
        ko: "결제할 수 있는 최소 금액보다 적습니다.",
        en: "The order costs less than can be paid.",
    },
    meaning: "The total is below `least`.",
    action: "Add items.",
    repeat: Repeat::Pointless,
};

pub(super) const AMOUNT_MISMATCH: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "금액 변경", en: "Amount differs" },
    detail: Text {
        ko: "금액이 바뀌었습니다. 새 금액을 확인해 주세요.",
        en: "The price has changed. Please look at the new amount.",
    },
    meaning: "`amount` is not what the cart costs now. `quotedAmount` is what was sent, `quote` the whole calculation.",
    action: "Show the customer the calculation; order again with its `amount` when they agree.",
    repeat: Repeat::Pointless,
};

pub(super) const ORDER_ID_TAKEN: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 쓰인 주문 번호", en: "Order id taken" },
    detail: Text { ko: "이미 쓰인 주문 번호입니다.", en: "This order id is taken." },
    meaning: "The proposed `orderId` belongs to another order.",
    action: "Propose another one, or leave it out.",
    repeat: Repeat::Pointless,
};

pub(super) const MERCHANT_KEYS_MISSING: Info = Info {
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: Text { ko: "결제를 받을 수 없는 가게", en: "The store cannot take payments" },
    detail: Text {
        ko: "가게가 지금은 결제를 받을 수 없습니다. 나중에 다시 시도해 주세요.",
        en: "The store cannot take payments just now. Please try again later.",
    },
    meaning: "The store's merchant is not configured, or not the pair of keys that the order was made with.",
    action: "Operators: give the merchant its keys, see docs/key-rotation.md.",
    repeat: Repeat::Later,
};
