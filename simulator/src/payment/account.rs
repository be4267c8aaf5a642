//! Virtual accounts: how long they wait, the buyer's deposit, and a deposit that the bank takes back.

use serde::{Deserialize, Serialize};

use super::{Account, Approval, Payment, Status};
use crate::clock::Moment;
use crate::codes;
use crate::ids;
use crate::limits::{DEPOSIT_MS, HOUR_MS, RECORDS_MAX, VALID_HOURS_MAX};
use crate::method::Family;
use crate::refusal::Refusal;

/// How long a virtual account waits for its deposit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Due {
    /// From its issue, in milliseconds.
    After(i64),
    At(Moment),
}

impl Due {
    /// Reads `validHours` and `dueDate`, of which one may be given. None for as long as usual.
    ///
    /// # Errors
    /// 400 for both, for hours out of 1–2160, and for a date that is none, has passed, or is more than 90 days ahead.
    /// Source: Toss, issue of a virtual account.
    pub(crate) fn parse(
        hours: Option<i64>,
        date: Option<&str>,
        now: Moment,
    ) -> Result<Option<Due>, Refusal> {
        match (hours, date) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(Refusal::new(codes::INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE))
            }
            (Some(hours), None) if (1..=VALID_HOURS_MAX).contains(&hours) => {
                Ok(Some(Due::After(hours.saturating_mul(HOUR_MS))))
            }
            (Some(_), None) => Err(Refusal::about(codes::INVALID_REQUEST, "validHours")),
            (None, Some(date)) => {
                let at = Moment::parse_kst_local(date).ok_or(Refusal::new(codes::INVALID_DATE))?;
                if at < now {
                    return Err(Refusal::about(codes::INVALID_DATE, "dueDate"));
                }
                if at.ms_since(now) > VALID_HOURS_MAX.saturating_mul(HOUR_MS) {
                    return Err(Refusal::new(codes::EXCEED_MAX_DUE_DATE));
                }
                Ok(Some(Due::At(at)))
            }
        }
    }

    fn moment(self, now: Moment) -> Moment {
        match self {
            Due::After(ms) => now.plus_ms(ms),
            Due::At(at) => at,
        }
    }
}

/// How refunds to the buyer's account end. Source: Toss, `refundStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundOutcome {
    /// The bank gave nothing to the buyer.
    Failed,
    /// Of several refunds some failed.
    PartialFailed,
    /// At once, instead of two days later.
    Completed,
}

impl RefundOutcome {
    /// The value of `refundStatus`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RefundOutcome::Failed => "FAILED",
            RefundOutcome::PartialFailed => "PARTIAL_FAILED",
            RefundOutcome::Completed => "COMPLETED",
        }
    }
}

impl Payment {
    /// Decides how the refunds to the buyer's account end.
    ///
    /// # Errors
    /// 400 `INVALID_REQUEST` if there were none.
    pub(crate) fn end_refund(&mut self, outcome: RefundOutcome) -> Result<(), Refusal> {
        let account = self.account.as_mut().filter(|account| account.refund_to.is_some());
        let none = || Refusal::about(codes::INVALID_REQUEST, "no refund to an account");
        account.ok_or_else(none)?.refund_outcome = Some(outcome);
        Ok(())
    }

    /// Issues the account: WAITING_FOR_DEPOSIT. No money moves.
    pub(crate) fn issue_account(&mut self, bank_code: &str, now: Moment) {
        self.status = Status::WaitingForDeposit;
        let transaction_key = self.record(0, now);
        self.approval = Some(Approval { transaction_key, at: None });
        self.account = Some(Account {
            number: ids::account_number(),
            bank_code: bank_code.to_owned(),
            due_at: self.due.unwrap_or(Due::After(DEPOSIT_MS)).moment(now),
            depositor: None,
            refund_to: None,
            refund_outcome: None,
        });
    }

    /// The buyer paid into the virtual account: WAITING_FOR_DEPOSIT → DONE. Returns what came in, in won.
    ///
    /// # Errors
    /// 400 `INVALID_REQUEST` if no deposit is awaited or its due date has passed.
    pub(crate) fn deposit(&mut self, now: Moment) -> Result<i64, Refusal> {
        let is_awaited = self.status == Status::WaitingForDeposit
            && self.account.as_ref().is_some_and(|account| now <= account.due_at);
        if !is_awaited {
            return Err(Refusal::about(codes::INVALID_REQUEST, "no deposit is awaited"));
        }
        self.status = Status::Done;
        let transaction_key = self.record(self.amount, now);
        self.approval = Some(Approval { transaction_key, at: Some(now) });
        if let Some(account) = self.account.as_mut() {
            account.depositor = self.customer.name.clone();
        }
        Ok(self.amount)
    }

    /// The bank takes the deposit back: DONE → WAITING_FOR_DEPOSIT. Source: Toss, deposit error.
    ///
    /// # Errors
    /// 400 `INVALID_REQUEST` if there is no whole deposit, or it went to and fro too often.
    pub(crate) fn reverse_deposit(&mut self, now: Moment) -> Result<(), Refusal> {
        let is_deposited =
            self.method.family() == Family::VirtualAccount && self.status == Status::Done;
        if !is_deposited || self.records.len() >= RECORDS_MAX {
            return Err(Refusal::about(codes::INVALID_REQUEST, "no deposit to reverse"));
        }
        self.status = Status::WaitingForDeposit;
        let transaction_key = self.record(0, now);
        self.approval = Some(Approval { transaction_key, at: None });
        if let Some(account) = self.account.as_mut() {
            account.depositor = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn an_account_waits_for_hours_or_until_a_date_but_not_both_and_not_for_ever() {
        let mut clock = Clock::default();
        clock.set_rfc3339("2026-03-01T12:00:00+09:00").expect("set");
        let now = clock.now();
        let code = |hours, date| match Due::parse(hours, date, now) {
            Ok(_) => String::new(),
            Err(refusal) => refusal.code().to_owned(),
        };
        assert_eq!(code(None, None), "");
        assert_eq!((code(Some(1), None), code(Some(2_160), None)), (String::new(), String::new()));
        assert_eq!(code(Some(0), None), "INVALID_REQUEST");
        assert_eq!(code(Some(2_161), None), "INVALID_REQUEST");
        assert_eq!(code(None, Some("2026-05-30T12:00:00")), "");
        assert_eq!(code(None, Some("2026-07-01T00:00:00")), "EXCEED_MAX_DUE_DATE");
        assert_eq!(code(None, Some("2026-02-28T12:00:00")), "INVALID_DATE");
        assert_eq!(code(None, Some("soon")), "INVALID_DATE");
        let both = code(Some(1), Some("2026-03-02T12:00:00"));
        assert_eq!(both, "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE");
    }
}
