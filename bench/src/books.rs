//! What became of a backlog, by the rows of whichever database it was in. How it got there is in `backlog`.

use anyhow::ensure;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

use crate::backlog::OWN_ORDERS;

/// A database that can be asked for numbers.
pub(crate) trait Books {
    /// The first column of every row that this query gives.
    async fn numbers(&self, query: &str) -> anyhow::Result<Vec<i64>>;
}

impl Books for tokio_postgres::Client {
    async fn numbers(&self, query: &str) -> anyhow::Result<Vec<i64>> {
        let rows = self.query(query, &[]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}

impl Books for DatabaseConnection {
    async fn numbers(&self, query: &str) -> anyhow::Result<Vec<i64>> {
        let query = Statement::from_string(self.get_database_backend(), query);
        let rows = self.query_all_raw(query).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }
}

/// How many rows there are of something.
pub(crate) async fn count(books: &impl Books, rows: &str) -> anyhow::Result<i64> {
    Ok(books.numbers(&format!("SELECT count(*) FROM {rows}")).await?.iter().sum())
}

/// How many jobs are not over. An index has those, however many are.
pub(crate) async fn unfinished(books: &impl Books) -> anyhow::Result<i64> {
    count(books, "jobs WHERE state IN ('queued', 'running', 'waiting', 'parked')").await
}

/// Insists that all payments of a backlog were made, each by one call.
pub(crate) async fn insist_paid(books: &impl Books, jobs: u32) -> anyhow::Result<()> {
    for (what, rows) in [
        ("jobs that succeeded", "jobs WHERE state = 'succeeded'"),
        ("payments that are confirmed", "payments WHERE state = 'confirmed' AND balance = amount"),
        ("attempts that were answered", "attempts WHERE verdict = 'proven' AND answer IS NOT NULL"),
    ] {
        let count = count(books, &format!("{rows} AND order_id {OWN_ORDERS}")).await?;
        ensure!(count == i64::from(jobs), "{count} {what}, of {jobs}");
    }
    Ok(())
}

/// How many jobs ended in how many milliseconds, by the database's clock; see [`pace_of`].
pub(crate) async fn pace(books: &impl Books, wave: u32) -> anyhow::Result<(u64, u64)> {
    let ended = format!(
        "SELECT ended_at FROM jobs WHERE state = 'succeeded' AND order_id {OWN_ORDERS} ORDER BY ended_at"
    );
    let ended_at = books.numbers(&ended).await?;
    let pace = pace_of(&ended_at, usize::try_from(wave)?);
    pace.ok_or_else(|| anyhow::anyhow!("{} jobs are too few for a pace", ended_at.len()))
}

/// How many of these jobs, in the order in which they ended, ended in how many milliseconds, without the first and the last sixth: neither
/// the start of the workers counts, nor the end, when there is not enough left for all of them.
///
/// Jobs whose answers take long end in waves, of as many as are called for at once, because all of them began at about the same time. Time
/// is measured over whole waves then, from a place in one to the same place in a later one: else it would count whether the window began
/// within a wave or between two. Without waves a wave is one job.
fn pace_of(ended_at: &[i64], wave: usize) -> Option<(u64, u64)> {
    let jobs = (ended_at.len() * 2 / 3).checked_div(wave)? * wave;
    let first = ended_at.len() / 6;
    let ms = ended_at.get(first + jobs)?.checked_sub(*ended_at.get(first)?)?;
    let (jobs, ms) = (u64::try_from(jobs).ok()?, u64::try_from(ms).ok()?);
    (jobs > 0 && ms > 0).then_some((jobs, ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_start_nor_the_end_belongs_to_the_pace() {
        // Ten seconds for the first sixth and for the last, one for each job between.
        let ended_at: Vec<i64> = (0..60)
            .map(|job| match job {
                0..10 => job * 10_000,
                10..50 => 100_000 + (job - 10) * 1_000,
                _ => 140_000 + (job - 50) * 10_000,
            })
            .collect();
        assert_eq!(pace_of(&ended_at, 1), Some((40, 40_000)));
    }

    #[test]
    fn waves_count_as_wholes_wherever_the_window_begins() {
        // A hundred jobs within half a second every two seconds: 50 per second.
        for shift in 0..100 {
            let ended_at: Vec<i64> =
                (shift..shift + 1_000).map(|job: i64| job / 100 * 2_000 + job % 100 * 5).collect();
            assert_eq!(pace_of(&ended_at, 100), Some((600, 12_000)), "{shift}");
        }
        let without = (0..1_000).map(|job: i64| job / 100 * 2_000 + job % 100 * 5);
        assert_ne!(pace_of(&without.collect::<Vec<_>>(), 1), Some((600, 12_000)));
    }

    #[test]
    fn less_than_a_wave_or_all_at_once_is_no_pace() {
        assert_eq!(pace_of(&[1, 2, 3, 4, 5, 6], 5), None);
        assert_eq!(pace_of(&[7; 60], 1), None);
        assert_eq!(pace_of(&[], 1), None);
    }
}
