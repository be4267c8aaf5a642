//! What all pages for people share: the frame, escaping, and headers that let nothing foreign in.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::App;
use crate::refusal::Language;

const STYLE: &str = include_str!("../../assets/window.css");
const DESK_STYLE: &str = include_str!("../../assets/desk.css");

/// No script at all, our own style sheet only. A form may lead to any web address: browsers apply this rule to the
/// redirects behind a form as well, and those go to the shop, and from there wherever the shop sends its customer. The
/// pages have no other forms than ours, because everything that is printed is escaped.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' http: https:; \
     base-uri 'none'; frame-ancestors 'none'",
);

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/assets/window.css", get(async || style(STYLE)))
        .route("/assets/desk.css", get(async || style(DESK_STYLE)))
}

fn style(text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css;charset=UTF-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

/// A whole page around `content`, which must be HTML already.
pub(crate) fn page(status: StatusCode, language: Language, title: &str, content: &str) -> Response {
    framed(status, language, title, "", content)
}

/// A whole page of the control desk, which has a style of its own on top.
pub(crate) fn desk_page(
    status: StatusCode,
    language: Language,
    title: &str,
    content: &str,
) -> Response {
    let style = "<link rel=\"stylesheet\" href=\"/assets/desk.css\">\n";
    framed(status, language, title, style, content)
}

fn framed(
    status: StatusCode,
    language: Language,
    title: &str,
    more_head: &str,
    content: &str,
) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"/assets/window.css\">\n{more_head}</head>\n<body>\n{content}\n</body>\n</html>\n",
        language.pick("ko", "en"),
        escape(title),
    );
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=UTF-8")),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, html).into_response()
}

/// A short page that says one thing.
pub(crate) fn notice(status: StatusCode, language: Language, title: &str, text: &str) -> Response {
    let content = format!(
        "{}<main class=\"notice\"><section class=\"panel\"><h1>{}</h1><p>{}</p></section></main>",
        banner(language, None),
        escape(title),
        escape(text)
    );
    page(status, language, title, &content)
}

/// The strip on top of every page: this is a simulator. With `switch`, a link to that address, where the page is in the other language.
pub(crate) fn banner(language: Language, switch: Option<&str>) -> String {
    let switch = match switch {
        Some(address) => format!(
            "<a class=\"language\" href=\"{}\" hreflang=\"{1}\" lang=\"{1}\">{2}</a>",
            escape(address),
            language.pick("en", "ko"),
            language.pick("English", "한국어"),
        ),
        None => String::new(),
    };
    format!(
        "<header class=\"banner\"><div class=\"inner\"><p><strong>{}</strong><span>{}</span></p>{switch}</div></header>",
        language.pick("시뮬레이터", "Simulator"),
        language.pick("실제 돈은 움직이지 않습니다", "No money moves"),
    )
}

/// Text as HTML, safe in elements and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            other => result.push(other),
        }
    }
    result
}

/// `15,000원` or `₩15,000`.
pub(crate) fn won(amount: i64, language: Language) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(at);
        if at > 0 && left.is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount < 0 { "-" } else { "" };
    match language {
        Language::Korean => format!("{sign}{grouped}원"),
        Language::English => format!("{sign}₩{grouped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        for (amount, korean) in
            [(0, "0원"), (999, "999원"), (15_000, "15,000원"), (-1_234_567, "-1,234,567원")]
        {
            assert_eq!(won(amount, Language::Korean), korean);
        }
        assert_eq!(won(15_000, Language::English), "₩15,000");
    }

    #[test]
    fn nothing_that_is_escaped_can_leave_its_place() {
        assert_eq!(escape("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }
}
