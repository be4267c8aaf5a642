//! What a change of the catalogue changed, for the audit: the fields that differ, before and after, and nothing else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{MenuProductRow, StoreView};

/// Field → value. Groups and options are fields of their own, so that one new price is one line in the audit.
pub(super) type Fields = BTreeMap<String, Value>;

pub(super) fn store_fields(store: &StoreView) -> Fields {
    [
        ("name", json!(store.name)),
        ("merchant", json!(store.merchant)),
        ("deliveryFee", json!(store.delivery_fee.get())),
        ("minimumOrder", json!(store.minimum_order.get())),
        ("open", json!(store.is_open)),
    ]
    .map(|(field, value)| (field.to_owned(), value))
    .into()
}

pub(super) fn product_fields(row: &MenuProductRow) -> Fields {
    let product = &row.product;
    let mut fields: Fields = [
        ("name", json!(product.name)),
        ("description", json!(row.description)),
        ("price", json!(product.price.get())),
        ("available", json!(product.is_available)),
        ("taxFree", json!(product.is_tax_free)),
        ("position", json!(row.position)),
    ]
    .map(|(field, value)| (field.to_owned(), value))
    .into();
    for (position, group) in product.groups.iter().enumerate() {
        let key = format!("group:{}", group.id);
        let value = json!({
            "name": group.name, "minChoices": group.min_choices, "maxChoices": group.max_choices, "position": position,
        });
        fields.insert(key, value);
        for (position, option) in group.options.iter().enumerate() {
            let key = format!("option:{}", option.id);
            let value = json!({
                "group": group.id.as_str(), "name": option.name, "price": option.price.get(),
                "available": option.is_available, "position": position,
            });
            fields.insert(key, value);
        }
    }
    fields
}

/// `{"before": {…}, "after": {…}}` of the fields that differ, or `None` when all are the same. A field that is missing on one side
/// was added or removed.
pub(super) fn difference(before: &Fields, after: &Fields) -> Option<Value> {
    let differing = |from: &Fields, other: &Fields| -> Map<String, Value> {
        from.iter()
            .filter(|(field, value)| other.get(*field) != Some(value))
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect()
    };
    let (gone, come) = (differing(before, after), differing(after, before));
    if gone.is_empty() && come.is_empty() {
        None
    } else {
        Some(json!({ "before": gone, "after": come }))
    }
}
