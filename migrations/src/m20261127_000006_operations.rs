//! What many processes share to run the product together: who works, what holds calls back, what could not be read, the trace that a
//! job belongs to, and what is done once a day by one of them; and what retention marks: payments without their jobs, orders without
//! their customer.

crate::migration! {
    up: "
CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    kinds TEXT NOT NULL,
    concurrency INTEGER NOT NULL CHECK (concurrency > 0),
    in_flight INTEGER NOT NULL CHECK (in_flight >= 0),
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    stopping_since BIGINT
);
CREATE INDEX workers_by_age ON workers (seen_at);
CREATE TABLE breakers (
    merchant TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('closed', 'open')),
    openings INTEGER NOT NULL CHECK (openings >= 0),
    probe_at BIGINT NOT NULL,
    probe_job_id TEXT,
    probe_claim BIGINT,
    last_code TEXT,
    changed_at BIGINT NOT NULL
);
CREATE TABLE pauses (
    merchant TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('all', 'confirm', 'cancel', 'look_up')),
    state TEXT NOT NULL CHECK (state IN ('suspected', 'paused')),
    reason TEXT NOT NULL,
    order_id TEXT,
    paused_by TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (merchant, scope)
);
CREATE TABLE call_slots (
    merchant TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('confirm', 'cancel', 'look_up')),
    next_free_at BIGINT NOT NULL,
    PRIMARY KEY (merchant, operation)
);
CREATE TABLE poison_messages (
    id TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    body TEXT NOT NULL,
    detail TEXT,
    received_at BIGINT NOT NULL
);
CREATE INDEX poison_messages_by_age ON poison_messages (received_at);
CREATE TABLE chores (
    name TEXT NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL
);
ALTER TABLE jobs ADD COLUMN traceparent TEXT;
ALTER TABLE orders ADD COLUMN erased_at BIGINT;
ALTER TABLE payments ADD COLUMN pruned_at BIGINT;
CREATE INDEX payments_prunable ON payments (updated_at, order_id)
    WHERE pruned_at IS NULL AND state IN ('cancelled', 'failed', 'expired');
",
    down: "DROP INDEX payments_prunable; ALTER TABLE payments DROP COLUMN pruned_at; ALTER TABLE orders DROP COLUMN erased_at;
ALTER TABLE jobs DROP COLUMN traceparent; DROP TABLE chores; DROP TABLE poison_messages; DROP TABLE call_slots;
DROP TABLE pauses; DROP TABLE breakers; DROP TABLE workers;"
}
