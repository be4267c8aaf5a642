//! Every method of the payment window, and the wallet with a confirm of its own: paid, shown, and given back as Toss allows.

use domain::cancellation::{CancelRefusal, CancellationState};
use domain::customer::{CustomerKey, GUEST_KEY};
use serde_json::json;
use simulator::{Method, NewPayment};
use store::AcceptCancelError;

use crate::shop::{Paying, SECRET_KEY, Shop, confirm_of};

/// Forty days: in whichever month a telephone bill was charged, it is another one then.
const INTO_ANOTHER_MONTH_MS: i64 = 40 * 24 * 60 * 60_000;

async fn paid_by(shop: &Shop, method: Method) -> Paying {
    let paying = shop.authenticated_by(10, Some(method), false).await;
    shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid", "{method:?}");
    paying
}

#[tokio::test]
async fn whatever_takes_the_money_at_once_is_shown_and_given_back_in_parts_where_toss_does_so() {
    let shop = Shop::open().await;
    for (method, shown) in [
        (Method::Card, "카드"),
        (Method::TossPay, "간편결제"),
        (Method::KakaoPay, "간편결제"),
        (Method::Transfer, "계좌이체"),
        (Method::MobilePhone, "휴대폰"),
        (Method::CultureGiftCertificate, "문화상품권"),
        (Method::BookGiftCertificate, "도서문화상품권"),
        (Method::GameGiftCertificate, "게임문화상품권"),
    ] {
        let paying = paid_by(&shop, method).await;
        let payment = shop.detail(&paying).await.payment.unwrap();
        assert_eq!(payment.method.as_deref(), Some(shown));
        let at_toss = shop.shown_by_toss(&paying).await;
        let told = payment.means.is_partial_cancelable;
        assert_eq!(told, at_toss["isPartialCancelable"].as_bool(), "{method:?}");
        match shop.cancel(&paying, Some(4_000), "part").await {
            Ok(_) => assert_eq!(told, Some(true), "{method:?}"),
            Err(AcceptCancelError::Refused(CancelRefusal::WholeOnly)) => {
                assert_eq!(told, Some(false), "{method:?}");
            }
            Err(other) => panic!("{method:?}: {other}"),
        }
        shop.drain().await;
        shop.cancel(&paying, None, "rest").await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "cancelled", "{method:?}");
        assert_eq!(shop.ledger(&paying).cancelled, 10_000, "{method:?}");
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn what_toss_tells_about_the_means_is_kept() {
    let shop = Shop::open().await;
    let card = paid_by(&shop, Method::Card).await;
    let at_toss = shop.shown_by_toss(&card).await["card"].clone();
    let means = shop.detail(&card).await.payment.unwrap().means;
    assert_eq!(means.card_issuer.as_deref(), at_toss["issuerCode"].as_str());
    assert_eq!(means.card_number.as_deref(), at_toss["number"].as_str());
    assert!(means.card_number.unwrap().contains('*'));
    assert_eq!(
        means.card_installment_months.map(u64::from),
        at_toss["installmentPlanMonths"].as_u64()
    );

    let wallet = paid_by(&shop, Method::NaverPay).await;
    let means = shop.detail(&wallet).await.payment.unwrap().means;
    assert_eq!(means.easy_pay_provider.as_deref(), Some("네이버페이"));

    let transfer = paid_by(&shop, Method::Transfer).await;
    let at_toss = shop.shown_by_toss(&transfer).await["transfer"].clone();
    let means = shop.detail(&transfer).await.payment.unwrap().means;
    assert!(means.transfer_bank.is_some());
    assert_eq!(means.transfer_bank.as_deref(), at_toss["bankCode"].as_str());
    shop.close().await;
}

#[tokio::test]
async fn a_telephone_bill_is_not_given_back_in_another_month_and_the_order_stays_paid() {
    let shop = Shop::open().await;
    let paying = paid_by(&shop, Method::MobilePhone).await;
    shop.advance(INTO_ANOTHER_MONTH_MS);
    let (id, _) = shop.cancel(&paying, None, "late").await.unwrap();
    shop.drain().await;
    let detail = shop.detail(&paying).await;
    let cancel = detail.cancellations.iter().find(|one| one.id == id).unwrap();
    assert_eq!(cancel.state, CancellationState::Refused);
    assert_eq!(cancel.failure.as_ref().unwrap().code, "EXCEED_MAX_REFUND_DUE");
    assert_eq!(detail.view().status.word(), "paid");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

/// A payment of the wallet, authenticated by this customer.
async fn wallet(shop: &mut Shop, customer_key: Option<&str>) -> Paying {
    shop.customer_key = customer_key.map(|key| CustomerKey::parse(key).unwrap());
    let (order_id, amount) = shop.order(5).await;
    let brandpay_customer_key = Some(customer_key.unwrap_or(GUEST_KEY).to_owned());
    let new = NewPayment {
        brandpay_customer_key,
        ..NewPayment::new(order_id.as_str(), "주문", amount.get())
    };
    let created = shop.toss.create_payment(SECRET_KEY, new).unwrap();
    let payment_key = domain::PaymentKey::parse(created.payment_key).unwrap();
    Paying { order_id, payment_key, amount }
}

#[tokio::test]
async fn a_wallet_is_confirmed_at_its_own_endpoint_in_the_name_that_its_window_was_told() {
    let mut shop = Shop::open().await;
    for customer_key in [Some("customer-0193a5c2"), None] {
        let paying = wallet(&mut shop, customer_key).await;
        let confirm = store::AcceptConfirm {
            payment_type: Some("BRANDPAY".to_owned()),
            ..confirm_of(&paying)
        };
        shop.store.accept_confirm(&confirm).await.unwrap();
        // The second call is the first one, byte for byte.
        shop.fault(&paying, "confirm", "in_progress", json!({}));
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "paid");
        let requests = shop.ledger(&paying).requests;
        let posts: Vec<_> = requests.iter().filter(|one| one.method == "POST").collect();
        assert_eq!(posts.len(), 2);
        for post in &posts {
            assert_eq!(post.path, "/v1/brandpay/payments/confirm");
            assert_eq!(post.body["customerKey"], customer_key.unwrap_or(GUEST_KEY));
        }
        assert_eq!(posts[0].idempotency_key, posts[1].idempotency_key);
        assert_eq!(posts[0].body, posts[1].body);
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn what_is_free_of_tax_goes_back_in_proportion_and_all_of_it_in_the_end() {
    let shop = Shop::open().await;
    let paying = shop.authenticated_tax_free(3, 7, 3).await;
    shop.accept(&paying).await;
    shop.drain().await;
    let mut parts = Vec::new();
    for (amount, key) in
        [(Some(3_333), "one"), (Some(1), "two"), (Some(2_500), "three"), (None, "rest")]
    {
        shop.cancel(&paying, amount, key).await.unwrap();
        shop.drain().await;
    }
    for cancel in shop.detail(&paying).await.cancellations {
        parts.push((cancel.amount.get(), cancel.tax_free_amount.get()));
    }
    assert_eq!(parts, [(3_333, 999), (1, 0), (2_500, 750), (4_166, 1_251)]);
    let at_toss = shop.shown_by_toss(&paying).await;
    let told = at_toss["cancels"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| one["taxFreeAmount"].as_i64().unwrap()).collect();
    assert_eq!(told, [999, 0, 750, 1_251]);
    assert_eq!(at_toss["taxFreeAmount"], 0);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn where_the_window_was_told_another_part_free_of_tax_cancels_follow_what_toss_holds() {
    let shop = Shop::open().await;
    for (told, parts) in [(0, [0, 0]), (5, [2_000, 3_000])] {
        let paying = shop.authenticated_tax_free(9, 1, told).await;
        shop.accept(&paying).await;
        shop.drain().await;
        for (amount, key) in [(Some(4_000), "part"), (None, "rest")] {
            shop.cancel(&paying, amount, key).await.unwrap();
            shop.drain().await;
        }
        assert_eq!(shop.status(&paying).await, "cancelled", "{told}");
        let at_toss = shop.shown_by_toss(&paying).await;
        let cancels = at_toss["cancels"].as_array().unwrap().iter();
        let cancels: Vec<_> = cancels.map(|one| one["taxFreeAmount"].as_i64().unwrap()).collect();
        assert_eq!(cancels, parts);
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn an_order_without_a_part_that_is_free_of_tax_says_nothing_of_it() {
    let shop = Shop::open().await;
    let paying = shop.paid(5).await;
    shop.cancel(&paying, Some(1_000), "part").await.unwrap();
    shop.drain().await;
    let requests = shop.ledger(&paying).requests;
    let cancel = requests.iter().find(|one| one.path.ends_with("/cancel")).unwrap();
    assert_eq!(cancel.body.as_object().unwrap().len(), 3, "{}", cancel.body);
    assert!(cancel.body.get("taxFreeAmount").is_none());
    shop.close().await;
}

#[tokio::test]
async fn a_wallet_of_another_customer_than_the_orders_fails_at_once() {
    let mut shop = Shop::open().await;
    let paying = wallet(&mut shop, Some("customer-0193a5c2")).await;
    let (order_id, amount) = {
        shop.customer_key = None;
        shop.order(5).await
    };
    let new = NewPayment {
        brandpay_customer_key: Some("customer-0193a5c2".to_owned()),
        ..NewPayment::new(order_id.as_str(), "주문", amount.get())
    };
    let created = shop.toss.create_payment(SECRET_KEY, new).unwrap();
    let payment_key = domain::PaymentKey::parse(created.payment_key).unwrap();
    let guest = Paying { order_id, payment_key, amount };
    for (paying, status, posts) in [(&guest, "failed", 1), (&paying, "paid", 1)] {
        let payment_type = Some("BRANDPAY".to_owned());
        let confirm = store::AcceptConfirm { payment_type, ..confirm_of(paying) };
        shop.store.accept_confirm(&confirm).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(paying).await, status);
        let requests = shop.ledger(paying).requests;
        assert_eq!(requests.iter().filter(|one| one.method == "POST").count(), posts);
        shop.assert_money_is_conserved(paying).await;
    }
    shop.close().await;
}
