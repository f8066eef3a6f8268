//! How a context is made.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::Client;
use crate::jetstream::ack::AckWindow;
use crate::jetstream::context::{API_PREFIX, Context};

/// A setting that may still be set.
#[derive(Debug, Default)]
pub struct Yes;

/// A setting that was set.
#[derive(Debug, Default)]
pub struct No;

/// [`Yes`] or [`No`].
pub trait ToAssign: Debug {}

impl ToAssign for Yes {}
impl ToAssign for No {}

/// Acknowledgements that may be outstanding if the builder does not say. [async-nats]
const MAX_ACKS: usize = 5_000;

/// Makes a [`Context`] with settings of its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use embus::jetstream::ContextBuilder;
///
/// let broker = embus::Broker::builder().start().await?;
/// let jetstream = ContextBuilder::new().timeout(Duration::from_secs(30)).max_ack_inflight(1000).build(broker.client());
/// assert_eq!(jetstream.query_account().await?.streams, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is made before `build`"]
pub struct ContextBuilder<PREFIX: ToAssign> {
    prefix: String,
    timeout: Option<Duration>,
    max_acks: usize,
    backpressure: bool,
    assigned: PhantomData<PREFIX>,
}

impl Default for ContextBuilder<Yes> {
    fn default() -> Self {
        Self {
            prefix: API_PREFIX.to_owned(),
            timeout: None,
            max_acks: MAX_ACKS,
            backpressure: true,
            assigned: PhantomData,
        }
    }
}

impl ContextBuilder<Yes> {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the API's subjects begin with. See [`with_prefix`](crate::jetstream::with_prefix).
    pub fn api_prefix<T: Into<String>>(self, prefix: T) -> ContextBuilder<No> {
        ContextBuilder { prefix: prefix.into(), ..self.with() }
    }

    /// The domain of the streams. See [`with_domain`](crate::jetstream::with_domain).
    pub fn domain<T: Into<String>>(self, domain: T) -> ContextBuilder<No> {
        ContextBuilder { prefix: format!("$JS.{}.API", domain.into()), ..self.with() }
    }
}

impl<PREFIX: ToAssign> ContextBuilder<PREFIX> {
    fn with<OTHER: ToAssign>(self) -> ContextBuilder<OTHER> {
        let Self { prefix, timeout, max_acks, backpressure, assigned: _ } = self;
        ContextBuilder { prefix, timeout, max_acks, backpressure, assigned: PhantomData }
    }

    /// How long calls and acknowledgements are waited for. By default, calls as long as [`Client::timeout`] says, and
    /// acknowledgements 5 seconds.
    pub fn timeout(self, timeout: Duration) -> ContextBuilder<Yes> {
        ContextBuilder { timeout: Some(timeout), ..self.with() }
    }

    /// Without effect: no task waits for acknowledgements that nobody awaits.
    pub fn ack_timeout(self, _ack_timeout: Duration) -> ContextBuilder<Yes> {
        self.with()
    }

    /// How many acknowledgements may be outstanding, 5,000 by default; beyond, publishing waits or fails.
    ///
    /// Differs from async-nats: one that has arrived counts no more, whether it was awaited or not.
    pub fn max_ack_inflight(self, capacity: usize) -> ContextBuilder<Yes> {
        ContextBuilder { max_acks: capacity, ..self.with() }
    }

    /// Whether publishing waits when as many acknowledgements are outstanding as may be; else it fails. It waits by
    /// default.
    pub fn backpressure_on_inflight(self, enabled: bool) -> ContextBuilder<Yes> {
        ContextBuilder { backpressure: enabled, ..self.with() }
    }

    /// Without effect: no task waits for acknowledgements.
    pub fn concurrency_limit(self, _limit: Option<usize>) -> ContextBuilder<Yes> {
        self.with()
    }

    /// Makes the context.
    pub fn build(self, client: Client) -> Context {
        Context {
            client,
            prefix: self.prefix,
            timeout: self.timeout,
            acks: Arc::new(AckWindow::new(self.max_acks)),
            backpressure: self.backpressure,
        }
    }
}
