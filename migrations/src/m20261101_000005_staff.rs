//! Staff, the stores that they act for, and the audit of what they did.

crate::migration! {
    up: "
CREATE TABLE staff (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'master')),
    token_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE TABLE staff_stores (
    staff_id TEXT NOT NULL REFERENCES staff (id),
    store_id TEXT NOT NULL REFERENCES stores (id),
    PRIMARY KEY (staff_id, store_id)
);
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    store_id TEXT,
    reason TEXT,
    detail TEXT,
    request_id TEXT,
    at BIGINT NOT NULL
);
CREATE INDEX audit_of_subject ON audit (subject, id);
",
    down: "DROP TABLE audit; DROP TABLE staff_stores; DROP TABLE staff;"
}
