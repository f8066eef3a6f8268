//! Messages where a broker has users, permissions and accounts: what does the message path pay for the rules?

use std::fs;
use std::io;

use nix::sys::signal::Signal;

use crate::flow::Flow;
use crate::sample::Sample;
use crate::scenario::{self, Settings};
use crate::server::{Contender, Server};

/// Whoever says no name is a user of an account, with rules that let just this through. Both understand it.
const CONFIG: &str = "
no_auth_user: some
accounts {
  LOAD {
    users [{
      user: some, password: some
      permissions {
        publish { allow: ['load.>', 'other.*'], deny: ['load.secret.>'] }
        subscribe { allow: ['load.>', '_INBOX.>'], deny: ['load.secret.>'] }
      }
    }]
  }
  OTHER { users [{ user: other, password: other }] }
}
";

/// Runs once against a fresh server of `contender`.
pub fn run(flow: &Flow, contender: &Contender, settings: &Settings) -> io::Result<Sample> {
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("guarded.conf");
    fs::write(&config, CONFIG)?;
    let server = Server::start_with(contender, &["-c".into(), config.into()])?;
    let sample = scenario::relay(&server, flow, settings);
    server.stop(Signal::SIGTERM)?;
    sample
}
