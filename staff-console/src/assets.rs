//! The style and the script of the console, compiled in, under addresses that change with them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../web/console.css");
const SCRIPT: &str = include_str!("../web/console.js");
const MARK: &str = include_str!("../web/mark.svg");

/// A hash over all of them: the addresses of one version never get another one's content.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = Sha256::new()
        .chain_update(STYLE)
        .chain_update([0])
        .chain_update(SCRIPT)
        .chain_update([0])
        .chain_update(MARK)
        .finalize();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// The address of a file.
pub(crate) fn address(name: &str) -> String {
    format!("/console/assets/{}/{name}", VERSION.as_str())
}

/// `GET /console/assets/{version}/{name}`
pub(crate) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let found = match name.as_str() {
        "console.css" => Some(("text/css; charset=utf-8", STYLE)),
        "console.js" => Some(("text/javascript; charset=utf-8", SCRIPT)),
        "mark.svg" => Some(("image/svg+xml", MARK)),
        _ => None,
    };
    match found {
        Some((media_type, body)) if version == *VERSION => {
            let forever = "public, max-age=31536000, immutable";
            let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, forever)];
            (headers, body).into_response()
        }
        _ => (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response(),
    }
}
