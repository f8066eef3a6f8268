//! Answers of the API, for [`Context::request`](super::Context::request).

use serde::Deserialize;

/// What a request is answered: an error or something else.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Response<T> {
    /// It was refused.
    Err {
        /// Why.
        error: super::errors::Error,
    },
    /// It was done.
    Ok(T),
}
