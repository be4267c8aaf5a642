//! What a process costs while nobody asks anything of it.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::bed::Bed;
use crate::cost;

/// What came together meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quiet {
    commits: Option<u64>,
    cpu_ms: Option<u64>,
    postgres_ms: Option<u64>,
    elapsed_ms: u64,
}

impl Quiet {
    /// Looks at this process and PostgreSQL for so long. The server counts what a session did up to a second later, at both ends.
    pub(crate) async fn of(bed: &Bed, process: u32, length: Duration) -> anyhow::Result<Quiet> {
        let server = bed.servers.process_of("postgres");
        let so_far = async || {
            let postgres_ms = server.and_then(cost::family_cpu_ms);
            anyhow::Ok([bed.commits().await?, cost::cpu_ms(process), postgres_ms])
        };
        let began = Instant::now();
        let before = so_far().await?;
        sleep(length).await;
        let after = so_far().await?;
        let elapsed_ms = u64::try_from(began.elapsed().as_millis())?;
        let mut more = before.into_iter().zip(after);
        let [commits, cpu_ms, postgres_ms] = [(); 3].map(|()| {
            let (before, after) = more.next()?;
            after?.checked_sub(before?)
        });
        Ok(Quiet { commits, cpu_ms, postgres_ms, elapsed_ms })
    }

    /// Commits, processor time of the process and of PostgreSQL, each in so many milliseconds.
    pub(crate) fn per_ms(self, ms: u64) -> [Option<u64>; 3] {
        [self.commits, self.cpu_ms, self.postgres_ms]
            .map(|all| (all? * ms).checked_div(self.elapsed_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_longer_than_was_meant_counts_for_as_long_as_it_took() {
        let quiet =
            Quiet { commits: Some(600), cpu_ms: Some(90), postgres_ms: None, elapsed_ms: 31_000 };
        assert_eq!(quiet.per_ms(1_000), [Some(19), Some(2), None]);
        assert_eq!(quiet.per_ms(60_000), [Some(1_161), Some(174), None]);
    }
}
