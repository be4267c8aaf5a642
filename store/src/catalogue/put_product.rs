//! Changing one product: checked by the domain's rules, written as a whole, audited with what it was before.
//!
//! Whoever changes a menu holds its store's row, and whoever orders from it shares that row: no order is priced from half a change.

use domain::cart::{CatalogueProblem, MenuProduct, OptionGroup, check_product};
use domain::limits::{DESCRIPTION_CHARS_MAX, MENU_PRODUCTS_MAX};
use domain::text::is_control;
use domain::{ProductId, StoreId, Won};
use entities::{option_group, product, product_option, store};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::difference::{difference, product_fields};
use super::put::{Put, PutOutcome};
use super::{MenuProductRow, load_products};
use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::idempotency::is_inserted;
use crate::operate::Actor;

/// A product as it shall be, with all its groups and options: what is not named goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutProduct {
    /// Which one, or the id of a new one.
    pub id: ProductId,
    /// What customers read.
    pub name: String,
    /// A few sentences, `1 ..= DESCRIPTION_CHARS_MAX` characters; blank counts as none, and line breaks are kept as spaces.
    pub description: Option<String>,
    /// Without options.
    pub price: Won,
    /// Whether it can be ordered.
    pub is_available: bool,
    /// Whether it is free of tax, with its options.
    pub is_tax_free: bool,
    /// In the order in which customers read them.
    pub groups: Vec<OptionGroup>,
}

/// Why a product was not changed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum PutProductError {
    /// There is no such store.
    #[error("the store is unknown")]
    UnknownStore,
    /// The product's id is another store's product.
    #[error("the product belongs to another store")]
    ProductOfOtherStore,
    /// The store's menu cannot hold another product.
    #[error("the menu has {MENU_PRODUCTS_MAX} products already")]
    MenuFull,
    /// The description is too long.
    #[error("the description has more than {DESCRIPTION_CHARS_MAX} characters")]
    DescriptionTooLong,
    /// The description has characters that are not shown.
    #[error("the description has control characters")]
    DescriptionCharacters,
    /// The product is not sound.
    #[error(transparent)]
    Invalid(CatalogueProblem),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for PutProductError {
    fn from(error: DbErr) -> PutProductError {
        PutProductError::Store(error.into())
    }
}

impl Conflict for PutProductError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            PutProductError::Store(error) => Some(error),
            PutProductError::UnknownStore
            | PutProductError::ProductOfOtherStore
            | PutProductError::MenuFull
            | PutProductError::DescriptionTooLong
            | PutProductError::DescriptionCharacters
            | PutProductError::Invalid(_) => None,
        }
    }
}

impl Store {
    /// Creates or changes a product of a store's menu, with all its groups and options. A new one stands last in the menu. Orders
    /// that exist keep the names and prices that they were made with.
    ///
    /// # Errors
    /// [`PutProductError`] says why not; nothing was changed then.
    pub async fn put_product(
        &self,
        actor: &Actor,
        store: &StoreId,
        change: &PutProduct,
    ) -> Result<Put<MenuProductRow>, PutProductError> {
        self.retried(|| async {
            let write = self.begin_write().await?;
            let put = write_product(&write, actor, store, change, None).await?;
            write.commit().await?;
            Ok(put)
        })
        .await
    }
}

/// Writes a product within a write that is under way; `position` is its new place in the menu, `None` keeps it or puts it last.
pub(super) async fn write_product(
    write: &Write<'_>,
    actor: &Actor,
    store: &StoreId,
    change: &PutProduct,
    position: Option<i32>,
) -> Result<Put<MenuProductRow>, PutProductError> {
    let locked = store::Entity::find_by_id(store.as_str()).lock_exclusive().one(&write.tx).await?;
    if locked.is_none() {
        return Err(PutProductError::UnknownStore);
    }
    let chosen = product::Entity::find().filter(product::Column::Id.eq(change.id.as_str()));
    let before = load_products(&write.tx, chosen).await?.pop();
    if before.as_ref().is_some_and(|row| row.product.store_id != *store) {
        return Err(PutProductError::ProductOfOtherStore);
    }
    let position = match (position, &before) {
        (Some(position), _) => position,
        (None, Some(before)) => before.position,
        (None, None) => last_position(write, store).await?,
    };
    let after = row_after(store, change, position)?;
    let fields_before = before.as_ref().map(product_fields).unwrap_or_default();
    let Some(detail) = difference(&fields_before, &product_fields(&after)) else {
        return Ok(Put { outcome: PutOutcome::Unchanged, row: after });
    };
    let (outcome, action) = if before.is_some() {
        product_model(&after, write.now_ms).update(&write.tx).await?;
        (PutOutcome::Changed, "product.change")
    } else {
        insert_product(write, &after).await?;
        (PutOutcome::Created, "product.create")
    };
    replace_groups(write, &after.product).await?;
    let (subject, store) = (after.product.id.as_str(), Some(store.as_str()));
    audit::record(write, actor, action, subject, store, None, Some(detail)).await?;
    Ok(Put { outcome, row: after })
}

fn row_after(
    store: &StoreId,
    change: &PutProduct,
    position: i32,
) -> Result<MenuProductRow, PutProductError> {
    let product = MenuProduct {
        id: change.id.clone(),
        store_id: store.clone(),
        name: change.name.clone(),
        price: change.price,
        is_available: change.is_available,
        is_tax_free: change.is_tax_free,
        groups: change.groups.clone(),
    };
    check_product(&product).map_err(PutProductError::Invalid)?;
    let description = change.description.as_deref().map(read_description).transpose()?.flatten();
    Ok(MenuProductRow { product, description, position })
}

/// A description as it is kept: trimmed, its line breaks as spaces.
fn read_description(text: &str) -> Result<Option<String>, PutProductError> {
    let text = text.replace("\r\n", " ").replace(['\n', '\r'], " ").trim().to_owned();
    if text.chars().any(is_control) {
        return Err(PutProductError::DescriptionCharacters);
    }
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(PutProductError::DescriptionTooLong);
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Takes a product off the menu without forgetting it; whether that changed anything.
pub(super) async fn withdraw_product(
    write: &Write<'_>,
    actor: &Actor,
    mut row: MenuProductRow,
) -> Result<bool, StoreError> {
    let before = product_fields(&row);
    row.product.is_available = false;
    let Some(detail) = difference(&before, &product_fields(&row)) else { return Ok(false) };
    product_model(&row, write.now_ms).update(&write.tx).await?;
    let (subject, store) = (row.product.id.as_str(), Some(row.product.store_id.as_str()));
    audit::record(write, actor, "product.change", subject, store, None, Some(detail)).await?;
    Ok(true)
}

async fn last_position(write: &Write<'_>, store: &StoreId) -> Result<i32, StoreError> {
    let last = product::Entity::find()
        .filter(product::Column::StoreId.eq(store.as_str()))
        .order_by_desc(product::Column::Position)
        .one(&write.tx)
        .await?;
    Ok(last.map_or(0, |row| row.position.saturating_add(1)))
}

async fn insert_product(write: &Write<'_>, row: &MenuProductRow) -> Result<(), PutProductError> {
    let store = row.product.store_id.as_str();
    let products =
        product::Entity::find().filter(product::Column::StoreId.eq(store)).count(&write.tx).await?;
    if usize::try_from(products).is_ok_and(|products| products >= MENU_PRODUCTS_MAX) {
        return Err(PutProductError::MenuFull);
    }
    let inserted = product::Entity::insert(product_model(row, write.now_ms))
        .on_conflict_do_nothing()
        .exec_without_returning(&write.tx)
        .await?;
    // Nobody else adds to this store's menu meanwhile, so whoever took the id did it for another store.
    if is_inserted(&inserted) { Ok(()) } else { Err(PutProductError::ProductOfOtherStore) }
}

fn product_model(row: &MenuProductRow, now_ms: i64) -> product::ActiveModel {
    product::ActiveModel {
        id: Set(row.product.id.as_str().to_owned()),
        store_id: Set(row.product.store_id.as_str().to_owned()),
        name: Set(row.product.name.clone()),
        description: Set(row.description.clone()),
        price: Set(row.product.price.get()),
        is_available: Set(row.product.is_available),
        position: Set(row.position),
        updated_at: Set(now_ms),
        is_tax_free: Set(row.product.is_tax_free),
    }
}

async fn replace_groups(write: &Write<'_>, product: &MenuProduct) -> Result<(), StoreError> {
    let id = product.id.as_str();
    product_option::Entity::delete_many()
        .filter(product_option::Column::ProductId.eq(id))
        .exec(&write.tx)
        .await?;
    option_group::Entity::delete_many()
        .filter(option_group::Column::ProductId.eq(id))
        .exec(&write.tx)
        .await?;
    let (mut groups, mut options) = (Vec::new(), Vec::new());
    for (position, group) in product.groups.iter().enumerate() {
        groups.push(option_group::ActiveModel {
            product_id: Set(id.to_owned()),
            id: Set(group.id.as_str().to_owned()),
            name: Set(group.name.clone()),
            min_choices: Set(column(group.min_choices)),
            max_choices: Set(column(group.max_choices)),
            position: Set(column(position)),
        });
        for (position, option) in group.options.iter().enumerate() {
            options.push(product_option::ActiveModel {
                product_id: Set(id.to_owned()),
                id: Set(option.id.as_str().to_owned()),
                group_id: Set(group.id.as_str().to_owned()),
                name: Set(option.name.clone()),
                price: Set(option.price.get()),
                is_available: Set(option.is_available),
                position: Set(column(position)),
            });
        }
    }
    option_group::Entity::insert_many(groups).exec_without_returning(&write.tx).await?;
    product_option::Entity::insert_many(options).exec_without_returning(&write.tx).await?;
    Ok(())
}

/// A small count as the column's type. The domain's limits keep every count far below.
fn column(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
