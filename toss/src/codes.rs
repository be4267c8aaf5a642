//! Every code of Toss that we know, per call, and what it says about the money. The rows are data in the files below this one; the
//! only logic is [`classify`]. Toss's sentences are not used: they may change without notice. `docs/toss-codes.md` is made from here.

mod cancel;
mod confirm;
mod everywhere;
mod look_up;
mod transactions;

use domain::answer::FailureClass;
use domain::attempt::Operation;

/// One code of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRule {
    /// Toss's code.
    pub code: &'static str,
    /// The HTTP status that it is documented with.
    pub http_status: u16,
    /// What it says about the operation.
    pub class: FailureClass,
    /// What it means, for operators, in our own words.
    pub gist: &'static str,
    /// Where Toss lists it.
    pub listing: Listing,
}

/// Where Toss lists a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// In the table of this call.
    Call,
    /// In the global list only: that this call can bring it, and the class, are our reading.
    Global,
}

const fn listed(
    code: &'static str,
    http_status: u16,
    class: FailureClass,
    gist: &'static str,
) -> CodeRule {
    CodeRule { code, http_status, class, gist, listing: Listing::Call }
}

const fn global(
    code: &'static str,
    http_status: u16,
    class: FailureClass,
    gist: &'static str,
) -> CodeRule {
    CodeRule { code, http_status, class, gist, listing: Listing::Global }
}

/// The rows of one call, in the order of Toss's table.
#[must_use]
pub const fn rules_of(operation: Operation) -> &'static [CodeRule] {
    match operation {
        Operation::Confirm => confirm::RULES,
        Operation::Cancel => cancel::RULES,
        Operation::LookUp => look_up::RULES,
    }
}

/// The rows that hold for every call whose own table does not have the code.
#[must_use]
pub const fn rules_of_every_call() -> &'static [CodeRule] {
    everywhere::RULES
}

/// The rows of the list of transactions, which is no operation on a payment.
#[must_use]
pub const fn rules_of_transactions() -> &'static [CodeRule] {
    transactions::RULES
}

/// The row of a code, or `None` when we do not know it.
#[must_use]
pub fn find_rule(operation: Operation, code: &str) -> Option<&'static CodeRule> {
    find_in(rules_of(operation), code)
}

fn find_in(rules: &'static [CodeRule], code: &str) -> Option<&'static CodeRule> {
    rules.iter().chain(rules_of_every_call()).find(|rule| rule.code == code)
}

/// Whether this code says that Toss does not accept the merchant's secret key, whatever was asked.
#[must_use]
pub fn is_key_refusal(code: &str) -> bool {
    ["UNAUTHORIZED_KEY", "INCORRECT_BASIC_AUTH_FORMAT"].contains(&code)
}

/// What an answer that brought no readable payment says about the operation. `code` is Toss's, if one could be read.
///
/// Too many requests is a matter of the status alone. A known code decides next, unless it is a final word under a 5xx: a server in
/// trouble proves nothing. Then the status: 409 is in progress, 5xx ambiguous, 401 with a code our key; anything else, an unreadable
/// 2xx included, is contradictory.
///
/// Source: Toss Payments, API error codes: HTTP 400 carries validation, declines and passing faults alike, so the code comes first.
#[must_use]
pub fn classify(operation: Operation, http_status: u16, code: Option<&str>) -> FailureClass {
    classify_by(rules_of(operation), http_status, code)
}

/// The same for a call with rows of its own.
pub(crate) fn classify_by(
    rules: &'static [CodeRule],
    http_status: u16,
    code: Option<&str>,
) -> FailureClass {
    if http_status == 429 {
        return FailureClass::Throttled;
    }
    match code.and_then(|code| find_in(rules, code)) {
        Some(rule) if http_status >= 500 && is_final(rule.class) => FailureClass::Ambiguous,
        Some(rule) => rule.class,
        None => match http_status {
            409 => FailureClass::InProgress,
            500.. => FailureClass::Ambiguous,
            401 if code.is_some() => FailureClass::Broken,
            _ => FailureClass::Contradictory,
        },
    }
}

/// Whether a class claims that nothing was done and that nothing more needs to be found out.
const fn is_final(class: FailureClass) -> bool {
    match class {
        FailureClass::Refused | FailureClass::Absent | FailureClass::Broken => true,
        FailureClass::Unsent
        | FailureClass::Unanswered
        | FailureClass::InProgress
        | FailureClass::Throttled
        | FailureClass::Ambiguous
        | FailureClass::Limited
        | FailureClass::BankClosed
        | FailureClass::Contradictory
        | FailureClass::Disputed => false,
    }
}

#[cfg(test)]
mod tests;
