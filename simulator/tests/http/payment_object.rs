//! The Payment object: every field, for every method.

use serde_json::{Value, json};
use simulator::{Method, NewPayment};

use crate::support::start;

/// Source: Toss, Payment object of version 2022-11-16.
const FIELDS: &[&str] = &[
    "version",
    "paymentKey",
    "type",
    "orderId",
    "orderName",
    "mId",
    "currency",
    "method",
    "totalAmount",
    "balanceAmount",
    "status",
    "requestedAt",
    "approvedAt",
    "useEscrow",
    "lastTransactionKey",
    "transactionKey",
    "suppliedAmount",
    "vat",
    "taxFreeAmount",
    "taxExemptionAmount",
    "cultureExpense",
    "isPartialCancelable",
    "cancels",
    "card",
    "virtualAccount",
    "transfer",
    "mobilePhone",
    "giftCertificate",
    "easyPay",
    "foreignEasyPay",
    "easyPayAmount",
    "easyPayDiscountAmount",
    "secret",
    "cashReceipt",
    "cashReceipts",
    "discount",
    "failure",
    "receipt",
    "checkout",
    "country",
    "metadata",
];

#[tokio::test]
async fn every_field_is_there_in_every_state_null_where_there_is_nothing() {
    let toss = start().await;
    let open = toss.payment("order-0001");
    let paid = toss.paid("order-0002").await;
    for key in [open, paid] {
        let body = toss.get(&format!("/v1/payments/{key}")).await.body;
        let object = body.as_object().expect("an object");
        let missing: Vec<_> = FIELDS.iter().filter(|it| !object.contains_key(**it)).collect();
        assert_eq!(missing, Vec::<&&str>::new());
        assert_eq!(object.len(), FIELDS.len(), "{object:?}");
    }
}

#[tokio::test]
async fn a_card_payment_looks_as_toss_shows_it() {
    let toss = start().await;
    let metadata = json!({"table": "7"}).as_object().cloned();
    let new = NewPayment { metadata, ..NewPayment::new("order-0001", "마라탕 외 2건", 9_026) };
    let key = toss.paid_of(new).await;
    let body = toss.get(&format!("/v1/payments/{key}")).await.body;
    for (field, expected) in [
        ("version", json!("2022-11-16")),
        ("type", json!("NORMAL")),
        ("currency", json!("KRW")),
        ("method", json!("카드")),
        ("status", json!("DONE")),
        ("country", json!("KR")),
        ("suppliedAmount", json!(8_205)),
        ("vat", json!(821)),
        ("useEscrow", json!(false)),
        ("isPartialCancelable", json!(true)),
        ("cancels", Value::Null),
        ("failure", Value::Null),
        ("metadata", json!({"table": "7"})),
    ] {
        assert_eq!(body[field], expected, "{field}");
    }
    let card = &body["card"];
    assert_eq!(card["amount"], 9_026);
    assert_eq!((&card["cardType"], &card["ownerType"]), (&json!("신용"), &json!("개인")));
    assert_eq!(
        (&card["approveNo"], &card["installmentPlanMonths"]),
        (&json!("00000000"), &json!(0))
    );
    assert!(card["number"].as_str().is_some_and(|number| number.contains("****")));
    for field in ["requestedAt", "approvedAt"] {
        let text = body[field].as_str().expect("a time");
        assert_eq!((text.len(), &text[19..]), (25, "+09:00"), "{field}");
    }
    assert!(body["mId"].as_str().is_some_and(|m_id| m_id.len() <= 14));
    assert_eq!(body["lastTransactionKey"].as_str().map(str::len), Some(32));
}

#[tokio::test]
async fn each_method_fills_its_own_object_and_no_other() {
    let toss = start().await;
    let objects =
        ["card", "virtualAccount", "transfer", "mobilePhone", "giftCertificate", "easyPay"];
    for (n, (method, display, own)) in [
        (Method::Card, "카드", "card"),
        (Method::VirtualAccount, "가상계좌", "virtualAccount"),
        (Method::Transfer, "계좌이체", "transfer"),
        (Method::MobilePhone, "휴대폰", "mobilePhone"),
        (Method::CultureGiftCertificate, "문화상품권", "giftCertificate"),
        (Method::BookGiftCertificate, "도서문화상품권", "giftCertificate"),
        (Method::GameGiftCertificate, "게임문화상품권", "giftCertificate"),
        (Method::TossPay, "간편결제", "easyPay"),
        (Method::KakaoPay, "간편결제", "easyPay"),
    ]
    .into_iter()
    .enumerate()
    {
        let new = NewPayment::new(&format!("order-{n:04}"), "치킨", 20_000);
        let key = toss.paid_of(NewPayment { method: Some(method), ..new }).await;
        let body = toss.get(&format!("/v1/payments/{key}")).await.body;
        assert_eq!(body["method"], display);
        let filled: Vec<_> = objects.iter().filter(|it| !body[**it].is_null()).collect();
        assert_eq!(filled, [&own]);
    }
    let easy_pay = toss.get("/v1/payments/orders/order-0007").await.body["easyPay"].clone();
    assert_eq!(easy_pay, json!({"provider": "토스페이", "amount": 20_000, "discountAmount": 0}));
}

#[tokio::test]
async fn a_card_inside_of_a_wallet_is_shown_beside_the_wallet() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "치킨", 20_000);
    let new = NewPayment { method: Some(Method::NaverPay), wallet_card: true, ..new };
    let key = toss.paid_of(new).await;
    let body = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!((&body["method"], &body["card"]["amount"]), (&json!("간편결제"), &json!(20_000)));
    let wallet = json!({"provider": "네이버페이", "amount": 0, "discountAmount": 0});
    assert_eq!((&body["easyPay"], &body["totalAmount"]), (&wallet, &json!(20_000)));
}

#[tokio::test]
async fn the_receipt_is_on_the_simulator_itself_and_only_for_approved_payments() {
    let toss = start().await;
    let key =
        toss.paid_of(NewPayment::new("order-0001", "<script>alert(1)</script>", 20_000)).await;
    toss.cancel(&key, "k", json!({"cancelReason": "<b>변심</b>", "cancelAmount": 1_000})).await;
    let body = toss.get(&format!("/v1/payments/{key}")).await.body;
    for field in ["receipt", "checkout"] {
        let url = body[field]["url"].as_str().expect("an address");
        assert!(url.starts_with(&toss.url), "{url}");
        let page = toss.client.get(url).send().await.expect("an answer");
        assert_eq!(page.status(), 200);
        let html = page.text().await.expect("a page");
        assert!(html.contains("20,000원") && html.contains("19,000원"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>변심"), "{html}");
    }
    let open = toss.payment("order-0002");
    let page = toss.client.get(format!("{}/receipt/{open}", toss.url)).send().await;
    assert_eq!(page.expect("an answer").status(), 404);
}
