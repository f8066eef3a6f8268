//! How values become bytes, and bytes values.

use std::error::Error;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a value did not become bytes, or bytes no value.
///
/// ```
/// use embus_kv::codec::{Codec, CodecError, Json};
///
/// let error: CodecError = Codec::<u32>::decode(&Json, &"three".into()).unwrap_err();
/// assert!(error.is::<serde_json::Error>());
/// ```
pub type CodecError = Box<dyn Error + Send + Sync>;

/// A form that values are kept in.
///
/// ```
/// use bytes::Bytes;
/// use embus_kv::codec::{Codec, CodecError};
///
/// /// Numbers as eight bytes.
/// struct BigEndian;
///
/// impl Codec<u64> for BigEndian {
///     fn encode(&self, value: &u64) -> Result<Bytes, CodecError> {
///         Ok(Bytes::copy_from_slice(&value.to_be_bytes()))
///     }
///
///     fn decode(&self, bytes: &Bytes) -> Result<u64, CodecError> {
///         Ok(u64::from_be_bytes(bytes[..].try_into()?))
///     }
/// }
///
/// assert_eq!(BigEndian.decode(&BigEndian.encode(&7)?)?, 7);
/// assert!(BigEndian.decode(&Bytes::from("seven")).is_err());
/// # Ok::<(), CodecError>(())
/// ```
pub trait Codec<T> {
    /// The bytes of a value.
    ///
    /// # Errors
    /// The value has no bytes in this form.
    fn encode(&self, value: &T) -> Result<Bytes, CodecError>;

    /// The value of bytes.
    ///
    /// # Errors
    /// The bytes are not those of a value.
    fn decode(&self, bytes: &Bytes) -> Result<T, CodecError>;
}

/// JSON, what is used unless something else is said.
///
/// ```
/// use embus_kv::codec::{Codec, CodecError, Json};
///
/// let bytes = Json.encode(&vec![1, 2])?;
/// assert_eq!(&bytes[..], b"[1,2]");
/// assert_eq!(Codec::<Vec<u32>>::decode(&Json, &bytes)?, [1, 2]);
/// # Ok::<(), CodecError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, value: &T) -> Result<Bytes, CodecError> {
        Ok(serde_json::to_vec(value)?.into())
    }

    fn decode(&self, bytes: &Bytes) -> Result<T, CodecError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}
