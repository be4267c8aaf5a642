//! Signing in and out.

use api::ClientAddress;
use askama::Template;
use axum::Extension;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::sign_in::PASSWORD_CHARS_MAX;
use serde::Deserialize;
use store::sign_in::SignInTry;
use store::{Origin, StoreError, sha256_hex};

use super::page;
use crate::Console;
use crate::format::local_page;
use crate::frame::{Asked, Frame};
use crate::session::{Fields, Posted, cookie, is_same_origin, new_token};
use crate::words;

/// The form.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    login: String,
    /// Why the last try failed.
    problem: Option<String>,
    is_signed_out: bool,
}

/// What the address says.
#[derive(Debug, Deserialize)]
pub(crate) struct Params {
    next: Option<String>,
    #[serde(rename = "signed-out")]
    signed_out: Option<String>,
}

/// `GET /console/sign-in`
pub(crate) async fn show(
    State(console): State<Console>,
    Query(params): Query<Params>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let asked = Asked::of(&parts);
    let form = SignInPage {
        frame: frame(&console, &asked),
        next: local_page(params.next.as_deref()).to_owned(),
        login: String::new(),
        problem: None,
        is_signed_out: params.signed_out.is_some(),
    };
    page(StatusCode::OK, &asked, &form)
}

fn frame(console: &Console, asked: &Asked) -> Frame {
    Frame::of(console.mode, asked, None, String::new())
}

/// Why somebody was not signed in.
enum NotSignedIn {
    /// From this address it was tried too often.
    TooFast,
    /// Under this name it was tried too often; for so long, in milliseconds, no try counts.
    Locked { for_ms: i64 },
    /// Name and password do not belong together.
    Wrong,
    /// Too many are signing in; nothing was tried.
    Busy,
    /// The database does not answer.
    Store(StoreError),
}

impl From<StoreError> for NotSignedIn {
    fn from(error: StoreError) -> NotSignedIn {
        NotSignedIn::Store(error)
    }
}

/// `POST /console/sign-in`
pub(crate) async fn sign_in(
    State(console): State<Console>,
    Extension(client): Extension<ClientAddress>,
    Extension(origin): Extension<Origin>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked::of(&parts);
    if !is_same_origin(&parts.headers, console.form_origin.as_deref()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let fields = match Fields::read(parts, body).await {
        Ok(fields) => fields,
        Err(status) => return status.into_response(),
    };
    let typed = fields.one("login").unwrap_or_default().trim();
    let next = local_page(fields.one("next"));
    let password = fields.one("password").unwrap_or_default();
    let (status, problem) = match try_sign_in(&console, client, &origin, typed, password).await {
        Ok(token) => return signed_in(&console, &token, next),
        Err(NotSignedIn::Store(error)) => return super::failed(&console, &asked, &error),
        Err(NotSignedIn::Busy) => return super::busy(&console, &asked),
        Err(NotSignedIn::TooFast) => (
            StatusCode::TOO_MANY_REQUESTS,
            words::SIGN_IN_FAST.in_language(asked.language).to_owned(),
        ),
        Err(NotSignedIn::Locked { for_ms }) => {
            let wait = crate::format::duration(for_ms.max(1_000), asked.language);
            let sentence = words::SIGN_IN_LOCKED.in_language(asked.language);
            (StatusCode::TOO_MANY_REQUESTS, format!("{sentence}{wait}"))
        }
        Err(NotSignedIn::Wrong) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            words::SIGN_IN_WRONG.in_language(asked.language).to_owned(),
        ),
    };
    let form = SignInPage {
        frame: frame(&console, &asked),
        next: next.to_owned(),
        login: typed.chars().take(60).collect(),
        problem: Some(problem),
        is_signed_out: false,
    };
    page(status, &asked, &form)
}

/// Signs somebody in; gives the new session's token.
async fn try_sign_in(
    console: &Console,
    client: ClientAddress,
    origin: &Origin,
    typed: &str,
    password: &str,
) -> Result<String, NotSignedIn> {
    if !console.guard.may_try(client.address()) {
        return Err(NotSignedIn::TooFast);
    }
    // Before the try counts.
    let place = console.guard.place().await.ok_or(NotSignedIn::Busy)?;
    let known = match console.store.begin_sign_in(typed).await? {
        SignInTry::Compare(known) => known,
        SignInTry::Locked { until_ms } => {
            let now_ms = console.store.now_ms().await?;
            return Err(NotSignedIn::Locked { for_ms: until_ms.saturating_sub(now_ms) });
        }
    };
    let hash = known.as_ref().map(|known| known.hash.clone());
    // What is longer was never set, and hashing it would take longer.
    let is_too_long = password.chars().count() > PASSWORD_CHARS_MAX;
    let compared = if is_too_long { String::new() } else { password.to_owned() };
    let is_right = place.compare(compared, hash).await;
    let (Some(known), true) = (known, is_right) else {
        tracing::warn!(client = %client.address(), "somebody could not be signed in to the console");
        return Err(NotSignedIn::Wrong);
    };
    let token = new_token();
    if console.store.sign_in(&known, &sha256_hex(&token), origin).await? {
        Ok(token)
    } else {
        Err(NotSignedIn::Wrong)
    }
}

fn signed_in(console: &Console, token: &str, next: &str) -> Response {
    with_cookie(Redirect::to(next).into_response(), cookie(Some(token), console.is_secure))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /console/sign-out`
pub(crate) async fn sign_out(State(console): State<Console>, posted: Posted) -> Response {
    if let Err(error) = console.store.sign_out(&posted.by.token_hash()).await {
        return super::failed(&console, &posted.by.asked, &error);
    }
    let answer = Redirect::to("/console/sign-in?signed-out=1").into_response();
    with_cookie(answer, cookie(None, console.is_secure))
}
