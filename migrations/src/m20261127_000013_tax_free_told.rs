//! What Toss holds to be free of tax in a payment: the window may have been told something else than the order says.

crate::migration! {
    up: "ALTER TABLE payments ADD COLUMN tax_free_amount BIGINT CHECK (tax_free_amount >= 0);",
    down: "ALTER TABLE payments DROP COLUMN tax_free_amount;"
}
