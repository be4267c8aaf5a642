//! A stateful, faithful and faulty look-alike of Toss Payments over HTTP. No money moves.
//!
//! It speaks the payment API (confirm, look up, cancel, virtual accounts, cards by number, transactions, settlements,
//! cash receipts) with Toss's authentication, idempotency store, error codes and arithmetic; it sends webhooks; it serves
//! the browser script and a payment window; and it has a control side under `/_sim` to make payments and deposits, script
//! faults, move the clock and read the ledger of what was really charged. [`Handle`] has the same powers without HTTP,
//! and `/_sim` itself is a page with the same powers for people.
//!
//! | file | what |
//! |---|---|
//! | `world`, `world/*`, `payments`, `payment/*` | the state and the rules of a payment |
//! | `idempotency`, `faults`, `ledger`, `clock`, `keys`, `cash_receipts` | the parts around it, which know nothing of each other |
//! | `webhooks/*` | who is told of what, what is due, and sending it |
//! | `transactions` | the feed of what became of every payment |
//! | `settings`, `chance`, `rates` | switches, faults at random, a limit of calls |
//! | `http/*` | what is answered to whom; `pipeline` is the way of every payment call |
//! | `merchant`, `method`, `banks`, `codes`, `refusal`, `ids`, `limits` | vocabulary |
//! | `server`, `handle` | running it, steering it |
//! | `state_file`, `journal`, `change`, `private_file` | keeping what it did, whenever it is killed |
//!
//! | control path | what |
//! |---|---|
//! | `POST /_sim/payments` | an authenticated payment of the caller's secret key: `{orderId, orderName, amount, method?, escrow?}` |
//! | `POST /_sim/payments/{paymentKey}/deposit`, `…/reverse`, `…/cancel`, `…/refund` | the buyer's deposit; the bank takes it back; a cancel by hand: `{amount?, reason}`; how a refund to an account ended: `{outcome}` |
//! | `GET /_sim/ledger?paymentKey=&orderId=` | what was really charged and given back, and which requests arrived |
//! | `GET`, `POST`, `DELETE /_sim/faults`, `DELETE /_sim/faults/{sequence}` | list, script or forget faults: `{orderId, paymentKey or everywhere, operation, kind, …}`, see [`FaultRequest`] |
//! | `GET`, `POST /_sim/settings` | read the switches or change some of them, see [`Settings`] |
//! | `GET`, `POST /_sim/clock` | read or move the clock: `{advance_ms}` or `{now}` |
//! | `GET`, `POST /_sim/webhooks/endpoints`, `DELETE …/{id}` | addresses that webhooks go to: `{url, events?, secretKey?}` |
//! | `GET /_sim/webhooks?paymentKey=`, `POST /_sim/webhooks/{id}/resend` | what was and will be sent; sending again |
//! | `GET`, `POST /_sim/merchants`, `POST …/revoke` | merchants with keys of their own: `{mId?, secretKeys, clientKeys?}`; a key's end: `{secretKey}` |
//! | `GET /_sim/idempotency` | the newest keys of the idempotency store |
//! | `GET /_sim/health`, `/readyz` | whether it is there |
//!
//! It knows no crate of this project: it is a second, independent reading of Toss's documents, so that a mistake in the
//! client is not repeated here. Not here: billing, the payment widget, links, payouts, and methods outside of Korea.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use simulator::{Config, FaultKind, FaultRequest, NewPayment, Operation, Simulator};
//!
//! let simulator = Simulator::new(Config::default())?;
//! let handle = simulator.handle();
//! let payment = handle.create_payment("test_sk_mine", NewPayment::new("order-0001", "마라탕", 15_000))?;
//! handle.add_fault(FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::CutAfter))?;
//! let truth = handle.ledger_of(&payment.payment_key).ok_or("no such payment")?;
//! assert_eq!((truth.charged, truth.charges), (0, 0));
//! # Ok(()) }
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::unreachable
    )
)]

mod banks;
mod cash_receipts;
mod chance;
mod change;
mod clock;
mod codes;
mod faults;
mod handle;
mod http;
mod idempotency;
mod ids;
mod journal;
mod keys;
mod ledger;
mod limits;
mod merchant;
mod method;
mod payment;
mod payments;
mod private_file;
mod rates;
mod refusal;
mod server;
mod settings;
mod state;
mod state_file;
mod transactions;
mod webhooks;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;

pub use chance::{Chance, ChanceFault};
pub use faults::{FaultKind, FaultRequest, Operation, WaitingFault};
pub use handle::webhooks::{WebhookQuery, WebhookState, WebhookView};
pub use handle::{ClockView, CreatedPayment, Handle, LedgerQuery};
pub use idempotency::StoredKey;
pub use keys::MerchantKeys;
pub use ledger::{Calls, LedgerEntry, RecordedRequest};
pub use method::Method;
pub use payment::Status;
pub use payment::account::RefundOutcome;
pub use payment::confirm::MismatchCode;
pub use payment::session::NewPayment;
pub use refusal::Refusal;
pub use server::serve;
pub use settings::Settings;
pub use state_file::StateFileError;
pub use webhooks::endpoints::{NewWebhookEndpoint, WebhookEndpoint};
pub use webhooks::{WebhookAttempt, WebhookEvent};

/// How a simulator behaves where Toss's behaviour is not known, and where it keeps its state.
#[derive(Debug, Clone)]
pub struct Config {
    /// Answer to a confirm whose amount or order differs from the authenticated payment.
    pub mismatch_code: MismatchCode,
    /// Whether 5xx answers are kept under the idempotency key and replayed. Default: yes, the harder case.
    pub store_5xx: bool,
    /// A cancel that follows the last one of the same payment within this time, by the real clock, is refused with 403
    /// `FORBIDDEN_CONSECUTIVE_REQUEST`. Default: 1 s.
    pub consecutive_cancel_pause: Duration,
    /// Where the state is kept over a restart. Default: nowhere. Beside it stands a journal (`….journal`), in which
    /// every change is written before anybody is told of it: a killed simulator forgets nothing that it answered. Both
    /// are readable by their owner only. One simulator at a time may use them.
    pub state_file: Option<PathBuf>,
    /// Where browsers reach the simulator, for receipt links: `http://host:port`. Default: what the caller's `Host`
    /// header says.
    pub public_url: Option<String>,
    /// Where webhooks of every merchant and every event go, besides those that are registered while it runs. Default:
    /// nowhere.
    pub webhook_url: Option<String>,
    /// How long a webhook's answer is waited for, by the real clock. Default: 10 s, as Toss waits.
    pub webhook_timeout: Duration,
    /// Merchants by name with their keys. Default: every test key is a merchant of its own.
    pub merchants: Vec<MerchantKeys>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            mismatch_code: MismatchCode::default(),
            store_5xx: true,
            consecutive_cancel_pause: Duration::from_secs(1),
            state_file: None,
            public_url: None,
            webhook_url: None,
            webhook_timeout: Duration::from_secs(10),
            merchants: Vec::new(),
        }
    }
}

/// A simulator with its state. Serve it with [`serve`], or mount its [`Simulator::router`].
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<state::Shared>,
}

impl Simulator {
    /// Starts with the state of `config.state_file` if that exists, else with none. Reads files, so it may block.
    ///
    /// # Errors
    /// The state file or its journal exists but cannot be read or understood. Its owner decides: repair it, or delete it
    /// and start anew. Or what is configured makes no sense: an address, a merchant's name or a key.
    pub fn new(config: Config) -> Result<Simulator, StateFileError> {
        let (mut world, journal) = match &config.state_file {
            Some(path) => {
                let (world, journal) = state_file::load(path)?;
                (world, Some(journal))
            }
            None => (world::World::default(), None),
        };
        world.configure(Settings {
            store_5xx: config.store_5xx,
            mismatch_code: config.mismatch_code,
            ..Settings::default()
        });
        let origin = config.public_url.as_deref().unwrap_or("http://localhost");
        world.origin = origin.trim_end_matches('/').to_owned();
        let impossible = StateFileError::Impossible;
        if let Some(url) = &config.webhook_url {
            world.webhooks.endpoints.configure(url).map_err(impossible)?;
        }
        for merchant in &config.merchants {
            world.keys.give(merchant).map_err(impossible)?;
        }
        Ok(Simulator { shared: Arc::new(state::Shared::new(config, world, journal)) })
    }

    /// Every path of the simulator. Without [`serve`] nobody writes the state file: all that happens stays in its journal.
    pub fn router(&self) -> Router {
        self.router_until(CancellationToken::new())
    }

    pub(crate) fn router_until(&self, closing: CancellationToken) -> Router {
        http::router(Arc::clone(&self.shared), closing)
    }

    /// A handle with the powers of the paths under `/_sim`.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }
}
