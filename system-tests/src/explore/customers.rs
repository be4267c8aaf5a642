//! What customers do: order, authenticate, confirm once or again, ask how it stands, give up.

use axum::http::Method as Verb;
use serde_json::json;
use simulator::{Method, NewPayment};

use super::journey::{Journey, Paying, Promise, Weather};
use super::site::{PAIRS, PRODUCTS, STORES};

impl Journey<'_> {
    /// An order, and its payment authenticated in Toss's window.
    pub(crate) async fn order(&mut self) {
        let (store, merchant) = self.luck.weigh(&[(4, STORES[0]), (1, STORES[1])]);
        let taxed = self.luck.between(1, 9);
        let free = if self.luck.one_in(4) { self.luck.between(1, 5) } else { 0 };
        let quantities = [taxed, free];
        let items: Vec<_> = PRODUCTS
            .iter()
            .zip(quantities)
            .filter(|(_, quantity)| *quantity > 0)
            .map(|((id, _), quantity)| json!({"productId": format!("{store}-{id}"), "quantity": quantity}))
            .collect();
        let amount = (taxed + free) * 1_000;
        let body = json!({
            "storeId": store, "items": items, "amount": amount,
            "customer": {"name": "손님", "phone": "01012345678"},
            "delivery": {"address": "서울 마포구 와우산로 1"},
        });
        let made = self.shop.ask(Verb::POST, "/v1/orders", &[], Some(&body)).await;
        if made.status != 201 {
            return self
                .breaks(format!("an order is answered with {}: {}", made.status, made.body));
        }
        let text = |field: &str| made.body[field].as_str().unwrap().to_owned();
        let pair = if merchant == PAIRS[0].0 { self.current_pair } else { 1 };
        let keys = PAIRS.iter().find(|(name, number, _)| *name == merchant && *number == pair);
        let method = self.luck.weigh(&[
            (6, Method::Card),
            (5, Method::VirtualAccount),
            (1, Method::Transfer),
            (1, Method::TossPay),
            (1, Method::MobilePhone),
        ]);
        let mut paying = Paying {
            order_id: text("orderId"),
            token: text("accessToken"),
            success_path: text("successUrl").replace("https://shop.example", ""),
            amount,
            tax_free: free * 1_000,
            method,
            secret_key: keys.unwrap().2,
            payment_keys: Vec::new(),
            cancel_keys: Vec::new(),
        };
        self.promises.push(Promise::Order { order_id: paying.order_id.clone() });
        self.authenticate(&mut paying);
        self.payings.push(paying);
        let number = self.payings.len();
        self.note(format!("customer: order {number} of {amount} won by {}", method.name()));
    }

    fn authenticate(&mut self, paying: &mut Paying) {
        let is_escrow = paying.method == Method::Transfer && self.weather == Weather::Rough;
        let new = NewPayment {
            method: Some(paying.method),
            escrow: is_escrow && self.luck.one_in(2),
            tax_free_amount: paying.tax_free,
            valid_hours: (paying.method == Method::VirtualAccount)
                .then(|| self.luck.between(1, 48)),
            ..NewPayment::new(&paying.order_id, "주문", paying.amount)
        };
        let made = self.shop.toss.create_payment(paying.secret_key, new).unwrap();
        paying.payment_keys.push(made.payment_key);
        self.tally.payments += 1;
    }

    /// The confirm, by the API or by the window's redirect; often not for the first time.
    pub(crate) async fn confirm(&mut self) {
        let index = self.likely_paying(|journey, paying| {
            !journey.promises.iter().any(|promise| {
                matches!(promise, Promise::Confirm { order_id, .. } if *order_id == paying.order_id)
            })
        });
        let number = index + 1;
        if self.luck.one_in(12) {
            let mut paying = self.payings[index].clone();
            self.authenticate(&mut paying);
            self.note(format!("customer: payment {number} is authenticated in another window"));
            self.payings[index] = paying;
        }
        let paying = self.payings[index].clone();
        let mut payment_key = self.luck.pick(&paying.payment_keys).clone();
        let mut amount = paying.amount;
        let is_tampered = self.luck.one_in(16);
        if is_tampered {
            amount += 1_000;
        }
        let is_made_up = self.weather == Weather::Rough && self.luck.one_in(24);
        if is_made_up {
            payment_key = format!("made-up-of-{}", paying.order_id);
        }
        if self.luck.one_in(4) {
            let path = format!(
                "{}&paymentType=NORMAL&orderId={}&paymentKey={payment_key}&amount={amount}",
                paying.success_path, paying.order_id
            );
            let answer = self.shop.ask(Verb::GET, &path, &[], None).await;
            self.note(format!("customer: redirect of payment {number} → {}", answer.status));
            return self.ensure(answer.status < 500, || "a redirect fails".to_owned());
        }
        let body = json!({"paymentKey": payment_key, "amount": amount});
        let path = format!("/v1/orders/{}/confirm", paying.order_id);
        let answer = self.shop.ask_as(&paying.token, Verb::POST, &path, Some(&body)).await;
        let word = answer.body["status"].as_str().unwrap_or_default();
        let how = if is_tampered { " with another amount" } else { "" };
        self.note(format!("customer: confirm of payment {number}{how} → {} {word}", answer.status));
        self.ensure(answer.status < 500, || format!("a confirm fails: {}", answer.body));
        if (200..300).contains(&answer.status) {
            self.ensure(!is_tampered, || "a tampered amount is accepted".to_owned());
            self.promises.push(Promise::Confirm { order_id: paying.order_id, payment_key });
        }
    }

    pub(crate) async fn poll(&mut self) {
        let index = self.any_paying();
        let paying = self.payings[index].clone();
        let path = format!("/v1/orders/{}", paying.order_id);
        let answer = self.shop.ask_as(&paying.token, Verb::GET, &path, None).await;
        let word = answer.body["status"].as_str().unwrap_or_default().to_owned();
        self.note(format!("customer: payment {} is {word}", index + 1));
        self.ensure(answer.status == 200, || format!("a poll fails: {}", answer.body));
    }

    /// The customer gives the order up.
    pub(crate) async fn close_order(&mut self) {
        let index = self.any_paying();
        let paying = self.payings[index].clone();
        let path = format!("/v1/orders/{}/close", paying.order_id);
        let answer = self.shop.ask_as(&paying.token, Verb::POST, &path, None).await;
        self.note(format!("customer: closes order {} → {}", index + 1, answer.status));
        self.ensure(answer.status < 500, || format!("closing fails: {}", answer.body));
    }
}
