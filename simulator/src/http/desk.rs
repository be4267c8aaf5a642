//! The control desk, `/_sim`: what tests do over JSON, for people. Plain pages and forms, no script.
//!
//! Every button does what a control call does, through the same [`Handle`]. Where one is comes from the query, so that a
//! page can be reloaded and linked to.

mod actions;
mod faults;
mod parts;
mod payment;
mod payments;
mod place;
mod settings;
mod webhooks;

use std::collections::HashMap;

use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use self::parts::button;
use self::place::{Place, VIEWS, View};
use super::api::language_of;
use super::control::handle_of;
use super::page::{banner, desk_page, escape};
use super::{App, guard};
use crate::codes;
use crate::handle::Handle;
use crate::refusal::Refusal;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/_sim", get(show))
        .route("/_sim/", get(show))
        .route("/_sim/desk/{action}", post(act))
        .route_layer(middleware::from_fn(guard::refuse_other_sites))
}

async fn show(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Response {
    let query = Query::<HashMap<String, String>>::try_from_uri(&uri);
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let place = Place::of(&query, language_of(&headers));
    render(&app, &place, None)
}

async fn act(
    State(app): State<App>,
    headers: HeaderMap,
    action: Result<Path<String>, PathRejection>,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Response {
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let place = Place::of(&form, language_of(&headers));
    let unknown = || Refusal::new(codes::NOT_FOUND_HTTP_METHOD);
    let done = action
        .map_err(|_| unknown())
        .and_then(|Path(action)| actions::act(&handle_of(&app), &action, &form));
    match (done, HeaderValue::from_str(&place.address())) {
        (Ok(()), Ok(address)) => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
        }
        (Ok(()), Err(_)) => render(&app, &place, Some(&unknown())),
        (Err(refusal), _) => render(&app, &place, Some(&refusal)),
    }
}

fn render(app: &App, place: &Place, refusal: Option<&Refusal>) -> Response {
    let handle = handle_of(app);
    let language = place.language;
    let content = match (&place.payment, place.view) {
        (Some(payment_key), View::Payments) => payment::view(app, &handle, place, payment_key),
        (None, View::Payments) => payments::view(app, place),
        (_, View::Webhooks) => webhooks::view(&handle, place),
        (_, View::Faults) => faults::view(&handle, place),
        (_, View::Keys) => settings::keys_view(&handle, place),
        (_, View::Settings) => settings::view(&handle, place),
    };
    let notice = refusal.map_or(String::new(), |refusal| {
        format!(
            "<p class=\"alert\" role=\"alert\">{} <code>{}</code></p>",
            escape(refusal.message(language)),
            escape(refusal.code())
        )
    });
    let title = language.pick("토스 시뮬레이터", "Toss simulator");
    let html = format!(
        "{}<main class=\"desk\"><header class=\"top\"><h1>{title}</h1>{}</header>\n{}\n{notice}{content}</main>",
        banner(language, Some(&place.address_in_other_language())),
        clock(&handle, place),
        navigation(place),
    );
    let status = refusal.map_or(StatusCode::OK, |refusal| {
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST)
    });
    desk_page(status, language, title, &html)
}

fn navigation(place: &Place) -> String {
    let link = |view: &View| {
        let here = if *view == place.view { " aria-current=\"page\"" } else { "" };
        let address = Place { view: *view, ..Place::start(place.language) }.address();
        let title = view.title(place.language);
        format!("<a href=\"{}\"{here}>{title}</a>", escape(&address))
    };
    let links: String = VIEWS.iter().map(link).collect();
    format!(
        "<nav class=\"tabs\" aria-label=\"{}\">{links}</nav>",
        place.language.pick("보기", "Views")
    )
}

/// What time it is, and buttons that move it.
fn clock(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let steps = [
        ("60000", "+1분", "+1 min"),
        ("600000", "+10분", "+10 min"),
        ("3600000", "+1시간", "+1 h"),
        ("86400000", "+1일", "+1 day"),
        ("604800000", "+7일", "+7 days"),
    ];
    let buttons: String = steps
        .iter()
        .map(|(ms, korean, english)| {
            button(place, "clock", &[("ms", ms)], language.pick(korean, english), "small")
        })
        .collect();
    let now = handle.clock().now.replace('T', " ").replace("+09:00", " KST");
    format!(
        "<section class=\"clock\" aria-label=\"{}\"><p><span>{}</span><time>{now}</time></p><div class=\"row\">{buttons}</div></section>",
        language.pick("시계", "Clock"),
        language.pick("시뮬레이터 시각", "Simulated time"),
    )
}
