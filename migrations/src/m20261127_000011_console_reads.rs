//! What lists, searches and charts for staff read by: the amount and the class of a job beside its state, whose account an attempt was
//! made at, indexes in the order in which pages are turned, and how many jobs ended in each minute.
//!
//! An index that every change of a job would have to write is one that leads by its state; all others leave out the jobs that are on the
//! move, so that a job is written into them once or twice in its life. The one of failed jobs has all that they are counted and grouped
//! by: they lie far apart in the table, and ten thousand of them would be as many pages to read. Prefixes are looked up byte by byte, whatever the database's
//! collation is, which is the only difference between the two databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// See the file's first lines.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "
ALTER TABLE jobs ADD COLUMN amount BIGINT NOT NULL DEFAULT 0 CHECK (amount >= 0);
ALTER TABLE jobs ADD COLUMN last_class TEXT;
ALTER TABLE attempts ADD COLUMN merchant TEXT NOT NULL DEFAULT '';
UPDATE jobs SET
    amount = COALESCE((SELECT amount FROM cancellations WHERE cancellations.id = jobs.cancellation_id),
        (SELECT amount FROM payments WHERE payments.order_id = jobs.order_id)),
    last_class = (SELECT verdict FROM attempts WHERE attempts.job_id = jobs.id AND jobs.last_code = attempts.code
        AND verdict NOT IN ('proven', 'undone', 'inconclusive') ORDER BY number DESC LIMIT 1);
UPDATE attempts SET merchant = (SELECT merchant FROM jobs WHERE jobs.id = attempts.job_id);
DROP INDEX jobs_by_state;
CREATE INDEX jobs_by_state ON jobs (state, created_at, id);
CREATE INDEX jobs_of_store ON jobs (store_id, state, created_at, id);
CREATE INDEX jobs_of_code ON jobs (last_code, created_at, id) WHERE last_code IS NOT NULL;
CREATE INDEX jobs_still_by_change ON jobs (state, updated_at, id)
    WHERE state IN ('parked', 'succeeded', 'declined', 'void', 'discarded');
CREATE INDEX jobs_still_by_amount ON jobs (state, amount, id)
    WHERE state IN ('parked', 'succeeded', 'declined', 'void', 'discarded');
CREATE INDEX jobs_failed ON jobs (state, created_at, id, kind, last_code, last_class, merchant, store_id, amount, updated_at, park_reason)
    WHERE state IN ('parked', 'declined', 'void', 'discarded');
CREATE INDEX jobs_unfinished_by_wait ON jobs (runnable_since, id) WHERE state IN ('queued', 'running', 'waiting', 'parked');
CREATE INDEX jobs_ended ON jobs (ended_at, store_id, kind, state, last_code) WHERE ended_at IS NOT NULL;
CREATE INDEX attempts_of_merchant ON attempts (merchant, started_at);
CREATE INDEX orders_by_phone_end ON orders (substr(customer_phone, length(customer_phone) - 3), created_at, id);
CREATE INDEX orders_by_customer ON orders (customer_name{bytewise}, created_at, id);
CREATE INDEX payments_by_key_start ON payments (payment_key{bytewise}, order_id);
CREATE INDEX payments_by_review ON payments (review_reason, store_id) WHERE review_reason IS NOT NULL;
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_of_actor ON audit (actor, at, id);
CREATE INDEX audit_of_action ON audit (action, at, id);
CREATE INDEX audit_of_store ON audit (store_id, at, id) WHERE store_id IS NOT NULL;
CREATE INDEX webhooks_by_state ON webhooks (state, received_at, id);
CREATE INDEX findings_by_state ON findings (state, first_seen_at, id);
CREATE INDEX findings_of_order ON findings (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE job_minutes (
    minute BIGINT NOT NULL,
    store_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL,
    jobs BIGINT NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (minute, store_id, kind, state, code)
);
";

const DOWN: &str = "
DROP TABLE job_minutes;
DROP INDEX findings_of_order; DROP INDEX findings_by_state; DROP INDEX webhooks_by_state; DROP INDEX audit_of_store;
DROP INDEX audit_of_action; DROP INDEX audit_of_actor; DROP INDEX audit_by_time; DROP INDEX payments_by_review; DROP INDEX jobs_failed;
DROP INDEX payments_by_key_start; DROP INDEX orders_by_customer; DROP INDEX orders_by_phone_end;
DROP INDEX attempts_of_merchant; DROP INDEX jobs_ended; DROP INDEX jobs_unfinished_by_wait; DROP INDEX jobs_still_by_amount;
DROP INDEX jobs_still_by_change; DROP INDEX jobs_of_code; DROP INDEX jobs_of_store; DROP INDEX jobs_by_state;
CREATE INDEX jobs_by_state ON jobs (state, id);
ALTER TABLE attempts DROP COLUMN merchant; ALTER TABLE jobs DROP COLUMN last_class; ALTER TABLE jobs DROP COLUMN amount;
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        // SQLite compares bytes unless it is told otherwise.
        let up = UP.replace("{bytewise}", if is_sqlite { "" } else { " COLLATE \"C\"" });
        manager.get_connection().execute_unprepared(&up).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(DOWN).await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
