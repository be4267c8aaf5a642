//! Members of staff and the tokens that they are known by. Only hashes of tokens come in here.

use std::collections::{BTreeSet, HashMap};

use domain::limits::PAGE_ROWS_MAX;
use domain::role::{Member, Role};
use domain::{StaffId, StoreId};
use entities::{staff, staff_store, store};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde_json::json;

use crate::audit;
use crate::connection::{Conflict, Store};
use crate::error::StoreError;
use crate::idempotency::is_inserted;
use crate::operate::Actor;
use crate::origin::Origin;
use crate::page::Page;
use crate::rows;
use crate::sign_in::end_sessions;

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffMember {
    /// Ours.
    pub id: StaffId,
    /// What people call them; need not be unique.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The stores that they act for, sorted. A master acts for every store and needs none.
    pub stores: Vec<StoreId>,
    /// What they sign in to the console under; `None` for those who only have a token.
    pub login: Option<String>,
    /// Whether their token and their password are refused.
    pub is_disabled: bool,
    /// Milliseconds UTC.
    pub created_at_ms: i64,
}

impl StaffMember {
    /// The member as permission questions see them.
    #[must_use]
    pub fn member(&self) -> Member {
        Member { role: self.role, stores: self.stores.clone() }
    }

    /// The member as the audit names them.
    #[must_use]
    pub fn actor(&self, origin: Origin) -> Actor {
        Actor {
            id: self.id.as_str().to_owned(),
            name: self.name.clone(),
            role: Some(self.role),
            origin,
        }
    }
}

/// A member of staff to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStaff {
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The stores that they act for. Doubles count once.
    pub stores: Vec<StoreId>,
    /// SHA-256 of their token, hexadecimal. The token itself is kept nowhere.
    pub token_hash: String,
}

/// Why a member of staff was not added. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AddStaffError {
    /// One of the stores does not exist.
    #[error("there is no store {store}")]
    UnknownStore {
        /// Which.
        store: StoreId,
    },
    /// Somebody has this token already.
    #[error("the token belongs to somebody already")]
    TokenTaken,
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for AddStaffError {
    fn from(error: DbErr) -> AddStaffError {
        AddStaffError::Store(error.into())
    }
}

impl Conflict for AddStaffError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            AddStaffError::Store(error) => Some(error),
            AddStaffError::UnknownStore { .. } | AddStaffError::TokenTaken => None,
        }
    }
}

impl Store {
    /// Adds a member of staff. Audited as done by the system, because it is done at the server's command line.
    ///
    /// # Errors
    /// [`AddStaffError`] says why not; nothing was changed then.
    pub async fn add_staff(&self, new: &NewStaff) -> Result<StaffMember, AddStaffError> {
        self.retried(|| self.add_staff_once(new)).await
    }

    async fn add_staff_once(&self, new: &NewStaff) -> Result<StaffMember, AddStaffError> {
        let write = self.begin_write().await?;
        let mut stores = new.stores.clone();
        stores.sort();
        stores.dedup();
        for store in &stores {
            if store::Entity::find_by_id(store.as_str()).count(&write.tx).await? == 0 {
                return Err(AddStaffError::UnknownStore { store: store.clone() });
            }
        }
        let row = staff::Model {
            id: write.new_id(),
            name: new.name.clone(),
            role: new.role.word().to_owned(),
            token_hash: new.token_hash.clone(),
            login: None,
            password_hash: None,
            created_at: write.now_ms,
            disabled_at: None,
        };
        let inserted = staff::Entity::insert(row.clone().into_active_model())
            .on_conflict_do_nothing_on([staff::Column::TokenHash])
            .exec_without_returning(&write.tx)
            .await?;
        if !is_inserted(&inserted) {
            return Err(AddStaffError::TokenTaken);
        }
        let links = stores.iter().map(|store| staff_store::ActiveModel {
            staff_id: Set(row.id.clone()),
            store_id: Set(store.as_str().to_owned()),
        });
        staff_store::Entity::insert_many(links).exec_without_returning(&write.tx).await?;
        let detail = json!({
            "name": new.name,
            "role": new.role.word(),
            "stores": stores.iter().map(StoreId::as_str).collect::<Vec<_>>(),
        });
        audit::record(&write, &Actor::system(), "staff.add", &row.id, None, None, Some(detail))
            .await?;
        write.commit().await?;
        Ok(member(&row, stores)?)
    }

    /// Whom a token belongs to; `None` for an unknown one and for somebody who was disabled.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_staff_by_token_hash(
        &self,
        token_hash: &str,
    ) -> Result<Option<StaffMember>, StoreError> {
        self.find_active(staff::Column::TokenHash.eq(token_hash)).await
    }

    async fn find_active(&self, is_meant: Expr) -> Result<Option<StaffMember>, StoreError> {
        let found = staff::Entity::find()
            .filter(is_meant)
            .filter(staff::Column::DisabledAt.is_null())
            .one(&self.db)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let mut stores = stores_of(&self.db, &[row.id.as_str()]).await?;
        Ok(Some(member(&row, stores.remove(&row.id).unwrap_or_default())?))
    }

    /// Who has this id; `None` for an unknown one and for somebody who was disabled.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_staff(&self, id: &StaffId) -> Result<Option<StaffMember>, StoreError> {
        self.find_active(staff::Column::Id.eq(id.as_str())).await
    }

    /// Everybody, also those who were disabled, oldest first. `after` is the previous page's `next`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn list_staff(
        &self,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<StaffMember>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut query =
            staff::Entity::find().order_by_asc(staff::Column::Id).limit(limit.saturating_add(1));
        if let Some(after) = after {
            query = query.filter(staff::Column::Id.gt(after));
        }
        let page = Page::cut(query.all(&self.db).await?, limit, |row| row.id.clone());
        let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
        let mut stores = stores_of(&self.db, &ids).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            rows.push(member(row, stores.remove(&row.id).unwrap_or_default())?);
        }
        Ok(Page { rows, next: page.next })
    }

    /// The names of those of these ids who are staff, also of those who were disabled.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn staff_names(
        &self,
        ids: &BTreeSet<&str>,
    ) -> Result<HashMap<String, String>, StoreError> {
        names_of(&self.db, ids).await
    }

    /// Refuses somebody's token and password from now on, and ends their sessions; `None` when there is no such member. Disabling twice
    /// keeps the first time.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed then.
    pub async fn disable_staff(
        &self,
        id: &StaffId,
        actor: &Actor,
    ) -> Result<Option<StaffMember>, StoreError> {
        self.retried(|| self.disable_staff_once(id, actor)).await
    }

    async fn disable_staff_once(
        &self,
        id: &StaffId,
        actor: &Actor,
    ) -> Result<Option<StaffMember>, StoreError> {
        let write = self.begin_write().await?;
        let Some(row) =
            staff::Entity::find_by_id(id.as_str()).lock_exclusive().one(&write.tx).await?
        else {
            return Ok(None);
        };
        let mut stores = stores_of(&write.tx, &[id.as_str()]).await?;
        let stores = stores.remove(id.as_str()).unwrap_or_default();
        if row.disabled_at.is_some() {
            return Ok(Some(member(&row, stores)?));
        }
        let mut changed = row.into_active_model();
        changed.disabled_at = Set(Some(write.now_ms));
        let row = changed.update(&write.tx).await?;
        end_sessions(&write, &row.id).await?;
        audit::record(&write, actor, "staff.disable", &row.id, None, None, None).await?;
        write.commit().await?;
        Ok(Some(member(&row, stores)?))
    }
}

/// Staff id → what people call them.
pub(crate) async fn names_of(
    connection: &impl ConnectionTrait,
    ids: &BTreeSet<&str>,
) -> Result<HashMap<String, String>, StoreError> {
    let members = staff::Entity::find()
        .filter(staff::Column::Id.is_in(ids.iter().copied()))
        .all(connection)
        .await?;
    Ok(members.into_iter().map(|member| (member.id, member.name)).collect())
}

/// Staff id → the stores that they act for, sorted.
async fn stores_of(
    connection: &impl ConnectionTrait,
    staff_ids: &[&str],
) -> Result<HashMap<String, Vec<StoreId>>, StoreError> {
    let links = staff_store::Entity::find()
        .filter(staff_store::Column::StaffId.is_in(staff_ids.iter().copied()))
        .order_by_asc(staff_store::Column::StoreId)
        .all(connection)
        .await?;
    let mut stores: HashMap<String, Vec<StoreId>> = HashMap::new();
    for link in links {
        let store = StoreId::parse(link.store_id.clone()).map_err(|_| {
            rows::unreadable("staff_stores", &link.staff_id, "store_id", &link.store_id)
        })?;
        stores.entry(link.staff_id).or_default().push(store);
    }
    Ok(stores)
}

fn member(row: &staff::Model, stores: Vec<StoreId>) -> Result<StaffMember, StoreError> {
    Ok(StaffMember {
        id: StaffId::parse(row.id.as_str())
            .map_err(|_| rows::unreadable("staff", &row.id, "id", &row.id))?,
        name: row.name.clone(),
        role: rows::role(row)?,
        stores,
        login: row.login.clone(),
        is_disabled: row.disabled_at.is_some(),
        created_at_ms: row.created_at,
    })
}
