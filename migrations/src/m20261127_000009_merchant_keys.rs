//! Which pair of a merchant's keys an order and its payment belong to, the customer that a wallet confirm names, what is free of tax,
//! and what Toss tells about how was paid.

crate::migration! {
    up: "
ALTER TABLE orders ADD COLUMN key_pair INTEGER NOT NULL DEFAULT 1 CHECK (key_pair >= 1);
ALTER TABLE orders ADD COLUMN customer_key TEXT;
ALTER TABLE payments ADD COLUMN key_pair INTEGER NOT NULL DEFAULT 1 CHECK (key_pair >= 1);
ALTER TABLE payments ADD COLUMN customer_key TEXT;
ALTER TABLE payments ADD COLUMN easy_pay_provider TEXT;
ALTER TABLE payments ADD COLUMN card_issuer TEXT;
ALTER TABLE payments ADD COLUMN card_number TEXT;
ALTER TABLE payments ADD COLUMN card_installment_months INTEGER;
ALTER TABLE payments ADD COLUMN transfer_bank TEXT;
ALTER TABLE payments ADD COLUMN is_partial_cancelable BOOLEAN;
ALTER TABLE products ADD COLUMN is_tax_free BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE order_lines ADD COLUMN is_tax_free BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE cancellations ADD COLUMN tax_free_amount BIGINT CHECK (tax_free_amount >= 0);
",
    down: "ALTER TABLE cancellations DROP COLUMN tax_free_amount; ALTER TABLE order_lines DROP COLUMN is_tax_free;
ALTER TABLE products DROP COLUMN is_tax_free; ALTER TABLE payments DROP COLUMN is_partial_cancelable;
ALTER TABLE payments DROP COLUMN transfer_bank; ALTER TABLE payments DROP COLUMN card_installment_months;
ALTER TABLE payments DROP COLUMN card_number; ALTER TABLE payments DROP COLUMN card_issuer;
ALTER TABLE payments DROP COLUMN easy_pay_provider; ALTER TABLE payments DROP COLUMN customer_key;
ALTER TABLE payments DROP COLUMN key_pair; ALTER TABLE orders DROP COLUMN customer_key; ALTER TABLE orders DROP COLUMN key_pair;"
}
