//! Toss: the keys' form, and whether it can be reached. Nothing is asked that needs a key.

use std::time::{Duration, Instant};

use domain::limits::CONNECT_TIMEOUT_MS;
use reqwest::redirect;

use crate::config::{Config, TossChoice};
use crate::unanswered;

use super::Finding;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at it.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    match &config.toss {
        TossChoice::Simulator => {
            let keys = Finding::ok("toss keys", "none: a simulator answers, no money moves");
            // The embedded product brings its own, which runs when it does.
            if !config.database.is_postgres() {
                return vec![keys];
            }
            let url = config.simulator.url.as_str();
            let advice = "start `seungin simulator`, and look at simulator.url";
            vec![keys, reach("simulator", url, advice).await]
        }
        TossChoice::Toss { merchants, base_url, .. } => {
            let kind =
                if merchants.are_live() { "live: MONEY MOVES" } else { "test: no money moves" };
            let named = merchants.iter().map(|(name, merchant)| {
                let numbers: Vec<String> = merchant.pairs.keys().map(u32::to_string).collect();
                format!("{name} {} (current {})", numbers.join(", "), merchant.current)
            });
            let found = format!("{kind}; pairs of {}", named.collect::<Vec<_>>().join("; "));
            let advice = "open the network to it (name resolution, outgoing connections, no proxy), and look at toss.base_url";
            vec![Finding::ok("toss keys", found), reach("toss", base_url.as_str(), advice).await]
        }
    }
}

/// Any answer at all proves name, network and TLS.
async fn reach(name: &'static str, base_url: &str, advice: &str) -> Finding {
    let connecting = Duration::from_millis(CONNECT_TIMEOUT_MS.unsigned_abs());
    let http = reqwest::Client::builder()
        .connect_timeout(connecting)
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        // Calls go without one too.
        .no_proxy()
        .build();
    let http = match http {
        Ok(http) => http,
        Err(error) => {
            let advice = "the system's certificates may be missing: install ca-certificates";
            return Finding::fail(name, unanswered::why(&error), advice);
        }
    };
    let began = Instant::now();
    match http.get(base_url).send().await {
        Ok(_) => {
            let took_ms = began.elapsed().as_millis();
            Finding::ok(name, format!("{base_url} answers, in {took_ms} ms"))
        }
        Err(error) => {
            let found = format!("{base_url} does not answer: {}", unanswered::why(&error));
            Finding::fail(name, found, advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::command::doctor::Verdict;

    #[tokio::test]
    async fn whatever_answers_is_reachable_and_whatever_does_not_is_not() {
        // Another test of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
            let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            listener
        });
        let found = reach("toss", &url, "toss.base_url").await;
        assert_eq!(found.status, Verdict::Ok, "{found:?}");
        let listener = serving.await.unwrap();

        // A server that speaks something else.
        let speaking = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        });
        let found = reach("toss", &url, "toss.base_url").await;
        assert_eq!(found.status, Verdict::Fail, "{found:?}");
        speaking.await.unwrap();

        let found = reach("toss", &url, "toss.base_url").await;
        assert_eq!(found.status, Verdict::Fail);
        assert!(found.found.contains("connection refused"), "{found:?}");
        assert_eq!(found.advice.as_deref(), Some("toss.base_url"));
    }
}
