//! `seungin recover`: after a backup was restored, before anything is started. What it does to the rows is in `store`.

use anyhow::Context as _;
use domain::limits::{RECONCILE_RANGE_MS_MAX, WORKER_ALIVE_MS};
use domain::reconcile::Range;
use serde_json::json;
use store::{Recovery, WorkerRow};

use super::findings::{in_korea, in_utc};
use super::reconcile::{options_of, read_time};
use crate::config::Config;
use crate::exit::Failure;
use crate::output::print;

/// What is said when there are records from behind now.
const AHEAD: &str =
    " The database's clock is behind its own records: set the clock of its machine right first.";

/// How far ahead a record may be that was only written meanwhile.
const AHEAD_MS: i64 = 1_000;

/// From when on nothing is known.
#[derive(Debug, clap::Args)]
pub(crate) struct RecoverArgs {
    /// When the backup was made, or earlier: a time with its offset such as 2026-11-01T09:00:00+09:00, or a day in Korea
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    since: i64,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on although workers count as alive: for heartbeats that are known to be the backup's
    #[arg(long)]
    beside_running: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Recovers, and says what comes next.
///
/// # Errors
/// [`Failure::Usage`] for a time that has not come; else the database does not answer or fails: then it has to be run again before
/// anything is started.
pub(crate) async fn run(config: &Config, args: &RecoverArgs) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    let now_ms = store.now_ms().await.map_err(anyhow::Error::from)?;
    if args.since > now_ms {
        let message = "--since has not come yet: it is when the backup was made, or earlier";
        return Err(Failure::Usage(anyhow::anyhow!(message)));
    }
    if !args.dry_run && !args.beside_running {
        let alive = store.list_alive_workers().await.map_err(anyhow::Error::from)?;
        if let Some(refusal) = refusal_beside(&alive, now_ms) {
            return Err(Failure::Usage(anyhow::anyhow!(refusal)));
        }
    }
    let recovery = if args.dry_run {
        store.plan_recovery(args.since).await.context("nothing was done")?
    } else {
        let done = store.recover(args.since).await;
        done.context("it stopped half-way: run it again before you start anything")?
    };
    let next = next_commands(&recovery, &config.toss.merchant_names(), now_ms);
    print(&report(&recovery, &next, args))?;
    Ok(())
}

/// Why nothing is done while workers count as alive; `None` when none does. What they send meanwhile would not be looked up first.
fn refusal_beside(alive: &[WorkerRow], now_ms: i64) -> Option<String> {
    let latest_ms = alive.iter().map(|worker| worker.seen_at_ms).max()?;
    let named: String = alive
        .iter()
        .map(|worker| {
            let (id, host) = (&worker.said.id, &worker.said.host);
            let seen = in_utc(worker.seen_at_ms).unwrap_or_default();
            format!("\n  {id} on {host}, heard of at {seen}")
        })
        .collect();
    // The first whole second in which the youngest heartbeat is too old.
    let left_ms = latest_ms.saturating_add(WORKER_ALIVE_MS).saturating_sub(now_ms);
    let wait_s = left_ms.div_euclid(1_000).saturating_add(1);
    let clock = if latest_ms.saturating_sub(now_ms) > AHEAD_MS { AHEAD } else { "" };
    Some(format!(
        "these workers may be running:{named}\nStop them, so that nothing starts them again, and run this again in {wait_s} s. If none of them \
         runs, these heartbeats came with the backup and are too old by then; --beside-running does not wait.{clock}"
    ))
}

/// What compares everything since with Toss's records, in ranges that can be compared.
fn next_commands(recovery: &Recovery, merchants: &[&str], now_ms: i64) -> Vec<String> {
    let mut commands = Vec::new();
    for merchant in merchants {
        let mut from_ms = recovery.unknown_from_ms;
        // The last one goes on until whenever it is run.
        while now_ms.saturating_sub(from_ms) > RECONCILE_RANGE_MS_MAX / 2 {
            let to_ms = from_ms.saturating_add(RECONCILE_RANGE_MS_MAX / 2);
            let range = options_of(Range { from_ms, to_ms });
            commands.push(format!("seungin reconcile {range} --merchant {merchant}"));
            from_ms = to_ms;
        }
        let from = in_utc(from_ms).unwrap_or_default();
        commands.push(format!("seungin reconcile --from {from} --merchant {merchant}"));
    }
    commands
}

fn report(recovery: &Recovery, next: &[String], args: &RecoverArgs) -> String {
    if args.json {
        let report = json!({
            "dryRun": args.dry_run,
            "unknownFrom": in_utc(recovery.unknown_from_ms),
            "newestRecordAt": recovery.newest_ms.and_then(in_utc),
            "confirms": recovery.confirms,
            "cancels": recovery.cancels,
            "parked": recovery.parked,
            "lookUps": recovery.look_ups,
            "openOrders": recovery.open,
            "recordsAheadMs": recovery.newest_is_ahead_ms,
            "sessionsEnded": recovery.sessions,
            "nothingSentBefore": in_utc(recovery.sends_from_ms),
            "next": next,
        });
        return format!("{report:#}\n");
    }
    let newest = recovery.newest_ms.map_or_else(|| "none".to_owned(), in_korea);
    let rows = [
        ("nothing is known from", in_korea(recovery.unknown_from_ms)),
        ("youngest record", newest),
        ("confirms to look up first", recovery.confirms.to_string()),
        ("cancels to look up first", recovery.cancels.to_string()),
        ("of these, parked", recovery.parked.to_string()),
        ("payments that are looked up", recovery.look_ups.to_string()),
        ("open orders to ask for first", recovery.open.to_string()),
        ("sessions ended", recovery.sessions.to_string()),
        ("nothing is sent before", in_korea(recovery.sends_from_ms)),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("{name:<28} {value}\n")).collect();
    let ahead = if recovery.newest_is_ahead_ms > AHEAD_MS {
        format!("\nMind:{AHEAD}\n")
    } else {
        String::new()
    };
    let done = if args.dry_run { "nothing was done: this would be\n" } else { "" };
    let next: String = next.iter().map(|command| format!("  {command}\n")).collect();
    format!("{done}{rows}{ahead}\nNow start everything, and in a quarter of an hour:\n{next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery(unknown_from_ms: i64) -> Recovery {
        Recovery {
            unknown_from_ms,
            newest_ms: None,
            confirms: 0,
            cancels: 0,
            parked: 0,
            look_ups: 0,
            open: 0,
            newest_is_ahead_ms: 0,
            sessions: 0,
            sends_from_ms: 0,
        }
    }

    fn worker(id: &str, seen_at_ms: i64) -> WorkerRow {
        let said = store::Heartbeat {
            id: id.to_owned(),
            host: "host".to_owned(),
            version: "0".to_owned(),
            kinds: "confirm".to_owned(),
            concurrency: 1,
            in_flight: 0,
            is_stopping: false,
        };
        WorkerRow { said, started_at_ms: 0, seen_at_ms, is_alive: true }
    }

    #[test]
    fn who_may_be_running_is_named_with_the_time_to_wait_for_and_a_clock_that_is_behind() {
        let now_ms = 1_793_458_800_000;
        assert_eq!(refusal_beside(&[], now_ms), None);
        let two = [worker("one", now_ms - 4_500), worker("two", now_ms - 9_000)];
        let told = refusal_beside(&two, now_ms).unwrap();
        for part in ["one on host, heard of at 2026-10-31T14:59:55", "two on host", " in 11 s."] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains(AHEAD), "{told}");
        let ahead = refusal_beside(&[worker("one", now_ms + 60_000)], now_ms).unwrap();
        assert!(ahead.contains(" in 76 s.") && ahead.ends_with(AHEAD), "{ahead}");
    }

    #[test]
    fn an_old_backup_is_compared_in_several_ranges_that_leave_nothing_out() {
        let now_ms = 1_793_458_800_000;
        let fresh = next_commands(&recovery(now_ms - 3_600_000), &["one", "two"], now_ms);
        assert_eq!(
            fresh,
            [
                "seungin reconcile --from 2026-10-31T14:00:00Z --merchant one",
                "seungin reconcile --from 2026-10-31T14:00:00Z --merchant two",
            ]
        );
        let old = next_commands(&recovery(now_ms - RECONCILE_RANGE_MS_MAX), &["one"], now_ms);
        assert_eq!(
            old,
            [
                "seungin reconcile --from 2026-09-30T15:00:00Z --to 2026-10-16T03:00:00Z --merchant one",
                "seungin reconcile --from 2026-10-16T03:00:00Z --merchant one",
            ]
        );
    }
}
