//! The daily reconciliation: which worker does it, when, and what is said of it.
//!
//! All workers look at one row that says when the chore is due, and one of them does it, merchant by merchant.

use std::time::Duration;

use domain::attempt::Operation;
use domain::limits::RECONCILE_LOOK_UPS_MAX;
use domain::reconcile::{daily_range, next_daily_ms};
use store::reconcile::Reconciliation;
use store::{Chore, ChoreTurn, PauseScope, Store, StoreError};

use super::{ReconcileError, Reconciler, Tempo};
use crate::gateway::Gateways;

/// The first run of an installation comes at a random time within this, so that it meets no start.
const FIRST_WITHIN_MS: i64 = 60 * 60_000;
/// How long a run may take before somebody else may begin the next, which would go on where it is.
const HOLD_MS: i64 = 3 * 60 * 60_000;
/// When a run goes on that was stopped.
const GO_ON_MS: i64 = 30 * 60_000;
/// The longest wait between two looks at the row: another worker may have begun a run and died.
const LOOK_EVERY_MS: i64 = 10 * 60_000;

/// When it is done, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct DailyReconciliation {
    /// Minutes after midnight in Korea.
    pub minute_of_day: u32,
    /// How fast a run goes.
    pub tempo: Tempo,
}

/// Does the chore whenever it is this worker's turn. It may be cut off at any line: the next run goes on.
pub(crate) async fn keep(store: Store, gateways: Gateways, daily: DailyReconciliation) {
    loop {
        let wait_ms = match take_turn(&store, &gateways, daily).await {
            Ok(due_in_ms) => due_in_ms.clamp(1, LOOK_EVERY_MS),
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "nothing was compared, trying again");
                LOOK_EVERY_MS
            }
        };
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))).await;
    }
}

/// Does the chore if it is due, and says in how many milliseconds it is again.
async fn take_turn(
    store: &Store,
    gateways: &Gateways,
    daily: DailyReconciliation,
) -> Result<i64, StoreError> {
    let held = match store.take_chore(Chore::Reconciliation, FIRST_WITHIN_MS, HOLD_MS).await? {
        ChoreTurn::Ours(held) => held,
        ChoreTurn::NotYet { due_in_ms } => return Ok(due_in_ms),
    };
    let mut is_through = true;
    for (merchant, client) in gateways.clients() {
        let reconciler = Reconciler {
            store: store.clone(),
            client: client.clone(),
            merchant: merchant.to_owned(),
            tempo: daily.tempo,
            look_ups_max: RECONCILE_LOOK_UPS_MAX,
        };
        is_through &= compare(&reconciler).await?;
    }
    let now_ms = store.now_ms().await?;
    let again_ms = if is_through {
        next_daily_ms(now_ms, daily.minute_of_day).saturating_sub(now_ms)
    } else {
        GO_ON_MS
    };
    store.put_off_chore(&held, again_ms).await?;
    Ok(again_ms)
}

/// Compares one merchant's last days. Whether it came to an end.
async fn compare(reconciler: &Reconciler) -> Result<bool, StoreError> {
    let merchant = reconciler.merchant.as_str();
    if is_paused(&reconciler.store, merchant).await? {
        tracing::info!(merchant, "nothing is compared while the merchant's look-ups are paused");
        return Ok(false);
    }
    let range = daily_range(reconciler.store.now_ms().await?);
    match reconciler.run(range).await {
        Ok(run) => {
            tell(&run);
            Ok(true)
        }
        Err(ReconcileError::Store(error)) => Err(error),
        Err(error) => {
            let code = error.code();
            if error.is_passing() {
                tracing::warn!(merchant, code, %error, "reconciliation stopped, it goes on later");
            } else {
                tracing::error!(merchant, code, %error, alert = "reconciliation_stopped", "reconciliation cannot go on");
            }
            Ok(false)
        }
    }
}

async fn is_paused(store: &Store, merchant: &str) -> Result<bool, StoreError> {
    let look_ups = [PauseScope::All, PauseScope::Only(Operation::LookUp)];
    let pauses = store.read_holds().await?.pauses;
    let holds = |pause: &store::Pause| pause.is_in_force && look_ups.contains(&pause.scope);
    Ok(pauses.iter().any(|pause| pause.merchant == merchant && holds(pause)))
}

fn tell(run: &Reconciliation) {
    tracing::info!(
        merchant = run.merchant,
        run_id = run.id,
        transactions = run.transactions,
        looked_up = run.looked_up,
        opened = run.opened,
        closed = run.closed,
        "our records were compared with Toss's"
    );
    if run.unreadable > 0 {
        tracing::warn!(
            merchant = run.merchant,
            run_id = run.id,
            unreadable = run.unreadable,
            "Toss lists records that do not say whose they are"
        );
    }
    if run.opened > 0 {
        tracing::error!(
            merchant = run.merchant,
            run_id = run.id,
            opened = run.opened,
            alert = "findings_open",
            "our records and Toss's differ"
        );
    }
}
