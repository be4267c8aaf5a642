//! Who acts on the command line, and why: what the audit keeps of it.

use anyhow::Context as _;
use domain::StaffId;
use domain::text::is_control;
use store::{Actor, Store};

/// The longest reason, in characters: a sentence and the number of a ticket.
const REASON_CHARS_MAX: usize = 300;

/// Reads the id of a member of staff.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn read_staff(text: &str) -> Result<StaffId, String> {
    StaffId::parse(text).map_err(|error| error.to_string())
}

/// Reads a reason.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn read_reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=REASON_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("it must have 1 to {REASON_CHARS_MAX} characters, on one line"))
    }
}

/// The member of staff who acts, or the system when nobody is named.
///
/// # Errors
/// Nobody who works here has the id, or the database does not answer.
pub(crate) async fn find_actor(store: &Store, by: Option<&StaffId>) -> anyhow::Result<Actor> {
    let Some(id) = by else { return Ok(Actor::system()) };
    let member = store.find_staff(id).await.context("the staff")?;
    let member = member.with_context(|| format!("--by: {id} is no active member of staff"))?;
    Ok(Actor {
        id: member.id.as_str().to_owned(),
        name: member.name,
        role: Some(member.role),
        origin: store::Origin::default(),
    })
}
