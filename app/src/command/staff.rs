//! `seungin staff`: who may act, and the tokens that they are known by.

use std::io::BufRead as _;

use anyhow::Context as _;
use domain::limits::PAGE_ROWS_MAX;
use domain::role::Role;
use domain::sign_in::{Login, check_password};
use domain::{StaffId, StoreId};
use serde_json::json;
use store::staff::{NewStaff, StaffMember};
use store::{Actor, Store, sha256_hex};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::{RoleName, StaffCommand};
use crate::config::Config;
use crate::entropy::new_staff_token;
use crate::exit::Failure;
use crate::output::{print, tell};

/// Does what the subcommand says.
///
/// # Errors
/// The database does not answer, or refuses it.
pub(crate) async fn run(config: &Config, command: &StaffCommand) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    match command {
        StaffCommand::Add { name, role, stores } => add(&store, name, *role, stores).await?,
        StaffCommand::List { json } => list(&store, *json).await?,
        StaffCommand::Passwd { id, login, password_stdin } => {
            set_password(&store, id, login, *password_stdin).await?;
        }
        StaffCommand::Disable { id } => disable(&store, id).await?,
    }
    Ok(())
}

async fn add(store: &Store, name: &str, role: RoleName, stores: &[String]) -> anyhow::Result<()> {
    let role = match role {
        RoleName::Owner => Role::Owner,
        RoleName::Manager => Role::Manager,
        RoleName::Master => Role::Master,
    };
    let name = name.trim();
    if name.is_empty() || name.chars().count() > domain::limits::NAME_CHARS_MAX {
        anyhow::bail!("--name must have 1 to {} characters", domain::limits::NAME_CHARS_MAX);
    }
    if stores.is_empty() && role != Role::Master {
        anyhow::bail!("an {} acts for stores: name at least one by --store", role.word());
    }
    let stores = stores.iter().map(StoreId::parse).collect::<Result<Vec<_>, _>>()?;
    let token = new_staff_token();
    let new = NewStaff { name: name.to_owned(), role, stores, token_hash: sha256_hex(&token) };
    let member = store.add_staff(&new).await.context("nobody was added")?;
    tell(&format!(
        "added {} as {} ({}). The token is shown only this once:",
        member.name,
        member.role.word(),
        member.id
    ));
    print(&format!("{token}\n"))?;
    Ok(())
}

async fn list(store: &Store, is_json: bool) -> anyhow::Result<()> {
    let mut members = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_staff(after.as_deref(), PAGE_ROWS_MAX).await?;
        members.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if is_json {
        let rows: Vec<_> = members.iter().map(as_json).collect();
        print(&format!("{:#}\n", serde_json::Value::from(rows)))?;
        return Ok(());
    }
    for member in &members {
        let state = if member.is_disabled { "disabled" } else { "active" };
        let stores = stores(member).join(",");
        let stores = if stores.is_empty() { "-" } else { &stores };
        print(&format!(
            "{}  {:7}  {state:8}  {stores}  {}  {}\n",
            member.id,
            member.role.word(),
            member.login.as_deref().unwrap_or("-"),
            member.name
        ))?;
    }
    Ok(())
}

fn as_json(member: &StaffMember) -> serde_json::Value {
    let created_at = OffsetDateTime::from_unix_timestamp_nanos(
        i128::from(member.created_at_ms).saturating_mul(1_000_000),
    );
    json!({
        "staffId": member.id.as_str(),
        "name": member.name,
        "role": member.role.word(),
        "stores": stores(member),
        "login": member.login,
        "disabled": member.is_disabled,
        "createdAt": created_at.ok().and_then(|at| at.format(&Rfc3339).ok()),
    })
}

fn stores(member: &StaffMember) -> Vec<&str> {
    member.stores.iter().map(StoreId::as_str).collect()
}

async fn set_password(
    store: &Store,
    id: &str,
    login: &str,
    is_from_stdin: bool,
) -> anyhow::Result<()> {
    let id = StaffId::parse(id)?;
    let login = Login::parse(login)?;
    let password = if is_from_stdin { read_password()? } else { ask_password(&login)? };
    check_password(&login, &password)?;
    let hash = staff_console::password::hash(&password)?;
    store
        .set_password(&id, &login, &hash, &Actor::system())
        .await
        .context("nothing was changed")?;
    tell(&format!("{login} signs in at /console with this password from now on"));
    Ok(())
}

fn read_password() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask_password(login: &Login) -> anyhow::Result<String> {
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt)
            .context("there is no terminal to ask for the password: use --password-stdin")
    };
    let password = ask(format!("Password for {login}: "))?;
    if ask("Once more: ".to_owned())? != password {
        anyhow::bail!("the two were not the same; nothing was changed");
    }
    Ok(password)
}

async fn disable(store: &Store, id: &str) -> anyhow::Result<()> {
    let id = StaffId::parse(id)?;
    let member = store.disable_staff(&id, &Actor::system()).await?;
    let member = member.with_context(|| format!("there is nobody with the id {id}"))?;
    tell(&format!("the token and the password of {} are refused from now on", member.name));
    Ok(())
}
