//! The accounts of a broker by name: each has subjects of its own.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use embus_auth::{Identity, Refused};
use parking_lot::Mutex;

use crate::router::Router;
use crate::sync::Arc;

/// Name of the account that clients are in without a login. [nats-server: `$G`]
pub const GLOBAL_ACCOUNT: &str = "$G";

/// Name of the account of the broker itself. [nats-server: `$SYS`]
pub const SYSTEM_ACCOUNT: &str = "$SYS";

/// All accounts. They are added and never removed.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) global: Arc<Router>,
    own: Arc<Router>,
    /// The account of the broker itself, if it is another one.
    chosen: OnceLock<Arc<Router>>,
    by_name: Mutex<BTreeMap<String, Arc<Router>>>,
}

impl Accounts {
    /// The two that every broker has.
    pub(crate) fn new() -> Self {
        let (global, own) = (Router::new(1, GLOBAL_ACCOUNT), Router::new(2, SYSTEM_ACCOUNT));
        let (global, own) = (Arc::new(global), Arc::new(own));
        let all = [&global, &own].map(|router| (router.account().to_owned(), Arc::clone(router)));
        Self { global, own, chosen: OnceLock::new(), by_name: Mutex::new(all.into()) }
    }

    /// The account of the broker itself.
    pub(crate) fn system(&self) -> &Arc<Router> {
        self.chosen.get().unwrap_or(&self.own)
    }

    /// Has another account be that of the broker itself, once.
    pub(crate) fn choose_system(&self, name: &str) {
        let router = self.add(name);
        let _ = self.chosen.set(router);
    }

    /// The account of an identity, if there is one of its name.
    pub(crate) fn of(&self, identity: &Identity) -> Result<Arc<Router>, Refused> {
        let Some(name) = &identity.account else { return Ok(Arc::clone(&self.global)) };
        self.get(name).ok_or_else(|| Refused::Account(name.clone()))
    }

    /// The account of this name, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Router>> {
        self.by_name.lock().get(name).cloned()
    }

    /// The account of this name, made if there is none.
    pub(crate) fn add(&self, name: &str) -> Arc<Router> {
        let mut by_name = self.by_name.lock();
        let id = by_name.len() as u64 + 1;
        let router = by_name.entry(name.to_owned()).or_insert_with(|| Arc::new(Router::new(id, name)));
        Arc::clone(router)
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Router>> {
        self.by_name.lock().values().cloned().collect()
    }
}
