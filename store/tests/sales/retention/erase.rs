//! Erasing a customer: what is blanked, what stays, who is refused, and that nothing comes back.

use std::time::Duration;

use domain::answer::{Answer, TossCancel, TossPayment, TossStatus};
use domain::cancellation::cancel_tag;
use domain::retention::{EraseRefusal, UnderWay};
use domain::status::CustomerStatus;
use domain::webhook::{PaymentNews, Webhook, WebhookState};
use entities::{attempt, idempotency_key, order};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use store::audit::AuditFilter;
use store::orders::{CreateOrder, CreateOrderError, CustomerContact, EraseError, Erased};
use store::{Actor, Origin, PruneMode, ReceivedWebhook};

use super::answers::{BODY, failed, told_account};
use crate::fixture::{Shop, caller_key, confirm_of, gimbap_order, order_id, owner, won};

const REASON: &str = "requested by mail, ticket 12";

/// What the form said.
const PERSONAL: [&str; 7] =
    ["김하나", "hana@example.com", "01012345678", "테헤란로", "3층", "문 앞에", "56012345678901"];

async fn erase(shop: &Shop, id: &str) -> Result<Erased, EraseError> {
    shop.store.erase_order(&order_id(id), &owner(), REASON).await
}

/// Everything that is stored of an order, as text.
async fn stored(shop: &Shop, id: &str) -> String {
    let order = order::Entity::find_by_id(id).one(&shop.rows).await.unwrap().unwrap();
    let payment = entities::payment::Entity::find_by_id(id).one(&shop.rows).await.unwrap();
    let attempts = attempt::Entity::find().filter(attempt::Column::OrderId.eq(id));
    let attempts = attempts.all(&shop.rows).await.unwrap();
    let jobs = entities::job::Entity::find().filter(entities::job::Column::OrderId.eq(id));
    let jobs = jobs.all(&shop.rows).await.unwrap();
    format!("{order:?} {payment:?} {attempts:?} {jobs:?}")
}

/// An order by a virtual account, made with a caller's key, paid and given back.
async fn account_order(shop: &Shop, id: &str) {
    let key = caller_key(&format!("key of {id}"), "hash of the form");
    let wanted =
        CreateOrder { proposed_id: Some(order_id(id)), idempotency: Some(key), ..gimbap_order() };
    shop.store.create_order(&wanted).await.unwrap();
    let accepted = shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
    let job = domain::JobId::parse(accepted.job.unwrap().id).unwrap();
    let paid = told_account(id, TossStatus::Done);
    shop.answer(&job, Answer::Payment(Box::new(paid))).await;
    shop.cancelled(id, 4_000, 0).await;
}

#[tokio::test]
async fn what_names_the_customer_is_blanked_and_what_the_law_wants_kept_stays() {
    let shop = Shop::open().await;
    account_order(&shop, "to-be-erased").await;
    let before = stored(&shop, "to-be-erased").await;
    assert!(PERSONAL.iter().all(|text| before.contains(text)), "{before}");
    assert!(before.contains("***"), "Toss's answers are kept: {before}");
    let read = shop.store.find_order(&order_id("to-be-erased")).await.unwrap().unwrap();
    let watch = shop.store.watch("to-be-erased");
    let changed = watch.changed();
    tokio::pin!(changed);
    changed.as_mut().enable();

    assert_eq!(erase(&shop, "to-be-erased").await.unwrap(), Erased::Now);
    tokio::time::timeout(Duration::from_secs(5), changed).await.expect("those who wait are woken");
    let after = stored(&shop, "to-be-erased").await;
    for text in PERSONAL.into_iter().chain(["***", BODY]) {
        assert!(!after.contains(text), "{text} is left in {after}");
    }

    let erased = shop.store.find_order(&order_id("to-be-erased")).await.unwrap().unwrap();
    assert!(erased.order.erased_at_ms.is_some());
    assert_eq!(erased.order.version, read.order.version + 1);
    assert_eq!(erased.view().status, CustomerStatus::Cancelled);
    assert_eq!((erased.order.amount, &erased.lines), (read.order.amount, &read.lines));
    assert_eq!(erased.order.order_name, read.order.order_name);
    assert_eq!(erased.cancellations, read.cancellations);
    let (was, is) = (read.payment.unwrap(), erased.payment.unwrap());
    assert_eq!((is.payment_key, is.state, is.method), (was.payment_key, was.state, was.method));
    assert_eq!((is.receipt_url, is.virtual_account), (was.receipt_url, None));
    let attempts = attempt::Entity::find().all(&shop.rows).await.unwrap();
    assert_eq!(attempts.len(), 2);
    assert!(attempts.iter().all(|one| one.call.is_some() && one.idempotency_key.is_some()));
}

#[tokio::test]
async fn erasing_is_audited_once_and_doing_it_again_changes_nothing() {
    let shop = Shop::open().await;
    account_order(&shop, "to-be-erased").await;
    erase(&shop, "to-be-erased").await.unwrap();
    let before = stored(&shop, "to-be-erased").await;
    assert_eq!(erase(&shop, "to-be-erased").await.unwrap(), Erased::Before);
    let check = shop.store.check_erase_order(&order_id("to-be-erased")).await.unwrap();
    assert_eq!(check, Erased::Before);
    assert_eq!(stored(&shop, "to-be-erased").await, before);
    assert_eq!(shop.audited("order.erase").await, 1);
    let filter = AuditFilter { subject: Some("to-be-erased".to_owned()), ..AuditFilter::default() };
    let audit = shop.store.list_audit(&filter, None, 10).await.unwrap().rows;
    let entry = audit.iter().find(|entry| entry.action == "order.erase").unwrap();
    assert_eq!((entry.actor.as_str(), entry.role.as_str()), ("owner-1", "owner"));
    assert_eq!(entry.reason.as_deref(), Some(REASON));
    assert!(!PERSONAL.iter().any(|text| format!("{audit:?}").contains(text)), "{audit:?}");
}

#[tokio::test]
async fn a_repeat_of_the_erased_request_makes_no_second_order_and_tells_nothing() {
    let shop = Shop::open().await;
    account_order(&shop, "to-be-erased").await;
    account_order(&shop, "somebody-else").await;
    erase(&shop, "to-be-erased").await.unwrap();
    let keys = idempotency_key::Entity::find().all(&shop.rows).await.unwrap();
    let known = keys.iter().filter(|key| key.fingerprint == "hash of the form");
    assert_eq!(known.map(|key| key.subject.as_str()).collect::<Vec<_>>(), ["somebody-else"]);
    let key = caller_key("key of to-be-erased", "hash of the form");
    let repeat = CreateOrder { idempotency: Some(key), ..gimbap_order() };
    let error = shop.store.create_order(&repeat).await.unwrap_err();
    assert!(matches!(error, CreateOrderError::KeyReused), "{error:?}");
}

#[tokio::test]
async fn an_unfinished_order_is_refused_with_the_reason_and_keeps_everything() {
    use domain::answer::FailureClass;
    let shop = Shop::open().await;
    shop.order("payable").await;
    shop.accepted("confirming").await;
    shop.answered("unresolved", failed(FailureClass::Unanswered, "NO_ANSWER")).await;
    shop.answered("parked", failed(FailureClass::Broken, "UNAUTHORIZED_KEY")).await;
    shop.awaiting_deposit("deposit-awaited").await;
    shop.paid("being-given-back").await;
    shop.cancel("being-given-back", 1_000).await;
    let looked_at = shop.declined("looked-at").await;
    shop.store.look_up_job(&looked_at, &owner(), None).await.unwrap();
    shop.paid("on-its-way").await;
    let refusals = [
        ("payable", EraseRefusal::Payable),
        ("confirming", EraseRefusal::UnderWay(UnderWay::Undecided)),
        ("unresolved", EraseRefusal::UnderWay(UnderWay::Undecided)),
        ("parked", EraseRefusal::UnderWay(UnderWay::Undecided)),
        ("deposit-awaited", EraseRefusal::UnderWay(UnderWay::DepositAwaited)),
        ("being-given-back", EraseRefusal::UnderWay(UnderWay::Cancelling)),
        ("looked-at", EraseRefusal::UnderWay(UnderWay::JobLive)),
        ("on-its-way", EraseRefusal::OnItsWay),
    ];
    for (id, expected) in refusals {
        let before = stored(&shop, id).await;
        for result in [erase(&shop, id).await, shop.store.check_erase_order(&order_id(id)).await] {
            match result {
                Err(EraseError::Refused(refusal)) => assert_eq!(refusal, expected, "{id}"),
                other => panic!("{id}: {other:?}"),
            }
        }
        assert_eq!(stored(&shop, id).await, before);
    }
    let error = erase(&shop, "no-such-order").await.unwrap_err();
    assert!(matches!(error, EraseError::UnknownOrder), "{error:?}");
    assert_eq!(shop.audited("order.erase").await, 0);

    // Time and people end what stood in the way.
    shop.store.close_order(&order_id("payable"), None).await.unwrap();
    shop.pass(1);
    for id in ["payable", "on-its-way"] {
        assert_eq!(shop.store.check_erase_order(&order_id(id)).await.unwrap(), Erased::Now, "{id}");
        assert!(stored(&shop, id).await.contains("김하나"), "checking changes nothing");
        assert_eq!(erase(&shop, id).await.unwrap(), Erased::Now, "{id}");
    }
}

#[tokio::test]
async fn money_of_an_erased_order_can_still_be_given_back_and_brings_no_name_with_it() {
    let shop = Shop::open().await;
    let id = "erased-and-paid";
    shop.paid(id).await;
    shop.pass(1);
    erase(&shop, id).await.unwrap();
    let job = shop.cancel(id, 4_000).await;
    let cancel_id = shop.store.find_job(&job).await.unwrap().unwrap().cancellation_id.unwrap();
    let cancel = TossCancel {
        transaction_key: "t-1".to_owned(),
        amount: won(4_000),
        reason: format!("고객 요청 {}", cancel_tag(&cancel_id)),
        tax_free_amount: domain::Won::ZERO,
        cancelled_at_ms: None,
        is_done: true,
    };
    let told = TossPayment {
        balance: won(0),
        cancels: vec![cancel],
        ..told_account(id, TossStatus::Canceled)
    };
    shop.answer(&job, Answer::Payment(Box::new(told))).await;
    let read = shop.store.find_order(&order_id(id)).await.unwrap().unwrap();
    assert_eq!(read.view().status, CustomerStatus::Cancelled);
    assert_eq!(read.cancelled_amount(), won(4_000));
    let after = stored(&shop, id).await;
    for text in PERSONAL.into_iter().chain(["***"]) {
        assert!(!after.contains(text), "{text} came back: {after}");
    }
    // And in the end its attempts go as all others do.
    shop.pass(90);
    shop.prune(PruneMode::Delete, 100).await;
    assert_eq!(shop.jobs_and_attempts(id).await, (0, 0));
    assert_eq!(erase(&shop, id).await.unwrap(), Erased::Before);
}

#[tokio::test]
async fn the_orders_of_a_customer_are_found_by_mail_or_phone_until_they_are_erased() {
    use domain::customer::Customer;
    let shop = Shop::open().await;
    let customers = [
        ("first-order", Some("Hana@Example.com"), "010-1234-5678"),
        ("second-order", Some("hana@example.com"), "010-9999-0000"),
        ("third-order", None, "010-1234-5678"),
        ("other-order", Some("hana@example.co"), "010-1234-567"),
    ];
    for (id, email, phone) in customers {
        let customer = Customer::parse("김하나", email, phone).unwrap();
        let wanted = CreateOrder { proposed_id: Some(order_id(id)), customer, ..gimbap_order() };
        shop.store.create_order(&wanted).await.unwrap();
        shop.store.advance_clock(1);
    }
    let find = async |contact: CustomerContact| {
        let (mut ids, mut after) = (Vec::new(), None);
        // Pages of one, so that some are empty.
        loop {
            let page = shop.store.list_orders_of_customer(&contact, after.as_deref(), 1).await;
            let page = page.unwrap();
            ids.extend(page.rows.into_iter().map(|id| id.into_string()));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    };
    let by_email = CustomerContact::Email("hana@EXAMPLE.com".to_owned());
    let by_phone = CustomerContact::Phone("01012345678".to_owned());
    assert_eq!(find(by_email.clone()).await, ["second-order", "first-order"]);
    assert_eq!(find(by_phone.clone()).await, ["third-order", "first-order"]);
    shop.store.close_order(&order_id("first-order"), None).await.unwrap();
    shop.store.erase_order(&order_id("first-order"), &Actor::system(), REASON).await.unwrap();
    assert_eq!(find(by_email).await, ["second-order"]);
    assert_eq!(find(by_phone).await, ["third-order"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_erased_and_cancelled_at_the_same_moment_is_one_or_the_other_first() {
    let shop = Shop::open().await;
    for number in 0..6 {
        let id = format!("contended-{number}");
        shop.paid(&id).await;
    }
    shop.pass(1);
    for number in 0..6 {
        let id = format!("contended-{number}");
        let (erased, cancelled) = tokio::join!(erase(&shop, &id), async {
            shop.store.accept_cancel(&super::answers::cancel_of(&id, 4_000)).await
        });
        cancelled.unwrap();
        let row = shop.store.find_order(&order_id(&id)).await.unwrap().unwrap().order;
        match erased {
            Ok(Erased::Now) => assert!(row.customer_name.is_empty()),
            Err(EraseError::Refused(EraseRefusal::UnderWay(UnderWay::Cancelling))) => {
                assert_eq!(row.customer_name, "김하나");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_webhook_that_comes_after_erasing_is_acted_on_and_brings_no_name_with_it() {
    let shop = Shop::open().await;
    shop.paid("paid-and-erased").await;
    shop.order("closed-and-erased").await;
    shop.store.close_order(&order_id("closed-and-erased"), None).await.unwrap();
    shop.paid("somebody-else").await;
    shop.pass(1);
    for id in ["paid-and-erased", "closed-and-erased"] {
        assert_eq!(erase(&shop, id).await.unwrap(), Erased::Now);
    }
    for (id, state, body) in [
        ("paid-and-erased", WebhookState::LookedUp, ""),
        ("closed-and-erased", WebhookState::Waiting, ""),
        ("somebody-else", WebhookState::LookedUp, "{\"customerName\":\"김하나\"}"),
    ] {
        let known = shop.store.find_order(&order_id(id)).await.unwrap().unwrap().payment;
        let webhook = Webhook::Payment(PaymentNews {
            order_id: id.to_owned(),
            payment_key: known.map_or("pk".to_owned(), |payment| payment.payment_key),
            status: TossStatus::PartialCanceled,
            transaction_key: None,
        });
        let received = ReceivedWebhook {
            transmission_id: Some(id.to_owned()),
            webhook,
            source: "127.0.0.1".to_owned(),
            headers: "{}".to_owned(),
            body: "{\"customerName\":\"김하나\"}".to_owned(),
            origin: Origin::default(),
        };
        for _ in 0..2 {
            assert_eq!(shop.store.accept_webhook(&received).await.unwrap().state, state, "{id}");
        }
        let own = entities::webhook::Column::OrderId.eq(id);
        let kept = entities::webhook::Entity::find().filter(own).all(&shop.rows).await.unwrap();
        let bodies: Vec<&str> = kept.iter().map(|row| row.body.as_str()).collect();
        assert_eq!(bodies, [body], "{id}");
    }
}
