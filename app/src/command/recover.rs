//! `seungin recover`: after a backup was restored, before anything is started. What it does to the rows is in `store`.

use anyhow::Context as _;
use domain::limits::RECONCILE_RANGE_MS_MAX;
use domain::reconcile::Range;
use serde_json::json;
use store::Recovery;

use super::findings::{in_korea, in_utc};
use super::reconcile::{options_of, read_time};
use crate::config::Config;
use crate::exit::Failure;
use crate::output::print;

/// From when on nothing is known.
#[derive(Debug, clap::Args)]
pub(crate) struct RecoverArgs {
    /// When the backup was made, or earlier: a time with its offset such as 2026-11-01T09:00:00+09:00, or a day in Korea
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    since: i64,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
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
        ("sessions ended", recovery.sessions.to_string()),
        ("nothing is sent before", in_korea(recovery.sends_from_ms)),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("{name:<28} {value}\n")).collect();
    let done = if args.dry_run { "nothing was done: this would be\n" } else { "" };
    let next: String = next.iter().map(|command| format!("  {command}\n")).collect();
    format!("{done}{rows}\nNow start everything, and in a quarter of an hour:\n{next}")
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
            sessions: 0,
            sends_from_ms: 0,
        }
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
