//! Changing one store: checked by the domain's rules, audited with what it was before. Its products are in `put_product`.

use domain::cart::{CatalogueProblem, check_store};
use domain::{StoreId, Won};
use entities::store;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait as _, DbErr, EntityTrait as _, QuerySelect as _};

use super::difference::{difference, store_fields};
use super::{StoreView, store_view};
use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::operate::Actor;

/// A store as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutStore {
    /// Which one, or the id of a new one.
    pub id: StoreId,
    /// What customers read.
    pub name: String,
    /// The configured merchant that payments of new orders go to; `None` keeps it. That it is configured is the caller's to check.
    pub merchant: Option<String>,
    /// Added to every order.
    pub delivery_fee: Won,
    /// What the items must come to.
    pub minimum_order: Won,
    /// Whether it takes orders.
    pub is_open: bool,
}

/// Something of the catalogue after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put<T> {
    /// What the change did.
    pub outcome: PutOutcome,
    /// How it stands now.
    pub row: T,
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is new.
    Created,
    /// It was different before.
    Changed,
    /// It was like this already: nothing was written, not even to the audit.
    Unchanged,
}

/// Why a store was not changed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum PutStoreError {
    /// It does not exist and the caller may not create stores.
    #[error("the store is unknown, and creating stores is for others")]
    MayNotCreate,
    /// The caller may not say which merchant a store sells under.
    #[error("changing a store's merchant is for others")]
    MayNotChangeMerchant,
    /// A new store needs a merchant.
    #[error("a new store needs a merchant")]
    MerchantMissing,
    /// The terms are not sound.
    #[error(transparent)]
    Invalid(CatalogueProblem),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for PutStoreError {
    fn from(error: DbErr) -> PutStoreError {
        PutStoreError::Store(error.into())
    }
}

impl Conflict for PutStoreError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            PutStoreError::Store(error) => Some(error),
            PutStoreError::MayNotCreate
            | PutStoreError::MayNotChangeMerchant
            | PutStoreError::MerchantMissing
            | PutStoreError::Invalid(_) => None,
        }
    }
}

impl Store {
    /// Creates or changes a store. Creating it and changing its merchant need `may_create`. Orders that exist keep their terms.
    ///
    /// # Errors
    /// [`PutStoreError`] says why not; nothing was changed then.
    pub async fn put_store(
        &self,
        actor: &Actor,
        change: &PutStore,
        may_create: bool,
    ) -> Result<Put<StoreView>, PutStoreError> {
        self.retried(|| async {
            let write = self.begin_write().await?;
            let put = write_store(&write, actor, change, may_create).await?;
            write.commit().await?;
            Ok(put)
        })
        .await
    }
}

/// Writes a store within a write that is under way.
pub(super) async fn write_store(
    write: &Write<'_>,
    actor: &Actor,
    change: &PutStore,
    may_create: bool,
) -> Result<Put<StoreView>, PutStoreError> {
    let found =
        store::Entity::find_by_id(change.id.as_str()).lock_exclusive().one(&write.tx).await?;
    let before = found.as_ref().map(store_view).transpose()?;
    let merchant = match (&change.merchant, &before) {
        (_, None) if !may_create => return Err(PutStoreError::MayNotCreate),
        (None, None) => return Err(PutStoreError::MerchantMissing),
        (None, Some(before)) => before.merchant.clone(),
        (Some(new), Some(before)) if *new != before.merchant && !may_create => {
            return Err(PutStoreError::MayNotChangeMerchant);
        }
        (Some(new), _) => new.clone(),
    };
    let after = StoreView {
        id: change.id.clone(),
        name: change.name.clone(),
        merchant,
        delivery_fee: change.delivery_fee,
        minimum_order: change.minimum_order,
        is_open: change.is_open,
    };
    check_store(&after.terms()).map_err(PutStoreError::Invalid)?;
    let fields_before = before.as_ref().map(store_fields).unwrap_or_default();
    let Some(detail) = difference(&fields_before, &store_fields(&after)) else {
        return Ok(Put { outcome: PutOutcome::Unchanged, row: after });
    };
    let row = store::ActiveModel {
        id: Set(after.id.as_str().to_owned()),
        name: Set(after.name.clone()),
        merchant: Set(after.merchant.clone()),
        delivery_fee: Set(after.delivery_fee.get()),
        minimum_order: Set(after.minimum_order.get()),
        is_open: Set(after.is_open),
        created_at: Set(found.map_or(write.now_ms, |row| row.created_at)),
        updated_at: Set(write.now_ms),
    };
    let (outcome, action) = if before.is_some() {
        row.update(&write.tx).await?;
        (PutOutcome::Changed, "store.change")
    } else {
        row.insert(&write.tx).await?;
        (PutOutcome::Created, "store.create")
    };
    let id = after.id.as_str();
    audit::record(write, actor, action, id, Some(id), None, Some(detail)).await?;
    Ok(Put { outcome, row: after })
}
