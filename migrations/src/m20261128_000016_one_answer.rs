//! Toss's answer is kept once, with the attempt that brought it: a second copy in the payment was half of what a confirm wrote, and nobody read it.

crate::migration! {
    up: "ALTER TABLE payments DROP COLUMN raw;",
    down: "ALTER TABLE payments ADD COLUMN raw TEXT;"
}
