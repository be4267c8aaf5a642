//! Every error code the simulator knows: HTTP status and a short message in both languages.
//!
//! One table serves three readers: the API's own refusals, the `TossPayments-Test-Code` header and scripted faults.
//! Source: the per-endpoint error tables of Toss for confirm, look-up and cancel, and its global list. The messages are
//! the simulator's own; Toss may change its texts at any time, so nobody may branch on them.

/// One error code with the status and the texts that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    pub(crate) korean: &'static str,
    pub(crate) english: &'static str,
}

macro_rules! codes {
    ($($name:ident $status:literal $korean:literal $english:literal;)*) => {
        $(pub(crate) const $name: Code =
            Code { name: stringify!($name), status: $status, korean: $korean, english: $english };)*
    };
}

macro_rules! code_table {
    ($table:ident: $($name:ident $status:literal $korean:literal $english:literal;)*) => {
        codes! { $($name $status $korean $english;)* }
        const $table: &[Code] = &[$($name),*];
    };
}

code_table! { API:
    // The request itself.
    INVALID_REQUEST 400 "요청 내용을 확인해 주세요." "The request is not valid.";
    INVALID_REQUIRED_PARAM 400 "필수 값이 빠졌습니다." "A required value is missing.";
    REQUIRED_AMOUNT 400 "금액이 필요합니다." "An amount is required.";
    BELOW_ZERO_AMOUNT 400 "금액은 0보다 커야 합니다." "The amount must be greater than zero.";
    INVALID_CURRENCY 400 "지원하지 않는 통화입니다." "The currency is not supported.";
    INVALID_ORDER_ID 400 "주문번호 형식이 올바르지 않습니다." "The order id has the wrong form.";
    INVALID_ORDER_NAME 400 "주문명 형식이 올바르지 않습니다." "The order name has the wrong form.";
    INVALID_PAYMENT_KEY 400 "결제 키가 올바르지 않습니다." "The payment key is not valid.";
    INVALID_DATE 400 "날짜 형식이 올바르지 않습니다." "The date has the wrong form.";
    INVALID_REGISTRATION_NUMBER_TYPE 400 "등록번호 형식이 올바르지 않습니다." "The registration number has the wrong form.";
    INVALID_PAGING_KEY 400 "페이지 키가 올바르지 않습니다." "The paging key is not valid.";
    EXCEED_MAX_QUERY_LIMIT 400 "조회 개수 한도를 넘었습니다." "The query limit is too large.";
    INVALID_IDEMPOTENCY_KEY 400 "멱등키는 1자 이상 300자 이하여야 합니다." "The idempotency key must have 1 to 300 characters.";
    INVALID_TEST_CODE 400 "알 수 없는 테스트 코드입니다." "The test code is not known.";
    API_VERSION_UPDATE_NEEDED 400 "API 버전을 올려야 합니다." "This API needs a newer version.";
    DUPLICATED_ORDER_ID 400 "이미 쓰인 주문번호입니다." "The order id was used before.";
    DUPLICATED_REQUEST 400 "중복된 요청입니다." "The request is a duplicate.";
    TOO_MANY_REQUESTS 429 "요청이 너무 많습니다. 잠시 뒤 다시 시도해 주세요." "Too many requests. Try again later.";
    IDEMPOTENT_REQUEST_PROCESSING 409 "같은 멱등키의 요청을 처리하고 있습니다." "A request with this idempotency key is still running.";
    NOT_FOUND 404 "찾을 수 없습니다." "Nothing was found.";
    NOT_FOUND_HTTP_METHOD 404 "없는 주소이거나 지원하지 않는 메서드입니다." "No such path or method.";

    // Keys and contract.
    UNAUTHORIZED_KEY 401 "인증되지 않은 키입니다." "The key is not authenticated.";
    INCORRECT_BASIC_AUTH_FORMAT 403 "인증 헤더 형식이 올바르지 않습니다. 키 뒤에 콜론이 필요합니다." "The authorization header has the wrong form; a colon must follow the key.";
    INVALID_API_KEY 400 "이 요청에 쓸 수 없는 키입니다." "This key does not belong here.";
    FORBIDDEN_REQUEST 403 "허용되지 않은 요청입니다." "The request is not allowed.";
    FORBIDDEN_CONSECUTIVE_REQUEST 403 "요청이 너무 잇따릅니다. 잠시 뒤 다시 시도해 주세요." "Requests follow too closely. Try again later.";
    NOT_FOUND_MERCHANT 404 "가맹점을 찾을 수 없습니다." "The merchant was not found.";
    NOT_FOUND_TERMINAL_ID 400 "단말기 번호가 없습니다." "There is no terminal id.";
    INVALID_AUTHORIZE_AUTH 400 "유효하지 않은 인증 방식입니다." "The way of authentication is not valid.";
    INVALID_UNREGISTERED_SUBMALL 400 "등록되지 않은 서브몰입니다." "The sub-mall is not registered.";
    NOT_REGISTERED_BUSINESS 400 "등록되지 않은 사업자번호입니다." "The business number is not registered.";
    MAINTAINED_METHOD 400 "점검 중인 결제수단입니다." "The method is under maintenance.";
    NOT_SUPPORTED_METHOD 400 "지원하지 않는 결제수단입니다." "The method is not supported.";
    NOT_FOUND_METHOD 404 "결제수단을 찾을 수 없습니다." "The method was not found.";

    // Confirm.
    ALREADY_PROCESSED_PAYMENT 400 "이미 처리된 결제입니다." "The payment was already processed.";
    ALREADY_PROCESSING_REQUEST 400 "이 결제의 다른 요청을 처리하고 있습니다." "Another request for this payment is running.";
    ALREADY_COMPLETED_PAYMENT 400 "이미 완료된 결제입니다." "The payment is already complete.";
    NOT_FOUND_PAYMENT 404 "결제를 찾을 수 없습니다." "The payment was not found.";
    NOT_FOUND_PAYMENT_SESSION 404 "결제 시간이 지나 결제 정보가 없습니다." "The payment session has run out.";
    PROVIDER_ERROR 400 "결제 기관에 일시적인 오류가 있습니다." "The institution has a temporary fault.";
    CARD_PROCESSING_ERROR 400 "카드사에서 오류가 발생했습니다." "The card company reported a fault.";
    UNAPPROVED_ORDER_ID 400 "아직 승인되지 않은 주문번호입니다." "The order is not approved yet.";
    EXCEED_MAX_CARD_INSTALLMENT_PLAN 400 "할부 개월 수가 너무 많습니다." "Too many instalments.";
    NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT 400 "할부를 쓸 수 없는 카드 또는 가맹점입니다." "The card or the shop does not offer instalments.";
    INVALID_CARD_INSTALLMENT_PLAN 400 "할부 개월 수가 올바르지 않습니다." "The number of instalments is not valid.";
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN 400 "할부를 지원하지 않는 카드입니다." "The card does not offer instalments.";
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT 400 "할부 최소 금액에 미치지 못합니다." "The amount is too small for instalments.";
    NOT_ALLOWED_POINT_USE 400 "포인트를 쓸 수 없는 카드입니다." "Points cannot be used with this card.";
    INVALID_REJECT_CARD 400 "카드사가 거절한 카드입니다." "The card was refused.";
    INVALID_STOPPED_CARD 400 "정지된 카드입니다." "The card is suspended.";
    INVALID_CARD_EXPIRATION 400 "카드 유효기간을 확인해 주세요." "The card's expiry date is wrong.";
    INVALID_CARD_NUMBER 400 "카드번호를 확인해 주세요." "The card number is wrong.";
    INVALID_CARD_LOST_OR_STOLEN 400 "분실 또는 도난 신고된 카드입니다." "The card was reported lost or stolen.";
    BELOW_MINIMUM_AMOUNT 400 "최소 결제 금액보다 적습니다." "The amount is below the minimum.";
    EXCEED_MAX_AMOUNT 400 "결제 금액 한도를 넘었습니다." "The amount is above the limit.";
    EXCEED_MAX_DAILY_PAYMENT_COUNT 400 "하루 결제 횟수를 넘었습니다." "Too many payments today.";
    EXCEED_MAX_PAYMENT_AMOUNT 400 "하루 결제 금액을 넘었습니다." "Today's amount limit is used up.";
    EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT 400 "이번 달 결제 금액을 넘었습니다." "This month's amount limit is used up.";
    EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT 400 "하루 출금 한도를 넘었습니다." "Today's withdrawal limit is used up.";
    EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT 400 "1회 출금 한도를 넘었습니다." "The single withdrawal limit is exceeded.";
    EXCEEDS_TRANSFER_AMOUNT_MAXIMUM 400 "이체 한도를 넘었습니다." "The transfer limit is exceeded.";
    RESTRICTED_TRANSFER_ACCOUNT 400 "등록 후 12시간이 지나야 쓸 수 있는 계좌입니다." "The account can be used 12 hours after it was registered.";
    INVALID_ACCOUNT_INFO_RE_REGISTER 400 "계좌를 다시 등록해 주세요." "Register the account again.";
    NOT_AVAILABLE_PAYMENT 400 "지금은 결제할 수 없는 시간입니다." "Payments are closed at this hour.";
    REJECT_CARD_PAYMENT 403 "한도 초과 또는 잔액 부족입니다." "The card's limit or balance is not enough.";
    REJECT_ACCOUNT_PAYMENT 403 "계좌 잔액이 부족합니다." "The account's balance is not enough.";
    REJECT_CARD_COMPANY 403 "카드사가 승인을 거절했습니다." "The card company refused the payment.";
    REJECT_TOSSPAY_INVALID_ACCOUNT 403 "출금 동의가 되지 않은 계좌입니다." "The account has no debit mandate.";
    EXCEED_MAX_AUTH_COUNT 403 "인증 횟수를 넘었습니다." "Too many authentications.";
    EXCEED_MAX_ONE_DAY_AMOUNT 403 "하루 한도를 넘었습니다." "The daily limit is exceeded.";
    NOT_AVAILABLE_BANK 403 "은행 점검 시간입니다." "The bank is closed at this hour.";
    INVALID_PASSWORD 403 "결제 비밀번호가 맞지 않습니다." "The payment password is wrong.";
    FDS_ERROR 403 "위험 거래로 판단되어 결제가 막혔습니다." "The payment was held back as risky.";
    FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING 500 "결제 기관 처리 중 오류가 발생했습니다." "The institution failed to process the request.";
    FAILED_INTERNAL_SYSTEM_PROCESSING 500 "내부 처리 중 오류가 발생했습니다." "Internal processing failed.";
    UNKNOWN_PAYMENT_ERROR 500 "알 수 없는 결제 오류입니다." "Unknown payment error.";
    UNKNOWN_ERROR 500 "알 수 없는 오류입니다." "Unknown error.";
    FAILED_METHOD_HANDLING 500 "결제수단 처리 중 오류가 발생했습니다." "The method could not be handled.";
    FAILED_DB_PROCESSING 500 "데이터 처리 중 오류가 발생했습니다." "Data processing failed.";
    FAILED_HASH_DATA_CREATION 500 "해시 값을 만들지 못했습니다." "A hash value could not be made.";
    PAY_PROCESS_ABORTED 400 "결제가 중단되었습니다." "The payment was aborted.";
    PAY_PROCESS_CANCELED 400 "구매자가 결제를 취소했습니다." "The buyer cancelled the payment.";

    // Cancel.
    ALREADY_CANCELED_PAYMENT 400 "이미 취소된 결제입니다." "The payment was already cancelled.";
    ALREADY_REFUND_PAYMENT 400 "이미 환불된 결제입니다." "The payment was already refunded.";
    ALREADY_REFUNDING_PAYMENT 400 "환불을 처리하고 있습니다." "A refund is being processed.";
    NOT_MATCHES_REFUNDABLE_AMOUNT 400 "취소 가능 금액이 요청과 다릅니다." "The refundable amount differs from the request.";
    INVALID_REFUND_AMOUNT 400 "환불 금액이 올바르지 않습니다." "The refund amount is not valid.";
    INVALID_REFUND_ACCOUNT_INFO 400 "환불 계좌 정보를 확인해 주세요." "The refund account does not match.";
    INVALID_REFUND_ACCOUNT_NUMBER 400 "환불 계좌번호를 확인해 주세요." "The refund account number is wrong.";
    INVALID_BANK 400 "은행을 확인해 주세요." "The bank is not valid.";
    FORBIDDEN_BANK_REFUND_REQUEST 400 "입금받을 수 없는 계좌입니다." "The account cannot receive money.";
    EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT 400 "할인 금액보다 적게 취소할 수 없습니다." "A cancel must not be smaller than the discount.";
    REFUND_REJECTED 400 "환불이 거절되었습니다." "The refund was refused.";
    NOT_CANCELABLE_AMOUNT 403 "취소할 수 없는 금액입니다." "This amount cannot be cancelled.";
    NOT_CANCELABLE_PAYMENT 403 "취소할 수 없는 결제입니다." "This payment cannot be cancelled.";
    EXCEED_MAX_REFUND_DUE 403 "환불 기간이 지났습니다." "The time for refunds is over.";
    EXCEED_MAX_REFUND_AMOUNT 403 "환불 한도를 넘었습니다." "The refund limit is exceeded.";
    EXCEED_CANCEL_LIMIT 403 "취소 한도를 넘었습니다." "The cancel limit is exceeded.";
    NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT 403 "입금 전에는 부분 취소할 수 없습니다." "No partial cancel before the deposit.";
    NOT_ALLOWED_PARTIAL_REFUND 403 "부분 취소할 수 없는 결제입니다." "This payment cannot be cancelled in part.";
    NOT_SUPPORTED_REFUND 403 "환불을 지원하지 않습니다." "Refunds are not supported.";
    NOT_ALLOWED_REFUND_BANK 403 "환불할 수 없는 은행입니다." "The bank takes no refunds.";
    NOT_ALLOWED_CHANGING_ACCOUNT 403 "환불 계좌를 바꿀 수 없습니다." "The refund account cannot be changed.";
    NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER 403 "휴면 회원의 결제는 취소할 수 없습니다." "A dormant user's payment cannot be cancelled.";
    FAILED_REFUND_PROCESS 500 "은행 응답이 늦어 환불하지 못했습니다." "The bank was too slow for the refund.";
    FAILED_METHOD_HANDLING_CANCEL 500 "결제수단 취소 중 오류가 발생했습니다." "The method could not be cancelled.";
    FAILED_PARTIAL_REFUND 500 "부분 환불에 실패했습니다." "The partial refund failed.";
    COMMON_ERROR 500 "일시적인 오류입니다. 잠시 뒤 다시 시도해 주세요." "A temporary error. Try again later.";

    // Virtual accounts, billing and receipts; known so that the test-code header can name them.
    EXCEED_MAX_DUE_DATE 400 "입금 기한이 너무 깁니다." "The due date is too far ahead.";
    INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE 400 "입금 기한은 한 가지 방법으로만 정할 수 있습니다." "Give either valid hours or a due date.";
    REQUIRED_ACCOUNT_KEY 400 "계좌 키가 필요합니다." "An account key is required.";
    NOT_MATCHES_CUSTOMER_KEY 400 "구매자 키가 다릅니다." "The customer key differs.";
    ALREADY_REMOVED_BILLING_KEY 400 "이미 삭제된 빌링키입니다." "The billing key was removed.";
    DUPLICATED_CASH_RECEIPT 400 "이미 발급된 현금영수증입니다." "The cash receipt was already issued.";
    NOT_FOUND_BILLING 404 "빌링키를 찾을 수 없습니다." "The billing key was not found.";
}

// What the browser script and the payment window refuse; no answer of the API.
codes! {
    INVALID_CLIENT_KEY 400 "클라이언트 키를 확인해 주세요." "The client key is not valid.";
    INSECURE_KEY_USAGE 400 "시크릿 키는 브라우저에서 쓰면 안 됩니다." "A secret key must not be used in a browser.";
    INVALID_AMOUNT_VALUE 400 "금액을 확인해 주세요." "The amount is not valid.";
    INVALID_AMOUNT_CURRENCY 400 "통화를 확인해 주세요." "The currency is not valid.";
    INVALID_METADATA 400 "메타데이터를 확인해 주세요." "The metadata are not valid.";
    INCORRECT_SUCCESS_URL_FORMAT 400 "successUrl은 http(s)로 시작하는 전체 주소여야 합니다." "successUrl must be a full http(s) address.";
    INCORRECT_FAIL_URL_FORMAT 400 "failUrl은 http(s)로 시작하는 전체 주소여야 합니다." "failUrl must be a full http(s) address.";
    INVALID_PARAMETERS 400 "결제 요청 값을 확인해 주세요." "The payment request is not valid.";
}

// Only ever stored as the failure of a payment.
codes! {
    EXPIRED_PAYMENT 400 "결제 유효 시간이 지났습니다." "The time for this payment is over.";
}

/// The API code of that exact name, if Toss has one.
pub(crate) fn find_code(name: &str) -> Option<&'static Code> {
    API.iter().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_with_an_error_status_and_both_texts() {
        let mut names: Vec<&str> = API.iter().map(|code| code.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a code is listed twice");
        for code in API {
            assert!((400..=599).contains(&code.status), "{}", code.name);
            assert!(!code.korean.is_empty() && !code.english.is_empty(), "{}", code.name);
            assert!(code.english.is_ascii(), "{} has Korean in its English text", code.name);
        }
    }

    #[test]
    fn the_statuses_that_callers_branch_on_are_those_of_toss() {
        for (name, status) in [
            ("ALREADY_PROCESSED_PAYMENT", 400),
            ("REJECT_CARD_COMPANY", 403),
            ("NOT_FOUND_PAYMENT_SESSION", 404),
            ("IDEMPOTENT_REQUEST_PROCESSING", 409),
            ("FAILED_PARTIAL_REFUND", 500),
            ("NOT_CANCELABLE_AMOUNT", 403),
            ("ALREADY_CANCELED_PAYMENT", 400),
        ] {
            assert_eq!(find_code(name).map(|code| code.status), Some(status), "{name}");
        }
        assert_eq!(find_code("EXPIRED_PAYMENT"), None, "only ever a stored failure");
        assert_eq!(find_code(""), None);
    }
}
