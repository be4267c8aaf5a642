//! Values of the configuration that are types of their own: each can be made from valid text only.

/// An http(s) address without a slash at the end, a query or a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

/// Where a browser is sent: a path on this host, or an https address (http on loopback).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect(String);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    Pretty,
    Json,
}

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deployment {
    Development,
    Production,
}

impl std::str::FromStr for Deployment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Deployment, Self::Err> {
        match text {
            "development" => Ok(Deployment::Development),
            "production" => Ok(Deployment::Production),
            _ => Err("it must be development or production"),
        }
    }
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<LogFormat, Self::Err> {
        match text {
            "auto" => Ok(LogFormat::Auto),
            "pretty" => Ok(LogFormat::Pretty),
            "json" => Ok(LogFormat::Json),
            _ => Err("it must be auto, pretty or json"),
        }
    }
}

impl Address {
    /// The address, without a slash at the end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its origin, as browsers write it: without a path or a port that goes without saying.
    pub(crate) fn origin(&self) -> String {
        // It was parsed when it was made.
        reqwest::Url::parse(&self.0)
            .map_or_else(|_| self.0.clone(), |url| url.origin().ascii_serialization())
    }

    /// Whether it is reached over TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl std::str::FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Address, Self::Err> {
        let url =
            reqwest::Url::parse(text).map_err(|_| "it must be http(s)://host[:port][/path]")?;
        // What stands here is shown; a password has no place in it.
        let is_plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() || !is_plain {
            return Err("it must be http(s)://host[:port][/path]");
        }
        Ok(Address(text.trim_end_matches('/').to_owned()))
    }
}

impl Redirect {
    /// The path or address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Redirect {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Redirect, Self::Err> {
        const RULE: &str = "it must be a path that begins with one slash, or an https address";
        // Two slashes would be another host.
        let is_path = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
        let is_whole = |url: &reqwest::Url| {
            let is_loopback =
                ["127.0.0.1", "localhost", "[::1]"].contains(&url.host_str().unwrap_or(""));
            url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
        };
        let is_clean = !text.contains(['?', '#']) && text.chars().all(|c| c.is_ascii_graphic());
        if is_clean && (is_path || reqwest::Url::parse(text).is_ok_and(|url| is_whole(&url))) {
            Ok(Redirect(text.to_owned()))
        } else {
            Err(RULE)
        }
    }
}

/// 32 bytes from 64 hexadecimal digits.
pub(crate) fn decode_token_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => high.checked_mul(16)?.checked_add(*low),
            _ => None,
        })
        .collect();
    bytes?.try_into().ok()
}
