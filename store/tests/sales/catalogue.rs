//! Stores and menus: what changes them, what it leaves in the audit, and what carts of them cost.

use domain::cart::{CartProblem, CatalogueProblem};
use domain::limits::{DESCRIPTION_CHARS_MAX, MENU_PRODUCTS_MAX};
use serde_json::json;
use store::Actor;
use store::audit::AuditFilter;
use store::catalogue::{
    Catalogue, CatalogueStore, ImportError, ImportSummary, MissingProducts, PutOutcome, PutProduct,
    PutProductError, PutStore, PutStoreError, QuoteError,
};

use crate::fixture::{
    GIMBAP, MALA, Shop, catalogue, group, line, malatang, option, owner, product, product_id,
    put_store, store_id, won,
};

#[tokio::test]
async fn importing_a_catalogue_twice_changes_nothing_the_second_time() {
    let shop = Shop::open_empty().await;
    let first = shop.store.import_catalogue(&Actor::system(), &catalogue()).await.unwrap();
    assert_eq!(
        first,
        ImportSummary { stores_created: 2, products_created: 5, ..ImportSummary::default() }
    );
    let menu = shop.store.find_menu(&store_id(MALA)).await.unwrap();
    let second = shop.store.import_catalogue(&Actor::system(), &catalogue()).await.unwrap();
    assert_eq!(
        second,
        ImportSummary { stores_unchanged: 2, products_unchanged: 5, ..ImportSummary::default() }
    );
    assert_eq!(shop.store.find_menu(&store_id(MALA)).await.unwrap(), menu);
    assert_eq!(shop.audited("product.create").await, 5);
    assert_eq!(shop.audited("product.change").await, 0);
}

#[tokio::test]
async fn a_catalogue_with_one_bad_product_is_not_imported_at_all() {
    let shop = Shop::open_empty().await;
    let mut bad = catalogue();
    bad.stores[1].products.push(PutProduct { name: " ".to_owned(), ..product("nameless", 100) });
    let error = shop.store.import_catalogue(&Actor::system(), &bad).await.unwrap_err();
    let ImportError::BadProduct { product, problem, .. } = error else { panic!("{error:?}") };
    assert_eq!(product.as_str(), "nameless");
    assert!(matches!(*problem, PutProductError::Invalid(_)), "{problem:?}");
    assert!(shop.store.list_stores(None, 10).await.unwrap().rows.is_empty());

    let mut repeated = catalogue();
    repeated.stores[1].products.push(malatang());
    let error = shop.store.import_catalogue(&Actor::system(), &repeated).await.unwrap_err();
    assert!(matches!(error, ImportError::RepeatedProduct { .. }), "{error:?}");
    let mut repeated = catalogue();
    repeated.stores.push(repeated.stores[0].clone());
    let error = shop.store.import_catalogue(&Actor::system(), &repeated).await.unwrap_err();
    assert!(matches!(error, ImportError::RepeatedStore { .. }), "{error:?}");
    assert_eq!(shop.audited("store.create").await, 0);
}

#[tokio::test]
async fn products_that_a_catalogue_does_not_name_stay_unless_they_are_to_be_withdrawn() {
    let shop = Shop::open().await;
    let only_gimbap = |missing| Catalogue {
        missing,
        stores: vec![CatalogueStore {
            store: put_store(GIMBAP, 0, 0),
            products: vec![product("gimbap", 4_000)],
        }],
    };
    let is_available = async || {
        let (_, menu) = shop.store.find_menu(&store_id(GIMBAP)).await.unwrap().unwrap();
        menu.iter().map(|row| row.product.is_available).collect::<Vec<_>>()
    };
    let system = Actor::system();
    shop.store.import_catalogue(&system, &only_gimbap(MissingProducts::Keep)).await.unwrap();
    assert_eq!(is_available().await, [true, true]);
    let summary = shop
        .store
        .import_catalogue(&system, &only_gimbap(MissingProducts::Withdraw))
        .await
        .unwrap();
    assert_eq!(summary.products_withdrawn, 1);
    assert_eq!(is_available().await, [true, false]);
    let again = shop
        .store
        .import_catalogue(&system, &only_gimbap(MissingProducts::Withdraw))
        .await
        .unwrap();
    assert_eq!(again.products_withdrawn, 0);
    assert_eq!(shop.audited("product.change").await, 1);
}

#[tokio::test]
async fn a_price_change_is_audited_with_the_price_before_and_after_and_nothing_else() {
    let shop = Shop::open().await;
    let mut change = malatang();
    change.price = won(9_500);
    change.groups[1].options[1].price = won(3_500);
    let put = shop.store.put_product(&owner(), &store_id(MALA), &change).await.unwrap();
    assert_eq!(put.outcome, PutOutcome::Changed);
    let filter = AuditFilter { subject: Some("malatang".to_owned()), ..AuditFilter::default() };
    let entry = shop.store.list_audit(&filter, None, 10).await.unwrap().rows.remove(0);
    assert_eq!((entry.action.as_str(), entry.actor.as_str()), ("product.change", "owner-1"));
    assert_eq!((entry.role.as_str(), entry.store_id.as_deref()), ("owner", Some(MALA)));
    assert_eq!(entry.request_id.as_deref(), Some("request-1"));
    let beef = |price: i64| json!({"group": "extras", "name": "beef", "price": price, "available": true, "position": 1});
    assert_eq!(
        entry.detail.unwrap(),
        json!({
            "before": {"price": 9_000, "option:beef": beef(3_000)},
            "after": {"price": 9_500, "option:beef": beef(3_500)},
        })
    );
}

#[tokio::test]
async fn a_store_change_is_audited_and_an_unchanged_one_is_not() {
    let shop = Shop::open().await;
    let change = PutStore { merchant: None, is_open: false, ..put_store(MALA, 3_500, 15_000) };
    let put = shop.store.put_store(&owner(), &change, false).await.unwrap();
    assert_eq!(put.outcome, PutOutcome::Changed);
    assert_eq!(shop.store.find_store(&store_id(MALA)).await.unwrap().unwrap(), put.row);
    assert_eq!(put.row.merchant, "default");
    let again = shop.store.put_store(&owner(), &change, false).await.unwrap();
    assert_eq!((again.outcome, again.row), (PutOutcome::Unchanged, put.row));
    let filter = AuditFilter { store: Some(store_id(MALA)), ..AuditFilter::default() };
    let entries = shop.store.list_audit(&filter, None, 10).await.unwrap().rows;
    let changes: Vec<_> =
        entries.into_iter().filter(|entry| entry.action == "store.change").collect();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].detail.clone().unwrap(),
        json!({
            "before": {"deliveryFee": 3_000, "open": true},
            "after": {"deliveryFee": 3_500, "open": false},
        })
    );
}

#[tokio::test]
async fn only_those_who_may_create_stores_create_one_or_move_one_to_another_merchant() {
    let shop = Shop::open().await;
    let new = put_store("tteok", 1_000, 0);
    let error = shop.store.put_store(&owner(), &new, false).await.unwrap_err();
    assert!(matches!(error, PutStoreError::MayNotCreate), "{error:?}");
    let nowhere = PutStore { merchant: None, ..new.clone() };
    let error = shop.store.put_store(&owner(), &nowhere, true).await.unwrap_err();
    assert!(matches!(error, PutStoreError::MerchantMissing), "{error:?}");
    let put = shop.store.put_store(&owner(), &new, true).await.unwrap();
    assert_eq!(put.outcome, PutOutcome::Created);

    let moved = PutStore { merchant: Some("other".to_owned()), ..new.clone() };
    let error = shop.store.put_store(&owner(), &moved, false).await.unwrap_err();
    assert!(matches!(error, PutStoreError::MayNotChangeMerchant), "{error:?}");
    // Naming the merchant that it has is no change of it.
    assert_eq!(
        shop.store.put_store(&owner(), &new, false).await.unwrap().outcome,
        PutOutcome::Unchanged
    );
    assert_eq!(shop.store.put_store(&owner(), &moved, true).await.unwrap().row.merchant, "other");
}

#[tokio::test]
async fn what_is_not_sound_is_refused_and_changes_nothing() {
    let shop = Shop::open().await;
    let before = shop.store.find_menu(&store_id(MALA)).await.unwrap();
    let put = |change: PutProduct| {
        let shop = &shop;
        async move { shop.store.put_product(&owner(), &store_id(MALA), &change).await.unwrap_err() }
    };
    let impossible = group("sauce", 2, 1, vec![option("soy", 0), option("chili", 0)]);
    let error = put(PutProduct { groups: vec![impossible], ..malatang() }).await;
    assert!(
        matches!(error, PutProductError::Invalid(CatalogueProblem::ChoicesOutOfRange { .. })),
        "{error:?}"
    );
    let long = "가".repeat(DESCRIPTION_CHARS_MAX + 1);
    let error = put(PutProduct { description: Some(long), ..malatang() }).await;
    assert!(matches!(error, PutProductError::DescriptionTooLong), "{error:?}");
    for hidden in ["NUL\0", "\u{202e}turned", "\u{1b}[31m"] {
        let error = put(PutProduct { description: Some(hidden.to_owned()), ..malatang() }).await;
        assert!(matches!(error, PutProductError::DescriptionCharacters), "{hidden:?}: {error:?}");
    }
    let error = put(product("gimbap", 4_000)).await;
    assert!(matches!(error, PutProductError::ProductOfOtherStore), "{error:?}");
    let error =
        shop.store.put_product(&owner(), &store_id("nowhere"), &malatang()).await.unwrap_err();
    assert!(matches!(error, PutProductError::UnknownStore), "{error:?}");
    let nameless = PutStore { name: String::new(), ..put_store(MALA, 0, 0) };
    let error = shop.store.put_store(&owner(), &nameless, true).await.unwrap_err();
    assert!(
        matches!(error, PutStoreError::Invalid(CatalogueProblem::NameLength { .. })),
        "{error:?}"
    );
    assert_eq!(shop.store.find_menu(&store_id(MALA)).await.unwrap(), before);
}

#[tokio::test]
async fn a_menu_that_is_full_takes_changes_but_no_further_product() {
    let shop = Shop::open_empty().await;
    let products =
        (0..MENU_PRODUCTS_MAX).map(|number| product(&format!("p{number}"), 1_000)).collect();
    let full = Catalogue {
        missing: MissingProducts::Keep,
        stores: vec![CatalogueStore { store: put_store(MALA, 0, 0), products }],
    };
    shop.store.import_catalogue(&Actor::system(), &full).await.unwrap();
    let error = shop
        .store
        .put_product(&owner(), &store_id(MALA), &product("extra", 1_000))
        .await
        .unwrap_err();
    assert!(matches!(error, PutProductError::MenuFull), "{error:?}");
    let changed =
        shop.store.put_product(&owner(), &store_id(MALA), &product("p7", 1_100)).await.unwrap();
    assert_eq!(changed.outcome, PutOutcome::Changed);
    let (_, menu) = shop.store.find_menu(&store_id(MALA)).await.unwrap().unwrap();
    assert_eq!(menu.len(), MENU_PRODUCTS_MAX);
}

#[tokio::test]
async fn a_menu_reads_in_the_order_in_which_it_was_written() {
    let shop = Shop::open().await;
    let new = PutProduct { description: Some("  ".to_owned()), ..product("aaa-new", 100) };
    let put = shop.store.put_product(&owner(), &store_id(MALA), &new).await.unwrap();
    assert_eq!((put.outcome, put.row.description.as_deref()), (PutOutcome::Created, None));
    // A change keeps the place, and a whole new set of groups replaces the old one.
    let soup = group("soup", 0, 1, vec![option("white", 0), option("mild", 300)]);
    let change = PutProduct { groups: vec![soup.clone()], ..malatang() };
    shop.store.put_product(&owner(), &store_id(MALA), &change).await.unwrap();
    let (store, menu) = shop.store.find_menu(&store_id(MALA)).await.unwrap().unwrap();
    assert_eq!(store.name, "mala house");
    let ids: Vec<_> = menu.iter().map(|row| row.product.id.as_str()).collect();
    assert_eq!(ids, ["malatang", "guobaorou", "soda", "aaa-new"]);
    assert_eq!(menu[0].product.groups, [soup]);
    assert_eq!(menu[0].description.as_deref(), Some("얼얼한 마라탕"));
    assert!(shop.store.find_menu(&store_id("nowhere")).await.unwrap().is_none());
}

#[tokio::test]
async fn stores_are_listed_page_by_page_without_gaps() {
    let shop = Shop::open().await;
    for number in 0..5 {
        shop.store
            .put_store(&Actor::system(), &put_store(&format!("s{number}"), 0, 0), true)
            .await
            .unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = shop.store.list_stores(after.as_deref(), 3).await.unwrap();
        assert!(page.rows.len() <= 3);
        seen.extend(page.rows.into_iter().map(|store| store.id.into_string()));
        assert!(seen.len() <= 100, "the pages do not end");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["gimbap", "mala", "s0", "s1", "s2", "s3", "s4"]);
}

#[tokio::test]
async fn a_quote_itemises_the_cart() {
    let shop = Shop::open().await;
    let lines = [line("malatang", 2, &["beef", "hot"]), line("guobaorou", 1, &[])];
    let quote = shop.store.quote(&store_id(MALA), &lines).await.unwrap();
    assert_eq!(quote.lines[0].amount, won(2 * (9_000 + 500 + 3_000)));
    assert_eq!(quote.items_amount, won(43_000));
    assert_eq!((quote.delivery_fee, quote.amount), (won(3_000), won(46_000)));
    assert_eq!(quote.order_name, "malatang 외 1건");
}

#[tokio::test]
async fn a_quote_says_what_is_wrong_with_the_cart() {
    let shop = Shop::open().await;
    let problem = async |lines: &[_]| match shop.store.quote(&store_id(MALA), lines).await {
        Err(QuoteError::Cart(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let foreign = problem(&[line("gimbap", 1, &[])]).await;
    let expected = CartProblem::ForeignProduct {
        line: 0,
        product_id: product_id("gimbap"),
        store_id: store_id(GIMBAP),
    };
    assert_eq!(foreign, expected);
    let unknown = problem(&[line("guobaorou", 1, &[]), line("pizza", 1, &[])]).await;
    assert_eq!(unknown, CartProblem::UnknownProduct { line: 1, product_id: product_id("pizza") });
    let sold_out = problem(&[line("soda", 1, &[])]).await;
    assert_eq!(
        sold_out,
        CartProblem::UnavailableProduct { line: 0, product_id: product_id("soda") }
    );
    let too_long: Vec<_> = (0..1_000).map(|_| line("guobaorou", 1, &[])).collect();
    assert!(matches!(problem(&too_long).await, CartProblem::TooManyLines { lines: 1_000, .. }));
    let error = shop.store.quote(&store_id("nowhere"), &[]).await.unwrap_err();
    assert!(matches!(error, QuoteError::UnknownStore), "{error:?}");
}
