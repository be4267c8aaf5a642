//! Webhooks: addresses, switches, and what was sent.

use super::parts::{
    at, badge, button, card, choice, code, field, form, payment_link, switch, table,
};
use super::place::Place;
use crate::handle::Handle;
use crate::handle::webhooks::{WebhookState, WebhookView};
use crate::http::page::escape;

const SHOWN: usize = 50;

pub(super) fn view(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let settings = handle.settings();
    let switches = [
        switch(
            place,
            "pauseWebhooks",
            language.pick("멈춤", "Pause"),
            language.pick(
                "끌 때까지 아무것도 보내지 않습니다.",
                "Nothing is sent until this is off again.",
            ),
            settings.pause_webhooks,
        ),
        switch(
            place,
            "earlyWebhooks",
            language.pick("답보다 먼저", "Before the answer"),
            language.pick(
                "API의 답보다 웹훅이 먼저 도착합니다.",
                "They arrive before the API answers.",
            ),
            settings.early_webhooks,
        ),
        switch(
            place,
            "duplicateWebhooks",
            language.pick("두 번씩", "Twice"),
            language.pick(
                "받은 웹훅을 같은 ID로 한 번 더 보냅니다.",
                "What was taken comes once more, under the same id.",
            ),
            settings.duplicate_webhooks,
        ),
        switch(
            place,
            "reorderWebhooks",
            language.pick("순서 바꾸기", "Out of order"),
            language.pick(
                "같은 결제의 다음 웹훅이 먼저 도착합니다.",
                "The next one of the same payment overtakes.",
            ),
            settings.reorder_webhooks,
        ),
    ];
    let newest = handle.newest_webhooks(SHOWN);
    [
        card(language.pick("주소", "Addresses"), &endpoints(handle, place)),
        card(language.pick("배달 방해", "Trouble on the way"), &switches.concat()),
        card(language.pick("최근 웹훅", "Newest webhooks"), &deliveries(place, &newest)),
    ]
    .concat()
}

fn endpoints(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let heads = [
        language.pick("주소", "Address"),
        language.pick("이벤트", "Events"),
        language.pick("가맹점", "Merchant"),
        "",
    ];
    let rows: Vec<Vec<String>> = handle
        .webhook_endpoints()
        .into_iter()
        .map(|endpoint| {
            let id = endpoint.id.to_string();
            let remove = button(
                place,
                "remove-endpoint",
                &[("id", id.as_str())],
                language.pick("지우기", "Remove"),
                "small",
            );
            let event = |event: &_| serde_json::to_value(event).unwrap_or_default();
            let events: Vec<String> = endpoint
                .events
                .iter()
                .map(event)
                .map(|it| code(it.as_str().unwrap_or_default()))
                .collect();
            vec![
                code(&endpoint.url),
                events.join(" "),
                escape(endpoint.m_id.as_deref().unwrap_or(language.pick("모두", "all"))),
                if endpoint.id == 0 { String::new() } else { remove },
            ]
        })
        .collect();
    let all = language.pick("모든 이벤트", "All events").to_owned();
    let fields = [
        field(
            "url",
            language.pick("주소", "Address"),
            "type=\"url\" required placeholder=\"http://127.0.0.1:8080/webhooks/toss\"",
        ),
        choice(
            "event",
            language.pick("이벤트", "Events"),
            &[
                ("", all),
                ("PAYMENT_STATUS_CHANGED", "PAYMENT_STATUS_CHANGED".to_owned()),
                ("DEPOSIT_CALLBACK", "DEPOSIT_CALLBACK".to_owned()),
            ],
        ),
        field(
            "secretKey",
            language.pick("시크릿 키 (비우면 모든 가맹점)", "Secret key (every merchant if empty)"),
            "autocomplete=\"off\" placeholder=\"test_sk_…\"",
        ),
    ];
    let nothing = language.pick("등록된 주소가 없습니다.", "No address is registered.");
    format!(
        "{}{}",
        table(&heads, &rows, nothing),
        form(place, "add-endpoint", &fields.concat(), language.pick("등록하기", "Register"))
    )
}

/// A table of webhooks in the order given.
pub(super) fn deliveries(place: &Place, webhooks: &[WebhookView]) -> String {
    let language = place.language;
    let heads = [
        language.pick("결제", "Payment"),
        language.pick("내용", "Content"),
        language.pick("상태", "State"),
        language.pick("시도", "Tries"),
        "",
    ];
    let row = |webhook: &WebhookView| {
        let state = match webhook.state {
            WebhookState::Delivered => badge("good", language.pick("받음", "delivered")),
            WebhookState::Failed => badge("bad", language.pick("포기", "given up")),
            WebhookState::Waiting => badge("open", language.pick("대기", "waiting")),
        };
        let due = webhook.due_at.as_deref().map_or(String::new(), |due| {
            format!("<small>{} {}</small>", language.pick("다음", "next"), at(due))
        });
        let name = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let event = name(serde_json::to_value(webhook.event).unwrap_or_default());
        let status = name(serde_json::to_value(webhook.status).unwrap_or_default());
        let pretty = serde_json::to_string_pretty(&webhook.body).unwrap_or_default();
        let tried: Vec<String> = webhook
            .attempts
            .iter()
            .map(|attempt| match attempt.status {
                Some(200) => badge("good", "200"),
                Some(status) => badge("bad", &status.to_string()),
                None => badge("bad", attempt.error.as_deref().unwrap_or("–")),
            })
            .collect();
        vec![
            format!(
                "{}<small>{}</small>",
                payment_link(place, &webhook.payment_key, &webhook.payment_key),
                at(&webhook.created_at)
            ),
            format!(
                "<details class=\"body\"><summary>{} {}</summary><pre>{}</pre></details>",
                escape(&event),
                escape(&status),
                escape(&pretty)
            ),
            format!("{state}{due}"),
            tried.join(" "),
            button(
                place,
                "resend",
                &[("id", &webhook.id)],
                language.pick("다시 보내기", "Send again"),
                "small",
            ),
        ]
    };
    let rows: Vec<Vec<String>> = webhooks.iter().map(row).collect();
    table(&heads, &rows, language.pick("아직 없습니다.", "None yet."))
}
