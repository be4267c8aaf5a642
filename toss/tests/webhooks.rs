//! Webhooks as the simulator writes them and as this crate reads them: two readings of Toss's documents that have to agree.

use domain::Won;
use domain::answer::{Answer, TossStatus};
use domain::webhook::{DepositNews, PaymentNews, Webhook};
use simulator::{
    Config, Handle, Method, NewPayment, NewWebhookEndpoint, Simulator, WebhookEvent, WebhookQuery,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use toss::{ConfirmCall, SecretKey, TossClient, TossConfig, read_webhook};

const KEY: &str = "test_sk_webhooks";
const ORDER: &str = "order-0001";
const AMOUNT: i64 = 15_000;

/// A simulator that writes webhooks and keeps them to itself, and a client of it.
struct Toss {
    client: TossClient,
    handle: Handle,
    _running: DropGuard,
}

async fn start() -> Toss {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let simulator = Simulator::new(Config::default()).unwrap();
    let handle = simulator.handle();
    handle.switch(|settings| settings.pause_webhooks = true).unwrap();
    let url = "http://shop.example/webhooks".to_owned();
    let everything = NewWebhookEndpoint { url, events: Vec::new(), secret_key: None };
    handle.register_webhook(everything).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(simulator::serve(listener, simulator, stop.clone()));
    let client =
        TossClient::new(TossConfig::new(&address, SecretKey::parse(KEY).unwrap())).unwrap();
    Toss { client, handle, _running: stop.drop_guard() }
}

impl Toss {
    /// A confirmed payment; its key and the secret that was answered.
    async fn confirmed(&self, method: Method) -> (String, String) {
        let new =
            NewPayment { method: Some(method), ..NewPayment::new(ORDER, "마라탕", AMOUNT) };
        let payment_key = self.handle.create_payment(KEY, new).unwrap().payment_key;
        let call = ConfirmCall {
            customer_key: None,
            payment_key: &payment_key,
            order_id: ORDER,
            amount: Won::new(AMOUNT).unwrap(),
            idempotency_key: &payment_key,
        };
        let Answer::Payment(payment) = self.client.confirm(&call).await.answer else {
            panic!("not confirmed");
        };
        (payment_key, payment.secret.unwrap())
    }

    async fn transaction_key(&self, payment_key: &str) -> Option<String> {
        match self.client.look_up(payment_key).await.answer {
            Answer::Payment(payment) => payment.last_transaction_key,
            Answer::Failure(failure) => panic!("not found: {failure:?}"),
        }
    }

    /// The newest webhook of that event, as it is read.
    fn newest(&self, event: WebhookEvent) -> Webhook {
        let all = self.handle.webhooks(&WebhookQuery::default());
        let newest = all.iter().rev().find(|webhook| webhook.event == event).unwrap();
        read_webhook(newest.body.to_string().as_bytes()).webhook
    }
}

#[tokio::test]
async fn a_status_change_names_the_payment_and_where_it_stands() {
    let toss = start().await;
    for unknown_values in [false, true] {
        toss.handle.switch(|settings| settings.unknown_values = unknown_values).unwrap();
        let toss = &toss;
        let (payment_key, _) = toss.confirmed(Method::Card).await;
        for status in [TossStatus::Done, TossStatus::Canceled] {
            let expected = PaymentNews {
                order_id: ORDER.to_owned(),
                transaction_key: toss.transaction_key(&payment_key).await,
                payment_key: payment_key.clone(),
                status,
            };
            let read = toss.newest(WebhookEvent::PaymentStatusChanged);
            assert_eq!(read, Webhook::Payment(expected));
            // Nothing is left to be cancelled the second time.
            toss.handle.cancel_by_hand(&payment_key, None, "x").ok();
        }
    }
}

#[tokio::test]
async fn a_deposit_callback_carries_the_secret_that_the_confirm_answered() {
    let toss = start().await;
    let (payment_key, secret) = toss.confirmed(Method::VirtualAccount).await;
    let told = async |status| {
        let expected = DepositNews {
            order_id: ORDER.to_owned(),
            secret: secret.clone(),
            status,
            transaction_key: toss.transaction_key(&payment_key).await,
        };
        assert_eq!(toss.newest(WebhookEvent::DepositCallback), Webhook::Deposit(expected));
    };
    told(TossStatus::WaitingForDeposit).await;
    toss.handle.deposit(&payment_key).unwrap();
    told(TossStatus::Done).await;
    toss.handle.reverse_deposit(&payment_key).unwrap();
    told(TossStatus::WaitingForDeposit).await;
    toss.handle.cancel_by_hand(&payment_key, None, "x").unwrap();
    told(TossStatus::Canceled).await;
}
