//! Taking money: refreshed pages, odd answers, windows that close, and budgets.

use domain::job::{JobKind, JobState};
use domain::payment::PaymentState;
use domain::{PaymentKey, Won, limits};
use serde_json::json;
use store::{AcceptConfirm, AcceptConfirmError};

use crate::hands::Fault;
use crate::shop::{Shop, confirm_of};

#[tokio::test]
async fn an_answer_about_another_payment_is_parked_and_never_accepted() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("wrong_payment"));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("answer_mismatch"));
    assert_eq!(shop.status(&paying).await, "checking");
    assert_eq!(shop.review(&paying).await.as_deref(), Some("answer_mismatch"));
    assert_eq!(shop.detail(&paying).await.payment.unwrap().balance, Won::ZERO);

    shop.retry(&job).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await, None);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn of_two_confirms_of_one_order_at_once_one_payment_key_wins() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let other = AcceptConfirm {
        payment_key: PaymentKey::parse("made-up-by-somebody".to_owned()).unwrap(),
        ..confirm_of(&paying)
    };
    let mine = confirm_of(&paying);
    let (one, two) =
        tokio::join!(shop.store.accept_confirm(&mine), shop.store.accept_confirm(&other));
    let (accepted, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert!(!accepted.unwrap().is_replay);
    assert!(matches!(refused, Err(AcceptConfirmError::OtherConfirm)), "{refused:?}");
    assert_eq!(shop.jobs(JobKind::Confirm).await.len(), 1);
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn a_success_page_that_is_refreshed_finds_the_same_job_whenever_it_is() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let mine = confirm_of(&paying);
    let (one, two) =
        tokio::join!(shop.store.accept_confirm(&mine), shop.store.accept_confirm(&mine));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_replay != two.is_replay);
    // Who comes second makes no job: the first one's is on its way.
    assert!([&one, &two].iter().all(|accepted| accepted.job.is_none() == accepted.is_replay));
    shop.drain().await;
    let after = shop.store.accept_confirm(&mine).await.unwrap();
    assert!(after.is_replay && after.job.is_none());
    shop.drain().await;
    assert_eq!(shop.jobs(JobKind::Confirm).await.len(), 1);
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.ledger(&paying).calls.confirm, 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_payment_that_was_processed_already_is_what_the_look_up_says_it_is() {
    let shop = Shop::open().await;
    let (paid, declined, neither) =
        (shop.authenticated(23).await, shop.authenticated(7).await, shop.authenticated(5).await);
    // Two confirms of one payment race, and ours comes second.
    assert_eq!(shop.rival_confirm(&paid).await, 200);
    shop.goes_wrong(
        &declined,
        "confirm",
        &Fault::new("decline").with("code", json!("REJECT_CARD_COMPANY")),
    );
    assert_eq!(shop.rival_confirm(&declined).await, 403);
    // The code alone proves nothing.
    shop.goes_wrong(&neither, "confirm", &Fault::code("ALREADY_PROCESSED_PAYMENT"));
    for (paying, status, posts) in
        [(&paid, "paid", 2), (&declined, "failed", 2), (&neither, "paid", 2)]
    {
        let job = shop.accept(paying).await;
        shop.step(&job).await;
        assert_eq!(shop.status(paying).await, "checking");
        assert_eq!(shop.job(&job).await.last_code.as_deref(), Some("ALREADY_PROCESSED_PAYMENT"));
        shop.drain().await;
        assert_eq!(shop.status(paying).await, status);
        assert_eq!(shop.posts(paying).len(), posts);
        shop.assert_money_is_conserved(paying).await;
    }
    let failure = shop.detail(&declined).await.payment.unwrap().failure.unwrap();
    assert_eq!(failure.code, "REJECT_CARD_COMPANY");
    shop.close().await;
}

#[tokio::test]
async fn a_tampered_amount_is_refused_before_toss_is_asked_anything() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let tampered = AcceptConfirm { amount: Won::new(1_000).unwrap(), ..confirm_of(&paying) };
    let refused = shop.store.accept_confirm(&tampered).await;
    assert!(
        matches!(refused, Err(AcceptConfirmError::AmountDiffers { amount }) if amount == paying.amount)
    );
    shop.drain().await;
    assert!(shop.ledger(&paying).requests.is_empty());
    assert_eq!(shop.status(&paying).await, "awaiting_payment");
    shop.close().await;
}

#[tokio::test]
async fn a_made_up_payment_key_harms_neither_the_order_that_it_is_posted_to_nor_its_real_owner() {
    let shop = Shop::open().await;
    let victim = shop.authenticated(23).await;
    let attacker = shop.authenticated(23).await;
    let stolen = AcceptConfirm { payment_key: victim.payment_key.clone(), ..confirm_of(&attacker) };
    shop.store.accept_confirm(&stolen).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&attacker).await, "failed");
    assert_eq!(shop.ledger(&victim).charges, 0);
    shop.accept(&victim).await;
    shop.drain().await;
    assert_eq!(shop.status(&victim).await, "paid");
    shop.assert_money_is_conserved(&victim).await;
    shop.close().await;
}

#[tokio::test]
async fn unknown_fields_values_and_korean_words_do_not_hinder_a_confirmation() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let merge =
        json!({"card": {"cardType": "신용", "ownerType": "모르는값"}, "taxExemption": {"x": []}});
    shop.goes_wrong(&paying, "confirm", &Fault::new("unknown_values").with("merge", merge));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    let payment = shop.detail(&paying).await.payment.unwrap();
    assert_eq!(payment.method.as_deref(), Some("미래결제"));
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn a_status_that_nobody_knows_is_looked_up_and_not_believed() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let merge = json!({"status": "SETTLED_SOMEHOW"});
    shop.goes_wrong(&paying, "confirm", &Fault::new("unknown_values").with("merge", merge));
    let job = shop.accept(&paying).await;
    shop.step(&job).await;
    assert_eq!(shop.status(&paying).await, "checking");
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn an_approval_without_a_time_or_with_an_odd_offset_is_stored_all_the_same() {
    let shop = Shop::open().await;
    let expected_ms = 1_707_794_294_000; // 2024-02-13T03:18:14Z
    for (told, stored) in [
        (json!(null), None),
        (json!("not a time"), None),
        (json!("2024-02-12T22:18:14-05:00"), Some(expected_ms)),
        (json!("2024-02-13T08:48:14+05:30"), Some(expected_ms)),
    ] {
        let paying = shop.authenticated(23).await;
        let merge = json!({ "approvedAt": told });
        shop.goes_wrong(&paying, "confirm", &Fault::new("unknown_values").with("merge", merge));
        shop.accept(&paying).await;
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "paid", "{told}");
        assert_eq!(shop.detail(&paying).await.payment.unwrap().approved_at_ms, stored, "{told}");
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn still_processing_uses_neither_keys_nor_the_budget_of_calls() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("in_progress").times(12));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.keys(&paying).len(), 1);
    assert_eq!(shop.job(&job).await.key_generation, 1);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 13).await;
    shop.close().await;
}

#[tokio::test]
async fn the_count_of_calls_survives_redelivery_restarts_and_other_workers() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("server_error_before").times(1_000));
    let job = shop.accept(&paying).await;
    for round in 0..60 {
        // Delivered three times, to a worker that has never seen the job before.
        let worker = shop.worker(&format!("worker-{round}"));
        worker.dispatch(&[job.clone(), job.clone(), job.clone()]).await.unwrap();
        if !shop.job(&job).await.state.is_live() {
            break;
        }
        shop.advance_to(&job).await;
    }
    assert_eq!(shop.status(&paying).await, "expired");
    let keys = limits::CONFIRM_KEYS_MAX;
    assert_eq!(shop.keys(&paying).len(), usize::try_from(keys).unwrap());
    shop.assert_ended(&paying, &job, JobState::Declined, keys.into()).await;
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_that_arrives_after_its_window_has_closed_is_not_sent() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    shop.advance(limits::CONFIRM_WINDOW_MS);
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "expired");
    assert!(shop.ledger(&paying).requests.is_empty());
    shop.assert_ended(&paying, &job, JobState::Void, 0).await;
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_that_is_dequeued_two_seconds_before_its_window_closes_completes_or_expires() {
    let shop = Shop::open().await;
    let completes = shop.authenticated(23).await;
    let expires = shop.authenticated(23).await;
    let arrives_late = shop.authenticated(23).await;
    shop.goes_wrong(&expires, "confirm", &Fault::new("cut_before").times(100));
    shop.goes_wrong(&arrives_late, "confirm", &Fault::new("cut_after"));
    let mut jobs = Vec::new();
    for paying in [&completes, &expires, &arrives_late] {
        jobs.push(shop.accept(paying).await);
    }
    shop.advance(limits::CONFIRM_WINDOW_MS - 2_000);
    shop.drain().await;
    assert_eq!(shop.status(&completes).await, "paid");
    assert_eq!(shop.status(&expires).await, "expired");
    assert_eq!(shop.status(&arrives_late).await, "paid");
    for (paying, job) in [&completes, &expires, &arrives_late].into_iter().zip(&jobs) {
        assert!(!shop.job(job).await.state.is_live());
        shop.assert_money_is_conserved(paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_session_that_is_gone_is_told_as_time_that_passed() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    // The customer came back late: their ten minutes at Toss end before ours.
    shop.advance(limits::CONFIRM_WINDOW_MS - 1_000);
    let job = shop.accept(&paying).await;
    shop.advance(2_000);
    shop.drain().await;
    assert_eq!(shop.detail(&paying).await.payment.unwrap().state, PaymentState::Expired);
    shop.assert_ended(&paying, &job, JobState::Declined, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn every_call_of_one_generation_has_one_key_and_one_body_and_generations_differ() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    // Lost, lost, still running, an error that is kept under its key, and at last a good answer under another.
    for fault in ["cut_before", "cut_before", "in_progress", "server_error_before"] {
        shop.goes_wrong(&paying, "confirm", &Fault::new(fault));
    }
    let job = shop.accept(&paying).await;
    shop.drain().await;
    let posts = shop.posts(&paying);
    let attempts = shop.attempts(&job).await;
    let sent: Vec<_> = attempts.iter().filter(|attempt| attempt.operation == "confirm").collect();
    assert_eq!(sent.iter().map(|one| one.key_generation).collect::<Vec<_>>(), [1, 1, 1, 1, 2]);
    for (post, attempt) in posts.iter().zip(&sent) {
        assert_eq!(post.idempotency_key, attempt.idempotency_key);
        assert_eq!(post.body, posts[0].body);
    }
    assert_eq!(shop.keys(&paying).len(), 2);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 5).await;
    shop.close().await;
}
