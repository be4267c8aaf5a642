//! A refusal: an error answer of Toss with its code, status and text in both languages.

use std::borrow::Cow;

use crate::codes::{self, Code};

/// In which language messages and display values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) enum Language {
    #[default]
    #[serde(rename = "ko")]
    Korean,
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// English if that is the first language of an `Accept-Language` header, else Korean.
    pub(crate) fn from_accept_language(header: &str) -> Language {
        if header.trim_start().get(..2).is_some_and(|two| two.eq_ignore_ascii_case("en")) {
            Language::English
        } else {
            Language::Korean
        }
    }

    /// `korean` or `english`, whichever this is.
    pub(crate) fn pick<T>(self, korean: T, english: T) -> T {
        match self {
            Language::Korean => korean,
            Language::English => english,
        }
    }
}

/// Why the simulator did not do what was asked, as Toss would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: Cow<'static, str>,
    korean: Cow<'static, str>,
    english: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(code: Code) -> Refusal {
        Refusal {
            status: code.status,
            code: code.name.into(),
            korean: code.korean.into(),
            english: code.english.into(),
        }
    }

    /// The same refusal, its text naming what it is about (a field, a limit).
    pub(crate) fn about(code: Code, what: &str) -> Refusal {
        Refusal {
            korean: format!("{} ({what})", code.korean).into(),
            english: format!("{} ({what})", code.english).into(),
            ..Refusal::new(code)
        }
    }

    /// A refusal by the name of its code. A name that Toss does not have is taken as it is, with `status` or 400: that
    /// is how a code of the future is played.
    pub(crate) fn named(name: &str, status: Option<u16>) -> Refusal {
        let mut refusal = match codes::find_code(name) {
            Some(code) => Refusal::new(*code),
            None => Refusal {
                status: 400,
                code: name.to_owned().into(),
                korean: "시뮬레이터가 만든 오류입니다.".into(),
                english: "An error made by the simulator.".into(),
            },
        };
        refusal.status = status.unwrap_or(refusal.status);
        refusal
    }

    /// HTTP status, 400–599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Toss's error code.
    pub fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn message(&self, language: Language) -> &str {
        language.pick(&self.korean, &self.english)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}: {}", self.status, self.code, self.english)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_spoken_only_to_those_who_ask_for_it_first() {
        for header in ["en-US", "en", " EN-us,ko;q=0.5"] {
            assert_eq!(Language::from_accept_language(header), Language::English, "{header}");
        }
        for header in ["", "ko-KR,ko;q=0.9,en;q=0.8", "*", "é", "fr"] {
            assert_eq!(Language::from_accept_language(header), Language::Korean, "{header}");
        }
    }

    #[test]
    fn a_code_of_the_future_can_be_named_with_its_status() {
        let refusal = Refusal::named("SOMETHING_NEW", Some(418));
        assert_eq!((refusal.status(), refusal.code()), (418, "SOMETHING_NEW"));
        assert_eq!(Refusal::named("REJECT_CARD_COMPANY", None).status(), 403);
    }
}
