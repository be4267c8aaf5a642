//! The documents that the API serves about itself: OpenAPI with examples, its browser, and the page of problems.

mod examples;
mod forms;
mod problems;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Tag,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem;

/// What Swagger UI needs: its own scripts, inline styles, inline pictures, and the API.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const DESCRIPTION: &str = "\
Orders, payments and cancels of a shop, with the payment taken in the background.

- Accepted is not done: a `202` names what to poll. `keepPolling` says whether more is coming.
- Every order has an access token, given once. Polling answers carry a ticket for `EventSource`.
- Problems are `application/problem+json`; their `code` is stable. `title` and `detail` follow `Accept-Language` (ko, en).
- Money is a whole number of won. Times are RFC 3339, UTC.
- Requests carry `X-Request-Id` back; send one of your own to find it in the logs. A W3C `traceparent` is continued up to the call to
  Toss.";

/// The document without its paths.
pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Seungin")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .contact(Some(ContactBuilder::new().name(Some("Seungin")).build()))
        .build();
    let tag = |name: &str, description: &str| {
        let mut tag = Tag::new(name);
        tag.description = Some(description.to_owned());
        tag
    };
    let mut components = Components::new();
    for (name, scheme) in security_schemes() {
        components.add_security_scheme(name, scheme);
    }
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .tags(Some([
            tag("Shop", "What anybody may read, price and order"),
            tag("Orders", "One order, by its token"),
            tag("Checkout", "Where the payment window sends the browser"),
            tag("Staff", "What owners, managers and masters do"),
            tag("Toss", "What Toss calls"),
            tag("Health", "For load balancers"),
        ]))
        .build()
}

fn security_schemes() -> [(&'static str, SecurityScheme); 4] {
    let bearer = |format: &str, description: &str| {
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format(format)
                .description(Some(description))
                .build(),
        )
    };
    [
        ("orderToken", bearer("oat_…", "The access token that came with the order")),
        (
            "checkoutToken",
            bearer("cot_…", "The token in the order's successUrl: may confirm, nothing else"),
        ),
        (
            "ticket",
            SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::with_description(
                "ticket",
                "otk_…, from any answer with the order: may read it for 15 minutes",
            ))),
        ),
        ("staffToken", bearer("sst_…", "A member of staff")),
    ]
}

/// Adds what the annotations cannot say: every problem of every operation, the form of all that is sent, and an example of every answer.
pub(crate) fn complete(document: &mut OpenApi) {
    problems::add(document);
    forms::add(document);
    examples::add(document);
}

/// The routes that serve them.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(document: OpenApi) -> Router<S> {
    let swagger =
        SwaggerUi::new("/docs").config(Config::from("/openapi.json").try_it_out_enabled(true));
    let docs: Router<S> = Router::from(swagger).layer(SetResponseHeaderLayer::overriding(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(DOCS_POLICY),
    ));
    docs.route("/openapi.json", get(move || async move { Json(document) }))
        .route("/problems", get(problem_page))
}

/// Where a problem's `type` leads.
async fn problem_page() -> Response {
    let headers: [(HeaderName, &str); 2] =
        [(CONTENT_TYPE, "text/markdown; charset=utf-8"), (CACHE_CONTROL, "max-age=300")];
    (headers, problem::document()).into_response()
}
