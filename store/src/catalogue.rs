//! The catalogue: stores, their menus, and what a cart of them costs. Changing it is in `put` and `put_product`, loading a file of it in `import`.

mod difference;
mod import;
mod put;
mod put_product;

use std::collections::HashMap;

use domain::cart::{
    CartLine, CartProblem, MenuOption, MenuProduct, OptionGroup, Quote, StoreTerms, price_cart,
};
use domain::limits::{CART_LINES_MAX, MENU_PRODUCTS_MAX, PAGE_ROWS_MAX};
use domain::{ProductId, StoreId, Won};
use entities::{option_group, product, product_option, store};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

pub use import::{Catalogue, CatalogueStore, ImportError, ImportSummary, MissingProducts};
pub use put::{Put, PutOutcome, PutStore, PutStoreError};
pub use put_product::{PutProduct, PutProductError};

use crate::connection::Store;
use crate::error::StoreError;
use crate::page::Page;
use crate::rows;

/// A store, as customers and staff see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreView {
    /// Never changes.
    pub id: StoreId,
    /// What customers read.
    pub name: String,
    /// The configured merchant that payments of new orders go to. Not for customers.
    pub merchant: String,
    /// Added to every order.
    pub delivery_fee: Won,
    /// What the items must come to, without the delivery fee.
    pub minimum_order: Won,
    /// Whether it takes orders now.
    pub is_open: bool,
}

impl StoreView {
    /// What carts are priced with.
    #[must_use]
    pub fn terms(&self) -> StoreTerms {
        StoreTerms {
            id: self.id.clone(),
            name: self.name.clone(),
            delivery_fee: self.delivery_fee,
            minimum_order: self.minimum_order,
            is_open: self.is_open,
        }
    }
}

/// A product where it stands in the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuProductRow {
    /// What carts are priced with.
    pub product: MenuProduct,
    /// One or two sentences.
    pub description: Option<String>,
    /// Order in the menu, from 0; equal ones by id.
    pub position: i32,
}

/// Why a cart has no price.
#[derive(Debug, thiserror::Error)]
pub enum QuoteError {
    /// There is no such store.
    #[error("the store is unknown")]
    UnknownStore,
    /// The cart cannot be ordered as it is.
    #[error("the cart cannot be ordered")]
    Cart(CartProblem),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for QuoteError {
    fn from(error: DbErr) -> QuoteError {
        QuoteError::Store(error.into())
    }
}

impl Store {
    /// The stores, by id. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn list_stores(
        &self,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<StoreView>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut query =
            store::Entity::find().order_by_asc(store::Column::Id).limit(limit.saturating_add(1));
        if let Some(after) = after {
            query = query.filter(store::Column::Id.gt(after));
        }
        let rows = query.all(&self.db).await?.iter().map(store_view).collect::<Result<_, _>>()?;
        Ok(Page::cut(rows, limit, |store: &StoreView| store.id.as_str().to_owned()))
    }

    /// One store.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_store(&self, id: &StoreId) -> Result<Option<StoreView>, StoreError> {
        let row = store::Entity::find_by_id(id.as_str()).one(&self.db).await?;
        row.as_ref().map(store_view).transpose()
    }

    /// One store and its whole menu in menu order, also what is sold out.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn find_menu(
        &self,
        id: &StoreId,
    ) -> Result<Option<(StoreView, Vec<MenuProductRow>)>, StoreError> {
        let read = self.begin_read().await?;
        let row = store::Entity::find_by_id(id.as_str()).one(&read.tx).await?;
        let menu = match &row {
            Some(row) => Some((store_view(row)?, load_menu(&read.tx, id).await?)),
            None => None,
        };
        read.end().await?;
        Ok(menu)
    }

    /// What a cart costs now. Nothing is reserved or promised.
    ///
    /// # Errors
    /// [`QuoteError`] says why it has no price.
    pub async fn quote(&self, store: &StoreId, lines: &[CartLine]) -> Result<Quote, QuoteError> {
        let read = self.begin_read().await?;
        let row = store::Entity::find_by_id(store.as_str()).one(&read.tx).await?;
        let row = row.ok_or(QuoteError::UnknownStore)?;
        let quote = price(&read.tx, &store_view(&row)?, lines).await?;
        read.end().await?;
        Ok(quote)
    }
}

/// Prices a cart with what the connection sees.
pub(crate) async fn price(
    connection: &impl ConnectionTrait,
    store: &StoreView,
    lines: &[CartLine],
) -> Result<Quote, QuoteError> {
    // A cart with more lines is refused without looking at the menu.
    let ids = lines.iter().take(CART_LINES_MAX).map(|line| line.product_id.as_str());
    // Products of other stores too: "not from here" is another answer than "unknown".
    let rows =
        load_products(connection, product::Entity::find().filter(product::Column::Id.is_in(ids)))
            .await?;
    let products: HashMap<ProductId, MenuProduct> =
        rows.into_iter().map(|row| (row.product.id.clone(), row.product)).collect();
    price_cart(&store.terms(), |id| products.get(id), lines).map_err(QuoteError::Cart)
}

pub(crate) fn store_view(row: &store::Model) -> Result<StoreView, StoreError> {
    let id = row.id.as_str();
    Ok(StoreView {
        id: StoreId::parse(id).map_err(|_| rows::unreadable("stores", id, "id", id))?,
        name: row.name.clone(),
        merchant: row.merchant.clone(),
        delivery_fee: rows::won("stores", id, "delivery_fee", row.delivery_fee)?,
        minimum_order: rows::won("stores", id, "minimum_order", row.minimum_order)?,
        is_open: row.is_open,
    })
}

async fn load_menu(
    connection: &impl ConnectionTrait,
    store: &StoreId,
) -> Result<Vec<MenuProductRow>, StoreError> {
    let limit = u64::try_from(MENU_PRODUCTS_MAX).unwrap_or(u64::MAX);
    let products =
        product::Entity::find().filter(product::Column::StoreId.eq(store.as_str())).limit(limit);
    load_products(connection, products).await
}

/// The chosen products in menu order, each with its groups and options. Three statements, however many products.
async fn load_products(
    connection: &impl ConnectionTrait,
    chosen: Select<product::Entity>,
) -> Result<Vec<MenuProductRow>, StoreError> {
    let products = chosen
        .order_by_asc(product::Column::Position)
        .order_by_asc(product::Column::Id)
        .all(connection)
        .await?;
    let ids: Vec<&str> = products.iter().map(|row| row.id.as_str()).collect();
    let groups = option_group::Entity::find()
        .filter(option_group::Column::ProductId.is_in(ids.iter().copied()))
        .order_by_asc(option_group::Column::Position)
        .order_by_asc(option_group::Column::Id)
        .all(connection)
        .await?;
    let options = product_option::Entity::find()
        .filter(product_option::Column::ProductId.is_in(ids.iter().copied()))
        .order_by_asc(product_option::Column::Position)
        .order_by_asc(product_option::Column::Id)
        .all(connection)
        .await?;
    let mut options_of: HashMap<(String, String), Vec<MenuOption>> = HashMap::new();
    for row in options {
        let option = menu_option(&row)?;
        options_of.entry((row.product_id, row.group_id)).or_default().push(option);
    }
    let mut groups_of: HashMap<String, Vec<OptionGroup>> = HashMap::new();
    for row in groups {
        let options =
            options_of.remove(&(row.product_id.clone(), row.id.clone())).unwrap_or_default();
        let group = option_group(&row, options)?;
        groups_of.entry(row.product_id).or_default().push(group);
    }
    products
        .iter()
        .map(|row| menu_product(row, groups_of.remove(&row.id).unwrap_or_default()))
        .collect()
}

fn menu_product(
    row: &product::Model,
    groups: Vec<OptionGroup>,
) -> Result<MenuProductRow, StoreError> {
    let id = row.id.as_str();
    Ok(MenuProductRow {
        product: MenuProduct {
            id: ProductId::parse(id).map_err(|_| rows::unreadable("products", id, "id", id))?,
            store_id: StoreId::parse(row.store_id.as_str())
                .map_err(|_| rows::unreadable("products", id, "store_id", &row.store_id))?,
            name: row.name.clone(),
            price: rows::won("products", id, "price", row.price)?,
            is_available: row.is_available,
            is_tax_free: row.is_tax_free,
            groups,
        },
        description: row.description.clone(),
        position: row.position,
    })
}

fn option_group(
    row: &option_group::Model,
    options: Vec<MenuOption>,
) -> Result<OptionGroup, StoreError> {
    let id = row.product_id.as_str();
    Ok(OptionGroup {
        id: ProductId::parse(row.id.as_str())
            .map_err(|_| rows::unreadable("option_groups", id, "id", &row.id))?,
        name: row.name.clone(),
        min_choices: rows::count("option_groups", id, "min_choices", row.min_choices)?,
        max_choices: rows::count("option_groups", id, "max_choices", row.max_choices)?,
        options,
    })
}

fn menu_option(row: &product_option::Model) -> Result<MenuOption, StoreError> {
    let id = row.product_id.as_str();
    Ok(MenuOption {
        id: ProductId::parse(row.id.as_str())
            .map_err(|_| rows::unreadable("options", id, "id", &row.id))?,
        name: row.name.clone(),
        price: rows::won("options", id, "price", row.price)?,
        is_available: row.is_available,
    })
}
