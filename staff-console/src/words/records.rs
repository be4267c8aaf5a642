//! Texts of the pages of records: webhooks, findings, workers, the audit, staff.

use std::borrow::Borrow;

use api::Text;
use domain::reconcile::FindingKind;
use domain::webhook::WebhookState;
use store::WorkerStanding;

use super::states::{Meaning, Mood};

macro_rules! texts {
    ($($name:ident: $ko:literal, $en:literal;)*) => {
        $(pub(crate) const $name: Text = Text { ko: $ko, en: $en };)*
    };
}

macro_rules! text {
    ($ko:literal, $en:literal) => {
        Text { ko: $ko, en: $en }
    };
}

texts! {
    WEBHOOKS: "웹훅", "Webhooks";
    WEBHOOKS_LEAD: "웹훅은 참고일 뿐입니다. 돈에 관한 것은 늘 토스에 다시 조회해 확인합니다.", "A webhook is only a hint. What it says of money is always looked up at Toss.";
    NO_WEBHOOKS: "해당하는 웹훅이 없습니다.", "There are no such webhooks.";
    RECEIVED: "받은 시각", "Received";
    EVENT: "종류", "Kind";
    CLAIMED: "알려 온 상태", "Claimed status";
    SOURCE: "보낸 주소", "Sent from";
    DELIVERIES: "받은 횟수", "Deliveries";

    FINDING: "대사 차이", "Finding";
    FINDINGS_LEAD: "우리 기록과 토스 기록이 다른 것입니다. 여기서 닫아도 돈은 움직이지 않습니다.", "Where our records and Toss's differ. Closing one here moves no money.";
    NO_FINDINGS: "해당하는 차이가 없습니다.", "There are no such findings.";
    OPEN: "열림", "Open";
    CLOSED: "닫힘", "Closed";
    DETAIL: "내용", "Detail";
    HERE: "우리 기록", "Here";
    THERE: "토스 기록", "At Toss";
    TRANSACTION_KEY: "거래 키", "Transaction key";
    HAPPENED: "일어난 시각", "Happened";
    FIRST_SEEN: "처음 발견", "First seen";
    LAST_SEEN: "마지막 확인", "Last seen";
    CLOSED_AT: "닫은 시각", "Closed at";
    CLOSED_BY: "닫은 사람", "Closed by";
    NOTE: "메모", "Note";
    SYSTEM: "시스템", "The system";
    COMMAND_LINE: "명령줄", "The command line";
    CLOSE: "차이 닫기", "Close the finding";
    CLOSE_EFFECT: "처리했다고 기록합니다. 같은 모습인 동안 다시 열리지 않습니다.", "Says that it was dealt with. It stays closed for as long as it looks the same.";
    CLOSE_REASON: "무엇을 했는지", "What was done about it";
    CLOSE_NOT_ALLOWED: "이 차이는 마스터만 닫을 수 있습니다.", "Only masters may close this one.";
    CLOSED_ALREADY: "다른 사람이 이 차이를 먼저 닫았습니다.", "Somebody else has closed this finding already.";

    WORKERS_NONE: "알려진 워커가 없습니다.", "No worker is known.";
    VERSIONS_DIFFER: "작동 중인 워커의 버전이 서로 다릅니다. 배포가 끝났는지 확인하세요: ", "The workers that run have different versions. See whether a deployment has ended: ";
    STARTED: "시작", "Started";
    WORKERS_CUT: "최근에 신호가 온 워커만 보여 줍니다.", "Only those seen last are shown.";

    AUDIT: "감사 기록", "Audit";
    NO_AUDIT: "해당하는 기록이 없습니다.", "There are no such entries.";
    WHEN: "시각", "When";
    WHO: "누가", "Who";
    WHAT: "무엇을", "What";
    SUBJECT: "대상", "Subject";
    SHOW_DETAIL: "내용 보기", "Show the detail";
    ACTOR_HINT: "직원 ID 또는 system", "Staff id, or system";
    ACTION_HINT: "예: job.retry", "For example job.retry";
    SUBJECT_HINT: "주문, 작업, 상품의 ID", "Id of an order, a job, a product";

    STAFF: "직원", "Staff";
    STAFF_LEAD: "직원은 서버에서 seungin staff add 명령으로 추가합니다.", "People are added at the server by seungin staff add.";
    NO_STAFF: "직원이 없습니다.", "There is nobody.";
    NAME: "이름", "Name";
    ROLE: "역할", "Role";
    STORES: "매장", "Stores";
    EVERY_STORE: "모든 매장", "Every store";
    ADDED: "추가", "Added";
    LAST_SIGN_IN: "마지막 로그인", "Last sign-in";
    ACTIVE: "사용 중", "Active";
    DISABLED: "사용 중지", "Disabled";
    DISABLE: "사용 중지", "Disable";
    DISABLE_EFFECT: "토큰과 비밀번호가 바로 거절되고 로그인된 곳에서 나갑니다. 되돌릴 수 없습니다.", "Their token and password are refused and they are signed out at once. This cannot be undone.";
    DISABLE_SURE: "이 직원을 사용 중지합니다", "I want to disable this person";
    DISABLE_NOT_SURE: "확인란을 선택하지 않았습니다.", "The box that confirms it was not ticked.";
    DISABLE_SELF: "자기 자신은 사용 중지할 수 없습니다.", "Nobody disables themselves.";
    YOU: "나", "you";
}

/// What kind of event a webhook is; a word of a newer version stands for itself.
pub(crate) fn webhook_kind(word: &str) -> Option<Text> {
    match word {
        "payment" => Some(text!("결제 상태", "Payment status")),
        "deposit" => Some(text!("입금", "Deposit")),
        "other" => Some(text!("다른 이벤트", "Other event")),
        "unreadable" => Some(text!("읽을 수 없음", "Unreadable")),
        _ => None,
    }
}

/// Where a webhook stands, and what that means.
pub(crate) fn webhook_state(state: impl Borrow<WebhookState>) -> (Text, Mood, Text) {
    match *state.borrow() {
        WebhookState::LookedUp => (
            text!("조회함", "Looked up"),
            Mood::Good,
            text!("토스에 결제를 조회했습니다.", "Toss was asked about the payment."),
        ),
        WebhookState::Waiting => (
            text!("대기", "Waiting"),
            Mood::Warn,
            text!(
                "아직 그런 결제가 없습니다. 하루 동안 다시 시도합니다.",
                "There is no such payment yet. It is tried again for a day."
            ),
        ),
        WebhookState::Ignored => (
            text!("무시함", "Ignored"),
            Mood::Plain,
            text!("따라서 할 일이 없습니다.", "Nothing follows from it."),
        ),
        WebhookState::Refused => (
            text!("거절함", "Refused"),
            Mood::Bad,
            text!("토스가 보낸 것일 수 없습니다.", "It cannot come from Toss."),
        ),
        WebhookState::Expired => (
            text!("기한 지남", "Expired"),
            Mood::Plain,
            text!(
                "하루 동안 그런 결제가 생기지 않았습니다.",
                "For a day there was no such payment."
            ),
        ),
    }
}

/// Why a webhook stands so; a code of a newer version stands for itself.
pub(crate) fn webhook_reason(code: &str) -> Option<Text> {
    match code {
        "OTHER_EVENT" => Some(text!(
            "우리가 다루지 않는 이벤트입니다.",
            "It is an event that nothing here acts on."
        )),
        "UNREADABLE" => Some(text!("이벤트로 읽히지 않습니다.", "It does not read as an event.")),
        "OTHER_PAYMENT" => Some(text!(
            "같은 주문의 다른 결제창에서 온 것입니다.",
            "It is about another payment window of the same order."
        )),
        "WRONG_SECRET" => Some(text!(
            "결제의 비밀 값이 맞지 않습니다. 보낸 주소를 확인하세요.",
            "The payment's secret is not right. See where it was sent from."
        )),
        "NEVER_CONFIRMED" => {
            Some(text!("결제하지 않고 닫은 결제창입니다.", "A payment window that nobody paid in."))
        }
        "NO_PAYMENT" => Some(text!(
            "이 주문의 결제가 우리 기록에 없습니다.",
            "Our records have no payment of this order."
        )),
        _ => None,
    }
}

/// What a kind of finding means, and what to do about it.
pub(crate) fn finding(kind: impl Borrow<FindingKind>) -> Meaning {
    let (name, meaning, action) = match *kind.borrow() {
        FindingKind::OrphanCharge => (
            text!("주인 없는 결제", "Charge without a payment"),
            text!(
                "우리에게 없는 결제로 토스가 돈을 받았습니다.",
                "Toss holds money for a payment that is none of ours."
            ),
            text!(
                "토스 상점 관리자에서 주문을 찾으세요. 다른 시스템의 결제면 닫고, 아니면 그곳에서 취소하세요.",
                "Find the order in Toss's merchant console. If it is another system's, close this; otherwise cancel it there."
            ),
        ),
        FindingKind::MissingHere => (
            text!("우리 기록에 없음", "Missing here"),
            text!(
                "토스에는 결제나 취소가 있는데 우리 기록에는 없습니다.",
                "Toss has a charge or a cancel that our records do not have."
            ),
            text!(
                "워커가 작동하는지 확인하고 주문의 작업을 보세요. 실패로 끝난 결제면 환불하거나 살리세요.",
                "See whether workers run, then what the order's jobs say. A payment that failed here is given back or kept."
            ),
        ),
        FindingKind::MissingThere => (
            text!("토스 기록에 없음", "Missing at Toss"),
            text!(
                "우리 기록에 있는 결제나 취소를 토스가 모릅니다.",
                "Toss does not know a charge or a cancel of ours."
            ),
            text!(
                "그 결제를 만든 상점의 키가 맞는지 확인한 뒤 토스에 문의하세요. 그동안 배달하지 마세요.",
                "Check that the keys are those of the payment's merchant, then ask Toss. Deliver nothing meanwhile."
            ),
        ),
        FindingKind::AmountDiffers => (
            text!("금액 다름", "Amounts differ"),
            text!(
                "양쪽에 다 있지만 금액이 다릅니다.",
                "Both sides have it, with different amounts."
            ),
            text!(
                "결함이거나 조작입니다. 주문을 토스 상점 관리자와 비교하고 알리세요.",
                "A defect or tampering: compare the order with Toss's merchant console, and report it."
            ),
        ),
        FindingKind::CancelledAtToss => (
            text!("토스에서 취소됨", "Cancelled at Toss"),
            text!(
                "토스 상점 관리자에서 직접 취소했습니다. 우리 기록에도 반영되었습니다.",
                "Somebody cancelled in Toss's merchant console. Our records have it by now."
            ),
            text!(
                "취소한 사람에게 앞으로 여기서 취소하도록 알리고, 사유를 적어 닫으세요.",
                "Ask whoever did it to cancel here instead, and close it with the reason."
            ),
        ),
        FindingKind::Undecided => (
            text!("판단 못 함", "Undecided"),
            text!(
                "조회로 차이가 있는지 알 수 없었습니다.",
                "A look-up could not tell whether there is a difference."
            ),
            text!(
                "다음 대사가 다시 묻습니다. 남아 있으면 토스 상점 관리자에서 확인하고 코드를 알리세요.",
                "The next run asks again. If it stays, look into Toss's merchant console and report the code."
            ),
        ),
    };
    Meaning { name, meaning, action }
}

/// How a worker is.
pub(crate) fn standing(standing: impl Borrow<WorkerStanding>) -> (Text, Mood) {
    match *standing.borrow() {
        WorkerStanding::Alive => (super::WORKER_ALIVE, Mood::Good),
        WorkerStanding::Stopping => (super::WORKER_STOPPING, Mood::Warn),
        WorkerStanding::Lost => (super::WORKER_LOST, Mood::Bad),
    }
}
