//! Arrays in a statement of PostgreSQL: one for each column of several rows. Not here: what a statement does with them, see `text`.

use std::fmt::Write as _;

use sea_orm::sea_query::ColumnType;
use sea_orm::{DbErr, Value};

use crate::sql::Sql;

/// An array of values, of a [kind](type_word), as an expression.
pub(super) fn array(
    sql: &mut Sql,
    word: &str,
    values: impl IntoIterator<Item = Option<Value>>,
) -> Result<String, DbErr> {
    let mut literal = ArrayLiteral::default();
    for value in values {
        literal.push(value.as_ref())?;
    }
    Ok(format!("CAST(CAST({} AS text) AS {word}[])", sql.bind(literal.end())))
}

/// The same of texts, such as ids.
pub(super) fn array_of_texts(
    sql: &mut Sql,
    texts: impl IntoIterator<Item = impl Into<String>>,
) -> Result<String, DbErr> {
    array(sql, "text", texts.into_iter().map(|text| Some(Value::from(text.into()))))
}

/// PostgreSQL's word for the kinds of columns that the tables have.
pub(super) fn type_word(kind: &ColumnType) -> Result<&'static str, DbErr> {
    let words = [
        (ColumnType::Text, "text"),
        (ColumnType::BigInteger, "bigint"),
        (ColumnType::Integer, "integer"),
        (ColumnType::Boolean, "boolean"),
    ];
    let is_text = matches!(kind, ColumnType::String(_));
    let known = words.iter().find(|(known, _)| known == kind).map(|(_, word)| *word);
    known
        .or(is_text.then_some("text"))
        .ok_or_else(|| DbErr::Type(format!("{kind:?} cannot be written in an array")))
}

/// An array as PostgreSQL reads it: the only form in which its elements may be NULL here. Source: PostgreSQL's manual, 8.15.6.
#[derive(Debug, Default)]
struct ArrayLiteral {
    text: String,
}

impl ArrayLiteral {
    fn push(&mut self, value: Option<&Value>) -> Result<(), DbErr> {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        match value {
            Some(Value::String(Some(text))) => self.push_quoted(text),
            Some(Value::BigInt(Some(number))) => self.push_word(number),
            Some(Value::Int(Some(number))) => self.push_word(number),
            Some(Value::Bool(Some(is_so))) => self.push_word(is_so),
            None
            | Some(
                Value::String(None) | Value::BigInt(None) | Value::Int(None) | Value::Bool(None),
            ) => self.push_word("NULL"),
            Some(other) => {
                return Err(DbErr::Type(format!("{other:?} cannot be written in an array")));
            }
        }
        Ok(())
    }

    fn push_word(&mut self, word: impl std::fmt::Display) {
        // A String takes everything.
        let _written = write!(self.text, "{word}");
    }

    fn push_quoted(&mut self, text: &str) {
        self.text.push('"');
        for letter in text.chars() {
            if matches!(letter, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(letter);
        }
        self.text.push('"');
    }

    fn end(mut self) -> String {
        if self.text.is_empty() {
            self.text.push('{');
        }
        self.text.push('}');
        self.text
    }
}
