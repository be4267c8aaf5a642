//! The database: reachable, of a version that we know, with our schema, by the same clock, and with workers that take its jobs.

use std::time::Duration;

use domain::job::JobKind;
use secrecy::ExposeSecret as _;
use store::{KeyPairUse, Store, StoreError, is_postgres};

use crate::config::{Config, TossChoice};
use crate::exit::Failure;
use crate::parts;

use super::Finding;

/// The oldest PostgreSQL that the product is tested on.
const POSTGRES_MAJOR_MIN: u32 = 15;
/// How much this machine's clock may differ from the database's before somebody should know. Log lines are out of order by then.
const SKEW_WARN_MS: i64 = 2_000;
/// From when on something is wrong with one of the machines: certificates and tokens of others begin to fail.
const SKEW_FAIL_MS: i64 = 30_000;
/// How often both clocks are read: the quickest reading is the most exact.
const CLOCK_READINGS: u32 = 3;
/// Where PostgreSQL listens unless it is told otherwise.
const POSTGRES_PORT: u16 = 5_432;
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at it. `clock` is this machine's, in milliseconds UTC.
pub(super) async fn check(config: &Config, clock: &(dyn Fn() -> i64 + Sync)) -> Vec<Finding> {
    let name = "database";
    let url = config.database.url.as_ref().map(|url| url.expose_secret());
    if url.is_none() && !config.data_dir.join("seungin.db").exists() {
        let advice = "the first start of `seungin` makes it, or `seungin migrate`";
        return vec![Finding::warn(name, "there is none yet", advice)];
    }
    let is_server = url.is_some_and(is_postgres);
    let advice = if is_server {
        "start PostgreSQL, and correct database.url if need be: host, port, user, password, database"
    } else {
        "check the path and whether this user may read and write it"
    };
    if let Some(why) = find_obstacle(url.filter(|_| is_server)).await {
        return vec![Finding::fail(name, why, advice)];
    }
    let store = match parts::open_store(config, &config.data_dir, false).await {
        Ok(store) => store,
        Err(failure) => return vec![Finding::fail(name, shown(&failure), advice)],
    };
    let version = match tokio::time::timeout(PATIENCE, store.server_version()).await {
        Ok(Ok(version)) => version,
        Ok(Err(error)) => return vec![Finding::fail(name, error.with_causes(), advice)],
        Err(_) => return vec![Finding::fail(name, "it does not answer in time", advice)],
    };
    let mut findings = vec![judge_version(&version, is_server)];
    let has_schema = check_schema(&store).await;
    let is_ready = has_schema.advice.is_none();
    findings.push(has_schema);
    findings.push(check_clock(&store, clock).await);
    if is_ready {
        findings.push(check_writes(&store).await);
        if store.is_sqlite() {
            findings.push(check_file(&store).await);
        }
        findings.push(check_key_pairs(&store, &config.toss).await);
    }
    // The embedded product has its worker in itself, and nobody else's.
    if is_server && is_ready {
        findings.push(check_workers(&store).await);
    }
    findings
}

/// Why nobody can be connected to at a server's address; `None` when somebody answers, or the address names no host. The pool of
/// connections only tells that it waited in vain.
async fn find_obstacle(url: Option<&str>) -> Option<String> {
    let url = reqwest::Url::parse(url?).ok()?;
    let (host, port) = (url.host_str()?, url.port().unwrap_or(POSTGRES_PORT));
    let connecting = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
    let why = match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    Some(format!("{host}:{port} does not answer: {why}"))
}

/// The innermost reason: what stands around it says no more.
fn shown(failure: &Failure) -> String {
    match failure {
        Failure::Failed(error) | Failure::Usage(error) | Failure::Unreachable(error) => {
            error.root_cause().to_string()
        }
        Failure::Config(error) => error.to_string(),
    }
}

fn judge_version(version: &str, is_server: bool) -> Finding {
    let name = "database";
    if !is_server {
        return Finding::ok(name, format!("SQLite {version}"));
    }
    let major = version.split(['.', ' ']).next().and_then(|major| major.parse().ok()).unwrap_or(0);
    let found = format!("PostgreSQL {version}");
    if major >= POSTGRES_MAJOR_MIN {
        return Finding::ok(name, found);
    }
    let advice = format!("nobody tests the product on it: use {POSTGRES_MAJOR_MIN} or later");
    Finding::warn(name, found, advice)
}

async fn check_schema(store: &Store) -> Finding {
    let name = "migrations";
    match store.check().await {
        Ok(()) => Finding::ok(name, "the schema is this version's"),
        // It says what to do in the same breath.
        Err(StoreError::Schema(told)) => match told.split_once(": ") {
            Some((found, advice)) => Finding::fail(name, found, advice),
            None => Finding::fail(name, told, "seungin migrate"),
        },
        Err(error) => {
            Finding::fail(name, error.with_causes(), "make the database answer, then look again")
        }
    }
}

/// Whether there is room to write.
async fn check_writes(store: &Store) -> Finding {
    let name = "writes";
    match store.probe_write().await {
        Ok(()) => Finding::ok(name, "the database takes them"),
        Err(error) if error.is_full() => {
            let advice = "make room on its disk: docs/runbook.md, database_full";
            Finding::fail(name, error.with_causes(), advice)
        }
        Err(error) => {
            Finding::fail(name, error.with_causes(), "see what the database's own log says")
        }
    }
}

/// Whether SQLite's file is sound.
async fn check_file(store: &Store) -> Finding {
    let name = "database file";
    match store.find_damage().await {
        Ok(None) => Finding::ok(name, "sound"),
        Ok(Some(damage)) => {
            Finding::fail(name, damage, "stop everything and restore a backup: docs/backup.md")
        }
        Err(error) => {
            Finding::fail(name, error.with_causes(), "make the database answer, then look again")
        }
    }
}

/// Whether what orders and payments are pinned to is configured.
async fn check_key_pairs(store: &Store, toss: &TossChoice) -> Finding {
    let name = "key pairs";
    let uses = match store.key_pair_uses().await {
        Ok(uses) => uses,
        Err(error) => {
            let advice = "make the database answer, then look again";
            return Finding::fail(name, error.with_causes(), advice);
        }
    };
    let known = toss.key_pairs();
    let is_known = |used: &&KeyPairUse| known.iter().any(|(pair, _)| *pair == used.pair);
    let (known, missing): (Vec<_>, Vec<_>) = uses.iter().partition(is_known);
    if missing.is_empty() {
        let found = match known.len() {
            0 => "nothing was ordered yet".to_owned(),
            pinned => format!("configured, all {pinned} that orders and payments are pinned to"),
        };
        return Finding::ok(name, found);
    }
    let told = missing.iter().map(|used| {
        let payments = used.under_way.saturating_add(used.resting);
        format!("{} ({} orders open, {payments} payments)", used.pair, used.open_orders)
    });
    let found = format!("not configured: {}", told.collect::<Vec<_>>().join("; "));
    Finding::fail(name, found, "give these keys back to the configuration: docs/key-rotation.md")
}

async fn check_clock(store: &Store, clock: &(dyn Fn() -> i64 + Sync)) -> Finding {
    let mut best: Option<(i64, i64)> = None;
    for _ in 0..CLOCK_READINGS {
        let before_ms = clock();
        let told = match store.now_ms().await {
            Ok(told) => told,
            Err(error) => {
                let advice = "make the database answer, then look again";
                return Finding::fail("clock", error.with_causes(), advice);
            }
        };
        let after_ms = clock();
        let took_ms = after_ms.saturating_sub(before_ms);
        let skew_ms = i64::midpoint(before_ms, after_ms).saturating_sub(told);
        if best.is_none_or(|(_, quickest_ms)| took_ms < quickest_ms) {
            best = Some((skew_ms, took_ms));
        }
    }
    judge_skew(best.map_or(0, |(skew_ms, _)| skew_ms))
}

fn judge_skew(skew_ms: i64) -> Finding {
    let name = "clock";
    let direction = if skew_ms < 0 { "behind" } else { "ahead of" };
    let found = format!("{} ms {direction} the database's", skew_ms.saturating_abs());
    let advice = "set both machines' clocks by NTP (timedatectl set-ntp true). No payment depends on it, but logs are out of order";
    let skew_ms = skew_ms.saturating_abs();
    if skew_ms <= SKEW_WARN_MS {
        Finding::ok(name, found)
    } else if skew_ms <= SKEW_FAIL_MS {
        Finding::warn(name, found, advice)
    } else {
        Finding::fail(name, found, advice)
    }
}

async fn check_workers(store: &Store) -> Finding {
    let name = "workers";
    let gauges = match store.read_gauges().await {
        Ok(gauges) => gauges,
        Err(error) => {
            let advice = "make the database answer, then look again";
            return Finding::fail(name, error.with_causes(), advice);
        }
    };
    let kinds = |is_served: bool| -> Vec<&str> {
        let alike = gauges.workers.iter().filter(|(_, count)| (*count > 0) == is_served);
        alike.map(|(kind, _)| JobKind::word(*kind)).collect()
    };
    let unserved = kinds(false);
    if unserved.is_empty() {
        return Finding::ok(
            name,
            format!("live, for every kind of job; {} jobs in hand", gauges.workers_in_flight),
        );
    }
    let found = format!("nobody takes jobs of the kind {}", unserved.join(", "));
    Finding::warn(name, found, "start `seungin worker`, and see its --kinds")
}

#[cfg(test)]
mod tests {
    use store::StoreOptions;

    use super::*;
    use crate::command::doctor::Verdict;

    #[test]
    fn an_old_server_is_told_apart() {
        assert_eq!(judge_version("15.14 (Debian 15.14-0+deb12u1)", true).status, Verdict::Ok);
        assert_eq!(judge_version("18beta1", true).status, Verdict::Warn, "nobody knows it");
        assert_eq!(judge_version("13.2", true).status, Verdict::Warn);
        assert_eq!(judge_version("3.46.0", false), Finding::ok("database", "SQLite 3.46.0"));
    }

    #[test]
    fn skew_is_judged_by_its_size_in_both_directions() {
        for (skew_ms, status) in [
            (0, Verdict::Ok),
            (-2_000, Verdict::Ok),
            (2_001, Verdict::Warn),
            (-30_000, Verdict::Warn),
            (30_001, Verdict::Fail),
            (i64::MIN, Verdict::Fail),
        ] {
            assert_eq!(judge_skew(skew_ms).status, status, "{skew_ms}");
        }
        assert!(judge_skew(-5_000).found.contains("5000 ms behind"));
    }

    #[tokio::test]
    async fn a_machine_whose_clock_is_wrong_by_a_minute_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/clock.db?mode=rwc", folder.path().display());
        let store = Store::open(&StoreOptions::new(url)).await.unwrap();
        let right_ms = store.now_ms().await.unwrap();
        let right = check_clock(&store, &|| right_ms).await;
        assert_eq!(right.status, Verdict::Ok, "{right:?}");
        let wrong = check_clock(&store, &|| right_ms - 60_000).await;
        assert_eq!(wrong.status, Verdict::Fail);
        assert!(wrong.found.contains("behind"), "{wrong:?}");
    }
}
