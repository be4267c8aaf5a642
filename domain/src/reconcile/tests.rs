//! Which records raise a suspicion, which differences a look-up finds, and that ledgers that agree have none.

use proptest::prelude::*;

use super::*;
use crate::answer::TossStatus as T;
use crate::payment::PaymentState as S;

const APPROVED_MS: i64 = 1_000_000;

fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

fn paid(cancels: Vec<OurCancel>) -> OurPayment {
    let back: i64 = cancels
        .iter()
        .filter(|cancel| cancel.state == CancellationState::Done)
        .map(|cancel| cancel.amount.get())
        .sum();
    let state = match back {
        0 => PaymentState::Confirmed,
        15_000 => PaymentState::Cancelled,
        _ => PaymentState::PartiallyCancelled,
    };
    OurPayment {
        order_id: "order-1".to_owned(),
        payment_key: "pk".to_owned(),
        state,
        amount: won(15_000),
        balance: won(15_000 - back),
        approved_at_ms: Some(APPROVED_MS),
        cancellations: cancels,
    }
}

fn in_state(state: PaymentState) -> OurPayment {
    OurPayment { state, balance: Won::ZERO, approved_at_ms: None, ..paid(vec![]) }
}

fn cancel(key: &str, amount: i64) -> OurCancel {
    OurCancel {
        id: format!("cancellation-{key}"),
        amount: won(amount),
        state: CancellationState::Done,
        transaction_key: Some(key.to_owned()),
        is_foreign: false,
    }
}

fn told(status: TossStatus, cancels: &[(&str, i64)]) -> TossPayment {
    let back: i64 = cancels.iter().map(|(_, amount)| amount).sum();
    TossPayment {
        payment_key: "pk".to_owned(),
        order_id: "order-1".to_owned(),
        status,
        total: won(15_000),
        balance: won(15_000 - back),
        currency: "KRW".to_owned(),
        method: None,
        approved_at_ms: Some(APPROVED_MS),
        last_transaction_key: None,
        secret: None,
        receipt_url: None,
        failure: None,
        cancels: cancels
            .iter()
            .map(|(key, amount)| crate::answer::TossCancel {
                transaction_key: (*key).to_owned(),
                amount: won(*amount),
                tax_free_amount: Won::ZERO,
                reason: String::new(),
                cancelled_at_ms: None,
                is_done: true,
            })
            .collect(),
        virtual_account: None,
        means: crate::answer::Means::default(),
    }
}

fn record(status: TossStatus, key: &str, amount: Option<i64>) -> TossTransaction {
    TossTransaction {
        transaction_key: key.to_owned(),
        payment_key: "pk".to_owned(),
        status,
        amount: amount.map(won),
        at_ms: Some(APPROVED_MS),
    }
}

/// `kind subject here/there`, for tables.
fn words(found: &[Difference]) -> Vec<String> {
    let amount = |it: Option<Won>| it.map_or("-".to_owned(), |amount| amount.to_string());
    let line = |it: &Difference| {
        let subject = it.transaction_key.as_deref().unwrap_or("payment");
        format!("{} {subject} {}/{}", it.kind.word(), amount(it.here), amount(it.there))
    };
    found.iter().map(line).collect()
}

/// One row of the tables: both sides, and what is found.
type Row<'a> = (&'a str, Option<OurPayment>, Option<TossPayment>, &'a [&'a str]);

fn check<const N: usize>(table: [Row<'_>; N]) {
    for (name, ours, told, expected) in table {
        assert_eq!(words(&differences(ours.as_ref(), told.as_ref())), expected, "{name}");
    }
}

#[test]
fn what_is_the_same_or_has_evened_out_is_no_difference() {
    let part = || told(T::PartialCanceled, &[("t1", 4_000)]);
    let whole = || told(T::Canceled, &[("t1", 15_000)]);
    let failed = || Some(in_state(S::Failed));
    let never_deposited = TossPayment { approved_at_ms: None, ..whole() };
    check([
        ("both paid", Some(paid(vec![])), Some(told(T::Done, &[])), &[]),
        ("both gave a part back", Some(paid(vec![cancel("t1", 4_000)])), Some(part()), &[]),
        ("both gave all back", Some(paid(vec![cancel("t1", 15_000)])), Some(whole()), &[]),
        ("both declined", failed(), Some(told(T::Aborted, &[])), &[]),
        ("nobody knows it", None, None, &[]),
        ("declined, and unknown there", failed(), None, &[]),
        (
            "awaits its deposit",
            Some(in_state(S::WaitingForDeposit)),
            Some(told(T::WaitingForDeposit, &[])),
            &[],
        ),
        ("an account of somebody else", None, Some(told(T::WaitingForDeposit, &[])), &[]),
        ("cancelled before its deposit", Some(in_state(S::Cancelled)), Some(never_deposited), &[]),
        ("an orphan that was given back", None, Some(whole()), &[]),
        (
            "expired here, charged and given back there",
            Some(in_state(S::Expired)),
            Some(whole()),
            &[],
        ),
    ]);
}

#[test]
fn a_charge_that_one_side_lacks_is_told_by_its_kind() {
    let done = || Some(told(T::Done, &[]));
    let part = Some(told(T::PartialCanceled, &[("t1", 4_000)]));
    let of_the_future = Some(told(T::Unknown("PAUSED".into()), &[]));
    let in_state = |state| Some(in_state(state));
    let paid = || Some(paid(vec![]));
    check([
        ("an orphan", None, done(), &["orphan_charge payment -/15000"]),
        ("an orphan, partly given back", None, part, &["orphan_charge payment -/11000"]),
        (
            "approved, in a status of the future",
            None,
            of_the_future,
            &["orphan_charge payment -/15000"],
        ),
        ("failed here", in_state(S::Failed), done(), &["missing_here payment -/15000"]),
        (
            "unresolved here",
            in_state(S::ConfirmUnresolved),
            done(),
            &["missing_here payment -/15000"],
        ),
        (
            "account cancelled here",
            in_state(S::Cancelled),
            done(),
            &["missing_here payment -/15000"],
        ),
        ("unknown there", paid(), None, &["missing_there payment 15000/-"]),
        ("declined there", paid(), Some(told(T::Aborted, &[])), &["missing_there payment 15000/-"]),
        (
            "deposit taken back",
            paid(),
            Some(told(T::WaitingForDeposit, &[])),
            &["missing_there payment 15000/-"],
        ),
    ]);
}

#[test]
fn amounts_that_differ_are_told_with_both() {
    let paid = || Some(paid(vec![]));
    let done = || told(T::Done, &[]);
    let dearer = TossPayment { total: won(16_000), balance: won(16_000), ..done() };
    let dollars = TossPayment { currency: "USD".to_owned(), ..done() };
    let odd = TossPayment { balance: won(9_000), ..done() };
    check([
        ("another amount", paid(), Some(dearer), &["amount_differs payment 15000/16000"]),
        ("another currency", paid(), Some(dollars), &["amount_differs payment 15000/15000"]),
        (
            "a balance that nothing explains",
            paid(),
            Some(odd),
            &["amount_differs payment 15000/9000"],
        ),
    ]);
}

#[test]
fn a_cancel_that_one_side_lacks_is_told_by_its_kind() {
    let there = |amount| Some(told(T::PartialCanceled, &[("t1", amount)]));
    let with = |cancel| Some(paid(vec![cancel]));
    let lost = OurCancel {
        state: CancellationState::Sending,
        transaction_key: None,
        ..cancel("t1", 4_000)
    };
    let foreign = OurCancel { is_foreign: true, ..cancel("t1", 4_000) };
    let mut running = told(T::Done, &[("t1", 4_000)]);
    running.balance = running.total;
    running.cancels[0].is_done = false;
    let closed = TossPayment { approved_at_ms: None, ..told(T::Canceled, &[("t1", 15_000)]) };
    check([
        ("missing here", Some(paid(vec![])), there(4_000), &["missing_here t1 -/4000"]),
        ("its answer was lost", with(lost), there(4_000), &["missing_here t1 -/4000"]),
        (
            "missing there",
            with(cancel("t1", 4_000)),
            Some(told(T::Done, &[])),
            &["missing_there t1 4000/-"],
        ),
        (
            "still under way there",
            with(cancel("t1", 4_000)),
            Some(running),
            &["missing_there t1 4000/-"],
        ),
        (
            "another amount",
            with(cancel("t1", 4_000)),
            there(5_000),
            &["amount_differs t1 4000/5000"],
        ),
        ("made at Toss", with(foreign), there(4_000), &["cancelled_at_toss t1 4000/4000"]),
        (
            "an account closed at Toss before its deposit",
            Some(in_state(S::WaitingForDeposit)),
            Some(closed),
            &["missing_here t1 -/15000"],
        ),
    ]);
}

#[test]
fn a_record_raises_a_suspicion_unless_our_records_have_its_counterpart() {
    let known = paid(vec![cancel("t1", 4_000)]);
    let foreign = paid(vec![OurCancel { is_foreign: true, ..cancel("t1", 4_000) }]);
    let awaited = in_state(S::WaitingForDeposit);
    let later = TossTransaction {
        at_ms: Some(APPROVED_MS + 1),
        ..record(T::WaitingForDeposit, "a", Some(0))
    };
    for (name, ours, seen, expected) in [
        ("the charge", Some(&known), record(T::Done, "a", Some(15_000)), true),
        ("the cancel", Some(&known), record(T::PartialCanceled, "t1", Some(4_000)), true),
        ("the cancel as a whole one", Some(&known), record(T::Canceled, "t1", Some(4_000)), true),
        ("an account", Some(&awaited), record(T::WaitingForDeposit, "a", Some(0)), true),
        ("an account of a stranger", None, record(T::WaitingForDeposit, "a", Some(0)), true),
        (
            "the account before its deposit",
            Some(&known),
            record(T::WaitingForDeposit, "a", Some(0)),
            true,
        ),
        ("a declined one", None, record(T::Aborted, "a", Some(15_000)), true),
        ("an expired one", Some(&known), record(T::Expired, "a", None), true),
        ("a charge of nobody", None, record(T::Done, "a", Some(15_000)), false),
        ("a charge that we do not have", Some(&awaited), record(T::Done, "a", Some(15_000)), false),
        ("a charge of another amount", Some(&known), record(T::Done, "a", Some(14_000)), false),
        ("a charge without a readable amount", Some(&known), record(T::Done, "a", None), false),
        (
            "a cancel that we do not have",
            Some(&known),
            record(T::PartialCanceled, "t2", Some(4_000)),
            false,
        ),
        (
            "a cancel of another amount",
            Some(&known),
            record(T::PartialCanceled, "t1", Some(1)),
            false,
        ),
        (
            "a cancel made at Toss",
            Some(&foreign),
            record(T::PartialCanceled, "t1", Some(4_000)),
            false,
        ),
        ("a cancel of nobody", None, record(T::Canceled, "t1", Some(4_000)), false),
        ("a deposit taken back", Some(&known), later, false),
        (
            "a status of the future",
            Some(&known),
            record(T::Unknown("PAUSED".into()), "a", Some(15_000)),
            false,
        ),
    ] {
        assert_eq!(agrees(ours, &seen), expected, "{name}");
    }
}

#[test]
fn an_account_cancelled_before_its_deposit_agrees_whether_listed_with_nothing_or_its_amount() {
    let unpaid = OurPayment { cancellations: vec![cancel("t3", 15_000)], ..in_state(S::Cancelled) };
    for (amount, expected) in [(0, true), (15_000, true), (1, false)] {
        let seen = record(T::Canceled, "t3", Some(amount));
        assert_eq!(agrees(Some(&unpaid), &seen), expected, "{amount}");
    }
    let taken = paid(vec![cancel("t3", 4_000)]);
    let nothing = record(T::PartialCanceled, "t3", Some(0));
    assert!(!agrees(Some(&taken), &nothing), "money that was taken does not go back as nothing");
}

#[test]
fn every_kind_is_read_back_by_its_word() {
    for kind in FindingKind::ALL {
        assert_eq!(FindingKind::from_word(kind.word()), Some(kind));
    }
    assert_eq!(FindingKind::from_word("all_is_well"), None);
}

/// A payment that was charged and cancelled so often, the same on both sides.
fn agreeing(parts: &[i64]) -> (OurPayment, TossPayment) {
    let keys: Vec<String> = (0..parts.len()).map(|number| format!("t{number}")).collect();
    let shown: Vec<(&str, i64)> =
        keys.iter().zip(parts).map(|(key, amount)| (key.as_str(), *amount)).collect();
    let ours = paid(shown.iter().map(|(key, amount)| cancel(key, *amount)).collect());
    let status = if parts.is_empty() { TossStatus::Done } else { TossStatus::PartialCanceled };
    (ours, told(status, &shown))
}

/// The records of a payment as Toss's list has them.
fn records(told: &TossPayment) -> Vec<TossTransaction> {
    let charge = record(TossStatus::Done, "charge", Some(told.total.get()));
    let cancels = told.cancels.iter().map(|entry| {
        record(TossStatus::PartialCanceled, &entry.transaction_key, Some(entry.amount.get()))
    });
    [charge].into_iter().chain(cancels).collect()
}

proptest! {
    #[test]
    fn ledgers_that_agree_have_no_difference_whatever_the_order(
        parts in prop::collection::vec(1_i64..2_000, 0..6), turned in 0_usize..6,
    ) {
        let (ours, mut told) = agreeing(&parts);
        if !told.cancels.is_empty() {
            let by = turned % told.cancels.len();
            told.cancels.rotate_left(by);
        }
        prop_assert_eq!(differences(Some(&ours), Some(&told)), vec![]);
        for seen in records(&told) {
            prop_assert!(agrees(Some(&ours), &seen));
        }
    }

    #[test]
    fn whatever_is_lost_on_one_side_is_found_and_raises_a_suspicion_first(
        parts in prop::collection::vec(1_i64..2_000, 1..6), at in 0_usize..6, is_here in any::<bool>(),
    ) {
        let (mut ours, mut told) = agreeing(&parts);
        let at = at % parts.len();
        let key = format!("t{at}");
        if is_here {
            let lost = ours.cancellations.remove(at);
            ours.balance = ours.balance.plus(lost.amount).unwrap();
        } else {
            let lost = told.cancels.remove(at);
            told.balance = told.balance.plus(lost.amount).unwrap();
        }
        let found = differences(Some(&ours), Some(&told));
        prop_assert_eq!(found.len(), 1);
        let kind = if is_here { FindingKind::MissingHere } else { FindingKind::MissingThere };
        prop_assert_eq!((found[0].kind, found[0].transaction_key.as_deref()), (kind, Some(key.as_str())));
        let has_suspicion = records(&told).iter().any(|seen| !agrees(Some(&ours), seen));
        prop_assert_eq!(has_suspicion, is_here, "what Toss lacks is missed by going through our own");
    }

    #[test]
    fn money_that_toss_holds_and_we_do_not_is_always_a_difference(
        total in 1_i64..20_000, back in 0_i64..20_000, state in prop::sample::select(PaymentState::ALL.to_vec()), is_known in any::<bool>(),
    ) {
        let mut shown = told(TossStatus::Done, &[]);
        shown.total = won(total);
        shown.balance = won(total - back.min(total - 1));
        let ours = is_known.then(|| in_state(state));
        prop_assert!(!differences(ours.as_ref(), Some(&shown)).is_empty());
    }
}
