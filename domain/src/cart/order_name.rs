//! What an order is called at Toss, on receipts and in lists.

use super::QuotedLine;
use crate::limits::ORDER_NAME_CHARS_MAX;
use crate::text::is_control;

/// What an order without a readable product name is called.
const NAMELESS: &str = "주문";

/// Names an order as Korean shops do: the first product, and how many further lines there are ("마라탕 외 2건").
///
/// What counts is lines, not pieces: three of one product are called by its name alone. The name has `1 ..= ORDER_NAME_CHARS_MAX`
/// characters and no control characters; a product name that is too long is cut with an ellipsis, and the count stays.
#[must_use]
pub fn order_name(lines: &[QuotedLine]) -> String {
    let further = lines.len().saturating_sub(1);
    let suffix = if further == 0 { String::new() } else { format!(" 외 {further}건") };
    let first: String =
        lines.first().map_or("", |line| &line.name).chars().filter(|c| !is_control(*c)).collect();
    let first = match first.trim() {
        "" => NAMELESS,
        name => name,
    };
    let room = ORDER_NAME_CHARS_MAX.saturating_sub(suffix.chars().count());
    if first.chars().count() <= room {
        return format!("{first}{suffix}");
    }
    let cut: String = first.chars().take(room.saturating_sub(1)).collect();
    format!("{}…{suffix}", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProductId, Won};
    use proptest::prelude::*;

    fn lines(names: &[&str]) -> Vec<QuotedLine> {
        let line = |name: &&str| QuotedLine {
            product_id: ProductId::parse("p").unwrap(),
            name: (*name).to_owned(),
            unit_price: Won::ZERO,
            options: vec![],
            quantity: 3,
            amount: Won::ZERO,
            is_tax_free: false,
        };
        names.iter().map(line).collect()
    }

    #[test]
    fn an_order_is_called_by_its_first_product_and_the_number_of_further_lines() {
        assert_eq!(order_name(&lines(&["마라탕"])), "마라탕");
        assert_eq!(order_name(&lines(&["마라탕", "꿔바로우"])), "마라탕 외 1건");
        assert_eq!(order_name(&lines(&["마라탕", "꿔바로우", "마라탕"])), "마라탕 외 2건");
    }

    #[test]
    fn a_long_name_is_cut_and_the_count_stays() {
        let long = "탕".repeat(120);
        assert_eq!(order_name(&lines(&[&long])), format!("{}…", "탕".repeat(99)));
        assert_eq!(order_name(&lines(&[&long, "밥"])), format!("{}… 외 1건", "탕".repeat(94)));
        assert_eq!(order_name(&lines(&[&"탕".repeat(100)])), "탕".repeat(100));
    }

    #[test]
    fn an_order_is_never_nameless() {
        assert_eq!(order_name(&[]), "주문");
        assert_eq!(order_name(&lines(&[" \n\u{202e} ", "밥"])), "주문 외 1건");
        assert_eq!(order_name(&lines(&["마라\n탕\u{0}"])), "마라탕");
    }

    proptest! {
        #[test]
        fn every_name_fits_toss(names in proptest::collection::vec("\\PC{0,120}|.{0,120}", 0..60)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let name = order_name(&lines(&names));
            prop_assert!((1..=ORDER_NAME_CHARS_MAX).contains(&name.chars().count()), "{name}");
            prop_assert!(!name.trim().is_empty() && !name.chars().any(is_control), "{name:?}");
        }
    }
}
