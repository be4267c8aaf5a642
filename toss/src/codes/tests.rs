//! The tables are whole, free of contradictions, pinned by a snapshot and told by the generated document.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::*;
use proptest::prelude::*;

const OPERATIONS: [Operation; 3] = [Operation::Confirm, Operation::Cancel, Operation::LookUp];

#[test]
fn each_table_has_every_code_that_toss_lists_for_its_call() {
    let listed =
        |operation| rules_of(operation).iter().filter(|rule| rule.listing == Listing::Call).count();
    assert_eq!(listed(Operation::Confirm), 48);
    assert_eq!(listed(Operation::Cancel), 30);
    assert_eq!(listed(Operation::LookUp), 7);
}

#[test]
fn no_table_has_a_code_twice() {
    for rules in
        OPERATIONS.map(rules_of).into_iter().chain([rules_of_transactions(), rules_of_every_call()])
    {
        let codes: HashSet<&str> = rules.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), rules.len());
    }
}

#[test]
fn a_fault_of_the_server_never_counts_as_a_final_word() {
    for operation in OPERATIONS {
        for rule in rules_of(operation).iter().chain(rules_of_every_call()) {
            let class = classify(operation, 500, Some(rule.code));
            assert!(!is_final(class), "{} {}", operation.word(), rule.code);
            assert_eq!(
                classify(operation, rule.http_status, Some(rule.code)),
                find_rule(operation, rule.code).unwrap().class
            );
        }
    }
}

#[test]
fn only_a_look_up_can_find_a_payment_absent() {
    for operation in [Operation::Confirm, Operation::Cancel] {
        for rule in rules_of(operation).iter().chain(rules_of_every_call()) {
            assert_ne!(rule.class, FailureClass::Absent, "{}", rule.code);
        }
    }
}

#[test]
fn classes_that_no_answer_can_mean_stand_in_no_table() {
    for rule in
        OPERATIONS.iter().flat_map(|operation| rules_of(*operation)).chain(rules_of_every_call())
    {
        assert!(
            !matches!(rule.class, FailureClass::Unsent | FailureClass::Unanswered),
            "{}",
            rule.code
        );
    }
}

#[test]
fn a_list_says_nothing_about_a_payment() {
    for rule in rules_of_transactions() {
        assert!(
            matches!(rule.class, FailureClass::Broken | FailureClass::Ambiguous),
            "{}",
            rule.code
        );
    }
    assert_eq!(classify_by(rules_of_transactions(), 429, None), FailureClass::Throttled);
    assert_eq!(classify_by(rules_of_transactions(), 404, None), FailureClass::Contradictory);
}

#[test]
fn a_look_up_is_never_refused() {
    // A refusal of a question would be taken for a refusal of the payment.
    for rule in rules_of(Operation::LookUp) {
        assert!(
            !matches!(rule.class, FailureClass::Refused | FailureClass::Disputed),
            "{}",
            rule.code
        );
    }
}

proptest! {
    #[test]
    fn every_status_and_code_has_a_class(status in 0u16..1_000, code in proptest::option::of("[A-Z_]{0,30}")) {
        for operation in OPERATIONS {
            let class = classify(operation, status, code.as_deref());
            if status == 429 {
                prop_assert_eq!(class, FailureClass::Throttled);
            }
            if code.as_deref().is_none_or(|code| find_rule(operation, code).is_none()) {
                prop_assert!(!matches!(class, FailureClass::Refused | FailureClass::Absent | FailureClass::Disputed));
            }
        }
    }
}

#[test]
fn the_classification_is_as_agreed() {
    let mut table = String::new();
    for operation in OPERATIONS {
        for rule in rules_of(operation).iter().chain(rules_of_every_call()) {
            let Some(found) = find_rule(operation, rule.code) else { panic!("{}", rule.code) };
            let line = (operation.word(), rule.http_status, rule.code, found.class.word());
            writeln!(table, "{:8} {:3} {:51} {}", line.0, line.1, line.2, line.3).unwrap();
        }
        for status in [200, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503] {
            let unknown = classify(operation, status, Some("SOME_NEW_CODE")).word();
            let unreadable = classify(operation, status, None).word();
            writeln!(
                table,
                "{:8} {status} unknown code: {unknown}, unreadable: {unreadable}",
                operation.word()
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the switch of one test, not configuration")]
fn the_document_says_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/toss-codes.md");
    let document = document();
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == document,
        "docs/toss-codes.md is out of date: run UPDATE_DOCS=1 cargo test -p toss"
    );
}

fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    for (title, rules) in [
        ("Confirm", rules_of(Operation::Confirm)),
        ("Cancel", rules_of(Operation::Cancel)),
        ("Look-up", rules_of(Operation::LookUp)),
        ("Transactions", rules_of_transactions()),
        ("Every call", rules_of_every_call()),
    ] {
        write!(text, "\n## {title}\n\n| code | HTTP | class | meaning |\n|---|---|---|---|\n")
            .unwrap();
        for rule in rules {
            let mark = match rule.listing {
                Listing::Call => "",
                Listing::Global => " \\*",
            };
            writeln!(
                text,
                "| `{}`{mark} | {} | {} | {} |",
                rule.code,
                rule.http_status,
                rule.class.word(),
                rule.gist
            )
            .unwrap();
        }
    }
    text
}

const INTRODUCTION: &str = "\
# What Toss's codes mean to us

Made from `toss/src/codes`; change it there and run `UPDATE_DOCS=1 cargo test -p toss`. What follows each class is decided by the
retry policy in `domain`.

Codes marked \\* stand in Toss's global list only: that this call may bring them, and their class, are our reading.

| class | what it says about the money |
|---|---|
| `unsent` | nothing was sent; never an answer of Toss |
| `unanswered` | bytes left and no whole answer came: unknown |
| `in_progress` | the first request with this idempotency key is still running |
| `throttled` | too many requests: refused before any work |
| `ambiguous` | a passing fault was answered: unknown, and the same key would repeat the answer |
| `limited` | requests too close together: not done, and not soon |
| `bank_closed` | not done; try in the bank's hours |
| `contradictory` | not what we expected: look up |
| `disputed` | refused, but perhaps because it had been done before |
| `refused` | not done, and it will not be |
| `absent` | a look-up found no such payment |
| `broken` | our key, contract or request is wrong: a person has to act |

How an answer is read, first match wins:

1. 2xx with a readable payment: the payment. 2xx with anything else: `contradictory`.
2. HTTP 429, whatever the body: `throttled`.
3. A code of the call's table, then of the table for every call: its class, except that `refused`, `absent` and `broken` under a 5xx
   are `ambiguous`, because a server in trouble proves nothing.
4. HTTP 409: `in_progress`. 5xx: `ambiguous`. 401 with an unknown code: `broken`.
5. Anything else, an unknown code, a gateway's page, a redirect: `contradictory`.

Without an answer there are three codes of our own: `CONNECTION_FAILED` (`unsent`: name not found, connection refused, TLS),
`NO_ANSWER` (`unanswered`: timeout, reset, or the answer broke off) and `UNSENDABLE_CALL` (`broken`: no request could be made of it).
`INVALID_IDEMPOTENCY_KEY` is also our own word for a key that is not even sent.
An answer without a code of Toss is `UNREADABLE_ANSWER`, or `TOO_MANY_REQUESTS` under 429.
";
