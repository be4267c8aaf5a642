//! Languages: which one a request wants, and sentences that exist in both.
//!
//! A sentence is a [`Text`], so that one without a translation does not compile. The sentences of order statuses and of declined
//! payments are in the modules below; those of problems stand with their codes.

pub(crate) mod failure;
pub(crate) mod status;

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;

/// A language that answers are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The customers' own; used where nothing else is asked for.
    #[default]
    Korean,
    /// For everybody else.
    English,
}

/// A sentence in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// In Korean.
    pub ko: &'static str,
    /// In English.
    pub en: &'static str,
}

impl Text {
    /// The sentence in this language.
    #[must_use]
    pub const fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::Korean => self.ko,
            Language::English => self.en,
        }
    }
}

impl Language {
    /// The tag for `Content-Language` and entity tags.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Language::Korean => "ko",
            Language::English => "en",
        }
    }

    /// Chooses by `Accept-Language`: the higher quality wins, the first of equals, Korean when neither is named.
    ///
    /// Source: RFC 9110, section 12.5.4. Anything unreadable in the header is passed over.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Language {
        let ranges = headers
            .get_all(ACCEPT_LANGUAGE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let mut best = None;
        for range in ranges {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality = parts.next().map_or(Some(1_000), quality_thousandths).unwrap_or(0);
            let language = match tag.split('-').next() {
                Some("ko" | "*") => Language::Korean,
                Some("en") => Language::English,
                _ => continue,
            };
            if quality > 0 && best.is_none_or(|(_, known)| quality > known) {
                best = Some((language, quality));
            }
        }
        best.map_or(Language::default(), |(language, _)| language)
    }
}

/// Reads `q=0.8` as 800.
fn quality_thousandths(parameter: &str) -> Option<u32> {
    let value = parameter.trim().strip_prefix("q=")?.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole.min(1).saturating_mul(1_000).saturating_add(fraction).min(1_000))
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Language, Infallible> {
        Ok(Language::from_headers(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn language(header: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, header.parse().unwrap());
        Language::from_headers(&headers)
    }

    #[test]
    fn the_language_with_the_higher_quality_is_chosen() {
        for korean in [
            "",
            "ko",
            "ko-KR,en;q=0.9",
            "fr",
            "en;q=0.4, ko;q=0.5",
            "*",
            "en;q=0",
            "de, *;q=0.5",
            "en;q=x",
        ] {
            assert_eq!(language(korean), Language::Korean, "{korean}");
        }
        for english in [
            "en",
            "en-US,en;q=0.9,ko;q=0.8",
            "ko;q=0.3,en;q=0.31",
            "fr, en;q=0.1",
            "ko;q=0, en;q=0.001",
        ] {
            assert_eq!(language(english), Language::English, "{english}");
        }
        assert_eq!(Language::from_headers(&HeaderMap::new()), Language::Korean);
    }

    proptest! {
        #[test]
        fn any_header_gives_a_language(bytes in proptest::collection::vec(0x20u8..=0xff, 0..200)) {
            if let Ok(value) = axum::http::HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(ACCEPT_LANGUAGE, value);
                let _either = Language::from_headers(&headers);
            }
        }
    }
}
