//! The file that `seungin import` reads, in the names of the HTTP API. `config/README.md` describes
//! it for those who write one. Every mistake is told with its place in the file. Not here: writing it
//! to the database.

use std::fmt;

use domain::cart::{MenuOption, MenuProduct, OptionGroup, StoreTerms, check_product, check_store};
use domain::{ProductId, StoreId, Won};
use serde::Deserialize;
use store::catalogue::{Catalogue, CatalogueStore, MissingProducts, PutProduct, PutStore};

use crate::config::default_of;

/// A file that cannot be imported: everything that is wrong with it, one line each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidCatalogue(Vec<Mistake>);

/// One place that is wrong.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    /// Such as `stores[0].products[2].price`.
    place: String,
    reason: String,
}

impl fmt::Display for InvalidCatalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Mistake { place, reason }) in self.0.iter().enumerate() {
            let line_break = if number > 0 { "\n" } else { "" };
            write!(f, "{line_break}{place}: {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidCatalogue {}

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
    tax_free: bool,
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

/// Whose payments a store's may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merchants<'a> {
    /// Of stores that name none; `None`: they must name one.
    pub(crate) default: Option<&'a str>,
    /// Every one that is configured.
    pub(crate) known: &'a [&'a str],
}

impl<'a> Merchants<'a> {
    /// These, the names of all that are configured.
    pub(crate) fn of(known: &'a [&'a str]) -> Merchants<'a> {
        Merchants { default: default_of(known), known }
    }
}

/// Reads a catalogue.
///
/// # Errors
/// Every place that cannot be used, and why; of a file that has not the right shape, the first.
pub(crate) fn parse(
    text: &str,
    merchants: Merchants<'_>,
    missing: MissingProducts,
) -> Result<Catalogue, InvalidCatalogue> {
    let mut json = serde_json::Deserializer::from_str(text);
    let entry: Result<CatalogueEntry, _> = serde_path_to_error::deserialize(&mut json);
    let entry = entry.map_err(|error| {
        // A path of "." is serde_path_to_error's name of the whole.
        let place = Some(error.path().to_string()).filter(|path| path != ".");
        only(place.as_deref().unwrap_or("the file"), error.inner())
    })?;
    json.end().map_err(|error| only("the end of the file", error))?;
    let mut reading = Reading { merchants, mistakes: Vec::new() };
    let stores = all(entry.stores, "stores", |store, place| reading.store(store, &place));
    match stores {
        Some(stores) if reading.mistakes.is_empty() => Ok(Catalogue { stores, missing }),
        _ => Err(InvalidCatalogue(reading.mistakes)),
    }
}

/// Reads entry after entry and notes what is wrong. `None` stands for what cannot be used.
#[derive(Debug)]
struct Reading<'a> {
    merchants: Merchants<'a>,
    mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    fn store(&mut self, entry: StoreEntry, place: &str) -> Option<CatalogueStore> {
        let id = self.note(StoreId::parse(entry.store_id), place, "storeId");
        let delivery_fee = self.note(Won::new(entry.delivery_fee), place, "deliveryFee");
        let minimum_order = self.note(Won::new(entry.minimum_order), place, "minimumOrder");
        let merchant = entry.merchant.or_else(|| self.merchants.default.map(str::to_owned));
        match merchant.as_deref() {
            None => self.refuse(
                &at(place, "merchant"),
                format!("there are several merchants: {}", self.merchants.known.join(", ")),
            ),
            Some(name) if !self.merchants.known.contains(&name) => {
                self.refuse(&at(place, "merchant"), format!("no merchant {name} is configured"));
            }
            Some(_) => {}
        }
        let products = all(entry.products, &at(place, "products"), |product, place| {
            self.product(product, id.as_ref(), &place)
        });
        let terms = StoreTerms {
            id: id?,
            name: entry.name,
            delivery_fee: delivery_fee?,
            minimum_order: minimum_order?,
            is_open: entry.open,
        };
        self.whole(check_store(&terms), place)?;
        let store = PutStore {
            id: terms.id,
            name: terms.name,
            merchant,
            delivery_fee: terms.delivery_fee,
            minimum_order: terms.minimum_order,
            is_open: terms.is_open,
        };
        Some(CatalogueStore { store, products: products? })
    }

    fn product(
        &mut self,
        entry: ProductEntry,
        store_id: Option<&StoreId>,
        place: &str,
    ) -> Option<PutProduct> {
        let id = self.note(ProductId::parse(entry.product_id), place, "productId");
        let price = self.note(Won::new(entry.price), place, "price");
        let groups = all(entry.option_groups, &at(place, "optionGroups"), |group, place| {
            self.group(group, &place)
        });
        let product = MenuProduct {
            id: id?,
            store_id: store_id?.clone(),
            name: entry.name,
            price: price?,
            is_available: entry.available,
            is_tax_free: entry.tax_free,
            groups: groups?,
        };
        self.whole(check_product(&product), place)?;
        Some(PutProduct {
            id: product.id,
            name: product.name,
            description: entry.description,
            price: product.price,
            is_available: product.is_available,
            is_tax_free: product.is_tax_free,
            groups: product.groups,
        })
    }

    fn group(&mut self, entry: GroupEntry, place: &str) -> Option<OptionGroup> {
        let id = self.note(ProductId::parse(entry.group_id), place, "groupId");
        let options =
            all(entry.options, &at(place, "options"), |option, place| self.option(option, &place));
        Some(OptionGroup {
            id: id?,
            name: entry.name,
            min_choices: entry.min_choices,
            max_choices: entry.max_choices,
            options: options?,
        })
    }

    fn option(&mut self, entry: OptionEntry, place: &str) -> Option<MenuOption> {
        let id = self.note(ProductId::parse(entry.option_id), place, "optionId");
        let price = self.note(Won::new(entry.price), place, "price");
        Some(MenuOption { id: id?, name: entry.name, price: price?, is_available: entry.available })
    }

    fn note<T, E: fmt::Display>(
        &mut self,
        value: Result<T, E>,
        place: &str,
        field: &str,
    ) -> Option<T> {
        self.whole(value, &at(place, field))
    }

    fn whole<T, E: fmt::Display>(&mut self, value: Result<T, E>, place: &str) -> Option<T> {
        value.map_err(|reason| self.refuse(place, reason.to_string())).ok()
    }

    fn refuse(&mut self, place: &str, reason: String) {
        self.mistakes.push(Mistake { place: place.to_owned(), reason });
    }
}

/// Reads every entry of a list, also behind one that cannot be used.
fn all<E, T>(
    entries: Vec<E>,
    place: &str,
    mut read: impl FnMut(E, String) -> Option<T>,
) -> Option<Vec<T>> {
    let entries = entries.into_iter().enumerate();
    let read: Vec<Option<T>> =
        entries.map(|(number, entry)| read(entry, format!("{place}[{number}]"))).collect();
    read.into_iter().collect()
}

fn at(place: &str, field: &str) -> String {
    format!("{place}.{field}")
}

fn only(place: &str, reason: impl fmt::Display) -> InvalidCatalogue {
    InvalidCatalogue(vec![Mistake { place: place.to_owned(), reason: reason.to_string() }])
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
        parse(&text, Merchants::of(&["default"]), MissingProducts::Keep)
            .map_err(|error| error.to_string())
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
    fn all_mistakes_of_a_file_are_told_at_once() {
        let error = parse_with(|file| {
            let store = &mut file["stores"][0];
            store["merchant"] = "nobody".into();
            store["deliveryFee"] = (-1).into();
            store["products"][0]["price"] = (-1).into();
            store["products"][1]["productId"] = "메뉴".into();
            store["products"][1]["optionGroups"][0]["options"][0]["price"] = (-1).into();
            store["products"][1]["optionGroups"][0]["options"][1]["optionId"] = "".into();
        });
        let error = error.unwrap_err();
        let places: Vec<&str> =
            error.lines().map(|line| line.split_once(": ").unwrap().0).collect();
        let group = "stores[0].products[1].optionGroups[0]";
        assert_eq!(
            places,
            [
                "stores[0].deliveryFee",
                "stores[0].merchant",
                "stores[0].products[0].price",
                "stores[0].products[1].productId",
                &format!("{group}.options[0].price"),
                &format!("{group}.options[1].optionId"),
            ]
        );
    }

    #[test]
    fn the_example_in_the_manual_is_a_valid_file() {
        let manual = include_str!("../../config/README.md");
        let example = manual.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
        let catalogue =
            parse(example.unwrap(), Merchants::of(&["default"]), MissingProducts::Keep).unwrap();
        assert_eq!(catalogue.stores[0].products[0].price.get(), 9_900);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[]", "{\"stores\": []} x", "null"] {
            assert!(
                parse(text, Merchants::of(&["default"]), MissingProducts::Keep).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_demo_catalogue_is_sound_and_shows_every_kind_of_product() {
        let text = include_str!("../../config/demo-catalogue.json");
        let catalogue = parse(text, Merchants::of(&["default"]), MissingProducts::Keep).unwrap();
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
