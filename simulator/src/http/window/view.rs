//! The payment window as HTML. One form; every button says what it does by its value. Nothing needs a script.

use axum::http::StatusCode;
use axum::response::Response;

use super::choice::{DELAY_SECONDS_DEFAULT, DELAY_SECONDS_MAX, FAILURES};
use crate::http::page::{banner, escape, page, won};
use crate::limits::WINDOW_MS;
use crate::method::Method;
use crate::payment::Payment;
use crate::refusal::Language;

/// Methods as the window groups them, each with the class and the letters of its mark.
const EASY_PAYS: &[(Method, &str, &str)] = &[
    (Method::TossPay, "blue", "T"),
    (Method::NaverPay, "green", "N"),
    (Method::KakaoPay, "yellow", "K"),
    (Method::Payco, "red", "P"),
    (Method::SamsungPay, "navy", "S"),
    (Method::ApplePay, "ink", "A"),
];
const OTHERS: &[(Method, &str, &str)] = &[
    (Method::Transfer, "teal", "₩"),
    (Method::VirtualAccount, "violet", "#"),
    (Method::MobilePhone, "slate", "☏"),
    (Method::CultureGiftCertificate, "rose", "문"),
    (Method::BookGiftCertificate, "amber", "책"),
    (Method::GameGiftCertificate, "indigo", "G"),
];

pub(crate) fn window_page(payment: &Payment, language: Language) -> Response {
    let id = payment.window.as_ref().map_or("", |window| window.id.as_str());
    let path = format!("/window/{id}");
    let amount = won(payment.amount, language);
    let content = format!(
        "{banner}\n<main class=\"checkout\">\n{summary}\n\
         <form class=\"choices\" method=\"post\" action=\"{action}?lang={lang}\">\n\
         {methods}\n{advanced}\n{failing}\n\
         <div class=\"actions\">\
         <button class=\"pay\" name=\"action\" value=\"pay\">{pay}</button>\
         <button class=\"quiet\" name=\"action\" value=\"cancel\" formnovalidate>{cancel}</button>\
         </div>\n</form>\n</main>",
        banner = banner(language, Some(&format!("{path}?lang={}", language.pick("en", "ko")))),
        summary = summary(payment, &amount, language),
        action = escape(&path),
        lang = language.pick("ko", "en"),
        methods = methods(payment.method, language),
        advanced = advanced(language),
        failing = failing(language),
        pay = language.pick(format!("{amount} 결제하기"), format!("Pay {amount}")),
        cancel = language.pick("결제 취소하고 돌아가기", "Cancel and go back"),
    );
    page(
        StatusCode::OK,
        language,
        language.pick("결제창 · 시뮬레이터", "Payment · Simulator"),
        &content,
    )
}

fn summary(payment: &Payment, amount: &str, language: Language) -> String {
    let until = payment.requested_at.plus_ms(WINDOW_MS).to_kst_local(" ");
    // Hours and minutes of "2026-01-31 09:05:00".
    let until: String = until.chars().skip(11).take(5).collect();
    format!(
        "<section class=\"summary\" aria-label=\"{label}\">\
         <p class=\"order-name\">{name}</p><p class=\"amount\">{amount}</p>\
         <dl><div><dt>{order}</dt><dd>{order_id}</dd></div>\
         <div><dt>{valid}</dt><dd>{until} KST</dd></div></dl></section>",
        label = language.pick("주문 내용", "Order"),
        name = escape(&payment.order_name),
        order = language.pick("주문번호", "Order id"),
        order_id = escape(&payment.order_id),
        valid = language.pick("결제 가능 시각", "Open until"),
    )
}

fn methods(chosen: Method, language: Language) -> String {
    let tiles = |methods: &[(Method, &str, &str)]| -> String {
        methods
            .iter()
            .map(|(method, class, mark)| tile(*method, class, mark, chosen, language))
            .collect()
    };
    let listed = EASY_PAYS.iter().chain(OTHERS).any(|(method, ..)| *method == chosen);
    // A wallet without a tile of its own is still what the shop asked for.
    let asked = if listed || chosen == Method::Card {
        String::new()
    } else {
        tile(chosen, "slate", "·", chosen, language)
    };
    format!(
        "<fieldset class=\"methods\"><legend>{legend}</legend>\
         <div class=\"tiles wide\">{card}{asked}</div>\
         <h2>{easy}</h2><div class=\"tiles\">{easy_pays}</div>\
         <h2>{other}</h2><div class=\"tiles\">{others}</div></fieldset>",
        legend = language.pick("결제 방법", "How would you like to pay?"),
        card = tile(Method::Card, "card", "", chosen, language),
        easy = language.pick("간편결제", "Easy pay"),
        easy_pays = tiles(EASY_PAYS),
        other = language.pick("다른 방법", "Other ways"),
        others = tiles(OTHERS),
    )
}

fn tile(method: Method, class: &str, mark: &str, chosen: Method, language: Language) -> String {
    let checked = if method == chosen { " checked" } else { "" };
    let title = if method == Method::Card {
        language.pick("신용·체크카드", "Credit or debit card")
    } else {
        method.title(language)
    };
    format!(
        "<label class=\"tile\"><input type=\"radio\" name=\"method\" value=\"{name}\"{checked}>\
         <span class=\"face\"><span class=\"mark {class}\" aria-hidden=\"true\">{mark}</span>\
         <span class=\"title\">{title}</span></span></label>",
        name = method.name(),
        title = escape(title),
    )
}

fn advanced(language: Language) -> String {
    let options: [(&str, &str, &str); 9] = [
        ("none", "평소처럼 답합니다", "Answers as usual"),
        ("delay", "답이 늦습니다", "Answers late"),
        (
            "cut_after",
            "결제된 뒤 연결이 끊깁니다 (답 없음)",
            "Charged, then the connection is cut (no answer)",
        ),
        ("cut_before", "결제되지 않고 연결이 끊깁니다", "Not charged, the connection is cut"),
        ("server_error_after", "결제된 뒤 HTTP 500", "Charged, then HTTP 500"),
        ("server_error_before", "결제되지 않고 HTTP 500", "Not charged, HTTP 500"),
        ("in_progress", "HTTP 409 (처리 중)", "HTTP 409 (still processing)"),
        ("unreadable", "결제된 뒤 읽을 수 없는 답", "Charged, then an unreadable answer"),
        ("throttle", "HTTP 429 (요청이 많음)", "HTTP 429 (too many requests)"),
    ];
    let options: String = options
        .iter()
        .enumerate()
        .map(|(at, (value, korean, english))| {
            let checked = if at == 0 { " checked" } else { "" };
            let text = language.pick(korean, english);
            format!(
                "<label class=\"option\"><input type=\"radio\" name=\"fault\" value=\"{value}\"{checked}>\
                 <span>{text}</span></label>"
            )
        })
        .collect();
    format!(
        "<details><summary>{title}</summary><div class=\"inside\"><p class=\"hint\">{hint}</p>{options}\
         <label class=\"seconds\"><span>{late}</span>\
         <input type=\"number\" inputmode=\"numeric\" name=\"delay_seconds\" min=\"1\" max=\"{DELAY_SECONDS_MAX}\" \
         value=\"{DELAY_SECONDS_DEFAULT}\"><span>{unit}</span></label></div></details>",
        title = language.pick("고급 · 승인 답을 방해하기", "Advanced · disturb the answer"),
        hint = language.pick(
            "쇼핑몰 서버가 승인을 요청할 때 한 번 일어납니다.",
            "Happens once, when the shop's server confirms the payment."
        ),
        late = language.pick("늦게 답할 때", "When late, by"),
        unit = language.pick("초", "seconds"),
    )
}

fn failing(language: Language) -> String {
    let options: String = FAILURES
        .iter()
        .map(|code| {
            let text = language.pick(code.korean, code.english);
            format!("<option value=\"{0}\">{text} — {0}</option>", code.name)
        })
        .collect();
    format!(
        "<details><summary>{title}</summary><div class=\"inside\">\
         <label class=\"reason\" for=\"code\">{reason}</label>\
         <select id=\"code\" name=\"code\">{options}</select>\
         <button class=\"fail\" name=\"action\" value=\"fail\">{fail}</button></div></details>",
        title = language.pick("결제 실패시켜 보기", "Make the payment fail"),
        reason = language.pick("실패 이유", "Reason"),
        fail = language.pick("이 이유로 실패하기", "Fail with this reason"),
    )
}
