//! What many processes share to run the product together: who works, what holds calls back, what could not be read, and the trace that
//! a job belongs to.

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
ALTER TABLE jobs ADD COLUMN traceparent TEXT;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
",
    down: "DROP INDEX jobs_ended; ALTER TABLE jobs DROP COLUMN traceparent; DROP TABLE poison_messages; DROP TABLE call_slots;
DROP TABLE pauses; DROP TABLE breakers; DROP TABLE workers;"
}
