//! What happened to an order, told in words: the entries of its timeline, and one sentence for the whole.

use api::Text;
use domain::answer::FailureClass;
use domain::status::CustomerStatus;
use store::AttemptRow;
use store::orders::Happening;

use super::states::{self, Mood};
use crate::frame::Frame;

/// An entry, told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) mood: Mood,
}

macro_rules! text {
    ($ko:literal, $en:literal) => {
        Text { ko: $ko, en: $en }
    };
}

/// What happened, and what can be done now.
pub(crate) const fn sentence(status: CustomerStatus) -> Text {
    match status {
        CustomerStatus::AwaitingPayment => text!(
            "고객이 아직 결제하지 않았습니다. 할 일이 없습니다.",
            "The customer has not paid yet. There is nothing to do."
        ),
        CustomerStatus::Confirming => text!(
            "토스에서 승인하는 중입니다. 저절로 끝납니다.",
            "The money is being taken. It ends by itself."
        ),
        CustomerStatus::Checking => text!(
            "돈이 움직였는지 확인하는 중입니다. 먼저 토스에 조회하세요.",
            "Whether money moved is being found out. Look it up at Toss first."
        ),
        CustomerStatus::WaitingForDeposit => text!(
            "고객의 입금을 기다립니다. 기한이 지나면 저절로 닫힙니다.",
            "The customer's deposit is awaited. After its time the order closes by itself."
        ),
        CustomerStatus::Paid => text!(
            "결제가 끝났습니다. 남은 금액을 취소할 수 있습니다.",
            "It is paid. What is left can be cancelled."
        ),
        CustomerStatus::Failed => text!(
            "승인이 거절되어 돈은 움직이지 않았습니다. 고객이 새로 주문해야 합니다.",
            "The payment was refused and no money moved. The customer places a new order."
        ),
        CustomerStatus::Expired => text!(
            "제때 승인되지 않아 돈은 움직이지 않았습니다.",
            "It was not confirmed in time, and no money moved."
        ),
        CustomerStatus::Closed => {
            text!("결제 전에 닫혔습니다.", "It was closed before anything was paid.")
        }
        CustomerStatus::Refunding => text!(
            "환불하는 중입니다. 저절로 끝납니다.",
            "Money is on its way back. It ends by itself."
        ),
        CustomerStatus::PartiallyCancelled => text!(
            "일부를 돌려주었습니다. 남은 금액을 취소할 수 있습니다.",
            "A part was given back. What is left can be cancelled."
        ),
        CustomerStatus::Cancelled => text!(
            "전부 돌려주었습니다. 더 할 일이 없습니다.",
            "All was given back. There is nothing left to do."
        ),
    }
}

/// Tells one entry.
pub(crate) fn told(what: &Happening, frame: &Frame) -> Told {
    let told =
        |text: Text, detail: String, mood| Told { title: frame.t(text).to_owned(), detail, mood };
    match what {
        Happening::OrderMade => told(text!("주문 접수", "Order made"), String::new(), Mood::Plain),
        Happening::ConfirmAccepted => told(
            text!("결제창 인증 완료, 승인 접수", "Confirm accepted"),
            String::new(),
            Mood::Plain,
        ),
        Happening::PaymentApproved => {
            told(text!("토스 승인", "Approved by Toss"), String::new(), Mood::Good)
        }
        Happening::JobMade(job) => told(
            text!("작업 생성", "Job made"),
            frame.t(states::kind(job.kind)).to_owned(),
            Mood::Plain,
        ),
        Happening::JobParked(job) => {
            let reason = job.park_reason.as_deref().unwrap_or_default();
            let detail = states::reason(reason)
                .map_or_else(|| reason.to_owned(), |it| frame.t(it.name).to_owned());
            told(text!("작업이 멈춤", "Job stopped for a person"), detail, Mood::Bad)
        }
        Happening::JobEnded(job) => {
            let (state, mood) = states::job_state(job.state);
            let detail = format!("{} · {}", frame.t(states::kind(job.kind)), frame.t(state));
            told(text!("작업 종료", "Job ended"), detail, mood)
        }
        Happening::Called { attempt, .. } => call(attempt, frame),
        Happening::CancelRequested(cancel) => {
            let detail = format!("{} · {}", frame.won(cancel.amount.get()), cancel.reason);
            told(text!("취소 요청", "Cancel asked for"), detail, Mood::Plain)
        }
        Happening::CancelDone(cancel) => {
            told(text!("취소 완료", "Cancelled"), frame.won(cancel.amount.get()), Mood::Good)
        }
        Happening::WebhookReceived(webhook) => {
            told(text!("웹훅 수신", "Webhook received"), webhook.kind.clone(), Mood::Plain)
        }
        Happening::ReviewAsked { reason } => {
            let detail = states::reason(reason)
                .map_or_else(|| reason.clone(), |it| frame.t(it.name).to_owned());
            told(text!("검토 요청", "A person was asked to look"), detail, Mood::Bad)
        }
        Happening::Found(finding) => told(
            text!("대사 차이 발견", "Reconciliation found a difference"),
            finding.found.kind.word().to_owned(),
            Mood::Bad,
        ),
        Happening::FindingClosed(finding) => told(
            text!("대사 차이 종료", "Difference closed"),
            finding.found.kind.word().to_owned(),
            Mood::Good,
        ),
        Happening::Acted(entry) => {
            let name = entry.actor_name.as_deref().unwrap_or(&entry.actor);
            let reason =
                entry.reason.as_deref().map_or_else(String::new, |reason| format!(" · {reason}"));
            let title = entry.action.clone();
            Told { title, detail: format!("{name}{reason}"), mood: Mood::Plain }
        }
        Happening::Erased => {
            told(text!("개인정보 삭제", "Personal data erased"), String::new(), Mood::Plain)
        }
    }
}

/// Tells one call.
pub(crate) fn call(attempt: &AttemptRow, frame: &Frame) -> Told {
    let took = attempt.duration_ms.map_or_else(String::new, |ms| frame.duration(ms));
    let status = attempt.http_status.map_or_else(String::new, |status| status.to_string());
    let code = attempt.code.clone().unwrap_or_default();
    let class = attempt.verdict.as_deref().and_then(FailureClass::from_word);
    let class = class.map_or_else(String::new, |of| frame.t(states::class(of).name).to_owned());
    let parts = [status, code, class, took].into_iter().filter(|it| !it.is_empty());
    let mood = match (&attempt.code, attempt.http_status) {
        (None, Some(200)) => Mood::Good,
        (_, None) => Mood::Warn,
        _ => Mood::Bad,
    };
    let title = frame.t(text!("토스 호출", "Toss was called")).to_owned();
    Told { title, detail: parts.collect::<Vec<_>>().join(" · "), mood }
}
