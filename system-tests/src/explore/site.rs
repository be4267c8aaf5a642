//! Where a thread's journeys take place: an address for whatever simulator is there just now, the clients that call it, and a migrated
//! database to copy. Made once for many journeys, because all of it costs more than a journey.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use domain::role::Role;
use domain::{ProductId, StoreId, Won};
use store::catalogue::{PutProduct, PutStore};
use store::scratch::{Scratch, is_on_servers};
use store::staff::NewStaff;
use store::{Actor, KeyPairId, SealKey, Store, StoreOptions, sha256_hex};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use toss::{SecretKey, TossClient, TossConfig};
use tower::ServiceExt as _;
use worker::Gateways;

/// Pairs of keys: merchant, number, secret key. The first two are one merchant's, before and after a rotation.
pub(crate) const PAIRS: [(&str, u32, &str); 3] = [
    ("default", 1, "test_sk_explore_first"),
    ("default", 2, "test_sk_explore_second"),
    ("other", 1, "test_sk_explore_other"),
];

/// Stores, each with its merchant.
pub(crate) const STORES: [(&str, &str); 2] = [("gimbap", "default"), ("ramyeon", "other")];

/// What each store sells, for a thousand won each: the second is free of tax. The store's name stands in front.
pub(crate) const PRODUCTS: [(&str, bool); 2] = [("roll", false), ("vegetables", true)];

/// The token of the member of staff who may act for every store.
pub(crate) const STAFF_TOKEN: &str = "sst_master";

/// Monday the 1st of March 2027, ten in the morning in Korea.
pub(crate) const BEGINNING_MS: i64 = 1_803_862_800_000;

/// Files in memory, where there are any: a commit waits for no disk.
const MEMORY: &str = "/dev/shm";

/// A thread's place.
#[derive(Debug)]
pub(crate) struct Site {
    simulator: Arc<Mutex<Router>>,
    pub(crate) clients: HashMap<KeyPairId, TossClient>,
    folder: TempDir,
    template: Vec<u8>,
}

impl Site {
    pub(crate) async fn open() -> Site {
        // Another site of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let simulator = Arc::new(Mutex::new(Router::new()));
        let url = serve(Arc::clone(&simulator)).await;
        let clients = PAIRS.iter().map(|(merchant, number, secret_key)| {
            let mut config = TossConfig::new(&url, SecretKey::parse(secret_key).unwrap());
            config.call_deadline = Duration::from_secs(20);
            let pair = KeyPairId { merchant: (*merchant).to_owned(), number: *number };
            (pair, TossClient::new(config).unwrap())
        });
        let clients = clients.collect();
        Site { simulator, clients, folder: folder(), template: template().await.clone() }
    }

    /// Has this simulator answer from now on.
    pub(crate) fn put_simulator(&self, router: Router) {
        *self.simulator.lock().unwrap() = router;
    }

    /// The clients of every pair of keys.
    pub(crate) fn gateways(&self) -> Gateways {
        Gateways::new(self.clients.clone())
    }

    /// A database of its own for a journey: a copy in a file, or an empty one on the server where the environment asks for servers.
    pub(crate) async fn database(&self) -> (Store, Option<Scratch>) {
        if is_on_servers() {
            let scratch = Scratch::on_postgres().await;
            let store = open(scratch.url()).await;
            store.stop_clock(BEGINNING_MS);
            store.migrate().await.unwrap();
            fill(&store).await;
            return (store, Some(scratch));
        }
        let file = self.folder.path().join("journey.db");
        for left in ["journey.db-wal", "journey.db-shm"] {
            drop(std::fs::remove_file(self.folder.path().join(left)));
        }
        std::fs::write(&file, &self.template).unwrap();
        (open(&address(&file)).await, None)
    }
}

/// Serves whatever router is there, each connection for one request: no call finds a connection that the one before has broken.
async fn serve(simulator: Arc<Mutex<Router>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let front = Router::new().fallback(move |request: Request| {
        let router = simulator.lock().unwrap().clone();
        async move {
            let mut response = router.oneshot(request).await.unwrap();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    });
    tokio::spawn(async move { axum::serve(listener, front).await });
    format!("http://{address}")
}

fn folder() -> TempDir {
    let prefix = "seungin-explore-";
    let in_memory = TempDir::with_prefix_in(prefix, MEMORY);
    in_memory.unwrap_or_else(|_| TempDir::with_prefix(prefix).unwrap())
}

/// A database with its tables, stores, products and staff, as bytes.
async fn template() -> &'static Vec<u8> {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let folder = folder();
            let file = folder.path().join("template.db");
            let store = open(&address(&file)).await;
            store.stop_clock(BEGINNING_MS);
            store.migrate().await.unwrap();
            fill(&store).await;
            // Closing writes everything into the one file.
            store.close().await.unwrap();
            std::fs::read(&file).unwrap()
        })
        .await
}

fn address(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

async fn open(url: &str) -> Store {
    let options = StoreOptions { connections_max: 2, ..StoreOptions::new(url) };
    let store = Store::open(&options).await.unwrap();
    store.with_seal_key(SealKey::derive(&[7; 32]))
}

async fn fill(store: &Store) {
    for (id, merchant) in STORES {
        let id = StoreId::parse(id).unwrap();
        let terms = PutStore {
            id: id.clone(),
            name: id.as_str().to_owned(),
            merchant: Some(merchant.to_owned()),
            delivery_fee: Won::ZERO,
            minimum_order: Won::ZERO,
            is_open: true,
        };
        store.put_store(&Actor::system(), &terms, true).await.unwrap();
        for (product, is_tax_free) in PRODUCTS {
            let product = PutProduct {
                id: ProductId::parse(format!("{}-{product}", id.as_str())).unwrap(),
                name: product.to_owned(),
                description: None,
                price: Won::new(1_000).unwrap(),
                is_available: true,
                is_tax_free,
                groups: vec![],
            };
            store.put_product(&Actor::system(), &id, &product).await.unwrap();
        }
    }
    let master = NewStaff {
        name: "master".to_owned(),
        role: Role::Master,
        stores: vec![],
        token_hash: sha256_hex(STAFF_TOKEN),
    };
    store.add_staff(&master).await.unwrap();
}
