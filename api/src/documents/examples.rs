//! An example of every request and answer, made from the types that the API sends and reads.

mod console;
mod operators;
mod orders;
mod staff;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::{Content, OpenApi, RefOr};

use crate::checkout::CheckoutConfigView;
use crate::health;
use crate::views::catalogue::{MenuView, OptionGroupView, OptionView, ProductView, StoreView};
use crate::views::{CURRENCY, PageView};

/// Adds them.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put].into_iter().flatten() {
            let id = operation.operation_id.clone().unwrap_or_default();
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                give(body.content.values_mut(), &request(&id));
            }
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && status.starts_with('2')
                {
                    give(response.content.values_mut(), &answer(&id));
                }
            }
        }
    }
}

fn give<'c>(contents: impl Iterator<Item = &'c mut RefOr<Content>>, example: &Option<Value>) {
    for content in contents {
        if let RefOr::T(content) = content {
            content.example.clone_from(example);
        }
    }
}

/// What is sent.
pub(super) fn request(operation: &str) -> Option<Value> {
    Some(match operation {
        "quote" => json!({ "storeId": STORE, "items": items() }),
        "createOrder" => json!({
            "storeId": STORE,
            "items": items(),
            "amount": 27_500,
            "customer": { "name": "김토스", "email": "customer@example.com", "phone": "010-1234-5678" },
            "delivery": { "address": "서울 마포구 양화로 1", "detail": "101동 202호", "note": "문 앞에 놓아 주세요" },
        }),
        "confirmOrder" => json!({
            "paymentKey": "tgen_20261123203612AbCd1",
            "amount": 27_500,
            "orderId": orders::ORDER,
            "paymentType": "NORMAL",
        }),
        "takeWebhook" => json!({
            "createdAt": "2026-11-27T12:18:14.000000", "secret": "ps_XJ2kPq5", "status": "DONE",
            "transactionKey": "9FF15E1A29D0E77C218F57262BFA4986", "orderId": "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012",
        }),
        "cancelOrder" => json!({ "reason": "꿔바로우 품절", "amount": 9_000 }),
        "putStore" => {
            json!({ "name": "홍대 마라탕", "deliveryFee": 3_000, "minimumOrder": 12_000, "open": true })
        }
        "putProduct" => json!({
            "name": "마라탕",
            "description": "사골 육수로 끓인 마라탕",
            "price": 8_500,
            "available": true,
            "optionGroups": [{
                "groupId": "spice",
                "name": "맵기",
                "minChoices": 1,
                "maxChoices": 1,
                "options": [{ "optionId": "mild", "name": "순한맛", "price": 0, "available": true }],
            }],
        }),
        "lookUpJob" | "retryJob" | "lookUpOrder" | "stopBulkRun" => {
            json!({ "reason": "고객 문의" })
        }
        "discardJob" => json!({ "reason": "조회 결과 승인되지 않음" }),
        other => return operators::request(other),
    })
}

fn items() -> Value {
    json!([
        { "productId": "malatang", "quantity": 1, "options": ["mild", "beef"] },
        { "productId": "guobaorou", "quantity": 1 },
    ])
}

/// What is answered on success.
fn answer(operation: &str) -> Option<Value> {
    match operation {
        "live" => value(health::OK),
        "ready" => value(health::example()),
        "checkoutConfig" => value(CheckoutConfigView {
            mode: "simulator",
            client_key: Some("test_ck_seungin".to_owned()),
            sdk_url: "http://127.0.0.1:8081/v2/standard".to_owned(),
            currency: CURRENCY,
            methods: crate::checkout::methods(),
        }),
        "listStores" => value(page(store(None))),
        "readMenu" => value(MenuView { store: store(None), products: vec![product()] }),
        "putStore" => value(store(Some("default".to_owned()))),
        "putProduct" => value(product()),
        "quote" => value(orders::quote()),
        "createOrder" => value(orders::created()),
        "readOrder" => value(orders::paid()),
        "followOrder" => Some(orders::events()),
        "confirmOrder" => value(orders::confirming()),
        "closeOrder" => value(orders::closed()),
        "listOrders" => value(page(orders::for_staff())),
        "cancelOrder" | "readCancel" => value(staff::cancel()),
        "listCancels" => value(PageView { data: vec![staff::cancel()], next_cursor: None }),
        "listJobs" => value(page(staff::job())),
        "countJobs" => value(console::counts()),
        "groupJobs" => value(console::groups()),
        "exportJobs" => Some(console::table()),
        "readOverview" => value(console::overview()),
        "readTimeline" => value(console::timeline()),
        "readJob" => value(staff::job_detail()),
        "lookUpJob" => value(staff::look_up()),
        "retryJob" => value(staff::retried()),
        "discardJob" => value(staff::discarded()),
        "listAudit" => value(page(staff::audit())),
        other => operators::answer(other),
    }
}

fn value(view: impl Serialize) -> Option<Value> {
    serde_json::to_value(view).ok()
}

fn page<T>(row: T) -> PageView<T> {
    PageView { data: vec![row], next_cursor: None }
}

const STORE: &str = "hongdae-mala";

fn store(merchant: Option<String>) -> StoreView {
    StoreView {
        store_id: STORE.to_owned(),
        name: "홍대 마라탕".to_owned(),
        open: true,
        delivery_fee: 3_000,
        minimum_order: 12_000,
        currency: CURRENCY,
        merchant,
    }
}

fn product() -> ProductView {
    let option = |id: &str, name: &str, price| OptionView {
        option_id: id.to_owned(),
        name: name.to_owned(),
        price,
        available: true,
    };
    ProductView {
        product_id: "malatang".to_owned(),
        name: "마라탕".to_owned(),
        description: Some("사골 육수로 끓인 마라탕".to_owned()),
        price: 8_500,
        available: true,
        tax_free: false,
        option_groups: vec![OptionGroupView {
            group_id: "spice".to_owned(),
            name: "맵기".to_owned(),
            min_choices: 1,
            max_choices: 1,
            options: vec![option("mild", "순한맛", 0), option("hot", "매운맛", 0)],
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;

    fn reads<T: DeserializeOwned>(operation: &str) {
        let example = request(operation).unwrap();
        if let Err(problem) = crate::extract::decode_json::<T>(example.to_string().as_bytes()) {
            panic!("{operation}: {problem:?}");
        }
    }

    #[test]
    fn the_example_of_every_request_can_be_read() {
        reads::<crate::quotes::QuoteRequest>("quote");
        reads::<crate::orders::OrderRequest>("createOrder");
        reads::<crate::confirm::ConfirmRequest>("confirmOrder");
        reads::<crate::cancels::CancelRequest>("cancelOrder");
        reads::<crate::catalogue::PutStoreRequest>("putStore");
        reads::<crate::catalogue::PutProductRequest>("putProduct");
        reads::<crate::jobs::MaybeReasonRequest>("lookUpJob");
        reads::<crate::jobs::MaybeReasonRequest>("retryJob");
        reads::<crate::jobs::ReasonRequest>("discardJob");
        reads::<crate::jobs::DueTimeRequest>("changeDueTime");
        reads::<crate::reviews::CloseReviewRequest>("closeReview");
        reads::<crate::matches::MatchRequest>("matchCancel");
        reads::<crate::holds::HoldRequest>("pauseCalls");
        reads::<crate::holds::HoldRequest>("resumeCalls");
        reads::<crate::bulk::BulkPreviewRequest>("previewBulkRun");
        reads::<crate::bulk::BulkRunRequest>("createBulkRun");
    }

    #[test]
    fn every_body_of_the_document_has_an_example() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut bodies = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap().values();
                for body in responses.chain([&operation["requestBody"]]) {
                    for (kind, content) in body["content"].as_object().into_iter().flatten() {
                        let has_example =
                            !content["example"].is_null() || !content["examples"].is_null();
                        assert!(has_example, "{method} {path}: {kind}");
                        bodies += 1;
                    }
                }
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            }
        }
        assert!(bodies > 100, "{bodies}");
    }
}
