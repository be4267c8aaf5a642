//! Refunds of virtual accounts: the money needs an account to go to, which is kept sealed as long as it is needed and no longer.

use domain::cancellation::{CancelRefusal, CancellationState};
use domain::job::JobState;
use domain::{RefundAccount, limits};
use serde_json::json;
use simulator::Method;
use store::{AcceptCancelError, SealKey};

use crate::hands::Fault;
use crate::shop::{Paying, Shop};

const NUMBER: &str = "1002123456789";

fn account() -> RefundAccount {
    RefundAccount::parse("20", NUMBER, "김토스").unwrap()
}

impl Shop {
    /// A virtual account that the customer has paid into.
    async fn deposited(&self) -> Paying {
        let paying = self.authenticated_by(23, Some(Method::VirtualAccount), false).await;
        let job = self.accept(&paying).await;
        self.drain().await;
        self.toss.deposit(paying.payment_key.as_str()).unwrap();
        self.look_up(&job).await;
        self.drain().await;
        assert_eq!(self.status(&paying).await, "paid");
        paying
    }

    /// Every recorded call and every column that could hold the account.
    async fn kept(&self, paying: &Paying, job: &domain::JobId) -> String {
        let detail = self.store.find_job_detail(job).await.unwrap().unwrap();
        format!("{detail:?} {:?}", self.detail(paying).await)
    }
}

#[tokio::test]
async fn a_deposit_is_given_back_to_the_account_that_staff_name_wholly_and_in_part() {
    let shop = Shop::open().await;
    let paying = shop.deposited().await;
    for (amount, key, status) in
        [(Some(3_000), "part", "partially_cancelled"), (None, "rest", "cancelled")]
    {
        let (_, job) = shop.cancel_to(&paying, amount, Some(account()), key).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, status);
        let sent = shop.posts(&paying).pop().unwrap();
        assert_eq!(
            sent.body["refundReceiveAccount"],
            json!({ "bank": "20", "accountNumber": NUMBER, "holderName": "김토스" })
        );
        assert!(!shop.kept(&paying, &job).await.contains(NUMBER));
        shop.advance(limits::CANCEL_SPACING_MS);
    }
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn without_an_account_a_deposit_is_not_given_back_and_others_take_none() {
    let shop = Shop::open().await;
    let paying = shop.deposited().await;
    let missing = shop.cancel(&paying, None, "key").await.unwrap_err();
    let needed = matches!(missing, AcceptCancelError::Refused(CancelRefusal::RefundAccountNeeded));
    assert!(needed, "{missing:?}");
    let card = shop.paid(23).await;
    let given = shop.cancel_to(&card, None, Some(account()), "key").await.unwrap_err();
    let unwanted =
        matches!(given, AcceptCancelError::Refused(CancelRefusal::RefundAccountUnwanted));
    assert!(unwanted, "{given:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_goes_out_again_with_the_same_bytes_and_once_only() {
    let shop = Shop::open().await;
    let paying = shop.deposited().await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_before"));
    let (_, job) = shop.cancel_to(&paying, None, Some(account()), "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    let sent: Vec<_> = shop.posts(&paying).into_iter().skip(1).map(|post| post.body).collect();
    assert!(sent.iter().all(|body| *body == sent[0]), "{sent:?}");
    assert!(!shop.kept(&paying, &job).await.contains(NUMBER));
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn an_account_that_the_bank_refuses_ends_the_cancel_and_another_one_can_be_tried() {
    let shop = Shop::open().await;
    let paying = shop.deposited().await;
    shop.goes_wrong(&paying, "cancel", &Fault::code("INVALID_REFUND_ACCOUNT_INFO"));
    let (_, job) = shop.cancel_to(&paying, None, Some(account()), "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.job(&job).await.state, JobState::Declined);
    assert_eq!(shop.detail(&paying).await.cancellations[0].state, CancellationState::Refused);
    assert!(!shop.kept(&paying, &job).await.contains(NUMBER), "it is gone with the refusal too");
    shop.advance(limits::CANCEL_SPACING_MS);
    shop.cancel_to(&paying, None, Some(account()), "again").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_worker_with_another_key_sends_nothing_and_one_with_the_right_key_goes_on() {
    let shop = Shop::open().await;
    let paying = shop.deposited().await;
    let (_, job) = shop.cancel_to(&paying, None, Some(account()), "key").await.unwrap();
    let mut stranger = shop.dispatcher.clone();
    stranger.store = shop.store.clone().with_seal_key(SealKey::derive(&[8; 32]));
    stranger.dispatch(std::slice::from_ref(&job)).await.unwrap();
    let parked = shop.job(&job).await;
    assert_eq!(parked.state, JobState::Parked);
    assert_eq!(parked.last_code.as_deref(), Some("REFUND_ACCOUNT_UNREADABLE"));
    assert_eq!(shop.ledger(&paying).cancelled, 0);
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.close().await;
}
