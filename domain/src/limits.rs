//! Every limit and every time of the product that is a rule and not a deployment's choice, each with its reason.
//!
//! Units stand last in the names. What an operator may tune (pool sizes, concurrency, rate limits) is in `app`'s configuration.

/// How long one call to Toss may take, from the start of connecting to the last byte. Card companies and banks stand behind a
/// confirm; Toss names no figure, and a minute is what its slow queries are documented with.
pub const CALL_DEADLINE_MS: i64 = 60_000;
/// How long connecting may take. Nothing has been sent by then, so giving up early costs nothing.
pub const CONNECT_TIMEOUT_MS: i64 = 3_000;
/// How long a claimed job belongs to its worker without a renewal. A killed worker's job is picked up after this.
pub const LEASE_MS: i64 = 20_000;
/// How often a worker renews the leases of everything it holds: several chances before a lease is over.
pub const LEASE_RENEWAL_MS: i64 = 5_000;
/// How often a worker says that it lives.
pub const HEARTBEAT_MS: i64 = 5_000;
/// How long after its last heartbeat a worker counts as alive: two may be lost.
pub const WORKER_ALIVE_MS: i64 = 3 * HEARTBEAT_MS;
/// What must be left of a lease, by the worker's own monotonic clock, for a call to be started under it.
pub const LEASE_LEFT_TO_SEND_MS: i64 = 5_000;
/// How long after its start a call that nobody finished may still reach Toss: its deadline, and the lease of a paused worker.
pub const UNFINISHED_CALL_MS: i64 = CALL_DEADLINE_MS + LEASE_MS;
/// How long a stopping worker waits for calls in flight: longer than any call.
pub const DRAIN_MS: i64 = 65_000;

/// How long after its acceptance a confirm may be sent. Toss allows ten minutes from the authentication, which is earlier.
pub const CONFIRM_WINDOW_MS: i64 = 10 * 60_000;
/// When "not approved" counts as proof: the window and five minutes in which the last request may still have been finishing.
pub const CONFIRM_PROOF_MS: i64 = 15 * 60_000;
/// How long look-ups may stay unanswered before a person is asked.
pub const ESCALATE_AFTER_MS: i64 = 60 * 60_000;
/// How long a cancel is tried before a person is asked. Toss's idempotency keys live for 15 days.
pub const CANCEL_TRIES_MS: i64 = 24 * 60 * 60_000;
/// How long after an answered, ambiguous cancel a look-up must have started to prove that nothing was cancelled.
pub const CANCEL_SETTLE_MS: i64 = 60_000;
/// How long after a restored backup was recovered the calls that are not on record in it may still take effect: the longest that one may
/// be under way, and what an ambiguous answer may do after it.
pub const RESTORE_SETTLE_MS: i64 = UNFINISHED_CALL_MS + CANCEL_SETTLE_MS;
/// The least time between two cancels of one payment: Toss refuses requests that follow each other too fast.
pub const CANCEL_SPACING_MS: i64 = 1_100;
/// How long after an account's due time a deposit may still be on its way through the banks: only then is a look-up proof that none came.
pub const DEPOSIT_TAIL_MS: i64 = 10 * 60_000;
/// How long an account takes money when Toss names no due time: the longest that Toss allows.
pub const DEPOSIT_DAYS_MAX: i64 = 90;
/// The least time between a look-up of a payment and the next that a webhook asks for: webhooks are unsigned, and whoever floods us with
/// them must not flood Toss.
pub const LOOK_UP_SPACING_MS: i64 = 3_000;
/// How long a webhook is kept that names a payment that there is not: it may be earlier than our own commit, or mean another system.
pub const WEBHOOK_WAIT_MS: i64 = 24 * 60 * 60_000;
/// How many webhooks that belong to no payment are kept: the oldest go first.
pub const STRAY_WEBHOOKS_MAX: u64 = 1_000;
/// How many webhooks of one payment are kept: the oldest go first. Toss sends a dozen for a payment with several cancels.
pub const PAYMENT_WEBHOOKS_MAX: u64 = 100;

/// How many confirm or cancel calls one job may make under all its keys together.
pub const POSTS_MAX: u32 = 30;
/// How many idempotency keys one confirm may use.
pub const CONFIRM_KEYS_MAX: u32 = 4;
/// How many idempotency keys one cancel may use.
pub const CANCEL_KEYS_MAX: u32 = 5;
/// After how many claims in a row that never finished a job is parked: it may be killing its workers.
pub const UNFINISHED_CLAIMS_MAX: usize = 3;
/// How many attempts of one job are kept in the decision's view. A job that lives longer keeps all rows, but only the last count.
pub const HISTORY_MAX: u64 = 200;

/// The first grace of a published job before the relay publishes it again.
pub const GRACE_MS: i64 = 10_000;
/// The longest grace: a deep backlog is not a lost message.
pub const GRACE_MS_MAX: i64 = 120_000;
/// How often the relay looks for due jobs.
pub const RELAY_POLL_MS: i64 = 250;
/// How many due jobs the relay takes at a time.
pub const RELAY_BATCH_MAX: u64 = 100;

/// How long an order may be paid by default: Toss's 30-minute window, its 10 minutes for the confirm, and a margin.
pub const PAY_BY_MS: i64 = 45 * 60_000;
/// What Toss takes by card at the least.
pub const CARD_AMOUNT_MIN: i64 = 100;
/// What Toss takes from or into an account at the least.
pub const ACCOUNT_AMOUNT_MIN: i64 = 200;
/// The smallest order: something must take it.
pub const ORDER_AMOUNT_MIN: i64 = CARD_AMOUNT_MIN;
/// The largest order that is accepted: a hundred million won.
pub const ORDER_AMOUNT_MAX: i64 = 100_000_000;
/// The highest price of a product or an option.
pub const PRICE_MAX: i64 = 10_000_000;
/// How many lines a cart may have.
pub const CART_LINES_MAX: usize = 50;
/// How many of one line may be ordered.
pub const QUANTITY_MAX: u32 = 99;
/// How many options one line may choose.
pub const LINE_OPTIONS_MAX: usize = 30;
/// The longest order name that Toss takes, in characters.
pub const ORDER_NAME_CHARS_MAX: usize = 100;
/// The longest name of a store, product, option or customer, in characters. Toss takes 100 for a customer's.
pub const NAME_CHARS_MAX: usize = 100;
/// The longest e-mail address that Toss takes.
pub const EMAIL_CHARS_MAX: usize = 100;
/// The shortest customer key that Toss's window takes.
pub const CUSTOMER_KEY_CHARS_MIN: usize = 2;
/// The longest customer key that Toss's window takes.
pub const CUSTOMER_KEY_CHARS_MAX: usize = 50;
/// The longest delivery address, in characters.
pub const ADDRESS_CHARS_MAX: usize = 200;
/// The longest detail of a delivery address (floor, door), in characters.
pub const ADDRESS_DETAIL_CHARS_MAX: usize = 100;
/// The fewest digits of a phone number that Toss takes.
pub const PHONE_DIGITS_MIN: usize = 8;
/// The most digits of a phone number that Toss takes.
pub const PHONE_DIGITS_MAX: usize = 15;
/// The longest delivery note, in characters.
pub const NOTE_CHARS_MAX: usize = 300;
/// The longest cancel reason that staff may give, in characters: Toss takes 200 and our tag stands behind it.
pub const CANCEL_REASON_CHARS_MAX: usize = 170;
/// The longest description of a product, in characters: a few sentences on a phone's screen.
pub const DESCRIPTION_CHARS_MAX: usize = 500;
/// How many products one store's menu may have.
pub const MENU_PRODUCTS_MAX: usize = 500;
/// How many option groups a product may have.
pub const OPTION_GROUPS_MAX: usize = 20;
/// How many options a group may have.
pub const GROUP_OPTIONS_MAX: usize = 50;
/// How many cancellations one payment may have. Toss documents no limit; a list that a page can show needs one.
pub const CANCELLATIONS_MAX: u64 = 100;
/// How long after its payment an order may still have to be delivered, so that its address is needed.
pub const DELIVERY_MS_MAX: i64 = 24 * 60 * 60_000;
/// How many rows one page of a list may have.
pub const PAGE_ROWS_MAX: u64 = 200;
/// The longest idempotency key that we take from a caller.
pub const CALLER_KEY_CHARS_MAX: usize = 255;
/// Rows that one transaction of retention deletes at the most: some milliseconds of work, so that nobody who moves money waits for it.
pub const PRUNE_BATCH_ROWS_MAX: u64 = 500;
/// The pause between two such transactions. SQLite's other writers poll for their turn.
pub const PRUNE_PAUSE_MS: u64 = 20;
/// For how many days, at the least, a caller's idempotency key finds what it made: callers are promised a month.
pub const CALLER_KEY_DAYS_MIN: u32 = 30;
/// How many days, at the least, an ended job and its attempts are kept: as long as Toss answers to their idempotency keys.
pub const JOB_DAYS_MIN: u32 = 15;
/// How many days, at the least, webhooks are kept: one that comes again is known by its row, and Toss sends for almost four days.
pub const WEBHOOK_DAYS_MIN: u32 = 7;
/// The longest that anything can be set to be kept: ten years, twice what the law asks of payment records.
pub const KEPT_DAYS_MAX: u32 = 3_650;
/// What a reconciliation leaves out at the end of its range: a call may take a minute, its look-ups some more, and what is under way is
/// no difference.
pub const RECONCILE_LAG_MS: i64 = 10 * 60_000;
/// How far beyond a window Toss's list is read, on both sides: its times are whole seconds, and need not be those of a payment.
pub const RECONCILE_MARGIN_MS: i64 = 5 * 60_000;
/// What is compared at a time: what Toss lists of it is held in memory, and is read again when a run was cut off.
pub const RECONCILE_WINDOW_MS: i64 = 6 * 60 * 60_000;
/// The longest range of one reconciliation: a month. Toss names no limit; more than that is a matter of several runs.
pub const RECONCILE_RANGE_MS_MAX: i64 = 31 * 24 * 60 * 60_000;
/// How many payments one reconciliation asks Toss about. With more differences something general is wrong, such as another merchant's
/// key, and a list of all payments would hide it.
pub const RECONCILE_LOOK_UPS_MAX: u32 = 500;
/// The pause between two calls of a reconciliation: 86 a minute, and Toss's test environment takes 100 of each kind.
pub const RECONCILE_PAUSE_MS: u64 = 700;
/// How long a reconciliation waits for the look-ups that it asked for. What has not ended by then is compared as it stands.
pub const RECONCILE_PATIENCE_MS: u64 = 30_000;
/// How often a call of a reconciliation is made that Toss does not answer, or puts off, before the run stops for later.
pub const RECONCILE_TRIES_MAX: u32 = 6;
/// How long the first pause is before such a call is made again; each further one is twice as long.
pub const RECONCILE_RETRY_MS: u64 = 2_000;
/// How many transactions one page has. Toss gives 5,000 at the most, and a page of this size is well below what a client reads.
pub const TRANSACTIONS_PAGE_ROWS: u32 = 500;
/// How many pages one window may have: 200,000 transactions in six hours.
pub const TRANSACTIONS_PAGES_MAX: u32 = 400;
/// How long a list of transactions may take: Toss documents up to a minute, and connecting comes on top.
pub const TRANSACTIONS_DEADLINE_MS: u64 = 70_000;
/// How far ahead staff may put a waiting job off: a day. What is to wait longer is for a pause, or for a discard.
pub const DUE_TIME_AHEAD_MS_MAX: i64 = 24 * 60 * 60_000;
/// How many jobs one bulk run may have: a quarter of an hour of work at its pace, and one transaction to write them down.
pub const BULK_ITEMS_MAX: u64 = 10_000;
/// How many jobs of a bulk run may be named one by one: as many ids as fit into a request.
pub const BULK_SELECTED_MAX: usize = 1_000;
/// How many examples of each outcome a preview shows.
pub const BULK_EXAMPLES_MAX: usize = 5;
/// The pause between two items of a bulk run: ten a second, so that what they send does not meet Toss's limits all at once.
pub const BULK_PAUSE_MS: u64 = 100;
/// How long a bulk run belongs to the worker that does it, from its last item. A killed worker's run goes on after this.
pub const BULK_LEASE_MS: i64 = 20_000;
/// How often an item of a bulk run is tried that the database refuses, before it counts as failed.
pub const BULK_TRIES_MAX: u32 = 3;
/// How many bulk runs may be under way at once: one worker does one at a time, and more than these are a mistake.
pub const BULK_RUNS_MAX: u64 = 20;
