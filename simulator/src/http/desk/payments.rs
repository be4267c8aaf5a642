//! The list of payments, newest first, with a search by order or payment.

use super::App;
use super::parts::{payment_link, status_badge, table, whole};
use super::place::Place;
use crate::http::page::{escape, won};
use crate::payment::Payment;
use crate::world::World;

const PAGE: usize = 50;

pub(super) fn view(app: &App, place: &Place) -> String {
    let language = place.language;
    let (rows, has_more) = app.shared.read(|world| rows(world, place));
    let heads = [
        language.pick("주문", "Order"),
        language.pick("가맹점", "Merchant"),
        language.pick("방법", "Method"),
        language.pick("상태", "Status"),
        language.pick("금액", "Amount"),
        language.pick("출금 · 취소", "Charged · returned"),
        language.pick("시작", "Started"),
    ];
    let nothing = language.pick("아직 결제가 없습니다.", "There are no payments yet.");
    let search = format!(
        "<form method=\"get\" action=\"/_sim\" class=\"search\" role=\"search\"><input type=\"hidden\" name=\"lang\" value=\"{}\">\
         <input type=\"search\" name=\"search\" value=\"{}\" aria-label=\"{label}\" placeholder=\"{label}\"><button class=\"main\">{}</button></form>",
        language.pick("ko", "en"),
        escape(&place.search),
        language.pick("찾기", "Find"),
        label = language.pick("주문번호나 결제 키", "Order id or payment key"),
    );
    format!("{search}{}{}", table(&heads, &rows, nothing), pages(place, has_more))
}

fn rows(world: &World, place: &Place) -> (Vec<Vec<String>>, bool) {
    let is_found = |payment: &&Payment| {
        let search = place.search.as_str();
        search.is_empty()
            || payment.order_id.contains(search)
            || payment.payment_key.contains(search)
    };
    let newest = world.payments.newest().filter(is_found);
    let mut rest = newest.skip(place.page.saturating_mul(PAGE));
    let rows = rest.by_ref().take(PAGE).map(|payment| row(world, place, payment)).collect();
    (rows, rest.next().is_some())
}

fn row(world: &World, place: &Place, payment: &Payment) -> Vec<String> {
    let language = place.language;
    let truth = world.ledger_entry(payment);
    let charges = match truth.charges {
        0 | 1 => String::new(),
        more => format!(" <strong class=\"double\">×{more}</strong>"),
    };
    vec![
        format!(
            "{}<small>{}</small>",
            payment_link(place, &payment.payment_key, &payment.order_id),
            escape(&payment.order_name)
        ),
        whole(&escape(&payment.merchant.m_id)),
        payment.method.title(language).to_owned(),
        status_badge(payment.status, language),
        whole(&won(payment.amount, language)),
        format!(
            "{}{charges} · {}",
            whole(&won(truth.charged, language)),
            whole(&won(truth.cancelled, language))
        ),
        payment.requested_at.to_kst_local(" "),
    ]
}

fn pages(place: &Place, has_more: bool) -> String {
    let link = |page: usize, text: &str| {
        let address = Place { page, ..place.clone() }.address();
        format!("<a href=\"{}\">{text}</a>", escape(&address))
    };
    let language = place.language;
    let newer = place.page.checked_sub(1);
    let newer = newer.map(|page| link(page, language.pick("← 더 최근", "← Newer")));
    let older =
        has_more.then(|| link(place.page.saturating_add(1), language.pick("더 예전 →", "Older →")));
    format!("<p class=\"pages\">{}{}</p>", newer.unwrap_or_default(), older.unwrap_or_default())
}
