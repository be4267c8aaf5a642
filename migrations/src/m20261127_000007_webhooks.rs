//! Webhooks as they came, accounts that refunds go to, and when a payment was last swept.

crate::migration! {
    up: "
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    transmission_id TEXT UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'deposit', 'other', 'unreadable')),
    event TEXT,
    order_id TEXT,
    has_payment BOOLEAN NOT NULL,
    status TEXT,
    transaction_key TEXT,
    source TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('looked_up', 'waiting', 'ignored', 'refused', 'expired')),
    reason TEXT,
    deliveries INTEGER NOT NULL CHECK (deliveries > 0),
    received_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX webhooks_by_age ON webhooks (received_at, id);
CREATE INDEX webhooks_of_order ON webhooks (order_id, received_at, id) WHERE order_id IS NOT NULL;
CREATE INDEX webhooks_stray ON webhooks (received_at, id) WHERE NOT has_payment;
CREATE INDEX webhooks_waiting ON webhooks (received_at) WHERE state = 'waiting';
ALTER TABLE payments ADD COLUMN sweep_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN refund_status TEXT;
ALTER TABLE cancellations ADD COLUMN refund_account TEXT;
CREATE INDEX payments_deposit_due ON payments (deposit_due_at) WHERE state = 'waiting_for_deposit';
CREATE INDEX payments_undecided ON payments (accepted_at) WHERE state IN ('confirming', 'confirm_unresolved');
CREATE INDEX cancellations_open ON cancellations (requested_at) WHERE state IN ('requested', 'sending', 'unresolved');
",
    down: "DROP INDEX cancellations_open; DROP INDEX payments_undecided; DROP INDEX payments_deposit_due;
ALTER TABLE cancellations DROP COLUMN refund_account; ALTER TABLE payments DROP COLUMN refund_status;
ALTER TABLE payments DROP COLUMN sweep_at; DROP TABLE webhooks;"
}
