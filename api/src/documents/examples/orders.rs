//! One order's journey, as examples.

use serde_json::Value;

use crate::orders::CreatedOrderView;
use crate::views::CURRENCY;
use crate::views::order::{CustomerView, DeliveryView, MethodDetailsView, OrderView, PaymentView};
use crate::views::quote::{LineOptionView, LineView, QuoteView};
use crate::words::Language;
use crate::words::status::{next_step, status_text};
use domain::Won;
use domain::customer::GUEST_KEY;
use domain::method::Method;
use domain::status::CustomerStatus;

pub(super) const ORDER: &str = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012";
const TICKET: &str = "otk_AAABmrHCfT4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const CHECKOUT_TOKEN: &str =
    "cot_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012";

fn lines() -> Vec<LineView> {
    let option = |id: &str, name: &str, price| LineOptionView {
        option_id: id.to_owned(),
        name: name.to_owned(),
        price,
    };
    vec![
        LineView {
            product_id: "malatang".to_owned(),
            name: "마라탕".to_owned(),
            unit_price: 8_500,
            options: vec![option("mild", "순한맛", 0), option("beef", "소고기 추가", 4_000)],
            quantity: 1,
            amount: 12_500,
            tax_free: false,
        },
        LineView {
            product_id: "guobaorou".to_owned(),
            name: "꿔바로우".to_owned(),
            unit_price: 12_000,
            options: Vec::new(),
            quantity: 1,
            amount: 12_000,
            tax_free: false,
        },
    ]
}

pub(super) fn quote() -> QuoteView {
    QuoteView {
        store_id: super::STORE.to_owned(),
        order_name: "마라탕 외 1건".to_owned(),
        lines: lines(),
        items_amount: 24_500,
        delivery_fee: 3_000,
        amount: 27_500,
        tax_free_amount: 0,
        methods: Method::taking(Won::MAX).map(Method::word).collect(),
        minimum_order: 12_000,
        currency: CURRENCY,
    }
}

fn order(status: CustomerStatus, version: i64, ask_again_s: Option<u32>) -> OrderView {
    OrderView {
        order_id: ORDER.to_owned(),
        store_id: super::STORE.to_owned(),
        store_name: "홍대 마라탕".to_owned(),
        order_name: "마라탕 외 1건".to_owned(),
        status: status.word(),
        status_text: status_text(status).in_language(Language::Korean),
        next_step: next_step(status).map(|text| text.in_language(Language::Korean)),
        keep_polling: ask_again_s.is_some(),
        retry_after_seconds: ask_again_s,
        version,
        amount: 27_500,
        tax_free_amount: 0,
        currency: CURRENCY,
        items_amount: 24_500,
        delivery_fee: 3_000,
        balance: 0,
        cancelled_amount: 0,
        lines: lines(),
        created_at: "2026-11-23T11:36:12.481Z".to_owned(),
        pay_by: "2026-11-23T12:21:12.481Z".to_owned(),
        personal_data_erased_at: None,
        payment: None,
        cancels: Vec::new(),
        ticket: Some(TICKET.to_owned()),
        customer: None,
        delivery: None,
    }
}

fn payment(approved_at: Option<&str>) -> PaymentView {
    PaymentView {
        method: approved_at.map(|_| "카드".to_owned()),
        method_details: approved_at.map(|_| MethodDetailsView {
            easy_pay_provider: None,
            card_issuer_code: Some("61".to_owned()),
            card_number: Some("12345678****789*".to_owned()),
            card_installment_months: Some(0),
            transfer_bank_code: None,
        }),
        partially_cancelable: None,
        requested_at: "2026-11-23T11:37:40.912Z".to_owned(),
        approved_at: approved_at.map(str::to_owned),
        receipt_url: approved_at
            .map(|_| "https://dashboard.tosspayments.com/receipt/example".to_owned()),
        failure: None,
        virtual_account: None,
        review_reason: None,
    }
}

pub(super) fn created() -> CreatedOrderView {
    let order = order(CustomerStatus::AwaitingPayment, 1, Some(5));
    CreatedOrderView {
        order_id: ORDER.to_owned(),
        order_name: order.order_name.clone(),
        amount: order.amount,
        tax_free_amount: 0,
        currency: CURRENCY,
        customer_name: "김토스".to_owned(),
        customer_email: Some("customer@example.com".to_owned()),
        customer_mobile_phone: "01012345678".to_owned(),
        customer_key: GUEST_KEY.to_owned(),
        client_key: "test_ck_seungin".to_owned(),
        success_url: format!("http://127.0.0.1:8080/checkout/success?token={CHECKOUT_TOKEN}"),
        fail_url: format!("http://127.0.0.1:8080/checkout/fail?token={CHECKOUT_TOKEN}"),
        access_token: "oat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        pay_by: order.pay_by.clone(),
        order,
    }
}

pub(super) fn confirming() -> OrderView {
    OrderView { payment: Some(payment(None)), ..order(CustomerStatus::Confirming, 2, Some(1)) }
}

pub(super) fn paid() -> OrderView {
    OrderView {
        balance: 27_500,
        payment: Some(payment(Some("2026-11-23T11:37:42.000Z"))),
        ..order(CustomerStatus::Paid, 4, None)
    }
}

pub(super) fn closed() -> OrderView {
    order(CustomerStatus::Closed, 2, None)
}

pub(super) fn for_staff() -> OrderView {
    OrderView {
        ticket: None,
        customer: Some(CustomerView {
            name: "김토스".to_owned(),
            email: Some("customer@example.com".to_owned()),
            phone: "01012345678".to_owned(),
        }),
        delivery: Some(DeliveryView {
            address: "서울 마포구 양화로 1".to_owned(),
            detail: Some("101동 202호".to_owned()),
            note: Some("문 앞에 놓아 주세요".to_owned()),
        }),
        ..paid()
    }
}

/// A stream as text.
pub(super) fn events() -> Value {
    let data = serde_json::to_string(&paid()).unwrap_or_default();
    Value::String(format!("id: 4\nevent: order\ndata: {data}\n\nevent: end\ndata: {{}}\n\n"))
}
