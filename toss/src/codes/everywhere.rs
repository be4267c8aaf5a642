//! The codes that any call may bring: of the idempotency layer, of keys and contracts, of a server in trouble. A call's own table
//! comes first. Source: Toss Payments, API error codes, global list; idempotency keys.

use domain::answer::FailureClass::{Ambiguous, Broken, InProgress};

use super::{CodeRule, global, listed};

pub(super) const RULES: &[CodeRule] = &[
    listed(
        "IDEMPOTENT_REQUEST_PROCESSING",
        409,
        InProgress,
        "the first request with this idempotency key is running",
    ),
    listed(
        "INVALID_IDEMPOTENCY_KEY",
        400,
        Broken,
        "an idempotency key of more than 300 characters",
    ),
    global("INVALID_API_KEY", 400, Broken, "the keys are not of one pair"),
    global(
        "API_VERSION_UPDATE_NEEDED",
        400,
        Broken,
        "the key's API version is too old for this call",
    ),
    global(
        "INVALID_TEST_CODE",
        400,
        Broken,
        "a test header that we never send: something on the way adds it",
    ),
    global(
        "INVALID_REQUIRED_PARAM",
        400,
        Broken,
        "a field is missing that we always send: every such call would fail",
    ),
    global("NOT_SUPPORTED_METHOD", 400, Broken, "the contract does not have this payment method"),
    global("NOT_FOUND_MERCHANT", 404, Broken, "the merchant does not exist"),
    global("NOT_FOUND_HTTP_METHOD", 404, Broken, "no such endpoint: the base address is wrong"),
    global("FAILED_METHOD_HANDLING", 500, Ambiguous, "fault of the payment method"),
    global("FAILED_DB_PROCESSING", 500, Ambiguous, "fault of Toss's database"),
    global("FAILED_HASH_DATA_CREATION", 500, Ambiguous, "fault inside Toss"),
    global("FAILED_INTERNAL_SYSTEM_PROCESSING", 500, Ambiguous, "fault inside Toss"),
    global("COMMON_ERROR", 500, Ambiguous, "passing fault"),
    global("PROVIDER_ERROR", 400, Ambiguous, "passing fault at the institution"),
    global("UNKNOWN_ERROR", 500, Ambiguous, "fault of unknown kind"),
];
