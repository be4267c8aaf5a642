//! A shop to talk to: two stores, three members of staff, and requests as short as their meaning.

use std::sync::{Arc, Mutex};

use api::{ApiContext, ApiSettings, MerchantKeys, Merchants, Rate, Readiness, TokenKey, Watched};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use domain::cart::{MenuOption, OptionGroup};
use domain::role::Role;
use domain::{OrderId, ProductId, StoreId, Won};
use http_body_util::BodyExt as _;
use queue::{Message, Published, Publisher};
use sea_orm::{
    ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use serde_json::{Value, json};
use store::catalogue::{Catalogue, CatalogueStore, MissingProducts, PutProduct, PutStore};
use store::scratch::Scratch;
use store::staff::NewStaff;
use store::{Actor, Store, StoreOptions, sha256_hex};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(crate) const PUBLIC_URL: &str = "https://shop.example";

/// A running shop.
pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) context: ApiContext,
    pub(crate) store: Store,
    pub(crate) published: Arc<Recorder>,
    /// A connection of its own, for rows that only accidents make.
    rows: DatabaseConnection,
    _scratch: Scratch,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum As<'a> {
    Nobody,
    /// Owner of the malatang shop.
    Owner,
    /// Manager of the gimbap shop.
    Manager,
    Master,
    /// Anybody with this token.
    Token(&'a str),
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

/// A publisher that remembers, or is not there.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) messages: Mutex<Vec<Message>>,
    pub(crate) is_down: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl Publisher for Recorder {
    async fn publish(&self, batch: &[Message]) -> Vec<Published> {
        if self.is_down.load(std::sync::atomic::Ordering::SeqCst) {
            return batch.iter().map(|_| Published::NotConfirmed("down".to_owned())).collect();
        }
        self.messages.lock().unwrap().extend_from_slice(batch);
        batch.iter().map(|_| Published::Confirmed).collect()
    }

    fn is_ready(&self) -> bool {
        true
    }
}

impl TestApp {
    pub(crate) async fn start() -> TestApp {
        TestApp::start_with(|_| {}).await
    }

    /// A shop with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ApiSettings)) -> TestApp {
        let scratch = Scratch::make().await;
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        let rows = Database::connect(scratch.url()).await.unwrap();
        store.import_catalogue(&Actor::system(), &menus()).await.unwrap();
        for (name, role, stores) in [
            ("owner", Role::Owner, vec!["mala"]),
            ("manager", Role::Manager, vec!["gimbap"]),
            ("master", Role::Master, vec![]),
        ] {
            let stores = stores.into_iter().map(|id| StoreId::parse(id).unwrap()).collect();
            let token_hash = sha256_hex(format!("sst_{name}"));
            store
                .add_staff(&NewStaff { name: name.to_owned(), role, stores, token_hash })
                .await
                .unwrap();
        }
        let mut settings = ApiSettings::new(PUBLIC_URL, TokenKey::new([7; 32]));
        settings.merchants = Merchants::single("test_ck_1");
        settings.sdk_url = "http://127.0.0.1:8081/v2/standard".to_owned();
        settings.limits.public_rate = Rate::new(10_000, 10_000);
        settings.limits.order_rate = Rate::new(10_000, 10_000);
        settings.limits.staff_rate = Rate::new(10_000, 10_000);
        change(&mut settings);
        let published = Arc::new(Recorder::default());
        let shutdown = CancellationToken::new();
        let queue = watched(Arc::clone(&published));
        let readiness = Readiness::new(store.clone(), vec![queue], shutdown.clone());
        let context = ApiContext {
            store: store.clone(),
            publisher: published.clone(),
            settings,
            read_webhook: toss::read_webhook,
            readiness: Arc::new(readiness),
            shutdown,
        };
        TestApp {
            router: api::router(context.clone(), None),
            context,
            store,
            published,
            rows,
            _scratch: scratch,
        }
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, headers, bytes, body }
    }

    pub(crate) async fn get(&self, who: As<'_>, path: &str) -> Answer {
        self.send(request(Method::GET, who, path, &[], None)).await
    }

    pub(crate) async fn get_with(
        &self,
        who: As<'_>,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(request(Method::GET, who, path, headers, None)).await
    }

    pub(crate) async fn post(&self, who: As<'_>, path: &str, body: Value) -> Answer {
        self.send(request(Method::POST, who, path, &[], Some(body))).await
    }

    pub(crate) async fn post_with(
        &self,
        who: As<'_>,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        self.send(request(Method::POST, who, path, headers, Some(body))).await
    }

    pub(crate) async fn put(&self, who: As<'_>, path: &str, body: Value) -> Answer {
        self.send(request(Method::PUT, who, path, &[], Some(body))).await
    }

    /// Orders one gimbap and returns what the customer has.
    pub(crate) async fn order(&self) -> Ordered {
        self.order_of(gimbap_order()).await
    }

    pub(crate) async fn order_of(&self, body: Value) -> Ordered {
        let answer = self.post(As::Nobody, "/v1/orders", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        let checkout = text("successUrl").split_once("token=").unwrap().1.to_owned();
        Ordered {
            id: text("orderId"),
            access: text("accessToken"),
            checkout,
            ticket: answer.body["order"]["ticket"].as_str().unwrap().to_owned(),
            amount: answer.body["amount"].as_i64().unwrap(),
        }
    }

    /// Runs a statement on the tables, behind everybody's back.
    pub(crate) async fn sql(&self, statement: &str) {
        self.rows.execute_unprepared(statement).await.unwrap();
    }

    /// The one text that a query finds.
    pub(crate) async fn text_of(&self, query: &str) -> String {
        let row = self
            .rows
            .query_one_raw(Statement::from_string(self.rows.get_database_backend(), query));
        row.await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Somebody else's writing of orders that does not end before the answer is dropped.
    pub(crate) async fn orders_locked(&self) -> DatabaseTransaction {
        let mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let writing = self.rows.begin_with_options(options).await.unwrap();
        if writing.get_database_backend() == DbBackend::Postgres {
            writing.execute_unprepared("LOCK TABLE orders").await.unwrap();
        }
        writing
    }

    /// What was handed to the queue, once it has settled.
    pub(crate) async fn published(&self) -> Vec<Message> {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        self.published.messages.lock().unwrap().clone()
    }

    /// How many jobs there are.
    pub(crate) async fn job_count(&self) -> usize {
        self.get(As::Master, "/v1/jobs?limit=200").await.body["data"].as_array().unwrap().len()
    }
}

/// Merchants that each have these client keys, the first pair current.
pub(crate) fn merchants(known: &[(&str, &[&str])]) -> Merchants {
    let keys = known.iter().map(|(name, client_keys)| {
        let numbered = client_keys.iter().map(|key| (*key).to_owned());
        let client_keys = (1..).zip(numbered).collect();
        ((*name).to_owned(), MerchantKeys { current: 1, client_keys })
    });
    let default = known.iter().find(|(name, _)| *name == "default");
    Merchants::new(keys.collect(), default.map(|(name, _)| (*name).to_owned()))
}

/// The publisher as readiness knows it.
fn watched(published: Arc<Recorder>) -> Watched {
    let look = move || match published.is_down.load(std::sync::atomic::Ordering::SeqCst) {
        true => Err("not connected".to_owned()),
        false => Ok(()),
    };
    Watched { name: "queue_publisher", is_needed: false, look: Arc::new(look) }
}

/// What a customer has after ordering.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) id: String,
    pub(crate) access: String,
    pub(crate) checkout: String,
    pub(crate) ticket: String,
    pub(crate) amount: i64,
}

impl Ordered {
    pub(crate) fn path(&self) -> String {
        format!("/v1/orders/{}", self.id)
    }

    pub(crate) fn path_to(&self, rest: &str) -> String {
        format!("/v1/orders/{}/{rest}", self.id)
    }

    pub(crate) fn order_id(&self) -> OrderId {
        OrderId::parse(self.id.as_str()).unwrap()
    }

    /// What the redirect carried.
    pub(crate) fn confirm(&self) -> Value {
        json!({ "paymentKey": format!("key-of-{}", self.id), "amount": self.amount })
    }
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }
}

pub(crate) fn request(
    method: Method,
    who: As<'_>,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Request<Body> {
    let mut request =
        Request::new(body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string())));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let token = match who {
        As::Nobody => None,
        As::Owner => Some("sst_owner"),
        As::Manager => Some("sst_manager"),
        As::Master => Some("sst_master"),
        As::Token(token) => Some(token),
    };
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    if body.is_some() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// An order whose body does not come.
pub(crate) fn endless_order() -> Request<Body> {
    let nothing = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let mut request = request(Method::POST, As::Nobody, "/v1/orders", &[], Some(Value::Null));
    *request.body_mut() = Body::from_stream(nothing);
    request
}

/// One gimbap for 4,000 won.
pub(crate) fn gimbap_order() -> Value {
    order_body("gimbap", json!([{ "productId": "gimbap", "quantity": 1 }]), 4_000)
}

pub(crate) fn order_body(store: &str, items: Value, amount: i64) -> Value {
    json!({
        "storeId": store,
        "items": items,
        "amount": amount,
        "customer": { "name": "김하나", "email": "hana@example.com", "phone": "010-1234-5678" },
        "delivery": { "address": "서울 강남구 테헤란로 1", "detail": "3층", "note": "문 앞에" },
    })
}

/// The same body with one member changed.
pub(crate) fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

pub(crate) fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

/// The malatang shop (fee 3,000, minimum 15,000), the gimbap shop (no fee, no minimum), and one that is closed.
fn menus() -> Catalogue {
    let soda = PutProduct { is_available: false, ..product("soda", 2_000) };
    let gimbap = vec![
        product("gimbap", 4_000),
        product("ramyeon", 5_000),
        product("feast", 10_000_000),
        product("candy", 50),
    ];
    let closed = PutStore { is_open: false, ..put_store("closed", 0, 0) };
    Catalogue {
        missing: MissingProducts::Keep,
        stores: vec![
            CatalogueStore {
                store: put_store("mala", 3_000, 15_000),
                products: vec![malatang(), product("guobaorou", 18_000), soda],
            },
            CatalogueStore { store: put_store("gimbap", 0, 0), products: gimbap },
            CatalogueStore { store: closed, products: vec![product("kimchi", 3_000)] },
        ],
    }
}

fn put_store(id: &str, delivery_fee: i64, minimum_order: i64) -> PutStore {
    PutStore {
        id: StoreId::parse(id).unwrap(),
        name: format!("{id} house"),
        merchant: Some("default".to_owned()),
        delivery_fee: won(delivery_fee),
        minimum_order: won(minimum_order),
        is_open: true,
    }
}

pub(crate) fn product(id: &str, price: i64) -> PutProduct {
    PutProduct {
        id: ProductId::parse(id).unwrap(),
        name: id.to_owned(),
        description: None,
        price: won(price),
        is_available: true,
        is_tax_free: false,
        groups: Vec::new(),
    }
}

/// 9,000 won, one required choice, up to two extras.
fn malatang() -> PutProduct {
    let option = |id: &str, price, is_available| MenuOption {
        id: ProductId::parse(id).unwrap(),
        name: id.to_owned(),
        price: won(price),
        is_available,
    };
    let group = |id: &str, min_choices, max_choices, options| OptionGroup {
        id: ProductId::parse(id).unwrap(),
        name: id.to_owned(),
        min_choices,
        max_choices,
        options,
    };
    let spice = vec![option("mild", 0, true), option("hot", 500, true)];
    let extras = vec![
        option("noodles", 1_500, true),
        option("beef", 3_000, true),
        option("quail", 1_000, true),
        option("tofu", 1_000, false),
    ];
    PutProduct {
        groups: vec![group("spice", 1, 1, spice), group("extras", 0, 2, extras)],
        ..product("malatang", 9_000)
    }
}
