//! After a backup was restored: orders that were open in it, and that may have been paid since under a payment key that is not on record.

crate::migration! {
    up: "ALTER TABLE orders ADD COLUMN unrecorded_until BIGINT NOT NULL DEFAULT 0;",
    down: "ALTER TABLE orders DROP COLUMN unrecorded_until;"
}
