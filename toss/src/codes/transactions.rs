//! The codes of the list of transactions. Source: Toss Payments, API error codes, transactions and global list.

use domain::answer::FailureClass::{Ambiguous, Broken};

use super::{CodeRule, global, listed};

pub(super) const RULES: &[CodeRule] = &[
    listed("UNAUTHORIZED_KEY", 401, Broken, "the secret key is not accepted"),
    listed("INCORRECT_BASIC_AUTH_FORMAT", 403, Broken, "the authorization header is malformed"),
    listed("EXCEED_MAX_QUERY_LIMIT", 400, Broken, "more records asked for than one page may have"),
    global("INVALID_PAGING_KEY", 400, Broken, "the cursor is none of Toss's"),
    global("INVALID_DATE", 400, Broken, "a date cannot be read, or the range is not allowed"),
    global("INVALID_REQUEST", 400, Broken, "the question is malformed"),
    global("FORBIDDEN_REQUEST", 403, Broken, "not allowed to this key"),
    global("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, Ambiguous, "fault at the institution"),
];
