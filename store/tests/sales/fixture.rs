//! A shop to test with: two stores on a database of its own.

use std::time::Duration;

use domain::cart::{CartLine, MenuOption, OptionGroup};
use domain::customer::{Customer, Delivery};
use domain::role::Role;
use domain::{OrderId, PaymentKey, ProductId, StoreId, Won};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use store::catalogue::{Catalogue, CatalogueStore, MissingProducts, PutProduct, PutStore};
use store::idempotency::CallerKey;
use store::orders::{CreateOrder, CreatedOrder};
use store::scratch::Scratch;
use store::{AcceptConfirm, Actor, CurrentKeys, Origin, Store, StoreOptions};

/// The malatang shop: fee 3,000, minimum 15,000.
pub(crate) const MALA: &str = "mala";
/// The gimbap shop: no fee, no minimum.
pub(crate) const GIMBAP: &str = "gimbap";

pub(crate) struct Shop {
    pub(crate) store: Store,
    /// A connection of its own, for states that only Toss's answers lead to.
    pub(crate) rows: DatabaseConnection,
    _scratch: Scratch,
}

impl Shop {
    pub(crate) async fn open() -> Shop {
        let shop = Shop::open_empty().await;
        shop.store.import_catalogue(&Actor::system(), &catalogue()).await.unwrap();
        shop
    }

    pub(crate) async fn open_on_postgres() -> Shop {
        let shop = Shop::on(Scratch::on_postgres().await).await;
        shop.store.import_catalogue(&Actor::system(), &catalogue()).await.unwrap();
        shop
    }

    pub(crate) async fn open_empty() -> Shop {
        Shop::on(Scratch::make().await).await
    }

    async fn on(scratch: Scratch) -> Shop {
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        let store = store.with_seal_key(store::SealKey::derive(&[7; 32]));
        store.migrate().await.unwrap();
        let rows = Database::connect(scratch.url()).await.unwrap();
        Shop { store, rows, _scratch: scratch }
    }

    /// Makes an order of gimbap with an id of ours.
    pub(crate) async fn order(&self, id: &str) -> CreatedOrder {
        let wanted = CreateOrder { proposed_id: Some(order_id(id)), ..gimbap_order() };
        self.store.create_order(&wanted).await.unwrap()
    }

    /// Waits until somebody waits for a lock, and says which sessions do. SQLite tells nobody: there it waits much longer than it takes to come
    /// to one, and names none.
    pub(crate) async fn who_waits(&self) -> Vec<i32> {
        if self.rows.get_database_backend() != DbBackend::Postgres {
            tokio::time::sleep(Duration::from_millis(300)).await;
            return Vec::new();
        }
        let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        for _ in 0..1_000 {
            let asked = Statement::from_string(DbBackend::Postgres, waiting);
            let rows = self.rows.query_all_raw(asked).await.unwrap();
            if !rows.is_empty() {
                return rows.iter().map(|row| row.try_get("", "pid").unwrap()).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody waits for a lock");
    }

    /// From now on jobs may be of any kind, as after the migration of a newer version.
    pub(crate) async fn allow_kinds_of_tomorrow(&self) {
        let sql = if self.rows.get_database_backend() == DbBackend::Postgres {
            "ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check"
        } else {
            "PRAGMA ignore_check_constraints = ON"
        };
        self.rows.execute_unprepared(sql).await.unwrap();
    }

    /// How often something was done, by its audit.
    pub(crate) async fn audited(&self, action: &str) -> usize {
        let page =
            self.store.list_audit(&store::audit::AuditFilter::default(), None, 200).await.unwrap();
        page.rows.iter().filter(|entry| entry.action == action).count()
    }
}

pub(crate) fn store_id(id: &str) -> StoreId {
    StoreId::parse(id).unwrap()
}

pub(crate) fn product_id(id: &str) -> ProductId {
    ProductId::parse(id).unwrap()
}

pub(crate) fn order_id(id: &str) -> OrderId {
    OrderId::parse(id).unwrap()
}

pub(crate) fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

pub(crate) fn owner() -> Actor {
    Actor {
        id: "owner-1".to_owned(),
        name: "Owner".to_owned(),
        role: Some(Role::Owner),
        origin: Origin { request_id: Some("request-1".to_owned()), trace: None },
    }
}

pub(crate) fn line(product: &str, quantity: u32, options: &[&str]) -> CartLine {
    CartLine {
        product_id: product_id(product),
        quantity,
        options: options.iter().map(|id| product_id(id)).collect(),
    }
}

/// One gimbap for 4,000 won.
pub(crate) fn gimbap_order() -> CreateOrder {
    CreateOrder {
        proposed_id: None,
        store: store_id(GIMBAP),
        lines: vec![line("gimbap", 1, &[])],
        expected_amount: won(4_000),
        customer: Customer::parse("김하나", Some("hana@example.com"), "010-1234-5678").unwrap(),
        customer_key: None,
        delivery: Delivery::parse("서울 강남구 테헤란로 1", Some("3층"), Some("문 앞에")).unwrap(),
        pay_within_ms: 60_000,
        idempotency: None,
        current_keys: CurrentKeys::from_iter([("default".to_owned(), 1)]),
    }
}

pub(crate) fn caller_key(key: &str, fingerprint: &str) -> CallerKey {
    CallerKey {
        scope: "guest POST /v1/orders".to_owned(),
        key: key.to_owned(),
        fingerprint: fingerprint.to_owned(),
    }
}

pub(crate) fn confirm_of(id: &str) -> AcceptConfirm {
    AcceptConfirm {
        order_id: order_id(id),
        payment_key: PaymentKey::parse(format!("key-of-{id}")).unwrap(),
        amount: won(4_000),
        payment_type: None,
        origin: Origin::default(),
    }
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue {
        missing: MissingProducts::Keep,
        stores: vec![
            CatalogueStore {
                store: put_store(MALA, 3_000, 15_000),
                products: vec![malatang(), product("guobaorou", 18_000), {
                    PutProduct { is_available: false, ..product("soda", 2_000) }
                }],
            },
            CatalogueStore {
                store: put_store(GIMBAP, 0, 0),
                products: vec![product("gimbap", 4_000), product("ramyeon", 5_000)],
            },
        ],
    }
}

pub(crate) fn put_store(id: &str, delivery_fee: i64, minimum_order: i64) -> PutStore {
    PutStore {
        id: store_id(id),
        name: format!("{id} house"),
        merchant: Some("default".to_owned()),
        delivery_fee: won(delivery_fee),
        minimum_order: won(minimum_order),
        is_open: true,
    }
}

pub(crate) fn product(id: &str, price: i64) -> PutProduct {
    PutProduct {
        id: product_id(id),
        name: id.to_owned(),
        description: None,
        price: won(price),
        is_available: true,
        is_tax_free: false,
        groups: Vec::new(),
    }
}

/// 9,000 won, one required choice, up to two extras.
pub(crate) fn malatang() -> PutProduct {
    let spice = vec![option("mild", 0), option("hot", 500)];
    let extras = vec![option("noodles", 1_500), option("beef", 3_000), option("quail", 1_000)];
    PutProduct {
        description: Some("얼얼한 마라탕".to_owned()),
        groups: vec![group("spice", 1, 1, spice), group("extras", 0, 2, extras)],
        ..product("malatang", 9_000)
    }
}

pub(crate) fn group(id: &str, min: u32, max: u32, options: Vec<MenuOption>) -> OptionGroup {
    OptionGroup {
        id: product_id(id),
        name: id.to_owned(),
        min_choices: min,
        max_choices: max,
        options,
    }
}

pub(crate) fn option(id: &str, price: i64) -> MenuOption {
    MenuOption { id: product_id(id), name: id.to_owned(), price: won(price), is_available: true }
}
