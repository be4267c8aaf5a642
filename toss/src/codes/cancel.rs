//! The codes of a cancel. Source: Toss Payments, API error codes, payment cancel.

use domain::answer::FailureClass::{
    Ambiguous, BankClosed, Broken, Contradictory, Disputed, Limited, Refused,
};

use super::{CodeRule, global, listed};

pub(super) const RULES: &[CodeRule] = &[
    listed("ALREADY_CANCELED_PAYMENT", 400, Contradictory, "cancelled before, perhaps by us"),
    listed("ALREADY_REFUND_PAYMENT", 400, Contradictory, "refunded before, perhaps by us"),
    listed(
        "NOT_MATCHES_REFUNDABLE_AMOUNT",
        400,
        Contradictory,
        "another balance than we believed: somebody else cancelled",
    ),
    listed(
        "PROVIDER_ERROR",
        400,
        Ambiguous,
        "passing fault at the institution, though it comes as 400",
    ),
    listed("INVALID_REQUEST", 400, Refused, "refused as invalid"),
    listed("INVALID_REFUND_ACCOUNT_INFO", 400, Refused, "holder and refund account do not match"),
    listed("INVALID_REFUND_ACCOUNT_NUMBER", 400, Refused, "wrong number of the refund account"),
    listed("INVALID_BANK", 400, Refused, "wrong bank of the refund account"),
    listed(
        "FORBIDDEN_BANK_REFUND_REQUEST",
        400,
        Refused,
        "the refund account cannot receive money",
    ),
    listed(
        "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
        400,
        Refused,
        "the part is smaller than the discount",
    ),
    listed("REFUND_REJECTED", 400, Refused, "the institution refused the refund; ask it"),
    listed("UNAUTHORIZED_KEY", 401, Broken, "the secret key is not accepted"),
    listed("INCORRECT_BASIC_AUTH_FORMAT", 403, Broken, "the authorization header is malformed"),
    listed("FORBIDDEN_REQUEST", 403, Broken, "not allowed to this key"),
    listed(
        "FORBIDDEN_CONSECUTIVE_REQUEST",
        403,
        Limited,
        "requests for this payment too close together",
    ),
    listed(
        "NOT_CANCELABLE_AMOUNT",
        403,
        Disputed,
        "more than is left, or all of it was given back in parts before",
    ),
    listed(
        "NOT_CANCELABLE_PAYMENT",
        403,
        Disputed,
        "not cancellable in its state, perhaps because it was cancelled",
    ),
    listed("EXCEED_MAX_REFUND_DUE", 403, Refused, "too late; refund by another way"),
    listed(
        "EXCEED_CANCEL_LIMIT",
        403,
        Refused,
        "above the merchant's limit of cancels, which may be reset",
    ),
    listed(
        "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
        403,
        Refused,
        "before the deposit only the whole can be cancelled",
    ),
    listed(
        "NOT_ALLOWED_PARTIAL_REFUND",
        403,
        Refused,
        "escrow and some cards are cancelled as a whole only",
    ),
    listed("NOT_AVAILABLE_BANK", 403, BankClosed, "the bank is closed at this hour"),
    listed(
        "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
        403,
        Refused,
        "the wallet's user is dormant; refund by another way",
    ),
    listed("NOT_FOUND_PAYMENT", 404, Refused, "no such payment under this key"),
    listed(
        "FAILED_REFUND_PROCESS",
        500,
        Ambiguous,
        "the bank was slow or failed; it may have gone through",
    ),
    listed("FAILED_METHOD_HANDLING_CANCEL", 500, Ambiguous, "fault of the payment method"),
    listed(
        "FAILED_PARTIAL_REFUND",
        500,
        Ambiguous,
        "maintenance at the bank, or the account is closed",
    ),
    listed("COMMON_ERROR", 500, Ambiguous, "passing fault"),
    listed("FAILED_INTERNAL_SYSTEM_PROCESSING", 500, Ambiguous, "fault inside Toss"),
    listed("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, Ambiguous, "fault at the institution"),
    global("ALREADY_REFUNDING_PAYMENT", 400, Contradictory, "a refund is running, perhaps ours"),
    global(
        "DUPLICATED_REQUEST",
        400,
        Contradictory,
        "came twice: the first one may have been done",
    ),
    global(
        "INVALID_REFUND_AMOUNT",
        400,
        Disputed,
        "not an amount that can be given back, perhaps because it was",
    ),
    global(
        "EXCEED_MAX_REFUND_AMOUNT",
        403,
        Disputed,
        "more than can be given back, perhaps because it was",
    ),
    global("INVALID_CURRENCY", 400, Refused, "approved in another currency"),
    global(
        "NOT_SUPPORTED_REFUND",
        403,
        Refused,
        "the method has no refunds; refund by another way",
    ),
    global(
        "NOT_ALLOWED_REFUND_BANK",
        403,
        Refused,
        "the bank takes no refunds; another account is needed",
    ),
    global(
        "NOT_ALLOWED_CHANGING_ACCOUNT",
        403,
        Refused,
        "the refund account cannot be changed any more",
    ),
];
