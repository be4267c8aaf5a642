//! Filling a cart from any menu: two products with the choices that they demand, enough of the
//! first to reach the store's minimum.

use serde_json::{Value, json};

use super::views::{Menu, Product};

/// How many of one line may be ordered.
const QUANTITY_MAX: u64 = 99;

/// What is ordered, and what it must cost by our own sum.
#[derive(Debug)]
pub(super) struct Cart {
    pub(super) items: Value,
    pub(super) items_amount: u64,
}

struct Line<'a> {
    product_id: &'a str,
    options: Vec<&'a str>,
    each: u64,
}

/// A cart that the store should take, or `None` when its menu has nothing to order.
pub(super) fn fill(menu: &Menu) -> Option<Cart> {
    let mut lines = menu.products.iter().filter_map(line);
    let first = lines.next()?;
    let second = lines.next();
    let rest = second.as_ref().map_or(0, |line| line.each);
    let missing = menu.minimum_order.saturating_sub(rest);
    let quantity = missing.div_ceil(first.each.max(1)).clamp(1, QUANTITY_MAX);
    let items_amount = first.each.saturating_mul(quantity).saturating_add(rest);
    let mut items = vec![item(&first, quantity)];
    items.extend(second.as_ref().map(|line| item(line, 1)));
    (items_amount >= menu.minimum_order).then_some(Cart { items: items.into(), items_amount })
}

/// One product with the first choices that it demands; `None` when it cannot be ordered.
fn line(product: &Product) -> Option<Line<'_>> {
    if !product.available {
        return None;
    }
    let mut line =
        Line { product_id: &product.product_id, options: Vec::new(), each: product.price };
    for group in &product.option_groups {
        let available = group.options.iter().filter(|option| option.available);
        let chosen: Vec<_> = available.take(group.min_choices).collect();
        if chosen.len() < group.min_choices {
            return None;
        }
        for option in chosen {
            line.options.push(&option.option_id);
            line.each = line.each.saturating_add(option.price);
        }
    }
    Some(line)
}

fn item(line: &Line<'_>, quantity: u64) -> Value {
    json!({"productId": line.product_id, "quantity": quantity, "options": line.options})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(minimum_order: u64, products: Value) -> Menu {
        let menu = json!({"storeId": "s", "deliveryFee": 0, "minimumOrder": minimum_order, "products": products});
        serde_json::from_value(menu).unwrap()
    }

    #[test]
    fn a_cart_has_the_demanded_choices_and_reaches_the_minimum() {
        let menu = menu(
            10_000,
            json!([
                {"productId": "sold-out", "price": 1, "available": false, "optionGroups": []},
                {"productId": "soup", "price": 3_000, "available": true, "optionGroups": [
                    {"minChoices": 1, "options": [
                        {"optionId": "gone", "price": 0, "available": false},
                        {"optionId": "hot", "price": 500, "available": true}
                    ]}
                ]},
                {"productId": "impossible", "price": 1, "available": true, "optionGroups": [
                    {"minChoices": 1, "options": [{"optionId": "x", "price": 0, "available": false}]}
                ]},
                {"productId": "rice", "price": 1_000, "available": true, "optionGroups": []}
            ]),
        );
        let cart = fill(&menu).unwrap();
        let items = json!([
            {"productId": "soup", "quantity": 3, "options": ["hot"]},
            {"productId": "rice", "quantity": 1, "options": []}
        ]);
        assert_eq!((cart.items, cart.items_amount), (items, 11_500));
    }

    #[test]
    fn a_menu_without_anything_to_order_gives_no_cart() {
        assert!(fill(&menu(0, json!([]))).is_none());
        let free = json!([{"productId": "p", "price": 0, "available": true, "optionGroups": []}]);
        assert!(fill(&menu(1, free)).is_none());
    }
}
