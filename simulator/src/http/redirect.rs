//! The shop's addresses that a browser is sent back to: which are accepted, and how Toss's parameters are appended.

use axum::http::Uri;

use crate::limits::REDIRECT_URL_BYTES_MAX;

/// Whether a browser may be sent there: a full `http(s)://host…` address, plain ASCII, without user information.
///
/// Source: Toss, successUrl and failUrl must include the origin. Backslashes and the like are refused because browsers
/// read them differently from everybody else.
pub(crate) fn is_redirect_url(url: &str) -> bool {
    let is_plain =
        url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte));
    if !is_plain || url.len() > REDIRECT_URL_BYTES_MAX {
        return false;
    }
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_host =
        uri.authority().is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'));
    is_web && has_host
}

/// `url` with the parameters behind those that it has already, in front of its fragment.
pub(crate) fn append_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let (before, fragment) = match url.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment)),
        None => (url, None),
    };
    let mut result = before.to_owned();
    for (name, value) in parameters {
        match result.contains('?') {
            false => result.push('?'),
            true if result.ends_with(['?', '&']) => {}
            true => result.push('&'),
        }
        result.push_str(name);
        result.push('=');
        encode_onto(&mut result, value);
    }
    if let Some(fragment) = fragment {
        result.push('#');
        result.push_str(fragment);
    }
    result
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn encode_onto(result: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            result.push(char::from(byte));
        } else {
            result.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_full_web_addresses_are_redirected_to() {
        for good in [
            "http://127.0.0.1:8080/checkout/success?token=cot_x",
            "https://shop.example/ok#here",
            "http://[::1]:9/",
        ] {
            assert!(is_redirect_url(good), "{good}");
        }
        for bad in [
            "",
            "/checkout/success",
            "//shop.example/ok",
            "javascript:alert(1)",
            "http://",
            "http:///path",
            "https://a@shop.example/",
            "http://good.example\\@bad.example/",
            "ftp://shop.example/",
            "http://shop.example/ 여기",
            "http://shop.example/\r\nset-cookie: x",
            &format!("http://shop.example/{}", "x".repeat(REDIRECT_URL_BYTES_MAX)),
        ] {
            assert!(!is_redirect_url(bad), "{bad}");
        }
    }

    #[test]
    fn parameters_go_behind_those_that_are_there_and_before_the_fragment() {
        let add = |url| append_parameters(url, &[("orderId", "a b&c"), ("message", "취소")]);
        let added = "orderId=a%20b%26c&message=%EC%B7%A8%EC%86%8C";
        assert_eq!(add("http://s/ok"), format!("http://s/ok?{added}"));
        assert_eq!(add("http://s/ok?t=1"), format!("http://s/ok?t=1&{added}"));
        assert_eq!(add("http://s/ok?"), format!("http://s/ok?{added}"));
        assert_eq!(add("http://s/ok?t=1#f?x"), format!("http://s/ok?t=1&{added}#f?x"));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_stays_on_its_host(path in "[!#-;=?-\\[\\]_a-z~]{0,40}", value in "\\PC{0,40}") {
            let url = format!("http://shop.example/{path}");
            prop_assume!(is_redirect_url(&url));
            let result = append_parameters(&url, &[("message", &value)]);
            let uri: Uri = result.parse().expect("still an address");
            prop_assert_eq!(uri.host(), Some("shop.example"));
            prop_assert!(axum::http::HeaderValue::from_str(&result).is_ok());
        }
    }
}
