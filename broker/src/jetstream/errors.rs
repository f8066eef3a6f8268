//! What the API answers when it refuses.

use std::fmt;

use embus_engine::api::error::ApiError;
use serde::{Deserialize, Serialize};

/// What exactly went wrong, as a number; see its constants.
#[derive(Debug, PartialEq, Eq, Clone, Copy, Deserialize, Serialize, Default)]
pub struct ErrorCode(pub u64);

/// An error of the JetStream API.
#[derive(Debug, Serialize, Deserialize, Clone, PartialEq)]
pub struct Error {
    code: usize,
    #[serde(default)]
    err_code: ErrorCode,
    description: Option<String>,
}

impl Error {
    /// The kind of failure, as HTTP numbers them.
    pub fn code(&self) -> usize {
        self.code
    }

    /// What exactly went wrong.
    pub fn error_code(&self) -> ErrorCode {
        self.err_code
    }

    /// What went wrong, in words.
    pub(crate) fn description(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }

    /// For kinds of errors that have no other word for a broker that does not answer.
    pub(crate) fn not_reached() -> Self {
        let description = Some("the broker was not reached".to_owned());
        Self { code: 503, err_code: ErrorCode::JETSTREAM_NOT_ENABLED, description }
    }

    /// The same as [`error_code`](Self::error_code).
    pub fn kind(&self) -> ErrorCode {
        self.err_code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = self.description.as_deref().unwrap_or("unknown");
        write!(f, "{description} (code {}, error code {})", self.code, self.err_code.0)
    }
}

impl std::error::Error for Error {}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self {
            code: usize::from(error.code),
            err_code: ErrorCode(u64::from(error.err_code)),
            description: Some(error.description.into_owned()),
        }
    }
}
