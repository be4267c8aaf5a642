//! Who is signed in, by a cookie, and proof that a form comes from one of our own pages.
//!
//! The cookie is a random token of which the database has the hash. A form carries a second token that is made of the first, so that
//! another site, which can send the cookie but not read it, cannot make one.

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::id::IdSource as _;
use store::staff::StaffMember;
use store::{Actor, Origin, RandomIds, sha256_hex};
use subtle::ConstantTimeEq as _;

use crate::Console;
use crate::frame::{Asked, Frame};
use crate::pages;

/// The name over https: a browser takes a cookie of this prefix from nobody but this host, over nothing but https.
const SECURE_NAME: &str = "__Host-seungin_console";
/// The name over plain http, for trying the product out.
const PLAIN_NAME: &str = "seungin_console";
/// The field of a form that proves where it comes from.
const PROOF: &str = "proof";

/// A new token of a session. Whoever has it is signed in.
pub(crate) fn new_token() -> String {
    // Each id has 74 random bits of the system's generator.
    let random: Vec<String> = (0..4).map(|_| RandomIds.new_id()).collect();
    sha256_hex(random.concat())
}

/// The session's token in the request's cookies, as hash.
pub(crate) fn token_of(headers: &HeaderMap, is_secure: bool) -> Option<String> {
    let name = if is_secure { SECURE_NAME } else { PLAIN_NAME };
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|it| it.split_once('='));
    let (_, token) = pairs.find(|(known, _)| known.trim() == name)?;
    let token = token.trim();
    let is_token = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| token.to_owned())
}

/// The cookie that signs a browser in, or out without a token.
pub(crate) fn cookie(token: Option<&str>, is_secure: bool) -> Option<HeaderValue> {
    let (name, secure) = if is_secure { (SECURE_NAME, "; Secure") } else { (PLAIN_NAME, "") };
    let (value, age) = match token {
        Some(token) => (token, ""),
        None => ("", "; Max-Age=0"),
    };
    // Lax, so that a link in a message leads to its page; what changes something needs the proof besides.
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"))
        .ok()
}

/// What forms of a session carry.
fn proof_of(token: &str) -> String {
    sha256_hex(format!("form of {token}"))
}

/// A member of staff who is signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) member: StaffMember,
    pub(crate) origin: Origin,
    pub(crate) asked: Asked,
    token: String,
}

impl SignedIn {
    /// As the audit names them.
    pub(crate) fn actor(&self) -> Actor {
        self.member.actor(self.origin.clone())
    }

    /// What stands around their pages.
    pub(crate) fn frame(&self, console: &Console) -> Frame {
        Frame::of(console.mode, &self.asked, Some(&self.member), proof_of(&self.token))
    }

    /// The hash of their session's token.
    pub(crate) fn token_hash(&self) -> String {
        sha256_hex(&self.token)
    }
}

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        console: &Console,
    ) -> Result<SignedIn, Response> {
        let asked = Asked::of(parts);
        let Some(token) = token_of(&parts.headers, console.is_secure) else {
            return Err(sign_in_first(parts));
        };
        let found =
            console.store.find_session(&sha256_hex(&token), is_by_person(&parts.headers)).await;
        let member = match found {
            Ok(Some(member)) => member,
            Ok(None) => return Err(sign_in_first(parts)),
            Err(error) => return Err(pages::failed(console, &asked, &error)),
        };
        let origin = parts.extensions.get::<Origin>().cloned().unwrap_or_default();
        Ok(SignedIn { member, origin, asked, token })
    }
}

/// Whether a person opened the page or sent the form; else its script brings it up to date, and says so.
fn is_by_person(headers: &HeaderMap) -> bool {
    !headers.contains_key("x-live")
}

/// To the page on which one signs in, and back to where they wanted to go.
fn sign_in_first(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("", |it| it.as_str());
    let is_page = parts.method == Method::GET && wanted != "/console";
    let target = if is_page {
        format!("/console/sign-in?next={}", crate::format::in_query(wanted))
    } else {
        "/console/sign-in".to_owned()
    };
    Redirect::to(&target).into_response()
}

/// A form that somebody who is signed in has sent from one of our pages.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) by: SignedIn,
    pub(crate) fields: Fields,
}

/// The fields of a form, in order; a name may come more than once.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form's body.
    ///
    /// # Errors
    /// The status of what is no form, or too large.
    pub(crate) async fn read(parts: Parts, body: Body) -> Result<Fields, StatusCode> {
        let request = Request::from_parts(parts, body);
        match Form::<Vec<(String, String)>>::from_request(request, &()).await {
            Ok(Form(fields)) => Ok(Fields(fields)),
            Err(refused) => Err(refused.into_response().status()),
        }
    }

    /// The first value of this name.
    pub(crate) fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let alike = self.0.iter().filter(move |(known, _)| known == name);
        alike.map(|(_, value)| value.as_str())
    }
}

impl FromRequest<Console> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Posted, Response> {
        let (mut parts, body) = request.into_parts();
        let by = SignedIn::from_request_parts(&mut parts, console).await?;
        let refused = |status| pages::refused(console, &by, status);
        if !is_same_origin(&parts.headers, console.form_origin.as_deref()) {
            return Err(refused(StatusCode::FORBIDDEN));
        }
        let fields = Fields::read(parts, body).await.map_err(refused)?;
        let is_ours = fields.one(PROOF).is_some_and(|proof| {
            bool::from(proof.as_bytes().ct_eq(proof_of(&by.token).as_bytes()))
        });
        if !is_ours {
            return Err(refused(StatusCode::FORBIDDEN));
        }
        Ok(Posted { by, fields })
    }
}

/// Whether a browser says that the request comes from a page of this host, or of the address that is configured: a proxy may write another
/// `Host`. Browsers send this with every form; what sends nothing is no browser, and has no cookies of others.
pub(crate) fn is_same_origin(headers: &HeaderMap, configured: Option<&str>) -> bool {
    if headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin" && site != "none")
    {
        return false;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            let Ok(origin) = origin.to_str() else { return false };
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let is_of_host = origin.split_once("://").is_some_and(|(_, of)| host == Some(of));
            is_of_host || configured == Some(origin)
        }
        // No browser says it twice.
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_session_is_found_among_other_cookies_and_by_its_own_name_only() {
        let token = new_token();
        let plain = headers(&[("cookie", &format!("a=b; seungin_console={token}; c=d"))]);
        assert_eq!(token_of(&plain, false), Some(token.clone()));
        assert_eq!(token_of(&plain, true), None, "over https another name counts");
        for bad in ["", "seungin_console=", "seungin_console=x", "x_seungin_console=1"] {
            assert_eq!(token_of(&headers(&[("cookie", bad)]), false), None, "{bad}");
        }
        assert_ne!(new_token(), token);
    }

    #[test]
    fn a_form_of_another_site_is_told_by_what_browsers_say() {
        let ours = [("host", "shop.example"), ("origin", "https://shop.example")];
        let is_ours = |pairs: &[(&'static str, &str)]| is_same_origin(&headers(pairs), None);
        assert!(is_ours(&ours));
        assert!(is_ours(&[("host", "shop.example")]));
        for bad in ["https://evil.example", "null", "https://shop.example.evil"] {
            assert!(!is_ours(&[("host", "shop.example"), ("origin", bad)]), "{bad}");
        }
        assert!(!is_ours(&[("sec-fetch-site", "cross-site")]));
        assert!(!is_ours(&[("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn behind_a_proxy_that_writes_another_host_the_configured_address_counts_whole() {
        let from = |origin, configured| {
            let pairs = [("host", "10.0.0.7:8080"), ("origin", origin)];
            is_same_origin(&headers(&pairs), configured)
        };
        let configured = Some("https://pay.example.com");
        assert!(from("https://pay.example.com", configured));
        assert!(from("http://10.0.0.7:8080", configured), "past the proxy");
        assert!(!from("https://pay.example.com", None), "nothing is configured");
        for bad in [
            "http://pay.example.com",
            "https://pay.example.com:8443",
            "https://pay.example.com.evil.example",
            "https://pay.example.com/",
            "https://example.com",
            "pay.example.com",
            "null",
            "",
        ] {
            assert!(!from(bad, configured), "{bad}");
        }
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_hosts() {
        let set = cookie(Some("t"), true).unwrap();
        let set = set.to_str().unwrap();
        for part in ["__Host-", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(cookie(None, false).unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
