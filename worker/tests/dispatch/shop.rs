//! A shop under test: a database of its own, a simulator, a worker that does one job after the other, and hands to go wrong with.

use std::sync::Arc;
use std::time::Duration;

use domain::cart::CartLine;
use domain::customer::{Customer, CustomerKey, Delivery};
use domain::job::JobState;
use domain::role::{Role, Scope};
use domain::{
    CancellationId, JobId, OrderId, PaymentKey, ProductId, RefundAccount, StoreId, Won, limits,
};
use simulator::{Config, Handle, LedgerEntry, NewPayment, Simulator};
use store::catalogue::{PutProduct, PutStore};
use store::scratch::Scratch;
use store::{
    AcceptCancel, AcceptCancelError, AcceptConfirm, Actor, CurrentKeys, JobFilter, JobRow, JobSort,
    KeyPairId, Origin, Store, StoreOptions,
};
use tokio_util::sync::CancellationToken;
use toss::{SecretKey, TossClient, TossConfig};
use worker::{Dispatcher, Gateways, PlainPacing};

pub(crate) const SECRET_KEY: &str = "test_sk_dispatch";
const STORE: &str = "store";

/// A shop under test. Its `Drop` fails the test when a job is neither ended nor parked.
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) toss: Handle,
    pub(crate) dispatcher: Dispatcher,
    /// What new orders are pinned to.
    pub(crate) current_keys: CurrentKeys,
    /// Whom windows are told as their customer.
    pub(crate) customer_key: Option<CustomerKey>,
    /// Where the simulator listens.
    pub(crate) toss_url: String,
    shutdown: CancellationToken,
    scratch: Scratch,
}

/// A payment under test.
#[derive(Debug, Clone)]
pub(crate) struct Paying {
    pub(crate) order_id: OrderId,
    pub(crate) payment_key: PaymentKey,
    pub(crate) amount: Won,
}

impl Shop {
    pub(crate) async fn open() -> Shop {
        Shop::open_with(
            Config { consecutive_cancel_pause: Duration::ZERO, ..Config::default() },
            5_000,
        )
        .await
    }

    /// A shop whose calls to Toss may take this long.
    pub(crate) async fn open_with(config: Config, call_deadline_ms: u64) -> Shop {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let scratch = Scratch::make().await;
        let store = opened(&scratch).await;
        store.migrate().await.unwrap();
        seed(&store).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let simulator = Simulator::new(config).unwrap();
        let toss = simulator.handle();
        let shutdown = CancellationToken::new();
        tokio::spawn(simulator::serve(listener, simulator, shutdown.clone()));
        let toss_url = format!("http://{address}");
        let dispatcher = Dispatcher {
            store: store.clone(),
            gateways: gateways(&toss_url, call_deadline_ms),
            pacing: Arc::new(PlainPacing),
            worker: "worker-1".to_owned(),
        };
        let current_keys = current(1);
        Shop {
            store,
            toss,
            dispatcher,
            current_keys,
            customer_key: None,
            toss_url,
            shutdown,
            scratch,
        }
    }

    /// A backup of the database as it is now.
    pub(crate) async fn back_up(&mut self) -> Scratch {
        let now_ms = self.store.now_ms().await.unwrap();
        self.store.clone().close().await.unwrap();
        let backup = self.scratch.copy().await;
        self.use_store(opened(&self.scratch).await, now_ms).await;
        backup
    }

    /// Puts a backup in the place of the database. What Toss knows stays.
    pub(crate) async fn restore(&mut self, backup: Scratch) {
        let now_ms = self.store.now_ms().await.unwrap();
        self.store.clone().close().await.unwrap();
        self.scratch = backup;
        self.use_store(opened(&self.scratch).await, now_ms).await;
    }

    /// Goes on with another store, whose clock is set to this.
    async fn use_store(&mut self, store: Store, now_ms: i64) {
        store.advance_clock(now_ms - store.now_ms().await.unwrap());
        self.dispatcher.store = store.clone();
        self.store = store;
    }

    /// An order of so many thousand won.
    pub(crate) async fn order(&self, thousands: u32) -> (OrderId, Won) {
        self.order_of(&[("thousand", thousands)]).await
    }

    /// An order of these products for a thousand won each.
    async fn order_of(&self, products: &[(&str, u32)]) -> (OrderId, Won) {
        let thousands: u32 = products.iter().map(|(_, quantity)| quantity).sum();
        let lines = products.iter().map(|(id, quantity)| CartLine {
            product_id: ProductId::parse(*id).unwrap(),
            quantity: *quantity,
            options: vec![],
        });
        let amount = Won::new(i64::from(thousands) * 1_000).unwrap();
        let customer = Customer::parse("김토스", None, "01012345678").unwrap();
        let delivery = Delivery::parse("서울시 마포구", None, None).unwrap();
        let order = store::orders::CreateOrder {
            proposed_id: None,
            store: StoreId::parse(STORE).unwrap(),
            lines: lines.collect(),
            expected_amount: amount,
            customer,
            customer_key: self.customer_key.clone(),
            delivery,
            pay_within_ms: limits::PAY_BY_MS,
            idempotency: None,
            current_keys: self.current_keys.clone(),
        };
        let created = self.store.create_order(&order).await.unwrap();
        (created.order.order.id, amount)
    }

    /// An order whose customer has authenticated a payment.
    pub(crate) async fn authenticated(&self, thousands: u32) -> Paying {
        self.authenticated_by(thousands, None, false).await
    }

    /// An order of so many thousand won that are free of tax, and so many that are not, authenticated in a window that was told of `told`
    /// thousand as free of tax.
    pub(crate) async fn authenticated_tax_free(&self, free: u32, taxed: u32, told: u32) -> Paying {
        let (order_id, amount) =
            self.order_of(&[("thousand-free", free), ("thousand", taxed)]).await;
        let new = NewPayment {
            tax_free_amount: i64::from(told) * 1_000,
            ..NewPayment::new(order_id.as_str(), "주문", amount.get())
        };
        let created = self.toss.create_payment(SECRET_KEY, new).unwrap();
        Paying { order_id, payment_key: PaymentKey::parse(created.payment_key).unwrap(), amount }
    }

    /// The same by a method of choice, and perhaps under escrow.
    pub(crate) async fn authenticated_by(
        &self,
        thousands: u32,
        method: Option<simulator::Method>,
        is_escrow: bool,
    ) -> Paying {
        let (order_id, amount) = self.order(thousands).await;
        let new = serde_json::json!({"orderId": order_id.as_str(), "orderName": "주문", "amount": amount.get()});
        let new = NewPayment { method, escrow: is_escrow, ..serde_json::from_value(new).unwrap() };
        let created = self.toss.create_payment(SECRET_KEY, new).unwrap();
        Paying { order_id, payment_key: PaymentKey::parse(created.payment_key).unwrap(), amount }
    }

    /// Accepts the confirm and returns its job.
    pub(crate) async fn accept(&self, paying: &Paying) -> JobId {
        let accepted = self.store.accept_confirm(&confirm_of(paying)).await.unwrap();
        JobId::parse(accepted.job.unwrap().id).unwrap()
    }

    /// A payment that was confirmed without trouble.
    pub(crate) async fn paid(&self, thousands: u32) -> Paying {
        let paying = self.authenticated(thousands).await;
        self.accept(&paying).await;
        self.drain().await;
        assert_eq!(self.status(&paying).await, "paid");
        paying
    }

    /// Accepts a cancel and returns its record and its job.
    pub(crate) async fn cancel(
        &self,
        paying: &Paying,
        amount: Option<i64>,
        key: &str,
    ) -> Result<(CancellationId, JobId), AcceptCancelError> {
        self.cancel_to(paying, amount, None, key).await
    }

    /// The same, with an account that the money goes to.
    pub(crate) async fn cancel_to(
        &self,
        paying: &Paying,
        amount: Option<i64>,
        refund_account: Option<RefundAccount>,
        key: &str,
    ) -> Result<(CancellationId, JobId), AcceptCancelError> {
        self.accept_cancel(&cancel_of(paying, amount, refund_account, key)).await
    }

    /// Accepts a cancel as it is asked for.
    pub(crate) async fn accept_cancel(
        &self,
        cancel: &AcceptCancel,
    ) -> Result<(CancellationId, JobId), AcceptCancelError> {
        let accepted = self.store.accept_cancel(cancel).await?;
        let made =
            self.jobs(domain::job::JobKind::Cancel).await.into_iter().find(|job| {
                job.cancellation_id.as_deref() == Some(accepted.cancellation_id.as_str())
            });
        let job = made.expect("a cancellation has a job");
        assert!(accepted.is_replay == accepted.job.is_none(), "a repeated request makes no job");
        Ok((accepted.cancellation_id, JobId::parse(job.id).unwrap()))
    }

    /// Does every job that is due, and moves both clocks to the next one, until nothing is left but what waits for a person.
    pub(crate) async fn drain(&self) {
        self.drain_for(48 * 60 * 60_000).await;
    }

    /// The same, for at most so long on the clock.
    pub(crate) async fn drain_for(&self, longest_ms: i64) {
        let until = self.store.now_ms().await.unwrap() + longest_ms;
        for _ in 0..2_000 {
            let due = self.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.unwrap();
            let ids: Vec<JobId> =
                due.into_iter().map(|job| JobId::parse(job.id).unwrap()).collect();
            if !ids.is_empty() {
                self.dispatcher.dispatch(&ids).await.unwrap();
                continue;
            }
            let now = self.store.now_ms().await.unwrap();
            match self.store.next_due_ms().await.unwrap() {
                Some(next) if next <= until => self.advance((next - now).max(1)),
                Some(_) | None => return,
            }
        }
        panic!("the jobs never came to an end");
    }

    /// Moves the database's and Toss's clock.
    pub(crate) fn advance(&self, by_ms: i64) {
        self.store.advance_clock(by_ms);
        self.toss.advance_clock(Duration::from_millis(by_ms.try_into().unwrap())).unwrap();
    }

    /// The customer's word.
    pub(crate) async fn status(&self, paying: &Paying) -> &'static str {
        self.detail(paying).await.view().status.word()
    }

    pub(crate) async fn detail(&self, paying: &Paying) -> store::orders::OrderDetail {
        self.store.find_order(&paying.order_id).await.unwrap().unwrap()
    }

    /// What really happened at Toss.
    pub(crate) fn ledger(&self, paying: &Paying) -> LedgerEntry {
        self.toss.ledger_of(paying.payment_key.as_str()).unwrap()
    }

    pub(crate) async fn job(&self, id: &JobId) -> JobRow {
        self.store.find_job(id).await.unwrap().unwrap()
    }

    /// Scripts a fault for the payment's order, as the simulator's control endpoint takes it.
    pub(crate) fn fault(
        &self,
        paying: &Paying,
        operation: &str,
        kind: &str,
        more: serde_json::Value,
    ) {
        let mut fault = serde_json::json!({"orderId": paying.order_id.as_str(), "operation": operation, "kind": kind});
        for (key, value) in more.as_object().into_iter().flatten() {
            fault[key] = value.clone();
        }
        self.toss.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
    }

    /// Both ledgers agree: what Toss holds is what we say it holds, and nothing was taken or given back twice.
    pub(crate) async fn assert_money_is_conserved(&self, paying: &Paying) {
        self.assert_keys_are_sound(paying);
        let (ours, toss) = (self.detail(paying).await, self.ledger(paying));
        assert!(toss.charges <= 1, "charged {} times", toss.charges);
        let payment = ours.payment.unwrap();
        assert_eq!(payment.balance.get(), toss.charged - toss.cancelled, "{payment:?} {toss:?}");
        let done: i64 = ours
            .cancellations
            .iter()
            .filter(|one| one.state == domain::cancellation::CancellationState::Done)
            .map(|one| one.amount.get())
            .sum();
        assert_eq!(done, toss.cancelled, "{:?} {toss:?}", ours.cancellations);
    }

    /// Jobs that are neither ended nor parked.
    async fn unfinished(store: &Store) -> Vec<JobRow> {
        let filter = JobFilter::all(Scope::Every);
        let jobs = store
            .list_jobs(&filter, JobSort::Newest, None, limits::PAGE_ROWS_MAX)
            .await
            .unwrap()
            .rows;
        jobs.into_iter()
            .filter(|job| job.state.is_live() && job.state != JobState::Parked)
            .collect()
    }

    /// Ends the shop, and the test with it when work is left over.
    pub(crate) async fn close(self) {
        let left = Shop::unfinished(&self.store).await;
        assert!(left.is_empty(), "work is left over: {left:?}");
        self.shutdown.cancel();
    }
}

async fn opened(scratch: &Scratch) -> Store {
    let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
    store.with_seal_key(store::SealKey::derive(&[7; 32]))
}

/// The way to a Toss at this address, for the shop's merchant with its one pair of keys.
pub(crate) fn gateways(toss_url: &str, call_deadline_ms: u64) -> Gateways {
    gateways_of(toss_url, call_deadline_ms, &[("default", 1, SECRET_KEY)])
}

/// The same for these pairs: merchant, number, secret key.
pub(crate) fn gateways_of(
    toss_url: &str,
    call_deadline_ms: u64,
    pairs: &[(&str, u32, &str)],
) -> Gateways {
    let clients = pairs.iter().map(|(merchant, number, secret_key)| {
        let mut config = TossConfig::new(toss_url, SecretKey::parse(secret_key).unwrap());
        config.call_deadline = Duration::from_millis(call_deadline_ms);
        config.connect_timeout = Duration::from_millis(call_deadline_ms.min(500) - 1);
        let pair = KeyPairId { merchant: (*merchant).to_owned(), number: *number };
        (pair, TossClient::new(config).unwrap())
    });
    Gateways::new(clients.collect())
}

/// The pair of the shop's merchant that new orders take.
pub(crate) fn current(number: u32) -> CurrentKeys {
    CurrentKeys::from_iter([("default".to_owned(), number)])
}

pub(crate) fn confirm_of(paying: &Paying) -> AcceptConfirm {
    AcceptConfirm {
        order_id: paying.order_id.clone(),
        payment_key: paying.payment_key.clone(),
        amount: paying.amount,
        payment_type: None,
        origin: Origin::default(),
    }
}

/// A cancel, asked for under a key of the payment's.
pub(crate) fn cancel_of(
    paying: &Paying,
    amount: Option<i64>,
    refund_account: Option<RefundAccount>,
    key: &str,
) -> AcceptCancel {
    AcceptCancel {
        order_id: paying.order_id.clone(),
        amount: amount.map(|amount| Won::new(amount).unwrap()),
        tax_free_amount: None,
        refund_account,
        reason: "재료 소진".to_owned(),
        is_another: false,
        actor: staff(),
        key: store::idempotency::CallerKey {
            scope: "test".to_owned(),
            key: format!("{key}-of-{}", paying.order_id),
            fingerprint: format!("{}:{amount:?}", paying.order_id),
        },
    }
}

pub(crate) fn staff() -> Actor {
    Actor {
        id: "staff-1".to_owned(),
        name: "점장".to_owned(),
        role: Some(Role::Manager),
        origin: Origin::default(),
    }
}

/// One store that sells one thing for a thousand won and delivers for nothing.
async fn seed(store: &Store) {
    let id = StoreId::parse(STORE).unwrap();
    let terms = PutStore {
        id: id.clone(),
        name: "시험 가게".to_owned(),
        merchant: Some("default".to_owned()),
        delivery_fee: Won::ZERO,
        minimum_order: Won::ZERO,
        is_open: true,
    };
    store.put_store(&Actor::system(), &terms, true).await.unwrap();
    for (product, is_tax_free) in [("thousand", false), ("thousand-free", true)] {
        let product = PutProduct {
            id: ProductId::parse(product).unwrap(),
            name: "천원 김밥".to_owned(),
            description: None,
            price: Won::new(1_000).unwrap(),
            is_available: true,
            is_tax_free,
            groups: vec![],
        };
        store.put_product(&Actor::system(), &id, &product).await.unwrap();
    }
}
