//! Orders, their lines as sold, and the callers' idempotency keys that made them.

crate::migration! {
    up: "
CREATE TABLE orders (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    store_name TEXT NOT NULL,
    merchant TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    customer_email TEXT,
    customer_phone TEXT NOT NULL,
    address TEXT NOT NULL,
    address_detail TEXT,
    note TEXT,
    items_amount BIGINT NOT NULL CHECK (items_amount >= 0),
    delivery_fee BIGINT NOT NULL CHECK (delivery_fee >= 0),
    amount BIGINT NOT NULL CHECK (amount > 0 AND amount = items_amount + delivery_fee),
    tax_free_amount BIGINT NOT NULL CHECK (tax_free_amount >= 0),
    order_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'paying', 'closed', 'lapsed')),
    pay_by BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX orders_of_store ON orders (store_id, created_at, id);
CREATE INDEX orders_by_time ON orders (created_at, id);
CREATE INDEX orders_open ON orders (pay_by) WHERE state = 'open';
CREATE TABLE order_lines (
    order_id TEXT NOT NULL REFERENCES orders (id),
    line INTEGER NOT NULL,
    product_id TEXT NOT NULL,
    product_name TEXT NOT NULL,
    unit_price BIGINT NOT NULL CHECK (unit_price >= 0),
    options TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (order_id, line)
);
CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
",
    down: "DROP TABLE idempotency_keys; DROP TABLE order_lines; DROP TABLE orders;"
}
