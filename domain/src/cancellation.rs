//! Cancellations: their states, the budget that bounds them, and the tag by which Toss's entries are matched.

mod tax_free;

pub use tax_free::{Available, tax_free_part};

use crate::money::Won;
use crate::payment::PaymentState;

/// Where a cancellation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancellationState {
    /// Accepted; nothing was sent.
    Requested,
    /// Its first call is recorded and may be on its way.
    Sending,
    /// Toss gave the money back.
    Done,
    /// Nothing was given back, and nothing will be.
    Refused,
    /// Whether the money was given back is not known.
    Unresolved,
}

impl CancellationState {
    /// Every state, for tables and exhaustive tests.
    pub const ALL: [CancellationState; 5] = [
        CancellationState::Requested,
        CancellationState::Sending,
        CancellationState::Done,
        CancellationState::Refused,
        CancellationState::Unresolved,
    ];

    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            CancellationState::Requested => "requested",
            CancellationState::Sending => "sending",
            CancellationState::Done => "done",
            CancellationState::Refused => "refused",
            CancellationState::Unresolved => "unresolved",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<CancellationState> {
        CancellationState::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether its amount is still reserved: it may yet be given back.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            CancellationState::Requested
            | CancellationState::Sending
            | CancellationState::Unresolved => true,
            CancellationState::Done | CancellationState::Refused => false,
        }
    }
}

/// Why a cancel cannot be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancelRefusal {
    /// The money was not taken yet, or will not be.
    #[error("there is no money to give back: the payment is {0:?}")]
    NothingTaken(PaymentState),
    /// Whether the money was taken is not known.
    #[error("whether the money was taken is not known yet")]
    Undecided,
    /// All that is left is given back or reserved already.
    #[error("nothing is left to give back")]
    NothingLeft,
    /// More than what is left.
    #[error("only {available} won are left to give back")]
    TooMuch {
        /// What is left after the open cancellations.
        available: Won,
    },
    /// Nothing is not an amount to give back.
    #[error("the amount must be at least one won")]
    Zero,
    /// Before its deposit an account can only be cancelled as a whole, and so can payments of which Toss gives back no part.
    #[error("only the whole can be cancelled")]
    WholeOnly,
    /// A cancel of this amount, whose record was lost with a database, was found at Toss: this may be the same one again.
    #[error("a cancel of this amount whose record was lost was found at Toss")]
    MayRepeatLost,
    /// The part that is free of tax is not possible.
    #[error("between {least} and {most} won of it can be free of tax")]
    TaxFreePart {
        /// What the taxed rest does not cover.
        least: Won,
        /// What is left free of tax, or the whole amount.
        most: Won,
    },
    /// After its deposit an account's money needs somewhere to go.
    #[error("a virtual account is refunded to a bank account, which is missing")]
    RefundAccountNeeded,
    /// The money goes back the way it came.
    #[error("only a virtual account after its deposit is refunded to a bank account")]
    RefundAccountUnwanted,
}

/// Fixes the amount of a new cancellation: the asked one, or all that is left.
///
/// `balance` is what Toss last told, `reserved` the sum of open cancellations, `is_partial_cancelable` what Toss told about the payment.
///
/// # Errors
/// [`CancelRefusal`] with the reason, for the caller to pass on.
pub fn cancel_amount(
    state: PaymentState,
    balance: Won,
    reserved: Won,
    is_partial_cancelable: Option<bool>,
    asked: Option<Won>,
) -> Result<Won, CancelRefusal> {
    let is_whole_only = match state {
        PaymentState::Confirming | PaymentState::ConfirmUnresolved => {
            return Err(CancelRefusal::Undecided);
        }
        PaymentState::Failed | PaymentState::Expired => {
            return Err(CancelRefusal::NothingTaken(state));
        }
        PaymentState::Cancelled => return Err(CancelRefusal::NothingLeft),
        PaymentState::WaitingForDeposit => true,
        PaymentState::Confirmed | PaymentState::PartiallyCancelled => {
            is_partial_cancelable == Some(false)
        }
    };
    let available = balance.minus(reserved).unwrap_or(Won::ZERO);
    if available.is_zero() {
        return Err(CancelRefusal::NothingLeft);
    }
    match asked {
        None => Ok(available),
        Some(amount) if amount.is_zero() => Err(CancelRefusal::Zero),
        Some(amount) if amount > available => Err(CancelRefusal::TooMuch { available }),
        Some(amount) if is_whole_only && amount != balance => Err(CancelRefusal::WholeOnly),
        Some(amount) => Ok(amount),
    }
}

/// How many characters of a cancellation's id are its tag.
const TAG_CHARS: usize = 12;

/// The tag that our cancel reasons end with: the last twelve characters of the cancellation's id, which are random.
#[must_use]
pub fn cancel_tag(cancellation_id: &str) -> String {
    let tail: String = cancellation_id
        .chars()
        .rev()
        .take(TAG_CHARS)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    format!("[{tail}]")
}

/// Whether a reason ends with a tag such as ours do. On a cancel at Toss that no cancellation of ours explains it says that there was one, and
/// that its row was lost with a database, together with its caller's idempotency key.
#[must_use]
pub fn has_tag(reason: &str) -> bool {
    let tag = reason.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    tag.is_some_and(|(_, tag)| {
        tag.len() == TAG_CHARS && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether a cancel may be one of the lost ones again: of the same amount, or of all that was left then.
///
/// # Errors
/// [`CancelRefusal::MayRepeatLost`]; whoever asks has to say that they mean another one.
pub fn check_repeats_no_lost(
    lost: &[Won],
    asked: Option<Won>,
    amount: Won,
) -> Result<(), CancelRefusal> {
    let may_repeat = lost.contains(&amount) || (asked.is_none() && !lost.is_empty());
    if may_repeat { Err(CancelRefusal::MayRepeatLost) } else { Ok(()) }
}

/// The reason as Toss gets it: the staff's words and our tag, within Toss's 200 characters.
#[must_use]
pub fn tagged_reason(reason: &str, cancellation_id: &str) -> String {
    let words: String = reason.chars().take(crate::limits::CANCEL_REASON_CHARS_MAX).collect();
    format!("{} {}", words.trim_end(), cancel_tag(cancellation_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn won(amount: i64) -> Won {
        Won::new(amount).unwrap()
    }

    #[test]
    fn a_part_of_what_toss_gives_back_as_a_whole_only_is_refused() {
        let whole_only = |reserved, asked: Option<i64>| {
            let asked = asked.map(won);
            cancel_amount(PaymentState::Confirmed, won(1000), won(reserved), Some(false), asked)
        };
        assert_eq!(whole_only(0, Some(999)), Err(CancelRefusal::WholeOnly));
        assert_eq!(
            (whole_only(0, Some(1000)), whole_only(0, None)),
            (Ok(won(1000)), Ok(won(1000)))
        );
        assert_eq!(whole_only(1000, None), Err(CancelRefusal::NothingLeft));
    }

    #[test]
    fn the_rest_is_the_balance_less_what_is_reserved() {
        assert_eq!(
            cancel_amount(PaymentState::Confirmed, won(1000), won(300), None, None),
            Ok(won(700))
        );
        assert_eq!(
            cancel_amount(
                PaymentState::PartiallyCancelled,
                won(1000),
                won(300),
                None,
                Some(won(701))
            ),
            Err(CancelRefusal::TooMuch { available: won(700) })
        );
        assert_eq!(
            cancel_amount(PaymentState::Confirmed, won(1000), won(1000), None, None),
            Err(CancelRefusal::NothingLeft)
        );
        assert_eq!(
            cancel_amount(PaymentState::Confirmed, won(1000), Won::ZERO, None, Some(Won::ZERO)),
            Err(CancelRefusal::Zero)
        );
    }

    #[test]
    fn nothing_is_cancelled_before_the_outcome_is_known() {
        for state in [PaymentState::Confirming, PaymentState::ConfirmUnresolved] {
            assert_eq!(
                cancel_amount(state, won(1000), Won::ZERO, None, None),
                Err(CancelRefusal::Undecided)
            );
        }
    }

    #[test]
    fn an_account_is_cancelled_as_a_whole_before_its_deposit() {
        let state = PaymentState::WaitingForDeposit;
        assert_eq!(cancel_amount(state, won(1000), Won::ZERO, None, None), Ok(won(1000)));
        assert_eq!(
            cancel_amount(state, won(1000), Won::ZERO, None, Some(won(999))),
            Err(CancelRefusal::WholeOnly)
        );
    }

    #[test]
    fn a_lost_cancel_is_known_by_its_tag_and_not_repeated_by_its_amount() {
        assert!(has_tag("재료 소진 [0123456789ab]"));
        for strange in
            ["", "재료 소진", "[0123456789ag]", "[0123456789a]", "0123456789ab]", "[0123456789ab] "]
        {
            assert!(!has_tag(strange), "{strange:?}");
        }
        let lost = [won(300), won(500)];
        let refused = Err(CancelRefusal::MayRepeatLost);
        assert_eq!(check_repeats_no_lost(&lost, Some(won(500)), won(500)), refused);
        assert_eq!(check_repeats_no_lost(&lost, None, won(200)), refused, "all that was left then");
        assert_eq!(check_repeats_no_lost(&lost, Some(won(200)), won(200)), Ok(()));
        assert_eq!(check_repeats_no_lost(&[], None, won(500)), Ok(()));
    }

    proptest! {
        #[test]
        fn accepted_amounts_never_exceed_the_balance(balance in 0i64..1_000_000, asked in proptest::collection::vec(proptest::option::of(0i64..1_000_000), 0..20)) {
            let balance = won(balance);
            let mut reserved = Won::ZERO;
            for ask in asked {
                if let Ok(amount) = cancel_amount(PaymentState::Confirmed, balance, reserved, None, ask.map(won)) {
                    prop_assert!(!amount.is_zero());
                    reserved = reserved.plus(amount).unwrap();
                }
                prop_assert!(reserved <= balance);
            }
        }

        #[test]
        fn a_tagged_reason_fits_toss_and_ends_with_the_tag(reason in ".{0,400}") {
            let tagged = tagged_reason(&reason, "0193a5c2-0000-7000-8000-0123456789ab");
            prop_assert!(tagged.chars().count() <= 200);
            prop_assert!(tagged.ends_with("[0123456789ab]") && has_tag(&tagged));
        }
    }
}
