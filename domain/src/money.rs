//! Money: a whole, non-negative number of Korean won. No floating point anywhere near it.

use std::fmt;

/// An amount of Korean won, `0 ..= Won::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Won(i64);

/// An integer that is not an amount: negative, or beyond [`Won::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an amount of won between 0 and {max}", max = Won::MAX.0)]
pub struct NotAnAmount(pub i64);

impl Won {
    /// No money.
    pub const ZERO: Won = Won(0);
    /// The largest amount that is represented: a trillion won, far above any payment and far below overflow.
    pub const MAX: Won = Won(1_000_000_000_000);

    /// Takes an integer number of won.
    ///
    /// # Errors
    /// [`NotAnAmount`] when it is negative or above [`Won::MAX`]; refuse the input.
    pub const fn new(won: i64) -> Result<Won, NotAnAmount> {
        if won < 0 || won > Won::MAX.0 { Err(NotAnAmount(won)) } else { Ok(Won(won)) }
    }

    /// The number of won, `0 ..= Won::MAX`.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` above [`Won::MAX`].
    #[must_use]
    pub fn plus(self, other: Won) -> Option<Won> {
        self.0.checked_add(other.0).and_then(|sum| Won::new(sum).ok())
    }

    /// The difference, or `None` when `other` is larger.
    #[must_use]
    pub fn minus(self, other: Won) -> Option<Won> {
        self.0.checked_sub(other.0).and_then(|rest| Won::new(rest).ok())
    }

    /// The product, or `None` above [`Won::MAX`].
    #[must_use]
    pub fn times(self, count: u32) -> Option<Won> {
        self.0.checked_mul(i64::from(count)).and_then(|product| Won::new(product).ok())
    }

    /// The sum of many, or `None` above [`Won::MAX`].
    pub fn sum(amounts: impl IntoIterator<Item = Won>) -> Option<Won> {
        amounts.into_iter().try_fold(Won::ZERO, Won::plus)
    }

    /// Whether this is no money at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<i64> for Won {
    type Error = NotAnAmount;

    fn try_from(won: i64) -> Result<Won, NotAnAmount> {
        Won::new(won)
    }
}

impl fmt::Display for Won {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn negative_and_gigantic_amounts_are_refused() {
        assert_eq!(Won::new(-1), Err(NotAnAmount(-1)));
        assert_eq!(Won::new(i64::MAX), Err(NotAnAmount(i64::MAX)));
        assert_eq!(Won::new(0), Ok(Won::ZERO));
    }

    proptest! {
        #[test]
        fn arithmetic_never_leaves_the_range(a in 0..=Won::MAX.0, b in 0..=Won::MAX.0, n: u32) {
            let (a, b) = (Won(a), Won(b));
            for result in [a.plus(b), a.minus(b), a.times(n)].into_iter().flatten() {
                prop_assert!(result >= Won::ZERO && result <= Won::MAX);
            }
            prop_assert_eq!(a.plus(b).and_then(|sum| sum.minus(b)), a.plus(b).map(|_| a));
        }
    }
}
