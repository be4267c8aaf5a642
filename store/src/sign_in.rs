//! Signing in: tries, sessions and passwords. Only hashes come in here, of passwords by whoever knows how to hash them.
//!
//! A try is counted before the password is looked at, so that many at once are counted too. Names that nobody has are counted alike:
//! who guesses learns nothing from a pause.

use std::collections::HashMap;

use domain::StaffId;
use domain::sign_in::{Login, SESSION_IDLE_MS, SESSION_MS_MAX, SESSION_SEEN_EVERY_MS, lock_ms};
use entities::{audit, sign_in_try, staff, web_session};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, SqlErr,
};

use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::ids::sha256_hex;
use crate::operate::Actor;
use crate::origin::Origin;
use crate::staff::StaffMember;

/// How many browsers one member of staff is signed in with at once; the oldest is signed out then.
pub const SESSIONS_MAX: u64 = 20;
/// What the audit calls signing in.
const SIGN_IN: &str = "staff.sign_in";
/// How many names are counted at once: strangers can type as many as they like.
const NAMES_MAX: u64 = 10_000;

/// What a try to sign in may go on with.
#[derive(Debug, Clone)]
pub enum SignInTry {
    /// Too many failed before: no password is looked at until then, in milliseconds UTC.
    Locked {
        /// When the next try counts.
        until_ms: i64,
    },
    /// Compare the password with this, or with nothing that could match: nobody has this name, or no password, or they were disabled.
    Compare(Option<KnownPassword>),
}

/// What a password is compared with, which only Argon2 may do.
#[derive(Clone)]
pub struct KnownPassword {
    /// Whose.
    pub staff_id: StaffId,
    /// As it was set.
    pub hash: String,
}

impl std::fmt::Debug for KnownPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownPassword").field("staff_id", &self.staff_id).finish_non_exhaustive()
    }
}

/// Why a password was not set. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// There is no such member of staff.
    #[error("there is nobody with this id")]
    Unknown,
    /// They were disabled.
    #[error("they were disabled")]
    Disabled,
    /// Somebody else signs in under this name.
    #[error("somebody else signs in as {login}")]
    LoginTaken {
        /// Which name.
        login: Login,
    },
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for SetPasswordError {
    fn from(error: DbErr) -> SetPasswordError {
        SetPasswordError::Store(error.into())
    }
}

impl Conflict for SetPasswordError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            SetPasswordError::Store(error) => Some(error),
            SetPasswordError::Unknown
            | SetPasswordError::Disabled
            | SetPasswordError::LoginTaken { .. } => None,
        }
    }
}

impl Store {
    /// Lets somebody sign in under this name with this password from now on, and ends their sessions.
    ///
    /// # Errors
    /// [`SetPasswordError`] says why not.
    pub async fn set_password(
        &self,
        id: &StaffId,
        login: &Login,
        password_hash: &str,
        actor: &Actor,
    ) -> Result<(), SetPasswordError> {
        self.retried(|| self.set_password_once(id, login, password_hash, actor)).await
    }

    async fn set_password_once(
        &self,
        id: &StaffId,
        login: &Login,
        password_hash: &str,
        actor: &Actor,
    ) -> Result<(), SetPasswordError> {
        let write = self.begin_write().await?;
        let found = staff::Entity::find_by_id(id.as_str()).lock_exclusive().one(&write.tx).await?;
        let row = found.ok_or(SetPasswordError::Unknown)?;
        if row.disabled_at.is_some() {
            return Err(SetPasswordError::Disabled);
        }
        let others = staff::Entity::find()
            .filter(staff::Column::Login.eq(login.as_str()))
            .filter(staff::Column::Id.ne(id.as_str()));
        if others.count(&write.tx).await? > 0 {
            return Err(SetPasswordError::LoginTaken { login: login.clone() });
        }
        let mut changed = row.into_active_model();
        changed.login = Set(Some(login.as_str().to_owned()));
        changed.password_hash = Set(Some(password_hash.to_owned()));
        match changed.update(&write.tx).await {
            Ok(_) => {}
            // Somebody took it a moment ago.
            Err(error) if is_unique_violation(&error) => {
                return Err(SetPasswordError::LoginTaken { login: login.clone() });
            }
            Err(error) => return Err(error.into()),
        }
        end_sessions(&write, id.as_str()).await?;
        forget_tries(&write, login.as_str()).await?;
        let detail = serde_json::json!({ "login": login.as_str() });
        crate::audit::record(
            &write,
            actor,
            "staff.password",
            id.as_str(),
            None,
            None,
            Some(detail),
        )
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// Counts a try to sign in under what somebody typed as their name, and says what its password is to be compared with.
    ///
    /// # Errors
    /// [`StoreError`]; the try does not count then, and must not go on.
    pub async fn begin_sign_in(&self, typed: &str) -> Result<SignInTry, StoreError> {
        self.retried(|| self.begin_sign_in_once(typed)).await
    }

    async fn begin_sign_in_once(&self, typed: &str) -> Result<SignInTry, StoreError> {
        let write = self.begin_write().await?;
        let login = Login::parse(typed).ok();
        let typed = login.as_ref().map_or(typed, Login::as_str);
        let known = match &login {
            Some(login) => {
                staff::Entity::find()
                    .filter(staff::Column::Login.eq(login.as_str()))
                    .filter(staff::Column::DisabledAt.is_null())
                    .one(&write.tx)
                    .await?
            }
            None => None,
        };
        let mut before = tries_under(&write, typed).await?;
        if before.is_none() && (known.is_some() || has_room(&write).await?) {
            // Of first tries at once each has to see those before it, and a row that is not there cannot be locked.
            add_name(&write, typed).await?;
            before = tries_under(&write, typed).await?;
        }
        if let Some(before) = &before
            && before.locked_until > write.now_ms
        {
            return Ok(SignInTry::Locked { until_ms: before.locked_until });
        }
        if let Some(before) = before {
            count_try(&write, before).await?;
        }
        write.commit().await?;
        let password = known.and_then(|row| {
            Some(KnownPassword { staff_id: StaffId::parse(row.id).ok()?, hash: row.password_hash? })
        });
        Ok(SignInTry::Compare(password))
    }

    /// Signs somebody in whose password was right, with a session of this token. `false` when their password is another one meanwhile, or
    /// they were disabled.
    ///
    /// # Errors
    /// [`StoreError`]; they are not signed in then.
    pub async fn sign_in(
        &self,
        password: &KnownPassword,
        token_hash: &str,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        self.retried(|| self.sign_in_once(password, token_hash, origin)).await
    }

    async fn sign_in_once(
        &self,
        password: &KnownPassword,
        token_hash: &str,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let id = password.staff_id.as_str();
        let found = staff::Entity::find_by_id(id)
            .filter(staff::Column::DisabledAt.is_null())
            .filter(staff::Column::PasswordHash.eq(password.hash.as_str()))
            .lock_exclusive()
            .one(&write.tx)
            .await?;
        let Some(row) = found else { return Ok(false) };
        if let Some(login) = &row.login {
            forget_tries(&write, login).await?;
        }
        sign_out_oldest(&write, id).await?;
        let session = web_session::Model {
            token_hash: token_hash.to_owned(),
            staff_id: id.to_owned(),
            created_at: write.now_ms,
            seen_at: write.now_ms,
            ends_at: write.now_ms.saturating_add(SESSION_MS_MAX),
        };
        session.into_active_model().insert(&write.tx).await?;
        let actor = Actor {
            id: row.id.clone(),
            name: row.name.clone(),
            role: Some(crate::rows::role(&row)?),
            origin: origin.clone(),
        };
        crate::audit::record(&write, &actor, SIGN_IN, id, None, None, None).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Who is signed in with this session; `None` when it is unknown or over, or they were disabled. Without `by_person` it is a page that
    /// brings itself up to date, and the session ends as if nothing had been asked.
    ///
    /// # Errors
    /// [`StoreError`]; nobody is signed in then.
    pub async fn find_session(
        &self,
        token_hash: &str,
        by_person: bool,
    ) -> Result<Option<StaffMember>, StoreError> {
        self.bounded(self.find_session_now(token_hash, by_person)).await
    }

    async fn find_session_now(
        &self,
        token_hash: &str,
        by_person: bool,
    ) -> Result<Option<StaffMember>, StoreError> {
        let read = self.begin_read().await?;
        let now_ms = read.now_ms;
        let session = web_session::Entity::find_by_id(token_hash).one(&read.tx).await?;
        read.end().await?;
        let Some(session) = session else { return Ok(None) };
        let is_idle = now_ms.saturating_sub(session.seen_at) > SESSION_IDLE_MS;
        if is_idle || now_ms >= session.ends_at {
            return Ok(None);
        }
        let Ok(id) = StaffId::parse(session.staff_id) else { return Ok(None) };
        let member = self.find_staff(&id).await?;
        let is_stale = now_ms.saturating_sub(session.seen_at) >= SESSION_SEEN_EVERY_MS;
        if by_person && is_stale && member.is_some() {
            let write = self.begin_write().await?;
            web_session::Entity::update_many()
                .col_expr(web_session::Column::SeenAt, Expr::value(write.now_ms))
                .filter(web_session::Column::TokenHash.eq(token_hash))
                .exec(&write.tx)
                .await?;
            write.commit().await?;
        }
        Ok(member)
    }

    /// When those of these ids signed in last, in milliseconds UTC, as far as the audit goes back.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn last_sign_ins(
        &self,
        ids: &[&StaffId],
    ) -> Result<HashMap<String, i64>, StoreError> {
        let rows: Vec<(String, Option<i64>)> = audit::Entity::find()
            .select_only()
            .column(audit::Column::Subject)
            .column_as(audit::Column::At.max(), "at")
            .filter(audit::Column::Subject.is_in(ids.iter().map(|id| id.as_str())))
            .filter(audit::Column::Action.eq(SIGN_IN))
            .group_by(audit::Column::Subject)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().filter_map(|(id, at)| Some((id, at?))).collect())
    }

    /// Ends a session; one that is over already stays over.
    ///
    /// # Errors
    /// [`StoreError`]; the session goes on then.
    pub async fn sign_out(&self, token_hash: &str) -> Result<(), StoreError> {
        self.retried(|| self.sign_out_once(token_hash)).await
    }

    async fn sign_out_once(&self, token_hash: &str) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        web_session::Entity::delete_by_id(token_hash).exec(&write.tx).await?;
        write.commit().await
    }
}

fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Signs a member of staff out everywhere.
pub(crate) async fn end_sessions(write: &Write<'_>, staff_id: &str) -> Result<(), StoreError> {
    web_session::Entity::delete_many()
        .filter(web_session::Column::StaffId.eq(staff_id))
        .exec(&write.tx)
        .await?;
    Ok(())
}

/// Makes room for one more session.
async fn sign_out_oldest(write: &Write<'_>, staff_id: &str) -> Result<(), StoreError> {
    let newest_first = web_session::Entity::find()
        .filter(web_session::Column::StaffId.eq(staff_id))
        .order_by_desc(web_session::Column::CreatedAt)
        .order_by_desc(web_session::Column::TokenHash)
        .all(&write.tx)
        .await?;
    let room = usize::try_from(SESSIONS_MAX.saturating_sub(1)).unwrap_or(usize::MAX);
    for session in newest_first.into_iter().skip(room) {
        web_session::Entity::delete_by_id(session.token_hash).exec(&write.tx).await?;
    }
    Ok(())
}

async fn has_room(write: &Write<'_>) -> Result<bool, StoreError> {
    let counted = sign_in_try::Entity::find().limit(NAMES_MAX).count(&write.tx).await?;
    Ok(counted < NAMES_MAX)
}

/// The tries under a name, locked against others.
async fn tries_under(
    write: &Write<'_>,
    typed: &str,
) -> Result<Option<sign_in_try::Model>, StoreError> {
    let found = sign_in_try::Entity::find_by_id(sha256_hex(typed)).lock_exclusive();
    Ok(found.one(&write.tx).await?)
}

/// Begins to count under a name. It waits for others who do so.
async fn add_name(write: &Write<'_>, typed: &str) -> Result<(), StoreError> {
    let row = sign_in_try::ActiveModel {
        login_hash: Set(sha256_hex(typed)),
        failures: Set(0),
        locked_until: Set(0),
        tried_at: Set(write.now_ms),
    };
    sign_in_try::Entity::insert_many([row])
        .on_conflict_do_nothing()
        .exec_without_returning(&write.tx)
        .await?;
    Ok(())
}

async fn count_try(write: &Write<'_>, before: sign_in_try::Model) -> Result<(), StoreError> {
    let failures = before.failures.saturating_add(1);
    let pause_ms = lock_ms(u32::try_from(failures).unwrap_or(u32::MAX));
    let mut row = before.into_active_model();
    row.failures = Set(failures);
    row.locked_until = Set(write.now_ms.saturating_add(pause_ms));
    row.tried_at = Set(write.now_ms);
    row.update(&write.tx).await?;
    Ok(())
}

async fn forget_tries(write: &Write<'_>, login: &str) -> Result<(), StoreError> {
    sign_in_try::Entity::delete_by_id(sha256_hex(login)).exec(&write.tx).await?;
    Ok(())
}
