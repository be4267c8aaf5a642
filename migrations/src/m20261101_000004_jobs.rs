//! Jobs and their attempts. At most one live confirm and one live look-up per payment, one live job per cancellation.

crate::migration! {
    up: "
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('confirm', 'cancel', 'look_up')),
    order_id TEXT NOT NULL REFERENCES payments (order_id),
    store_id TEXT NOT NULL,
    merchant TEXT NOT NULL,
    cancellation_id TEXT REFERENCES cancellations (id),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'parked', 'succeeded', 'declined', 'void', 'discarded')),
    claims BIGINT NOT NULL,
    key_generation INTEGER NOT NULL CHECK (key_generation >= 1),
    due_at BIGINT NOT NULL,
    runnable_since BIGINT NOT NULL,
    publications INTEGER NOT NULL,
    rerun_wanted BOOLEAN NOT NULL,
    last_code TEXT,
    last_message TEXT,
    park_reason TEXT,
    worker TEXT,
    request_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK ((kind = 'cancel') = (cancellation_id IS NOT NULL))
);
CREATE UNIQUE INDEX jobs_one_live_of_payment ON jobs (order_id, kind)
    WHERE kind IN ('confirm', 'look_up') AND state IN ('queued', 'running', 'waiting', 'parked');
CREATE UNIQUE INDEX jobs_one_live_of_cancellation ON jobs (cancellation_id)
    WHERE kind = 'cancel' AND state IN ('queued', 'running', 'waiting', 'parked');
CREATE INDEX jobs_due ON jobs (due_at) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX jobs_of_order ON jobs (order_id, id);
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    number INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    claim BIGINT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('confirm', 'cancel', 'look_up')),
    key_generation INTEGER NOT NULL,
    idempotency_key TEXT,
    call_hash TEXT,
    call TEXT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    duration_ms BIGINT,
    http_status INTEGER,
    code TEXT,
    message TEXT,
    verdict TEXT,
    trace_id TEXT,
    answer TEXT,
    is_stale BOOLEAN NOT NULL,
    worker TEXT NOT NULL,
    PRIMARY KEY (job_id, number),
    CHECK ((operation = 'look_up') = (idempotency_key IS NULL))
);
CREATE INDEX attempts_of_order ON attempts (order_id, started_at);
",
    down: "DROP TABLE attempts; DROP TABLE jobs;"
}
