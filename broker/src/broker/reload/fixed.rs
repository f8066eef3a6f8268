//! Settings that stay what they are while a broker runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::auth::{AuthSettings, JetStreamLimits};
use crate::builder::Builder;
use crate::store::StoreSettings;

/// The names of those that differ.
pub(super) fn differences(present: &Builder, new: &Builder) -> Vec<String> {
    let mut names = Names::default();
    names.compare("server_name", &present.server_name, &new.server_name);
    names.compare("max_pending", &present.limits.max_pending, &new.limits.max_pending);
    names.compare("max_buffered", &present.limits.max_buffered, &new.limits.max_buffered);
    names.compare("system_account", &present.auth.system_account, &new.auth.system_account);
    names.note("operator", new.auth.operators.is_none());
    names.note("auth_callout", present.auth.callout.is_none() && new.auth.callout.is_none());
    #[cfg(feature = "listen")]
    names.compare_listeners(present, new);
    names.compare_stores(&present.store, &new.store);
    names.compare_accounts(&present.auth, &new.auth);
    names.0
}

#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn compare<T: PartialEq>(&mut self, name: &str, present: &T, new: &T) {
        self.note(name, present == new);
    }

    fn note(&mut self, name: &str, is_same: bool) {
        if !is_same {
            self.0.push(name.to_owned());
        }
    }

    #[cfg(feature = "listen")]
    fn compare_listeners(&mut self, present: &Builder, new: &Builder) {
        let addresses =
            |builder: &Builder| builder.listen.iter().map(|address| address.address.clone()).collect::<Vec<_>>();
        self.compare("listen", &addresses(present), &addresses(new));
        #[cfg(unix)]
        self.compare("listen_unix", &present.listen_unix, &new.listen_unix);
        self.compare("leafnodes", &present.links.leafnodes, &new.links.leafnodes);
        self.compare("cluster", &present.links.cluster, &new.links.cluster);
        #[cfg(feature = "monitor")]
        {
            let address = |builder: &Builder| builder.monitor.as_ref().map(|address| address.address.clone());
            self.compare("http", &address(present), &address(new));
        }
        #[cfg(feature = "websocket")]
        {
            let plain = |builder: &Builder| builder.websockets.iter().map(without_tls).collect::<Vec<_>>();
            self.compare("websocket", &plain(present), &plain(new));
        }
        #[cfg(feature = "tls")]
        self.note("tls", has_form_of(present, new));
    }

    fn compare_stores(&mut self, present: &StoreSettings, new: &StoreSettings) {
        self.compare("jetstream", &present.off, &new.off);
        self.compare("store_dir", &present.dir, &new.dir);
        self.compare("sync", &present.sync, &new.sync);
        self.compare("jetstream_domain", &present.domain, &new.domain);
        self.compare("max_memory_store", &present.max_memory, &new.max_memory);
        self.compare("max_file_store", &present.max_file, &new.max_file);
        self.compare("stream", &present.streams, &new.streams);
        let streams = |store: &StoreSettings| {
            store.buckets.iter().map(|bucket| (bucket.bucket.clone(), bucket.to_stream())).collect::<Vec<_>>()
        };
        self.note("bucket", streams(present) == streams(new));
        self.note("clear_store_on_start", present.clear || !new.clear);
    }

    /// Which accounts have streams, and what they may use.
    fn compare_accounts(&mut self, present: &AuthSettings, new: &AuthSettings) {
        let of = |settings: &AuthSettings| settings.with_streams();
        let (present, new): (BTreeMap<String, JetStreamLimits>, _) = (of(present), of(new));
        let names: BTreeSet<_> = present.keys().chain(new.keys()).collect();
        for name in names {
            self.note(&format!("accounts.{name}.jetstream"), present.get(name) == new.get(name));
        }
    }
}

#[cfg(feature = "websocket")]
fn without_tls(
    (address, config): &(String, crate::websocket::WebSocketConfig),
) -> (String, crate::websocket::WebSocketConfig) {
    let mut config = config.clone();
    #[cfg(feature = "tls")]
    {
        config.tls = None;
    }
    (address.clone(), config)
}

/// Whether TLS is where it was, and in the same form.
#[cfg(feature = "tls")]
fn has_form_of(present: &Builder, new: &Builder) -> bool {
    let (present, new) = (tls_of(present), tls_of(new));
    let mut pairs = present.iter().copied().zip(new.iter().copied());
    present.len() == new.len()
        && pairs.all(|pair| match pair {
            (Some(one), Some(other)) => one.has_form_of(other),
            (None, None) => true,
            _ => false,
        })
}

/// That of each listener.
#[cfg(feature = "tls")]
fn tls_of(builder: &Builder) -> Vec<Option<&crate::tls::TlsConfig>> {
    let shared = builder.tls.as_deref();
    let clients = builder.listen.iter().map(|address| address.tls.as_deref().or(shared));
    #[cfg(feature = "websocket")]
    let clients = clients.chain(builder.websockets.iter().map(|(_, config)| config.tls.as_ref()));
    #[cfg(feature = "monitor")]
    let clients = clients.chain(builder.monitor.iter().map(|address| address.tls.as_deref()));
    clients.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Account;

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "builders are made where they are compared")]
    fn check(present: Builder, new: Builder, names: &[&str]) {
        assert_eq!(differences(&present, &new), names);
    }

    #[test]
    fn what_stays_is_named() {
        let builder = Builder::default;
        check(builder(), builder(), &[]);
        check(builder().server_name("a"), builder().max_pending(1), &["server_name", "max_pending"]);
        check(builder(), builder().store_dir("/d").jetstream(false), &["jetstream", "store_dir"]);
        check(builder(), builder().clear_store_on_start(), &["clear_store_on_start"]);
        let with = |streams: bool| {
            let account = Account::new("A");
            builder().account(if streams { account.jetstream(JetStreamLimits::default()) } else { account })
        };
        check(with(true), with(false), &["accounts.A.jetstream"]);
        check(builder(), with(false), &[]);
    }

    #[cfg(feature = "listen")]
    #[test]
    fn listeners_stay_where_they_are() {
        check(Builder::default().listen("a:1"), Builder::default().listen("a:2"), &["listen"]);
        check(Builder::default(), Builder::default().listen_leafnodes("a:2"), &["leafnodes"]);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_keeps_its_form() {
        use crate::tls::TlsConfig;

        let with = |tls: TlsConfig| Builder::default().listen("a:1").tls(tls);
        let files = || TlsConfig::from_files("a", "b");
        check(with(files()), with(TlsConfig::from_files("c", "d").pin_client_key([0; 32])), &[]);
        check(with(files()), with(files().verify_clients()), &["tls"]);
        check(with(files()), Builder::default().listen("a:1"), &["tls"]);
    }
}
