//! The file that `seungin import` reads, in the names of the HTTP API. `config/README.md` describes
//! it for those who write one. Every error names the place in the file. Not here: writing it to the
//! database.

use domain::cart::{MenuOption, MenuProduct, OptionGroup, StoreTerms, check_product, check_store};
use domain::{ProductId, StoreId, Won};
use serde::Deserialize;
use store::catalogue::{Catalogue, CatalogueStore, MissingProducts, PutProduct, PutStore};

/// A file that cannot be imported.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub(crate) struct InvalidCatalogue {
    /// Such as `stores[0].products[2].price`.
    place: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CatalogueEntry {
    stores: Vec<StoreEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoreEntry {
    store_id: String,
    name: String,
    merchant: Option<String>,
    delivery_fee: i64,
    minimum_order: i64,
    #[serde(default = "yes")]
    open: bool,
    products: Vec<ProductEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProductEntry {
    product_id: String,
    name: String,
    description: Option<String>,
    price: i64,
    #[serde(default = "yes")]
    available: bool,
    #[serde(default)]
    option_groups: Vec<GroupEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupEntry {
    group_id: String,
    name: String,
    min_choices: u32,
    max_choices: u32,
    options: Vec<OptionEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OptionEntry {
    option_id: String,
    name: String,
    price: i64,
    #[serde(default = "yes")]
    available: bool,
}

const fn yes() -> bool {
    true
}

/// Reads a catalogue. Stores that name no merchant get `default_merchant`.
///
/// # Errors
/// The first place that cannot be used, and why.
pub(crate) fn parse(
    text: &str,
    default_merchant: &str,
    missing: MissingProducts,
) -> Result<Catalogue, InvalidCatalogue> {
    let mut json = serde_json::Deserializer::from_str(text);
    let entry: CatalogueEntry = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| invalid(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| invalid("the end of the file", error))?;
    let stores = entry.stores.into_iter().enumerate();
    let stores = stores
        .map(|(number, store)| parse_store(store, default_merchant, &format!("stores[{number}]")));
    Ok(Catalogue { stores: stores.collect::<Result<_, _>>()?, missing })
}

fn parse_store(
    entry: StoreEntry,
    default_merchant: &str,
    place: &str,
) -> Result<CatalogueStore, InvalidCatalogue> {
    let terms = StoreTerms {
        id: StoreId::parse(entry.store_id)
            .map_err(|error| invalid(&at(place, "storeId"), error))?,
        name: entry.name,
        delivery_fee: won(entry.delivery_fee, &at(place, "deliveryFee"))?,
        minimum_order: won(entry.minimum_order, &at(place, "minimumOrder"))?,
        is_open: entry.open,
    };
    check_store(&terms).map_err(|problem| invalid(place, problem))?;
    let products = entry.products.into_iter().enumerate();
    let products = products.map(|(number, product)| {
        parse_product(product, &terms.id, &format!("{place}.products[{number}]"))
    });
    let products = products.collect::<Result<_, _>>()?;
    let store = PutStore {
        id: terms.id,
        name: terms.name,
        merchant: Some(entry.merchant.unwrap_or_else(|| default_merchant.to_owned())),
        delivery_fee: terms.delivery_fee,
        minimum_order: terms.minimum_order,
        is_open: terms.is_open,
    };
    Ok(CatalogueStore { store, products })
}

fn parse_product(
    entry: ProductEntry,
    store_id: &StoreId,
    place: &str,
) -> Result<PutProduct, InvalidCatalogue> {
    let groups = entry.option_groups.into_iter().enumerate();
    let groups = groups
        .map(|(number, group)| parse_group(group, &format!("{place}.optionGroups[{number}]")))
        .collect::<Result<_, _>>()?;
    let product = MenuProduct {
        id: product_id(entry.product_id, &at(place, "productId"))?,
        store_id: store_id.clone(),
        name: entry.name,
        price: won(entry.price, &at(place, "price"))?,
        is_available: entry.available,
        groups,
    };
    check_product(&product).map_err(|problem| invalid(place, problem))?;
    Ok(PutProduct {
        id: product.id,
        name: product.name,
        description: entry.description,
        price: product.price,
        is_available: product.is_available,
        groups: product.groups,
    })
}

fn parse_group(entry: GroupEntry, place: &str) -> Result<OptionGroup, InvalidCatalogue> {
    let options = entry.options.into_iter().enumerate();
    let options = options
        .map(|(number, option)| parse_option(option, &format!("{place}.options[{number}]")))
        .collect::<Result<_, _>>()?;
    Ok(OptionGroup {
        id: product_id(entry.group_id, &at(place, "groupId"))?,
        name: entry.name,
        min_choices: entry.min_choices,
        max_choices: entry.max_choices,
        options,
    })
}

fn parse_option(entry: OptionEntry, place: &str) -> Result<MenuOption, InvalidCatalogue> {
    Ok(MenuOption {
        id: product_id(entry.option_id, &at(place, "optionId"))?,
        name: entry.name,
        price: won(entry.price, &at(place, "price"))?,
        is_available: entry.available,
    })
}

fn product_id(text: String, place: &str) -> Result<ProductId, InvalidCatalogue> {
    ProductId::parse(text).map_err(|error| invalid(place, error))
}

fn won(amount: i64, place: &str) -> Result<Won, InvalidCatalogue> {
    Won::new(amount).map_err(|error| invalid(place, error))
}

fn at(place: &str, field: &str) -> String {
    format!("{place}.{field}")
}

fn invalid(place: &str, reason: impl std::fmt::Display) -> InvalidCatalogue {
    // A path of "." is serde_path_to_error's name of the whole.
    let place = if place == "." { "the file" } else { place };
    InvalidCatalogue { place: place.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_with(change: impl Fn(&mut serde_json::Value)) -> Result<Catalogue, String> {
        let mut file = serde_json::json!({"stores": [{
            "storeId": "store-1", "name": "가게", "deliveryFee": 3000, "minimumOrder": 10000,
            "products": [
                {"productId": "p-1", "name": "하나", "price": 5000},
                {"productId": "p-2", "name": "둘", "price": 7000, "available": false, "optionGroups": [
                    {"groupId": "g", "name": "맛", "minChoices": 1, "maxChoices": 1, "options": [
                        {"optionId": "mild", "name": "순한맛", "price": 0},
                        {"optionId": "hot", "name": "매운맛", "price": 500}
                    ]}
                ]}
            ]
        }]});
        change(&mut file);
        let text = serde_json::to_string(&file).unwrap();
        parse(&text, "default", MissingProducts::Keep).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_file_is_read_and_what_may_be_left_out_has_a_default() {
        let catalogue = parse_with(|_| {}).unwrap();
        let store = &catalogue.stores[0];
        assert!(store.store.is_open && store.store.merchant.as_deref() == Some("default"));
        assert!(store.products[0].is_available && !store.products[1].is_available);
        assert_eq!(store.products[1].groups[0].options[1].price.get(), 500);
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let product = "/stores/0/products/1";
        for (pointer, value, place) in [
            ("/stores/0/storeId".to_owned(), "가게".into(), "stores[0].storeId"),
            ("/stores/0/deliveryFee".to_owned(), (-1).into(), "stores[0].deliveryFee"),
            ("/stores/0/deliveryFee".to_owned(), "3000".into(), "stores[0].deliveryFee"),
            ("/stores/0/name".to_owned(), "".into(), "stores[0]"),
            ("/stores/0/opened".to_owned(), true.into(), "stores[0].opened"),
            (format!("{product}/price"), 1.5.into(), "stores[0].products[1].price"),
            (format!("{product}/price"), 99_999_999.into(), "stores[0].products[1]"),
            (
                format!("{product}/optionGroups/0/options/1/price"),
                (-5).into(),
                "stores[0].products[1].optionGroups[0].options[1].price",
            ),
            (format!("{product}/optionGroups/0/maxChoices"), 9.into(), "stores[0].products[1]"),
            ("/stores".to_owned(), 5.into(), "stores"),
        ] {
            let set = |file: &mut serde_json::Value| {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                let parent = file.pointer_mut(parent).unwrap();
                let value: serde_json::Value = serde_json::Value::clone(&value);
                parent[field] = value;
            };
            let error = parse_with(set).expect_err(&pointer);
            assert!(error.starts_with(&format!("{place}: ")), "{pointer}: {error}");
        }
    }

    #[test]
    fn the_example_in_the_manual_is_a_valid_file() {
        let manual = include_str!("../../config/README.md");
        let example = manual.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
        let catalogue = parse(example.unwrap(), "default", MissingProducts::Keep).unwrap();
        assert_eq!(catalogue.stores[0].products[0].price.get(), 9_900);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[]", "{\"stores\": []} x", "null"] {
            assert!(parse(text, "default", MissingProducts::Keep).is_err(), "{text}");
        }
    }

    #[test]
    fn the_demo_catalogue_is_sound_and_shows_every_kind_of_product() {
        let text = include_str!("../../config/demo-catalogue.json");
        let catalogue = parse(text, "default", MissingProducts::Keep).unwrap();
        assert_eq!(catalogue.stores.len(), 2);
        for store in &catalogue.stores {
            assert!(store.products.len() >= 8, "{}", store.store.name);
            assert!(store.products.iter().any(|product| !product.is_available));
            let groups: Vec<_> = store.products.iter().flat_map(|it| &it.groups).collect();
            assert!(groups.iter().any(|group| group.min_choices > 0));
            assert!(groups.iter().any(|group| group.min_choices == 0 && group.max_choices > 1));
            let plain = |it: &&PutProduct| {
                it.is_available && it.groups.iter().all(|group| group.min_choices == 0)
            };
            assert!(store.products.iter().find(plain).is_some(), "nothing without a choice");
        }
    }
}
