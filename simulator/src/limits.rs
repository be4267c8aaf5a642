//! Every limit and every duration of the simulator, in one place.
//!
//! Durations on the movable clock are milliseconds as `i64`; those of the real world are `Duration`s.

use std::time::Duration;

/// Payments kept; the oldest finished one makes room for a new one.
pub(crate) const PAYMENTS_MAX: usize = 10_000;
/// Answers kept under idempotency keys; the oldest finished one makes room.
pub(crate) const IDEMPOTENCY_ENTRIES_MAX: usize = 20_000;
/// Faults waiting to happen.
pub(crate) const FAULTS_MAX: usize = 10_000;
/// How often one fault may be repeated.
pub(crate) const FAULT_TIMES_MAX: u32 = 1_000_000;
/// Longest injected delay, 10 minutes.
pub(crate) const FAULT_DELAY_MS_MAX: u64 = 600_000;
/// Requests with a delay that may run at once; more are throttled.
pub(crate) const DELAYED_REQUESTS_MAX: usize = 4_096;
/// Requests remembered per payment in the ledger; the oldest are dropped.
pub(crate) const LEDGER_REQUESTS_MAX: usize = 64;
/// Bytes of a request body remembered in the ledger.
pub(crate) const LEDGER_BODY_BYTES_MAX: usize = 2_048;
/// Bytes of a request's header remembered in the ledger: no idempotency key may be longer.
pub(crate) const LEDGER_HEADER_BYTES_MAX: usize = 300;
/// Cancels of one payment.
pub(crate) const CANCELS_MAX: usize = 1_000;
/// The newest so many entries are shown of a list that may be long.
pub(crate) const LISTED_MAX: usize = 1_000;
/// Bytes of a request body, on every path.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// Source: Toss, lengths of the common parameters.
pub(crate) const PAYMENT_KEY_CHARS_MAX: usize = 200;
pub(crate) const ORDER_ID_CHARS_MIN: usize = 6;
pub(crate) const ORDER_ID_CHARS_MAX: usize = 64;
pub(crate) const ORDER_NAME_CHARS_MAX: usize = 100;
pub(crate) const CUSTOMER_TEXT_CHARS_MAX: usize = 100;
pub(crate) const CANCEL_REASON_CHARS_MAX: usize = 200;
pub(crate) const IDEMPOTENCY_KEY_CHARS_MAX: usize = 300;
pub(crate) const REFUND_ACCOUNT_DIGITS_MAX: usize = 20;
pub(crate) const REFUND_HOLDER_CHARS_MAX: usize = 60;
pub(crate) const METADATA_PAIRS_MAX: usize = 5;
pub(crate) const METADATA_KEY_CHARS_MAX: usize = 40;
pub(crate) const METADATA_VALUE_CHARS_MAX: usize = 2_000;

/// Keys that are given to a merchant by name or by another key, or revoked.
pub(crate) const KEYS_MAX: usize = 1_000;
pub(crate) const M_ID_CHARS_MAX: usize = 14;
/// Deliveries of webhooks kept, sent or not; the oldest that is over makes room, then the oldest of all.
pub(crate) const WEBHOOKS_MAX: usize = 10_000;
/// Of those that are over, so many are remembered.
pub(crate) const WEBHOOKS_OVER_MAX: usize = 1_000;
/// Registered addresses of webhooks.
pub(crate) const WEBHOOK_ENDPOINTS_MAX: usize = 100;
/// Webhooks on their way at once.
pub(crate) const WEBHOOKS_IN_FLIGHT_MAX: usize = 16;
/// Attempts remembered of one delivery: the ladder's eight, its duplicates and some by hand.
pub(crate) const WEBHOOK_ATTEMPTS_MAX: usize = 24;
/// Events of one payment, beyond which no deposit is reversed any more.
pub(crate) const RECORDS_MAX: usize = 2_000;
pub(crate) const SECRET_KEY_CHARS_MAX: usize = 200;
pub(crate) const REDIRECT_URL_BYTES_MAX: usize = 2_048;
/// The largest amount one payment may have, in won: far above any real order, far below overflow.
pub(crate) const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Source: Toss, smallest card and bank transfer payments, in won.
pub(crate) const CARD_AMOUNT_MIN: i64 = 100;
pub(crate) const ACCOUNT_AMOUNT_MIN: i64 = 200;

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Source: Toss, a window lives 30 minutes, a confirm must follow the authentication within 10.
pub(crate) const WINDOW_MS: i64 = 30 * MINUTE_MS;
pub(crate) const CONFIRM_MS: i64 = 10 * MINUTE_MS;
/// Source: Toss, an idempotency key is valid 15 days from its first use.
pub(crate) const IDEMPOTENCY_MS: i64 = 15 * DAY_MS;
/// Source: Toss, minutes between the tries of a webhook that was not answered with 200.
pub(crate) const WEBHOOK_LADDER_MINUTES: [i64; 7] = [1, 4, 16, 64, 256, 1_024, 4_096];
/// With reordering switched on, a webhook waits so long for one of the same payment to overtake it.
pub(crate) const WEBHOOK_OVERTAKEN_MS: i64 = MINUTE_MS;
/// Cash receipts kept; the oldest makes room.
pub(crate) const CASH_RECEIPTS_MAX: usize = 10_000;
/// Source: Toss, default and largest page of the list of cash receipts, and when their issue is final.
pub(crate) const CASH_RECEIPTS_PAGE_DEFAULT: u64 = 100;
pub(crate) const CASH_RECEIPTS_PAGE_MAX: u64 = 10_000;
pub(crate) const CASH_RECEIPT_FINAL_MS: i64 = DAY_MS;
pub(crate) const IDENTITY_DIGITS_MAX: usize = 30;
/// Source: Toss, default and largest page of the transactions feed.
pub(crate) const TRANSACTIONS_PAGE_DEFAULT: usize = 100;
pub(crate) const TRANSACTIONS_PAGE_MAX: usize = 5_000;
/// Source: Toss, largest `validHours` of a virtual account, and how far ahead its due date may be.
pub(crate) const VALID_HOURS_MAX: i64 = 2_160;
/// Source: Toss, default `validHours` of a virtual account is 168.
pub(crate) const DEPOSIT_MS: i64 = 168 * HOUR_MS;
/// Source: Toss, a virtual account's refund is credited two days after the request.
pub(crate) const REFUND_CREDIT_MS: i64 = 2 * DAY_MS;
/// Source: Toss, the refund account can be read for 30 minutes after the window opened.
pub(crate) const REFUND_ACCOUNT_READABLE_MS: i64 = 30 * MINUTE_MS;
/// Source: Toss, transfers can be cancelled for 180 days, virtual accounts for 365.
pub(crate) const TRANSFER_CANCEL_MS: i64 = 180 * DAY_MS;
pub(crate) const VIRTUAL_ACCOUNT_CANCEL_MS: i64 = 365 * DAY_MS;

/// Changes of the state are gathered for so long before the state file is written.
pub(crate) const STATE_FILE_DEBOUNCE: Duration = Duration::from_millis(200);
/// Writing a large state waits this many times the last writing time, so that it stays in the background.
pub(crate) const STATE_FILE_REST_FACTOR: u32 = 8;
pub(crate) const STATE_FILE_REST_MAX: Duration = Duration::from_secs(2);
/// How long open connections may go on after a shutdown was asked for.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_millis(800);
