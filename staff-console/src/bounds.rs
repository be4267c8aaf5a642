//! How many pages and forms are worked on at once, apart from the requests of customers: neither keeps the other out.
//!
//! Pages only ask for themselves again now and then; none waits for a change, so all count alike.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::frame::Asked;
use crate::{Console, pages};

/// Takes a place, or refuses the request.
pub(crate) async fn at_once(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_place) = console.places.try_acquire() else {
        let (parts, _) = request.into_parts();
        return pages::busy(&console, &Asked::of(&parts));
    };
    next.run(request).await
}
