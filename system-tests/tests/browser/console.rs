//! The console as staff use it: signing in, finding what failed, understanding it, and doing something about it.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::Order;

use crate::driven::{Screen, until};
use crate::visitor::{Visitor, visit};

/// A code that stops a confirm for a person: something of the merchant's set-up is wrong.
const SETUP: &str = "NOT_FOUND_TERMINAL_ID";

impl Visitor {
    /// Signs the demo's member of this role in.
    async fn sign_in(&self, role: &str) {
        let member = self.product.staff.iter().find(|member| member["role"] == role).unwrap();
        let text = |field: &str| member[field].as_str().unwrap().to_owned();
        self.open("/console").await;
        self.fill("[name=login]", &text("login")).await;
        self.fill("[name=password]", &text("password")).await;
        self.click("main button.main").await;
        self.see(".side nav").await;
    }

    async fn sign_out(&self) {
        self.click("form[action='/console/sign-out'] button").await;
        self.arrive("signed-out").await;
    }

    /// A customer pays, and the first try ends with this code.
    async fn confirm_that_fails(&self, code: &str, radishes: usize) -> Order {
        let customers = self.customers();
        let order = customers.order(2, radishes + 1).await;
        let fault = json!({"kind": "answer_code", "code": code});
        customers.script_confirm(&order, fault).await;
        let key = customers.authenticate(&order, "CARD").await;
        let accepted = customers.confirm(&order, &key).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        order
    }

    /// The order's confirm, as staff see it over the API, once it is in this state.
    async fn confirm_in(&self, order: &Order, state: &str) -> Value {
        until(state, async || {
            let url = format!("/v1/jobs?kind=confirm&text={}", order.id);
            let page = self.read_by_staff(&url).await;
            let job = page["data"][0].clone();
            (job["state"] == state).then_some(job)
        })
        .await
    }

    async fn see_text(&self, css: &str, part: &str) {
        until(part, async || self.read(css).await.contains(part).then_some(())).await;
    }
}

#[tokio::test]
async fn a_failed_confirm_is_found_read_and_retried_and_the_order_is_paid() {
    visit("console-retry", Screen::Desktop, async |staff| {
        let order = staff.confirm_that_fails(SETUP, 0).await;
        staff.confirm_in(&order, "parked").await;
        staff.sign_in("master").await;
        staff.see(".card-bad").await;
        staff.look("1-overview").await;

        staff.click("a.card-bad[href^='/console/jobs?set=parked']").await;
        staff.click("td a[href^='/console/jobs/']").await;
        staff.see_text(".timeline", SETUP).await;
        staff.look("2-job").await;
        staff.click(&format!("a[href='/console/orders/{}']", order.id)).await;
        staff.see_text(".timeline", SETUP).await;
        staff.look("3-order").await;

        // The fault hit once: what is sent now is answered as usual.
        staff.click("ul.lines a[href^='/console/jobs/']").await;
        staff.click("#act-retry").await;
        staff.see("main > .note-good[role=status]").await;
        staff.see_text(".head .badge", "성공").await;
        staff.open(&format!("/console/orders/{}", order.id)).await;
        staff.see_text(".head .badge", "결제 완료").await;
        staff.look("4-paid").await;
        let ledger = staff.ledger(&order.id).await;
        assert_eq!((&ledger["charged"], &ledger["cancelled"]), (&order.amount.into(), &0.into()));

        cancel_a_part(staff, &order).await;
    })
    .await;
}

async fn cancel_a_part(staff: &Visitor, order: &Order) {
    staff.click("#act-cancel").await;
    staff.fill("[name=amount]", "5,000").await;
    staff.fill("[name=reason]", "단무지 누락").await;
    staff.look("5-cancel").await;
    staff.click("main button.main").await;
    staff.see_text("main", "5,000원").await;
    staff.look("6-cancel-check").await;
    staff.click("button[name=sure]").await;
    staff.see("main > .note-good[role=status]").await;
    staff.see_text(".head .badge", "부분 취소").await;
    staff.look("7-part-cancelled").await;
    let ledger = staff.ledger(&order.id).await;
    assert_eq!(ledger["cancelled"], 5_000);
}

#[tokio::test]
async fn fifty_are_retried_together_and_the_one_that_cannot_be_is_reported() {
    visit("console-bulk", Screen::Desktop, async |staff| {
        let mut orders = Vec::new();
        for number in 1..=50 {
            // The third was declined: it is final, and no run may send it again.
            let code = if number == 3 { "REJECT_CARD_COMPANY" } else { SETUP };
            orders.push(staff.confirm_that_fails(code, 0).await);
        }
        for (index, order) in orders.iter().enumerate() {
            staff.confirm_in(order, if index == 2 { "declined" } else { "parked" }).await;
        }
        staff.sign_in("master").await;
        staff.open("/console/jobs?set=failed&kind=confirm").await;
        staff.click("[data-select-all]").await;
        staff.see_text("button[value=selected]", "(50)").await;
        staff.click("#bulk-action option[value=retry]").await;
        staff.look("1-selected").await;
        staff.click("button[value=selected]").await;
        staff.see_text("main", "일괄 작업 미리보기").await;
        staff.look("2-preview").await;
        staff.fill("[name=reason]", "단말기 번호를 고쳤음").await;
        staff.click("#begin").await;
        staff.see_text("#run-state", "끝남").await;
        staff.look("3-done").await;
        assert_eq!(staff.read("#count-done").await, "49");
        assert_eq!(staff.read("#count-refused").await, "1");
        staff.click("nav.tabs a[href*='state=refused']").await;
        staff.see_text("tbody", "job_declined").await;
        let customers = staff.customers();
        for (index, order) in orders.iter().enumerate() {
            let status = if index == 2 { "failed" } else { "paid" };
            customers.wait_for(order, &order.token, &[status]).await;
        }
        let ledger = customers.ledger().await;
        for (index, order) in orders.iter().enumerate() {
            let entry = system_tests::entry_of(&ledger, order);
            assert_eq!(entry["charges"], if index == 2 { 0 } else { 1 }, "{entry}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_stays_up_to_date_without_losing_what_somebody_does_there() {
    visit("console-live", Screen::Desktop, async |staff| {
        let first = staff.confirm_that_fails(SETUP, 0).await;
        staff.confirm_in(&first, "parked").await;
        let row = |order: &Order| format!("tr:has(a[href='/console/orders/{}'])", order.id);
        staff.sign_in("master").await;
        staff.open("/console/jobs?set=failed").await;
        staff.click(&format!("{} [name=id]", row(&first))).await;
        staff.fill("[name=q]", "김한상").await;
        staff.eval("document.querySelector('td a[href^=\"/console/jobs/\"]').focus()").await;
        let focused = staff.eval("return document.activeElement.href").await;

        let second = staff.confirm_that_fails(SETUP, 0).await;
        staff.see(&row(&second)).await;
        let kept = "return [document.querySelectorAll('[name=id]:checked').length, document.querySelector('[name=q]').value, document.activeElement.href]";
        assert_eq!(staff.eval(kept).await, json!([1, "김한상", focused]));
        staff.see(&format!("{} [name=id]:checked", row(&first))).await;

        staff.click("[data-live-toggle]").await;
        let third = staff.confirm_that_fails(SETUP, 0).await;
        staff.confirm_in(&third, "parked").await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(staff.count(&row(&third)).await, 0, "updates were paused");
        staff.click("[data-live-toggle]").await;
        staff.see(&row(&third)).await;
    })
    .await;
}

#[tokio::test]
async fn an_owner_sees_their_own_store_and_nothing_of_another() {
    visit("console-owner", Screen::Phone, async |staff| {
        let order = staff.confirm_that_fails(SETUP, 0).await;
        let job = staff.confirm_in(&order, "parked").await;
        let job_id = job["jobId"].as_str().unwrap();
        staff.sign_in("owner").await;
        assert_eq!(staff.count(".card-bad").await, 0, "another store's trouble is told");
        for page in ["/jobs?set=all", "/orders", "/webhooks", "/findings"] {
            staff.open(&format!("/console{page}")).await;
            staff.see("h1").await;
            assert_eq!(staff.count("tbody tr").await, 0, "{page} shows another store's rows");
        }
        let search = format!("/console/orders?q={}", order.id);
        staff.open(&search).await;
        staff.see("h1").await;
        assert_eq!(staff.count("tbody tr").await, 0, "the search finds another store's order");
        for page in [
            format!("/orders/{}", order.id),
            format!("/orders/{}/cancel", order.id),
            format!("/jobs/{job_id}"),
        ] {
            staff.open(&format!("/console{page}")).await;
            staff.see_text("h1", "그런 페이지가 없습니다").await;
            staff.expect_complaint("404").await;
        }
        for page in ["/audit", "/staff", "/holds"] {
            staff.open(&format!("/console{page}")).await;
            staff.see_text("h1", "받아들일 수 없습니다").await;
            staff.expect_complaint("403").await;
        }
        staff.open("/console").await;
        staff.sign_out().await;
        staff.sign_in("manager").await;
        staff.open("/console/jobs?set=failed").await;
        staff.see(&format!("a[href='/console/orders/{}']", order.id)).await;
        staff.look("manager-jobs").await;
    })
    .await;
}

#[tokio::test]
async fn without_scripts_everything_can_be_done_too() {
    visit("console-plain", Screen::Desktop, async |staff| {
        let order = staff.confirm_that_fails(SETUP, 0).await;
        let job = staff.confirm_in(&order, "parked").await;
        staff.allow_scripts(false).await;
        staff.sign_in("manager").await;
        staff.open(&format!("/console/jobs/{}", job["jobId"].as_str().unwrap())).await;
        staff.click("#act-retry").await;
        staff.arrive("done=retry").await;
        let customers = staff.customers();
        customers.wait_for(&order, &order.token, &["paid"]).await;
    })
    .await;
}

#[tokio::test]
async fn every_page_is_accessible_by_day_and_by_night_in_both_languages_on_a_desktop() {
    visit("console-desktop", Screen::Desktop, tour).await;
}

#[tokio::test]
async fn every_page_is_accessible_by_day_and_by_night_in_both_languages_on_a_phone() {
    visit("console-phone", Screen::Phone, tour).await;
}

/// Every page, with something on it, looked at in both themes and both languages.
async fn tour(staff: &Visitor) {
    let parked = staff.confirm_that_fails(SETUP, 0).await;
    let declined = staff.confirm_that_fails("REJECT_CARD_COMPANY", 1).await;
    let job = staff.confirm_in(&parked, "parked").await;
    staff.confirm_in(&declined, "declined").await;
    let cancelled = staff.part_cancelled().await;
    let detail = staff.read_by_staff(&format!("/v1/orders/{}/cancels", cancelled.id)).await;
    let cancel_id = detail["data"][0]["cancelId"].as_str().unwrap();
    let job_page = format!("/jobs/{}", job["jobId"].as_str().unwrap());
    let mut violations = Vec::new();

    staff.open("/console/sign-in").await;
    violations.extend(staff.judge("sign-in").await);
    staff.sign_in("master").await;
    for language in ["ko", "en"] {
        violations.extend(staff.judge_forms(&cancelled, language).await);
    }
    let run = staff.begin_bulk().await;
    let pages = [
        ("overview", String::new()),
        ("jobs", "/jobs?set=all".to_owned()),
        ("failed", "/jobs?set=failed&kind=confirm&code=REJECT_CARD_COMPANY".to_owned()),
        ("job", job_page),
        ("orders", "/orders".to_owned()),
        ("order", format!("/orders/{}", cancelled.id)),
        ("order-parked", format!("/orders/{}", parked.id)),
        ("cancel", format!("/orders/{}/cancel", cancelled.id)),
        ("match", format!("/orders/{}/cancels/{cancel_id}", cancelled.id)),
        ("bulk", "/bulk".to_owned()),
        ("run", run),
        ("holds", "/holds".to_owned()),
        ("webhooks", "/webhooks".to_owned()),
        ("findings", "/findings".to_owned()),
        ("workers", "/workers".to_owned()),
        ("audit", "/audit".to_owned()),
        ("staff", "/staff".to_owned()),
    ];
    for (name, page) in pages {
        for language in ["ko", "en"] {
            let joint = if page.contains('?') { '&' } else { '?' };
            staff.open(&format!("/console{page}{joint}lang={language}")).await;
            staff.see(&format!("html[lang={language}] h1")).await;
            violations.extend(staff.judge(&format!("{name}-{language}")).await);
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

impl Visitor {
    /// An order that was paid, and of which a part was given back.
    async fn part_cancelled(&self) -> Order {
        let customers = self.customers();
        let order = customers.order(3, 1).await;
        let key = customers.authenticate(&order, "CARD").await;
        assert_eq!(customers.confirm(&order, &key).await.status, 202);
        customers.wait_for(&order, &order.token, &["paid"]).await;
        let part = json!({"reason": "단무지 누락", "amount": 1_000});
        self.refund_by_staff(&order.id, "a-part", &part).await;
        customers.wait_for(&order, &order.token, &["partially_cancelled"]).await;
        order
    }

    /// Previews to have every declined payment looked up together.
    async fn preview_bulk(&self, language: &str) {
        self.open(&format!("/console/jobs?set=declined&lang={language}")).await;
        self.click("#bulk-action option[value=look_up]").await;
        self.click("button[value=all]").await;
        self.see("#begin").await;
    }

    /// What is wrong with the pages that only a form leads to, and with those of what went wrong.
    async fn judge_forms(&self, order: &Order, language: &str) -> Vec<String> {
        self.preview_bulk(language).await;
        let mut wrong = self.judge(&format!("preview-{language}")).await;
        let cancel = format!("/console/orders/{}/cancel", order.id);
        for (name, amount, there) in
            [("check", "2000", "button[name=sure]"), ("refused", "900000000", "[role=alert]")]
        {
            self.open(&cancel).await;
            self.fill("[name=amount]", amount).await;
            self.fill("[name=reason]", "단무지 누락").await;
            self.click("main button.main").await;
            self.see(there).await;
            wrong.extend(self.judge(&format!("{name}-{language}")).await);
        }
        self.expect_complaint("422").await;
        self.open("/console/nowhere").await;
        self.see("h1").await;
        wrong.extend(self.judge(&format!("missing-{language}")).await);
        self.expect_complaint("404").await;
        wrong
    }

    /// Begins what was previewed; gives the page of the run.
    async fn begin_bulk(&self) -> String {
        self.preview_bulk("ko").await;
        self.fill("[name=reason]", "확인").await;
        self.click("#begin").await;
        self.see("#run-state").await;
        let address = self.address().await;
        let (_, page) = address.split_once("/console").unwrap();
        page.split('?').next().unwrap_or_default().to_owned()
    }

    /// What is wrong with the page by day and by night.
    async fn judge(&self, page: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for theme in ["light", "dark"] {
            self.prefer(theme).await;
            self.look(&format!("{page}-{theme}")).await;
            let found = self.violations().await;
            wrong.extend(found.iter().map(|violation| format!("{page} {theme}: {violation}")));
        }
        wrong
    }
}
