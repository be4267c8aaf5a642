//! Cancels: every rule and every sum.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Config, FaultKind, FaultRequest, Method, NewPayment, Operation};

use crate::support::{Answer, Running, start, start_with};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn part(amount: i64) -> Value {
    json!({"cancelReason": "일부", "cancelAmount": amount})
}

fn rest() -> Value {
    json!({"cancelReason": "변심"})
}

async fn paid_by(toss: &Running, order_id: &str, method: Method) -> String {
    let new = NewPayment::new(order_id, "치킨", 20_000);
    toss.paid_of(NewPayment { method: Some(method), ..new }).await
}

fn state(answer: &Answer) -> (u16, &str, i64) {
    let status = answer.body["status"].as_str().unwrap_or("");
    (answer.status, status, answer.body["balanceAmount"].as_i64().unwrap_or(-1))
}

#[tokio::test]
async fn a_payment_cancelled_at_once_is_cancelled_and_again_it_already_was() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let cancelled = toss.cancel(&key, "k1", rest()).await;
    assert_eq!(state(&cancelled), (200, "CANCELED", 0));
    assert_eq!(cancelled.body["card"]["acquireStatus"], "CANCELED");
    let again = toss.cancel(&key, "k2", rest()).await;
    assert_eq!(again.code(), (400, "ALREADY_CANCELED_PAYMENT"));
    assert_eq!(toss.truth(&key), (15_000, 1, 15_000));

    let whole_amount_named = toss.paid("order-0002").await;
    let cancelled = toss.cancel(&whole_amount_named, "k3", part(15_000)).await;
    assert_eq!(state(&cancelled), (200, "CANCELED", 0));
}

#[tokio::test]
async fn a_payment_cancelled_in_parts_stays_partly_cancelled_with_nothing_left() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let first = toss.cancel(&key, "k1", part(4_000)).await;
    assert_eq!(state(&first), (200, "PARTIAL_CANCELED", 11_000));
    let second = toss.cancel(&key, "k2", rest()).await;
    assert_eq!(state(&second), (200, "PARTIAL_CANCELED", 0));
    let again = toss.cancel(&key, "k3", rest()).await;
    assert_eq!(again.code(), (403, "NOT_CANCELABLE_AMOUNT"));

    let cancels = second.body["cancels"].as_array().expect("entries");
    let of = |field: &str| cancels.iter().map(|it| it[field].clone()).collect::<Vec<Value>>();
    assert_eq!(of("cancelAmount"), [4_000, 11_000]);
    assert_eq!(of("refundableAmount"), [11_000, 0]);
    assert_eq!(of("cancelReason"), ["일부", "변심"]);
    assert_eq!(of("cancelStatus"), ["DONE", "DONE"]);
    let keys = of("transactionKey");
    assert_ne!(keys[0], keys[1]);
    assert_eq!(second.body["lastTransactionKey"], keys[1]);
    assert_eq!(second.body["totalAmount"], 15_000);
    let entry = toss.handle.ledger_of(&key).expect("an entry");
    assert_eq!((entry.refunds, entry.cancelled), (vec![4_000, 11_000], 15_000));
}

#[tokio::test]
async fn more_than_the_balance_or_a_stale_balance_cancels_nothing() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    toss.cancel(&key, "k1", part(5_000)).await;
    let too_much = toss.cancel(&key, "k2", part(10_001)).await;
    assert_eq!(too_much.code(), (403, "NOT_CANCELABLE_AMOUNT"));
    let mut locked = part(1_000);
    locked["refundableAmount"] = json!(15_000);
    let stale = toss.cancel(&key, "k3", locked.clone()).await;
    assert_eq!(stale.code(), (400, "NOT_MATCHES_REFUNDABLE_AMOUNT"));
    locked["refundableAmount"] = json!(10_000);
    assert_eq!(state(&toss.cancel(&key, "k4", locked).await), (200, "PARTIAL_CANCELED", 9_000));
    assert_eq!(toss.truth(&key), (15_000, 1, 6_000));
}

#[tokio::test]
async fn a_cancel_needs_a_reason_and_a_sensible_amount() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    for (n, body) in [
        json!({}),
        json!({"cancelReason": ""}),
        json!({"cancelReason": "가".repeat(201)}),
        json!({"cancelReason": 5}),
        part(0),
        part(-1),
        json!({"cancelReason": "x", "cancelAmount": 1.5}),
        json!({"cancelReason": "x", "taxFreeAmount": -1}),
        json!({"cancelReason": "x", "cancelAmount": 100, "taxFreeAmount": 1}),
        json!({"cancelReason": "x", "currency": 5}),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = toss.cancel(&key, &format!("k{n}"), body.clone()).await;
        assert_eq!(answer.code(), (400, "INVALID_REQUEST"), "{body}");
    }
    let dollars = json!({"cancelReason": "x", "currency": "USD"});
    assert_eq!(toss.cancel(&key, "usd", dollars).await.code(), (400, "INVALID_CURRENCY"));
    let longest = json!({"cancelReason": "가".repeat(200), "currency": "KRW"});
    assert_eq!(toss.cancel(&key, "last", longest).await.status, 200);
}

#[tokio::test]
async fn only_approved_payments_can_be_cancelled() {
    let toss = start().await;
    let open = toss.payment("order-0001");
    assert_eq!(toss.cancel(&open, "k1", rest()).await.code(), (403, "NOT_CANCELABLE_PAYMENT"));
    toss.handle.advance_clock(DAY).expect("moved");
    assert_eq!(toss.cancel(&open, "k2", rest()).await.code(), (403, "NOT_CANCELABLE_PAYMENT"));
    assert_eq!(toss.cancel("unknown", "k3", rest()).await.code(), (404, "NOT_FOUND_PAYMENT"));
}

#[tokio::test]
async fn a_virtual_account_is_cancelled_whole_before_its_deposit_and_into_an_account_after_it() {
    let toss = start().await;
    let before = paid_by(&toss, "order-0001", Method::VirtualAccount).await;
    let partial = toss.cancel(&before, "k1", part(1_000)).await;
    assert_eq!(partial.code(), (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"));
    assert_eq!(state(&toss.cancel(&before, "k2", rest()).await), (200, "CANCELED", 0));
    assert_eq!(toss.truth(&before), (0, 0, 0), "no money had come");

    let after = paid_by(&toss, "order-0002", Method::VirtualAccount).await;
    toss.handle.deposit(&after).expect("deposited");
    let account = json!({"bank": "88", "accountNumber": "110123456789", "holderName": "홍길동"});
    let with = |change: Option<(&str, &str)>| {
        let mut body = part(5_000);
        body["refundReceiveAccount"] = account.clone();
        if let Some((field, value)) = change {
            body["refundReceiveAccount"][field] = json!(value);
        }
        body
    };
    for (key, body, code) in [
        ("a1", part(5_000), "INVALID_REFUND_ACCOUNT_INFO"),
        ("a2", with(Some(("bank", "99"))), "INVALID_BANK"),
        ("a3", with(Some(("accountNumber", "110-123"))), "INVALID_REFUND_ACCOUNT_NUMBER"),
        ("a4", with(Some(("holderName", ""))), "INVALID_REFUND_ACCOUNT_INFO"),
    ] {
        assert_eq!(toss.cancel(&after, key, body).await.code(), (400, code));
    }
    let refunded = toss.cancel(&after, "a5", with(Some(("bank", "신한")))).await;
    assert_eq!(state(&refunded), (200, "PARTIAL_CANCELED", 15_000));
    let account = &refunded.body["virtualAccount"];
    assert_eq!(account["refundStatus"], "PENDING");
    assert_eq!(account["refundReceiveAccount"]["bankCode"], "88");
    assert_eq!(toss.truth(&after), (20_000, 1, 5_000));
    toss.handle.advance_clock(2 * DAY).expect("moved");
    let later = toss.get(&format!("/v1/payments/{after}")).await;
    assert_eq!(later.body["virtualAccount"]["refundStatus"], "COMPLETED");
    assert_eq!(later.body["virtualAccount"]["refundReceiveAccount"], Value::Null);
}

#[tokio::test]
async fn tax_shrinks_with_each_cancel_and_never_below_nothing() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "치킨", 10_000);
    let key = toss.paid_of(NewPayment { tax_free_amount: 3_000, ..new }).await;
    let taxes = |body: &Value| {
        ["suppliedAmount", "vat", "taxFreeAmount"].map(|field| body[field].as_i64().expect(field))
    };
    let paid = toss.get(&format!("/v1/payments/{key}")).await;
    assert_eq!(taxes(&paid.body), [6_364, 636, 3_000]);
    let mut body = part(2_000);
    body["taxFreeAmount"] = json!(1_000);
    let first = toss.cancel(&key, "k1", body).await;
    assert_eq!(taxes(&first.body), [5_455, 545, 2_000]);
    let mut body = part(2_001);
    body["taxFreeAmount"] = json!(2_001);
    let refused = toss.cancel(&key, "k2", body).await;
    assert_eq!(refused.code(), (400, "INVALID_REQUEST"), "more than is left untaxed");
    // The taxed part is used up first, the rest comes out of the untaxed one.
    let second = toss.cancel(&key, "k3", part(7_000)).await;
    assert_eq!(taxes(&second.body), [0, 0, 1_000]);
    let last = toss.cancel(&key, "k4", rest()).await;
    assert_eq!(taxes(&last.body), [0, 0, 0]);
    let untaxed: Vec<Value> = last.body["cancels"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|cancel| cancel["taxFreeAmount"].clone())
        .collect();
    assert_eq!(untaxed, [1_000, 1_000, 1_000]);
}

#[tokio::test]
async fn a_card_payment_with_a_tax_exemption_is_cancelled_whole_only() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "치킨", 10_000);
    let key = toss.paid_of(NewPayment { tax_exemption_amount: 1_000, ..new }).await;
    let partial = toss.cancel(&key, "k1", part(1_000)).await;
    assert_eq!(partial.code(), (403, "NOT_ALLOWED_PARTIAL_REFUND"));
    let whole = toss.cancel(&key, "k2", rest()).await;
    assert_eq!(state(&whole), (200, "CANCELED", 0));
    assert_eq!(whole.body["isPartialCancelable"], false);
    assert_eq!(whole.body["cancels"][0]["taxExemptionAmount"], 1_000);
}

#[tokio::test]
async fn partial_cancels_of_an_escrow_payment_fail_for_ever() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "치킨", 10_000);
    let key = toss.paid_of(NewPayment { escrow: true, ..new }).await;
    for attempt in ["k1", "k2"] {
        let answer = toss.cancel(&key, attempt, part(1_000)).await;
        assert_eq!(answer.code(), (500, "FAILED_PARTIAL_REFUND"));
    }
    let whole = toss.cancel(&key, "k3", rest()).await;
    assert_eq!((state(&whole), &whole.body["useEscrow"]), ((200, "CANCELED", 0), &json!(true)));
}

#[tokio::test]
async fn each_method_can_be_cancelled_for_its_time() {
    let toss = start().await;
    toss.handle.set_clock("2030-06-10T12:00:00+09:00").expect("the middle of a month");
    for (order_id, method, days_allowed, days_too_many) in [
        ("order-0001", Method::Transfer, 179, 2),
        ("order-0002", Method::Card, 400, 400),
        ("order-0003", Method::MobilePhone, 0, 31),
    ] {
        let key = paid_by(&toss, order_id, method).await;
        let in_time = toss.handle.advance_clock(DAY * days_allowed).map(|_| ());
        assert_eq!(in_time, Ok(()));
        assert_eq!(toss.cancel(&key, "in-time", part(1_000)).await.status, 200, "{method:?}");
        toss.handle.advance_clock(DAY * days_too_many).expect("moved");
        let late = toss.cancel(&key, "late", part(1_000)).await;
        let expected =
            if method == Method::Card { (200, "") } else { (403, "EXCEED_MAX_REFUND_DUE") };
        assert_eq!(late.code(), expected, "{method:?}");
    }
}

#[tokio::test]
async fn a_second_cancel_within_the_pause_is_refused_whatever_the_movable_clock_says() {
    let consecutive_cancel_pause = Duration::from_millis(300);
    let toss = start_with(Config { consecutive_cancel_pause, ..Config::default() }).await;
    let (key, other) = (toss.paid("order-0001").await, toss.paid("order-0002").await);
    assert_eq!(toss.cancel(&key, "k1", part(1_000)).await.status, 200);
    toss.handle.advance_clock(DAY).expect("moved");
    let second = toss.cancel(&key, "k2", part(1_000)).await;
    assert_eq!(second.code(), (403, "FORBIDDEN_CONSECUTIVE_REQUEST"));
    assert_eq!(toss.cancel(&other, "k3", part(1_000)).await.status, 200, "another payment");
    assert_eq!(toss.cancel(&key, "k1", part(1_000)).await.status, 200, "a replay is none");
    tokio::time::sleep(consecutive_cancel_pause).await;
    assert_eq!(toss.cancel(&key, "k4", part(1_000)).await.status, 200);
    assert_eq!(toss.truth(&key), (15_000, 1, 2_000));
}

#[tokio::test]
async fn a_cancel_beside_one_that_is_still_running_is_refused() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let delay = FaultRequest::for_order("order-0001", Operation::Cancel, FaultKind::Delay);
    toss.add_fault(delay.with_ms(200));
    let second = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        toss.cancel(&key, "k2", part(15_000)).await
    };
    let (first, second) = tokio::join!(toss.cancel(&key, "k1", part(15_000)), second);
    assert_eq!(state(&first), (200, "CANCELED", 0));
    assert_eq!(second.code(), (403, "FORBIDDEN_CONSECUTIVE_REQUEST"));
    assert_eq!(toss.truth(&key), (15_000, 1, 15_000));
}

#[tokio::test]
async fn a_cancel_in_the_merchant_console_shows_in_the_ledger_and_moves_the_balance() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    toss.handle.cancel_by_hand(&key, Some(5_000), "전화 요청").expect("cancelled");
    let seen = toss.get(&format!("/v1/payments/{key}")).await;
    assert_eq!(state(&seen), (200, "PARTIAL_CANCELED", 10_000));
    assert_eq!(toss.truth(&key), (15_000, 1, 5_000));
    let code =
        |result: Result<_, simulator::Refusal>| result.expect_err("refused").code().to_owned();
    assert_eq!(code(toss.handle.cancel_by_hand(&key, Some(10_001), "x")), "NOT_CANCELABLE_AMOUNT");
    assert_eq!(code(toss.handle.cancel_by_hand(&key, None, "")), "INVALID_REQUEST");
    assert_eq!(code(toss.handle.cancel_by_hand("unknown", None, "x")), "NOT_FOUND_PAYMENT");

    let account = paid_by(&toss, "order-0002", Method::VirtualAccount).await;
    toss.handle.deposit(&account).expect("deposited");
    toss.handle.cancel_by_hand(&account, None, "환불").expect("its account is on file");
    assert_eq!(toss.truth(&account), (20_000, 1, 20_000));
}
