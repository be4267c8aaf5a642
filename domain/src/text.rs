//! Which characters a text from outside may have. What a text means, and how long it may be, is said where it is parsed.

/// Whether a character controls how text is shown instead of being shown: controls, line and paragraph separators, and the marks
/// that turn the direction of what follows, by which a name can be made to read as something else.
#[must_use]
pub const fn is_control(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A payment key as people who do not need it see it: enough of its end to compare it by, and not enough to use it.
#[must_use]
pub fn mask_payment_key(key: &str) -> String {
    const SHOWN_CHARS: usize = 6;
    let count = key.chars().count();
    // Of a short one nothing is left to hide behind.
    let hidden = if count < 3 * SHOWN_CHARS { count } else { count.saturating_sub(SHOWN_CHARS) };
    let end: String = key.chars().skip(hidden).collect();
    format!("…{end}")
}

/// Whether people may be led to this address, which Toss's answer or a row names as a receipt: https, or a simulator on this machine,
/// and nothing before the host that could be taken for it.
#[must_use]
pub fn is_receipt_address(text: &str) -> bool {
    let is_plain =
        |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`');
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    let is_reached = match scheme {
        "https" => !host.is_empty(),
        "http" => ["127.0.0.1", "localhost", "::1"].contains(&host),
        _ => false,
    };
    is_reached && !authority.contains('@') && text.chars().all(is_plain)
}

/// Whether a text is more than white space and at most `most` characters long.
pub(crate) fn has_length(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_of_unicode_is_one() {
        assert!(('\u{0}'..=char::MAX).filter(|c| c.is_control()).all(is_control));
        assert!(['\u{2028}', '\u{202e}', '\u{2069}'].into_iter().all(is_control));
        assert!(!['가', ' ', '\u{3000}', '🍜', '\u{200d}'].into_iter().any(is_control));
    }

    #[test]
    fn of_a_payment_key_only_the_end_is_shown() {
        assert_eq!(mask_payment_key("tgen_20261123203612AbCd1"), "…2AbCd1");
        assert_eq!(mask_payment_key("short-key"), "…");
    }

    #[test]
    fn a_receipt_is_on_the_web_or_on_this_machine() {
        for good in [
            "https://dashboard.tosspayments.com/receipt/redirection?transactionId=tviva1&ref=PX",
            "http://127.0.0.1:8081/receipt/x",
            "http://localhost/receipt",
            "http://[::1]:8081/receipt",
        ] {
            assert!(is_receipt_address(good), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "javascript://x/%0Aalert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "httpx://x",
            "http://receipt.example/1",
            "http://localhost.evil.example",
            "https://",
            "https:///x",
            "https://dashboard.tosspayments.com@evil.example/x",
            "http://localhost@evil.example",
            " https://x.example",
            "https://x.example/\n",
            "https://x.example/\"onclick",
            "//evil.example",
            "/console",
        ] {
            assert!(!is_receipt_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_text_of_white_space_has_no_length() {
        assert!(!has_length("", 5));
        assert!(!has_length(" \u{3000} ", 5));
        assert!(has_length("마라탕면", 4));
        assert!(!has_length("마라탕면", 3));
    }
}
