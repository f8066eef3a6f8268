//! Imports become subscriptions.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use embus_protocol::filter::is_valid_literal;
use embus_protocol::transform::SubjectTransform;

use super::answers::Answers;
use super::check::{check, export_for};
use super::crossing::Kind;
use super::pattern::Pattern;
use super::{Crossing, Export, ExportKind, Import, Mappings, RESPONSE_THRESHOLD, ResponseType, Sharing, SharingError};
use crate::connection::Connection;
use crate::engine::Engine;
use crate::router::Router;
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;

/// How a service is imported.
struct Terms {
    response: ResponseType,
    threshold: Duration,
    /// Whether it learns who asks.
    share: bool,
    until: Option<SystemTime>,
}

impl Engine {
    /// Has accounts offer, take and map what `all` says of them by their names. Once, before clients come.
    ///
    /// # Errors
    /// [`SharingError`] for the first thing that cannot be; nothing is shared then.
    pub fn share(self: &Arc<Self>, all: &BTreeMap<String, Sharing>) -> Result<(), SharingError> {
        check(all, |name| self.account(name).is_some())?;
        let mut mapped = Vec::new();
        for (account, sharing) in all {
            let fail = |error| SharingError::Mapping { account: account.clone(), error };
            mapped.push((account, Mappings::new(&sharing.mappings).map_err(fail)?));
        }
        for (account, mappings) in mapped {
            self.add_account(account).set_mappings(mappings);
        }
        for (account, sharing) in all {
            self.add_account(account).set_sharing(sharing.clone());
            for import in &sharing.imports {
                self.import(all, account, import)?;
            }
        }
        Ok(())
    }

    fn import(
        self: &Arc<Self>,
        all: &BTreeMap<String, Sharing>,
        account: &str,
        import: &Import,
    ) -> Result<(), SharingError> {
        let (importer, exporter) = (self.add_account(account), self.add_account(&import.account));
        let fail =
            |error| SharingError::Subject { account: account.to_owned(), subject: import.subject.clone(), error };
        let pattern = import.pattern().map_err(fail)?;
        match export_for(all, account, import).map(|Export { kind, .. }| *kind) {
            Some(ExportKind::Service { response, threshold }) => {
                let terms = Terms { response, threshold, share: import.kind.is_shared(), until: import.until };
                self.open_service((&importer, &exporter), pattern, terms);
            }
            Some(ExportKind::Stream) | None => {
                importer.add_upstream(&exporter, pattern.filter.as_bytes());
                let crossing = self.crossing(&exporter, &importer, pattern.transform, Kind::Stream);
                self.open(&exporter, &pattern.filter, Crossing { until: import.until, ..crossing });
            }
        }
        Ok(())
    }

    /// Lets every account ask the system account about itself. [reference §1.13]
    pub fn grant_system_requests(self: &Arc<Self>) {
        let system = Arc::clone(self.system_account());
        // What is no token of a subject cannot be asked about.
        let is_token = |name: &str| !name.contains('.') && is_valid_literal(name.as_bytes());
        for router in self.account_list().into_iter().filter(|router| is_token(router.account())) {
            let name = router.account();
            self.grant(&router, &system, "$SYS.REQ.USER.INFO", &format!("$SYS.REQ.USER.{name}.INFO"), true);
            if router.id() == system.id() {
                continue;
            }
            for (local, what) in OWN_REQUESTS {
                self.grant(&router, &system, local, &format!("$SYS.REQ.ACCOUNT.{name}.{what}"), false);
            }
        }
    }

    fn grant(self: &Arc<Self>, router: &Arc<Router>, system: &Arc<Router>, local: &str, remote: &str, share: bool) {
        let Ok(transform) = SubjectTransform::compile(local, remote) else { return };
        let pattern = Pattern { filter: local.to_owned(), transform };
        let (response, threshold) = (ResponseType::Singleton, RESPONSE_THRESHOLD);
        self.open_service((router, system), pattern, Terms { response, threshold, share, until: None });
    }

    /// Has requests go from one account to another, and answers find back.
    fn open_service(
        self: &Arc<Self>,
        (from, to): (&Arc<Router>, &Arc<Router>),
        Pattern { filter, transform }: Pattern,
        Terms { response, threshold, share, until }: Terms,
    ) {
        let seed = self.random_below(u64::MAX);
        let answers = Arc::new(Answers::new(response, threshold, Arc::clone(self.clock()), seed));
        self.open(to, &answers.filter(), self.crossing(to, from, None, Kind::Answer(Arc::clone(&answers))));
        let crossing = self.crossing(from, to, transform, Kind::Service { share, answers });
        self.open(from, &filter, Crossing { until, ..crossing });
    }

    fn crossing(
        self: &Arc<Self>,
        from: &Router,
        to: &Arc<Router>,
        transform: Option<SubjectTransform>,
        kind: Kind,
    ) -> Crossing {
        let (engine, from) = (Arc::downgrade(self), from.account().to_owned());
        Crossing { engine, from, to: Arc::downgrade(to), until: None, transform, kind }
    }

    /// Lets what `filter` matches in an account go on.
    fn open(&self, from: &Router, filter: &str, crossing: Crossing) {
        let connection = Arc::new(Connection::crossing(&**self.clock(), Arc::new(crossing)));
        let (sid, filter) = (Sid::from(&b"0"[..]), Arc::from(filter.as_bytes()));
        from.open_crossing(Arc::new(Subscription::new(sid, filter, None, connection, None)));
    }
}

/// What an account asks about itself, and what that is to the system account.
const OWN_REQUESTS: [(&str, &str); 3] = [
    ("$SYS.REQ.ACCOUNT.PING.CONNZ", "CONNZ"),
    ("$SYS.REQ.ACCOUNT.PING.STATZ", "STATZ"),
    ("$SYS.REQ.SERVER.PING.CONNZ", "CONNZ"),
];
