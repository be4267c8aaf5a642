//! What the campaign came to, as a table.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use super::nemesis::Suffered;
use crate::books::{Attempt, Books, Verdict};
use crate::record::Recorded;

/// All of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) minutes: u64,
    /// Kind of fault → how often, and the worst time until something was paid after it.
    faults: BTreeMap<String, (u64, Option<Duration>)>,
    recorded: Recorded,
    books: Books,
    verdict: Verdict,
    /// From the last fault's end until every job was over.
    pub(super) until_quiet: Duration,
    /// The most memory that a process of ours took, in KiB, and its threads.
    pub(super) peak: (u64, u64),
}

impl Report {
    pub(super) fn new(
        (seed, minutes): (u64, u64),
        suffered: &[Suffered],
        recorded: Recorded,
        books: Books,
        mut verdict: Verdict,
        recovery_max: Duration,
    ) -> Report {
        let mut faults: BTreeMap<String, (u64, Option<Duration>)> = BTreeMap::new();
        for one in suffered {
            let (count, worst) = faults.entry(one.kind.clone()).or_default();
            *count += 1;
            let recovery = recovery(one.over, &recorded);
            if recovery.is_none_or(|recovery| recovery > recovery_max) {
                verdict
                    .broken
                    .push(format!("{}: nothing was paid for {recovery:?} afterwards", one.kind));
            }
            *worst = (*worst).max(recovery);
        }
        let (until_quiet, peak) = Default::default();
        Report { seed, minutes, faults, recorded, books, verdict, until_quiet, peak }
    }

    /// Whether nothing was lost, doubled or otherwise wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.verdict.is_clean()
    }

    /// What is wrong.
    pub(super) fn told(&self) -> Vec<String> {
        self.verdict.told()
    }

    /// Every payment key that Toss knows, and every customer's token.
    pub(super) fn secrets(&self) -> HashSet<&str> {
        let keys = self.books.ledger.iter().map(|account| account.payment_key.as_str());
        keys.chain(self.recorded.tokens.iter().map(String::as_str)).collect()
    }

    /// Jobs that ended well although a process went away, a lease was over, or no answer came.
    fn recovered(&self) -> usize {
        let unanswered = |attempt: &&Attempt| {
            attempt.finished_at.is_none() || attempt.is_stale || attempt.http_status.is_none()
        };
        let hurt: BTreeSet<&str> =
            self.books.attempts.iter().filter(unanswered).map(|one| one.job_id.as_str()).collect();
        let is_well = |id: &str| {
            let job = self.books.jobs.iter().find(|job| job.id == id);
            job.is_some_and(|job| job.state != "parked")
        };
        hurt.into_iter().filter(|id| is_well(id)).count()
    }

    fn worst_recovery(&self) -> Option<Duration> {
        self.faults.values().filter_map(|(_, worst)| *worst).max()
    }
}

/// How long after a fault's end a payment was known to be paid whose confirm was accepted after it. Other faults may have come meanwhile.
fn recovery(over: Instant, recorded: &Recorded) -> Option<Duration> {
    let after = recorded.paid.iter().filter(|(accepted, _)| *accepted >= over);
    after.map(|(_, known)| known.duration_since(over)).min()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| {
            let tenths = time.as_millis() / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        };
        writeln!(
            f,
            "| fault | times | worst time until a later payment was paid |\n|---|---|---|"
        )?;
        for (kind, (count, worst)) in &self.faults {
            let worst = worst.map_or("–".to_owned(), seconds);
            writeln!(f, "| {kind} | {count} | {worst} |")?;
        }
        let count = |wanted: &str| self.books.jobs.iter().filter(|job| job.state == wanted).count();
        let taken = self.books.ledger.iter().map(|one| one.charged).sum::<i64>();
        let given_back = self.books.ledger.iter().map(|one| one.cancelled).sum::<i64>();
        let statuses = self.recorded.statuses.iter();
        let statuses: Vec<_> =
            statuses.map(|(status, count)| format!("{status}: {count}")).collect();
        let faults: u64 = self.faults.values().map(|(count, _)| count).sum();
        let rows = [
            ("minutes, seed", format!("{}, {}", self.minutes, self.seed)),
            ("faults", format!("{faults} of {} kinds", self.faults.len())),
            ("requests to the API", self.recorded.requests.to_string()),
            ("… answered with 2xx", self.recorded.answered_well().to_string()),
            ("… by status", statuses.join(", ")),
            ("… refused", {
                let refusals = self.recorded.refusals.iter();
                let refusals: Vec<_> =
                    refusals.map(|(code, count)| format!("{code}: {count}")).collect();
                refusals.join(", ")
            }),
            ("… without an answer", self.recorded.unanswered.to_string()),
            (
                "orders, accepted confirms, accepted cancels",
                format!(
                    "{}, {}, {}",
                    self.recorded.orders.len(),
                    self.recorded.confirms.len(),
                    self.recorded.cancels.len()
                ),
            ),
            ("won taken, given back", format!("{taken}, {given_back}")),
            ("calls to Toss", self.books.attempts.len().to_string()),
            ("jobs", self.books.jobs.len().to_string()),
            ("… recovered from a lost call", self.recovered().to_string()),
            ("… claimed most often", {
                let most = self.books.jobs.iter().map(|job| job.claims).max();
                format!("{} times", most.unwrap_or(0))
            }),
            ("… left to a person", count("parked").to_string()),
            ("worst recovery", self.worst_recovery().map_or("–".to_owned(), seconds)),
            ("from the last fault until all was over", seconds(self.until_quiet)),
            ("most memory, threads of a process", {
                format!("{} MiB, {}", self.peak.0 / 1_024, self.peak.1)
            }),
            ("lost", self.verdict.lost.len().to_string()),
            ("doubled", self.verdict.doubled.len().to_string()),
            ("otherwise wrong", self.verdict.broken.len().to_string()),
        ];
        writeln!(f, "\n| all together | |\n|---|---|")?;
        for (name, value) in rows {
            writeln!(f, "| {name} | {value} |")?;
        }
        Ok(())
    }
}
