//! What a browser may do with the shop's pages: the Content-Security-Policy and the origins that
//! it names. Not here: the other headers, which depend on nothing.

use axum::http::HeaderValue;
use thiserror::Error;

/// Where the payment script comes from and where the payment window lives. Nothing secret.
#[derive(Debug, Clone)]
pub struct Settings {
    sdk_origin: Origin,
    window_origin: Origin,
}

impl Settings {
    /// For Toss's own script and payment window.
    ///
    /// Source: the script is `https://js.tosspayments.com/v2/standard`; it calls, frames and posts
    /// to further hosts of the same domain, whose names Toss does not list.
    #[must_use]
    pub fn toss() -> Self {
        Self {
            sdk_origin: Origin("https://js.tosspayments.com".to_owned()),
            window_origin: Origin("https://*.tosspayments.com".to_owned()),
        }
    }

    /// For a payment window that one origin serves together with its script, as the bundled
    /// simulator does.
    #[must_use]
    pub fn one_origin(origin: Origin) -> Self {
        Self { sdk_origin: origin.clone(), window_origin: origin }
    }
}

/// An origin as a Content-Security-Policy names it: `scheme://host[:port]`, http or https, without
/// path, spaces or anything that would end a directive. The host may start with `*.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// The text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not an origin such as http://127.0.0.1:8090 (no path, no trailing slash)")]
pub struct OriginError(String);

impl Origin {
    /// Returns the origin as it stands in the policy.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = authority.map(|rest| rest.strip_prefix("*.").unwrap_or(rest));
        let is_origin = host.is_some_and(|host| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c))
        });
        if is_origin { Ok(Self(text.to_owned())) } else { Err(OriginError(text.to_owned())) }
    }
}

/// Returns the policy of the pages: our own files only, plus what the payment window needs.
///
/// Scripts and styles inside the document are refused, whoever put them there.
pub(crate) fn content_security_policy(settings: &Settings) -> HeaderValue {
    let sdk = settings.sdk_origin.as_str();
    let window = settings.window_origin.as_str();
    let policy = format!(
        "default-src 'none'; script-src 'self' {sdk}; style-src 'self'; img-src 'self' {window}; \
         connect-src 'self' {sdk} {window}; frame-src {window}; form-action 'self' {window}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    // An origin is visible ASCII, so this is always a header value; without one the answer would
    // go out unprotected, hence the strictest policy instead of none.
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        for good in ["http://127.0.0.1:8090", "https://*.example.com", "http://[::1]:80"] {
            assert_eq!(good.parse::<Origin>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn text_that_could_change_the_policy_is_no_origin() {
        for bad in [
            "",
            "http://",
            "https://*.",
            "127.0.0.1:8090",
            "javascript:alert(1)",
            "https://a.example/",
            "https://a.example; script-src *",
            "https://a.example 'unsafe-inline'",
            "https://a.example\r\nx: y",
            "https://*",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(OriginError(bad.to_owned())));
        }
    }

    #[test]
    fn the_policy_names_the_window_where_the_window_is_used() {
        let policy = content_security_policy(&Settings::toss());
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'self' https://js.tosspayments.com;"));
        assert!(policy.contains("form-action 'self' https://*.tosspayments.com;"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
    }
}
