//! The name this executable was called by, which some of its output repeats.

use std::{error::Error, ffi::OsStr, fmt::Display, io::Write, path::Path, process::ExitCode};

use crate::exit;

/// The last part of `argv[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program(String);

impl Program {
    /// The program as called, `embus` if the caller gave no name.
    pub(crate) fn of(argument: Option<&OsStr>) -> Self {
        let name = argument.map(Path::new).and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
        Self(name.filter(|name| !name.is_empty()).map_or_else(|| OWN_NAME.to_owned(), Into::into))
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// What `--version` prints. Scripts that start `nats-server` compare the whole line.
    pub(crate) fn version(&self) -> String {
        let spoken = embus::NATS_VERSION;
        if self.0 == NATS_NAME {
            return format!("{NATS_NAME}: v{spoken}");
        }
        format!("{OWN_NAME}: v{} ({NATS_NAME} v{spoken})", env!("CARGO_PKG_VERSION"))
    }

    /// Tells on standard error why nothing was done, with the exit code that belongs to it.
    pub(crate) fn fail(&self, error: &dyn Error) -> ExitCode {
        self.tell(error);
        exit::FAILURE
    }

    /// Says something on standard error, and that all is well.
    pub(crate) fn tell(&self, text: &(impl Display + ?Sized)) -> ExitCode {
        let name = if self.0 == NATS_NAME { NATS_NAME } else { OWN_NAME };
        let _ = writeln!(std::io::stderr(), "{name}: {text}");
        ExitCode::SUCCESS
    }
}

/// The name of this executable.
pub(crate) const OWN_NAME: &str = "embus";
/// The name of the executable it can stand in for.
pub(crate) const NATS_NAME: &str = "nats-server";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_line_depends_on_the_name() {
        let named = |path: &str| Program::of(Some(path.as_ref())).version();
        assert_eq!(named("/usr/bin/nats-server"), format!("nats-server: v{}", embus::NATS_VERSION));
        assert!(named("target/debug/embus").starts_with("embus: v"));
        assert_eq!(Program::of(None).name(), "embus");
    }
}
