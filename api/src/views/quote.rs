//! What a cart costs, as answers show it.

use domain::cart::{Quote, QuotedLine};
use domain::method::Method;
use serde::Serialize;
use store::catalogue::StoreView as StoreRow;
use utoipa::ToSchema;

use super::CURRENCY;

/// The whole calculation of a cart. All amounts are whole won.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuoteView {
    /// The store.
    pub(crate) store_id: String,
    /// What the order would be called.
    pub(crate) order_name: String,
    /// The lines, in the cart's order.
    pub(crate) lines: Vec<LineView>,
    /// The sum of the lines.
    pub(crate) items_amount: i64,
    /// What delivery adds.
    pub(crate) delivery_fee: i64,
    /// What is to be paid.
    pub(crate) amount: i64,
    /// What of it is free of tax.
    pub(crate) tax_free_amount: i64,
    /// The payment window's methods that take this amount, by Toss's names. Offer no other.
    pub(crate) methods: Vec<&'static str>,
    /// What the items must come to at this store.
    pub(crate) minimum_order: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
}

/// One line of a cart or an order, with names and prices as they were then.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LineView {
    /// The product.
    pub(crate) product_id: String,
    /// Its name.
    pub(crate) name: String,
    /// The price of one, without options.
    pub(crate) unit_price: i64,
    /// The chosen options.
    pub(crate) options: Vec<LineOptionView>,
    /// How many.
    pub(crate) quantity: u32,
    /// Unit price and options together, times the quantity.
    pub(crate) amount: i64,
    /// Whether all of it is free of tax.
    pub(crate) tax_free: bool,
}

/// A chosen option.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LineOptionView {
    /// The option.
    pub(crate) option_id: String,
    /// Its name.
    pub(crate) name: String,
    /// What it adds to the price of one.
    pub(crate) price: i64,
}

impl QuoteView {
    /// The quote of a cart at this store.
    pub(crate) fn new(store: &StoreRow, quote: &Quote) -> QuoteView {
        QuoteView {
            store_id: store.id.as_str().to_owned(),
            order_name: quote.order_name.clone(),
            lines: quote.lines.iter().map(LineView::new).collect(),
            items_amount: quote.items_amount.get(),
            delivery_fee: quote.delivery_fee.get(),
            amount: quote.amount.get(),
            tax_free_amount: quote.tax_free_amount.get(),
            methods: Method::taking(quote.amount).map(Method::word).collect(),
            minimum_order: store.minimum_order.get(),
            currency: CURRENCY,
        }
    }
}

impl LineView {
    /// A line.
    pub(crate) fn new(line: &QuotedLine) -> LineView {
        let options = line.options.iter().map(|option| LineOptionView {
            option_id: option.id.as_str().to_owned(),
            name: option.name.clone(),
            price: option.price.get(),
        });
        LineView {
            product_id: line.product_id.as_str().to_owned(),
            name: line.name.clone(),
            unit_price: line.unit_price.get(),
            options: options.collect(),
            quantity: line.quantity,
            amount: line.amount.get(),
            tax_free: line.is_tax_free,
        }
    }
}
