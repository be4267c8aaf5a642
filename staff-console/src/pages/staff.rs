//! Staff: who may act, and disabling somebody, for masters.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::StaffId;
use domain::role::Role;
use store::staff::StaffMember;
use store::{Page, StoreError};

use super::{done, page, refuse_with, refused};
use crate::Console;
use crate::frame::Frame;
use crate::query::Asking;
use crate::session::{Posted, SignedIn};
use crate::words::actions::Done;
use crate::words::{self, records};

const PATH: &str = "/console/staff";
/// Rows of a page.
const ROWS: u64 = 50;

#[derive(Debug, Template)]
#[template(path = "staff.html")]
struct StaffPage {
    frame: Frame,
    asking: Asking,
    staff: Page<StaffMember>,
    /// Staff id → when they signed in last.
    signed_in: HashMap<String, i64>,
    me: StaffId,
}

impl StaffPage {
    fn is_me(&self, member: &StaffMember) -> bool {
        member.id == self.me
    }

    fn stores(&self, member: &StaffMember) -> String {
        if member.role == Role::Master {
            return self.frame.t(records::EVERY_STORE).to_owned();
        }
        let stores: Vec<&str> = member.stores.iter().map(|store| store.as_str()).collect();
        if stores.is_empty() { "–".to_owned() } else { stores.join(", ") }
    }

    fn last_sign_in(&self, member: &StaffMember) -> Option<i64> {
        self.signed_in.get(member.id.as_str()).copied()
    }
}

/// `GET /console/staff`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    if by.member.role != Role::Master {
        return refused(&console, &by, StatusCode::FORBIDDEN);
    }
    let asking = Asking::of(pairs);
    let (staff, signed_in) = match read(&console, asking.cursor()).await {
        Ok(read) => read,
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let (frame, me) = (by.frame(&console), by.member.id.clone());
    page(StatusCode::OK, &by.asked, &StaffPage { frame, asking, staff, signed_in, me })
}

async fn read(
    console: &Console,
    after: Option<&str>,
) -> Result<(Page<StaffMember>, HashMap<String, i64>), StoreError> {
    let staff = console.store.list_staff(after, ROWS).await?;
    let ids: Vec<&StaffId> = staff.rows.iter().map(|member| &member.id).collect();
    let signed_in = console.store.last_sign_ins(&ids).await?;
    Ok((staff, signed_in))
}

/// `POST /console/staff/{id}/disable`
pub(crate) async fn disable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let Posted { by, fields } = &posted;
    if by.member.role != Role::Master {
        return refused(&console, by, StatusCode::FORBIDDEN);
    }
    let Ok(id) = StaffId::parse(id) else { return refused(&console, by, StatusCode::NOT_FOUND) };
    if id == by.member.id {
        return refuse_with(&console, by, records::DISABLE_SELF, PATH);
    }
    if fields.one("sure") != Some(id.as_str()) {
        return refuse_with(&console, by, records::DISABLE_NOT_SURE, PATH);
    }
    match console.store.disable_staff(&id, &by.actor()).await {
        Ok(Some(_)) => done(PATH, Done::StaffDisabled),
        Ok(None) => refused(&console, by, StatusCode::NOT_FOUND),
        Err(error) => super::failed(&console, &by.asked, &error),
    }
}
