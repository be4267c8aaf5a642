//! One payment: what was really moved, what came in for it, what was told of it, and what can be done to it.

use super::App;
use super::faults::{fault_fields, times_field};
use super::parts::{at, badge, button, card, choice, code, field, form, status_badge, table};
use super::place::{Place, hidden};
use super::webhooks::deliveries;
use crate::handle::Handle;
use crate::handle::webhooks::WebhookQuery;
use crate::http::page::{escape, won};
use crate::ledger::LedgerEntry;
use crate::method::Family;
use crate::payment::{Payment, Status};

pub(super) fn view(app: &App, handle: &Handle, place: &Place, payment_key: &str) -> String {
    let language = place.language;
    // The ledger lets run out what has.
    let (Some(truth), Some(payment)) = (
        handle.ledger_of(payment_key),
        app.shared.read(|world| world.payments.find(payment_key).cloned()),
    ) else {
        let text = language.pick("그런 결제가 없습니다.", "There is no such payment.");
        return format!("<p class=\"nothing\">{text}</p>");
    };
    let query = WebhookQuery { payment_key: Some(payment_key.to_owned()) };
    let mut told = handle.webhooks(&query);
    told.reverse();
    [
        summary(place, &payment, &truth),
        actions(place, &payment),
        card(language.pick("도착한 요청", "Requests that came"), &requests(place, &truth)),
        card(language.pick("웹훅", "Webhooks"), &deliveries(place, &told)),
        card(
            language.pick("이 결제를 방해하기", "Disturb this payment"),
            &form(
                place,
                "add-fault",
                &[hidden("paymentKey", payment_key), fault_fields(place), times_field(place)]
                    .concat(),
                language.pick("장애 걸기", "Script the fault"),
            ),
        ),
    ]
    .concat()
}

fn summary(place: &Place, payment: &Payment, truth: &LedgerEntry) -> String {
    let language = place.language;
    let approved_at = payment.approval.as_ref().and_then(|approval| approval.at);
    let mut rows = vec![
        (language.pick("상태", "Status"), status_badge(payment.status, language)),
        (language.pick("주문번호", "Order id"), code(&payment.order_id)),
        (language.pick("결제 키", "Payment key"), code(&payment.payment_key)),
        (language.pick("가맹점", "Merchant"), code(&payment.merchant.m_id)),
        (language.pick("방법", "Method"), escape(payment.method.title(language))),
        (
            language.pick("승인", "Approved"),
            approved_at.map_or("–".to_owned(), |at| at.to_kst_local(" ")),
        ),
        (
            language.pick("실제 출금", "Really charged"),
            format!("{} ({})", won(truth.charged, language), truth.charges),
        ),
        (language.pick("실제 반환", "Really returned"), won(truth.cancelled, language)),
        (language.pick("취소 가능", "Can be cancelled"), won(payment.balance(), language)),
    ];
    if let Some(account) = &payment.account {
        let due = format!("{} KST", account.due_at.to_kst_local(" "));
        rows.push((
            language.pick("가상계좌", "Account"),
            code(&format!("{} {}", account.bank_code, account.number)),
        ));
        rows.push((language.pick("입금 기한", "Due"), due));
    }
    if let Some(failure) = &payment.failure {
        rows.push((language.pick("실패", "Failure"), badge("bad", &failure.code)));
    }
    let rows: String = rows
        .iter()
        .map(|(term, text)| format!("<div><dt>{term}</dt><dd>{text}</dd></div>"))
        .collect();
    let title = format!("{} · {}", escape(&payment.order_name), won(payment.amount, language));
    card(&title, &format!("<dl class=\"facts\">{rows}</dl>"))
}

fn actions(place: &Place, payment: &Payment) -> String {
    let language = place.language;
    let key = [("paymentKey", payment.payment_key.as_str())];
    let mut content = String::new();
    let is_account = payment.method.family() == Family::VirtualAccount;
    if payment.status == Status::WaitingForDeposit {
        let text = language.pick("입금하기", "Make the deposit");
        content += &button(place, "deposit", &key, text, "main");
    }
    if is_account && payment.status == Status::Done {
        let text =
            language.pick("입금 되돌리기 (입금 오류)", "Take the deposit back (deposit error)");
        content += &button(place, "reverse", &key, text, "small");
    }
    let is_cancelable = match payment.status {
        Status::Done | Status::WaitingForDeposit | Status::PartialCanceled => payment.balance() > 0,
        Status::Ready
        | Status::InProgress
        | Status::Canceled
        | Status::Aborted
        | Status::Expired => false,
    };
    if is_cancelable {
        let fields = [
            hidden("paymentKey", &payment.payment_key),
            field(
                "amount",
                language.pick("금액 (비우면 전부)", "Amount (all if empty)"),
                "inputmode=\"numeric\" pattern=\"[0-9]*\"",
            ),
            field(
                "reason",
                language.pick("이유", "Reason"),
                &format!(
                    "required maxlength=\"200\" value=\"{}\"",
                    language.pick("상점 관리자에서 취소", "Cancelled in the console")
                ),
            ),
        ];
        let text = language.pick("관리자에서 취소하기", "Cancel in the console");
        content += &form(place, "cancel", &fields.concat(), text);
    }
    if payment.account.as_ref().is_some_and(|account| account.refund_to.is_some()) {
        let title = language.pick("환불 결과", "How the refund ends");
        let outcomes = [
            ("FAILED", language.pick("실패", "Failed").to_owned()),
            ("PARTIAL_FAILED", language.pick("일부 실패", "Failed in part").to_owned()),
            ("COMPLETED", language.pick("완료", "Completed").to_owned()),
        ];
        let fields =
            [hidden("paymentKey", &payment.payment_key), choice("outcome", title, &outcomes)];
        content += &form(place, "refund", &fields.concat(), language.pick("정하기", "Decide"));
    }
    if content.is_empty() {
        return String::new();
    }
    card(language.pick("할 수 있는 일", "What can be done"), &content)
}

fn requests(place: &Place, truth: &LedgerEntry) -> String {
    let language = place.language;
    let heads = [
        language.pick("시각", "At"),
        language.pick("요청", "Request"),
        language.pick("답", "Answer"),
        language.pick("멱등키", "Idempotency key"),
        language.pick("본문", "Body"),
    ];
    let row = |request: &crate::ledger::RecordedRequest| {
        let status = match request.status {
            Some(status) if status < 300 => badge("good", &status.to_string()),
            Some(status) => badge("bad", &status.to_string()),
            None => badge("bad", language.pick("답 없음", "no answer")),
        };
        let replayed = if request.replayed {
            badge("plain", language.pick("저장된 답", "replayed"))
        } else {
            String::new()
        };
        let body =
            if request.body.is_null() { String::new() } else { code(&request.body.to_string()) };
        vec![
            at(&request.at),
            code(&format!("{} {}", request.method, request.path)),
            format!("{status} {replayed}"),
            request.idempotency_key.as_deref().map(code).unwrap_or_default(),
            body,
        ]
    };
    let rows: Vec<Vec<String>> = truth.requests.iter().rev().map(row).collect();
    table(&heads, &rows, language.pick("아직 없습니다.", "None yet."))
}
