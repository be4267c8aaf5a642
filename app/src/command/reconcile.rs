//! `seungin reconcile`: compares our records with Toss's over a time, now instead of once a day.

use anyhow::Context as _;
use domain::limits::RECONCILE_LOOK_UPS_MAX;
use domain::reconcile::Range;
use serde_json::{Value, json};
use store::Store;
use store::findings::{Finding, FindingFilter};
use store::reconcile::Reconciliation;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{Date, OffsetDateTime, Time};
use worker::{Reconciler, Tempo};

use super::findings::{as_json, as_text, in_korea, in_utc, list};
use super::merchant::known_merchant;
use crate::config::Config;
use crate::data_dir::instance;
use crate::exit::Failure;
use crate::output::{print, tell};
use crate::parts::{Simulated, Toss};

/// What to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct ReconcileArgs {
    /// From when on: a day in Korea such as 2026-11-01, or a time with its offset such as 2026-11-01T09:00:00+09:00
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    from: i64,
    /// Until when, in the same form; a day is meant as its beginning [default: now]
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    to: Option<i64>,
    /// Whose payments [default: the only merchant]
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Ask Toss about at most so many payments that differ, then stop; after a restore there may be as many as were sold since the backup
    #[arg(long, value_name = "N", default_value_t = RECONCILE_LOOK_UPS_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    look_ups_max: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Reads a time as milliseconds UTC.
pub(super) fn read_time(text: &str) -> Result<i64, String> {
    let form = format_description!("[year]-[month]-[day]");
    let day = |day: Date| day.with_time(Time::MIDNIGHT).assume_offset(offset!(+9));
    let instant = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| Date::parse(text, form).map(day))
        .map_err(|_| "it must be like 2026-11-01 or 2026-11-01T09:00:00+09:00".to_owned())?;
    let ms = instant.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(ms).map_err(|_| "it is out of range".to_owned())
}

/// Compares, tells what differs, and fails if anything does.
///
/// # Errors
/// [`Failure::Usage`] when the range cannot be compared or the merchant is unknown; else Toss or the database do not answer, or there are
/// findings.
pub(crate) async fn run(config: &Config, args: &ReconcileArgs) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    // A whole second, so that the end of a range can be given again.
    let now_ms = store.now_ms().await.map_err(anyhow::Error::from)?;
    let now_ms = now_ms.saturating_sub(now_ms.rem_euclid(1_000));
    let to_ms = args.to.unwrap_or(now_ms);
    let range = Range::settled(args.from, to_ms, now_ms)
        .map_err(|refusal| Failure::Usage(refusal.into()))?;
    if range.to_ms < to_ms {
        tell(&format!(
            "compared is what happened until {}: what is younger may be under way",
            in_korea(range.to_ms)
        ));
    }
    let merchant =
        known_merchant(&config.toss, args.merchant.as_deref()).map_err(Failure::Usage)?;
    let reconciler =
        Reconciler { look_ups_max: args.look_ups_max, ..reconciler(config, &store, merchant)? };
    let run = reconciler.run(range).await.map_err(|error| {
        anyhow::Error::from(error).context(format!(
            "it stopped half-way; the same command with {} goes on where it was, for a day",
            options_of(range)
        ))
    })?;
    let filter = FindingFilter {
        merchant: Some(merchant.to_owned()),
        is_open: Some(true),
        seen_from_ms: Some(run.started_at_ms),
        ..FindingFilter::default()
    };
    let findings = list(&store, &filter).await?;
    print(&report(&run, &findings, args))?;
    if run.unreadable > 0 {
        let message =
            "records of Toss do not say whose they are, so that not everything was compared";
        return Err(anyhow::anyhow!("{} {message}", run.unreadable).into());
    }
    if !findings.is_empty() {
        let message = "docs/reconciliation.md says what to do about each kind";
        return Err(anyhow::anyhow!("findings: {}; {message}", findings.len()).into());
    }
    Ok(())
}

/// The options that mean exactly this range, whatever the time is by then.
pub(super) fn options_of(range: Range) -> String {
    let time = |ms| in_utc(ms).unwrap_or_default();
    format!("--from {} --to {}", time(range.from_ms), time(range.to_ms))
}

fn reconciler(config: &Config, store: &Store, merchant: &str) -> anyhow::Result<Reconciler> {
    // The simulator of a product that runs may be at a port of its own.
    let running = instance::find(&config.data_dir).and_then(|running| running.simulator);
    let url = running.unwrap_or_else(|| config.simulator.url.as_str().to_owned());
    let gateways = Toss::choose(config, Some(Simulated::at(url, config)))?.gateways()?;
    let client = gateways.client_of(merchant).cloned();
    Ok(Reconciler {
        store: store.clone(),
        client: client.with_context(|| format!("there is no merchant {merchant:?}"))?,
        merchant: merchant.to_owned(),
        tempo: Tempo::default(),
        look_ups_max: RECONCILE_LOOK_UPS_MAX,
    })
}

fn report(run: &Reconciliation, findings: &[Finding], args: &ReconcileArgs) -> String {
    if args.json {
        let findings: Vec<Value> = findings.iter().map(as_json).collect();
        let report = json!({
            "reconciliationId": run.id,
            "merchant": run.merchant,
            "from": in_utc(run.range.from_ms),
            "to": in_utc(run.range.to_ms),
            "transactions": run.transactions,
            "unreadable": run.unreadable,
            "lookedUp": run.looked_up,
            "opened": run.opened,
            "closed": run.closed,
            "findings": findings,
        });
        return format!("{report:#}\n");
    }
    format!(
        "{} to {} (Korea), merchant {}\n{} transactions at Toss, {} payments looked up, {} findings new, {} gone\n{}",
        in_korea(run.range.from_ms),
        in_korea(run.range.to_ms),
        run.merchant,
        run.transactions,
        run.looked_up,
        run.opened,
        run.closed,
        as_text(findings),
    )
}

#[cfg(test)]
mod tests {
    use super::read_time;

    #[test]
    fn a_day_begins_at_midnight_in_korea_and_a_time_has_an_offset() {
        let midnight_ms = 1_793_458_800_000;
        for text in ["2026-11-01", "2026-11-01T00:00:00+09:00", "2026-10-31T15:00:00Z"] {
            assert_eq!(read_time(text), Ok(midnight_ms), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-11-01T00:00:00", "1793458800000"] {
            assert!(read_time(text).is_err(), "{text}");
        }
    }
}
