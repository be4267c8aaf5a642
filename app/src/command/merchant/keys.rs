//! `seungin merchant keys` and `retire-keys`: what each pair of keys is still needed for, and handing over what rests.

use std::collections::BTreeMap;

use serde_json::json;
use store::{Actor, KeyPairId, KeyPairUse, Store};

use crate::cli::RetireArgs;
use crate::config::TossChoice;
use crate::output::{print, tell};

/// A pair that is configured, or needed, or both.
#[derive(Debug)]
struct Known {
    pair: KeyPairId,
    standing: Standing,
    open_orders: u64,
    under_way: u64,
    resting: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// New orders take it.
    Current,
    /// It is there for what was begun with it.
    Configured,
    Missing,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Standing::Current => "current",
            Standing::Configured => "configured",
            Standing::Missing => "NOT CONFIGURED",
        }
    }
}

/// Prints them.
///
/// # Errors
/// The database does not answer.
pub(super) async fn list(toss: &TossChoice, store: &Store, is_json: bool) -> anyhow::Result<()> {
    let known = know(toss, store.key_pair_uses().await?);
    if is_json {
        let rows: Vec<_> = known.iter().map(as_json).collect();
        print(&format!("{:#}\n", serde_json::Value::from(rows)))?;
        return Ok(());
    }
    for Known { pair, standing, open_orders, under_way, resting } in &known {
        let (merchant, number, word) = (&pair.merchant, pair.number, standing.word());
        let line = format!(
            "{merchant}  {number}  {word:14}  {open_orders} orders open, {under_way} payments under way, {resting} at rest\n"
        );
        print(&line)?;
    }
    Ok(())
}

fn as_json(known: &Known) -> serde_json::Value {
    json!({
        "merchant": known.pair.merchant,
        "pair": known.pair.number,
        "isConfigured": known.standing != Standing::Missing,
        "isCurrent": known.standing == Standing::Current,
        "openOrders": known.open_orders,
        "paymentsUnderWay": known.under_way,
        "paymentsAtRest": known.resting,
    })
}

fn know(toss: &TossChoice, uses: Vec<KeyPairUse>) -> Vec<Known> {
    let mut known = BTreeMap::new();
    for (pair, is_current) in toss.key_pairs() {
        let standing = if is_current { Standing::Current } else { Standing::Configured };
        let new = Known { pair, standing, open_orders: 0, under_way: 0, resting: 0 };
        known.insert(new.pair.clone(), new);
    }
    for used in uses {
        let KeyPairUse { pair, open_orders, under_way, resting } = used;
        let standing = known.get(&pair).map_or(Standing::Missing, |known| known.standing);
        known.insert(pair.clone(), Known { pair, standing, open_orders, under_way, resting });
    }
    known.into_values().collect()
}

/// Hands the payments of a pair that rest over to the merchant's current one.
///
/// # Errors
/// The pair is the current one, the merchant is unknown, or the database does not answer.
pub(super) async fn retire(
    toss: &TossChoice,
    store: &Store,
    args: &RetireArgs,
) -> anyhow::Result<()> {
    let merchant = super::known_merchant(toss, args.merchant.as_deref())?;
    let pairs = toss.key_pairs();
    let current = pairs.iter().find(|(pair, is_current)| *is_current && pair.merchant == merchant);
    let current = current.map(|(pair, _)| pair.number);
    let Some(current) = current.filter(|current| *current != args.pair) else {
        anyhow::bail!(
            "pair {} is the current one: name another by merchants.{merchant}.current_key first",
            args.pair
        );
    };
    let from = KeyPairId { merchant: merchant.to_owned(), number: args.pair };
    let known = know(toss, store.key_pair_uses().await?);
    anyhow::ensure!(
        known.iter().any(|known| known.pair == from),
        "there is no {from}, and nothing was made with it: `seungin merchant keys` shows those there are"
    );
    let retired = store.retire_key_pair(&from, current, &Actor::system()).await?;
    tell(&format!("{} payments belong to pair {current} from now on", retired.moved));
    match retired.left {
        0 => print(&format!("nothing needs {from} any more: it may leave the configuration\n"))?,
        left => print(&format!(
            "{left} orders and payments need {from} until they end: call this again later\n"
        ))?,
    }
    Ok(())
}
