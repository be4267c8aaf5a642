//! Lists of jobs, page by page.

use domain::JobId;
use domain::limits::PAGE_ROWS_MAX;
use entities::job;
use sea_orm::ConnectionTrait;

use super::filter::{JobFilter, JobSort};
use super::{JobRow, job_row};
use crate::connection::Store;
use crate::error::StoreError;
use crate::page::{ListError, Mark, Page};
use crate::search;

/// How many rows an export has at the most: more than anybody reads, and what a spreadsheet opens at once.
pub const CSV_ROWS_MAX: usize = 10_000;

impl Store {
    /// Jobs in an order. `after` is the previous page's `next` in the same order; `limit` is held to `1 ..= PAGE_ROWS_MAX`.
    ///
    /// A page may have fewer rows than asked for and not be the last: no page looks at more than a fixed number of rows. While the pages
    /// are turned, jobs that were made later are on none of the later ones in the order of [`JobSort::Newest`]; in the other orders
    /// a job that changed meanwhile may come twice, or not at all.
    ///
    /// # Errors
    /// [`ListError`]: a wrong cursor is the caller's fault.
    pub async fn list_jobs(
        &self,
        filter: &JobFilter,
        sort: JobSort,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<JobRow>, ListError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let after = Mark::read(after, |id| JobId::parse(id).is_ok())?;
        let orders = match &filter.text {
            Some(text) => Some(search::find_order_ids(&self.db, &filter.scope, text).await?.ids),
            None => None,
        };
        let walk =
            filter.walk(self.db.get_database_backend(), sort, after.as_ref(), orders.as_deref());
        let page = walk.page::<job::Model>(&self.db, limit, |row| sort.mark(row)).await?;
        Ok(page.try_map(|row| job_row(&row))?)
    }
}

/// The first jobs that a filter means, at most so many, those made first last.
pub(crate) async fn matching(
    connection: &impl ConnectionTrait,
    filter: &JobFilter,
    most: u64,
) -> Result<Vec<job::Model>, StoreError> {
    let orders = match &filter.text {
        Some(text) => Some(search::find_order_ids(connection, &filter.scope, text).await?.ids),
        None => None,
    };
    let (mut found, mut after) = (Vec::new(), None);
    let backend = connection.get_database_backend();
    loop {
        let left = most.saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX));
        let walk = filter.walk(backend, JobSort::Newest, after.as_ref(), orders.as_deref());
        let mark = |row: &job::Model| JobSort::Newest.mark(row);
        let page = walk.page(connection, left.clamp(1, PAGE_ROWS_MAX), mark).await?;
        found.extend(page.rows);
        let is_enough = u64::try_from(found.len()).unwrap_or(u64::MAX) >= most;
        let Some(next) = page.next.filter(|_| !is_enough) else { return Ok(found) };
        after = Mark::read(Some(&next), |_| true).ok().flatten();
    }
}
