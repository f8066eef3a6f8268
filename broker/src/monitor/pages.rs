//! Which page answers which path, and who may render at the same time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::{Method, StatusCode, Uri};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    Source, accountz, accstatz, connz, healthz, index, jsz, links, metrics,
    query::{Query, QueryError},
    response::{self, Answer, Rendered},
    subsz, varz,
};

/// Everything a request needs: where the data comes from, and the counters and bounds that all requests share.
pub(super) struct Monitor {
    source: Arc<dyn Source>,
    tasks: TaskTracker,
    /// The host as it was asked for and the port it became, for `/varz`.
    host: String,
    port: u16,
    is_secure: bool,
    requests: [AtomicU64; Page::ALL.len()],
    listings: Arc<Semaphore>,
}

impl Monitor {
    /// A monitor of `source` that listens at `address`; `host` is the name it was configured with.
    pub(super) fn new(source: Arc<dyn Source>, host: String, address: SocketAddr, tasks: TaskTracker) -> Self {
        let requests = Default::default();
        let listings = Arc::new(Semaphore::new(MAX_LISTINGS));
        Self { source, tasks, host, port: address.port(), is_secure: false, requests, listings }
    }

    /// The same over HTTPS.
    pub(super) fn secure(self, is_secure: bool) -> Self {
        Self { is_secure, ..self }
    }

    /// The answer to one request. Cancel-safe: nothing but the answer is lost.
    pub(super) async fn respond(self: Arc<Self>, method: &Method, uri: &Uri) -> Answer {
        if method != Method::GET && method != Method::HEAD {
            return response::method_not_allowed();
        }
        let Some(page) = Page::of(uri.path()) else { return response::not_found() };
        self.requests[page as usize].fetch_add(1, Ordering::Relaxed);
        let query = Query::parse(uri.query());
        match page {
            Page::Index => response::html(index::page(&self.source.facts().info.version)),
            Page::Varz => response::json(Rendered::pretty(&self.varz())),
            Page::Healthz => {
                match healthz::check(&query, self.source.facts().is_accepting, &self.source.jetstreams()) {
                    Ok(health) => response::json_with(health.code(), Rendered::compact(&health)),
                    Err(error) => response::bad_request(&error),
                }
            }
            Page::Accountz => match accountz::render(&*self.source, &query) {
                Ok(page) => response::json(Rendered::pretty(&page)),
                Err(error) => response::bad_request(&error),
            },
            Page::Accstatz => match query.flag("unused") {
                Ok(unused) => self.list(move |source| Rendered::pretty(&accstatz::render(source, unused))).await,
                Err(error) => response::bad_request(&error),
            },
            Page::Connz => match connz::Options::parse(&query) {
                Ok(options) => self.list(move |source| Rendered::pretty(&connz::render(source, &options))).await,
                Err(error) => response::bad_request(&error),
            },
            Page::Jsz => match jsz::Options::parse(&query) {
                Ok(options) => self.list(move |source| Rendered::pretty(&jsz::render(source, &options))).await,
                Err(error) => response::bad_request(&error),
            },
            Page::Gatewayz => response::json(Rendered::pretty(&links::gateways(&*self.source))),
            Page::Leafz => response::json(Rendered::pretty(&links::leaf_nodes(&*self.source))),
            Page::Routez => response::json(Rendered::pretty(&links::routes(&*self.source))),
            Page::Metrics => match metrics::Options::parse(&query) {
                Ok(options) => {
                    let render = move |source: &dyn Source| Rendered::text(metrics::render(source, options));
                    self.list_as(response::metrics, render).await
                }
                Err(error) => response::bad_request(&error),
            },
            Page::Subsz => match subsz::Options::parse(&query) {
                Ok(options) => self.list(move |source| Rendered::pretty(&subsz::render(source, &options))).await,
                Err(error) => response::bad_request(&error),
            },
        }
    }

    fn varz(&self) -> varz::Varz {
        let visited = Page::ALL.into_iter().map(|page| (page.path(), &self.requests[page as usize]));
        let requests = visited.map(|(path, count)| (path, count.load(Ordering::Relaxed))).filter(|(_, n)| *n > 0);
        let monitor = varz::Monitor {
            host: self.host.clone(),
            port: self.port,
            is_secure: self.is_secure,
            requests: requests.collect(),
        };
        let jetstream = jsz::in_varz(&*self.source);
        varz::render(&self.source.facts(), &self.source.statistics(), jetstream, monitor)
    }

    /// Renders a long page away from the runtime's workers. A big answer keeps its permit until it has been sent, which
    /// bounds the memory that clients who do not read can hold.
    async fn list<F>(&self, render: F) -> Answer
    where
        F: FnOnce(&dyn Source) -> Rendered + Send + 'static,
    {
        self.list_as(response::json, render).await
    }

    async fn list_as<F>(&self, answer: fn(Rendered) -> Answer, render: F) -> Answer
    where
        F: FnOnce(&dyn Source) -> Rendered + Send + 'static,
    {
        let permit = Arc::clone(&self.listings).acquire_owned();
        let Ok(Ok(permit)) = timeout(LISTING_WAIT, permit).await else {
            return response::text(StatusCode::SERVICE_UNAVAILABLE, "too many lists are being sent, try again\n");
        };
        let source = Arc::clone(&self.source);
        // The permit goes along: whoever hangs up while the page is rendered does not make room for the next one.
        match self.tasks.spawn_blocking(move || render(&*source).hold(permit)).await {
            Ok(rendered) => answer(rendered),
            Err(_) => response::text(StatusCode::SERVICE_UNAVAILABLE, "the broker is stopping\n"),
        }
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// The pages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Accountz,
    Accstatz,
    Index,
    Connz,
    Gatewayz,
    Healthz,
    Jsz,
    Leafz,
    Metrics,
    Routez,
    Subsz,
    Varz,
}

impl Page {
    const ALL: [Self; 12] = [
        Self::Accountz,
        Self::Accstatz,
        Self::Index,
        Self::Connz,
        Self::Gatewayz,
        Self::Healthz,
        Self::Jsz,
        Self::Leafz,
        Self::Metrics,
        Self::Routez,
        Self::Subsz,
        Self::Varz,
    ];

    fn of(path: &str) -> Option<Self> {
        // The second name of /subsz is from the first versions of the server and still in use.
        if path == "/subscriptionsz" {
            return Some(Self::Subsz);
        }
        Self::ALL.into_iter().find(|page| page.path() == path)
    }

    fn path(self) -> &'static str {
        match self {
            Self::Accountz => "/accountz",
            Self::Accstatz => "/accstatz",
            Self::Index => "/",
            Self::Connz => "/connz",
            Self::Gatewayz => "/gatewayz",
            Self::Healthz => "/healthz",
            Self::Jsz => "/jsz",
            Self::Leafz => "/leafz",
            Self::Metrics => "/metrics",
            Self::Routez => "/routez",
            Self::Subsz => "/subsz",
            Self::Varz => "/varz",
        }
    }
}

/// Rows of a list from `offset` on, at most `limit`, as the query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Window {
    /// Reads `offset` and `limit`; negative numbers and a limit of 0 mean the default [nats-server: connz].
    pub(super) fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let offset = query.number("offset")?.unwrap_or(0);
        let limit = query.number("limit")?.filter(|limit| *limit > 0).unwrap_or(DEFAULT_LIMIT);
        Ok(Self { offset, limit })
    }

    /// Keeps what the window shows.
    pub(super) fn cut<T>(self, rows: Vec<T>) -> Vec<T> {
        rows.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

/// Long pages rendered, or big answers being sent, at one time.
const MAX_LISTINGS: usize = 4;
/// Time to wait for one of those to end; then the answer is 503.
const LISTING_WAIT: Duration = Duration::from_secs(5);
/// Rows of a list when the query does not say [nats-server: connz, subsz].
const DEFAULT_LIMIT: usize = 1024;
