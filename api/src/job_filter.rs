//! The parameters by which jobs are filtered, the same for every view of them: list, counts, groups and export.

use domain::StoreId;
use domain::answer::FailureClass;
use domain::job::JobKind;
use domain::role::Scope;
use serde::Deserialize;
use store::{JobFilter, JobSet, JobSort};
use utoipa::IntoParams;

use crate::extract::{Checks, parameter, read_amount, read_search, read_time};
use crate::problem::Place;
use crate::words::Text;

const NOT_A_KIND: Text = Text {
    ko: "confirm, cancel, look_up 중 하나여야 합니다.",
    en: "This is confirm, cancel or look_up.",
};
const NOT_A_STATE: Text =
    Text { ko: "알 수 없는 작업 상태입니다.", en: "This is not the state of a job." };
const NOT_A_CODE: Text =
    Text { ko: "코드의 형식이 아닙니다.", en: "This does not look like a code." };
const NOT_A_CLASS: Text =
    Text { ko: "알 수 없는 실패 종류입니다.", en: "This is not a class of failure." };
const NOT_A_MERCHANT: Text = Text {
    ko: "가맹점 이름의 형식이 아닙니다.",
    en: "This does not look like a merchant's name.",
};
const NOT_A_SORT: Text = Text {
    ko: "newest, oldest_waiting, amount, last_change 중 하나여야 합니다.",
    en: "This is newest, oldest_waiting, amount or last_change.",
};

const CODE_CHARS_MAX: usize = 100;
const MERCHANT_CHARS_MAX: usize = 100;

/// Parameters with the filters of jobs among them. Written once for all, because a query with parts cannot refuse what it does not know.
macro_rules! job_params {
    ($(#[$about:meta])* $name:ident { $($(#[$more_about:meta])* $more:ident: Option<String>,)* }) => {
        $(#[$about])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// confirm, cancel or look_up.
            kind: Option<String>,
            /// queued, running, waiting, parked, succeeded, declined, void or discarded; `failed` for parked, declined, void and discarded
            /// ones together; `all`.
            state: Option<String>,
            /// Only those whose last attempt brought this code.
            code: Option<String>,
            /// Only those whose last answer was such a failure: unsent, unanswered, in_progress, throttled, ambiguous, limited, bank_closed,
            /// contradictory, disputed, refused, absent or broken.
            class: Option<String>,
            /// Only of this store.
            store_id: Option<String>,
            /// Only of this merchant's account.
            merchant: Option<String>,
            /// Only those made then or later.
            #[param(format = DateTime)]
            from: Option<String>,
            /// Only those made before then.
            #[param(format = DateTime)]
            to: Option<String>,
            /// Only those about so many won or more.
            #[param(value_type = Option<i64>)]
            amount_min: Option<String>,
            /// Only those about so many won or less.
            #[param(value_type = Option<i64>)]
            amount_max: Option<String>,
            /// An order id, a payment key or its beginning, the last four or more digits of a phone number, or a customer's name or its
            /// beginning. It finds a thousand orders at the most.
            text: Option<String>,
            $($(#[$more_about])* pub(crate) $more: Option<String>,)*
        }

        impl $name {
            /// The filter, within what somebody may see.
            pub(crate) fn filter(&self, checks: &mut Checks, scope: Scope) -> JobFilter {
                let asked = Asked {
                    kind: self.kind.as_deref(),
                    state: self.state.as_deref(),
                    code: self.code.as_deref(),
                    class: self.class.as_deref(),
                    store_id: self.store_id.as_deref(),
                    merchant: self.merchant.as_deref(),
                    from: self.from.as_deref(),
                    to: self.to.as_deref(),
                    amount_min: self.amount_min.as_deref(),
                    amount_max: self.amount_max.as_deref(),
                    text: self.text.as_deref(),
                };
                asked.read(checks, scope, parameter)
            }
        }
    };
}

job_params! {
    /// Which jobs to list.
    JobListParams {
        /// newest (by default), oldest_waiting (without those that have ended), amount (the greatest first) or last_change.
        sort: Option<String>,
        /// How many, 1 to 200, 50 by default. A page may have fewer and not be the last.
        #[param(value_type = Option<u32>)]
        limit: Option<String>,
        /// `nextCursor` of the page before, in the same order.
        cursor: Option<String>,
    }
}

job_params! {
    /// Which jobs to count or group.
    JobSetParams {}
}

job_params! {
    /// Which jobs to export.
    JobExportParams {
        /// newest (by default), oldest_waiting (without those that have ended), amount (the greatest first) or last_change.
        sort: Option<String>,
    }
}

/// The filters as they came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'p> {
    pub(crate) kind: Option<&'p str>,
    pub(crate) state: Option<&'p str>,
    pub(crate) code: Option<&'p str>,
    pub(crate) class: Option<&'p str>,
    pub(crate) store_id: Option<&'p str>,
    pub(crate) merchant: Option<&'p str>,
    pub(crate) from: Option<&'p str>,
    pub(crate) to: Option<&'p str>,
    pub(crate) amount_min: Option<&'p str>,
    pub(crate) amount_max: Option<&'p str>,
    pub(crate) text: Option<&'p str>,
}

impl Asked<'_> {
    pub(crate) fn read(
        &self,
        checks: &mut Checks,
        scope: Scope,
        place: fn(&str) -> Place,
    ) -> JobFilter {
        JobFilter {
            scope,
            store_id: self.store_id.and_then(|id| checks.id(place("storeId"), StoreId::parse(id))),
            kind: self
                .kind
                .and_then(|word| checks.known(place("kind"), JobKind::from_word(word), NOT_A_KIND)),
            set: self
                .state
                .and_then(|word| checks.known(place("state"), JobSet::from_word(word), NOT_A_STATE))
                .unwrap_or(JobSet::All),
            code: self.code.and_then(|code| {
                let known = Some(code.to_owned()).filter(|code| is_code(code));
                checks.known(place("code"), known, NOT_A_CODE)
            }),
            class: self.class.and_then(|word| {
                checks.known(place("class"), FailureClass::from_word(word), NOT_A_CLASS)
            }),
            merchant: self.merchant.and_then(|name| {
                let known = Some(name.to_owned()).filter(|name| is_merchant(name));
                checks.known(place("merchant"), known, NOT_A_MERCHANT)
            }),
            from_ms: read_time(checks, place("from"), self.from),
            to_ms: read_time(checks, place("to"), self.to),
            amount_min: read_amount(checks, place("amountMin"), self.amount_min),
            amount_max: read_amount(checks, place("amountMax"), self.amount_max),
            text: read_search(checks, place("text"), self.text),
        }
    }
}

/// The order that is asked for.
pub(crate) fn read_sort(checks: &mut Checks, sort: Option<&str>) -> JobSort {
    sort.and_then(|word| checks.known(parameter("sort"), JobSort::from_word(word), NOT_A_SORT))
        .unwrap_or(JobSort::Newest)
}

fn is_code(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn is_merchant(text: &str) -> bool {
    (1..=MERCHANT_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
