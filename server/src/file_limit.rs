//! The bound on open files, raised to what the system allows: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Many systems start processes with 1024 for the sake of programs that use
/// `select`, which this one does not; a failure leaves the limit as it was.
pub(crate) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::debug!("The limit of open files stays at {:?}: {error}", limit.current);
    }
}
