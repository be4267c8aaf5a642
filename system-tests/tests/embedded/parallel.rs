//! A hundred checkouts at the same time, each with a fate of its own.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{
    Client, Home, Order, Places, SIMULATOR_KEY, entry_of, insist_charged_once, send,
};
use tokio::task::JoinSet;

use crate::ALONE;

const CHECKOUTS: usize = 100;

/// What happens to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Approved,
    Late,
    Declined,
    AnswerLost,
    ByDeposit,
}

const FATES: [Fate; 5] =
    [Fate::Approved, Fate::Late, Fate::Declined, Fate::AnswerLost, Fate::ByDeposit];

impl Fate {
    fn fault(self) -> Option<Value> {
        match self {
            Fate::Approved | Fate::ByDeposit => None,
            Fate::Late => Some(json!({"kind": "delay", "ms": 700})),
            Fate::Declined => Some(json!({"kind": "decline", "code": "REJECT_CARD_COMPANY"})),
            Fate::AnswerLost => Some(json!({"kind": "cut_after"})),
        }
    }

    fn status(self) -> &'static str {
        match self {
            Fate::Approved | Fate::Late | Fate::AnswerLost => "paid",
            Fate::Declined => "failed",
            Fate::ByDeposit => "waiting_for_deposit",
        }
    }
}

#[tokio::test]
async fn a_hundred_parallel_checkouts_keep_their_own_status() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let product = home.start_ephemeral();
    let places = Places {
        client: Client::new(),
        api: product.api.clone(),
        simulator: product.simulator.clone(),
        secret_key: SIMULATOR_KEY,
    };
    let mut running = JoinSet::new();
    for number in 0..CHECKOUTS {
        let places = places.clone();
        running.spawn(async move {
            let fate = FATES[number % FATES.len()];
            // No two orders have the same amount.
            let order = places.order(2 + number / 50, 1 + number % 50).await;
            let ticket = check_out(&places, &order, fate).await;
            let view = places.wait_for(&order, &ticket, &[fate.status()]).await;
            let failure = &view["payment"]["failure"]["code"];
            assert_eq!(failure.is_string(), fate == Fate::Declined, "{view}");
            (order, ticket, fate)
        });
    }
    let done = running.join_all().await;
    assert_eq!(done.len(), CHECKOUTS);

    let ledger = places.ledger().await;
    for (order, _, fate) in &done {
        match fate.status() {
            "paid" => insist_charged_once(&ledger, order),
            _ => assert_eq!(entry_of(&ledger, order)["charges"], 0, "{fate:?}"),
        }
    }
    // Whoever has a link to one order sees that order and no other.
    for ((_, ticket, _), (other, ..)) in done.iter().zip(done.iter().skip(1)) {
        let url = format!("{}/v1/orders/{}", places.api, other.id);
        let answer = send(places.client.request(Method::GET, &url).bearer_auth(ticket)).await;
        assert_eq!(answer.status, 404, "{}", answer.body);
    }
}

/// Goes through the window and back as a browser does; gives the ticket that the shop's page gets.
async fn check_out(places: &Places, order: &Order, fate: Fate) -> String {
    if let Some(fault) = fate.fault() {
        places.script_confirm(order, fault).await;
    }
    let method = if fate == Fate::ByDeposit { "VIRTUAL_ACCOUNT" } else { "CARD" };
    let payment_key = places.authenticate(order, method).await;
    let (id, amount, success) = (&order.id, order.amount, &order.success_url);
    let url = format!("{success}&paymentKey={payment_key}&orderId={id}&amount={amount}");
    let answer = places.client.request(Method::GET, &url).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303);
    let location = answer.headers()["location"].to_str().unwrap();
    let (page, ticket) = location.split_once("#ticket=").expect("a ticket");
    assert!(page.ends_with(&format!("?orderId={id}")), "{location}");
    ticket.to_owned()
}
