//! Reconciliation: its runs, what they found, and the indexes by which they go through our own payments and cancellations.

crate::migration! {
    up: "
CREATE TABLE findings (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('orphan_charge', 'missing_here', 'missing_there', 'amount_differs', 'cancelled_at_toss',
        'undecided')),
    merchant TEXT NOT NULL,
    order_id TEXT,
    payment_key TEXT NOT NULL,
    transaction_key TEXT,
    amount_here BIGINT,
    amount_there BIGINT,
    detail TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT,
    closed_note TEXT
);
CREATE UNIQUE INDEX findings_open ON findings (merchant, payment_key, kind, COALESCE(transaction_key, '')) WHERE state = 'open';
CREATE INDEX findings_of_payment ON findings (payment_key);
CREATE TABLE reconciliations (
    id TEXT NOT NULL PRIMARY KEY,
    merchant TEXT NOT NULL,
    range_from BIGINT NOT NULL,
    range_to BIGINT NOT NULL CHECK (range_to > range_from),
    compared_to BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped')),
    problem TEXT,
    pages BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    unreadable BIGINT NOT NULL,
    looked_up BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX reconciliations_of_merchant ON reconciliations (merchant, started_at);
CREATE INDEX payments_by_approval ON payments (merchant, approved_at, order_id) WHERE approved_at IS NOT NULL;
CREATE INDEX cancellations_by_time ON cancellations (cancelled_at, id) WHERE cancelled_at IS NOT NULL;
",
    down: "DROP INDEX cancellations_by_time; DROP INDEX payments_by_approval; DROP TABLE reconciliations; DROP TABLE findings;"
}
