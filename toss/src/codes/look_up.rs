//! The codes of a look-up. Source: Toss Payments, API error codes, payment query.

use domain::answer::FailureClass::{Absent, Ambiguous, Broken, Contradictory, Limited};

use super::{CodeRule, global, listed};

pub(super) const RULES: &[CodeRule] = &[
    listed(
        "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT",
        400,
        Contradictory,
        "about instalments: an odd entry of Toss's table that tells nothing about a look-up",
    ),
    listed("UNAUTHORIZED_KEY", 401, Broken, "the secret key is not accepted"),
    listed("INCORRECT_BASIC_AUTH_FORMAT", 403, Broken, "the authorization header is malformed"),
    listed(
        "FORBIDDEN_CONSECUTIVE_REQUEST",
        403,
        Limited,
        "requests for this payment too close together",
    ),
    listed("NOT_FOUND_PAYMENT", 404, Absent, "no such payment under this key"),
    listed("NOT_FOUND", 404, Absent, "nothing found"),
    listed("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, Ambiguous, "fault at the institution"),
    global("FORBIDDEN_REQUEST", 403, Broken, "not allowed to this key, as for the other calls"),
];
