//! Faults: those that wait, those by chance, and forms to script more.

use super::parts::{button, card, choice, code, field, form, table};
use super::place::Place;
use crate::faults::{FaultKind, FaultRequest, Operation};
use crate::handle::Handle;
use crate::refusal::Language;

/// Every kind with what it does, in Korean and in English.
const KINDS: [(FaultKind, &str, &str); 15] = [
    (FaultKind::CutAfter, "처리한 뒤 연결 끊김", "Done, then the connection is cut"),
    (FaultKind::CutBefore, "처리하지 않고 연결 끊김", "Not done, the connection is cut"),
    (FaultKind::ServerErrorAfter, "처리한 뒤 HTTP 500", "Done, then HTTP 500"),
    (FaultKind::ServerErrorBefore, "처리하지 않고 HTTP 500", "Not done, HTTP 500"),
    (FaultKind::Delay, "늦게 처리하고 답함 (ms)", "Done late (ms)"),
    (FaultKind::DelayAfter, "처리한 뒤 늦게 답함 (ms)", "Done, answered late (ms)"),
    (FaultKind::Decline, "승인 거절 (code)", "Declined (code)"),
    (FaultKind::AnswerCode, "오류 코드로만 답함 (code)", "Only answers an error (code)"),
    (FaultKind::InProgress, "HTTP 409 처리 중", "HTTP 409, still processing"),
    (FaultKind::Throttle, "HTTP 429", "HTTP 429"),
    (FaultKind::Unreadable, "처리한 뒤 읽을 수 없는 답", "Done, an unreadable answer"),
    (
        FaultKind::UnreadableBefore,
        "처리하지 않고 읽을 수 없는 답",
        "Not done, an unreadable answer",
    ),
    (FaultKind::WrongPayment, "다른 주문의 결제로 답함", "Answers another order's payment"),
    (FaultKind::UnknownValues, "모르는 값이 든 답", "An answer of unknown values"),
    (FaultKind::Unauthorized, "HTTP 401", "HTTP 401"),
];
const OPERATIONS: [(Operation, &str, &str); 6] = [
    (Operation::Confirm, "승인", "Confirm"),
    (Operation::Cancel, "취소", "Cancel"),
    (Operation::LookUp, "조회", "Look-up"),
    (Operation::List, "거래·정산 목록", "Lists"),
    (Operation::CashReceipt, "현금영수증", "Cash receipts"),
    (Operation::Any, "모두", "Any"),
];

pub(super) fn view(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    [
        card(language.pick("걸려 있는 장애", "Faults that wait"), &waiting(handle, place)),
        card(language.pick("장애 걸기", "Script a fault"), &script(place)),
        card(language.pick("확률로", "By chance"), &chance(handle, place)),
    ]
    .concat()
}

fn kind_title(kind: FaultKind, language: Language) -> &'static str {
    let found = KINDS.iter().find(|(own, ..)| *own == kind);
    found.map_or("", |(_, korean, english)| language.pick(korean, english))
}

fn operation_title(operation: Operation, language: Language) -> &'static str {
    let found = OPERATIONS.iter().find(|(own, ..)| *own == operation);
    found.map_or("", |(_, korean, english)| language.pick(korean, english))
}

fn name_of<T: serde::Serialize>(value: T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn target(request: &FaultRequest, language: Language) -> String {
    match (&request.order_id, &request.payment_key) {
        (Some(name), _) | (None, Some(name)) => code(name),
        (None, None) => language.pick("모든 요청", "every request").to_owned(),
    }
}

fn waiting(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let heads = [
        language.pick("누구", "Whose"),
        language.pick("무엇", "Calls"),
        language.pick("장애", "Fault"),
        language.pick("남은 횟수", "Left"),
        "",
    ];
    let faults = handle.faults();
    let row = |fault: &crate::faults::WaitingFault| {
        let more: Vec<String> = [
            fault.request.code.clone(),
            fault.request.ms.map(|ms| format!("{ms} ms")),
            fault.request.status.map(|status| status.to_string()),
        ]
        .into_iter()
        .flatten()
        .map(|text| code(&text))
        .collect();
        let number = fault.sequence.to_string();
        vec![
            target(&fault.request, language),
            operation_title(fault.request.operation, language).to_owned(),
            format!("{} {}", kind_title(fault.request.kind, language), more.join(" ")),
            fault.remaining.to_string(),
            button(
                place,
                "remove-fault",
                &[("sequence", &number)],
                language.pick("끄기", "Turn off"),
                "small",
            ),
        ]
    };
    let rows: Vec<Vec<String>> = faults.iter().take(200).map(row).collect();
    let nothing = language.pick(
        "없습니다. 모든 요청이 평소처럼 처리됩니다.",
        "None. Every request is served as usual.",
    );
    let clear = if faults.is_empty() {
        String::new()
    } else {
        button(place, "clear-faults", &[], language.pick("모두 끄기", "Turn all off"), "small")
    };
    format!("{}{clear}", table(&heads, &rows, nothing))
}

/// How many calls a fault hits.
pub(super) fn times_field(place: &Place) -> String {
    let label = place.language.pick("횟수", "Times");
    field("times", label, "type=\"number\" min=\"1\" max=\"1000000\" value=\"1\"")
}

/// The fields of a fault but for whose calls it hits, and how many.
pub(super) fn fault_fields(place: &Place) -> String {
    let language = place.language;
    let operations = OPERATIONS.map(|(operation, korean, english)| {
        (name_of(operation), language.pick(korean, english).to_owned())
    });
    let kinds = KINDS
        .map(|(kind, korean, english)| (name_of(kind), language.pick(korean, english).to_owned()));
    let options = |all: &[(String, String)], name: &str, label: &str| {
        let all: Vec<(&str, String)> =
            all.iter().map(|(value, text)| (value.as_str(), text.clone())).collect();
        choice(name, label, &all)
    };
    [
        options(&operations, "operation", language.pick("요청", "Calls")),
        options(&kinds, "kind", language.pick("장애", "Fault")),
        field(
            "code",
            language.pick("오류 코드", "Error code"),
            "placeholder=\"REJECT_CARD_COMPANY\" autocapitalize=\"characters\"",
        ),
        field("ms", "ms", "type=\"number\" min=\"0\" max=\"600000\""),
    ]
    .concat()
}

fn script(place: &Place) -> String {
    let language = place.language;
    let order = field(
        "orderId",
        language.pick("주문번호 (비우면 모든 요청)", "Order id (every request if empty)"),
        "",
    );
    let fields = format!("{order}{}{}", fault_fields(place), times_field(place));
    form(place, "add-fault", &fields, language.pick("장애 걸기", "Script the fault"))
}

fn chance(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let hint = language.pick(
        "같은 씨앗은 같은 주문의 같은 요청을 맞힙니다.",
        "The same seed hits the same calls of the same orders.",
    );
    let mut content = format!("<p class=\"hint\">{hint}</p>");
    if let Some(chance) = handle.settings().chance {
        let line = |fault: &crate::chance::ChanceFault| {
            format!(
                "<li>{}% · {} · {}</li>",
                fault.percent,
                operation_title(fault.operation, language),
                kind_title(fault.kind, language)
            )
        };
        let lines: String = chance.faults.iter().map(line).collect();
        let seed = language.pick("씨앗", "Seed");
        content += &format!("<p>{seed} {}</p><ul>{lines}</ul>", code(&chance.seed.to_string()));
        content += &button(place, "clear-chance", &[], language.pick("끄기", "Turn off"), "small");
    }
    let fields = [
        field(
            "seed",
            language.pick("씨앗", "Seed"),
            "type=\"number\" min=\"0\" value=\"1\" required",
        ),
        field(
            "percent",
            language.pick("퍼센트", "Percent"),
            "type=\"number\" min=\"0\" max=\"100\" value=\"5\" required",
        ),
        fault_fields(place),
    ];
    content += &form(place, "add-chance", &fields.concat(), language.pick("더하기", "Add"));
    content
}
