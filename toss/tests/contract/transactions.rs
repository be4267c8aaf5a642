//! The list of transactions as the simulator pages it.

use std::collections::BTreeSet;

use domain::answer::Failure;
use domain::reconcile::TossTransaction;
use toss::{TransactionPage, TransactionsCall, TransactionsResult};

use super::*;

const HOUR_MS: i64 = 60 * 60_000;

impl Toss {
    /// A confirmed payment, and when it was approved.
    async fn paid(&self, method: Method) -> (Paid, i64) {
        let paid = self.authenticate(method);
        let confirmed = self.confirm(&paid).await;
        let approved_ms = payment(&confirmed).approved_at_ms.unwrap();
        (paid, approved_ms)
    }

    async fn list(&self, around_ms: i64, after: Option<&str>, limit: u32) -> TransactionsResult {
        let (from_ms, to_ms) = (around_ms - HOUR_MS, around_ms + HOUR_MS);
        let call = TransactionsCall { from_ms, to_ms, starting_after: after, limit };
        self.client.transactions(&call).await
    }
}

fn page(result: TransactionsResult) -> TransactionPage {
    result.outcome.unwrap()
}

fn refused(result: TransactionsResult) -> Failure {
    result.outcome.unwrap_err()
}

#[tokio::test]
async fn charges_and_cancels_are_listed_page_by_page_each_once() {
    let toss = Toss::start().await;
    let (paid, at_ms) = toss.paid(Method::Card).await;
    toss.paid(Method::Card).await;
    toss.cancel(&paid, Some(4_000), AMOUNT).await;
    toss.handle.cancel_by_hand(&paid.payment_key, Some(1_000), "by hand").unwrap();
    let whole = page(toss.list(at_ms, None, 500).await);
    assert_eq!((whole.transactions.len(), whole.unreadable), (4, 0));

    let (mut seen, mut after): (Vec<TossTransaction>, Option<String>) = (vec![], None);
    loop {
        let page = page(toss.list(at_ms, after.as_deref(), 3).await);
        if page.transactions.is_empty() {
            assert_eq!(page.last_key, None);
            break;
        }
        after = page.last_key;
        seen.extend(page.transactions);
    }
    assert_eq!(seen, whole.transactions);
    let keys: BTreeSet<&str> = seen.iter().map(|it| it.transaction_key.as_str()).collect();
    assert_eq!(keys.len(), 4);
    let looked_up = toss.client.look_up(&paid.payment_key).await;
    for entry in &payment(&looked_up).cancels {
        let record = seen.iter().find(|it| it.transaction_key == entry.transaction_key).unwrap();
        assert_eq!(record.amount, Some(entry.amount));
        assert_eq!(record.status, TossStatus::PartialCanceled);
        assert_eq!(record.at_ms, entry.cancelled_at_ms);
    }
    let charge = seen.iter().find(|it| it.payment_key == paid.payment_key).unwrap();
    assert_eq!(
        (&charge.status, charge.amount, charge.at_ms),
        (&TossStatus::Done, Some(won(AMOUNT)), Some(at_ms))
    );
}

#[tokio::test]
async fn cancels_with_a_sign_are_the_same_amounts() {
    let toss = Toss::start().await;
    let (paid, at_ms) = toss.paid(Method::Card).await;
    toss.cancel(&paid, Some(4_000), AMOUNT).await;
    let plain = page(toss.list(at_ms, None, 500).await);
    toss.handle.switch(|settings| settings.negative_cancels = true).unwrap();
    assert_eq!(page(toss.list(at_ms, None, 500).await), plain);
}

#[tokio::test]
async fn an_account_is_listed_when_it_is_issued_and_when_its_deposit_comes() {
    let toss = Toss::start().await;
    let (_, at_ms) = toss.paid(Method::Card).await;
    let account = toss.authenticate(Method::VirtualAccount);
    toss.confirm(&account).await;
    let of_account = async || {
        let listed = page(toss.list(at_ms, None, 500).await).transactions;
        let own = listed.into_iter().filter(|it| it.payment_key == account.payment_key);
        own.map(|it| (it.status, it.amount)).collect::<Vec<_>>()
    };
    let issued = (TossStatus::WaitingForDeposit, Some(Won::ZERO));
    assert_eq!(of_account().await, std::slice::from_ref(&issued));
    toss.handle.deposit(&account.payment_key).unwrap();
    assert_eq!(of_account().await, [issued, (TossStatus::Done, Some(won(AMOUNT)))]);
}

#[tokio::test]
async fn another_time_and_another_merchant_have_no_records() {
    let toss = Toss::start().await;
    let (_, at_ms) = toss.paid(Method::Card).await;
    assert_eq!(page(toss.list(at_ms + 3 * HOUR_MS, None, 500).await), TransactionPage::default());
    let stranger = client_of(&toss.address, "test_gsk_stranger");
    let call = TransactionsCall {
        from_ms: at_ms - HOUR_MS,
        to_ms: at_ms + HOUR_MS,
        starting_after: None,
        limit: 500,
    };
    assert_eq!(stranger.transactions(&call).await.outcome, Ok(TransactionPage::default()));
}

#[tokio::test]
async fn what_toss_refuses_is_broken_and_what_passes_can_be_asked_again() {
    let toss = Toss::start().await;
    let (_, at_ms) = toss.paid(Method::Card).await;
    let refusal = async |after: Option<&str>, limit: u32| {
        let failure = refused(toss.list(at_ms, after, limit).await);
        (failure.class, failure.code)
    };
    let broken = |code: &str| (FailureClass::Broken, code.to_owned());
    assert_eq!(refusal(None, 5_001).await, broken("EXCEED_MAX_QUERY_LIMIT"));
    assert_eq!(refusal(Some("no-such-record"), 500).await, broken("INVALID_PAGING_KEY"));
    for (kind, class) in [
        (FaultKind::Throttle, FailureClass::Throttled),
        (FaultKind::ServerErrorBefore, FailureClass::Ambiguous),
        (FaultKind::Unauthorized, FailureClass::Broken),
        (FaultKind::CutBefore, FailureClass::Unanswered),
        (FaultKind::Unreadable, FailureClass::Contradictory),
    ] {
        toss.script(FaultRequest::everywhere(Operation::List, kind));
        assert_eq!(refusal(None, 500).await.0, class, "{kind:?}");
    }
    let mut throttle = FaultRequest::everywhere(Operation::List, FaultKind::Throttle);
    throttle.retry_after_seconds = Some(7);
    toss.script(throttle);
    let throttled = toss.list(at_ms, None, 500).await;
    assert_eq!((throttled.http_status, throttled.retry_after_ms), (Some(429), Some(7_000)));
    assert_eq!(page(toss.list(at_ms, None, 500).await).transactions.len(), 1);
}

#[tokio::test]
async fn a_list_may_take_longer_than_other_calls() {
    let toss = Toss::start().await;
    let (_, at_ms) = toss.paid(Method::Card).await;
    let call_deadline = Duration::from_millis(300);
    let config = TossConfig::new(&toss.address, SecretKey::parse(KEY).unwrap());
    let connect_timeout = Duration::from_millis(200);
    let hasty = TossClient::new(TossConfig { call_deadline, connect_timeout, ..config }).unwrap();
    let slow = |operation| FaultRequest::everywhere(operation, FaultKind::DelayAfter).with_ms(600);
    toss.script(slow(Operation::List));
    let call = TransactionsCall {
        from_ms: at_ms - HOUR_MS,
        to_ms: at_ms + HOUR_MS,
        starting_after: None,
        limit: 500,
    };
    assert_eq!(page(hasty.transactions(&call).await).transactions.len(), 1);
    toss.script(slow(Operation::LookUp));
    assert_eq!(failed(&hasty.look_up("some-key").await).0, FailureClass::Unanswered);
}
