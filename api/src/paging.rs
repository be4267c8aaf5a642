//! Lists come in pages: `limit` and `cursor` in, `nextCursor` and a `Link` to the next page out.

use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use domain::limits::PAGE_ROWS_MAX;
use serde::Serialize;
use store::{ListError, Page};

use crate::extract::{Checks, parameter};
use crate::problem::{FieldProblem, Problem};
use crate::views::PageView;
use crate::words::Text;

const LIMIT_DEFAULT: u64 = 50;
const CURSOR_CHARS_MAX: usize = 200;

const LIMIT_RANGE: Text = Text {
    ko: "1에서 200 사이의 정수여야 합니다.",
    en: "This is an integer from 1 to 200.",
};
const CURSOR_FORM: Text = Text {
    ko: "앞 페이지의 nextCursor를 그대로 보내 주세요.",
    en: "Send the nextCursor of the page before, as it was.",
};

/// Which page is asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// How many rows.
    pub(crate) limit: u64,
    /// After what.
    pub(crate) after: Option<String>,
}

/// Reads `limit` and `cursor`.
pub(crate) fn wanted(checks: &mut Checks, limit: Option<&str>, cursor: Option<String>) -> Wanted {
    let limit = match limit.map(str::parse::<u64>) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=PAGE_ROWS_MAX).contains(&limit) => limit,
        Some(_) => {
            checks.refuse(FieldProblem::new(parameter("limit"), "out_of_range", LIMIT_RANGE));
            LIMIT_DEFAULT
        }
    };
    let after = cursor.filter(|cursor| {
        let is_good = is_cursor(cursor);
        if !is_good {
            checks.refuse(bad_cursor());
        }
        is_good
    });
    Wanted { limit, after }
}

/// A cursor that no page gave out.
fn bad_cursor() -> FieldProblem {
    FieldProblem::new(parameter("cursor"), "malformed", CURSOR_FORM)
}

/// A list that was not read: a wrong cursor is the caller's fault.
impl From<ListError> for Problem {
    fn from(error: ListError) -> Problem {
        match error {
            ListError::UnknownCursor => Problem::invalid(vec![bad_cursor()]),
            ListError::Store(error) => error.into(),
        }
    }
}

/// Ours consist of ids, so that they stand in addresses as they are.
fn is_cursor(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    (1..=CURSOR_CHARS_MAX).contains(&text.len()) && text.chars().all(is_plain)
}

/// A page with its link to the next one.
pub(crate) fn answer<T: Serialize>(page: Page<T>, uri: &Uri) -> Response {
    let link = page.next.as_ref().and_then(|next| link(uri, next));
    let mut response = Json(PageView { data: page.rows, next_cursor: page.next }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// Source: RFC 8288.
fn link(uri: &Uri, next: &str) -> Option<HeaderValue> {
    let kept = uri.query().unwrap_or_default().split('&');
    let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let cursor = format!("cursor={next}");
    let query: Vec<&str> = kept.chain([cursor.as_str()]).collect();
    HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_filters_and_moves_the_cursor() {
        let uri: Uri = "/v1/jobs?state=parked&cursor=old&limit=2".parse().unwrap();
        assert_eq!(
            link(&uri, "new").unwrap(),
            "</v1/jobs?state=parked&limit=2&cursor=new>; rel=\"next\""
        );
        let bare: Uri = "/v1/jobs".parse().unwrap();
        assert_eq!(link(&bare, "new").unwrap(), "</v1/jobs?cursor=new>; rel=\"next\"");
    }
}
