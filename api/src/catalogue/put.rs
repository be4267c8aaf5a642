//! Changing a store or a product: written as a whole, audited with what it was before.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::cart::{CatalogueProblem, MenuOption, OptionGroup};
use domain::role::Action;
use domain::{ProductId, StoreId};
use serde::Deserialize;
use store::catalogue::{
    PutOutcome, PutProduct, PutProductError, PutStore, PutStoreError, StoreView as StoreRow,
};
use utoipa::ToSchema;

use super::status_of;
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{CONTROL_CHARACTER, Checks, IdInPath, JsonBody, body};
use crate::problem::{FieldProblem, Place, Problem, ProblemCode};
use crate::views::catalogue::{ProductView, StoreView};
use crate::words::Text;

/// A store as it shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PutStoreRequest {
    /// What customers read, 1 to 100 characters.
    name: String,
    /// The configured merchant that payments of new orders go to; kept when it is left out. For masters.
    merchant: Option<String>,
    /// Added to every order, in won.
    #[schema(minimum = 0)]
    delivery_fee: i64,
    /// What the items must come to, in won.
    #[schema(minimum = 0)]
    minimum_order: i64,
    /// Whether it takes orders.
    open: bool,
}

/// A product as it shall be, with all its groups and options: what is not named goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PutProductRequest {
    /// What customers read, 1 to 100 characters.
    name: String,
    /// A sentence or two, at most 500 characters; line breaks become spaces.
    description: Option<String>,
    /// The price of one without options, in won.
    #[schema(minimum = 0)]
    price: i64,
    /// Whether it can be ordered.
    available: bool,
    /// Whether it is free of tax, with its options.
    #[serde(default)]
    tax_free: bool,
    /// In the order in which customers read them.
    #[serde(default)]
    option_groups: Vec<OptionGroupRequest>,
}

/// A group of options as it shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OptionGroupRequest {
    /// Its id, unique within the product.
    group_id: String,
    /// What customers read.
    name: String,
    /// How many must be chosen.
    min_choices: u32,
    /// How many may be chosen.
    max_choices: u32,
    /// What there is to choose from.
    options: Vec<OptionRequest>,
}

/// An option as it shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OptionRequest {
    /// Its id, unique within the product.
    option_id: String,
    /// What customers read.
    name: String,
    /// What it adds to the price of one, in won.
    #[schema(minimum = 0)]
    price: i64,
    /// Whether it can be chosen.
    available: bool,
}

const NEEDS_MERCHANT: Text = Text {
    ko: "상점이 여럿이므로 하나를 지정해야 합니다.",
    en: "There are several merchants: name one.",
};
const NO_MERCHANT: Text =
    Text { ko: "설정에 없는 상점입니다.", en: "No such merchant is configured." };
const NAME: Text = Text {
    ko: "이름은 제어 문자 없이 1~100자여야 합니다.",
    en: "A name has 1 to 100 characters, and no control characters.",
};
const TOO_HIGH: Text = Text { ko: "금액이 너무 큽니다.", en: "This amount is too high." };
const TOO_MANY: Text = Text { ko: "너무 많습니다.", en: "These are too many." };
const CHOICES: Text = Text {
    ko: "minChoices ≤ maxChoices ≤ 옵션 수여야 합니다.",
    en: "It must be that minChoices <= maxChoices <= the number of options.",
};
const DUPLICATE: Text =
    Text { ko: "같은 id가 두 번 있습니다.", en: "An id is there twice." };
const TOO_LONG: Text = Text { ko: "너무 깁니다.", en: "This is too long." };

/// Create or change a store
///
/// Masters create stores and choose their merchant; owners and managers change their own. Orders that exist keep their terms.
#[utoipa::path(
    put, path = "/v1/stores/{storeId}", operation_id = "putStore", tag = "Staff",
    params(("storeId" = String, Path, description = "The store", example = "hongdae-mala")),
    request_body = PutStoreRequest,
    responses(
        (status = 200, description = "It is like this now", body = StoreView),
        (status = 201, description = "It is new", body = StoreView),
    ),
    security(("staffToken" = []))
)]
pub(crate) async fn put_store(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(id): IdInPath<StoreId>,
    JsonBody(request): JsonBody<PutStoreRequest>,
) -> Result<(StatusCode, Json<StoreView>), Problem> {
    check_store(&staff, &id)?;
    let mut checks = Checks::default();
    let delivery_fee = checks.amount(body("/deliveryFee"), request.delivery_fee);
    let minimum_order = checks.amount(body("/minimumOrder"), request.minimum_order);
    let merchant = request.merchant.and_then(|name| {
        let known = Some(name).filter(|name| api.settings.merchants.knows(name));
        checks.known(body("/merchant"), known, NO_MERCHANT)
    });
    let (Some(delivery_fee), Some(minimum_order)) = (delivery_fee, minimum_order) else {
        return Err(checks.problem());
    };
    checks.finish()?;
    let mut change = PutStore {
        id,
        name: request.name,
        merchant,
        delivery_fee,
        minimum_order,
        is_open: request.open,
    };
    let (actor, may_create) = (staff.actor(), staff.is_master());
    let mut put = api.store.put_store(&actor, &change, may_create).await;
    if let Err(PutStoreError::MerchantMissing) = put {
        let default = api.settings.merchants.default_name().map(str::to_owned);
        let mut checks = Checks::default();
        change.merchant = checks.known(body("/merchant"), default, NEEDS_MERCHANT);
        checks.finish()?;
        put = api.store.put_store(&actor, &change, may_create).await;
    }
    let put = put.map_err(store_refusal)?;
    let is_created = put.outcome == PutOutcome::Created;
    Ok((status_of(is_created), Json(view(&staff, &put.row))))
}

/// Create or change a product
///
/// Replaces the product with all its option groups. Orders that exist keep their names and prices.
#[utoipa::path(
    put, path = "/v1/stores/{storeId}/products/{productId}", operation_id = "putProduct", tag = "Staff",
    params(
        ("storeId" = String, Path, description = "The store", example = "hongdae-mala"),
        ("productId" = String, Path, description = "The product, unique over all stores", example = "malatang"),
    ),
    request_body = PutProductRequest,
    responses(
        (status = 200, description = "It is like this now", body = ProductView),
        (status = 201, description = "It is new", body = ProductView),
    ),
    security(("staffToken" = []))
)]
pub(crate) async fn put_product(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath((store_id, product_id)): IdInPath<(StoreId, ProductId)>,
    JsonBody(request): JsonBody<PutProductRequest>,
) -> Result<(StatusCode, Json<ProductView>), Problem> {
    check_store(&staff, &store_id)?;
    let change = read_product(product_id.clone(), request)?;
    let put = api.store.put_product(&staff.actor(), &store_id, &change).await;
    let put = put.map_err(|error| product_refusal(error, &product_id))?;
    let is_created = put.outcome == PutOutcome::Created;
    Ok((status_of(is_created), Json(ProductView::new(&put.row))))
}

/// Refuses a store that they do not act for, as if there were none.
fn check_store(staff: &Staff, id: &StoreId) -> Result<(), Problem> {
    if staff.may(Action::ChangeCatalogue, id) {
        Ok(())
    } else {
        Err(Problem::new(ProblemCode::StoreUnknown))
    }
}

fn view(staff: &Staff, store: &StoreRow) -> StoreView {
    let merchant = Some(store.merchant.clone()).filter(|_| staff.is_master());
    StoreView { merchant, ..StoreView::public(store) }
}

fn read_product(id: ProductId, request: PutProductRequest) -> Result<PutProduct, Problem> {
    let mut checks = Checks::default();
    let price = checks.amount(body("/price"), request.price);
    let mut groups = Vec::with_capacity(request.option_groups.len());
    for (index, group) in request.option_groups.into_iter().enumerate() {
        groups.extend(read_group(&mut checks, &format!("/optionGroups/{index}"), group));
    }
    let Some(price) = price else { return Err(checks.problem()) };
    checks.finish()?;
    let PutProductRequest { name, description, available, tax_free, .. } = request;
    Ok(PutProduct {
        id,
        name,
        description,
        price,
        is_available: available,
        is_tax_free: tax_free,
        groups,
    })
}

fn read_group(checks: &mut Checks, place: &str, group: OptionGroupRequest) -> Option<OptionGroup> {
    let id = checks.id(body(format!("{place}/groupId")), ProductId::parse(group.group_id));
    let mut options = Vec::with_capacity(group.options.len());
    for (index, option) in group.options.into_iter().enumerate() {
        let place = format!("{place}/options/{index}");
        let id = checks.id(body(format!("{place}/optionId")), ProductId::parse(option.option_id));
        let price = checks.amount(body(format!("{place}/price")), option.price);
        if let (Some(id), Some(price)) = (id, price) {
            options.push(MenuOption {
                id,
                name: option.name,
                price,
                is_available: option.available,
            });
        }
    }
    let OptionGroupRequest { name, min_choices, max_choices, .. } = group;
    id.map(|id| OptionGroup { id, name, min_choices, max_choices, options })
}

fn store_refusal(error: PutStoreError) -> Problem {
    match error {
        PutStoreError::MayNotCreate => Problem::new(ProblemCode::StoreUnknown),
        PutStoreError::MayNotChangeMerchant => Problem::new(ProblemCode::Forbidden),
        PutStoreError::MerchantMissing => Problem::new(ProblemCode::Internal).caused_by(error),
        PutStoreError::Invalid(problem) => invalid(problem, None),
        PutStoreError::Store(error) => error.into(),
    }
}

fn product_refusal(error: PutProductError, id: &ProductId) -> Problem {
    match error {
        PutProductError::UnknownStore => Problem::new(ProblemCode::StoreUnknown),
        PutProductError::ProductOfOtherStore => Problem::new(ProblemCode::ProductIdTaken),
        PutProductError::MenuFull => Problem::new(ProblemCode::MenuFull),
        PutProductError::DescriptionTooLong => {
            Problem::invalid(vec![FieldProblem::new(body("/description"), "too_long", TOO_LONG)])
        }
        PutProductError::DescriptionCharacters => Problem::invalid(vec![FieldProblem::new(
            body("/description"),
            "control_character",
            CONTROL_CHARACTER,
        )]),
        PutProductError::Invalid(problem) => invalid(problem, Some(id)),
        PutProductError::Store(error) => error.into(),
    }
}

/// What the domain says about a store, or about a product and its parts. Parts are named by their ids.
fn invalid(problem: CatalogueProblem, product: Option<&ProductId>) -> Problem {
    let of = |id: &str, field: &str| -> Place {
        let is_part = product.is_some_and(|product| product.as_str() != id);
        body(if is_part { "/optionGroups" } else { field })
    };
    let field = match problem {
        CatalogueProblem::NameLength { id, .. } | CatalogueProblem::NameCharacters { id } => {
            FieldProblem::new(of(&id, "/name"), "not_allowed", NAME).note(id)
        }
        CatalogueProblem::PriceTooHigh { id, most } => {
            FieldProblem::new(of(id.as_str(), "/price"), "out_of_range", TOO_HIGH)
                .note(format!("{id} <= {most}"))
        }
        CatalogueProblem::DeliveryFeeTooHigh { most } => {
            FieldProblem::new(body("/deliveryFee"), "out_of_range", TOO_HIGH)
                .note(format!("<= {most}"))
        }
        CatalogueProblem::MinimumOrderTooHigh { most } => {
            FieldProblem::new(body("/minimumOrder"), "out_of_range", TOO_HIGH)
                .note(format!("<= {most}"))
        }
        CatalogueProblem::TooManyGroups { most, .. } => {
            FieldProblem::new(body("/optionGroups"), "too_many", TOO_MANY)
                .note(format!("<= {most}"))
        }
        CatalogueProblem::TooManyOptions { id, most, .. } => {
            FieldProblem::new(body("/optionGroups"), "too_many", TOO_MANY)
                .note(format!("{id} <= {most}"))
        }
        CatalogueProblem::ChoicesOutOfRange { id, .. } => {
            FieldProblem::new(body("/optionGroups"), "out_of_range", CHOICES).note(id.into_string())
        }
        CatalogueProblem::DuplicateId { id } => {
            FieldProblem::new(body("/optionGroups"), "duplicate", DUPLICATE).note(id.into_string())
        }
    };
    Problem::invalid(vec![field])
}
