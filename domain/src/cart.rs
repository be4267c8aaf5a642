//! What a cart costs: lines of a menu priced on the server, with every reason why a cart cannot be ordered.
//!
//! The catalogue is handed in as plain values; nothing is read or kept here. Which menus are sound is in [`check_product`] and
//! [`check_store`]; who ordered is in [`crate::customer`].

mod catalogue;
mod order_name;

pub use catalogue::{CatalogueProblem, check_product, check_store};
pub use order_name::order_name;

use crate::id::{ProductId, StoreId};
use crate::limits::{
    CART_LINES_MAX, LINE_OPTIONS_MAX, ORDER_AMOUNT_MAX, ORDER_AMOUNT_MIN, QUANTITY_MAX,
};
use crate::money::Won;

/// A product as its store sells it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuProduct {
    /// Its id.
    pub id: ProductId,
    /// The store that sells it.
    pub store_id: StoreId,
    /// Its name.
    pub name: String,
    /// The price of one, without options.
    pub price: Won,
    /// Whether it can be ordered now.
    pub is_available: bool,
    /// Whether it is free of tax, with its options.
    pub is_tax_free: bool,
    /// What can or must be chosen with it.
    pub groups: Vec<OptionGroup>,
}

/// Options of a product of which between `min_choices` and `max_choices` are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionGroup {
    /// Its id, unique within the product.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// How many must be chosen; 0 for a group that may be left out.
    pub min_choices: u32,
    /// How many may be chosen.
    pub max_choices: u32,
    /// What there is to choose from.
    pub options: Vec<MenuOption>,
}

/// An option of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuOption {
    /// Its id, unique within the product: a cart names options without their group.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// What it adds to the price of one product; may be nothing.
    pub price: Won,
    /// Whether it can be chosen now.
    pub is_available: bool,
}

/// On which terms a store sells now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTerms {
    /// Its id.
    pub id: StoreId,
    /// Its name.
    pub name: String,
    /// What is added to every order.
    pub delivery_fee: Won,
    /// What the items must cost at least, delivery not counted.
    pub minimum_order: Won,
    /// Whether it takes orders now.
    pub is_open: bool,
}

/// One line of a cart, as the customer asked for it. The same product may be on several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartLine {
    /// What.
    pub product_id: ProductId,
    /// How many, `1 ..= QUANTITY_MAX`.
    pub quantity: u32,
    /// With which options, each at most once, in any order.
    pub options: Vec<ProductId>,
}

/// What a cart costs, with everything that the sum is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The lines in the cart's order.
    pub lines: Vec<QuotedLine>,
    /// The sum of the lines.
    pub items_amount: Won,
    /// What delivery adds.
    pub delivery_fee: Won,
    /// What is to be paid: items and delivery.
    pub amount: Won,
    /// What of it is free of tax: the lines of such products. Delivery is taxed.
    pub tax_free_amount: Won,
    /// What the order is called, as [`order_name`] makes it.
    pub order_name: String,
}

/// One priced line. Names and prices are those of this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedLine {
    /// What.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// The price of one, without options.
    pub unit_price: Won,
    /// The chosen options, in the menu's order.
    pub options: Vec<QuotedOption>,
    /// How many.
    pub quantity: u32,
    /// The unit price and the options' prices together, times the quantity.
    pub amount: Won,
    /// Whether all of it is free of tax.
    pub is_tax_free: bool,
}

/// One chosen option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedOption {
    /// Which.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// What it adds to the price of one product.
    pub price: Won,
}

/// Why a cart cannot be ordered. `line` counts the cart's lines from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the ids and bounds that the sentences name")]
pub enum CartProblem {
    /// Nothing is in it.
    #[error("the cart is empty")]
    EmptyCart,
    /// More lines than an order may have.
    #[error("the cart has {lines} lines; at most {most} can be ordered at once")]
    TooManyLines { lines: usize, most: usize },
    /// None, or more than one line may have.
    #[error("line {line}: the quantity {quantity} is not between 1 and {most}")]
    QuantityOutOfRange { line: usize, product_id: ProductId, quantity: u32, most: u32 },
    /// The catalogue does not have it.
    #[error("line {line}: there is no product {product_id}")]
    UnknownProduct { line: usize, product_id: ProductId },
    /// Another store sells it.
    #[error("line {line}: product {product_id} belongs to another store")]
    ForeignProduct { line: usize, product_id: ProductId, store_id: StoreId },
    /// It is sold out or taken off the menu.
    #[error("line {line}: product {product_id} is not available")]
    UnavailableProduct { line: usize, product_id: ProductId },
    /// The product does not have this option.
    #[error("line {line}: product {product_id} has no option {option_id}")]
    UnknownOption { line: usize, product_id: ProductId, option_id: ProductId },
    /// The option is sold out or taken off the menu.
    #[error("line {line}: option {option_id} is not available")]
    UnavailableOption { line: usize, product_id: ProductId, option_id: ProductId },
    /// The option is chosen twice on one line.
    #[error("line {line}: option {option_id} is chosen twice")]
    DuplicateOption { line: usize, product_id: ProductId, option_id: ProductId },
    /// More options than one line may have.
    #[error("line {line}: {chosen} options are chosen; at most {most} are possible")]
    TooManyOptions { line: usize, product_id: ProductId, chosen: usize, most: usize },
    /// A group asks for more choices.
    #[error("line {line}: group {group_id} needs at least {least} choices and has {chosen}")]
    TooFewChoices {
        line: usize,
        product_id: ProductId,
        group_id: ProductId,
        least: u32,
        chosen: u32,
    },
    /// A group allows fewer choices.
    #[error("line {line}: group {group_id} takes at most {most} choices and has {chosen}")]
    TooManyChoices {
        line: usize,
        product_id: ProductId,
        group_id: ProductId,
        most: u32,
        chosen: u32,
    },
    /// The store takes no orders now.
    #[error("store {store_id} is closed")]
    StoreClosed { store_id: StoreId },
    /// The items cost less than the store delivers for.
    #[error("the items cost {items_amount} won; the store delivers from {minimum} won")]
    BelowMinimumOrder { minimum: Won, items_amount: Won },
    /// The whole costs more than can be paid at once, or than can be represented.
    #[error("the order costs more than {most} won")]
    AmountTooLarge { most: Won },
    /// The whole costs less than Toss takes.
    #[error("the order costs {amount} won; at least {least} won can be paid")]
    AmountTooSmall { least: Won, amount: Won },
}

const AMOUNT_MIN: Won = amount_limit(ORDER_AMOUNT_MIN);
const AMOUNT_MAX: Won = amount_limit(ORDER_AMOUNT_MAX);

const fn amount_limit(won: i64) -> Won {
    match Won::new(won) {
        Ok(amount) => amount,
        Err(_) => Won::MAX,
    }
}

/// Prices a cart at a store by the catalogue as it stands now.
///
/// `find_product` looks a product up in the whole catalogue, so that another store's product is told from one that does not exist.
/// The amount of a quote is `ORDER_AMOUNT_MIN ..= ORDER_AMOUNT_MAX`.
///
/// # Errors
/// The first [`CartProblem`] in the order of the lines; the customer changes the cart.
pub fn price_cart<'m>(
    terms: &StoreTerms,
    find_product: impl Fn(&ProductId) -> Option<&'m MenuProduct>,
    lines: &[CartLine],
) -> Result<Quote, CartProblem> {
    if lines.is_empty() {
        return Err(CartProblem::EmptyCart);
    }
    if lines.len() > CART_LINES_MAX {
        return Err(CartProblem::TooManyLines { lines: lines.len(), most: CART_LINES_MAX });
    }
    if !terms.is_open {
        return Err(CartProblem::StoreClosed { store_id: terms.id.clone() });
    }
    let lines = lines
        .iter()
        .enumerate()
        .map(|(line, wanted)| price_line(terms, &find_product, line, wanted))
        .collect::<Result<Vec<_>, _>>()?;
    let too_large = CartProblem::AmountTooLarge { most: AMOUNT_MAX };
    let items_amount = Won::sum(lines.iter().map(|line| line.amount)).ok_or(too_large.clone())?;
    let amount = items_amount.plus(terms.delivery_fee).ok_or(too_large.clone())?;
    if amount > AMOUNT_MAX {
        return Err(too_large.clone());
    }
    if items_amount < terms.minimum_order {
        return Err(CartProblem::BelowMinimumOrder { minimum: terms.minimum_order, items_amount });
    }
    if amount < AMOUNT_MIN {
        return Err(CartProblem::AmountTooSmall { least: AMOUNT_MIN, amount });
    }
    let tax_free = lines.iter().filter(|line| line.is_tax_free).map(|line| line.amount);
    // A part of a sum that can be represented.
    let tax_free_amount = Won::sum(tax_free).ok_or(too_large)?;
    let order_name = order_name(&lines);
    let delivery_fee = terms.delivery_fee;
    Ok(Quote { lines, items_amount, delivery_fee, amount, tax_free_amount, order_name })
}

fn price_line<'m>(
    terms: &StoreTerms,
    find_product: &impl Fn(&ProductId) -> Option<&'m MenuProduct>,
    line: usize,
    wanted: &CartLine,
) -> Result<QuotedLine, CartProblem> {
    let product_id = wanted.product_id.clone();
    let quantity = wanted.quantity;
    if !(1..=QUANTITY_MAX).contains(&quantity) {
        return Err(CartProblem::QuantityOutOfRange {
            line,
            product_id,
            quantity,
            most: QUANTITY_MAX,
        });
    }
    let Some(product) = find_product(&product_id) else {
        return Err(CartProblem::UnknownProduct { line, product_id });
    };
    if product.store_id != terms.id {
        return Err(CartProblem::ForeignProduct {
            line,
            product_id,
            store_id: product.store_id.clone(),
        });
    }
    if !product.is_available {
        return Err(CartProblem::UnavailableProduct { line, product_id });
    }
    check_options(product, line, wanted)?;
    let options = choose_options(product, line, wanted)?;
    let amount = Won::sum(options.iter().map(|option| option.price))
        .and_then(|options| options.plus(product.price))
        .and_then(|each| each.times(quantity))
        .ok_or(CartProblem::AmountTooLarge { most: AMOUNT_MAX })?;
    let name = product.name.clone();
    Ok(QuotedLine {
        product_id,
        name,
        unit_price: product.price,
        options,
        quantity,
        amount,
        is_tax_free: product.is_tax_free,
    })
}

/// Each option by itself: it exists, can be chosen, and is chosen once.
fn check_options(product: &MenuProduct, line: usize, wanted: &CartLine) -> Result<(), CartProblem> {
    let product_id = || product.id.clone();
    let chosen = wanted.options.len();
    if chosen > LINE_OPTIONS_MAX {
        return Err(CartProblem::TooManyOptions {
            line,
            product_id: product_id(),
            chosen,
            most: LINE_OPTIONS_MAX,
        });
    }
    for (index, wanted_id) in wanted.options.iter().enumerate() {
        let option_id = wanted_id.clone();
        let mut offered = product.groups.iter().flat_map(|group| &group.options);
        match offered.find(|option| option.id == option_id) {
            None => {
                return Err(CartProblem::UnknownOption {
                    line,
                    product_id: product_id(),
                    option_id,
                });
            }
            Some(option) if !option.is_available => {
                return Err(CartProblem::UnavailableOption {
                    line,
                    product_id: product_id(),
                    option_id,
                });
            }
            Some(_) if wanted.options.iter().take(index).any(|earlier| *earlier == option_id) => {
                return Err(CartProblem::DuplicateOption {
                    line,
                    product_id: product_id(),
                    option_id,
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The chosen options in the menu's order, when every group has as many as it asks for.
fn choose_options(
    product: &MenuProduct,
    line: usize,
    wanted: &CartLine,
) -> Result<Vec<QuotedOption>, CartProblem> {
    let mut all = Vec::with_capacity(wanted.options.len());
    for group in &product.groups {
        let before = all.len();
        let chosen = group.options.iter().filter(|option| wanted.options.contains(&option.id));
        all.extend(chosen.map(|option| QuotedOption {
            id: option.id.clone(),
            name: option.name.clone(),
            price: option.price,
        }));
        let chosen = u32::try_from(all.len().saturating_sub(before)).unwrap_or(u32::MAX);
        let (product_id, group_id) = (product.id.clone(), group.id.clone());
        if chosen < group.min_choices {
            let least = group.min_choices;
            return Err(CartProblem::TooFewChoices { line, product_id, group_id, least, chosen });
        }
        if chosen > group.max_choices {
            let most = group.max_choices;
            return Err(CartProblem::TooManyChoices { line, product_id, group_id, most, chosen });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
