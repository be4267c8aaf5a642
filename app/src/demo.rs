//! What a new embedded product starts with: two stores with menus, and three staff whose tokens are
//! kept in the data directory. Production never gets them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::StoreId;
use domain::role::Role;
use domain::sign_in::Login;
use serde::{Deserialize, Serialize};
use store::catalogue::MissingProducts;
use store::staff::{NewStaff, StaffMember};
use store::{Actor, Store, sha256_hex};

use crate::catalogue_file::{self, Merchants};
use crate::config;
use crate::data_dir::{read_json, write_json};
use crate::entropy::{new_password, new_staff_token};
use crate::exit::Failure;

/// The menus of the demo shop.
const CATALOGUE: &str = include_str!("../../config/demo-catalogue.json");
/// What the names of demo staff end with, so that nobody takes them for people.
const MARK: &str = "(demo)";

/// The demo staff of a data directory. Holds tokens: keep it private.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Demo {
    /// Whether all of it is in the database.
    is_seeded: bool,
    pub(crate) staff: Vec<DemoStaff>,
}

/// One of them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DemoStaff {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) stores: Vec<String>,
    pub(crate) token: String,
    /// What they sign in to the console under, and with.
    #[serde(default)]
    pub(crate) login: String,
    #[serde(default)]
    pub(crate) password: String,
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demo").field("is_seeded", &self.is_seeded).finish_non_exhaustive()
    }
}

impl Demo {
    fn new() -> Demo {
        let member = |name: &str, login: &str, role: Role, stores: &[&str]| DemoStaff {
            name: format!("{name} {MARK}"),
            role: role.word().to_owned(),
            stores: stores.iter().map(|store| (*store).to_owned()).collect(),
            token: new_staff_token(),
            login: login.to_owned(),
            password: new_password(),
        };
        Demo {
            is_seeded: false,
            staff: vec![
                member("김사장", "owner", Role::Owner, &["malatang-hongdae"]),
                member("이매니저", "manager", Role::Manager, &["chicken-yeonnam"]),
                member("박마스터", "master", Role::Master, &[]),
            ],
        }
    }

    /// The token of the one who may act for every store.
    pub(crate) fn master_token(&self) -> Option<&str> {
        let master = self.staff.iter().find(|member| member.role == Role::Master.word());
        master.map(|member| member.token.as_str())
    }
}

/// The demo staff of a data directory, if it has any.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn find(directory: &Path) -> anyhow::Result<Option<Demo>> {
    read_json(&path(directory))
}

fn path(directory: &Path) -> PathBuf {
    directory.join("demo.json")
}

/// Fills a new database, once. A seeding that was interrupted is finished at the next start, and
/// one whose database is gone is done again; what staff changed since stays as it is. `merchants` are those that are configured.
///
/// # Errors
/// The database or the directory cannot be written to.
pub(crate) async fn seed(
    store: &Store,
    directory: &Path,
    merchants: &[&str],
) -> anyhow::Result<Option<Demo>> {
    let demo = match find(directory)? {
        Some(demo) if demo.is_seeded && !is_new(store).await? => return Ok(Some(demo)),
        Some(demo) => demo,
        None if is_new(store).await? => Demo::new(),
        None => return Ok(None),
    };
    // Tokens first: a member whose token nobody knows would be of no use.
    write_json(&path(directory), &demo)?;
    let default = config::default_of(merchants).or(merchants.first().copied());
    let merchants = Merchants { default, known: merchants };
    let catalogue = catalogue_file::parse(CATALOGUE, merchants, MissingProducts::Keep)?;
    store.import_catalogue(&Actor::system(), &catalogue).await.context("the demo catalogue")?;
    for member in &demo.staff {
        add(store, member).await?;
    }
    let demo = Demo { is_seeded: true, ..demo };
    write_json(&path(directory), &demo)?;
    Ok(Some(demo))
}

async fn is_new(store: &Store) -> anyhow::Result<bool> {
    let has_stores = !store.list_stores(None, 1).await?.rows.is_empty();
    let has_staff = !store.list_staff(None, 1).await?.rows.is_empty();
    Ok(!has_stores && !has_staff)
}

async fn add(store: &Store, member: &DemoStaff) -> anyhow::Result<()> {
    let token_hash = sha256_hex(&member.token);
    if let Some(known) = store.find_staff_by_token_hash(&token_hash).await? {
        return let_in(store, &known, member).await;
    }
    let role = Role::from_word(&member.role).context("demo.json names an unknown role")?;
    let stores = member.stores.iter().map(StoreId::parse).collect::<Result<_, _>>()?;
    let new = NewStaff { name: member.name.clone(), role, stores, token_hash };
    let added = store.add_staff(&new).await.context("the demo staff")?;
    let_in(store, &added, member).await
}

/// Lets one of them sign in to the console, unless they do already.
async fn let_in(store: &Store, known: &StaffMember, member: &DemoStaff) -> anyhow::Result<()> {
    if known.login.is_some() || member.login.is_empty() {
        return Ok(());
    }
    let login = Login::parse(&member.login)?;
    let hash = staff_console::password::hash(&member.password)?;
    store.set_password(&known.id, &login, &hash, &Actor::system()).await.context("the demo staff")
}

/// Makes sure that no demo staff can act in production.
///
/// # Errors
/// Some can, or the database does not answer.
pub(crate) async fn refuse_demo_staff(store: &Store) -> Result<(), Failure> {
    let names = find_active_staff(store).await?;
    if names.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "production, and the database has demo staff: {}. Disable them by `seungin staff disable`",
        names.join(", ")
    );
    Err(config::invalid("environment", reason).into())
}

/// The names of demo staff that can still sign in.
///
/// # Errors
/// The database does not answer.
async fn find_active_staff(store: &Store) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_staff(after.as_deref(), domain::limits::PAGE_ROWS_MAX).await?;
        let active = page.rows.iter().filter(|member| !member.is_disabled);
        names.extend(active.filter(|it| it.name.ends_with(MARK)).map(|it| it.name.clone()));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(names),
        }
    }
}
