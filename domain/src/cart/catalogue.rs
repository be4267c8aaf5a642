//! Which menus and terms are sound enough to be sold from. What is sold out is sound; it just cannot be ordered.

use super::{MenuProduct, OptionGroup, StoreTerms};
use crate::id::ProductId;
use crate::limits::{
    GROUP_OPTIONS_MAX, NAME_CHARS_MAX, OPTION_GROUPS_MAX, ORDER_AMOUNT_MAX, PRICE_MAX,
};
use crate::money::Won;
use crate::text::{has_length, is_control};

/// Why a store or product cannot be taken into the catalogue. `id` is the store, product, group or option that it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the ids and bounds that the sentences name")]
pub enum CatalogueProblem {
    /// A name that is blank or too long.
    #[error("the name of {id} must have 1 to {most} characters")]
    NameLength { id: String, most: usize },
    /// A name with characters that are not shown.
    #[error("the name of {id} has a control character")]
    NameCharacters { id: String },
    /// A price above the limit.
    #[error("the price of {id} is above {most} won")]
    PriceTooHigh { id: ProductId, most: i64 },
    /// A delivery fee above the limit.
    #[error("the delivery fee is above {most} won")]
    DeliveryFeeTooHigh { most: i64 },
    /// A minimum that no order could reach.
    #[error("the minimum order is above {most} won")]
    MinimumOrderTooHigh { most: i64 },
    /// More option groups than a product may have.
    #[error("product {id} has {groups} option groups; at most {most} are possible")]
    TooManyGroups { id: ProductId, groups: usize, most: usize },
    /// More options than a group may have.
    #[error("group {id} has {options} options; at most {most} are possible")]
    TooManyOptions { id: ProductId, options: usize, most: usize },
    /// Bounds on the choices that contradict each other or the number of options.
    #[error(
        "group {id} must have its least choices ({least}) <= its most ({most}) <= its options ({options})"
    )]
    ChoicesOutOfRange { id: ProductId, least: u32, most: u32, options: usize },
    /// Two groups or two options of one product with one id.
    #[error("the id {id} is used twice in one product")]
    DuplicateId { id: ProductId },
}

/// Whether a product can be sold from: its names, prices, groups and ids.
///
/// # Errors
/// The first [`CatalogueProblem`]; staff correct the product.
pub fn check_product(product: &MenuProduct) -> Result<(), CatalogueProblem> {
    check_name(product.id.as_str(), &product.name)?;
    check_price(&product.id, product.price)?;
    let groups = product.groups.len();
    if groups > OPTION_GROUPS_MAX {
        let id = product.id.clone();
        return Err(CatalogueProblem::TooManyGroups { id, groups, most: OPTION_GROUPS_MAX });
    }
    product.groups.iter().try_for_each(check_group)?;
    check_unique(product.groups.iter().map(|group| &group.id))?;
    check_unique(product.groups.iter().flat_map(|group| &group.options).map(|option| &option.id))
}

/// Whether a store's terms can be sold on.
///
/// # Errors
/// The first [`CatalogueProblem`]; staff correct the terms.
pub fn check_store(terms: &StoreTerms) -> Result<(), CatalogueProblem> {
    check_name(terms.id.as_str(), &terms.name)?;
    if terms.delivery_fee.get() > PRICE_MAX {
        return Err(CatalogueProblem::DeliveryFeeTooHigh { most: PRICE_MAX });
    }
    if terms.minimum_order.get() > ORDER_AMOUNT_MAX {
        return Err(CatalogueProblem::MinimumOrderTooHigh { most: ORDER_AMOUNT_MAX });
    }
    Ok(())
}

fn check_group(group: &OptionGroup) -> Result<(), CatalogueProblem> {
    check_name(group.id.as_str(), &group.name)?;
    let options = group.options.len();
    if options > GROUP_OPTIONS_MAX {
        let id = group.id.clone();
        return Err(CatalogueProblem::TooManyOptions { id, options, most: GROUP_OPTIONS_MAX });
    }
    let (least, most) = (group.min_choices, group.max_choices);
    if least > most || usize::try_from(most).is_ok_and(|most| most > options) {
        let id = group.id.clone();
        return Err(CatalogueProblem::ChoicesOutOfRange { id, least, most, options });
    }
    group.options.iter().try_for_each(|option| {
        check_name(option.id.as_str(), &option.name)?;
        check_price(&option.id, option.price)
    })
}

fn check_name(id: &str, name: &str) -> Result<(), CatalogueProblem> {
    if !has_length(name, NAME_CHARS_MAX) {
        return Err(CatalogueProblem::NameLength { id: id.to_owned(), most: NAME_CHARS_MAX });
    }
    if name.chars().any(is_control) {
        return Err(CatalogueProblem::NameCharacters { id: id.to_owned() });
    }
    Ok(())
}

fn check_price(id: &ProductId, price: Won) -> Result<(), CatalogueProblem> {
    if price.get() > PRICE_MAX {
        return Err(CatalogueProblem::PriceTooHigh { id: id.clone(), most: PRICE_MAX });
    }
    Ok(())
}

fn check_unique<'i>(ids: impl Iterator<Item = &'i ProductId>) -> Result<(), CatalogueProblem> {
    let mut seen = std::collections::HashSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(CatalogueProblem::DuplicateId { id: id.clone() });
        }
    }
    Ok(())
}
