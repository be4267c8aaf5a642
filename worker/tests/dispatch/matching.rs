//! What cannot be told apart or explained by records gets an end by a person's word, within the rules.

use domain::action::{MatchRefusal, NoneRefusal};
use domain::cancellation::CancellationState;
use domain::job::{ActionRefusal, JobState};
use domain::order::LateApproval;
use domain::payment::PaymentState;
use domain::{CancellationId, JobId, limits};
use serde_json::json;
use store::audit::AuditFilter;
use store::{Candidates, CloseReviewError, MatchCancellation, MatchError, Matched, PaymentOffers};

use crate::hands::Fault;
use crate::shop::{Paying, Shop, staff};

impl Shop {
    async fn candidates(&self, paying: &Paying, id: &CancellationId) -> Candidates {
        self.store.list_cancel_candidates(&paying.order_id, id).await.unwrap().unwrap()
    }

    async fn offers(&self, paying: &Paying) -> PaymentOffers {
        self.store.find_payment_offers(&paying.order_id).await.unwrap().unwrap()
    }

    /// A person says which entry is ours, or that none is, having seen the payment as it is.
    pub(crate) async fn match_cancel(
        &self,
        paying: &Paying,
        id: &CancellationId,
        transaction_key: Option<&str>,
    ) -> Result<Matched, MatchError> {
        let wanted = MatchCancellation {
            order_id: paying.order_id.clone(),
            cancellation_id: id.clone(),
            transaction_key: transaction_key.map(str::to_owned),
            seen_version: self.candidates(paying, id).await.payment_version,
            actor: staff(),
            reason: "토스에 확인".to_owned(),
        };
        self.store.match_cancellation(&wanted).await
    }

    async fn close_review(&self, paying: &Paying) -> Result<(), CloseReviewError> {
        let seen = self.offers(paying).await.version;
        self.store.close_review(&paying.order_id, seen, &staff(), "확인함").await
    }

    async fn audited(&self, paying: &Paying) -> Vec<String> {
        let subject = Some(paying.order_id.to_string());
        let filter = AuditFilter { subject, ..AuditFilter::default() };
        let page = self.store.list_audit(&filter, None, limits::PAGE_ROWS_MAX).await.unwrap();
        page.rows.into_iter().map(|entry| entry.action).collect()
    }
}

/// A cancel of 3,000 won that went through without an answer, and whose tag Toss has lost.
async fn lost_tag(shop: &Shop) -> (Paying, CancellationId, JobId, String) {
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_after"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.step(&job).await;
    let shown = shop.shown_by_toss(&paying).await;
    let key = shown["cancels"][0]["transactionKey"].as_str().unwrap().to_owned();
    let entry = json!({
        "transactionKey": key, "cancelAmount": 3_000, "cancelReason": "", "cancelStatus": "DONE",
        "canceledAt": "2026-01-31T09:05:00+09:00",
    });
    let merge =
        json!({ "status": "PARTIAL_CANCELED", "balanceAmount": 20_000, "cancels": [entry] });
    let untagged = Fault::new("unknown_values").with("merge", merge).times(1_000);
    shop.goes_wrong(&paying, "look_up", &untagged);
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("ambiguous_cancels"));
    (paying, id, job, key)
}

#[tokio::test]
async fn a_person_says_which_cancel_at_toss_is_ours_and_no_money_moves_by_it() {
    let shop = Shop::open().await;
    let (paying, id, job, key) = lost_tag(&shop).await;
    let seen = shop.candidates(&paying, &id).await;
    assert_eq!((seen.matching, seen.entries.len()), (Ok(()), 1));
    assert_eq!((seen.entries[0].transaction_key.as_str(), seen.entries[0].fits), (&*key, true));
    let unknown = shop.match_cancel(&paying, &id, Some("t-unknown")).await.unwrap_err();
    assert!(matches!(unknown, MatchError::Refused(MatchRefusal::UnknownEntry)), "{unknown}");
    shop.match_cancel(&paying, &id, Some(&key)).await.unwrap();
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    assert_eq!(shop.review(&paying).await, None);
    let again = shop.match_cancel(&paying, &id, Some(&key)).await.unwrap_err();
    let refusal = MatchRefusal::NotNow(ActionRefusal::Ended);
    assert!(matches!(again, MatchError::Refused(told) if told == refusal), "{again}");
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000]);
    assert_eq!(shop.detail(&paying).await.cancellations.len(), 1);
    assert!(shop.audited(&paying).await.contains(&"cancel.match".to_owned()));
    shop.assert_money_is_conserved(&paying).await;
    // The next one is not held up.
    shop.cancel(&paying, None, "rest").await.unwrap();
    shop.toss.clear_faults();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.close().await;
}

#[tokio::test]
async fn of_two_persons_one_tells_the_cancels_apart_and_the_other_is_told() {
    let shop = Shop::open().await;
    let (paying, id, _, key) = lost_tag(&shop).await;
    let (one, two) = tokio::join!(
        shop.match_cancel(&paying, &id, Some(&key)),
        shop.match_cancel(&paying, &id, None)
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
    shop.drain().await;
    shop.toss.clear_faults();
    shop.close().await;
}

#[tokio::test]
async fn none_is_ours_only_once_no_call_of_ours_can_take_effect_any_more() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_before"));
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    shop.step(&job).await;
    shop.toss.cancel_by_hand(paying.payment_key.as_str(), Some(3_000), "콘솔").unwrap();
    shop.drain().await;
    let early = shop.match_cancel(&paying, &id, None).await.unwrap_err();
    assert!(matches!(early, MatchError::NoneRefused(NoneRefusal::NotSettled)), "{early}");
    shop.advance(limits::UNFINISHED_CALL_MS);
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    shop.match_cancel(&paying, &id, None).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Done);
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 3_000]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

/// Scenario 16.
#[tokio::test]
async fn a_review_of_a_payment_whose_outcome_is_unknown_is_never_closed() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("wrong_payment"));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.review(&paying).await.as_deref(), Some("answer_mismatch"));
    let refused = shop.close_review(&paying).await.unwrap_err();
    let unknown = ActionRefusal::OutcomeUnknown;
    assert!(matches!(refused, CloseReviewError::Refused(told) if told == unknown), "{refused}");
    assert_eq!(shop.offers(&paying).await.close_review, Err(unknown));
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_that_was_answered_about_something_else_has_an_end_after_its_window() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("wrong_payment"));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    let merge = json!({ "totalAmount": 1, "balanceAmount": 0, "status": "CANCELED" });
    let other = Fault::new("unknown_values").with("merge", merge).times(1_000);
    shop.goes_wrong(&paying, "look_up", &other);
    shop.look_up(&job).await;
    shop.drain_for(limits::CONFIRM_WINDOW_MS).await;
    assert_eq!(shop.job(&job).await.state, JobState::Parked, "nothing is proved within the window");
    shop.drain().await;
    assert_eq!(shop.detail(&paying).await.payment.unwrap().state, PaymentState::Expired);
    assert_eq!(shop.job(&job).await.state, JobState::Declined);
    assert_eq!(shop.review(&paying).await.as_deref(), Some("answer_mismatch"), "a person sees it");
    shop.close_review(&paying).await.unwrap();
    assert_eq!(shop.review(&paying).await, None);
    assert!(shop.audited(&paying).await.contains(&"review.close".to_owned()));
    shop.close().await;
}

#[tokio::test]
async fn what_was_partly_cancelled_before_we_knew_of_its_approval_is_taken_up() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_after"));
    let job = shop.accept(&paying).await;
    shop.step(&job).await;
    shop.toss.cancel_by_hand(paying.payment_key.as_str(), Some(3_000), "콘솔").unwrap();
    shop.drain().await;
    let payment = shop.detail(&paying).await.payment.unwrap();
    assert_eq!((payment.state, payment.balance.get()), (PaymentState::PartiallyCancelled, 20_000));
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    assert_eq!(shop.review(&paying).await.as_deref(), Some("unexpected_state"));
    let cancels = shop.detail(&paying).await.cancellations;
    assert_eq!((cancels.len(), cancels[0].requested_by.as_str()), (1, "toss"));
    shop.assert_money_is_conserved(&paying).await;
    let left = shop.offers(&paying).await.cancel.unwrap().total;
    assert_eq!(left.get(), 20_000);
    // Of two at once one closes it, and the other is told.
    let (one, two) = tokio::join!(shop.close_review(&paying), shop.close_review(&paying));
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
    shop.cancel(&paying, None, "rest").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_late_approval_that_is_kept_is_closed_by_whoever_has_seen_to_it() {
    let shop = Shop::open().await.with_rule(LateApproval::Keep);
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::code_after("REJECT_CARD_COMPANY"));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.review(&paying).await.as_deref(), Some("late_approval"));
    let seen = shop.offers(&paying).await.version - 1;
    let stale = shop.store.close_review(&paying.order_id, seen, &staff(), "확인함").await;
    assert!(matches!(stale, Err(CloseReviewError::Changed)), "{stale:?}");
    shop.close_review(&paying).await.unwrap();
    // It does not come back by being looked at again.
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!((shop.review(&paying).await, shop.status(&paying).await), (None, "paid"));
    shop.close().await;
}
