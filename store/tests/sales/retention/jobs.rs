//! Which payments keep their jobs and attempts, which lose them, and what is still there afterwards.

use domain::answer::{FailureClass, TossStatus};
use domain::job::JobState;
use domain::order::LateApproval;
use domain::payment::PaymentState;
use domain::status::CustomerStatus;
use entities::{cancel_entry, payment};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};
use store::{ActError, PruneMode, PrunedTable};

use super::answers::{cancel_of, failed, told};
use crate::fixture::{Shop, confirm_of, order_id, owner, won};

async fn set(shop: &Shop, id: &str, column: payment::Column, value: &str) {
    payment::Entity::update_many()
        .col_expr(column, Expr::value(value))
        .filter(payment::Column::OrderId.eq(id))
        .exec(&shop.rows)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_live_or_may_be_cancelled_keeps_its_attempts_however_old_they_are() {
    let shop = Shop::open().await;
    shop.accepted("confirming").await;
    shop.answered("unresolved", failed(FailureClass::Unanswered, "NO_ANSWER")).await;
    shop.answered("parked", failed(FailureClass::Broken, "UNAUTHORIZED_KEY")).await;
    shop.awaiting_deposit("deposit-awaited").await;
    shop.paid("paid-order").await;
    shop.paid("partly-given-back").await;
    shop.cancelled("partly-given-back", 1_000, 3_000).await;
    shop.paid("being-given-back").await;
    shop.cancel("being-given-back", 4_000).await;
    // Over, and yet somebody is asked to look, or a job holds the money operation.
    shop.declined("in-review").await;
    set(&shop, "in-review", payment::Column::ReviewReason, "unexpected_state").await;
    shop.declined("money-held").await;
    set(&shop, "money-held", payment::Column::MoneyJobId, "a-job").await;
    let ids = [
        ("confirming", PaymentState::Confirming),
        ("unresolved", PaymentState::ConfirmUnresolved),
        ("parked", PaymentState::ConfirmUnresolved),
        ("deposit-awaited", PaymentState::WaitingForDeposit),
        ("paid-order", PaymentState::Confirmed),
        ("partly-given-back", PaymentState::PartiallyCancelled),
        ("being-given-back", PaymentState::Confirmed),
        ("in-review", PaymentState::Failed),
        ("money-held", PaymentState::Failed),
    ];
    let mut before = Vec::new();
    for (id, state) in ids {
        assert_eq!(shop.payment(id).await.state, state.word(), "{id}");
        before.push(shop.jobs_and_attempts(id).await);
    }
    shop.pass(10_000);
    let deleted = shop.prune(PruneMode::Delete, 100).await;
    assert_eq!((deleted.of(PrunedTable::Jobs), deleted.of(PrunedTable::Attempts)), (0, 0));
    for ((id, _), before) in ids.into_iter().zip(before) {
        assert_eq!(shop.jobs_and_attempts(id).await, before, "{id}");
        assert_eq!(shop.payment(id).await.pruned_at, None, "{id}");
    }
}

#[tokio::test]
async fn what_is_over_loses_its_attempts_when_it_is_old_and_can_still_be_looked_at() {
    let shop = Shop::open().await;
    let declined = shop.declined("declined").await;
    shop.paid("given-back").await;
    shop.cancelled("given-back", 1_500, 2_500).await;
    let last = shop.cancelled("given-back", 2_500, 0).await;
    shop.awaiting_deposit("account-expired").await;
    set(&shop, "account-expired", payment::Column::State, PaymentState::Expired.word()).await;
    assert_eq!(shop.jobs_and_attempts("given-back").await, (3, 3));
    shop.pass(90);
    let deleted = shop.prune(PruneMode::Delete, 100).await;
    assert_eq!((deleted.of(PrunedTable::Jobs), deleted.of(PrunedTable::Attempts)), (5, 5));
    for id in ["declined", "given-back", "account-expired"] {
        assert_eq!(shop.jobs_and_attempts(id).await, (0, 0), "{id}");
        assert!(shop.payment(id).await.pruned_at.is_some(), "{id}");
    }

    let read = shop.store.find_order(&order_id("given-back")).await.unwrap().unwrap();
    assert_eq!(read.view().status, CustomerStatus::Cancelled);
    assert_eq!((read.confirm_job, read.cancelled_amount()), (None, won(4_000)));
    let amounts: Vec<_> = read.cancellations.iter().map(|one| one.amount).collect();
    assert_eq!(amounts, [won(1_500), won(2_500)]);
    let read = shop.store.find_order(&order_id("declined")).await.unwrap().unwrap();
    assert_eq!(read.view().status, CustomerStatus::Failed);
    assert_eq!(read.payment.unwrap().failure.unwrap().code, "REJECT_CARD_COMPANY");

    assert!(shop.store.find_job_detail(&declined).await.unwrap().is_none());
    let error = shop.store.retry_job(&declined, &owner(), None).await.unwrap_err();
    assert!(matches!(error, ActError::Unknown), "{error:?}");
    let error = shop.store.look_up_job(&last, &owner(), None).await.unwrap_err();
    assert!(matches!(error, ActError::Unknown), "{error:?}");
}

#[tokio::test]
async fn cancels_that_nobody_told_apart_go_with_the_jobs_of_their_payment() {
    let shop = Shop::open().await;
    shop.declined("declined").await;
    shop.paid("paid-order").await;
    for (id, key) in [("declined", "one"), ("declined", "two"), ("paid-order", "one")] {
        let shown = cancel_entry::Model {
            order_id: id.to_owned(),
            transaction_key: key.to_owned(),
            amount: 1_000,
            tax_free_amount: 0,
            reason: "고객 요청".to_owned(),
            cancelled_at: None,
            seen_at: 1,
        };
        let shown = shown.into_active_model().reset_all();
        cancel_entry::Entity::insert(shown).exec_without_returning(&shop.rows).await.unwrap();
    }
    shop.pass(89);
    let early = shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(early.of(PrunedTable::CancelEntries), 0, "they are old, their jobs are not");
    shop.pass(1);
    let counted = shop.prune(PruneMode::Count, 100).await;
    let deleted = shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(counted, deleted);
    assert_eq!((deleted.of(PrunedTable::CancelEntries), deleted.of(PrunedTable::Jobs)), (2, 1));
    let left = cancel_entry::Entity::find().select_only().column(cancel_entry::Column::OrderId);
    let left: Vec<String> = left.into_tuple().all(&shop.rows).await.unwrap();
    assert_eq!(left, ["paid-order"]);
}

#[tokio::test]
async fn a_message_of_a_deleted_job_and_repeats_of_old_requests_change_nothing() {
    let shop = Shop::open().await;
    let job = shop.declined("declined").await;
    shop.paid("given-back").await;
    let cancel = shop.cancelled("given-back", 4_000, 0).await;
    shop.pass(90);
    // The callers' keys are kept longer here than what they made.
    let ages = store::PruneAges { idempotency_ms: i64::MAX, ..super::answers::AGES };
    let mut run = shop.store.prune(&ages, PruneMode::Delete).await.unwrap();
    while run.next_batch(100).await.unwrap().is_some() {}
    for gone in [&job, &cancel] {
        assert!(shop.store.find_job(gone).await.unwrap().is_none());
        let claimed = shop
            .store
            .claim_jobs(std::slice::from_ref(gone), &store::Claimer::unlimited("worker-1"))
            .await
            .unwrap();
        assert!(matches!(claimed.as_slice(), [store::Claimed::Unknown]), "{claimed:?}");
    }
    // A customer who loads the window's return address again, and staff whose request is sent again.
    let again = shop.store.accept_confirm(&confirm_of("declined")).await.unwrap();
    assert!(again.is_replay && again.job.is_none());
    let again = shop.store.accept_cancel(&cancel_of("given-back", 4_000)).await.unwrap();
    assert!(again.is_replay && again.job.is_none());
    let known = shop.store.find_cancellations(&order_id("given-back")).await.unwrap();
    assert_eq!(known.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), [again.cancellation_id]);
}

#[tokio::test]
async fn a_payment_that_is_given_back_after_years_is_kept_for_as_long_again() {
    let shop = Shop::open().await;
    shop.paid("late-refund").await;
    shop.pass(1_000);
    shop.prune(PruneMode::Delete, 100).await;
    shop.cancelled("late-refund", 1_000, 3_000).await;
    shop.pass(1_000);
    shop.prune(PruneMode::Delete, 100).await;
    shop.cancelled("late-refund", 3_000, 0).await;
    shop.pass(89);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts("late-refund").await, (3, 3));
    shop.pass(1);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts("late-refund").await, (0, 0));
}

#[tokio::test]
async fn the_jobs_of_a_payment_wait_for_the_youngest_of_them() {
    let shop = Shop::open().await;
    let confirm = shop.declined("looked-at").await;
    shop.pass(50);
    // Somebody looks at it once more.
    let look_up = shop.store.look_up_job(&confirm, &owner(), None).await.unwrap();
    let look_up = domain::JobId::parse(look_up.publish.unwrap().id).unwrap();
    shop.pass(50);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts("looked-at").await, (2, 1), "the look-up is under way");
    shop.answer(&look_up, failed(FailureClass::Absent, "NOT_FOUND_PAYMENT")).await;
    assert_eq!(shop.store.find_job(&look_up).await.unwrap().unwrap().state, JobState::Succeeded);
    shop.pass(89);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts("looked-at").await, (2, 2), "the confirm ended 189 days ago");
    shop.pass(1);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts("looked-at").await, (0, 0));
}

#[tokio::test]
async fn a_payment_that_gets_a_job_after_it_was_pruned_is_pruned_again_later() {
    let mut shop = Shop::open().await;
    // Else the money would be given back, and there would be more jobs.
    shop.store = shop.store.with_late_approval(LateApproval::Keep);
    let confirm = shop.declined("found-paid").await;
    let job = entities::job::Entity::find_by_id(confirm.as_str()).one(&shop.rows).await.unwrap();
    shop.pass(90);
    shop.prune(PruneMode::Delete, 100).await;
    assert!(shop.payment("found-paid").await.pruned_at.is_some());
    // Something outside asks for a look-up, and Toss shows that the money was taken after all.
    let look_up = entities::job::Model {
        id: "look-up-from-outside".to_owned(),
        kind: "look_up".to_owned(),
        state: JobState::Queued.word().to_owned(),
        claims: 0,
        ended_at: None,
        ..job.unwrap()
    };
    let look_up = look_up.into_active_model().reset_all();
    entities::job::Entity::insert(look_up).exec_without_returning(&shop.rows).await.unwrap();
    let look_up = domain::JobId::parse("look-up-from-outside").unwrap();
    let told = told("found-paid", TossStatus::Done, 4_000);
    shop.answer(&look_up, domain::answer::Answer::Payment(Box::new(told))).await;
    let payment = shop.payment("found-paid").await;
    assert_eq!((payment.state.as_str(), payment.pruned_at), ("confirmed", None));
    assert_eq!(payment.review_reason.as_deref(), Some("late_approval"));
    shop.pass(1_000);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts("found-paid").await, (1, 1));
}
