//! A whole catalogue at once, all or nothing. Importing the same one again changes nothing.

use std::collections::HashSet;

use domain::{ProductId, StoreId};
use entities::product;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::load_products;
use super::put::{Put, PutOutcome, PutStore, PutStoreError, write_store};
use super::put_product::{PutProduct, PutProductError, withdraw_product, write_product};
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::operate::Actor;

/// A catalogue to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The stores with their menus. Stores that are not named stay as they are.
    pub stores: Vec<CatalogueStore>,
    /// What happens to products of the named stores that are not named themselves.
    pub missing: MissingProducts,
}

/// A store of a catalogue, with its menu in menu order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueStore {
    /// The store.
    pub store: PutStore,
    /// Its products.
    pub products: Vec<PutProduct>,
}

/// What happens to products of a store that its catalogue does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingProducts {
    /// They stay as they are.
    Keep,
    /// They stay in the menu and cannot be ordered any more.
    Withdraw,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportSummary {
    /// New stores.
    pub stores_created: u32,
    /// Stores that were different before.
    pub stores_changed: u32,
    /// Stores that were like this already.
    pub stores_unchanged: u32,
    /// New products.
    pub products_created: u32,
    /// Products that were different before.
    pub products_changed: u32,
    /// Products that were like this already.
    pub products_unchanged: u32,
    /// Products that cannot be ordered any more because the catalogue does not name them.
    pub products_withdrawn: u32,
}

/// Why a catalogue was not imported. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A store is not sound.
    #[error("store {store}")]
    BadStore {
        /// Which.
        store: StoreId,
        /// Why.
        #[source]
        problem: Box<PutStoreError>,
    },
    /// A product is not sound.
    #[error("product {product} of store {store}")]
    BadProduct {
        /// Of which store.
        store: StoreId,
        /// Which.
        product: ProductId,
        /// Why.
        #[source]
        problem: Box<PutProductError>,
    },
    /// A store is named twice.
    #[error("store {store} is in the catalogue twice")]
    RepeatedStore {
        /// Which.
        store: StoreId,
    },
    /// A product is named twice.
    #[error("product {product} is in the catalogue twice")]
    RepeatedProduct {
        /// Which.
        product: ProductId,
    },
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Conflict for ImportError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            ImportError::BadStore { problem, .. } => problem.store_error(),
            ImportError::BadProduct { problem, .. } => problem.store_error(),
            ImportError::Store(error) => Some(error),
            ImportError::RepeatedStore { .. } | ImportError::RepeatedProduct { .. } => None,
        }
    }
}

impl Store {
    /// Imports a catalogue in one transaction. Whoever may do this may create stores.
    ///
    /// # Errors
    /// [`ImportError`] names the first store or product that cannot be taken; nothing was changed then.
    pub async fn import_catalogue(
        &self,
        actor: &Actor,
        catalogue: &Catalogue,
    ) -> Result<ImportSummary, ImportError> {
        check_repeats(catalogue)?;
        self.retried(|| async {
            let write = self.begin_write().await?;
            let mut summary = ImportSummary::default();
            // Locks are taken in the order of ids, whatever the order in the file.
            let mut stores: Vec<&CatalogueStore> = catalogue.stores.iter().collect();
            stores.sort_by(|one, other| one.store.id.cmp(&other.store.id));
            for part in stores {
                import_store(&write, actor, part, catalogue.missing, &mut summary).await?;
            }
            write.commit().await?;
            Ok(summary)
        })
        .await
    }
}

fn check_repeats(catalogue: &Catalogue) -> Result<(), ImportError> {
    let mut stores = HashSet::new();
    let mut products = HashSet::new();
    for part in &catalogue.stores {
        if !stores.insert(&part.store.id) {
            return Err(ImportError::RepeatedStore { store: part.store.id.clone() });
        }
        for product in &part.products {
            if !products.insert(&product.id) {
                return Err(ImportError::RepeatedProduct { product: product.id.clone() });
            }
        }
    }
    Ok(())
}

async fn import_store(
    write: &Write<'_>,
    actor: &Actor,
    part: &CatalogueStore,
    missing: MissingProducts,
    summary: &mut ImportSummary,
) -> Result<(), ImportError> {
    let store = &part.store.id;
    let put = write_store(write, actor, &part.store, true).await.map_err(|problem| {
        ImportError::BadStore { store: store.clone(), problem: Box::new(problem) }
    })?;
    let counter = match put.outcome {
        PutOutcome::Created => &mut summary.stores_created,
        PutOutcome::Changed => &mut summary.stores_changed,
        PutOutcome::Unchanged => &mut summary.stores_unchanged,
    };
    *counter = counter.saturating_add(1);
    for (position, product) in part.products.iter().enumerate() {
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        let Put { outcome, .. } = write_product(write, actor, store, product, Some(position))
            .await
            .map_err(|problem| ImportError::BadProduct {
                store: store.clone(),
                product: product.id.clone(),
                problem: Box::new(problem),
            })?;
        let counter = match outcome {
            PutOutcome::Created => &mut summary.products_created,
            PutOutcome::Changed => &mut summary.products_changed,
            PutOutcome::Unchanged => &mut summary.products_unchanged,
        };
        *counter = counter.saturating_add(1);
    }
    match missing {
        MissingProducts::Keep => Ok(()),
        MissingProducts::Withdraw => withdraw_missing(write, actor, part, summary).await,
    }
}

async fn withdraw_missing(
    write: &Write<'_>,
    actor: &Actor,
    part: &CatalogueStore,
    summary: &mut ImportSummary,
) -> Result<(), ImportError> {
    let named = part.products.iter().map(|product| product.id.as_str());
    let missing = product::Entity::find()
        .filter(product::Column::StoreId.eq(part.store.id.as_str()))
        .filter(product::Column::Id.is_not_in(named));
    for row in load_products(&write.tx, missing).await? {
        if withdraw_product(write, actor, row).await? {
            summary.products_withdrawn = summary.products_withdrawn.saturating_add(1);
        }
    }
    Ok(())
}
