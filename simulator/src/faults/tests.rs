//! The queues of faults: order, repetition, and what may not be scripted.

use serde_json::Map;

use super::*;
use crate::limits::FAULT_DELAY_MS_MAX;

fn confirm_fault(order_id: &str, kind: FaultKind) -> FaultRequest {
    FaultRequest::for_order(order_id, Operation::Confirm, kind)
}

fn take(faults: &mut Faults, operation: Operation) -> Option<FaultKind> {
    faults.take(Some("key-1"), Some("order-1"), operation, |_| false).map(|fault| fault.kind)
}

#[test]
fn faults_of_an_order_and_of_its_payment_come_in_the_order_in_which_they_were_scripted() {
    let mut faults = Faults::default();
    faults.add(confirm_fault("order-1", FaultKind::CutAfter)).expect("added");
    let of_payment = FaultRequest::for_payment("key-1", Operation::Any, FaultKind::Throttle);
    faults.add(of_payment).expect("added");
    faults.add(confirm_fault("order-1", FaultKind::InProgress).times(2)).expect("added");
    faults.add(confirm_fault("order-2", FaultKind::CutBefore)).expect("added");
    assert_eq!(take(&mut faults, Operation::Confirm), Some(FaultKind::CutAfter));
    assert_eq!(take(&mut faults, Operation::LookUp), Some(FaultKind::Throttle));
    assert_eq!(take(&mut faults, Operation::LookUp), None);
    assert_eq!(take(&mut faults, Operation::Confirm), Some(FaultKind::InProgress));
    assert_eq!(take(&mut faults, Operation::Confirm), Some(FaultKind::InProgress));
    assert_eq!(take(&mut faults, Operation::Confirm), None);
    assert_eq!(faults.waiting().len(), 1);
    assert_eq!((faults.clear(), faults.clear()), (1, 0));
}

#[test]
fn a_fault_that_is_kept_stays_in_front() {
    let mut faults = Faults::default();
    faults.add(confirm_fault("order-1", FaultKind::WrongPayment)).expect("added");
    assert!(faults.take(None, Some("order-1"), Operation::Confirm, |_| true).is_none());
    assert_eq!(take(&mut faults, Operation::Confirm), Some(FaultKind::WrongPayment));
}

#[test]
fn faults_that_make_no_sense_are_refused() {
    let good = confirm_fault("order-1", FaultKind::CutAfter);
    let decline = confirm_fault("order-1", FaultKind::Decline);
    for bad in [
        FaultRequest { order_id: None, ..good.clone() },
        FaultRequest { payment_key: Some("key".into()), ..good.clone() },
        FaultRequest { order_id: Some(String::new()), ..good.clone() },
        FaultRequest { code: Some("X".into()), ..good.clone() },
        FaultRequest { status: Some(500), ..good.clone() },
        FaultRequest { merge: Some(Map::new()), ..good.clone() },
        FaultRequest { after_charge: true, ..good.clone() },
        FaultRequest { retry_after_seconds: Some(1), ..good.clone() },
        good.clone().times(0),
        good.with_ms(FAULT_DELAY_MS_MAX + 1),
        decline.clone(),
        FaultRequest { operation: Operation::Cancel, ..decline.clone().with_code("X") },
        FaultRequest { status: Some(200), ..decline.with_code("X") },
        confirm_fault("order-1", FaultKind::Delay),
    ] {
        assert!(Faults::default().add(bad.clone()).is_err(), "{bad:?}");
    }
}

#[test]
fn the_number_of_waiting_faults_is_bounded() {
    let mut faults = Faults::default();
    for n in 0..FAULTS_MAX {
        faults.add(confirm_fault(&format!("order-{n}"), FaultKind::CutAfter)).expect("added");
    }
    let refusal = faults.add(confirm_fault("order-x", FaultKind::CutAfter)).expect_err("refused");
    assert_eq!(refusal.status(), 429);
    faults.take(None, Some("order-0"), Operation::Confirm, |_| false).expect("a fault");
    assert!(faults.add(confirm_fault("order-x", FaultKind::CutAfter)).is_ok());
}
