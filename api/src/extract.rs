//! Reading requests: bodies, queries, ids, idempotency keys. Whatever is wrong with them becomes a problem that names the place.

mod checks;
mod decode;
mod filters;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use domain::limits::CALLER_KEY_CHARS_MAX;
use domain::{BulkRunId, CancellationId, JobId, OrderId, ProductId, StoreId};
use serde::de::DeserializeOwned;

use crate::context::Api;
use crate::layers::{ClientAddress, IDEMPOTENCY_KEY};
use crate::problem::{FieldProblem, Place, Problem, ProblemCode};
use crate::rates::Client;
use crate::words::Text;

pub(crate) use checks::{CONTROL_CHARACTER, Checks, body, parameter};
pub(crate) use decode::decode_json;
pub(crate) use filters::{read_amount, read_search, read_time};

/// A JSON body.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<JsonBody<T>, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(ProblemCode::UnsupportedMediaType));
        }
        let bytes = Bytes::from_request(request, api).await.map_err(unread)?;
        decode_json(&bytes).map(JsonBody)
    }
}

/// A body as it came, of any type.
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl FromRequest<Api> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<RawBody, Problem> {
        Bytes::from_request(request, api).await.map(RawBody).map_err(unread)
    }
}

/// A JSON body that may be left out altogether.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Api> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<OptionalJsonBody<T>, Problem> {
        let is_json = is_json(request.headers());
        let bytes = Bytes::from_request(request, api).await.map_err(unread)?;
        if bytes.is_empty() {
            Ok(OptionalJsonBody(T::default()))
        } else if is_json {
            decode_json(&bytes).map(OptionalJsonBody)
        } else {
            Err(Problem::new(ProblemCode::UnsupportedMediaType))
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Why a body was not read.
pub(crate) fn unread(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(ProblemCode::BodyTooLarge)
    } else {
        let text = Text { ko: "본문이 중간에 끊겼습니다.", en: "The body broke off." };
        Problem::invalid(vec![FieldProblem::new(Place::Body(String::new()), "malformed", text)])
    }
}

/// The query, strict: a parameter that is not known is refused, because a misspelt filter would show too much.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Params<T>, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Params(params)),
            Err(rejection) => Err(decode::query_problem(&rejection.body_text())),
        }
    }
}

/// An id in the path. One that cannot be any is unknown like any other.
#[derive(Debug)]
pub(crate) struct IdInPath<T>(pub(crate) T);

/// Ids that stand in paths.
pub(crate) trait PathId: Sized {
    /// Reads it.
    fn read(text: String) -> Result<Self, Problem>;
}

macro_rules! path_id {
    ($type:ty, $unknown:ident) => {
        impl PathId for $type {
            fn read(text: String) -> Result<Self, Problem> {
                <$type>::parse(text).map_err(|_| Problem::new(ProblemCode::$unknown))
            }
        }
    };
}

path_id!(OrderId, OrderUnknown);
path_id!(StoreId, StoreUnknown);
path_id!(JobId, JobUnknown);
path_id!(BulkRunId, BulkRunUnknown);

/// A store and one of its products, perhaps a new one: an id that cannot be one is the caller's fault.
impl PathId for (StoreId, ProductId) {
    fn read(text: String) -> Result<Self, Problem> {
        let (store, product) = text.split_once('/').unwrap_or((&text, ""));
        let store = StoreId::read(store.to_owned())?;
        let mut checks = Checks::default();
        match checks.id(parameter("productId"), ProductId::parse(product)) {
            Some(product) => Ok((store, product)),
            None => Err(checks.problem()),
        }
    }
}

/// An order and one of its cancellations.
impl PathId for (OrderId, CancellationId) {
    fn read(text: String) -> Result<Self, Problem> {
        let (order, cancel) = text.split_once('/').unwrap_or((&text, ""));
        let cancel =
            CancellationId::parse(cancel).map_err(|_| Problem::new(ProblemCode::CancelUnknown))?;
        Ok((OrderId::read(order.to_owned())?, cancel))
    }
}

impl<T: PathId> FromRequestParts<Api> for IdInPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<IdInPath<T>, Problem> {
        // One id or two, joined by what no id can contain.
        let not_found = || Problem::new(ProblemCode::NotFound);
        let Path(ids) = Path::<Vec<(String, String)>>::from_request_parts(parts, api)
            .await
            .map_err(|_| not_found())?;
        let text = ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>().join("/");
        T::read(text).map(IdInPath)
    }
}

/// The caller's idempotency key, if one was sent.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequestParts<Api> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<IdempotencyKey, Problem> {
        let invalid = || Problem::new(ProblemCode::IdempotencyKeyInvalid);
        let mut sent = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        match (sent.next(), sent.next()) {
            (None, _) => Ok(IdempotencyKey(None)),
            (Some(key), None) => {
                let key = key.to_str().map_err(|_| invalid())?.trim();
                let is_good = (1..=CALLER_KEY_CHARS_MAX).contains(&key.len())
                    && key.bytes().all(|byte| byte.is_ascii_graphic());
                if is_good { Ok(IdempotencyKey(Some(key.to_owned()))) } else { Err(invalid()) }
            }
            (Some(_), Some(_)) => Err(invalid()),
        }
    }
}

/// Where the request comes from.
impl FromRequestParts<Api> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Client, Problem> {
        let address = parts.extensions.get::<ClientAddress>().copied();
        address
            .map(|ClientAddress(client)| client)
            .ok_or_else(|| Problem::new(ProblemCode::Internal))
    }
}

/// A JSON answer.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;
