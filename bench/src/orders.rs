//! Workload *orders*: carts that the API prices again and writes as orders, each with a caller's idempotency key as a shop sends it. A
//! closed loop. The product's rate of orders per address is raised out of the way. There is nothing that it is compared with.

use anyhow::{Context as _, ensure};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::figures::{Figure, Figures, Run};
use crate::load::{CLIENTS, closed_loop};
use crate::plan::Plan;
use crate::wire::with_json;
use crate::{backlog, books, cost, load};

const FIGURES: [Figure; 6] = load::figures(Figure { key: "orders_per_s", title: "orders/s" });

/// Nobody's credential: anybody may order.
const NOBODY: &str = "";

/// Measures it as often as the plan says.
pub(crate) async fn orders(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let orders = plan.jobs / 4;
    let title = format!(
        "orders: {orders} carts of three lines by {CLIENTS} clients, {} connections to PostgreSQL, medians of {}",
        plan.connections, plan.rounds
    );
    let mut figures = Figures::new(title, &FIGURES, &["product"]);
    for _ in 0..plan.rounds {
        figures.add("product", run(bed, plan, orders).await?);
    }
    Ok(figures)
}

/// A tenth comes before what is measured: connections open and statements are prepared meanwhile.
async fn run(bed: &Bed, plan: &Plan, orders: u32) -> anyhow::Result<Run> {
    let warm = orders / 10;
    backlog::fill_open(&bed.database, 0).await?;
    let before = bed.costs().await?;
    let (api, url) = bed.start_api(plan.connections, &[]).await?;
    let body = priced(bed, &url).await?.to_string();
    let order = move |number: u32| {
        let request = Request::post("/v1/orders")
            .header("idempotency-key", format!("01980000-0000-7000-b000-{number:012x}"));
        with_json(request, NOBODY, body.clone())
    };
    let host = url.trim_start_matches("http://");
    closed_loop(host, CLIENTS, 0..warm, StatusCode::CREATED, order.clone()).await?;
    let all = warm + orders;
    let load = closed_loop(host, CLIENTS, warm..all, StatusCode::CREATED, order).await?;
    let cpu_ms = cost::cpu_ms(api.id());
    bed.stop(api)?;
    let costs = bed.costs().await?.since(before);
    let made = books::count(&bed.database, "orders WHERE state = 'open'").await?;
    ensure!(made == i64::from(all), "{made} orders, of {all}");
    Ok(load.run(cpu_ms, costs, all))
}

/// An order's body with what its cart costs.
async fn priced(bed: &Bed, url: &str) -> anyhow::Result<Value> {
    let item = |id: &str, quantity: u32, options: &[&str]| json!({"productId": id, "quantity": quantity, "options": options});
    let items = [
        item("malatang-basic", 1, &["spicy-2", "glass-noodle", "wide-noodle", "beef", "enoki"]),
        item("malatang-basic", 2, &["spicy-4", "ramen", "lamb", "fish-ball", "bok-choy"]),
        item("guobaorou-small", 1, &[]),
    ];
    let mut body = json!({"storeId": "malatang-hongdae", "items": items});
    let quote = bed.post(&format!("{url}/v1/quotes"), &body).await;
    ensure!(quote.status == 200, "the cart has no price: {}", quote.body);
    body["amount"] = quote.body.get("amount").context("a quote without its amount")?.clone();
    body["customer"] = json!({"name": "시험 손님", "phone": "010-1234-5678"});
    body["delivery"] = json!({"address": "서울 마포구 와우산로 1", "detail": "3층", "note": "문 앞에 놓아 주세요"});
    Ok(body)
}
