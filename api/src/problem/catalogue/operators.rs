//! Codes about what operators do beyond one job: due times, telling cancels apart, reviews, holds, bulk runs.

use axum::http::StatusCode;

use super::{Info, Repeat};
use crate::words::Text;

pub(super) const JOB_NOT_WAITING: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "예약된 작업이 아님", en: "Job does not wait" },
    detail: Text {
        ko: "시각을 기다리는 작업만 시각을 바꿀 수 있습니다.",
        en: "Only a waiting job has a due time to change.",
    },
    meaning: "The job is parked: it has no due time.",
    action: "Retry or discard it.",
    repeat: Repeat::Pointless,
};

pub(super) const DUE_TOO_EARLY: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "너무 이른 시각", en: "Too early" },
    detail: Text {
        ko: "지났거나 토스가 허용하는 간격보다 이른 시각입니다.",
        en: "The time has passed, or is earlier than Toss allows.",
    },
    meaning: "`dueAt` is in the past, or within the distance that Toss asks for between calls of one payment: `earliest` says what is possible.",
    action: "Send `earliest` or later.",
    repeat: Repeat::Pointless,
};

pub(super) const DUE_TOO_LATE: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "너무 늦은 시각", en: "Too late" },
    detail: Text {
        ko: "미룰 수 있는 한도를 넘는 시각입니다.",
        en: "A job cannot be put off for so long.",
    },
    meaning: "`dueAt` is more than a day ahead, or for a confirm after its ten minutes: `latest` says what is possible.",
    action: "Send `latest` or earlier.",
    repeat: Repeat::Pointless,
};

pub(super) const JOB_CHANGED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 바뀐 작업", en: "Job has changed" },
    detail: Text {
        ko: "그 사이에 작업이 바뀌었습니다. 다시 확인해 주세요.",
        en: "The job has changed meanwhile: look again.",
    },
    meaning: "`seenDueAt` is not when the job is due by now: somebody was quicker, or it has gone on.",
    action: "Read the job and decide again.",
    repeat: Repeat::Pointless,
};

pub(super) const MATCH_NOTHING: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "대조할 취소 없음", en: "Nothing to match" },
    detail: Text {
        ko: "토스의 취소와 대조할 것이 없습니다.",
        en: "There is no cancel at Toss to tell apart.",
    },
    meaning: "The cancellation's job did not stop because cancels at Toss cannot be told apart.",
    action: "Look the payment up; it is parked as `ambiguous_cancels` if there is something to match.",
    repeat: Repeat::Pointless,
};

pub(super) const MATCH_ENTRY_UNKNOWN: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "없는 취소 항목", en: "Unknown entry" },
    detail: Text {
        ko: "토스가 보여 준 취소 중에 그런 항목이 없거나, 이미 다른 취소의 것입니다.",
        en: "Toss shows no such cancel, or another cancellation has it.",
    },
    meaning: "`transactionKey` is not among the candidates.",
    action: "List them with `GET /v1/orders/{orderId}/cancels/{cancelId}/candidates`; a look-up reads them anew.",
    repeat: Repeat::Pointless,
};

pub(super) const MATCH_AMOUNT_DIFFERS: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "취소 금액이 다름", en: "Another amount" },
    detail: Text {
        ko: "토스의 취소와 우리 취소의 금액이 다릅니다.",
        en: "The cancel at Toss is about another amount than ours.",
    },
    meaning: "`amountHere` is ours, `amountThere` Toss's.",
    action: "Choose an entry of the same amount.",
    repeat: Repeat::Pointless,
};

pub(super) const MATCH_NOT_SETTLED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "아직 단정할 수 없음", en: "Too early to say" },
    detail: Text {
        ko: "우리 요청이 아직 처리될 수 있습니다. 잠시 뒤 다시 조회해 주세요.",
        en: "A call of ours may still take effect: retry the job in a minute, which looks again.",
    },
    meaning: "No look-up of the cancel's own job began when its last call could do nothing any more, so what Toss showed need not be all.",
    action: "Retry the job, which looks first, and say it then.",
    repeat: Repeat::Later,
};

pub(super) const MATCH_CARRIES_TAG: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "우리 표식이 있는 취소", en: "It carries our tag" },
    detail: Text {
        ko: "우리 표식이 있는 취소가 토스에 있습니다. 그중 하나를 골라 주세요.",
        en: "A cancel at Toss carries our tag: choose one of them.",
    },
    meaning: "An entry's reason ends with this cancellation's tag, so that one of them is ours.",
    action: "Send its `transactionKey`.",
    repeat: Repeat::Pointless,
};

pub(super) const PAYMENT_CHANGED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 바뀐 결제", en: "Payment has changed" },
    detail: Text {
        ko: "그 사이에 결제가 바뀌었습니다. 다시 확인해 주세요.",
        en: "The payment has changed meanwhile: look again.",
    },
    meaning: "`paymentVersion` is not the payment's by now: somebody was quicker, or an answer of Toss came.",
    action: "Read it again and decide anew.",
    repeat: Repeat::Pointless,
};

pub(super) const REVIEW_NONE: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "검토 중이 아님", en: "Not in review" },
    detail: Text {
        ko: "검토 중인 결제가 아닙니다.", en: "The payment is not in review."
    },
    meaning: "Nobody is asked about it, or somebody has closed it before.",
    action: "Nothing.",
    repeat: Repeat::Pointless,
};

pub(super) const REVIEW_JOB_FIRST: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "멈춘 작업이 먼저", en: "A parked job comes first" },
    detail: Text {
        ko: "멈춘 작업이 있습니다. 먼저 재시도하거나 포기해 주세요.",
        en: "A job of the payment is parked: retry or discard it first.",
    },
    meaning: "The review is about a job that still waits for a person.",
    action: "Retry or discard the job, or tell its cancels apart.",
    repeat: Repeat::Pointless,
};

pub(super) const REVIEW_ENDS_BY_PROOF: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "조회로만 끝나는 검토", en: "Only proof ends it" },
    detail: Text {
        ko: "토스 조회로 확인되어야만 끝나는 검토입니다.",
        en: "Only a look-up can end this review.",
    },
    meaning: "Toss does not know of money that we count on, or whether it came is not known: no word of a person replaces that.",
    action: "Use `POST /v1/orders/{orderId}/look-up`; see the runbook for its reason.",
    repeat: Repeat::Pointless,
};

pub(super) const HOLD_EXISTS: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "이미 중지됨", en: "Paused already" },
    detail: Text { ko: "이미 중지되어 있습니다.", en: "These calls are paused already." },
    meaning: "There is a pause of the same merchant and scope; it was left as it is.",
    action: "Look at `GET /v1/holds`.",
    repeat: Repeat::Pointless,
};

pub(super) const HOLD_UNKNOWN: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 중지", en: "No such pause" },
    detail: Text { ko: "그런 중지가 없습니다.", en: "There is no such pause." },
    meaning: "Nothing of this merchant and scope is paused, or somebody has resumed it before.",
    action: "Look at `GET /v1/holds`.",
    repeat: Repeat::Pointless,
};

pub(super) const BULK_RUN_UNKNOWN: Info = Info {
    status: StatusCode::NOT_FOUND,
    title: Text { ko: "없는 일괄 작업", en: "Unknown bulk run" },
    detail: Text { ko: "그런 일괄 작업이 없습니다.", en: "There is no such bulk run." },
    meaning: "No run has this id, or somebody else began it.",
    action: "List them with `GET /v1/bulk-runs`.",
    repeat: Repeat::Pointless,
};

pub(super) const BULK_RUN_ENDED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "끝난 일괄 작업", en: "Bulk run has ended" },
    detail: Text {
        ko: "이미 끝났거나 중단된 일괄 작업입니다.",
        en: "The run is done, or was stopped before.",
    },
    meaning: "Nothing is left to stop.",
    action: "Read the run.",
    repeat: Repeat::Pointless,
};

pub(super) const BULK_EMPTY: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "대상 없음", en: "No jobs" },
    detail: Text { ko: "대상이 되는 작업이 없습니다.", en: "No job is meant." },
    meaning: "The filter matches nothing of the stores that the token acts for, or `jobIds` is empty.",
    action: "Look at `GET /v1/jobs` with the same filter.",
    repeat: Repeat::Pointless,
};

pub(super) const BULK_TOO_MANY: Info = Info {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: Text { ko: "대상이 너무 많음", en: "Too many jobs" },
    detail: Text {
        ko: "한 번에 할 수 있는 작업 수를 넘습니다.",
        en: "More jobs are meant than one run may have.",
    },
    meaning: "A run has at most 10,000 jobs, of which 1,000 can be named one by one: `most` says which bound was met.",
    action: "Narrow the filter, and begin several runs.",
    repeat: Repeat::Pointless,
};

pub(super) const BULK_BUSY: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "진행 중인 일괄 작업이 너무 많음", en: "Too many bulk runs" },
    detail: Text {
        ko: "진행 중인 일괄 작업이 너무 많습니다. 끝나기를 기다려 주세요.",
        en: "Too many runs are under way: wait until some have ended.",
    },
    meaning: "20 runs may be under way at once.",
    action: "Wait, or stop one.",
    repeat: Repeat::Later,
};

pub(super) const BULK_CHANGED: Info = Info {
    status: StatusCode::CONFLICT,
    title: Text { ko: "미리보기 뒤에 바뀜", en: "Changed since the preview" },
    detail: Text {
        ko: "미리 본 뒤에 작업이 바뀌었습니다. 다시 미리 본 다음 시작해 주세요.",
        en: "The jobs have changed since they were previewed: preview once more, then begin.",
    },
    meaning: "`previewed` names a preview, and by now other jobs are meant, or one of them has changed.",
    action: "Preview again, and send what that says.",
    repeat: Repeat::Pointless,
};
