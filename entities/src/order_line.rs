//! Table `order_lines`: one line of an order, with names and prices as sold.

use sea_orm::entity::prelude::*;

/// One line of an order, with names and prices as sold.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_lines")]
pub struct Model {
    /// Its order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: String,
    /// From 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub line: i32,
    /// What was sold; the product may be gone by now.
    pub product_id: String,
    /// As sold.
    pub product_name: String,
    /// Won, without options, as sold.
    pub unit_price: i64,
    /// JSON array of {id, name, price} as sold.
    pub options: String,
    /// How many.
    pub quantity: i32,
    /// Won of the whole line.
    pub amount: i64,
    /// Whether it was free of tax when it was sold.
    pub is_tax_free: bool,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
