//! `seungin erase-customer`: blanks the personal data of orders, for good. What stays, docs/retention.md says.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use domain::customer::{parse_email, parse_phone};
use domain::{OrderId, StaffId};
use serde_json::{Value, json};
use store::orders::{CustomerContact, EraseError, Erased};
use store::{Actor, Store};

use super::acting::{find_actor, read_reason, read_staff};
use crate::config::Config;
use crate::exit::Failure;
use crate::output::{print, tell};

/// How many orders one command erases at the most.
const ORDERS_MAX: usize = 10_000;
/// How many orders are looked through at a time for those of a customer.
const LOOKED_THROUGH: u64 = 2_000;

/// Whose data, and why. Several may be named; all of their orders are meant.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whose").args(["orders", "email", "phone"]).required(true).multiple(true)))]
pub(crate) struct EraseArgs {
    /// An order; repeat it for several
    #[arg(long = "order", value_name = "ID", value_parser = read_order)]
    orders: Vec<OrderId>,
    /// Every order with this e-mail address
    #[arg(long, value_name = "ADDRESS", value_parser = read_email)]
    email: Option<String>,
    /// Every order with this phone number
    #[arg(long, value_name = "NUMBER", value_parser = read_phone)]
    phone: Option<String>,
    /// Why, for the audit, which is kept: name nobody in it
    #[arg(long, value_name = "TEXT", value_parser = read_reason)]
    reason: String,
    /// The member of staff who does it, by their id, for the audit [default: the system]
    #[arg(long, value_name = "STAFF_ID", value_parser = read_staff)]
    by: Option<StaffId>,
    /// Say what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

fn read_order(text: &str) -> Result<OrderId, String> {
    OrderId::parse(text).map_err(|error| error.to_string())
}

fn read_email(text: &str) -> Result<String, String> {
    parse_email(text).map_err(|error| error.to_string())
}

fn read_phone(text: &str) -> Result<String, String> {
    parse_phone(text).map_err(|error| error.to_string())
}

/// What became of one order, or would.
#[derive(Debug)]
struct Outcome {
    order: OrderId,
    result: Result<Erased, EraseError>,
}

/// Erases, or says what it would erase.
///
/// # Errors
/// The database does not answer, nobody agreed, or an order was not erased; the others are.
pub(crate) async fn run(config: &Config, args: &EraseArgs) -> Result<(), Failure> {
    check_reason(args)?;
    let store = super::open_store(config).await?;
    let actor = find_actor(&store, args.by.as_ref()).await?;
    let orders = find_orders(&store, args).await?;
    let mut outcomes = check(&store, &orders).await?;
    if !args.dry_run {
        let count = outcomes.iter().filter(|one| matches!(one.result, Ok(Erased::Now))).count();
        if count > 0 && !args.yes {
            ask(count)?;
        }
        outcomes = erase(&store, outcomes, &actor, &args.reason).await?;
    }
    print(&report(&outcomes, args))?;
    let refused = outcomes.iter().filter(|one| one.result.is_err()).count();
    if refused > 0 {
        return Err(anyhow::anyhow!("{refused} of {} orders not erased", outcomes.len()).into());
    }
    Ok(())
}

/// The reason is kept when all else is blanked.
fn check_reason(args: &EraseArgs) -> anyhow::Result<()> {
    let reason = args.reason.to_lowercase();
    let digits: String = reason.chars().filter(char::is_ascii_digit).collect();
    let names_email = args.email.as_ref().is_some_and(|it| reason.contains(&it.to_lowercase()));
    let names_phone = args.phone.as_ref().is_some_and(|it| digits.contains(it.as_str()));
    anyhow::ensure!(
        !names_email && !names_phone,
        "--reason names the customer: it is kept in the audit. Name a ticket instead"
    );
    Ok(())
}

/// The orders that are meant, each once, in the order in which they were named and found.
async fn find_orders(store: &Store, args: &EraseArgs) -> anyhow::Result<Vec<OrderId>> {
    let mut orders = args.orders.clone();
    let email = args.email.clone().map(CustomerContact::Email);
    let phone = args.phone.clone().map(CustomerContact::Phone);
    for contact in email.into_iter().chain(phone) {
        let mut after = None;
        loop {
            let page = store
                .list_orders_of_customer(&contact, after.as_deref(), LOOKED_THROUGH)
                .await
                .context("the orders of the customer")?;
            orders.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let mut known = std::collections::HashSet::new();
    orders.retain(|order| known.insert(order.clone()));
    anyhow::ensure!(
        orders.len() <= ORDERS_MAX,
        "{} orders at once are too many: at most {ORDERS_MAX}",
        orders.len()
    );
    Ok(orders)
}

async fn check(store: &Store, orders: &[OrderId]) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(orders.len());
    for order in orders {
        let result = known(store.check_erase_order(order).await)?;
        outcomes.push(Outcome { order: order.clone(), result });
    }
    Ok(outcomes)
}

async fn erase(
    store: &Store,
    checked: Vec<Outcome>,
    actor: &Actor,
    reason: &str,
) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(checked.len());
    for one in checked {
        let result = match one.result {
            Ok(Erased::Now) => known(store.erase_order(&one.order, actor, reason).await)?,
            other => other,
        };
        outcomes.push(Outcome { result, ..one });
    }
    Ok(outcomes)
}

/// A failure of the database ends the command; whatever else became of an order is told with it.
fn known(result: Result<Erased, EraseError>) -> anyhow::Result<Result<Erased, EraseError>> {
    match result {
        Err(EraseError::Store(error)) => {
            Err(anyhow::Error::new(error).context("it stopped half-way; run it again"))
        }
        known => Ok(known),
    }
}

/// Asks whoever sits in front of it.
fn ask(count: usize) -> anyhow::Result<()> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "nobody can be asked here: add --yes to erase for good (orders: {count}), or --dry-run"
    );
    tell(&format!("orders whose personal data is erased for good: {count}. Type yes to go on:"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("standard input cannot be read")?;
    anyhow::ensure!(answer.trim() == "yes", "nothing was erased");
    Ok(())
}

fn report(outcomes: &[Outcome], args: &EraseArgs) -> String {
    if args.json {
        let orders: Vec<Value> = outcomes.iter().map(as_json).collect();
        return format!("{:#}\n", json!({ "dryRun": args.dry_run, "orders": orders }));
    }
    if outcomes.is_empty() {
        return "no order holds personal data of this customer\n".to_owned();
    }
    outcomes.iter().map(|one| format!("{}  {}\n", one.order, in_words(one, args.dry_run))).collect()
}

fn in_words(one: &Outcome, is_dry_run: bool) -> String {
    match &one.result {
        Ok(Erased::Now) if is_dry_run => "would be erased".to_owned(),
        Ok(Erased::Now) => "erased".to_owned(),
        Ok(Erased::Before) => "was erased before".to_owned(),
        Err(error) => format!("not erased: {error}"),
    }
}

fn as_json(one: &Outcome) -> Value {
    let (outcome, why) = match &one.result {
        Ok(Erased::Now) => ("erased", None),
        Ok(Erased::Before) => ("erased_before", None),
        Err(EraseError::UnknownOrder) => ("unknown", Some(EraseError::UnknownOrder.to_string())),
        Err(error @ (EraseError::Refused(_) | EraseError::Store(_))) => {
            ("refused", Some(error.to_string()))
        }
    };
    json!({ "orderId": one.order.as_str(), "outcome": outcome, "why": why })
}
