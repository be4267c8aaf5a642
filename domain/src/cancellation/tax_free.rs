//! Which part of a cancellation is free of tax.

use super::CancelRefusal;
use crate::money::Won;

/// What a new cancellation can take from: what neither is given back nor promised to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// All of it.
    pub total: Won,
    /// What of it is free of tax.
    pub tax_free: Won,
}

/// Fixes how much of a cancellation of `amount` is free of tax: the asked part, or as much as what is left has in proportion, rounded down.
///
/// Of the taxed rest there must be enough too, so the part lies between what the taxed rest does not cover, and what is left free of tax.
/// The proportional part always does, and a cancellation of all that is left takes all of both.
///
/// # Errors
/// [`CancelRefusal::TaxFreePart`] with the bounds, for the caller to pass on.
pub fn tax_free_part(
    available: Available,
    amount: Won,
    asked: Option<Won>,
) -> Result<Won, CancelRefusal> {
    let tax_free = Ord::min(available.tax_free, available.total);
    let taxed = available.total.minus(tax_free).unwrap_or(Won::ZERO);
    let least = amount.minus(taxed).unwrap_or(Won::ZERO);
    let most = Ord::min(amount, tax_free);
    match asked {
        Some(part) if (least..=most).contains(&part) => Ok(part),
        Some(_) => Err(CancelRefusal::TaxFreePart { least, most }),
        None => Ok(proportion(amount, tax_free, available.total).clamp(least, most)),
    }
}

/// `amount * part / whole`, rounded down. The product of two amounts is far below what 128 bits hold.
fn proportion(amount: Won, part: Won, whole: Won) -> Won {
    let product = i128::from(amount.get()).saturating_mul(i128::from(part.get()));
    let share = product.checked_div(i128::from(whole.get())).unwrap_or(0);
    i64::try_from(share).ok().and_then(|share| Won::new(share).ok()).unwrap_or(Won::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn won(amount: i64) -> Won {
        Won::new(amount).unwrap()
    }

    fn left(total: i64, tax_free: i64) -> Available {
        Available { total: won(total), tax_free: won(tax_free) }
    }

    #[test]
    fn the_part_is_proportional_unless_another_possible_one_is_asked_for() {
        let range =
            |least, most| Err(CancelRefusal::TaxFreePart { least: won(least), most: won(most) });
        for (available, amount, asked, part) in [
            (left(10_000, 0), 4_000, None, Ok(won(0))),
            (left(10_000, 0), 4_000, Some(0), Ok(won(0))),
            (left(10_000, 0), 4_000, Some(1), range(0, 0)),
            (left(10_000, 3_000), 10_000, None, Ok(won(3_000))),
            (left(10_000, 3_000), 10_000, Some(2_999), range(3_000, 3_000)),
            (left(10_000, 3_000), 5_000, None, Ok(won(1_500))),
            (left(10_000, 3_000), 5_000, Some(0), Ok(won(0))),
            (left(10_000, 3_000), 5_000, Some(3_000), Ok(won(3_000))),
            (left(10_000, 3_000), 5_000, Some(3_001), range(0, 3_000)),
            (left(10_000, 3_000), 9_000, Some(1_999), range(2_000, 3_000)),
            (left(10_000, 3_000), 1, None, Ok(won(0))),
            (left(10_000, 10_000), 1, None, Ok(won(1))),
            (left(10, 3), 9, None, Ok(won(2))),
        ] {
            let told = tax_free_part(available, won(amount), asked.map(won));
            assert_eq!(told, part, "{available:?} {amount} {asked:?}");
        }
    }

    proptest! {
        /// Whatever was cancelled before, the rest is possible, and both sums come out even.
        #[test]
        fn cancelling_bit_by_bit_gives_back_all_that_was_free_of_tax_and_no_more(
            total in 1..=1_000_000i64, share in 0..=100i64, cuts in proptest::collection::vec((1..=100i64, proptest::option::of(0..=100i64)), 0..20),
        ) {
            let mut rest = left(total, total * share / 100);
            let mut given = 0;
            let sizes = cuts.into_iter().map(|(percent, asked)| (Some(percent), asked));
            for (percent, asked) in sizes.chain([(None, None)]) {
                if rest.total.is_zero() { break; }
                let amount = percent.map_or(rest.total, |percent| won((rest.total.get() * percent / 100).max(1)));
                let asked = asked.map(|percent| won(amount.get() * percent / 100));
                let part = match tax_free_part(rest, amount, asked) {
                    Ok(part) => part,
                    Err(CancelRefusal::TaxFreePart { least, most }) => {
                        prop_assert!(asked.is_some() && least <= most);
                        tax_free_part(rest, amount, None).unwrap()
                    }
                    Err(other) => panic!("{other}"),
                };
                prop_assert!(part <= amount && part <= rest.tax_free);
                given += part.get();
                rest = Available {
                    total: rest.total.minus(amount).unwrap(),
                    tax_free: rest.tax_free.minus(part).unwrap(),
                };
                prop_assert!(rest.tax_free <= rest.total);
            }
            prop_assert_eq!((given, rest.total), (total * share / 100, Won::ZERO));
        }
    }
}
