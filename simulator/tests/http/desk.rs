//! The control desk: every page, and every button by what it does.

use reqwest::StatusCode;
use simulator::{
    FaultKind, FaultRequest, Method, NewPayment, NewWebhookEndpoint, Operation, WebhookQuery,
};

use crate::receiver::receive;
use crate::support::{Running, start};

const VIEWS: [&str; 5] = ["payments", "webhooks", "faults", "keys", "settings"];

async fn page(toss: &Running, query: &str) -> String {
    let response = toss.client.get(format!("{}/_sim?{query}", toss.url)).send().await;
    let response = response.expect("a page");
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = response.text().await.expect("a page");
    assert!(!html.contains("<script") && !html.contains(" style="), "{html}");
    html
}

/// Posts a form of the desk; where it leads to, or the page that says why not.
async fn act(toss: &Running, action: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
    let request = toss.client.post(format!("{}/_sim/desk/{action}", toss.url));
    let response = request.form(&form).send().await.expect("an answer");
    let location =
        response.headers().get("location").map(|it| it.to_str().expect("text").to_owned());
    let status = response.status();
    (status, location.unwrap_or(response.text().await.expect("a page")))
}

async fn account(toss: &Running, order_id: &str) -> String {
    let method = Some(Method::VirtualAccount);
    toss.paid_of(NewPayment { method, ..NewPayment::new(order_id, "마라탕 <외>", 15_000) }).await
}

#[tokio::test]
async fn every_page_is_there_in_both_languages_empty_and_full() {
    let toss = start().await;
    for (language, words) in [("ko", "아직 결제가 없습니다"), ("en", "There are no payments yet")]
    {
        assert!(page(&toss, &format!("lang={language}")).await.contains(words));
    }
    let shop = receive().await;
    let new = NewWebhookEndpoint { url: shop.url.clone(), events: Vec::new(), secret_key: None };
    toss.handle.register_webhook(new).expect("registered");
    let key = account(&toss, "order-0001").await;
    toss.handle.webhooks_settled().await;
    let fault = FaultRequest::everywhere(Operation::LookUp, FaultKind::Throttle);
    toss.add_fault(fault);
    for language in ["ko", "en"] {
        for view in VIEWS {
            let html = page(&toss, &format!("view={view}&lang={language}")).await;
            assert!(!html.contains("<외>"), "{view}");
        }
        let html = page(&toss, &format!("payment={key}&lang={language}")).await;
        for needed in [&key, "order-0001", "마라탕 &lt;외&gt;", "DEPOSIT_CALLBACK", "desk/deposit"]
        {
            assert!(html.contains(needed), "{needed}: {html}");
        }
    }
    assert!(page(&toss, "view=webhooks").await.contains(&shop.url));
    assert!(page(&toss, "view=faults").await.contains("HTTP 429"));
    assert!(page(&toss, "view=keys").await.contains("pay-order-0001"));
    let unknown = page(&toss, "payment=<b>nobody&lang=en").await;
    assert!(unknown.contains("There is no such payment") && !unknown.contains("<b>nobody"));
}

#[tokio::test]
async fn payments_are_found_by_a_part_of_their_order_and_listed_page_by_page() {
    let toss = start().await;
    for n in 0..60 {
        toss.payment(&format!("order-{n:04}"));
    }
    let first = page(&toss, "").await;
    assert!(first.contains("order-0059") && !first.contains("order-0009"));
    let second = page(&toss, "page=1").await;
    assert!(second.contains("order-0009") && !second.contains("order-0059"));
    let found = page(&toss, "search=0042").await;
    assert!(found.contains("order-0042") && !found.contains("order-0043"));
    let amount = "<span class=\"whole\">15,000원</span>";
    assert!(found.contains(amount), "no line breaks within an amount: {found}");
}

#[tokio::test]
async fn a_person_makes_a_deposit_takes_it_back_and_cancels() {
    let toss = start().await;
    let key = account(&toss, "order-0001").await;
    let here = [("payment", key.as_str()), ("lang", "en"), ("paymentKey", key.as_str())];
    let (status, location) = act(&toss, "deposit", &here).await;
    assert_eq!(status, 303);
    assert_eq!(location, format!("/_sim?view=payments&payment={key}&lang=en"));
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
    act(&toss, "reverse", &here).await;
    assert_eq!(toss.truth(&key), (0, 0, 0));
    act(&toss, "deposit", &here).await;
    let cancel = [&here[..], &[("amount", "5000"), ("reason", "변심")]].concat();
    assert_eq!(act(&toss, "cancel", &cancel).await.0, 303);
    assert_eq!(toss.truth(&key), (15_000, 1, 5_000));
    let (status, html) = act(&toss, "deposit", &here).await;
    assert_eq!(status, 400);
    assert!(html.contains("role=\"alert\"") && html.contains("INVALID_REQUEST"), "{html}");
}

#[tokio::test]
async fn a_person_moves_the_clock_and_turns_switches() {
    let toss = start().await;
    let before = toss.handle.clock().offset_ms;
    assert_eq!(act(&toss, "clock", &[("ms", "86400000")]).await.0, 303);
    assert!(toss.handle.clock().offset_ms >= before + 86_400_000);
    for (name, value) in
        [("store5xx", "false"), ("mismatchForbidden", "true"), ("earlyWebhooks", "true")]
    {
        let (status, location) =
            act(&toss, "switch", &[("view", "settings"), ("name", name), ("value", value)]).await;
        assert_eq!((status.as_u16(), location.as_str()), (303, "/_sim?view=settings&lang=ko"));
    }
    let settings = toss.handle.settings();
    assert!(!settings.store_5xx && settings.early_webhooks);
    assert_eq!(settings.mismatch_code, simulator::MismatchCode::ForbiddenRequest);
    assert_eq!(act(&toss, "switch", &[("name", "nothing"), ("value", "true")]).await.0, 400);
    assert_eq!(act(&toss, "nothing", &[]).await.0, 404);
}

#[tokio::test]
async fn a_person_scripts_faults_and_turns_them_off() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let fault = [("operation", "confirm"), ("kind", "cut_after"), ("times", "3")];
    let of = |name, value| [&fault[..], &[(name, value)]].concat();
    for form in [fault.to_vec(), of("orderId", "order-0001"), of("paymentKey", &key)] {
        assert_eq!(act(&toss, "add-fault", &form).await.0, 303);
    }
    let faults = toss.handle.faults();
    let everywhere: Vec<bool> = faults.iter().map(|fault| fault.request.everywhere).collect();
    assert_eq!((everywhere, faults[0].remaining), (vec![true, false, false], 3));
    let number = faults[0].sequence.to_string();
    act(&toss, "remove-fault", &[("sequence", &number)]).await;
    assert_eq!(toss.handle.faults().len(), 2);
    act(&toss, "clear-faults", &[]).await;
    assert_eq!(toss.handle.faults(), []);
    assert_eq!(
        act(&toss, "add-fault", &[("operation", "confirm"), ("kind", "decline")]).await.0,
        400
    );

    let chance = [&fault[..], &[("seed", "7"), ("percent", "20")]].concat();
    for _ in 0..2 {
        act(&toss, "add-chance", &chance).await;
    }
    let chance = toss.handle.settings().chance.expect("some");
    assert_eq!((chance.seed, chance.faults.len()), (7, 2));
    act(&toss, "clear-chance", &[]).await;
    assert_eq!(toss.handle.settings().chance, None);
}

#[tokio::test]
async fn a_person_registers_an_address_and_sends_again() {
    let toss = start().await;
    let shop = receive().await;
    let form = [("url", shop.url.as_str()), ("event", "PAYMENT_STATUS_CHANGED"), ("secretKey", "")];
    assert_eq!(act(&toss, "add-endpoint", &form).await.0, 303);
    toss.paid("order-0001").await;
    toss.handle.webhooks_settled().await;
    let id = toss.handle.webhooks(&WebhookQuery::default())[0].id.clone();
    act(&toss, "resend", &[("id", &id)]).await;
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.received().len(), 2);
    let endpoint = toss.handle.webhook_endpoints()[0].id.to_string();
    act(&toss, "remove-endpoint", &[("id", &endpoint)]).await;
    assert_eq!(toss.handle.webhook_endpoints(), []);

    let keys = [("mId", "seoul-1"), ("secretKeys", "test_sk_a, test_sk_b"), ("clientKeys", "")];
    assert_eq!(act(&toss, "add-merchant", &keys).await.0, 303);
    assert_eq!(toss.handle.merchants().get("seoul-1"), Some(&2));
    act(&toss, "revoke-key", &[("secretKey", "test_sk_a")]).await;
    assert_eq!(toss.handle.merchants().get("seoul-1"), Some(&1));
}

#[tokio::test]
async fn pages_of_other_sites_cannot_press_its_buttons() {
    let toss = start().await;
    let key = account(&toss, "order-0001").await;
    let request = toss.client.post(format!("{}/_sim/desk/deposit", toss.url));
    let request =
        request.header("origin", "http://elsewhere.example").form(&[("paymentKey", &key)]);
    assert_eq!(request.send().await.expect("an answer").status(), 403);
    let request = toss.client.get(format!("{}/_sim", toss.url)).header("host", "elsewhere.example");
    assert_eq!(request.send().await.expect("an answer").status(), 403);
    assert_eq!(toss.truth(&key), (0, 0, 0));
}
