//! Stores, products, option groups and options: what prices come from.

crate::migration! {
    up: "
CREATE TABLE stores (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    merchant TEXT NOT NULL,
    delivery_fee BIGINT NOT NULL CHECK (delivery_fee >= 0),
    minimum_order BIGINT NOT NULL CHECK (minimum_order >= 0),
    is_open BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE products (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    name TEXT NOT NULL,
    description TEXT,
    price BIGINT NOT NULL CHECK (price >= 0),
    is_available BOOLEAN NOT NULL,
    position INTEGER NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX products_of_store ON products (store_id, position, id);
CREATE TABLE option_groups (
    product_id TEXT NOT NULL REFERENCES products (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    min_choices INTEGER NOT NULL CHECK (min_choices >= 0),
    max_choices INTEGER NOT NULL CHECK (max_choices >= min_choices),
    position INTEGER NOT NULL,
    PRIMARY KEY (product_id, id)
);
CREATE TABLE options (
    product_id TEXT NOT NULL REFERENCES products (id),
    id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    name TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    is_available BOOLEAN NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (product_id, id),
    FOREIGN KEY (product_id, group_id) REFERENCES option_groups (product_id, id)
);
",
    down: "DROP TABLE options; DROP TABLE option_groups; DROP TABLE products; DROP TABLE stores;"
}
