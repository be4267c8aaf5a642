//! How what is sent has to look: lengths, characters, ranges and words of every parameter and field, from the constants that it is checked
//! by. The types that read requests take any text, so that everything that is wrong can be told at once; the document says more.

use domain::Won;
use domain::answer::FailureClass;
use domain::attempt::Operation;
use domain::bulk::{BulkAction, ItemState};
use domain::job::JobKind;
use domain::limits as most;
use domain::refund_account::{BANKS, HOLDER_CHARS_MAX};
use domain::status::CustomerStatus;
use serde_json::Value;
use store::{JobSet, JobSort, PauseScope};
use utoipa::Number;
use utoipa::openapi::path::Operation as Described;
use utoipa::openapi::schema::{ArrayItems, SchemaType, Type};
use utoipa::openapi::{Object, OpenApi, RefOr, Required, Schema};

/// Letters, digits, '-' and '_'.
const ID: &str = "^[A-Za-z0-9_-]+$";
const ID_CHARS_MAX: usize = 64;
const GRAPHIC: &str = "^[!-~]+$";
const WORD: &str = "^[A-Za-z0-9_]+$";
const CODE: &str = "^[A-Za-z0-9_.-]+$";
/// Words with dots between.
const ACTION: &str = "^[a-z_.]+$";
const DIGITS: &str = "^[0-9]+$";
/// One line that is not blank. What is left out of it is what [`domain::text::is_control`] names.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069][^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$";
/// The same with line breaks around it, which are left out.
const TRIMMED: &str = r"^[\t\n\r ]*[^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]([^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069])?[\t\n\r ]*$";
/// The same that may be blank, and then counts as none.
const MAYBE_TRIMMED: &str = r"^[\t\n\r ]*([^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]([^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069])?[\t\n\r ]*)?$";
/// Several lines, or none.
const LINES: &str =
    r"^[^\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$";
const EMAIL: &str = r"^([!-?A-~]+@[!-\-/-?A-~]+(\.[!-\-/-?A-~]+)+)?$";
/// 8 to 15 digits, of which the first is added behind +82 where it is missing.
const PHONE: &str = r"^([ -]*[0-9]([ -]*[0-9]){7,14}|\+82[ -]*0([ -]*[0-9]){7,14}|\+82[ -]*[1-9]([ -]*[0-9]){6,13})[ -]*$";
const ACCOUNT: &str = "^[ -]*[0-9]([ -]*[0-9]){0,19}[ -]*$";
const CUSTOMER_KEY: &str = "^[A-Za-z0-9_=.@-]+$";

/// How a value has to look.
#[derive(Debug)]
enum Form {
    /// A text of so many characters.
    Text(usize, usize, &'static str),
    /// One of these words.
    Words(Vec<&'static str>),
    /// A whole number in this range.
    Whole(i64, i64),
    /// So many, each of this form; `None` for objects.
    List(usize, usize, Option<Box<Form>>),
    /// What its type says, and nothing more.
    Any,
}

use Form::{Any, List, Text, Whole, Words};

/// Instants, and what is opaque or may be passed over.
const OF_THEIR_TYPE: [&str; 13] = [
    "from",
    "to",
    "asOf",
    "dueAt",
    "seenDueAt",
    "wait",
    "ticket",
    "verbose",
    "Prefer",
    "If-None-Match",
    "Last-Event-ID",
    "transactionKey",
    "tosspayments-webhook-transmission-id",
];

/// The form of a parameter or a field; `None` for one that is not listed. `of` is the operation, or the schema.
fn form(of: &str, name: &str) -> Option<Form> {
    let id = || Text(1, ID_CHARS_MAX, ID);
    let name_of = |chars_max| Text(1, chars_max, LINE);
    let won_max = Won::MAX.get();
    Some(match (of, name) {
        // Whatever the browser brings, it gets to the configured page.
        ("checkoutSuccess" | "checkoutFail", _) => Any,
        (_, "orderId") => Text(6, ID_CHARS_MAX, ID),
        (
            _,
            "storeId" | "productId" | "groupId" | "optionId" | "jobId" | "cancelId" | "runId"
            | "subject" | "actor",
        ) => id(),
        (_, "paymentKey") => Text(1, 200, GRAPHIC),
        (_, "paymentType") => Text(1, 40, WORD),
        (_, "reason") => name_of(most::CANCEL_REASON_CHARS_MAX),
        ("CustomerRequest", "name") => Text(1, most::NAME_CHARS_MAX, TRIMMED),
        (_, "name") => name_of(most::NAME_CHARS_MAX),
        (_, "description") => Text(0, most::DESCRIPTION_CHARS_MAX, LINES),
        (_, "email") => Text(0, most::EMAIL_CHARS_MAX, EMAIL),
        (_, "phone") => Text(most::PHONE_DIGITS_MIN, 100, PHONE),
        (_, "customerKey") => {
            Text(most::CUSTOMER_KEY_CHARS_MIN, most::CUSTOMER_KEY_CHARS_MAX, CUSTOMER_KEY)
        }
        (_, "address") => Text(1, most::ADDRESS_CHARS_MAX, TRIMMED),
        (_, "detail") => Text(0, most::ADDRESS_DETAIL_CHARS_MAX, MAYBE_TRIMMED),
        (_, "note") => Text(0, most::NOTE_CHARS_MAX, LINES),
        (_, "accountNumber") => Text(1, 60, ACCOUNT),
        (_, "holderName") => Text(1, HOLDER_CHARS_MAX, TRIMMED),
        (_, "items") => List(1, most::CART_LINES_MAX, None),
        (_, "quantity") => Whole(1, i64::from(most::QUANTITY_MAX)),
        ("ItemRequest", "options") => List(0, most::LINE_OPTIONS_MAX, Some(Box::new(id()))),
        (_, "options") => List(0, most::GROUP_OPTIONS_MAX, None),
        (_, "optionGroups") => List(0, most::OPTION_GROUPS_MAX, None),
        (_, "minChoices" | "maxChoices") => {
            Whole(0, i64::try_from(most::GROUP_OPTIONS_MAX).unwrap_or(i64::MAX))
        }
        (_, "price" | "deliveryFee") => Whole(0, most::PRICE_MAX),
        (_, "minimumOrder") => Whole(0, most::ORDER_AMOUNT_MAX),
        ("CancelRequest", "amount") => Whole(1, won_max),
        ("BulkFilterRequest", "amountMin" | "amountMax") => Text(1, 13, DIGITS),
        (_, "amount" | "taxFreeAmount" | "amountMin" | "amountMax") => Whole(0, won_max),
        (_, "merchant") => Text(1, 100, ID),
        ("listAudit", "action") => Text(1, 60, ACTION),
        (_, "code") => Text(1, 100, CODE),
        (_, "text") => Text(1, 200, TRIMMED),
        (_, "limit") => Whole(1, i64::try_from(most::PAGE_ROWS_MAX).unwrap_or(i64::MAX)),
        (_, "cursor") => Text(1, 200, CODE),
        (_, "jobIds") => List(1, most::BULK_SELECTED_MAX, Some(Box::new(id()))),
        (_, "jobs" | "paymentVersion") => Whole(0, i64::MAX),
        (_, "Idempotency-Key") => Text(1, most::CALLER_KEY_CHARS_MAX, GRAPHIC),
        (_, name) if OF_THEIR_TYPE.contains(&name) => Any,
        _ => return words(of, name).map(Words),
    })
}

/// The words that there are for it.
fn words(of: &str, name: &str) -> Option<Vec<&'static str>> {
    Some(match (of, name) {
        (_, "bankCode") => BANKS.iter().map(|(code, _)| *code).collect(),
        ("HoldRequest", "scope") => vec![
            PauseScope::All.word(),
            Operation::Confirm.word(),
            Operation::Cancel.word(),
            Operation::LookUp.word(),
        ],
        (_, "action") => BulkAction::ALL.map(BulkAction::word).to_vec(),
        (_, "kind") => JobKind::ALL.map(JobKind::word).to_vec(),
        ("readBulkRun", "state") => ItemState::ALL.map(ItemState::word).to_vec(),
        (_, "state") => JobSet::ALL.map(JobSet::word).to_vec(),
        (_, "class") => FailureClass::ALL.map(FailureClass::word).to_vec(),
        (_, "status") => CustomerStatus::ALL.map(CustomerStatus::word).to_vec(),
        (_, "sort") => JobSort::ALL.map(JobSort::word).to_vec(),
        _ => return None,
    })
}

/// The operations that take their body left out.
const MAY_BE_EMPTY: [&str; 5] =
    ["stopBulkRun", "lookUpJob", "retryJob", "lookUpOrder", "takeWebhook"];

/// Adds the form of everything that can be sent.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put].into_iter().flatten() {
            add_to(operation);
        }
    }
    let Some(components) = &mut document.components else { return };
    for (of, schema) in &mut components.schemas {
        if let RefOr::T(Schema::Object(request)) = schema
            && of.ends_with(REQUEST)
        {
            for (name, field) in &mut request.properties {
                if let (RefOr::T(field), Some(form)) = (field, form(of, name)) {
                    give(field, form);
                }
            }
        }
    }
}

/// What the names of schemas end with that are read and not answered.
const REQUEST: &str = "Request";

fn add_to(operation: &mut Described) {
    let id = operation.operation_id.clone().unwrap_or_default();
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        if let (Some(RefOr::T(schema)), Some(form)) =
            (&mut parameter.schema, form(&id, &parameter.name))
        {
            // One that may be left out is never sent as null.
            if let Schema::Object(object) = &mut *schema
                && let SchemaType::Array(types) = &object.schema_type
                && let Some(only) = types.iter().find(|one| **one != Type::Null)
            {
                object.schema_type = SchemaType::Type(only.clone());
            }
            give(schema, form);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && MAY_BE_EMPTY.contains(&id.as_str())
    {
        body.required = Some(Required::False);
    }
}

fn give(schema: &mut Schema, form: Form) {
    match (schema, form) {
        (Schema::Object(object), Text(least, most, pattern)) => {
            object.min_length = (least > 0).then_some(least);
            object.max_length = Some(most);
            object.pattern = Some(pattern.to_owned());
        }
        (Schema::Object(object), Words(words)) => {
            let none = may_be_null(object).then_some(Value::Null);
            object.enum_values = Some(words.into_iter().map(Value::from).chain(none).collect());
        }
        (Schema::Object(object), Whole(least, most)) => {
            object.minimum = isize::try_from(least).ok().map(Number::Int);
            object.maximum = isize::try_from(most).ok().map(Number::Int);
        }
        (Schema::Array(array), List(least, most, inner)) => {
            array.min_items = (least > 0).then_some(least);
            array.max_items = Some(most);
            if let (ArrayItems::RefOrSchema(items), Some(inner)) = (&mut array.items, inner)
                && let RefOr::T(items) = items.as_mut()
            {
                give(items, *inner);
            }
        }
        // The forms are of the types: a test looks for those that are not.
        (_, _) => {}
    }
}

fn may_be_null(object: &Object) -> bool {
    matches!(&object.schema_type, SchemaType::Array(types) if types.contains(&Type::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent, as JSON: the operation or schema, the name, the schema.
    fn all() -> Vec<(String, String, Value)> {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut all = Vec::new();
        for operation in document["paths"].as_object().unwrap().values() {
            for operation in operation.as_object().unwrap().values() {
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let text = |value: &Value| value.as_str().unwrap().to_owned();
                    let schema = parameter["schema"].clone();
                    all.push((text(&operation["operationId"]), text(&parameter["name"]), schema));
                }
            }
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (of, schema) in schemas.iter().filter(|(of, _)| of.ends_with(REQUEST)) {
            for (name, field) in schema["properties"].as_object().unwrap() {
                all.push((of.clone(), name.clone(), field.clone()));
            }
        }
        assert!(all.len() > 100, "{}", all.len());
        all
    }

    #[test]
    fn everything_that_can_be_sent_has_a_form_that_its_type_can_show() {
        for (of, name, schema) in all() {
            let is_plain = ["string", "integer", "array"].iter().any(|plain| {
                schema["type"] == *plain
                    || schema["type"]
                        .as_array()
                        .is_some_and(|types| types.contains(&(*plain).into()))
            });
            if !is_plain {
                continue;
            }
            let has = |member: &str| !schema[member].is_null();
            let shown = match form(&of, &name).unwrap_or_else(|| panic!("{of}: {name} has no form"))
            {
                Text(..) => has("maxLength") && has("pattern"),
                Words(_) => has("enum"),
                Whole(..) => has("minimum") && has("maximum"),
                List(..) => has("maxItems"),
                Any => true,
            };
            assert!(shown, "{of}: {name} does not show its form: {schema}");
        }
    }

    #[test]
    fn every_request_body_is_of_a_schema_that_is_looked_at() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut bodies = 0;
        for operation in document["paths"].as_object().unwrap().values() {
            for operation in operation.as_object().unwrap().values() {
                if let Some(name) = operation
                    .pointer("/requestBody/content/application~1json/schema/$ref")
                    .and_then(Value::as_str)
                {
                    bodies += 1;
                    assert!(name.ends_with(REQUEST), "{name}");
                }
            }
        }
        assert!(bodies > 10, "{bodies}");
    }
}
