//! `seungin import`.

use serde_json::{Value, json};

use crate::process::{Ended, Place};

fn import(place: &Place, file: &Value, arguments: &[&str]) -> Ended {
    std::fs::write(place.path().join("menu.json"), file.to_string()).unwrap();
    let arguments: Vec<&str> =
        ["import", "menu.json"].into_iter().chain(arguments.iter().copied()).collect();
    place.run(&arguments)
}

fn catalogue(prices: &[(&str, i64)]) -> Value {
    let products: Vec<Value> = prices
        .iter()
        .map(|(id, price)| json!({"productId": id, "name": id, "price": price}))
        .collect();
    json!({"stores": [{
        "storeId": "store", "name": "가게", "deliveryFee": 0, "minimumOrder": 0, "products": products
    }]})
}

#[test]
fn a_file_is_imported_whole_and_again_changes_nothing() {
    let place = Place::new();
    place.run(&["migrate"]).expect(0);
    let first = import(&place, &catalogue(&[("a", 100), ("b", 200)]), &[]).expect(0);
    assert!(first.stdout.contains("stores: 1 new") && first.stdout.contains("products: 2 new"));
    let second = import(&place, &catalogue(&[("a", 100), ("b", 200)]), &[]).expect(0);
    assert!(second.stdout.contains("1 unchanged") && second.stdout.contains("2 unchanged"));
    let third = import(&place, &catalogue(&[("a", 150)]), &["--replace"]).expect(0);
    assert!(
        third.stdout.contains("1 changed") && third.stdout.contains("1 withdrawn"),
        "{}",
        third.stdout
    );
}

#[test]
fn a_mistake_is_named_by_its_place_and_nothing_is_imported() {
    let place = Place::new();
    place.run(&["migrate"]).expect(0);
    let ended = import(&place, &catalogue(&[("a", 100), ("b", -1)]), &[]).expect(1);
    assert!(ended.stderr.contains("menu.json"), "{}", ended.stderr);
    assert!(ended.stderr.contains("stores[0].products[1].price"), "{}", ended.stderr);
    let first = import(&place, &catalogue(&[("a", 100)]), &[]).expect(0);
    assert!(first.stdout.contains("products: 1 new"), "{}", first.stdout);

    let mut elsewhere = catalogue(&[("a", 100), ("b", -1)]);
    elsewhere["stores"][0]["merchant"] = "nobody".into();
    let ended = import(&place, &elsewhere, &[]).expect(1);
    for mistake in ["stores[0].merchant: ", "stores[0].products[1].price: "] {
        assert!(ended.stderr.lines().any(|line| line.starts_with(mistake)), "{}", ended.stderr);
    }
    assert!(place.run(&["import", "missing.json"]).expect(1).stderr.contains("missing.json"));
}
