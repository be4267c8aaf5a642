//! Finding orders by what people have in hand: an order id, a payment key or its beginning, the end of a phone number, a name or its
//! beginning. Every one of them has its index, and none of them finds more than [`CANDIDATES_MAX`] orders: whoever finds so many is told
//! to say more. Erased customers have neither name nor number, so they are found by order id and payment key only.

use std::collections::BTreeSet;

use domain::role::Scope;
use domain::{OrderId, PaymentKey, StoreId};
use sea_orm::ConnectionTrait;

use crate::error::StoreError;
use crate::sql::Sql;

/// How many orders a text finds at the most.
pub const CANDIDATES_MAX: usize = 1_000;
/// How many rows of an index are looked at for them; a caller who acts for few stores finds few of these his own.
const LOOKED_AT_MAX: usize = 10_000;
/// How many digits of a phone number are asked for at the least: fewer would be those of everybody.
const PHONE_END_DIGITS_MIN: usize = 4;
/// The longest text that is looked for, in characters: more than the longest payment key.
const TEXT_CHARS_MAX: usize = 200;

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Reads what somebody typed; `None` for nothing, and for what is too long to be found.
    #[must_use]
    pub fn parse(text: &str) -> Option<SearchText> {
        let text = text.trim();
        let is_good = !text.is_empty()
            && text.chars().count() <= TEXT_CHARS_MAX
            && !text.chars().any(char::is_control);
        is_good.then(|| SearchText(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits, if it could be the end of a phone number.
    fn phone_end(&self) -> Option<String> {
        let is_phone = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-');
        let digits: String = self.0.chars().filter(char::is_ascii_digit).collect();
        (self.0.chars().all(is_phone) && digits.len() >= PHONE_END_DIGITS_MIN).then_some(digits)
    }
}

/// The orders that a text finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Candidates {
    pub(crate) ids: Vec<String>,
    /// Whether there are more, or may be.
    pub(crate) is_cut: bool,
}

/// Finds orders of these stores.
pub(crate) async fn find_order_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    text: &SearchText,
) -> Result<Candidates, StoreError> {
    let mut found = Found { ids: BTreeSet::new(), is_cut: false };
    let typed = text.as_str();
    if OrderId::parse(typed).is_ok() {
        let look = |sql: &mut Sql| {
            format!("SELECT id, store_id FROM orders WHERE id = {}", sql.bind(typed))
        };
        found.add(connection, scope, look).await?;
    }
    if PaymentKey::parse(typed).is_ok() {
        let look = |sql: &mut Sql| {
            let is_it = sql.begins_with("payment_key", typed);
            let order = sql.bytewise();
            format!(
                "SELECT order_id AS id, store_id FROM payments WHERE {is_it} ORDER BY payment_key {order}"
            )
        };
        found.add(connection, scope, look).await?;
    }
    match text.phone_end() {
        Some(digits) => {
            let look = |sql: &mut Sql| by_phone_end(sql, &digits);
            found.add(connection, scope, look).await?;
        }
        None => {
            let whole = |sql: &mut Sql| {
                let (order, name) = (sql.bytewise(), sql.bind(typed));
                format!(
                    "SELECT id, store_id FROM orders WHERE customer_name {order} = {name} ORDER BY created_at DESC, id DESC"
                )
            };
            found.add(connection, scope, whole).await?;
            let start = |sql: &mut Sql| {
                let is_it = sql.begins_with("customer_name", typed);
                format!(
                    "SELECT id, store_id FROM orders WHERE {is_it} ORDER BY customer_name {}",
                    sql.bytewise()
                )
            };
            found.add(connection, scope, start).await?;
        }
    }
    Ok(Candidates { ids: found.ids.into_iter().collect(), is_cut: found.is_cut })
}

/// By the last four digits through the index, and by those before them on the way.
fn by_phone_end(sql: &mut Sql, digits: &str) -> String {
    let (head, end) = digits.split_at(digits.len().saturating_sub(PHONE_END_DIGITS_MIN));
    let end = sql.bind(end);
    let mut text = format!(
        "SELECT id, store_id FROM orders WHERE substr(customer_phone, length(customer_phone) - 3) = {end}"
    );
    if !head.is_empty() {
        // Digits only: nothing in it means anything to LIKE.
        let whole = sql.bind(format!("%{digits}"));
        text.push_str(&format!(" AND customer_phone LIKE {whole}"));
    }
    text.push_str(" ORDER BY created_at DESC, id DESC");
    text
}

struct Found {
    ids: BTreeSet<String>,
    is_cut: bool,
}

impl Found {
    /// Adds what a statement finds, of these stores.
    async fn add(
        &mut self,
        connection: &impl ConnectionTrait,
        scope: &Scope,
        look: impl FnOnce(&mut Sql) -> String,
    ) -> Result<(), StoreError> {
        let room = CANDIDATES_MAX.saturating_sub(self.ids.len());
        if room == 0 {
            self.is_cut = true;
            return Ok(());
        }
        let mut sql = Sql::new(connection.get_database_backend());
        let inner = look(&mut sql);
        let text = match scope {
            Scope::Every => format!("{inner} LIMIT {}", room.saturating_add(1)),
            Scope::Stores(stores) => {
                let stores = sql.bind_all(stores.iter().map(StoreId::as_str));
                format!(
                    "SELECT id, store_id FROM ({inner} LIMIT {LOOKED_AT_MAX}) AS alike WHERE store_id IN ({stores}) LIMIT {}",
                    room.saturating_add(1)
                )
            }
        };
        let rows = connection.query_all_raw(sql.statement(text)).await?;
        self.is_cut |= rows.len() > room;
        for row in rows.iter().take(room) {
            self.ids.insert(row.try_get("", "id")?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone_end(text: &str) -> Option<String> {
        SearchText::parse(text).unwrap().phone_end()
    }

    #[test]
    fn four_digits_or_more_are_the_end_of_a_phone_number() {
        assert_eq!(phone_end("5678").as_deref(), Some("5678"));
        assert_eq!(phone_end(" 1234-5678 ").as_deref(), Some("12345678"));
        assert_eq!(phone_end("678"), None);
        assert_eq!(phone_end("a5678"), None);
    }

    #[test]
    fn nothing_and_what_is_too_long_is_not_looked_for() {
        assert_eq!(SearchText::parse("  "), None);
        assert_eq!(SearchText::parse("a\u{0}b"), None);
        assert_eq!(SearchText::parse(&"x".repeat(201)), None);
        assert!(SearchText::parse(&"김".repeat(200)).is_some());
    }
}
