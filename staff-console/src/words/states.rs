//! Words for states, kinds, classes of failures and reasons: what each means, and what a person does about it.

use std::borrow::Borrow;

use api::Text;
use domain::answer::FailureClass;
use domain::attempt::Operation;
use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::policy::ReviewReason;
use domain::status::CustomerStatus;
use store::{JobSet, JobSort};

use crate::query::Age;

/// How something looks: which colour and which sign stand beside its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nothing to say.
    Plain,
    /// Well.
    Good,
    /// Under way, or to be watched.
    Warn,
    /// Not well.
    Bad,
}

impl Mood {
    /// The class of an entry of a timeline.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Mood::Plain => "is-plain",
            Mood::Good => "is-good",
            Mood::Warn => "is-warn",
            Mood::Bad => "is-bad",
        }
    }

    /// The class of a badge.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Mood::Plain => "badge",
            Mood::Good => "badge badge-good",
            Mood::Warn => "badge badge-warn",
            Mood::Bad => "badge badge-bad",
        }
    }
}

/// What something means, and what to do about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    pub(crate) name: Text,
    pub(crate) meaning: Text,
    pub(crate) action: Text,
}

macro_rules! text {
    ($ko:literal, $en:literal) => {
        Text { ko: $ko, en: $en }
    };
}

/// A name, what it means, and what to do, each in Korean and English.
macro_rules! meaning {
    ($($name:literal),*; $($meaning:literal),*; $($action:literal),*) => {
        Meaning { name: text!($($name),*), meaning: text!($($meaning),*), action: text!($($action),*) }
    };
}

/// What a job is to do.
pub(crate) fn kind(kind: impl Borrow<JobKind>) -> Text {
    match *kind.borrow() {
        JobKind::Confirm => text!("승인", "Confirm"),
        JobKind::Cancel => text!("취소", "Cancel"),
        JobKind::LookUp => text!("조회", "Look-up"),
    }
}

/// Where a cancellation stands.
pub(crate) fn cancellation(state: impl Borrow<CancellationState>) -> Text {
    match *state.borrow() {
        CancellationState::Requested => text!("접수됨", "Accepted"),
        CancellationState::Sending => text!("보내는 중", "Being sent"),
        CancellationState::Unresolved => text!("확인 중", "Being found out"),
        CancellationState::Done => text!("완료", "Done"),
        CancellationState::Refused => text!("거절됨", "Refused"),
    }
}

/// A call to Toss.
pub(crate) fn operation(operation: impl Borrow<Operation>) -> Text {
    match *operation.borrow() {
        Operation::Confirm => text!("승인", "Confirm"),
        Operation::Cancel => text!("취소", "Cancel"),
        Operation::LookUp => text!("조회", "Look-up"),
    }
}

/// Where a job stands.
pub(crate) fn job_state(state: impl Borrow<JobState>) -> (Text, Mood) {
    match *state.borrow() {
        JobState::Queued => (text!("대기열", "Queued"), Mood::Plain),
        JobState::Running => (text!("처리 중", "Running"), Mood::Warn),
        JobState::Waiting => (text!("예약됨", "Scheduled"), Mood::Warn),
        JobState::Parked => (text!("사람이 필요", "Needs a person"), Mood::Bad),
        JobState::Succeeded => (text!("성공", "Succeeded"), Mood::Good),
        JobState::Declined => (text!("거절됨", "Declined"), Mood::Plain),
        JobState::Void => (text!("보내지 않음", "Not sent"), Mood::Plain),
        JobState::Discarded => (text!("포기함", "Discarded"), Mood::Plain),
    }
}

/// The name of a tab.
pub(crate) fn set(set: impl Borrow<JobSet>) -> Text {
    match *set.borrow() {
        JobSet::All => text!("전체", "All"),
        JobSet::Failed => text!("실패", "Failed"),
        JobSet::In(state) => job_state(state).0,
    }
}

/// How old something may be.
pub(crate) fn age(age: impl Borrow<Age>) -> Text {
    match *age.borrow() {
        Age::Hour => text!("최근 1시간", "The last hour"),
        Age::Day => text!("최근 24시간", "The last day"),
        Age::Week => text!("최근 7일", "The last week"),
    }
}

/// The name of an order of rows.
pub(crate) fn sort(sort: impl Borrow<JobSort>) -> Text {
    match *sort.borrow() {
        JobSort::Newest => text!("최신순", "Newest"),
        JobSort::OldestWaiting => text!("오래 기다린 순", "Waiting longest"),
        JobSort::Amount => text!("금액순", "Amount"),
        JobSort::LastChange => text!("최근 변경순", "Last change"),
    }
}

/// What customers are told of an order.
pub(crate) fn status(status: impl Borrow<CustomerStatus>) -> (Text, Mood) {
    match *status.borrow() {
        CustomerStatus::AwaitingPayment => (text!("결제 전", "Awaiting payment"), Mood::Plain),
        CustomerStatus::Confirming => (text!("승인 중", "Confirming"), Mood::Warn),
        CustomerStatus::Checking => (text!("확인 중", "Checking"), Mood::Warn),
        CustomerStatus::WaitingForDeposit => (text!("입금 대기", "Awaiting deposit"), Mood::Warn),
        CustomerStatus::Paid => (text!("결제 완료", "Paid"), Mood::Good),
        CustomerStatus::Failed => (text!("결제 실패", "Failed"), Mood::Bad),
        CustomerStatus::Expired => (text!("기한 만료", "Expired"), Mood::Plain),
        CustomerStatus::Closed => (text!("닫힘", "Closed"), Mood::Plain),
        CustomerStatus::Refunding => (text!("환불 중", "Refunding"), Mood::Warn),
        CustomerStatus::PartiallyCancelled => (text!("부분 취소", "Partly cancelled"), Mood::Good),
        CustomerStatus::Cancelled => (text!("취소 완료", "Cancelled"), Mood::Good),
    }
}

/// What a class of failures means, and what to do.
pub(crate) fn class(class: impl Borrow<FailureClass>) -> Meaning {
    match *class.borrow() {
        FailureClass::Unsent => meaning!(
            "전송 안 됨", "Not sent";
            "토스에 연결하지 못해 아무것도 보내지 않았습니다.", "Toss could not be reached; nothing was sent.";
            "저절로 다시 시도합니다. 오래가면 네트워크를 확인하세요.", "It is tried again by itself. If it lasts, check the network."
        ),
        FailureClass::Unanswered => meaning!(
            "응답 없음", "No answer";
            "보냈지만 응답이 오지 않아 결과를 모릅니다.", "It was sent and no answer came: the outcome is unknown.";
            "조회로 확인하는 중입니다. 급하면 지금 조회하세요.", "It is being looked up. If it is urgent, look it up now."
        ),
        FailureClass::InProgress => meaning!(
            "처리 중 응답", "In progress";
            "토스가 같은 요청을 아직 처리하고 있습니다.", "Toss is still working on the same request.";
            "기다리면 됩니다.", "Wait."
        ),
        FailureClass::Throttled => meaning!(
            "요청 제한", "Throttled";
            "요청이 너무 많아 처리 전에 거절되었습니다.", "There were too many requests; this one was refused before any work.";
            "저절로 다시 시도합니다. 잦으면 속도 제한을 설정하세요.", "It is tried again by itself. If it happens often, set a rate."
        ),
        FailureClass::Ambiguous => meaning!(
            "일시 오류", "Transient error";
            "토스나 카드사가 일시 오류로 답해 결과를 모릅니다.", "Toss or the card company answered with a passing error: the outcome is unknown.";
            "조회한 뒤 저절로 다시 시도합니다.", "It is looked up and tried again by itself."
        ),
        FailureClass::Limited => meaning!(
            "연속 요청 제한", "Consecutive limit";
            "같은 결제에 요청이 연달아 와서 토스가 받지 않았습니다.", "Requests for one payment came too close together, and Toss did not take this one.";
            "간격을 두고 저절로 다시 시도합니다.", "It is tried again after a pause by itself."
        ),
        FailureClass::BankClosed => meaning!(
            "은행 점검", "Bank closed";
            "은행이 지금 시간에는 처리하지 않습니다.", "The bank does not work at this hour.";
            "영업 시간에 저절로 다시 시도합니다.", "It is tried again in the bank's hours by itself."
        ),
        FailureClass::Contradictory => meaning!(
            "모순된 응답", "Contradiction";
            "응답이 우리가 아는 것과 다르거나 알 수 없는 코드입니다.", "The answer contradicts what we know, or has an unknown code.";
            "조회로 확인하세요.", "Look the payment up."
        ),
        FailureClass::Disputed => meaning!(
            "이미 처리됨", "Perhaps done before";
            "거절되었지만 전에 이미 처리되었을 수 있습니다.", "It was refused, perhaps because it had been done before.";
            "조회로 확인하세요.", "Look the payment up."
        ),
        FailureClass::Refused => meaning!(
            "거절", "Refused";
            "카드사나 토스가 거절했습니다. 돈은 움직이지 않았습니다.", "The card company or Toss refused. No money moved.";
            "다시 시도할 수 없습니다. 고객이 새로 주문해야 합니다.", "It cannot be tried again: the customer places a new order."
        ),
        FailureClass::Absent => meaning!(
            "결제 없음", "Unknown at Toss";
            "토스가 이 결제를 모릅니다.", "Toss does not know the payment.";
            "상점 키가 맞는지 확인하세요.", "Check whether the keys are those of this merchant."
        ),
        FailureClass::Broken => meaning!(
            "설정 문제", "Setup";
            "키, 계약 또는 요청이 잘못되어 반복해도 소용없습니다.", "Our key, contract or request is wrong; repeating does not help.";
            "설정을 고친 뒤 다시 시도하세요.", "Mend the setup, then retry."
        ),
    }
}

/// The same for a job of a kind: a refund that was refused is still owed.
pub(crate) fn class_of(kind: impl Borrow<JobKind>, of: impl Borrow<FailureClass>) -> Meaning {
    match (*kind.borrow(), *of.borrow()) {
        (JobKind::Cancel, FailureClass::Refused) => meaning!(
            "환불 거절", "Refund refused";
            "토스나 은행이 취소를 거절했습니다. 돈은 돌아가지 않았습니다.", "Toss or the bank refused the cancel. No money went back.";
            "코드를 확인한 뒤 금액이나 계좌를 바꿔 다시 취소하거나 토스 상점 관리자에서 환불하세요.", "See the code, then cancel another amount or to another account, or refund in Toss's console."
        ),
        (JobKind::Confirm | JobKind::Cancel | JobKind::LookUp, of) => class(of),
    }
}

/// What a reason for which a person is asked means, and what to do. A word of a newer version stands for itself.
pub(crate) fn reason(word: &str) -> Option<Meaning> {
    let known = ReviewReason::ALL.into_iter().find(|known| known.word() == word)?;
    Some(match known {
        ReviewReason::Setup => meaning!(
            "설정 문제", "Setup";
            "토스가 키, 계약 또는 요청을 거절했습니다.", "Toss refused our key, contract or request.";
            "설정을 고친 뒤 다시 시도하세요.", "Mend the setup, then retry."
        ),
        ReviewReason::AnswerMismatch => meaning!(
            "다른 결제의 응답", "Another payment's answer";
            "토스가 다른 주문이나 금액으로 답했습니다.", "Toss answered with another order or amount.";
            "조회하고, 키가 섞이지 않았는지 확인하세요.", "Look it up, and check that no keys are crossed."
        ),
        ReviewReason::UnexpectedState => meaning!(
            "예상 밖의 상태", "Unexpected state";
            "우리가 한 일로 설명되지 않는 상태입니다.", "Toss shows a state that nothing of ours explains.";
            "토스 상점 관리자에서 누가 무엇을 했는지 확인하세요.", "See in Toss's merchant console who did what."
        ),
        ReviewReason::AmbiguousCancels => meaning!(
            "구분되지 않는 취소", "Cancels not told apart";
            "어느 취소가 우리 것인지 구분되지 않습니다.", "Which cancel at Toss is ours cannot be told.";
            "취소를 토스 기록과 짝지으세요.", "Match the cancellation to an entry at Toss."
        ),
        ReviewReason::KeysUsedUp => meaning!(
            "멱등키 소진", "Keys used up";
            "허용된 횟수를 다 썼고 처리되지 않았습니다.", "Every allowed key was used and nothing was done.";
            "원인을 확인한 뒤 다시 시도하거나 포기하세요.", "Find out why, then retry or discard."
        ),
        ReviewReason::GaveUp => meaning!(
            "시도 종료", "Gave up";
            "의미 있는 만큼 시도했습니다.", "It was tried for as long as makes sense.";
            "조회한 뒤 다시 시도하거나 포기하세요.", "Look it up, then retry or discard."
        ),
        ReviewReason::LookUpUnanswered => meaning!(
            "조회 응답 없음", "Look-up unanswered";
            "조회가 한 시간 동안 답을 받지 못했습니다.", "Look-ups have had no answer for an hour.";
            "토스 상태를 확인하고 지금 조회하세요.", "See how Toss is, then look it up now."
        ),
        ReviewReason::CrashLoop => meaning!(
            "반복된 중단", "Crash loop";
            "워커가 이 작업을 세 번 연속 끝내지 못했습니다.", "Workers failed to finish this job three times in a row.";
            "로그를 확인하고 조회하세요.", "Read the log, then look it up."
        ),
        ReviewReason::Absent => meaning!(
            "토스에 없는 결제", "Unknown at Toss";
            "토스가 이 결제를 모릅니다.", "Toss does not know the payment.";
            "상점 키가 맞는지 확인하세요.", "Check whether the keys are those of this merchant."
        ),
        ReviewReason::LateApproval => meaning!(
            "늦은 승인", "Late approval";
            "주문이 끝난 뒤에 돈이 승인되었습니다.", "The money was taken after the order had been given up.";
            "고객과 확인한 뒤 취소하거나 배송하세요.", "Ask the customer, then cancel or deliver."
        ),
        ReviewReason::DepositReversed => meaning!(
            "입금 취소", "Deposit reversed";
            "입금이 되돌려져 주문이 다시 입금을 기다립니다.", "A deposit went back; the order waits for its money again.";
            "상품을 보내지 말고 고객에게 알리세요.", "Hold the order back, and tell the customer."
        ),
        ReviewReason::LeftBehind => meaning!(
            "기한 지남", "Left behind";
            "때가 지났고 조회도 도움이 되지 않았습니다.", "It is past its time, and a look-up did not help.";
            "조회하고 기록을 확인하세요.", "Look it up, and read its history."
        ),
        ReviewReason::KeysMissing => meaning!(
            "키 없음", "Keys missing";
            "이 결제에 필요한 키가 설정되어 있지 않습니다.", "The keys that the payment belongs to are not configured.";
            "키를 설정하면 저절로 진행됩니다.", "Configure the keys; it goes on by itself."
        ),
    })
}
