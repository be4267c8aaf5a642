//! Codes that any request may get, whatever it is about.

use axum::http::StatusCode;

use super::{Info, Repeat};
use crate::words::Text;

pub(super) const INVALID_REQUEST: Info = Info {
    status: StatusCode::BAD_REQUEST,
    title: Text { ko: "잘못된 요청", en: "Invalid request" },
    detail: Text {
        ko: "요청의 일부를 읽을 수 없습니다.",
        en: "A part of the request cannot be read.",
    },
    meaning: "The body is not JSON of the expected shape, has an unknown or missing field, or a value is outside its range. `errors` names each place.",
    action: "Correct the places in `errors`.",
    repeat: Repeat::Pointless,
};

pub(super) const UNAUTHORIZED: Info = Info {
    status: StatusCode::UNAUTHORIZED,
    title: Text { ko: "인증 필요", en: "Credential needed" },
    detail: Text {
        ko: "유효한 인증 정보가 필요합니다.", en: "This needs a valid credential."
    },
    meaning: "No credential was sent, it is of the wrong kind for this route, or it is a staff token that is unknown or disabled.",
    action: "Send `Authorization: Bearer` with the order's access token, or a staff token.",
    repeat: Repeat::Pointless,
};

pub(super) const TICKET_EXPIRED: Info = Info {
    status: StatusCode::UNAUTHORIZED,
    title: Text { ko: "만료된 티켓", en: "Ticket expired" },
    detail: Text {
        ko: "조회 티켓이 만료되었습니다. 주문 페이지를 다시 열어 주세요.",
        en: "The ticket has expired. Open the order again.",
    },
    meaning: "The short-lived ticket of an order is older than 15 minutes.",
    action: "Read the order with its access token; every answer carries a fresh ticket.",
    repeat: Repeat::Pointless,
};

pub(super) const FORBIDDEN: Info = Info {
    status: StatusCode::FORBIDDEN,
    title: Text { ko: "권한 없음", en: "Not allowed" },
    detail: Text {
        ko: "이 작업을 할 권한이 없습니다.", en: "Your role does not allow this."
    },
    meaning: "The staff token is good, but the role may not do this anywhere: creating a store, choosing its merchant and reading the audit are the master's.",
    action: "Ask a master to do it.",
    repeat: Repeat::Pointless,
};

pub(super) const NOT_FOUND: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 주소", en: "No such address" },
    detail: Text {
        ko: "요청한 주소가 없습니다.", en: "There is nothing at this address."
    },
    meaning: "No route has this path.",
    action: "Compare the path with `/openapi.json`.",
    repeat: Repeat::Pointless,
};

pub(super) const METHOD_NOT_ALLOWED: Info = Info {
    status: StatusCode::METHOD_NOT_ALLOWED,
    title: Text { ko: "허용되지 않는 메서드", en: "Method not allowed" },
    detail: Text {
        ko: "이 주소에서는 쓸 수 없는 메서드입니다.",
        en: "This address does not take that method.",
    },
    meaning: "The path exists, but not with this method. `Allow` lists those that it takes.",
    action: "Use a method from `Allow`.",
    repeat: Repeat::Pointless,
};

pub(super) const BODY_TOO_LARGE: Info = Info {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    title: Text { ko: "본문이 너무 큼", en: "Body too large" },
    detail: Text {
        ko: "요청 본문이 너무 큽니다.", en: "The request's body is too large."
    },
    meaning: "The body is larger than the configured limit, 64 KiB by default.",
    action: "Send less.",
    repeat: Repeat::Pointless,
};

pub(super) const BODY_TIMED_OUT: Info = Info {
    status: StatusCode::REQUEST_TIMEOUT,
    title: Text { ko: "본문 수신 시간 초과", en: "Body too slow" },
    detail: Text {
        ko: "요청 본문이 제때 도착하지 않았습니다.",
        en: "The request's body did not arrive in time.",
    },
    meaning: "The body was not there 20 seconds after the head. Nothing was done about the request.",
    action: "Send it again, over a connection that is fast enough.",
    repeat: Repeat::Later,
};

pub(super) const UNSUPPORTED_MEDIA_TYPE: Info = Info {
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    title: Text { ko: "지원하지 않는 형식", en: "Unsupported media type" },
    detail: Text { ko: "본문은 JSON이어야 합니다.", en: "The body must be JSON." },
    meaning: "The body is not declared as `application/json`.",
    action: "Send `Content-Type: application/json`.",
    repeat: Repeat::Pointless,
};

pub(super) const IDEMPOTENCY_KEY_MISSING: Info = Info {
    status: StatusCode::BAD_REQUEST,
    title: Text { ko: "멱등키 없음", en: "Idempotency key missing" },
    detail: Text {
        ko: "Idempotency-Key 헤더가 필요합니다.",
        en: "The header Idempotency-Key is needed.",
    },
    meaning: "A cancel was sent without an `Idempotency-Key`: a repeat after a lost answer could not be told from a second, meant cancel.",
    action: "Send a new UUID per meant cancel, and the same one when repeating it.",
    repeat: Repeat::Pointless,
};

pub(super) const IDEMPOTENCY_KEY_INVALID: Info = Info {
    status: StatusCode::BAD_REQUEST,
    title: Text { ko: "잘못된 멱등키", en: "Idempotency key invalid" },
    detail: Text {
        ko: "Idempotency-Key는 보이는 ASCII 문자 1~255자여야 합니다.",
        en: "An Idempotency-Key is 1 to 255 visible ASCII characters.",
    },
    meaning: "The `Idempotency-Key` is empty, too long, sent twice, or has other characters.",
    action: "Send a UUID.",
    repeat: Repeat::Pointless,
};

pub(super) const IDEMPOTENCY_KEY_REUSED: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "이미 쓴 멱등키", en: "Idempotency key reused" },
    detail: Text {
        ko: "다른 내용의 요청에 이미 쓴 Idempotency-Key입니다.",
        en: "This Idempotency-Key was used for a different request.",
    },
    meaning: "The key belongs to an earlier request with another body. Nothing was done.",
    action: "Use a new key for a new request; repeat an old one unchanged.",
    repeat: Repeat::Pointless,
};

pub(super) const TOO_MANY_REQUESTS: Info = Info {
    status: StatusCode::TOO_MANY_REQUESTS,
    title: Text { ko: "요청이 너무 많음", en: "Too many requests" },
    detail: Text {
        ko: "요청이 너무 많습니다. 잠시 뒤 다시 시도해 주세요.",
        en: "Too many requests. Try again in a moment.",
    },
    meaning: "The caller's rate limit is used up, or the order has as many event streams open as one order gets. Nothing was done.",
    action: "Wait for the seconds in `Retry-After`.",
    repeat: Repeat::Later,
};

pub(super) const OVERLOADED: Info = Info {
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: Text { ko: "처리 한도 초과", en: "Overloaded" },
    detail: Text {
        ko: "지금은 요청이 몰려 있습니다. 잠시 뒤 다시 시도해 주세요.",
        en: "The service is busy. Try again in a moment.",
    },
    meaning: "As many requests as this process takes are in progress. Nothing was done.",
    action: "Wait for the seconds in `Retry-After`.",
    repeat: Repeat::Later,
};

pub(super) const TIMED_OUT: Info = Info {
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: Text { ko: "시간 초과", en: "Timed out" },
    detail: Text {
        ko: "처리가 오래 걸려 결과를 알려 드리지 못했습니다. 같은 요청을 다시 보내 주세요.",
        en: "The answer took too long. Send the same request again.",
    },
    meaning: "The request was not finished in time. Whether it was accepted is not known to this answer.",
    action: "Repeat it unchanged, with the same `Idempotency-Key`: what was accepted is answered, not done again.",
    repeat: Repeat::ToFindOut,
};

pub(super) const UNAVAILABLE: Info = Info {
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: Text { ko: "일시적으로 이용 불가", en: "Unavailable" },
    detail: Text {
        ko: "잠시 이용할 수 없습니다. 곧 다시 시도해 주세요.",
        en: "The service is unavailable for a moment. Try again soon.",
    },
    meaning: "The database did not answer or was too busy, or the process is stopping.",
    action: "Wait for the seconds in `Retry-After`, then repeat the request unchanged.",
    repeat: Repeat::ToFindOut,
};

pub(super) const INTERNAL: Info = Info {
    status: StatusCode::INTERNAL_SERVER_ERROR,
    title: Text { ko: "내부 오류", en: "Internal error" },
    detail: Text {
        ko: "문제가 생겼습니다. 요청 번호와 함께 문의해 주세요.",
        en: "Something went wrong. Ask with the request id.",
    },
    meaning: "A fault of this service. The log has the cause under the request id.",
    action: "Report the request id. A repeat is safe.",
    repeat: Repeat::ToFindOut,
};
