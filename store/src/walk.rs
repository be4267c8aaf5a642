//! Walks along an index: how a list of any length is read a page at a time, and counted up to a limit.
//!
//! A walk enters the index by its leads (a state; a store and a state; a code), one per stretch of the index, and goes on from where the
//! page before ended: nothing is skipped over. What the index does not know is looked at on the way, and no page looks at more than
//! [`ROWS_LOOKED_AT_MAX`] rows: a page that has found little by then says where to go on. So a condition that nothing fulfils costs many
//! short pages instead of one that reads the whole table.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult};

use crate::page::{BoundedCount, COUNT_MAX, Mark, Page};
use crate::sql::Sql;

/// How many rows a page looks at, in all stretches together: some ten milliseconds.
pub(crate) const ROWS_LOOKED_AT_MAX: usize = 20_000;
/// How many of them each stretch is given at the least.
const ROWS_OF_STRETCH_MIN: usize = 500;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The least first.
    Up,
    /// The greatest first.
    Down,
}

/// A walk under preparation: first its leads, then what is looked at on the way.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    table: &'static str,
    /// What it is sorted by; rows that are alike in it, by their id.
    key: &'static str,
    direction: Direction,
    sql: Sql,
    /// What comes after the page before.
    after: String,
    leads: Vec<String>,
    rest: Vec<String>,
    /// How many values the leads have.
    lead_values: usize,
    /// The columns that are looked at on the way; all of them, unless an index has those few.
    looked_at: &'static str,
    /// How many rows are looked at.
    rows_max: usize,
}

impl Walk {
    /// A walk from the beginning, or from where the page before ended.
    pub(crate) fn new(
        backend: DbBackend,
        table: &'static str,
        (key, direction): (&'static str, Direction),
        after: Option<&Mark>,
    ) -> Walk {
        let mut sql = Sql::new(backend);
        let after = match after {
            None => "TRUE".to_owned(),
            Some(mark) => {
                let (at, id) = (sql.bind(mark.key), sql.bind(mark.id.as_str()));
                let sign = if direction == Direction::Down { '<' } else { '>' };
                format!("({key}, id) {sign} ({at}, {id})")
            }
        };
        let lead_values = sql.len();
        let (leads, rest) = (Vec::new(), Vec::new());
        Walk {
            table,
            key,
            direction,
            sql,
            after,
            leads,
            rest,
            lead_values,
            looked_at: "*",
            rows_max: ROWS_LOOKED_AT_MAX,
        }
    }

    /// The same walk, on which only these columns are looked at: an index that has them all saves the way to the rows.
    pub(crate) fn looking_at(self, columns: &'static str) -> Walk {
        Walk { looked_at: columns, ..self }
    }

    /// The same walk, on which no more rows than these are looked at.
    pub(crate) fn looking_at_most(self, rows: usize) -> Walk {
        Walk { rows_max: rows, ..self }
    }

    /// One more stretch of the index.
    pub(crate) fn lead(&mut self, condition: impl FnOnce(&mut Sql) -> String) {
        debug_assert!(self.rest.is_empty(), "leads come first");
        self.leads.push(condition(&mut self.sql));
        self.lead_values = self.sql.len();
    }

    /// A condition that every stretch is entered by as well.
    pub(crate) fn lead_all(&mut self, condition: impl FnOnce(&mut Sql) -> String) {
        debug_assert!(self.rest.is_empty(), "leads come first");
        let condition = condition(&mut self.sql);
        self.lead_values = self.sql.len();
        for lead in &mut self.leads {
            *lead = format!("{lead} AND {condition}");
        }
    }

    /// A condition that is looked at on the way.
    pub(crate) fn rest(&mut self, condition: impl FnOnce(&mut Sql) -> String) {
        self.rest.push(condition(&mut self.sql));
    }

    /// The page. `mark` says where a row stands.
    pub(crate) async fn page<M: FromQueryResult>(
        &self,
        connection: &impl ConnectionTrait,
        limit: u64,
        mark: impl Fn(&M) -> Mark,
    ) -> Result<Page<M>, DbErr> {
        if self.leads.is_empty() {
            return Ok(Page { rows: Vec::new(), next: None });
        }
        let wanted = limit.saturating_add(1);
        let order = self.order();
        let (table, after, rest) = (self.table, &self.after, self.rest.join(" AND "));
        let looked_at = self.looked_at;
        let parts = self.leads.iter().map(|lead| {
            let seen = |columns, rows: u64| {
                format!(
                    "SELECT {columns} FROM {table} WHERE {lead} AND {after} ORDER BY {order} LIMIT {rows}"
                )
            };
            // The rows come as the index has them; the whole is sorted once more below.
            if rest.is_empty() {
                format!("SELECT * FROM ({}) AS part", seen("*", wanted))
            } else {
                let seen = seen(looked_at, self.stretch());
                let columns = if looked_at == "*" { "*" } else { "id" };
                format!(
                    "SELECT * FROM (SELECT {columns} FROM ({seen}) AS {table} WHERE {rest} LIMIT {wanted}) AS part"
                )
            }
        });
        let parts: Vec<String> = parts.collect();
        let parts = parts.join(" UNION ALL ");
        let found = if rest.is_empty() || looked_at == "*" {
            format!("SELECT * FROM ({parts}) AS found")
        } else {
            format!("SELECT * FROM {table} WHERE id IN (SELECT id FROM ({parts}) AS found)")
        };
        let text = format!("{found} ORDER BY {order} LIMIT {wanted}");
        let statement = self.sql.clone().statement(text);
        let rows = connection.query_all_raw(statement).await?;
        let mut rows = rows
            .iter()
            .map(|row| M::from_query_result(row, ""))
            .collect::<Result<Vec<M>, DbErr>>()?;
        let end = match rest.is_empty() {
            true => None,
            false => self.first_end(connection).await?,
        };
        if let Some(end) = &end {
            // Beyond it, one of the stretches was not looked at.
            rows.retain(|row| !self.is_beyond(&mark(row), end));
        }
        let mut page = Page::cut(rows, limit, |row| mark(row).write());
        if page.next.is_none() {
            page.next = end.as_ref().map(Mark::write);
        }
        Ok(page)
    }

    /// How many rows there are, as far as [`COUNT_MAX`] and as far as a page looks.
    pub(crate) async fn count(
        &self,
        connection: &impl ConnectionTrait,
    ) -> Result<BoundedCount, DbErr> {
        if self.leads.is_empty() {
            return Ok(BoundedCount::default());
        }
        let (table, order, rest) = (self.table, self.order(), self.rest.join(" AND "));
        let looked_at = self.looked_at;
        let parts = self.leads.iter().map(|lead| {
            if rest.is_empty() {
                let rows = COUNT_MAX.saturating_add(1);
                format!(
                    "SELECT COUNT(*) AS counted, 0 AS is_cut FROM (SELECT 1 FROM {table} WHERE {lead} LIMIT {rows}) AS part"
                )
            } else {
                let rows = self.stretch().min(COUNT_MAX.saturating_add(1));
                format!(
                    "SELECT COUNT(*) FILTER (WHERE {rest}) AS counted, CASE WHEN COUNT(*) >= {rows} THEN 1 ELSE 0 END AS is_cut \
                     FROM (SELECT {looked_at} FROM {table} WHERE {lead} ORDER BY {order} LIMIT {rows}) AS {table}"
                )
            }
        });
        let parts: Vec<String> = parts.collect();
        let rows =
            connection.query_all_raw(self.sql.clone().statement(parts.join(" UNION ALL "))).await?;
        let mut sum = BoundedCount::default();
        for row in rows {
            let is_cut: i32 = row.try_get("", "is_cut")?;
            sum = sum.plus(BoundedCount::of(row.try_get("", "counted")?, is_cut != 0));
        }
        Ok(sum)
    }

    /// What `select` makes of the rows that a page may look at, as one table called like the walk's.
    pub(crate) async fn summed(
        &self,
        connection: &impl ConnectionTrait,
        select: impl Fn(&str) -> String,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let (table, order, rows) = (self.table, self.order(), self.stretch());
        let looked_at = self.looked_at;
        let parts = self.leads.iter().map(|lead| {
            format!("SELECT * FROM (SELECT {looked_at} FROM {table} WHERE {lead} ORDER BY {order} LIMIT {rows}) AS part")
        });
        let parts: Vec<String> = parts.collect();
        let rest = if self.rest.is_empty() { "TRUE".to_owned() } else { self.rest.join(" AND ") };
        let from = format!("({}) AS {table} WHERE {rest}", parts.join(" UNION ALL "));
        connection.query_all_raw(self.sql.clone().statement(select(&from))).await
    }

    /// Whether one of the stretches is longer than what is looked at of it.
    pub(crate) async fn is_cut(&self, connection: &impl ConnectionTrait) -> Result<bool, DbErr> {
        Ok(self.first_end(connection).await?.is_some())
    }

    /// Where the first of the stretches ends whose rows were not all looked at.
    async fn first_end(&self, connection: &impl ConnectionTrait) -> Result<Option<Mark>, DbErr> {
        let (table, key, after, order) = (self.table, self.key, &self.after, self.order());
        let before_last = self.stretch().saturating_sub(1);
        let ends = self.leads.iter().map(|lead| {
            format!(
                "SELECT * FROM (SELECT {key} AS at, id FROM {table} WHERE {lead} AND {after} ORDER BY {order} \
                 LIMIT 1 OFFSET {before_last}) AS part"
            )
        });
        let ends: Vec<String> = ends.collect();
        let statement = self.sql.statement_of(ends.join(" UNION ALL "), self.lead_values);
        let mut first: Option<Mark> = None;
        for row in connection.query_all_raw(statement).await? {
            let end = Mark { key: row.try_get("", "at")?, id: row.try_get("", "id")? };
            if first.as_ref().is_none_or(|first| self.is_beyond(first, &end)) {
                first = Some(end);
            }
        }
        Ok(first)
    }

    /// How many rows of each stretch are looked at.
    fn stretch(&self) -> u64 {
        let each = self.rows_max.checked_div(self.leads.len()).unwrap_or(self.rows_max);
        u64::try_from(each.max(ROWS_OF_STRETCH_MIN)).unwrap_or(u64::MAX)
    }

    fn order(&self) -> String {
        let word = if self.direction == Direction::Down { "DESC" } else { "ASC" };
        format!("{key} {word}, id {word}", key = self.key)
    }

    fn is_beyond(&self, mark: &Mark, end: &Mark) -> bool {
        match self.direction {
            Direction::Down => mark < end,
            Direction::Up => mark > end,
        }
    }
}
