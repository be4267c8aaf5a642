//! What operators do beyond one job: cancels at Toss that a person tells apart, and bulk runs with the jobs that they are made of.

crate::migration! {
    up: "
CREATE TABLE cancel_entries (
    order_id TEXT NOT NULL,
    transaction_key TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    tax_free_amount BIGINT NOT NULL CHECK (tax_free_amount >= 0),
    reason TEXT NOT NULL,
    cancelled_at BIGINT,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (order_id, transaction_key)
);
CREATE TABLE bulk_runs (
    id TEXT NOT NULL PRIMARY KEY,
    action TEXT NOT NULL CHECK (action IN ('look_up', 'retry', 'discard')),
    reason TEXT NOT NULL,
    selection TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped')),
    staff_id TEXT NOT NULL,
    request_id TEXT,
    items BIGINT NOT NULL CHECK (items > 0),
    done BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    claims BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    worker TEXT,
    stopped_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX bulk_runs_under_way ON bulk_runs (lease_until, id) WHERE state = 'running';
CREATE INDEX bulk_runs_by_time ON bulk_runs (created_at);
CREATE TABLE bulk_items (
    run_id TEXT NOT NULL REFERENCES bulk_runs (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    job_id TEXT NOT NULL,
    order_id TEXT,
    store_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'refused', 'failed', 'skipped')),
    code TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (run_id, number)
);
CREATE INDEX bulk_items_pending ON bulk_items (run_id, number) WHERE state = 'pending';
CREATE INDEX bulk_items_by_time ON bulk_items (created_at);
",
    down: "DROP TABLE bulk_items; DROP TABLE bulk_runs; DROP TABLE cancel_entries;"
}
