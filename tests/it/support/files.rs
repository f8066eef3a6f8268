//! Open files: tests with a thousand connections hold both ends of each.

use std::sync::Once;

/// Raises the number of files that this process may open to what the system allows it.
pub(crate) fn raise_file_limit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(unix)]
        {
            use nix::sys::resource::{Resource, getrlimit, setrlimit};
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            // Where the system refuses, the test that needs the files says so.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(MANY_FILES), hard);
        }
    });
}

/// More than all tests together have open.
#[cfg(unix)]
const MANY_FILES: u64 = 16 * 1024;
