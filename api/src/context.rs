//! What every handler works with.

use std::ops::Deref;
use std::sync::Arc;

use queue::Publisher;
use store::{ReadWebhook, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::accepting::Accepting;
use crate::credential::Tokens;
use crate::publishing::Publishing;
use crate::rates::Rates;
use crate::readiness::Readiness;
use crate::settings::ApiSettings;
use crate::waiters::Waiters;

/// Everything that the API needs from outside.
#[derive(Debug, Clone)]
pub struct ApiContext {
    /// The database.
    pub store: Store,
    /// Where accepted jobs go right after their commit. The relay brings what does not arrive.
    pub publisher: Arc<dyn Publisher>,
    /// What the deployment chooses.
    pub settings: ApiSettings,
    /// How a webhook's body is read: whoever knows Toss's JSON says so.
    pub read_webhook: ReadWebhook,
    /// Whether the process should be given requests.
    pub readiness: Arc<Readiness>,
    /// Cancelled when the process is to stop: waiting requests and event streams end.
    pub shutdown: CancellationToken,
}

/// The context as handlers share it.
#[derive(Debug, Clone)]
pub(crate) struct Api(Arc<Shared>);

/// See [`Api`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) settings: ApiSettings,
    pub(crate) shutdown: CancellationToken,
    pub(crate) read_webhook: ReadWebhook,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) tokens: Tokens,
    pub(crate) rates: Rates,
    pub(crate) accepting: Accepting,
    pub(crate) publishing: Arc<Publishing>,
    /// Requests that are worked on.
    pub(crate) in_flight: Arc<Semaphore>,
    /// Long polls that wait.
    pub(crate) waiting: Waiters,
    /// Event streams.
    pub(crate) streams: Waiters,
}

impl Api {
    pub(crate) fn new(context: ApiContext) -> Api {
        let ApiContext { store, publisher, settings, read_webhook, readiness, shutdown } = context;
        let limits = &settings.limits;
        let publishing = Publishing::new(store.clone(), publisher, limits.publishing_max);
        let publishing = Arc::new(publishing);
        Api(Arc::new(Shared {
            tokens: Tokens::new(settings.token_key.clone()),
            rates: Rates::new(limits),
            accepting: Accepting::start(store.clone(), Arc::clone(&publishing)),
            publishing,
            in_flight: Arc::new(Semaphore::new(
                limits.requests_in_flight_max.min(Semaphore::MAX_PERMITS),
            )),
            waiting: Waiters::new(limits.waiting_polls_max, limits.waiting_per_order_max),
            streams: Waiters::new(limits.event_streams_max, limits.waiting_per_order_max),
            store,
            read_webhook,
            readiness,
            shutdown,
            settings,
        }))
    }
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
