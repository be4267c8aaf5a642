//! Which problems each operation may answer with.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema};

use crate::problem::{Problem, ProblemCode};
use crate::words::Language;

use ProblemCode as C;

/// What every operation that counts as work may answer with.
const ANY: &[ProblemCode] = &[C::Overloaded, C::TimedOut, C::Unavailable, C::Internal];
const BODY: &[ProblemCode] =
    &[C::InvalidRequest, C::BodyTooLarge, C::BodyTimedOut, C::UnsupportedMediaType];
const STAFF: &[ProblemCode] = &[C::Unauthorized];
const ACTING: &[ProblemCode] = &[C::Unauthorized, C::TooManyRequests];
const LIST: &[ProblemCode] = &[C::InvalidRequest];
const KEY: &[ProblemCode] = &[C::IdempotencyKeyInvalid, C::IdempotencyKeyReused];
const CART: &[ProblemCode] = &[
    C::StoreUnknown,
    C::EmptyCart,
    C::CartTooLarge,
    C::QuantityOutOfRange,
    C::ProductUnknown,
    C::ProductOfOtherStore,
    C::ProductUnavailable,
    C::OptionUnknown,
    C::OptionUnavailable,
    C::OptionDuplicate,
    C::TooManyOptions,
    C::TooFewChoices,
    C::TooManyChoices,
    C::StoreClosed,
    C::BelowMinimumOrder,
    C::AmountTooLarge,
    C::AmountTooSmall,
    C::TooManyRequests,
];
const READ: &[ProblemCode] = &[C::Unauthorized, C::TicketExpired, C::OrderUnknown];
const CONFIRM: &[ProblemCode] = &[
    C::OrderUnknown,
    C::ConfirmAmountMismatch,
    C::ConfirmConflict,
    C::PaymentKeyTaken,
    C::OrderClosed,
    C::OrderLapsed,
];
const CANCEL: &[ProblemCode] = &[
    C::IdempotencyKeyMissing,
    C::OrderUnknown,
    C::CancelBeforePayment,
    C::CancelUndecided,
    C::CancelNothingTaken,
    C::CancelNothingLeft,
    C::CancelExceedsBalance,
    C::CancelZero,
    C::CancelWholeOnly,
    C::CancelMayRepeatLost,
    C::CancelTaxFreePart,
    C::CancelAccountNeeded,
    C::CancelAccountUnwanted,
    C::CancelTooMany,
];
const RETRY: &[ProblemCode] = &[
    C::JobUnknown,
    C::JobEnded,
    C::JobDeclined,
    C::JobUnderWay,
    C::JobLookUpOnly,
    C::JobWindowOver,
];
const DUE_TIME: &[ProblemCode] = &[
    C::JobUnknown,
    C::JobEnded,
    C::JobDeclined,
    C::JobUnderWay,
    C::JobWindowOver,
    C::JobNotWaiting,
    C::DueTooEarly,
    C::DueTooLate,
    C::JobChanged,
];
const MATCH: &[ProblemCode] = &[
    C::OrderUnknown,
    C::CancelUnknown,
    C::JobEnded,
    C::JobDeclined,
    C::JobUnderWay,
    C::MatchNothing,
    C::MatchEntryUnknown,
    C::MatchAmountDiffers,
    C::MatchNotSettled,
    C::MatchCarriesTag,
    C::PaymentChanged,
];
const REVIEW: &[ProblemCode] = &[
    C::OrderUnknown,
    C::CancelBeforePayment,
    C::JobOutcomeUnknown,
    C::JobUnderWay,
    C::PaymentChanged,
    C::ReviewNone,
    C::ReviewJobFirst,
    C::ReviewEndsByProof,
];
const PAYMENT: &[ProblemCode] = &[C::OrderUnknown, C::CancelBeforePayment];
const BULK: &[ProblemCode] = &[C::BulkEmpty, C::BulkTooMany];
const DISCARD: &[ProblemCode] =
    &[C::JobUnknown, C::JobEnded, C::JobDeclined, C::JobNotParked, C::JobOutcomeUnknown];

/// The problems of an operation, in groups; `None` for one that is not listed.
fn of(operation: &str) -> Option<Vec<&'static [ProblemCode]>> {
    Some(match operation {
        "live" | "checkoutSuccess" | "checkoutFail" => vec![],
        "ready" => vec![&[C::Unavailable]],
        "checkoutConfig" => vec![&[C::Overloaded]],
        "listStores" => vec![ANY, LIST],
        "readMenu" => vec![ANY, &[C::StoreUnknown]],
        "quote" => vec![ANY, BODY, CART],
        "createOrder" => vec![
            ANY,
            BODY,
            CART,
            KEY,
            &[C::AmountMismatch, C::OrderIdTaken, C::MerchantKeysMissing],
        ],
        "readOrder" => vec![ANY, LIST, READ],
        "followOrder" => vec![ANY, LIST, READ, &[C::TooManyRequests]],
        "confirmOrder" => vec![ANY, BODY, ACTING, CONFIRM],
        "closeOrder" => vec![ANY, ACTING, &[C::OrderUnknown, C::OrderHasPayment, C::OrderLapsed]],
        "listOrders" | "listJobs" | "countJobs" | "groupJobs" | "exportJobs" => {
            vec![ANY, LIST, STAFF]
        }
        "readOverview" => vec![ANY, STAFF],
        "readTimeline" => vec![ANY, STAFF, &[C::OrderUnknown]],
        "listAudit" => vec![ANY, LIST, STAFF, &[C::Forbidden]],
        "cancelOrder" => vec![ANY, BODY, ACTING, KEY, CANCEL],
        "listCancels" => vec![ANY, STAFF, &[C::OrderUnknown]],
        "readCancel" => vec![ANY, STAFF, &[C::OrderUnknown, C::CancelUnknown]],
        "putStore" => vec![ANY, BODY, ACTING, &[C::StoreUnknown, C::Forbidden]],
        "putProduct" => vec![ANY, BODY, ACTING, &[C::StoreUnknown, C::ProductIdTaken, C::MenuFull]],
        "takeWebhook" => {
            vec![ANY, &[C::BodyTooLarge, C::BodyTimedOut, C::Forbidden, C::TooManyRequests]]
        }
        "readJob" => vec![ANY, STAFF, &[C::JobUnknown]],
        "lookUpJob" => vec![ANY, BODY, ACTING, &[C::JobUnknown]],
        "retryJob" => vec![ANY, BODY, ACTING, RETRY],
        "discardJob" => vec![ANY, BODY, ACTING, DISCARD],
        "changeDueTime" => vec![ANY, BODY, ACTING, DUE_TIME],
        "readPaymentActions" => vec![ANY, STAFF, PAYMENT],
        "lookUpOrder" => vec![ANY, BODY, ACTING, PAYMENT],
        "closeReview" => vec![ANY, BODY, ACTING, REVIEW],
        "listCandidates" => vec![ANY, STAFF, &[C::OrderUnknown, C::CancelUnknown]],
        "matchCancel" => vec![ANY, BODY, ACTING, MATCH],
        "listHolds" => vec![ANY, STAFF, &[C::Forbidden]],
        "pauseCalls" => vec![ANY, BODY, ACTING, &[C::Forbidden, C::HoldExists]],
        "resumeCalls" => vec![ANY, BODY, ACTING, &[C::Forbidden, C::HoldUnknown]],
        "previewBulkRun" => vec![ANY, BODY, ACTING, BULK],
        "createBulkRun" => vec![ANY, BODY, ACTING, BULK, &[C::BulkBusy, C::BulkChanged]],
        "listBulkRuns" => vec![ANY, LIST, STAFF],
        "readBulkRun" => vec![ANY, LIST, STAFF, &[C::BulkRunUnknown]],
        "stopBulkRun" => vec![ANY, BODY, ACTING, &[C::BulkRunUnknown, C::BulkRunEnded]],
        _ => return None,
    })
}

/// Adds a response per status to each operation, with an example per code.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), schema());
    for code in ProblemCode::ALL {
        let example =
            ExampleBuilder::new().summary(code.info().title.en).value(Some(example(*code)));
        components.examples.insert(code.word().to_owned(), example.build().into());
    }
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put].into_iter().flatten() {
            let groups =
                of(operation.operation_id.as_deref().unwrap_or_default()).unwrap_or_default();
            let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
            for code in groups.into_iter().flatten() {
                by_status.entry(code.info().status.as_u16()).or_default().push(*code);
            }
            for (status, mut codes) in by_status {
                codes.sort_unstable();
                codes.dedup();
                operation.responses.responses.insert(status.to_string(), response(&codes).into());
            }
        }
    }
}

fn response(codes: &[ProblemCode]) -> Response {
    let titles: Vec<&str> = codes.iter().map(|code| code.info().title.en).collect();
    let examples = codes.iter().map(|code| {
        (code.word(), RefOr::Ref(Ref::new(format!("#/components/examples/{}", code.word()))))
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    ResponseBuilder::new()
        .description(titles.join("; "))
        .content("application/problem+json", content)
        .build()
}

fn example(code: ProblemCode) -> Value {
    let request_id = "019ab1c2-0000-7000-8000-000000000000";
    let written = Problem::new(code).write(Language::English, request_id, "http://127.0.0.1:8080");
    serde_json::from_slice(&written).unwrap_or_default()
}

/// What all problems have in common. Codes may bring members of their own.
fn schema() -> RefOr<Schema> {
    let text = |description: &str| {
        ObjectBuilder::new().schema_type(Type::String).description(Some(description))
    };
    let place = ObjectBuilder::new()
        .property("pointer", text("A JSON pointer into the body"))
        .property("parameter", text("A parameter of the query or path"))
        .property("detail", text("What is wrong, for people"))
        .required("detail")
        .property("code", text("What is wrong, stable"))
        .required("code");
    let codes = ProblemCode::ALL.iter().map(|code| code.word());
    let status =
        ObjectBuilder::new().schema_type(Type::Integer).description(Some("The HTTP status"));
    ObjectBuilder::new()
        .description(Some(
            "Why a request was refused (RFC 9457). What the codes mean is told under `type`.",
        ))
        .property("type", text("Where the code is described"))
        .required("type")
        .property("title", text("The code's name, for people"))
        .required("title")
        .property("status", status)
        .required("status")
        .property("detail", text("What to tell a person"))
        .required("detail")
        .property("code", text("Stable").enum_values(Some(codes)))
        .required("code")
        .property("requestId", text("To be found in the log"))
        .required("requestId")
        .property(
            "errors",
            ArrayBuilder::new().items(place).description(Some("The places that are wrong")),
        )
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_which_problems_it_answers_with() {
        for (path, item) in crate::openapi().paths.paths {
            for operation in [item.get, item.post, item.put].into_iter().flatten() {
                let id = operation.operation_id.unwrap();
                assert!(of(&id).is_some(), "{path}: {id} is not in the table");
            }
        }
    }

    #[test]
    fn every_code_is_a_problem_of_some_operation() {
        let paths = serde_json::to_string(&crate::openapi().paths).unwrap();
        // These belong to no operation: the path or the method is wrong.
        let of_none = [C::NotFound, C::MethodNotAllowed];
        for code in ProblemCode::ALL.iter().filter(|code| !of_none.contains(code)) {
            assert!(
                paths.contains(&format!("#/components/examples/{}\"", code.word())),
                "{code:?}"
            );
        }
    }
}
