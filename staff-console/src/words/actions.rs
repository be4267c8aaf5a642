//! What staff can do, in words: the name of an action, what it will do, and what is said when it was done.

use std::borrow::Borrow;

use api::Text;
use domain::action::JobAction;
use domain::bulk::{BulkAction, BulkState, ItemState};

use super::states::Mood;

macro_rules! text {
    ($ko:literal, $en:literal) => {
        Text { ko: $ko, en: $en }
    };
}

/// The name of an action.
pub(crate) fn name(action: impl Borrow<JobAction>) -> Text {
    match *action.borrow() {
        JobAction::LookUp => text!("토스에 조회", "Look up at Toss"),
        JobAction::Retry => text!("다시 시도", "Retry"),
        JobAction::Discard => text!("포기", "Discard"),
        JobAction::ChangeDueTime => text!("시각 변경", "Change the time"),
        JobAction::Match => text!("취소 짝짓기", "Match a cancel"),
    }
}

/// What an action will do.
pub(crate) fn effect(action: impl Borrow<JobAction>) -> Text {
    match *action.borrow() {
        JobAction::LookUp => text!(
            "이 결제가 어떻게 되었는지 토스에 묻습니다. 돈은 움직이지 않습니다.",
            "Asks Toss where the payment stands. No money moves."
        ),
        JobAction::Retry => text!(
            "지금 다시 진행합니다. 결과를 모르면 먼저 조회하므로 두 번 결제되거나 환불되지 않습니다.",
            "It goes on now. What is unknown is looked up first, so nothing is charged or refunded twice."
        ),
        JobAction::Discard => text!(
            "영구히 포기합니다. 승인은 실패로, 취소는 거절로 끝나며 되돌릴 수 없습니다.",
            "It is given up for good: a confirm ends as failed, a cancel as refused. This cannot be undone."
        ),
        JobAction::ChangeDueTime => text!(
            "기다리는 작업이 다시 진행될 시각을 바꿉니다.",
            "A waiting job goes on at this time instead."
        ),
        JobAction::Match => text!(
            "토스의 취소 기록 중 어느 것이 이 취소인지 정합니다.",
            "Say which cancel at Toss is this one."
        ),
    }
}

/// Where a bulk run stands.
pub(crate) fn run_state(state: impl Borrow<BulkState>) -> (Text, Mood) {
    match *state.borrow() {
        BulkState::Running => (text!("진행 중", "Running"), Mood::Warn),
        BulkState::Done => (text!("끝남", "Done"), Mood::Good),
        BulkState::Stopped => (text!("멈춤", "Stopped"), Mood::Plain),
    }
}

/// What became of one job of a run.
pub(crate) fn item_state(state: impl Borrow<ItemState>) -> (Text, Mood) {
    match *state.borrow() {
        ItemState::Pending => (text!("차례 대기", "To come"), Mood::Plain),
        ItemState::Done => (text!("실행됨", "Done"), Mood::Good),
        ItemState::Refused => (text!("허용 안 됨", "Not allowed"), Mood::Bad),
        ItemState::Failed => (text!("오류", "Failed"), Mood::Bad),
        ItemState::Skipped => (text!("건너뜀", "Skipped"), Mood::Plain),
    }
}

/// What a run does.
pub(crate) fn bulk(action: impl Borrow<BulkAction>) -> Text {
    name(action.borrow().of_one())
}

macro_rules! done {
    ($($name:ident $word:literal $ko:literal, $en:literal;)*) => {
        /// What was done, told on the page that one comes back to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Done {
            $($name,)*
        }

        impl Done {
            /// The word in the address.
            pub(crate) const fn word(self) -> &'static str {
                match self {
                    $(Done::$name => $word,)*
                }
            }

            /// What is said of a word, if it is one of ours.
            pub(crate) fn text(word: &str) -> Option<Text> {
                match word {
                    $($word => Some(text!($ko, $en)),)*
                    _ => None,
                }
            }
        }
    };
}

done! {
    LookUp "look-up" "토스에 조회를 요청했습니다. 결과는 잠시 뒤 여기에 나타납니다.", "Toss is being asked. The result appears here in a moment.";
    Retry "retry" "작업을 다시 진행합니다.", "The job goes on.";
    Discard "discard" "작업을 포기했습니다.", "The job was given up.";
    DueTime "due-time" "시각을 바꾸었습니다.", "The time was changed.";
    Cancel "cancel" "취소를 접수했습니다. 잠시 뒤 환불됩니다.", "The cancel was accepted. The money goes back in a moment.";
    CancelBefore "cancel-before" "이미 접수된 취소입니다. 두 번 환불되지 않습니다.", "This cancel was accepted before. It is not given back twice.";
    CloseReview "close-review" "검토를 닫았습니다.", "The review was closed.";
    Match "match" "취소를 짝지었습니다.", "The cancel was matched.";
    Pause "pause" "호출을 멈추었습니다.", "Calls are paused.";
    Resume "resume" "호출을 다시 시작했습니다.", "Calls go on.";
    BulkStart "bulk-start" "일괄 작업을 시작했습니다.", "The bulk run has begun.";
    BulkStop "bulk-stop" "일괄 작업을 멈추었습니다.", "The bulk run was stopped.";
    FindingClosed "finding-closed" "차이를 닫았습니다.", "The finding was closed.";
    StaffDisabled "staff-disabled" "직원을 사용 중지했습니다.", "The member of staff was disabled.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_none_of_ours_says_nothing() {
        assert!(Done::text(Done::Retry.word()).is_some());
        assert!(Done::text("<script>").is_none());
    }
}
