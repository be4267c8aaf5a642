//! Payments and cancellations: one payment per order, cancellations that accumulate.

crate::migration! {
    up: "
CREATE TABLE payments (
    order_id TEXT NOT NULL PRIMARY KEY REFERENCES orders (id),
    store_id TEXT NOT NULL,
    payment_key TEXT NOT NULL,
    merchant TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    balance BIGINT NOT NULL CHECK (balance >= 0 AND balance <= amount),
    state TEXT NOT NULL CHECK (state IN ('confirming', 'confirm_unresolved', 'waiting_for_deposit', 'confirmed',
        'partially_cancelled', 'cancelled', 'failed', 'expired')),
    toss_status TEXT,
    method TEXT,
    payment_type TEXT,
    accepted_at BIGINT NOT NULL,
    confirm_by BIGINT NOT NULL,
    approved_at BIGINT,
    receipt_url TEXT,
    failure_code TEXT,
    failure_message TEXT,
    last_transaction_key TEXT,
    secret TEXT,
    bank_code TEXT,
    account_number TEXT,
    account_holder TEXT,
    deposit_due_at BIGINT,
    money_job_id TEXT,
    next_cancel_at BIGINT NOT NULL,
    review_reason TEXT,
    review_since BIGINT,
    raw TEXT,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX payments_live_key ON payments (payment_key) WHERE state NOT IN ('failed', 'expired');
CREATE INDEX payments_by_key ON payments (payment_key);
CREATE INDEX payments_in_review ON payments (review_since) WHERE review_reason IS NOT NULL;
CREATE TABLE cancellations (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES payments (order_id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'sending', 'done', 'refused', 'unresolved')),
    transaction_key TEXT UNIQUE,
    requested_at BIGINT NOT NULL,
    cancelled_at BIGINT,
    failure_code TEXT,
    failure_message TEXT,
    updated_at BIGINT NOT NULL
);
CREATE INDEX cancellations_of_order ON cancellations (order_id, requested_at, id);
",
    down: "DROP TABLE cancellations; DROP TABLE payments;"
}
