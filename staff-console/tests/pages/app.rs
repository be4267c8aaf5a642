//! A console to browse: two stores, three members of staff with passwords, and requests as short as their meaning.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{ApiContext, ApiSettings, Merchants, Readiness, TokenKey};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use domain::cart::CartLine;
use domain::customer::{Customer, Delivery};
use domain::role::Role;
use domain::sign_in::Login;
use domain::{OrderId, PaymentKey, ProductId, StoreId, Won};
use http_body_util::BodyExt as _;
use queue::{Message, Published, Publisher};
use sea_orm::{
    ConnectionTrait as _, Database, DatabaseConnection, DbBackend, QueryResult, Statement,
};
use store::catalogue::{PutProduct, PutStore};
use store::orders::CreateOrder;
use store::scratch::Scratch;
use store::staff::{NewStaff, StaffMember};
use store::{AcceptConfirm, Actor, CurrentKeys, Origin, Store, StoreOptions, sha256_hex};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Where browsers reach it.
const PUBLIC_URL: &str = "http://shop.example";

/// What everybody signs in with.
pub(crate) const PASSWORD: &str = "a long enough secret";

/// Takes every message.
#[derive(Debug)]
struct Open;

#[async_trait::async_trait]
impl Publisher for Open {
    async fn publish(&self, batch: &[Message]) -> Vec<Published> {
        batch.iter().map(|_| Published::Confirmed).collect()
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// A console with its database.
pub(crate) struct TestConsole {
    pub(crate) router: Router,
    /// The console's own routes, and what they are served with.
    pub(crate) console: Router,
    pub(crate) context: ApiContext,
    pub(crate) store: Store,
    pub(crate) master: StaffMember,
    scratch: Scratch,
}

/// A column of the schema.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// A page, read to its end.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie that it sets, as a browser sends it back.
    pub(crate) fn cookie(&self) -> Option<String> {
        let set = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        Some(set.split(';').next().unwrap().to_owned())
    }

    /// What its forms carry.
    pub(crate) fn proof(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"proof\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

impl TestConsole {
    pub(crate) async fn start() -> TestConsole {
        TestConsole::start_at(PUBLIC_URL).await
    }

    /// A console that browsers reach at this address.
    pub(crate) async fn start_at(public_url: &str) -> TestConsole {
        TestConsole::start_with(public_url, |_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(
        public_url: &str,
        change: impl FnOnce(&mut ApiSettings),
    ) -> TestConsole {
        let scratch = Scratch::make().await;
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        for id in ["mala", "gimbap"] {
            let new = PutStore {
                name: format!("store {id}"),
                id: StoreId::parse(id).unwrap(),
                merchant: Some("default".to_owned()),
                delivery_fee: domain::Won::ZERO,
                minimum_order: domain::Won::ZERO,
                is_open: true,
            };
            store.put_store(&Actor::system(), &new, true).await.unwrap();
        }
        let hash = staff_console::password::hash(PASSWORD).unwrap();
        let mut master = None;
        for (name, role, stores) in [
            ("owner", Role::Owner, vec!["mala"]),
            ("manager", Role::Manager, vec!["gimbap"]),
            ("master", Role::Master, vec![]),
        ] {
            let stores = stores.into_iter().map(|id| StoreId::parse(id).unwrap()).collect();
            let token_hash = sha256_hex(format!("sst_{name}"));
            let new = NewStaff { name: name.to_owned(), role, stores, token_hash };
            let added = store.add_staff(&new).await.unwrap();
            let login = Login::parse(name).unwrap();
            store.set_password(&added.id, &login, &hash, &Actor::system()).await.unwrap();
            master = Some(added);
        }
        let mut settings = ApiSettings::new(public_url, TokenKey::new([7; 32]));
        settings.merchants = Merchants::single("test_ck_1");
        change(&mut settings);
        let shutdown = CancellationToken::new();
        let readiness = Readiness::new(store.clone(), vec![], shutdown.clone());
        let console = staff_console::router(staff_console::ConsoleContext {
            store: store.clone(),
            publisher: Arc::new(Open),
            settings: settings.clone(),
            form_origin: Some(public_url.to_owned()),
        });
        let context = ApiContext {
            store: store.clone(),
            publisher: Arc::new(Open),
            settings,
            read_webhook: toss::read_webhook,
            readiness: Arc::new(readiness),
            shutdown,
        };
        TestConsole {
            router: api::router(context.clone(), Some(console.clone())),
            console,
            context,
            store,
            master: master.unwrap(),
            scratch,
        }
    }

    /// Opens a page with these headers.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Page {
        self.send("GET", path, headers, "").await
    }

    /// Sends a form with these headers.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
        self.send("POST", path, headers, form).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "shop.example");
        }
        if method == "POST" && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Page { status: parts.status, headers: parts.headers, text }
    }

    /// Tries to sign in.
    pub(crate) async fn try_sign_in(&self, login: &str, password: &str) -> Page {
        let form = format!("login={login}&password={}", password.replace(' ', "+"));
        self.post("/console/sign-in", &[], &form).await
    }

    /// Signs in; gives the cookie.
    pub(crate) async fn sign_in(&self, login: &str) -> String {
        let page = self.try_sign_in(login, PASSWORD).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        page.cookie().expect("a cookie")
    }

    /// The rows behind everybody's back.
    pub(crate) async fn rows(&self) -> DatabaseConnection {
        Database::connect(self.scratch.url()).await.unwrap()
    }

    /// Every column of every table.
    pub(crate) async fn columns(&self) -> Vec<Column> {
        let rows = self.rows().await;
        let query = if rows.get_database_backend() == DbBackend::Postgres {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns \
             WHERE table_schema = 'public' ORDER BY 1, 2"
        } else {
            "SELECT m.name, c.name, c.type FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' ORDER BY 1, 2"
        };
        let query = Statement::from_string(rows.get_database_backend(), query);
        let found = rows.query_all_raw(query).await.unwrap();
        let text = |row: &QueryResult, index| -> String { row.try_get_by_index(index).unwrap() };
        let columns = found.iter().map(|row| Column {
            table: text(row, 0),
            name: text(row, 1),
            kind: text(row, 2),
        });
        columns
            .filter(|it| !it.table.starts_with("seaql") && !it.table.starts_with("sqlite"))
            .collect()
    }

    /// Everything that the database holds, a line per row, but for when somebody was seen.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let rows = self.rows().await;
        let backend = rows.get_database_backend();
        let mut tables = BTreeMap::<String, Vec<String>>::new();
        for Column { table, name, .. } in self.columns().await {
            if (table.as_str(), name.as_str()) == ("web_sessions", "seen_at") {
                continue;
            }
            let value = if backend == DbBackend::Postgres {
                format!("COALESCE(CAST(\"{name}\" AS TEXT), '-')")
            } else {
                format!("quote(\"{name}\")")
            };
            tables.entry(table).or_default().push(value);
        }
        let mut everything = Vec::new();
        for (table, values) in tables {
            let query = format!("SELECT {} FROM \"{table}\"", values.join(" || '|' || "));
            let query = Statement::from_string(backend, query);
            for row in rows.query_all_raw(query).await.unwrap() {
                let line: String = row.try_get_by_index(0).unwrap();
                everything.push(format!("{table}: {line}"));
            }
        }
        everything.sort();
        everything
    }

    /// Changes rows behind everybody's back.
    pub(crate) async fn sql(&self, statement: &str) {
        let changed = self.rows().await.execute_unprepared(statement).await;
        changed.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// A customer's confirm of a new order is accepted.
    pub(crate) async fn pay(&self, store_id: &str, order_id: &str) {
        let (store_id, price) = (StoreId::parse(store_id).unwrap(), Won::new(4_000).unwrap());
        let product = PutProduct {
            id: ProductId::parse(format!("bun-of-{store_id}")).unwrap(),
            name: "bun".to_owned(),
            description: None,
            price,
            is_available: true,
            is_tax_free: false,
            groups: vec![],
        };
        self.store.put_product(&Actor::system(), &store_id, &product).await.unwrap();
        let line = CartLine { product_id: product.id, quantity: 1, options: vec![] };
        let wanted = CreateOrder {
            proposed_id: Some(OrderId::parse(order_id).unwrap()),
            store: store_id,
            lines: vec![line],
            expected_amount: price,
            customer: Customer::parse("김하나", None, "010-1234-5678").unwrap(),
            customer_key: None,
            delivery: Delivery::parse("서울 강남구 테헤란로 1", None, None).unwrap(),
            pay_within_ms: 60_000,
            idempotency: None,
            current_keys: CurrentKeys::from_iter([("default".to_owned(), 1)]),
        };
        self.store.create_order(&wanted).await.unwrap();
        let confirm = AcceptConfirm {
            order_id: OrderId::parse(order_id).unwrap(),
            payment_key: PaymentKey::parse(format!("key-of-{order_id}")).unwrap(),
            amount: price,
            payment_type: None,
            origin: Origin::default(),
        };
        self.store.accept_confirm(&confirm).await.unwrap();
    }
}
