//! Imports become subscriptions.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use embus_protocol::filter::is_valid_literal;
use embus_protocol::transform::SubjectTransform;

use super::answers::Answers;
use super::check::{check, export_for};
use super::crossing::Kind;
use super::pattern::Pattern;
use super::{Crossing, ExportKind, Import, Mappings, RESPONSE_THRESHOLD, ResponseType, Sharing, SharingError};
use crate::connection::Connection;
use crate::engine::Engine;
use crate::router::Router;
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// An import that is carried out, and by what.
#[derive(Debug)]
pub(crate) struct Wire {
    wanted: Wanted,
    ends: Vec<End>,
}

/// Where subscriptions of an import are.
type End = (Arc<Router>, Arc<Subscription>);

/// An import, and what it finds at the other side.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    account: String,
    import: Import,
    export: Option<ExportKind>,
}

/// How a service is imported.
struct Terms {
    response: ResponseType,
    threshold: Duration,
    /// Whether it learns who asks.
    share: bool,
    until: Option<SystemTime>,
}

impl Engine {
    /// Has accounts offer, take and map what `all` says of them by their names, and nothing else. Imports that were there
    /// before go on as they are.
    ///
    /// # Errors
    /// [`SharingError`] for the first thing that cannot be; nothing has changed then.
    pub fn share(self: &Arc<Self>, all: &BTreeMap<String, Sharing>) -> Result<(), SharingError> {
        let mut mappings = self.check_sharing(all)?;
        for router in self.account_list() {
            let name = router.account();
            router.set_mappings(mappings.remove(name).unwrap_or_default());
            router.set_sharing(all.get(name).cloned().unwrap_or_default());
        }
        let imports = |(account, sharing): (&String, &Sharing)| {
            let wanted = |import: &Import| Wanted {
                account: account.clone(),
                export: export_for(all, account, import).map(|export| export.kind),
                import: import.clone(),
            };
            sharing.imports.iter().map(wanted).collect::<Vec<_>>()
        };
        self.wire(all.iter().flat_map(imports).collect())
    }

    /// Whether accounts may share what `all` says; with the mappings, made ready.
    pub(crate) fn check_sharing(
        &self,
        all: &BTreeMap<String, Sharing>,
    ) -> Result<BTreeMap<String, Mappings>, SharingError> {
        check(all, |name| all.contains_key(name) || self.account(name).is_some())?;
        let ready = |(account, sharing): (&String, &Sharing)| {
            let fail = |error| SharingError::Mapping { account: account.clone(), error };
            Ok((account.clone(), Mappings::new(&sharing.mappings).map_err(fail)?))
        };
        all.iter().map(ready).collect()
    }

    /// Ends imports that are wanted no more, and begins those that are new.
    fn wire(self: &Arc<Self>, mut wanted: Vec<Wanted>) -> Result<(), SharingError> {
        let mut wires = self.wires.lock();
        let mut kept = Vec::new();
        for wire in wires.drain(..) {
            match wanted.iter().position(|wanted| *wanted == wire.wanted) {
                Some(index) => {
                    wanted.remove(index);
                    kept.push(wire);
                }
                None => self.end_import(&wire),
            }
        }
        *wires = kept;
        for wanted in wanted {
            let ends = self.begin_import(&wanted)?;
            wires.push(Wire { wanted, ends });
        }
        Ok(())
    }

    fn end_import(&self, Wire { wanted, ends }: &Wire) {
        let (importer, exporter) = (self.account(&wanted.account), self.account(&wanted.import.account));
        if let (Some(importer), Some(exporter), Ok(pattern)) = (importer, exporter, wanted.import.pattern())
            && wanted.import.is_stream()
        {
            importer.remove_upstream(&exporter, pattern.filter.as_bytes());
        }
        for (router, subscription) in ends {
            router.close_crossing(subscription);
        }
    }

    fn begin_import(self: &Arc<Self>, Wanted { account, import, export }: &Wanted) -> Result<Vec<End>, SharingError> {
        let (importer, exporter) = (self.add_account(account), self.add_account(&import.account));
        let fail = |error| SharingError::Subject { account: account.clone(), subject: import.subject.clone(), error };
        let pattern = import.pattern().map_err(fail)?;
        Ok(match export {
            Some(ExportKind::Service { response, threshold }) => {
                let share = import.kind.is_shared();
                let terms = Terms { response: *response, threshold: *threshold, share, until: import.until };
                self.open_service((&importer, &exporter), pattern, terms)
            }
            Some(ExportKind::Stream) | None => {
                importer.add_upstream(&exporter, pattern.filter.as_bytes());
                let crossing = self.crossing(&exporter, &importer, pattern.transform, Kind::Stream);
                vec![self.open(&exporter, &pattern.filter, Crossing { until: import.until, ..crossing })]
            }
        })
    }

    /// Lets every account ask the system account about itself, also those that come later. [reference §1.13]
    pub fn grant_system_requests(self: &Arc<Self>) {
        self.grants_system_requests.store(true, Ordering::Release);
        for router in self.account_list() {
            self.grant_system_requests_to(&router);
        }
    }

    pub(crate) fn grant_system_requests_to(self: &Arc<Self>, router: &Arc<Router>) {
        let (name, system) = (router.account(), Arc::clone(self.system_account()));
        // What is no token of a subject cannot be asked about.
        let is_token = !name.contains('.') && is_valid_literal(name.as_bytes());
        if !is_token || !self.grants_system_requests() {
            return;
        }
        self.grant(router, &system, "$SYS.REQ.USER.INFO", &format!("$SYS.REQ.USER.{name}.INFO"), true);
        if router.id() == system.id() {
            return;
        }
        for (local, what) in OWN_REQUESTS {
            self.grant(router, &system, local, &format!("$SYS.REQ.ACCOUNT.{name}.{what}"), false);
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
    ) -> Vec<End> {
        let seed = self.random_below(u64::MAX);
        let answers = Arc::new(Answers::new(response, threshold, Arc::clone(self.clock()), seed));
        let back = self.crossing(to, from, None, Kind::Answer(Arc::clone(&answers)));
        let back = self.open(to, &answers.filter(), back);
        let crossing = self.crossing(from, to, transform, Kind::Service { share, answers });
        vec![back, self.open(from, &filter, Crossing { until, ..crossing })]
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
    fn open(&self, from: &Arc<Router>, filter: &str, crossing: Crossing) -> End {
        let connection = Arc::new(Connection::crossing(&**self.clock(), Arc::new(crossing)));
        let (sid, filter) = (Sid::from(&b"0"[..]), Arc::from(filter.as_bytes()));
        let subscription = Arc::new(Subscription::new(sid, filter, None, connection, None));
        from.open_crossing(Arc::clone(&subscription));
        (Arc::clone(from), subscription)
    }
}

/// What an account asks about itself, and what that is to the system account.
const OWN_REQUESTS: [(&str, &str); 3] = [
    ("$SYS.REQ.ACCOUNT.PING.CONNZ", "CONNZ"),
    ("$SYS.REQ.ACCOUNT.PING.STATZ", "STATZ"),
    ("$SYS.REQ.SERVER.PING.CONNZ", "CONNZ"),
];
