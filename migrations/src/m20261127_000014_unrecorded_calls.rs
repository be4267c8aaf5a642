//! After a backup was restored: until when calls that are not on record may still take effect.

crate::migration! {
    up: "ALTER TABLE jobs ADD COLUMN unrecorded_until BIGINT NOT NULL DEFAULT 0;",
    down: "ALTER TABLE jobs DROP COLUMN unrecorded_until;"
}
