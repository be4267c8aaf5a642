//! `seungin findings`: what reconciliation has found, listed and closed by hand.

use domain::StaffId;
use domain::limits::PAGE_ROWS_MAX;
use domain::reconcile::FindingKind;
use serde_json::{Value, json};
use store::Store;
use store::findings::{Finding, FindingFilter};
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};

use super::acting::{find_actor, read_reason, read_staff};
use crate::config::Config;
use crate::exit::Failure;
use crate::output::{print, tell};

/// What to do with findings.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum FindingsCommand {
    /// List open findings, newest first
    List(ListArgs),
    /// Close a finding that was dealt with; it stays closed for as long as it looks the same
    Close {
        /// Its id, as `findings list` shows it
        id: String,
        /// What was done about it; it is kept with the finding and in the audit
        #[arg(long, value_name = "TEXT", value_parser = read_reason)]
        reason: String,
        /// The member of staff who does it, by their id, for the audit [default: the system]
        #[arg(long, value_name = "STAFF_ID", value_parser = read_staff)]
        by: Option<StaffId>,
    },
}

/// Which findings to list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Closed ones as well
    #[arg(long)]
    all: bool,
    /// Only of this kind: orphan_charge, missing_here, missing_there, amount_differs, cancelled_at_toss, undecided
    #[arg(long, value_name = "KIND", value_parser = read_kind)]
    kind: Option<FindingKind>,
    /// Only of this merchant
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn read_kind(text: &str) -> Result<FindingKind, String> {
    FindingKind::from_word(text).ok_or_else(|| {
        let words = FindingKind::ALL.map(FindingKind::word).join(", ");
        format!("the kinds are {words}")
    })
}

/// Does what the subcommand says.
///
/// # Errors
/// The database does not answer, or the finding cannot be closed.
pub(crate) async fn run(config: &Config, command: &FindingsCommand) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    match command {
        FindingsCommand::List(args) => {
            let filter = FindingFilter {
                merchant: args.merchant.clone(),
                kind: args.kind,
                is_open: (!args.all).then_some(true),
                ..FindingFilter::default()
            };
            let findings = list(&store, &filter).await?;
            let text = if args.json {
                let rows: Vec<Value> = findings.iter().map(as_json).collect();
                format!("{:#}\n", Value::from(rows))
            } else {
                as_text(&findings)
            };
            print(&text)?;
        }
        FindingsCommand::Close { id, reason, by } => {
            let actor = find_actor(&store, by.as_ref()).await?;
            let closed = store.close_finding(id, &actor, reason).await;
            let closed = closed.map_err(anyhow::Error::from)?;
            tell(&format!("closed: {}", line(&closed).trim_end()));
        }
    }
    Ok(())
}

/// All findings that a filter lets through, newest first.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn list(store: &Store, filter: &FindingFilter) -> anyhow::Result<Vec<Finding>> {
    let (mut findings, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_findings(filter, after.as_deref(), PAGE_ROWS_MAX).await?;
        findings.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(findings);
        }
    }
}

/// A table for people.
pub(crate) fn as_text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "no findings\n".to_owned();
    }
    findings.iter().map(line).collect()
}

/// `id  kind  when  order  here → there  detail`.
fn line(finding: &Finding) -> String {
    let found = &finding.found;
    let amount = |won: Option<domain::Won>| won.map_or("-".to_owned(), |it| it.to_string());
    let closed = finding.closed.as_ref().map_or_else(String::new, |closing| {
        format!(" (closed by {}: {})", closing.by, closing.note)
    });
    format!(
        "{}  {:17}  {}  {}  here {} there {}  {}{closed}\n",
        finding.id,
        found.kind.word(),
        in_korea(found.happened_at_ms),
        found.order_id.as_deref().unwrap_or("-"),
        amount(found.here),
        amount(found.there),
        found.detail,
    )
}

/// A finding for programs. Amounts are won.
pub(crate) fn as_json(finding: &Finding) -> Value {
    let found = &finding.found;
    let closed = finding.closed.as_ref().map(
        |closing| json!({ "at": in_utc(closing.at_ms), "by": closing.by, "reason": closing.note }),
    );
    json!({
        "findingId": finding.id,
        "kind": found.kind.word(),
        "merchant": found.merchant,
        "orderId": found.order_id,
        "paymentKey": found.payment_key,
        "transactionKey": found.transaction_key,
        "amountHere": found.here.map(domain::Won::get),
        "amountThere": found.there.map(domain::Won::get),
        "detail": found.detail,
        "happenedAt": in_utc(found.happened_at_ms),
        "firstSeenAt": in_utc(finding.first_seen_at_ms),
        "lastSeenAt": in_utc(finding.last_seen_at_ms),
        "closed": closed,
    })
}

/// An instant for programs.
pub(crate) fn in_utc(ms: i64) -> Option<String> {
    instant(ms, UtcOffset::UTC)?.format(&Rfc3339).ok()
}

/// An instant for people in Korea.
pub(crate) fn in_korea(ms: i64) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let local = instant(ms, offset!(+9)).and_then(|at| at.format(form).ok());
    local.unwrap_or_else(|| ms.to_string())
}

fn instant(ms: i64, offset: UtcOffset) -> Option<OffsetDateTime> {
    let nanos = i128::from(ms).checked_mul(1_000_000)?;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.checked_to_offset(offset)
}
