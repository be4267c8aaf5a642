//! Stores and menus, as answers show them. Which merchant a store sells under is nobody's business but the master's.

use domain::cart::{MenuOption, OptionGroup};
use serde::Serialize;
use store::catalogue::{MenuProductRow, StoreView as StoreRow};
use utoipa::ToSchema;

use super::CURRENCY;

/// A store.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoreView {
    /// Its id.
    pub(crate) store_id: String,
    /// What customers read.
    pub(crate) name: String,
    /// Whether it takes orders now.
    pub(crate) open: bool,
    /// Added to every order, in won.
    pub(crate) delivery_fee: i64,
    /// What the items must come to, in won.
    pub(crate) minimum_order: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// The merchant that payments go to; shown to masters only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merchant: Option<String>,
}

/// A store with its menu.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MenuView {
    /// The store.
    #[serde(flatten)]
    pub(crate) store: StoreView,
    /// Its products in menu order, also those that are sold out.
    pub(crate) products: Vec<ProductView>,
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView {
    /// Its id.
    pub(crate) product_id: String,
    /// Its name.
    pub(crate) name: String,
    /// A sentence or two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The price of one without options, in won.
    pub(crate) price: i64,
    /// Whether it can be ordered now.
    pub(crate) available: bool,
    /// Whether it is free of tax, with its options.
    pub(crate) tax_free: bool,
    /// What can or must be chosen with it.
    pub(crate) option_groups: Vec<OptionGroupView>,
}

/// A group of options.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OptionGroupView {
    /// Its id, unique within the product.
    pub(crate) group_id: String,
    /// Its name.
    pub(crate) name: String,
    /// How many must be chosen.
    pub(crate) min_choices: u32,
    /// How many may be chosen.
    pub(crate) max_choices: u32,
    /// What there is to choose from.
    pub(crate) options: Vec<OptionView>,
}

/// An option.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OptionView {
    /// Its id, unique within the product.
    pub(crate) option_id: String,
    /// Its name.
    pub(crate) name: String,
    /// What it adds to the price of one, in won.
    pub(crate) price: i64,
    /// Whether it can be chosen now.
    pub(crate) available: bool,
}

impl StoreView {
    /// A store as everybody sees it.
    pub(crate) fn public(store: &StoreRow) -> StoreView {
        StoreView {
            store_id: store.id.as_str().to_owned(),
            name: store.name.clone(),
            open: store.is_open,
            delivery_fee: store.delivery_fee.get(),
            minimum_order: store.minimum_order.get(),
            currency: CURRENCY,
            merchant: None,
        }
    }
}

impl MenuView {
    /// A store's menu.
    pub(crate) fn new(store: &StoreRow, menu: &[MenuProductRow]) -> MenuView {
        MenuView {
            store: StoreView::public(store),
            products: menu.iter().map(ProductView::new).collect(),
        }
    }
}

impl ProductView {
    /// A product.
    pub(crate) fn new(row: &MenuProductRow) -> ProductView {
        let product = &row.product;
        ProductView {
            product_id: product.id.as_str().to_owned(),
            name: product.name.clone(),
            description: row.description.clone(),
            price: product.price.get(),
            available: product.is_available,
            tax_free: product.is_tax_free,
            option_groups: product.groups.iter().map(OptionGroupView::new).collect(),
        }
    }
}

impl OptionGroupView {
    fn new(group: &OptionGroup) -> OptionGroupView {
        OptionGroupView {
            group_id: group.id.as_str().to_owned(),
            name: group.name.clone(),
            min_choices: group.min_choices,
            max_choices: group.max_choices,
            options: group.options.iter().map(OptionView::new).collect(),
        }
    }
}

impl OptionView {
    fn new(option: &MenuOption) -> OptionView {
        OptionView {
            option_id: option.id.as_str().to_owned(),
            name: option.name.clone(),
            price: option.price.get(),
            available: option.is_available,
        }
    }
}
