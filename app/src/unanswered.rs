//! Why a request got no answer, in a few words for people. The errors of the HTTP client tell it in
//! five layers.

use std::error::Error;
use std::io::{self, ErrorKind};

/// The reason, to stand behind a colon: `connection refused`.
pub(crate) fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(kind @ ErrorKind::Other) => format!("{innermost} ({kind})"),
        // Without the number that the system has for it.
        Some(kind) => kind.to_string(),
        None => innermost.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn ask(url: &str) -> String {
        // Another test of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let patience = Duration::from_millis(300);
        let http = reqwest::Client::builder().no_proxy().timeout(patience).build().unwrap();
        why(&http.get(url).send().await.unwrap_err())
    }

    #[tokio::test]
    async fn the_reason_is_a_few_words() {
        assert_eq!(ask("http://127.0.0.1:1").await, "connection refused");
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        assert_eq!(ask(&url).await, "it took too long");
    }
}
