//! What every task of a broker shares: the engine, the timer, the task list.

use std::sync::{Arc, OnceLock};

use embus_auth::Identity;
use embus_engine::{Arrival, Engine, LocalClient, Session, Transport};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::connection::Connection;
use crate::tasks::Tasks;
use crate::timer::Timer;
use crate::wire::{Owner, Wire};

/// The running parts of one broker.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) engine: Arc<Engine>,
    pub(crate) tasks: Tasks,
    pub(crate) timer: Arc<Timer>,
    /// Cancelled when no new clients are taken any more, at the latest when the broker stops.
    pub(crate) accepting: CancellationToken,
    /// Asks who clients are, where a service is asked.
    asking: OnceLock<Client>,
}

impl Shell {
    pub(crate) fn new(engine: Arc<Engine>, runtime: Handle) -> Self {
        let timer = Timer::new(Arc::clone(engine.clock()));
        let tasks = Tasks::new(runtime);
        let accepting = tasks.stop_signal().child_token();
        Self { engine, tasks, timer, accepting, asking: OnceLock::new() }
    }

    /// Has a client of the broker itself in this account ask who others are.
    pub(crate) fn ask_as(&self, account: Option<&str>) {
        let identity = account.into_iter().fold(Identity::default(), Identity::in_account);
        if let Ok(local) = LocalClient::connect_as(&self.engine, &identity) {
            let _ = self.asking.set(Client::new(local));
        }
    }

    /// The client that asks who others are.
    pub(crate) fn asking_client(&self) -> Option<Client> {
        self.asking.get().cloned()
    }

    /// Spawns a task that is dropped when no new clients are taken any more.
    #[cfg(feature = "listen")]
    pub(crate) fn spawn_while_accepting(&self, task: impl Future<Output = ()> + Send + 'static) {
        let accepting = self.accepting.clone();
        self.tasks.spawn(async move {
            accepting.run_until_cancelled_owned(task).await;
        });
    }

    /// Serves one connection in a task of its own.
    pub(crate) fn serve<W: Wire + 'static>(
        &self,
        wire: W,
        transport: Arc<dyn Transport>,
        owner: Arc<Owner>,
        arrival: impl Into<Arrival>,
    ) {
        // A broker that stops or is about to greets nobody any more.
        if self.engine.is_stopping() {
            return;
        }
        if let Some(session) = Session::open(&self.engine, arrival, transport) {
            self.tasks.spawn(Connection::new(self, session, wire, owner).run());
        }
    }
}
