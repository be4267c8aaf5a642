//! The customer's bank account that a refund goes to: needed for virtual accounts after their deposit, and for nothing else.

use std::fmt;

use crate::cancellation::CancelRefusal;
use crate::payment::PaymentState;

/// The most digits of an account number that Toss takes.
pub const NUMBER_DIGITS_MAX: usize = 20;
/// The longest name of an account's holder that Toss takes, in characters.
pub const HOLDER_CHARS_MAX: usize = 60;

/// Toss's codes of banks, with their names in Korean.
///
/// Source: Toss documents, bank codes.
pub const BANKS: [(&str, &str); 26] = [
    ("02", "산업은행"),
    ("03", "기업은행"),
    ("06", "국민은행"),
    ("07", "수협은행"),
    ("11", "농협은행"),
    ("12", "지역농축협"),
    ("20", "우리은행"),
    ("23", "SC제일은행"),
    ("27", "씨티은행"),
    ("31", "iM뱅크"),
    ("32", "부산은행"),
    ("34", "광주은행"),
    ("35", "제주은행"),
    ("37", "전북은행"),
    ("39", "경남은행"),
    ("45", "새마을금고"),
    ("48", "신협"),
    ("50", "저축은행"),
    ("54", "HSBC"),
    ("64", "산림조합"),
    ("71", "우체국"),
    ("81", "하나은행"),
    ("88", "신한은행"),
    ("89", "케이뱅크"),
    ("90", "카카오뱅크"),
    ("92", "토스뱅크"),
];

/// The name of the bank with this code.
#[must_use]
pub fn bank_name(code: &str) -> Option<&'static str> {
    BANKS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// Where a refund goes. `Debug` shows the bank only.
#[derive(Clone, PartialEq, Eq)]
pub struct RefundAccount {
    bank: String,
    number: String,
    holder: String,
}

impl fmt::Debug for RefundAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefundAccount").field("bank", &self.bank).finish_non_exhaustive()
    }
}

/// What is wrong with a refund account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRefundAccount {
    /// No bank has this code.
    #[error("no bank has this code")]
    Bank,
    /// Not 1 to 20 digits.
    #[error("an account number has 1 to 20 digits")]
    Number,
    /// No name, too long a name, or one with control characters.
    #[error("a holder's name has 1 to 60 characters on one line")]
    Holder,
}

impl RefundAccount {
    /// Checks the parts; spaces and hyphens of the number are left out.
    ///
    /// # Errors
    /// [`InvalidRefundAccount`] names the first part that is wrong.
    pub fn parse(
        bank: &str,
        number: &str,
        holder: &str,
    ) -> Result<RefundAccount, InvalidRefundAccount> {
        let bank = bank.trim();
        bank_name(bank).ok_or(InvalidRefundAccount::Bank)?;
        let number: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let is_number = (1..=NUMBER_DIGITS_MAX).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(InvalidRefundAccount::Number);
        }
        let holder = holder.trim();
        let is_name = (1..=HOLDER_CHARS_MAX).contains(&holder.chars().count())
            && !holder.chars().any(crate::text::is_control);
        if !is_name {
            return Err(InvalidRefundAccount::Holder);
        }
        Ok(RefundAccount { bank: bank.to_owned(), number, holder: holder.to_owned() })
    }

    /// Toss's code of the bank.
    #[must_use]
    pub fn bank(&self) -> &str {
        &self.bank
    }

    /// The number, digits only.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// The holder's name.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }
}

/// Whether a cancel may come with, or without, an account to refund to.
///
/// # Errors
/// [`CancelRefusal`]: it is missing, or nobody would use it.
pub const fn check_refund_account(
    is_virtual_account: bool,
    state: PaymentState,
    is_given: bool,
) -> Result<(), CancelRefusal> {
    match (is_virtual_account && state.holds_money(), is_given) {
        (true, false) => Err(CancelRefusal::RefundAccountNeeded),
        (false, true) => Err(CancelRefusal::RefundAccountUnwanted),
        (true, true) | (false, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_taken_as_people_write_it() {
        let account = RefundAccount::parse(" 20 ", "1002-123 456789", " 김토스 ").unwrap();
        assert_eq!(account.bank(), "20");
        assert_eq!(account.number(), "1002123456789");
        assert_eq!(account.holder(), "김토스");
        assert!(!format!("{account:?}").contains("1002"));
    }

    #[test]
    fn what_toss_would_refuse_is_refused_here() {
        use InvalidRefundAccount as E;
        let long = "x".repeat(61);
        for (bank, number, holder, wrong) in [
            ("21", "1", "김", E::Bank),
            ("", "1", "김", E::Bank),
            ("20", "", "김", E::Number),
            ("20", "12a", "김", E::Number),
            ("20", "１２", "김", E::Number),
            ("20", "123456789012345678901", "김", E::Number),
            ("20", "1", " ", E::Holder),
            ("20", "1", "김\n토스", E::Holder),
            ("20", "1", &long, E::Holder),
        ] {
            assert_eq!(
                RefundAccount::parse(bank, number, holder),
                Err(wrong),
                "{bank} {number} {holder}"
            );
        }
    }

    #[test]
    fn an_account_is_needed_after_a_deposit_and_unwanted_otherwise() {
        use PaymentState as S;
        for state in PaymentState::ALL {
            let is_after_deposit = matches!(state, S::Confirmed | S::PartiallyCancelled);
            for is_virtual_account in [false, true] {
                let is_needed = is_virtual_account && is_after_deposit;
                let given = check_refund_account(is_virtual_account, state, true);
                let missing = check_refund_account(is_virtual_account, state, false);
                assert_eq!((given.is_ok(), missing.is_ok()), (is_needed, !is_needed));
            }
        }
    }
}
