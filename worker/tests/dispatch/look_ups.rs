//! Look-ups of their own, beside confirms and cancels: what they may change, and what overtakes them.

use domain::job::{JobKind, JobState};
use domain::limits;
use serde_json::json;

use crate::hands::Fault;
use crate::shop::Shop;

#[tokio::test]
async fn an_approval_that_a_look_up_saw_first_is_not_shaken_by_what_the_confirm_brings() {
    let shop = Shop::open().await;
    for late_answer in [
        Fault::new("server_error_after"),
        Fault::new("cut_after"),
        Fault::code_after("ALREADY_PROCESSED_PAYMENT"),
        Fault::code_after("REJECT_CARD_COMPANY"),
        Fault::new("unreadable"),
    ] {
        let paying = shop.authenticated(23).await;
        shop.goes_wrong(&paying, "confirm", &late_answer);
        let job = shop.accept(&paying).await;
        let answer = shop.claim_and_call(&shop.dispatcher, &job).await;
        // The money is taken; somebody looks before the answer is written.
        let look_up = shop.look_up(&job).await;
        shop.step(&look_up).await;
        assert_eq!(shop.status(&paying).await, "paid");
        shop.dispatcher.settle(answer).await.unwrap();
        assert_eq!(shop.status(&paying).await, "paid", "{late_answer:?}");
        assert_eq!(shop.review(&paying).await, None, "{late_answer:?}");
        shop.drain().await;
        shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_look_up_that_was_overtaken_by_the_confirm_raises_no_alarm() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    let look_up = shop.look_up(&job).await;
    // It sees IN_PROGRESS, and the confirm is quicker.
    let seen = shop.claim_and_call(&shop.dispatcher, &look_up).await;
    shop.step(&job).await;
    shop.dispatcher.settle(seen).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await, None);
    let payment = shop.detail(&paying).await.payment.unwrap();
    assert_eq!(payment.toss_status.as_deref(), Some("DONE"));
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_look_up_that_was_overtaken_by_a_cancel_does_not_bring_the_old_balance_back() {
    let shop = Shop::open().await;
    for before in [None, Some(5_000)] {
        for amount in [Some(3_000), None] {
            let paying = shop.paid(23).await;
            if before.is_some() {
                shop.cancel(&paying, before, "before").await.unwrap();
                shop.drain().await;
                shop.advance(limits::CANCEL_SPACING_MS);
            }
            let (_, job) = shop.cancel(&paying, amount, "key").await.unwrap();
            let look_up = shop.look_up(&job).await;
            let seen = shop.claim_and_call(&shop.dispatcher, &look_up).await;
            shop.step(&job).await;
            let after = shop.detail(&paying).await.payment.unwrap();
            shop.dispatcher.settle(seen).await.unwrap();
            let now = shop.detail(&paying).await.payment.unwrap();
            assert_eq!(
                (now.state, now.balance),
                (after.state, after.balance),
                "{before:?} {amount:?}"
            );
            assert_eq!(now.review_reason, None, "{before:?} {amount:?}");
            shop.drain().await;
            assert_eq!(shop.review(&paying).await, None, "{before:?} {amount:?}");
            shop.assert_money_is_conserved(&paying).await;
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_change_that_comes_while_a_look_up_is_under_way_is_seen_by_the_next() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let confirm = shop.jobs(JobKind::Confirm).await.remove(0);
    let confirm = domain::JobId::parse(confirm.id).unwrap();
    let look_up = shop.look_up(&confirm).await;
    let seen = shop.claim_and_call(&shop.dispatcher, &look_up).await;
    // After its answer, and before that is written, somebody cancels in the console and somebody asks for a look-up.
    shop.toss.cancel_by_hand(paying.payment_key.as_str(), Some(3_000), "콘솔").unwrap();
    assert_eq!(shop.look_up(&confirm).await, look_up, "the one that is under way, once more");
    shop.dispatcher.settle(seen).await.unwrap();
    assert_eq!(shop.status(&paying).await, "paid");
    // Soon, and not at once: whoever can ask for look-ups must not be able to flood Toss with them.
    assert_eq!(shop.job(&look_up).await.state, JobState::Waiting);
    shop.drain_for(limits::LOOK_UP_SPACING_MS).await;
    assert_eq!(shop.status(&paying).await, "partially_cancelled");
    assert_eq!(shop.jobs(JobKind::LookUp).await.len(), 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn look_ups_that_stay_unanswered_for_an_hour_call_a_person_and_go_on() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_after"));
    shop.goes_wrong(&paying, "look_up", &Fault::new("cut_before").times(75));
    let job = shop.accept(&paying).await;
    shop.drain_for(limits::ESCALATE_AFTER_MS - 120_000).await;
    assert_eq!(shop.review(&paying).await, None);
    shop.drain_for(240_000).await;
    assert_eq!(shop.review(&paying).await.as_deref(), Some("look_up_unanswered"));
    assert_eq!(shop.status(&paying).await, "checking");
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await, None, "proof answers the question");
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn a_look_up_of_its_own_ends_the_confirm_that_waits_for_it() {
    let shop = Shop::open().await;
    let paid = shop.authenticated(23).await;
    shop.goes_wrong(&paid, "confirm", &Fault::new("cut_after"));
    let declined = shop.authenticated(23).await;
    shop.goes_wrong(
        &declined,
        "confirm",
        &Fault::new("decline").with("code", json!("REJECT_CARD_COMPANY")),
    );
    shop.rival_confirm(&declined).await;
    for (paying, status, state) in
        [(&paid, "paid", JobState::Succeeded), (&declined, "failed", JobState::Declined)]
    {
        let job = shop.accept(paying).await;
        shop.step(&job).await;
        assert_eq!(shop.job(&job).await.state, JobState::Waiting);
        let look_up = shop.look_up(&job).await;
        shop.step(&look_up).await;
        assert_eq!(shop.status(paying).await, status);
        assert_eq!(shop.job(&job).await.state, state);
        shop.drain().await;
        shop.assert_money_is_conserved(paying).await;
    }
    // The money operation is free again.
    shop.cancel(&paid, None, "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paid).await, "cancelled");
    shop.close().await;
}
