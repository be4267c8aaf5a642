//! The closed list of problem codes. A code never changes its meaning; a new one needs an entry in one of the modules below, and
//! a test that produces it.

mod confirm;
mod operators;
mod order;
mod request;
mod staff;

use axum::http::StatusCode;

use crate::words::Text;

/// Whether sending the same request again makes sense. It is never harmful: what was accepted is not accepted twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The same answer would come again: something has to change first.
    Pointless,
    /// It may succeed later, as it is.
    Later,
    /// It may have been accepted: send it again as it is, with the same `Idempotency-Key` if it had one.
    ToFindOut,
}

/// What stands behind a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Info {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A short name for people, the same for every occurrence.
    pub(crate) title: Text,
    /// What to tell a person, where nothing more exact is known.
    pub(crate) detail: Text,
    /// For developers: when this happens.
    pub(crate) meaning: &'static str,
    /// For developers: what to do about it.
    pub(crate) action: &'static str,
    /// Whether to send it again.
    pub(crate) repeat: Repeat,
}

macro_rules! codes {
    ($($name:ident = $word:literal, $info:path;)*) => {
        /// Why a request was refused. The word in answers is stable; texts may change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each code is described in its entry, from which docs/problems.md is made")]
        pub enum ProblemCode {
            $($name,)*
        }

        impl ProblemCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [ProblemCode] = &[$(ProblemCode::$name,)*];

            /// The code as answers carry it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(ProblemCode::$name => $word,)*
                }
            }

            pub(crate) const fn info(self) -> &'static Info {
                match self {
                    $(ProblemCode::$name => &$info,)*
                }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", request::INVALID_REQUEST;
    Unauthorized = "unauthorized", request::UNAUTHORIZED;
    TicketExpired = "ticket_expired", request::TICKET_EXPIRED;
    Forbidden = "forbidden", request::FORBIDDEN;
    NotFound = "not_found", request::NOT_FOUND;
    MethodNotAllowed = "method_not_allowed", request::METHOD_NOT_ALLOWED;
    BodyTooLarge = "body_too_large", request::BODY_TOO_LARGE;
    BodyTimedOut = "body_timed_out", request::BODY_TIMED_OUT;
    UnsupportedMediaType = "unsupported_media_type", request::UNSUPPORTED_MEDIA_TYPE;
    IdempotencyKeyMissing = "idempotency_key_missing", request::IDEMPOTENCY_KEY_MISSING;
    IdempotencyKeyInvalid = "idempotency_key_invalid", request::IDEMPOTENCY_KEY_INVALID;
    IdempotencyKeyReused = "idempotency_key_reused", request::IDEMPOTENCY_KEY_REUSED;
    TooManyRequests = "too_many_requests", request::TOO_MANY_REQUESTS;
    Overloaded = "overloaded", request::OVERLOADED;
    TimedOut = "timed_out", request::TIMED_OUT;
    Unavailable = "unavailable", request::UNAVAILABLE;
    Internal = "internal", request::INTERNAL;

    StoreUnknown = "store_unknown", order::STORE_UNKNOWN;
    MerchantKeysMissing = "merchant_keys_missing", order::MERCHANT_KEYS_MISSING;
    OrderUnknown = "order_unknown", order::ORDER_UNKNOWN;
    EmptyCart = "empty_cart", order::EMPTY_CART;
    CartTooLarge = "cart_too_large", order::CART_TOO_LARGE;
    QuantityOutOfRange = "quantity_out_of_range", order::QUANTITY_OUT_OF_RANGE;
    ProductUnknown = "product_unknown", order::PRODUCT_UNKNOWN;
    ProductOfOtherStore = "product_of_other_store", order::PRODUCT_OF_OTHER_STORE;
    ProductUnavailable = "product_unavailable", order::PRODUCT_UNAVAILABLE;
    OptionUnknown = "option_unknown", order::OPTION_UNKNOWN;
    OptionUnavailable = "option_unavailable", order::OPTION_UNAVAILABLE;
    OptionDuplicate = "option_duplicate", order::OPTION_DUPLICATE;
    TooManyOptions = "too_many_options", order::TOO_MANY_OPTIONS;
    TooFewChoices = "too_few_choices", order::TOO_FEW_CHOICES;
    TooManyChoices = "too_many_choices", order::TOO_MANY_CHOICES;
    StoreClosed = "store_closed", order::STORE_CLOSED;
    BelowMinimumOrder = "below_minimum_order", order::BELOW_MINIMUM_ORDER;
    AmountTooLarge = "amount_too_large", order::AMOUNT_TOO_LARGE;
    AmountTooSmall = "amount_too_small", order::AMOUNT_TOO_SMALL;
    AmountMismatch = "amount_mismatch", order::AMOUNT_MISMATCH;
    OrderIdTaken = "order_id_taken", order::ORDER_ID_TAKEN;

    ConfirmAmountMismatch = "confirm_amount_mismatch", confirm::CONFIRM_AMOUNT_MISMATCH;
    ConfirmConflict = "confirm_conflict", confirm::CONFIRM_CONFLICT;
    PaymentKeyTaken = "payment_key_taken", confirm::PAYMENT_KEY_TAKEN;
    OrderClosed = "order_closed", confirm::ORDER_CLOSED;
    OrderLapsed = "order_lapsed", confirm::ORDER_LAPSED;
    OrderHasPayment = "order_has_payment", confirm::ORDER_HAS_PAYMENT;

    CancelUnknown = "cancel_unknown", staff::CANCEL_UNKNOWN;
    CancelBeforePayment = "cancel_before_payment", staff::CANCEL_BEFORE_PAYMENT;
    CancelUndecided = "cancel_undecided", staff::CANCEL_UNDECIDED;
    CancelNothingTaken = "cancel_nothing_taken", staff::CANCEL_NOTHING_TAKEN;
    CancelNothingLeft = "cancel_nothing_left", staff::CANCEL_NOTHING_LEFT;
    CancelExceedsBalance = "cancel_exceeds_balance", staff::CANCEL_EXCEEDS_BALANCE;
    CancelZero = "cancel_zero", staff::CANCEL_ZERO;
    CancelWholeOnly = "cancel_whole_only", staff::CANCEL_WHOLE_ONLY;
    CancelMayRepeatLost = "cancel_may_repeat_lost", staff::CANCEL_MAY_REPEAT_LOST;
    CancelTaxFreePart = "cancel_tax_free_part", staff::CANCEL_TAX_FREE_PART;
    CancelAccountNeeded = "cancel_account_needed", staff::CANCEL_ACCOUNT_NEEDED;
    CancelAccountUnwanted = "cancel_account_unwanted", staff::CANCEL_ACCOUNT_UNWANTED;
    CancelTooMany = "cancel_too_many", staff::CANCEL_TOO_MANY;

    JobUnknown = "job_unknown", staff::JOB_UNKNOWN;
    JobEnded = "job_ended", staff::JOB_ENDED;
    JobDeclined = "job_declined", staff::JOB_DECLINED;
    JobUnderWay = "job_under_way", staff::JOB_UNDER_WAY;
    JobLookUpOnly = "job_look_up_only", staff::JOB_LOOK_UP_ONLY;
    JobWindowOver = "job_window_over", staff::JOB_WINDOW_OVER;
    JobNotParked = "job_not_parked", staff::JOB_NOT_PARKED;
    JobOutcomeUnknown = "job_outcome_unknown", staff::JOB_OUTCOME_UNKNOWN;
    JobNotWaiting = "job_not_waiting", operators::JOB_NOT_WAITING;
    DueTooEarly = "due_too_early", operators::DUE_TOO_EARLY;
    DueTooLate = "due_too_late", operators::DUE_TOO_LATE;
    JobChanged = "job_changed", operators::JOB_CHANGED;

    MatchNothing = "match_nothing", operators::MATCH_NOTHING;
    MatchEntryUnknown = "match_entry_unknown", operators::MATCH_ENTRY_UNKNOWN;
    MatchAmountDiffers = "match_amount_differs", operators::MATCH_AMOUNT_DIFFERS;
    MatchNotSettled = "match_not_settled", operators::MATCH_NOT_SETTLED;
    MatchCarriesTag = "match_carries_tag", operators::MATCH_CARRIES_TAG;
    PaymentChanged = "payment_changed", operators::PAYMENT_CHANGED;
    ReviewNone = "review_none", operators::REVIEW_NONE;
    ReviewJobFirst = "review_job_first", operators::REVIEW_JOB_FIRST;
    ReviewEndsByProof = "review_ends_by_proof", operators::REVIEW_ENDS_BY_PROOF;
    HoldExists = "hold_exists", operators::HOLD_EXISTS;
    HoldUnknown = "hold_unknown", operators::HOLD_UNKNOWN;
    BulkRunUnknown = "bulk_run_unknown", operators::BULK_RUN_UNKNOWN;
    BulkRunEnded = "bulk_run_ended", operators::BULK_RUN_ENDED;
    BulkEmpty = "bulk_empty", operators::BULK_EMPTY;
    BulkTooMany = "bulk_too_many", operators::BULK_TOO_MANY;
    BulkBusy = "bulk_busy", operators::BULK_BUSY;
    BulkChanged = "bulk_changed", operators::BULK_CHANGED;

    ProductIdTaken = "product_id_taken", staff::PRODUCT_ID_TAKEN;
    MenuFull = "menu_full", staff::MENU_FULL;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_word_in_snake_case() {
        let mut words: Vec<_> = ProblemCode::ALL.iter().map(|code| code.word()).collect();
        for word in &words {
            assert!(word.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{word}");
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ProblemCode::ALL.len());
    }

    #[test]
    fn every_code_is_an_error_and_is_written_in_both_languages() {
        for code in ProblemCode::ALL {
            let info = code.info();
            assert!(info.status.is_client_error() || info.status.is_server_error(), "{code:?}");
            for text in [info.title, info.detail] {
                assert!(
                    text.ko.chars().any(|c| ('가'..='힣').contains(&c)),
                    "{code:?}: {}",
                    text.ko
                );
                assert!(text.en.is_ascii(), "{code:?}: {}", text.en);
            }
            assert!(!info.title.en.ends_with('.') && info.detail.en.ends_with('.'), "{code:?}");
            assert!(info.meaning.ends_with('.') && info.action.ends_with('.'), "{code:?}");
        }
    }
}
