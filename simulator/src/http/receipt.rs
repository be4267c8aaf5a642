//! The receipt that a Payment's `receipt.url` and `checkout.url` lead to. Whoever knows the payment key may read it.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;

use super::App;
use super::api::language_of;
use super::page::{banner, escape, notice, page, won};
use crate::payment::{Payment, Status};
use crate::refusal::Language;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/receipt/{paymentKey}", get(receipt))
        .route("/checkout/{paymentKey}", get(receipt))
}

async fn receipt(
    State(app): State<App>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
) -> Response {
    let language = language_of(&headers);
    app.shared.read(|world| {
        let payment = path.ok().and_then(|Path(key)| world.payments.find(&key));
        match payment.filter(|payment| payment.approval.is_some()) {
            Some(payment) => receipt_page(payment, language),
            None => notice(
                StatusCode::NOT_FOUND,
                language,
                language.pick("영수증이 없습니다", "There is no such receipt"),
                language.pick(
                    "승인된 결제에만 영수증이 있습니다.",
                    "Only approved payments have a receipt.",
                ),
            ),
        }
    })
}

fn receipt_page(payment: &Payment, language: Language) -> Response {
    let approved_at = payment.approval.as_ref().and_then(|approval| approval.at);
    let mut rows = vec![
        (language.pick("결제 방법", "Method"), payment.method.title(language).to_owned()),
        (language.pick("주문번호", "Order id"), payment.order_id.clone()),
        (language.pick("결제 키", "Payment key"), payment.payment_key.clone()),
        (
            language.pick("승인 시각", "Approved at"),
            approved_at.map_or("–".to_owned(), |at| format!("{} KST", at.to_kst_local(" "))),
        ),
    ];
    for cancel in &payment.cancels {
        let amount = won(cancel.amount, language);
        let at = cancel.at.to_kst_local(" ");
        rows.push((
            language.pick("취소", "Cancelled"),
            format!("{amount} · {at} · {}", cancel.reason),
        ));
    }
    if !payment.cancels.is_empty() {
        rows.push((language.pick("남은 금액", "Balance"), won(payment.balance(), language)));
    }
    let rows: String = rows
        .iter()
        .map(|(term, text)| format!("<div><dt>{term}</dt><dd>{}</dd></div>", escape(text)))
        .collect();
    let content = format!(
        "{}<main class=\"notice\"><section class=\"panel receipt\"><p class=\"state\">{}</p>\
         <p class=\"order-name\">{}</p><h1 class=\"amount\">{}</h1><dl>{rows}</dl></section></main>",
        banner(language, None),
        status_text(payment.status, language),
        escape(&payment.order_name),
        won(payment.amount, language),
    );
    page(
        StatusCode::OK,
        language,
        language.pick("영수증 · 시뮬레이터", "Receipt · Simulator"),
        &content,
    )
}

pub(crate) fn status_text(status: Status, language: Language) -> &'static str {
    match status {
        Status::Ready | Status::InProgress => language.pick("결제 진행 중", "In progress"),
        Status::WaitingForDeposit => language.pick("입금 대기", "Waiting for the deposit"),
        Status::Done => language.pick("결제 완료", "Paid"),
        Status::Canceled => language.pick("취소됨", "Cancelled"),
        Status::PartialCanceled => language.pick("부분 취소됨", "Cancelled in part"),
        Status::Aborted => language.pick("승인 실패", "Failed"),
        Status::Expired => language.pick("만료됨", "Expired"),
    }
}
