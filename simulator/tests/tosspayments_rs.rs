//! A client of Toss that other people wrote, the crate `tosspayments-rs`, runs against the simulator unchanged.
//!
//! It sends no language, so it is answered in Korean, and reads Korean values, except for the names of wallets, which it
//! knows by their codes alone: Toss does not say which of the two it sends, and the simulator can do both.

use std::time::Duration;

use simulator::{Config, Handle, Method, NewPayment, Simulator};
use tokio_util::sync::{CancellationToken, DropGuard};
use tosspayments::api::{
    CancelCashReceipt, CancelCashReceiptBody, CancelPayment, CancelPaymentBody,
    ConfirmKeyinPayment, ConfirmPayment, GetPayment, IssueCashReceipt, IssueVirtualAccount,
    ListCashReceipts, ListSettlements, ListTransactions,
};
use tosspayments::data::{
    BankCode, CashReceiptTransactionType, CashReceiptType, EasyPayProvider, ErrorCode, Payment,
    PaymentMethod, PaymentStatus,
};
use tosspayments::{Client, Error};

const KEY: &str = "test_sk_stranger";

/// A simulator and a stranger's client of it.
struct Toss {
    client: Client,
    handle: Handle,
    _running: DropGuard,
}

async fn start() -> Toss {
    let pause = Duration::ZERO;
    let config = Config { consecutive_cancel_pause: pause, ..Config::default() };
    let simulator = Simulator::new(config).expect("a simulator");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (handle, stop) = (simulator.handle(), CancellationToken::new());
    tokio::spawn(simulator::serve(listener, simulator, stop.clone()));
    Toss { client: Client::from_url(url, KEY), handle, _running: stop.drop_guard() }
}

impl Toss {
    /// A payment that its buyer authenticated.
    fn authenticated(&self, order_id: &str, method: Method) -> String {
        let new = NewPayment::new(order_id, "마라탕 외 2건", 15_000);
        let new = NewPayment { method: Some(method), ..new };
        self.handle.create_payment(KEY, new).expect("a payment").payment_key
    }

    async fn confirm(&self, order_id: &str, method: Method) -> Result<Payment, Error> {
        let payment_key = self.authenticated(order_id, method);
        let order_id = order_id.to_owned();
        self.client.execute(&ConfirmPayment { payment_key, order_id, amount: 15_000 }).await
    }

    async fn cancel(&self, payment_key: &str, amount: Option<i32>) -> Result<Payment, Error> {
        let body = CancelPaymentBody {
            cancel_reason: "고객 변심".to_owned(),
            cancel_amount: amount,
            refund_receive_account: None,
            tax_free_amount: None,
        };
        let payment_key = payment_key.to_owned();
        let idempotency_key = Some(format!("{payment_key}-{amount:?}"));
        self.client.execute(&CancelPayment { payment_key, body, idempotency_key }).await
    }
}

fn code(result: Result<Payment, Error>) -> (u16, ErrorCode) {
    match result {
        Err(Error::Tosspayments(error)) => (error.http_status, error.code),
        other => panic!("no refusal of Toss: {other:?}"),
    }
}

#[tokio::test]
async fn it_confirms_looks_up_and_cancels_a_payment_of_every_method() {
    let toss = start().await;
    for (n, (method, expected)) in [
        (Method::Card, PaymentMethod::Card),
        (Method::Transfer, PaymentMethod::Transfer),
        (Method::MobilePhone, PaymentMethod::MobilePhone),
        (Method::CultureGiftCertificate, PaymentMethod::CultureGiftCertificate),
        (Method::BookGiftCertificate, PaymentMethod::BookGiftCertificate),
        (Method::GameGiftCertificate, PaymentMethod::GameGiftCertificate),
    ]
    .into_iter()
    .enumerate()
    {
        let order_id = format!("order-{n:04}");
        let paid = toss.confirm(&order_id, method).await.expect("confirmed");
        assert_eq!((paid.status, paid.method), (PaymentStatus::Done, Some(expected)));
        for look_up in
            [GetPayment::PaymentKey(paid.payment_key.clone()), GetPayment::OrderId(order_id)]
        {
            let seen = toss.client.execute(&look_up).await.expect("found");
            assert_eq!(seen.payment_key, paid.payment_key);
        }
        let part = toss.cancel(&paid.payment_key, Some(5_000)).await.expect("cancelled");
        assert_eq!((part.status, part.balance_amount), (PaymentStatus::PartialCanceled, 10_000));
        let rest = toss.cancel(&paid.payment_key, None).await.expect("cancelled");
        let cancels: Vec<i32> = rest.cancels.iter().flatten().map(|it| it.cancel_amount).collect();
        assert_eq!((rest.balance_amount, cancels), (0, vec![5_000, 10_000]));
    }
}

#[tokio::test]
async fn it_reads_wallets_when_they_are_named_by_their_codes() {
    let toss = start().await;
    assert!(matches!(toss.confirm("order-0001", Method::TossPay).await, Err(Error::Reqwest(_))));
    toss.handle.switch(|settings| settings.provider_codes = true).expect("switched");
    for (n, (method, expected)) in [
        (Method::TossPay, EasyPayProvider::Tosspay),
        (Method::NaverPay, EasyPayProvider::Naverpay),
        (Method::KakaoPay, EasyPayProvider::Kakaopay),
        (Method::SamsungPay, EasyPayProvider::Samsungpay),
        (Method::ApplePay, EasyPayProvider::Applepay),
        (Method::Payco, EasyPayProvider::Payco),
    ]
    .into_iter()
    .enumerate()
    {
        let paid = toss.confirm(&format!("wallet-{n:04}"), method).await.expect("confirmed");
        assert_eq!(paid.method, Some(PaymentMethod::Easypay));
        assert_eq!(paid.easy_pay.map(|it| it.provider), Some(expected));
    }
}

#[tokio::test]
async fn it_issues_an_account_and_sees_the_deposit() {
    let toss = start().await;
    let request = IssueVirtualAccount::builder()
        .amount(32_000)
        .order_id("order-0001".to_owned())
        .order_name("훠궈 세트".to_owned())
        .customer_name("김토스".to_owned())
        .bank(BankCode::신한은행)
        .build();
    let issued = toss.client.execute(&request).await.expect("issued");
    assert_eq!(issued.status, PaymentStatus::WaitingForDeposit);
    assert!(issued.secret.is_some() && issued.approved_at.is_none());
    let account = issued.virtual_account.expect("an account");
    assert_eq!((account.bank_code, account.expired), (BankCode::신한은행, false));
    toss.handle.deposit(&issued.payment_key).expect("deposited");
    let look_up = GetPayment::PaymentKey(issued.payment_key);
    let paid = toss.client.execute(&look_up).await.expect("found");
    assert_eq!((paid.status, paid.approved_at.is_some()), (PaymentStatus::Done, true));
}

#[tokio::test]
async fn it_reads_refusals_by_their_codes() {
    let toss = start().await;
    let unknown = toss.client.execute(&GetPayment::PaymentKey("unknown".to_owned())).await;
    assert_eq!(code(unknown), (404, ErrorCode::NotFoundPayment));
    let paid = toss.confirm("order-0001", Method::Card).await.expect("confirmed");
    let again = ConfirmPayment {
        payment_key: paid.payment_key.clone(),
        order_id: "order-0001".to_owned(),
        amount: 15_000,
    };
    let again = toss.client.execute(&again).await;
    assert_eq!(code(again), (400, ErrorCode::AlreadyProcessedPayment));
    let too_much = toss.cancel(&paid.payment_key, Some(15_001)).await;
    assert_eq!(code(too_much), (403, ErrorCode::NotCancelableAmount));
}

#[tokio::test]
async fn it_lists_transactions_page_by_page_and_no_settlements() {
    let toss = start().await;
    for n in 0..3 {
        toss.confirm(&format!("order-{n:04}"), Method::Card).await.expect("confirmed");
    }
    let (start_date, end_date) = ("2000-01-01T00:00:00", "2199-01-01T00:00:00");
    let mut page = ListTransactions {
        start_date: start_date.to_owned(),
        end_date: end_date.to_owned(),
        starting_after: None,
        limit: Some(2),
    };
    let first = toss.client.execute(&page).await.expect("listed");
    page.starting_after = first.last().map(|record| record.transaction_key.clone());
    let second = toss.client.execute(&page).await.expect("listed");
    let orders: Vec<&str> = first.iter().chain(&second).map(|it| it.order_id.as_str()).collect();
    assert_eq!(orders, ["order-0000", "order-0001", "order-0002"]);
    let settlements = ListSettlements::builder()
        .start_date("2000-01-01".to_owned())
        .end_date("2199-01-01".to_owned())
        .build();
    assert!(toss.client.execute(&settlements).await.expect("listed").is_empty());
}

#[tokio::test]
async fn it_pays_by_card_number_and_issues_cash_receipts() {
    let toss = start().await;
    toss.handle.set_clock("2026-03-01T12:00:00+09:00").expect("set");
    let card = ConfirmKeyinPayment::builder()
        .amount(10_000)
        .order_id("order-0001".to_owned())
        .order_name("마라탕".to_owned())
        .card_number("4330123412341234".to_owned())
        .card_expiration_year("30".to_owned())
        .card_expiration_month("07".to_owned())
        .customer_identity_number("881212".to_owned())
        .build();
    let paid = toss.client.execute(&card).await.expect("paid");
    assert_eq!((paid.status, paid.total_amount), (PaymentStatus::Done, 10_000));

    let request = IssueCashReceipt::builder()
        .amount(10_000)
        .order_id("order-0002".to_owned())
        .order_name("마라탕".to_owned())
        .customer_identity_number("0100001234".to_owned())
        .r#type(CashReceiptType::Consumer)
        .build();
    let issued = toss.client.execute(&request).await.expect("issued");
    let cancel = CancelCashReceipt {
        receipt_key: issued.receipt_key,
        body: Some(CancelCashReceiptBody { amount: Some(4_000) }),
    };
    let cancelled = toss.client.execute(&cancel).await.expect("cancelled");
    assert_eq!(cancelled.transaction_type, CashReceiptTransactionType::Cancel);
    let list = ListCashReceipts::builder().request_date("2026-03-01".to_owned()).build();
    let listed = toss.client.execute(&list).await.expect("listed");
    assert_eq!((listed.data.len(), listed.has_next), (2, false));
}
