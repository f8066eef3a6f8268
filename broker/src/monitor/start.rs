//! Where the monitor meets the broker: its data come from the engine, its tasks are the broker's.

use std::{sync::Arc, time::Duration};

use embus_engine::{
    Engine,
    jetstream::{JetStream, JetStreamFacts},
    statistics::{AccountSnapshot, ConnectionSnapshot, Statistics, SubscriptionSnapshot},
};
use embus_protocol::limits::AUTH_TIMEOUT;

use super::{Facts, ReloadRequests, Source, pages::Monitor, requests, serve::serve};
use crate::{listener::TcpAcceptor, metrics::Metrics, shell::Shell};

/// Serves monitoring at `acceptor` as long as the broker lives, lame duck mode included; `address` is what the port was
/// asked for.
pub(crate) fn start(address: &str, acceptor: TcpAcceptor, shell: &Arc<Shell>) {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let (tasks, stop) = (shell.tasks.tracker().clone(), shell.tasks.stop_signal().clone());
    let engine = Arc::clone(&shell.engine);
    #[cfg(feature = "tls")]
    let security = acceptor.security();
    #[cfg(not(feature = "tls"))]
    let security = None;
    let monitor = Monitor::new(engine, host.to_owned(), acceptor.local_addr, tasks.clone());
    let monitor = Arc::new(monitor.secure(security.is_some()));
    shell.tasks.spawn(serve(acceptor.into_listener(), security, monitor, tasks, stop));
}

/// Answers the system account's requests, and tells it the server's numbers now and then.
pub(crate) fn start_system(shell: &Arc<Shell>, reload: Option<ReloadRequests>) {
    requests::start(&shell.engine, &shell.tasks, reload);
    shell.tasks.spawn_until_stop(tell_numbers(Arc::clone(shell)));
}

async fn tell_numbers(shell: Arc<Shell>) {
    let subject = format!("$SYS.SERVER.{}.STATSZ", shell.engine.info().server_id);
    loop {
        shell.timer.sleep(NUMBERS_INTERVAL).await;
        shell.engine.tell_system(&subject, || requests::numbers(&shell.engine));
    }
}

/// [nats-server: `$SYS.SERVER.<id>.STATSZ`]
const NUMBERS_INTERVAL: Duration = Duration::from_secs(10);

impl Source for Engine {
    fn facts(&self) -> Facts {
        Facts {
            info: self.info(),
            is_accepting: !self.is_lame_duck() && !self.is_stopping(),
            limits: (*self.limits()).clone(),
            system_account: self.system_account().account().to_owned(),
            auth_timeout: self.login_timeout().unwrap_or(AUTH_TIMEOUT),
            loaded: self.loaded(),
        }
    }

    fn metrics(&self) -> Metrics {
        Metrics::of(self)
    }

    fn statistics(&self) -> Statistics {
        self.statistics()
    }

    fn connections(&self) -> Vec<ConnectionSnapshot> {
        self.connections()
    }

    fn closed_connections(&self) -> Vec<ConnectionSnapshot> {
        self.closed_connections()
    }

    fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        self.subscriptions()
    }

    fn accounts(&self) -> Vec<AccountSnapshot> {
        self.accounts_now()
    }

    fn jetstream(&self) -> Option<JetStreamFacts> {
        self.jetstream_facts()
    }

    fn jetstreams(&self) -> Vec<Arc<JetStream>> {
        self.jetstreams()
    }
}
