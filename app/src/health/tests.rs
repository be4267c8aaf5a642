//! A worker's health over a real socket.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use serde_json::{Value, json};
use store::{Store, StoreOptions};

use super::*;
use crate::parts;

/// A process with a database and a consumer that can be away.
struct Served {
    url: String,
    store: Store,
    is_connected: Arc<AtomicBool>,
    draining: CancellationToken,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
    _folder: tempfile::TempDir,
}

async fn serve() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/watched.db?mode=rwc", folder.path().display());
    let store = Store::open(&StoreOptions::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    let is_connected = Arc::new(AtomicBool::new(true));
    let look = {
        let is_connected = Arc::clone(&is_connected);
        move || match is_connected.load(SeqCst) {
            true => Ok(()),
            false => Err("not connected".to_owned()),
        }
    };
    let consumer = Watched { name: "queue_consumer", is_needed: true, look: Arc::new(look) };
    let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
    let health = Health::start(&store, vec![consumer], draining.clone()).unwrap();
    let listener = parts::listen(([127, 0, 0, 1], 0).into(), "--health-listen").await.unwrap();
    let url = listener.url();
    let serving = tokio::spawn(serve_health(listener, health, stop.clone()));
    Served { url, store, is_connected, draining, stop, serving, _folder: folder }
}

impl Served {
    async fn get(&self, path: &str) -> (u16, String) {
        drop(rustls::crypto::ring::default_provider().install_default());
        let patience = Duration::from_secs(10);
        let http = reqwest::Client::builder().no_proxy().timeout(patience).build().unwrap();
        let answer = http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What is told in so many words, once it is this status: an answer is told again for a moment.
    async fn ready(&self, wanted: u16) -> Value {
        let until = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            let (status, text) = self.get("/readyz?verbose").await;
            if status == wanted {
                return serde_json::from_str(&text).unwrap();
            }
            assert!(std::time::Instant::now() < until, "waited in vain for {wanted}: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn words(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_worker_is_ready_with_its_database_and_its_consumer_and_not_while_it_stops() {
    let served = serve().await;
    assert_eq!(served.get("/livez").await, (200, "{\"status\":\"ok\"}".to_owned()));
    assert_eq!(served.get("/readyz").await, (200, "{\"status\":\"ok\"}".to_owned()));
    let report = served.ready(200).await;
    assert_eq!(report["status"], json!("ok"));
    let all = ["database", "migrations", "queue_consumer"];
    assert_eq!(words(&report), all.map(|name| (name, "ok")));

    served.is_connected.store(false, SeqCst);
    let report = served.ready(503).await;
    assert_eq!(report["status"], json!("unavailable"));
    assert_eq!(report["checks"][2]["why"], "not connected");
    assert_eq!(served.get("/readyz").await, (503, "{\"status\":\"unavailable\"}".to_owned()));
    served.is_connected.store(true, SeqCst);
    served.ready(200).await;

    let (status, text) = served.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("\nseungin_database_up 1\n"), "{text}");
    assert!(text.contains("\nseungin_check_ok{check=\"queue_consumer\"} 1\n"), "{text}");
    assert!(text.contains("seungin_jobs{kind=\"confirm\",state=\"queued\"} 0\n"), "{text}");

    served.draining.cancel();
    let report = served.ready(503).await;
    assert_eq!(words(&report).pop(), Some(("process", "unavailable")));
    assert_eq!(served.get("/livez").await.0, 200, "it is watched to the end");
    served.store.clone().close().await.unwrap();
    assert_eq!(served.get("/metrics").await.0, 200, "also without its database");
    assert_eq!(served.get("/nothing").await.0, 404);
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}
