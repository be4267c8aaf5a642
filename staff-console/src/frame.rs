//! What stands around every page: language, navigation, who is signed in, whether money is real, and the headers that protect it.

use std::borrow::Borrow;

use api::{Language, Mode, Problem, Text};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use domain::role::{Action, Role};
use store::BoundedCount;
use store::staff::StaffMember;

use crate::words::actions::Done;
use crate::{assets, words};

/// The one page that a form leads to and that has the form's address.
const SIGN_IN: &str = "/console/sign-in";
/// The cookie that remembers a chosen language.
const LANGUAGE_COOKIE: &str = "seungin_language";

/// Our own style, script and forms, and nothing of anybody else. Toss's receipts are links.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds what every page of the console is protected by.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let names = [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in names {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a request asks a page to be like.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) language: Language,
    /// Whether the language was chosen by the address and is to be remembered.
    pub(crate) has_chosen: bool,
    /// The path and query of the page.
    pub(crate) uri: Uri,
    /// Whether whoever asks is told by a page what went wrong, and not by JSON alone.
    pub(crate) takes_pages: bool,
    /// Whether the address leads to this page again.
    is_page: bool,
}

impl Asked {
    /// Reads it from a request.
    pub(crate) fn of(parts: &Parts) -> Asked {
        let chosen = parts.uri.query().and_then(|query| {
            query.split('&').find_map(|pair| language_of(pair.strip_prefix("lang=")?))
        });
        Asked {
            language: chosen
                .or_else(|| remembered(&parts.headers))
                .unwrap_or_else(|| Language::from_headers(&parts.headers)),
            has_chosen: chosen.is_some(),
            takes_pages: takes_pages(&parts.headers),
            is_page: parts.method == Method::GET || parts.uri.path() == SIGN_IN,
            uri: parts.uri.clone(),
        }
    }

    /// Has the browser remember the language, if it was chosen.
    pub(crate) fn remember(&self, response: &mut Response) {
        let cookie = format!(
            "{LANGUAGE_COOKIE}={}; Path=/console; Max-Age=31536000; SameSite=Lax",
            self.language.tag()
        );
        if let (true, Ok(cookie)) = (self.has_chosen, HeaderValue::from_str(&cookie)) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

/// Browsers name HTML, others often nothing; only who names JSON and no HTML gets JSON.
fn takes_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut takes_html, mut takes_json) = (false, false);
    for value in accepted {
        takes_html |= value.contains("text/html");
        takes_json |= value.contains("json");
    }
    takes_html || !takes_json
}

fn language_of(tag: &str) -> Option<Language> {
    [Language::Korean, Language::English].into_iter().find(|known| known.tag() == tag)
}

fn remembered(headers: &HeaderMap) -> Option<Language> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|it| it.split_once('='));
    let (_, tag) = pairs.find(|(name, _)| name.trim() == LANGUAGE_COOKIE)?;
    language_of(tag.trim())
}

/// A page of the navigation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) path: &'static str,
    pub(crate) name: Text,
    /// Whether only those see it who may read the audit.
    is_for_masters: bool,
}

/// The pages, in the order of the navigation.
const PLACES: &[Place] = &[
    Place { path: "/console", name: words::OVERVIEW, is_for_masters: false },
    Place { path: "/console/jobs", name: words::JOBS, is_for_masters: false },
    Place { path: "/console/orders", name: words::ORDERS, is_for_masters: false },
    Place { path: "/console/bulk", name: words::BULK_RUNS, is_for_masters: false },
    Place { path: "/console/findings", name: words::FINDINGS, is_for_masters: false },
    Place { path: "/console/webhooks", name: words::records::WEBHOOKS, is_for_masters: false },
    Place { path: "/console/workers", name: words::WORKERS, is_for_masters: true },
    Place { path: "/console/holds", name: words::HOLDS, is_for_masters: true },
    Place { path: "/console/audit", name: words::records::AUDIT, is_for_masters: true },
    Place { path: "/console/staff", name: words::records::STAFF, is_for_masters: true },
];

/// What stands around a page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) language: Language,
    pub(crate) mode: Mode,
    /// Who is signed in: their name and their role.
    pub(crate) member: Option<(String, Role)>,
    /// What forms carry to prove where they come from.
    pub(crate) proof: String,
    path: String,
    query: String,
    is_page: bool,
    sees_all: bool,
}

impl Frame {
    pub(crate) fn of(
        mode: Mode,
        asked: &Asked,
        member: Option<&StaffMember>,
        proof: String,
    ) -> Frame {
        Frame {
            language: asked.language,
            mode,
            member: member.map(|member| (member.name.clone(), member.role)),
            proof,
            path: asked.uri.path().to_owned(),
            query: asked.uri.query().unwrap_or_default().to_owned(),
            is_page: asked.is_page,
            sees_all: member.is_some_and(|member| member.member().may_somewhere(Action::ReadAudit)),
        }
    }

    /// A text in the page's language.
    pub(crate) fn t(&self, text: impl Borrow<Text>) -> &'static str {
        text.borrow().in_language(self.language)
    }

    /// What was done before this page was opened, if the address says so.
    pub(crate) fn done(&self) -> Option<&'static str> {
        let word = self.query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
        Done::text(word).map(|text| self.t(text))
    }

    /// Why something is not allowed.
    pub(crate) fn refusal(&self, refusal: impl Into<Problem>) -> String {
        refusal.into().sentence(self.language)
    }

    /// The pages that this member sees.
    pub(crate) fn places(&self) -> impl Iterator<Item = &'static Place> {
        let sees_all = self.sees_all;
        PLACES.iter().filter(move |place| sees_all || !place.is_for_masters)
    }

    /// Whether the page is at this place of the navigation, or below it.
    pub(crate) fn is_at(&self, place: &Place) -> bool {
        let below = self.path.strip_prefix(place.path);
        self.path == place.path
            || (place.path != "/console" && below.is_some_and(|rest| rest.starts_with('/')))
    }

    /// The other language, and this page in it; nothing where the address alone does not lead here.
    pub(crate) fn other_language(&self) -> Option<(&'static str, &'static str, String)> {
        if !self.is_page {
            return None;
        }
        let (tag, name) = match self.language {
            Language::Korean => ("en", "English"),
            Language::English => ("ko", "한국어"),
        };
        let kept = self
            .query
            .split('&')
            .filter(|it| !it.is_empty() && !it.starts_with("lang=") && !it.starts_with("done="));
        let query = kept.chain([if tag == "en" { "lang=en" } else { "lang=ko" }]);
        Some((tag, name, format!("{}?{}", self.path, query.collect::<Vec<_>>().join("&"))))
    }

    /// What the banner says about money, and its class.
    pub(crate) fn banner(&self) -> (&'static str, &'static str) {
        match self.mode {
            Mode::Simulator => ("simulator", self.t(words::MODE_SIMULATOR)),
            Mode::Test => ("test", self.t(words::MODE_TEST)),
            Mode::Live => ("live", self.t(words::MODE_LIVE)),
        }
    }

    /// The word for a role.
    pub(crate) fn role(&self, role: &Role) -> &'static str {
        self.t(match role {
            Role::Owner => &words::ROLE_OWNER,
            Role::Manager => &words::ROLE_MANAGER,
            Role::Master => &words::ROLE_MASTER,
        })
    }

    pub(crate) fn style(&self) -> String {
        assets::address("console.css")
    }

    pub(crate) fn script(&self) -> String {
        assets::address("console.js")
    }

    pub(crate) fn mark(&self) -> String {
        assets::address("mark.svg")
    }

    pub(crate) fn won(&self, amount: impl Borrow<i64>) -> String {
        crate::format::won(*amount.borrow(), self.language)
    }

    /// A count that may have stopped.
    pub(crate) fn count(&self, count: impl Borrow<BoundedCount>) -> String {
        let count = *count.borrow();
        let number = crate::format::number(i64::try_from(count.count).unwrap_or(i64::MAX));
        if count.is_floor { format!("{number}+") } else { number }
    }

    pub(crate) fn number(&self, number: impl Borrow<i64>) -> String {
        crate::format::number(*number.borrow())
    }

    pub(crate) fn duration(&self, ms: impl Borrow<i64>) -> String {
        crate::format::duration(*ms.borrow(), self.language)
    }

    pub(crate) fn time(&self, at_ms: impl Borrow<i64>) -> String {
        crate::format::time(*at_ms.borrow())
    }

    pub(crate) fn utc(&self, at_ms: impl Borrow<i64>) -> String {
        crate::format::utc(*at_ms.borrow())
    }
}
