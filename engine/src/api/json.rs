//! JSON as the JetStream API speaks it: read like Go's `encoding/json` of the reference server with its texts for what is
//! wrong, written with its escapes. Owns no request types; knows nothing of the engine. [reference §3.0]
//!
//! **Reading a request.** Name the fields of a plain struct once and decode it:
//! ```ignore
//! #[derive(Default)]
//! struct StreamNamesRequest { offset: i64, subject: String, at: Option<Time> }
//! json::fields!(StreamNamesRequest, "server.JSApiStreamNamesRequest", {
//!     "offset" => offset via json::int,     // Go's `int`; an `i64` alone is Go's `int64`
//!     "subject" => subject,
//!     "start_time" => at,                   // Option<T>: null makes it `None`; elsewhere null changes nothing
//! });
//! let request: StreamNamesRequest = json::decode(payload)?;   // ApiError 10025 `invalid JSON: …`
//! ```
//! Fields may be `bool`, `i32`, `i64`, `u64`, `String`, [`Nanos`](crate::api::time::Nanos) (`time.Duration`),
//! [`Time`](crate::api::time::Time), a struct with `fields!` of its own, `Option`, `Vec`, or a map of strings. The second
//! argument of `fields!` is the name the reference server's texts call the type by. An empty body decodes to the default
//! value; whether an empty body is fine, and whether a body that starts with neither `{` nor `[` counts as one, is the
//! endpoint's business. [`decode_lenient`] ignores unknown fields (direct gets).
//!
//! **Writing a response.** Derive `serde::Serialize` with the fields in the reference's order and call [`to_string`].
//!
//! As in Go: names of fields match in any case; of a field that occurs twice the last one counts, structs in it are
//! merged; lone surrogates and bytes that are not UTF-8 become U+FFFD; several values one after the other are read one
//! after the other into the same request.

mod quote;
mod read;
mod scan;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use quote::quote;
pub(crate) use read::{FromJson, Record, Refusal, fields, int, number, read_items, read_record, type_refusal};
pub(crate) use value::{Kind, Value};
pub(crate) use write::{quoted, to_string};

use crate::api::error::ApiError;

/// The request in a body; unknown fields are refused.
///
/// # Errors
/// 10025 `invalid JSON: …`.
pub(crate) fn decode<T: Record>(body: &[u8]) -> Result<T, ApiError> {
    decode_as(body, true).map_err(|refusal| ApiError::invalid_json(refusal.text(T::GO_TYPE)))
}

/// As [`decode`], but unknown fields are ignored.
///
/// # Errors
/// 10025 `invalid JSON: …`.
pub(crate) fn decode_lenient<T: Record>(body: &[u8]) -> Result<T, ApiError> {
    decode_as(body, false).map_err(|refusal| ApiError::invalid_json(refusal.text(T::GO_TYPE)))
}

/// Each value is checked and read before the next one is looked at, so an earlier one's error wins.
fn decode_as<T: Record>(body: &[u8], strict: bool) -> Result<T, Refusal> {
    let mut record = T::default();
    let mut at = 0;
    while let Some(span) = scan::next_value(body, at).map_err(Refusal::Text)? {
        at = span.end;
        read_record(&mut record, Value::checked(&body[span], strict))?;
    }
    Ok(record)
}
