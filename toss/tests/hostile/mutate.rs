//! Documents in which anything was changed, for tests of whoever reads them; `api`'s tests use it, too.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Any JSON, not deep, with these texts, numbers and names of fields in it more often than others.
pub(crate) fn any_json(
    words: &'static [&'static str],
    numbers: &'static [i64],
    names: &'static [&'static str],
) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(words).prop_map(Value::from),
        prop::sample::select(numbers).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let name = prop::sample::select(names).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What is done to a place of a document.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Its value becomes this.
    Replace(Value),
    /// It goes.
    Remove,
    /// Into an array, or an object.
    Wrap(bool),
    /// Another place's value.
    Copy(Index),
}

/// Up to five changes, with these values.
pub(crate) fn changes(
    values: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Vec<(Index, Change)>> {
    let change = prop_oneof![
        3 => values.prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => any::<bool>().prop_map(Change::Wrap),
        2 => any::<Index>().prop_map(Change::Copy),
    ];
    prop::collection::vec((any::<Index>(), change), 0..6)
}

/// Every place, as a pointer.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, inner)| places(inner, &format!("{at}/{name}"), all));
        }
        Value::Array(entries) => (0..).zip(entries).for_each(|(place, inner): (usize, &Value)| {
            places(inner, &format!("{at}/{place}"), all)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document after these changes.
pub(crate) fn changed(mut document: Value, changes: Vec<(Index, Change)>) -> Value {
    for (place, change) in changes {
        let mut all = Vec::new();
        places(&document, "", &mut all);
        let pointer = place.get(all.as_slice()).clone();
        let value = match change {
            Change::Replace(value) => value,
            Change::Wrap(true) => json!([document.pointer(&pointer)]),
            Change::Wrap(false) => json!({ "inner": document.pointer(&pointer) }),
            Change::Copy(from) => {
                let from: &String = from.get(all.as_slice());
                document.pointer(from).cloned().unwrap_or_default()
            }
            Change::Remove => {
                if let Some((parent, name)) = pointer.rsplit_once('/')
                    && let Some(Value::Object(fields)) = document.pointer_mut(parent)
                {
                    fields.remove(name);
                }
                continue;
            }
        };
        if let Some(target) = document.pointer_mut(&pointer) {
            *target = value;
        }
    }
    document
}

/// What happens to a text on its way.
pub(crate) fn damaged(text: &str, damage: &Option<(Index, u8, bool)>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if let Some((place, byte, is_cut)) = damage {
        let place = place.index(bytes.len());
        match is_cut {
            true => bytes.truncate(place),
            false => bytes[place] = *byte,
        }
    }
    bytes
}

/// One byte that is another, or the end, now and then.
pub(crate) fn damage() -> impl Strategy<Value = Option<(Index, u8, bool)>> {
    prop::option::weighted(0.3, (any::<Index>(), any::<u8>(), any::<bool>()))
}
