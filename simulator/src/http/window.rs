//! The payment window: the buyer's side of a payment, as plain forms that work without any script.
//!
//! `POST /window` opens a session and leads to `GET /window/{id}`; what the buyer chooses there is posted back, and the
//! browser is sent on to the addresses registered at the opening, and to no other. Forms of other sites are welcome, that
//! is what a shop is; under another site's name the window is not there (see `guard`).

mod choice;
mod form;
mod view;

use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use self::choice::{Choice, ChoiceForm, apply};
use self::form::OpenForm;
pub(crate) use self::form::language_named;
use super::App;
use super::api::language_of;
use super::page::notice;
use crate::codes;
use crate::payment::{Payment, Status};
use crate::refusal::{Language, Refusal};
use crate::world::World;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/window", post(open)).route("/window/{id}", get(show).post(submit))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LanguageQuery {
    lang: String,
}

type LanguageOf = Result<Query<LanguageQuery>, QueryRejection>;
type IdOf = Result<Path<String>, PathRejection>;

/// What the page is asked to speak: the query, else what the shop speaks, else what the browser prefers.
fn language(query: &LanguageOf, payment: Option<&Payment>, headers: &HeaderMap) -> Language {
    let asked = query.as_ref().ok().and_then(|Query(query)| language_named(&query.lang));
    let of_shop = || payment?.window.as_ref()?.language;
    asked.or_else(of_shop).unwrap_or_else(|| language_of(headers))
}

async fn open(
    State(app): State<App>,
    headers: HeaderMap,
    form: Result<Form<OpenForm>, FormRejection>,
) -> Response {
    let opened = form
        .map_err(|_| Refusal::new(codes::INVALID_PARAMETERS))
        .and_then(|Form(form)| form.check())
        .and_then(|(key, new, window)| {
            let id = window.id.clone();
            app.shared.write(|world| {
                let merchant = world.merchant_of_client(key)?;
                world.open(merchant, new, Some(window))
            })?;
            Ok(id)
        });
    match opened {
        Ok(id) => see_other(&format!("/window/{id}")),
        Err(refusal) => refused(&refusal, language_of(&headers)),
    }
}

async fn show(State(app): State<App>, headers: HeaderMap, id: IdOf, query: LanguageOf) -> Response {
    app.shared.write(|world| {
        let payment = refreshed(world, &id);
        let language = language(&query, payment, &headers);
        match payment {
            None => not_found(language),
            Some(payment) if payment.status != Status::Ready => closed(payment, language),
            Some(payment) => view::window_page(payment, language),
        }
    })
}

async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    id: IdOf,
    query: LanguageOf,
    form: Result<Form<ChoiceForm>, FormRejection>,
) -> Response {
    let choice = form
        .map_err(|_| Refusal::new(codes::INVALID_PARAMETERS))
        .and_then(|Form(form)| form.check());
    app.shared.write(|world| {
        let payment = refreshed(world, &id);
        let language = language(&query, payment, &headers);
        let (payment_key, status) = match payment {
            None => return not_found(language),
            Some(payment) => (payment.payment_key.clone(), payment.status),
        };
        let choice = match choice {
            Ok(choice) => choice,
            Err(refusal) => return refused(&refusal, language),
        };
        // A second click on the button is answered like the first.
        let is_repeated = status == Status::InProgress && matches!(choice, Choice::Pay { .. });
        if status != Status::Ready && !is_repeated {
            return refreshed(world, &id).map_or(not_found(language), |it| closed(it, language));
        }
        match apply(world, &payment_key, choice, language) {
            Ok(address) => see_other(&address),
            Err(refusal) => refused(&refusal, language),
        }
    })
}

/// The payment of a window, its time run out if it has.
fn refreshed<'a>(world: &'a mut World, id: &IdOf) -> Option<&'a Payment> {
    let Path(id) = id.as_ref().ok()?;
    let payment_key = world.payments.key_of_window(id)?.to_owned();
    world.refresh(&payment_key);
    world.payments.find(&payment_key)
}

fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
        Err(_) => refused(&Refusal::new(codes::INVALID_PARAMETERS), Language::Korean),
    }
}

fn refused(refusal: &Refusal, language: Language) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let title = language.pick("결제창을 열 수 없습니다", "The payment window cannot be opened");
    notice(status, language, title, &format!("{} [{}]", refusal.message(language), refusal.code()))
}

fn not_found(language: Language) -> Response {
    let title = language.pick("결제창을 찾을 수 없습니다", "There is no such payment window");
    let text = language.pick("쇼핑몰에서 다시 시작해 주세요.", "Please start again in the shop.");
    notice(StatusCode::NOT_FOUND, language, title, text)
}

fn closed(payment: &Payment, language: Language) -> Response {
    let title = language.pick("이미 끝난 결제창입니다", "This payment window is closed");
    let text = match payment.status {
        Status::Expired => language.pick(
            "결제 유효 시간이 지났습니다. 쇼핑몰에서 다시 시작해 주세요.",
            "Its time has run out. Please start again in the shop.",
        ),
        Status::Ready
        | Status::InProgress
        | Status::WaitingForDeposit
        | Status::Done
        | Status::Canceled
        | Status::PartialCanceled
        | Status::Aborted => language.pick(
            "이 결제는 이미 처리되었습니다. 쇼핑몰에서 주문 상태를 확인해 주세요.",
            "This payment has gone on. Please look at your order in the shop.",
        ),
    };
    notice(StatusCode::CONFLICT, language, title, text)
}
