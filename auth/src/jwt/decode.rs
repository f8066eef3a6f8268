//! The text of a JWT: three texts in base64url, of which the last one signs the others.

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::claims::Claims;
use super::error::JwtError;

/// A kind of JWT: what it says, and whose keys stand in it.
pub trait Kind: DeserializeOwned + Default {
    /// `nats.type`.
    const NAME: &'static str;
    /// First letters of keys that may sign it.
    const ISSUERS: &'static [char];
    /// First letter of the keys that it speaks of.
    const SUBJECT: char;
}

/// The longest JWT that is looked at; those of accounts may be long, those in CONNECT are bounded by the control line.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads a JWT and verifies its signature.
///
/// ```
/// use embus_auth::jwt::{JwtError, User, decode};
/// assert_eq!(decode::<User>("eyJ0eXAiOiJKV1QifQ").unwrap_err(), JwtError::Chunks);
/// ```
///
/// # Errors
/// [`JwtError`] says in which way it is none of this kind.
pub fn decode<T: Kind>(text: &str) -> Result<Claims<T>, JwtError> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return Err(JwtError::Claims(format!("more than {MAX_BYTES} bytes")));
    }
    let parts = Parts::split(text)?;
    parts.check_header()?;
    let mut value: Value = serde_json::from_slice(&base64(parts.claims)?).map_err(invalid)?;
    check_kind::<T>(&value)?;
    // Go's JSON takes null for what is not there.
    strip_nulls(&mut value);
    let claims: Claims<T> = serde_json::from_value(value).map_err(invalid)?;
    check_key(&claims.issuer, T::ISSUERS)?;
    check_key(&claims.subject, &[T::SUBJECT])?;
    parts.verify(&claims.issuer)?;
    Ok(claims)
}

/// Whether this is the public key of something whose keys begin with one of these letters.
pub(super) fn check_key(key: &str, letters: &[char]) -> Result<(), JwtError> {
    let is_valid = key.starts_with(letters) && KeyPair::from_public_key(key).is_ok();
    if is_valid { Ok(()) } else { Err(JwtError::Key(key.to_owned())) }
}

struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// Header and claims with the dot between them.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, JwtError> {
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(claims), Some(signature), None) => {
                Ok(Self { header, claims, signature, signed: &text[..=header.len() + claims.len()] })
            }
            _ => Err(JwtError::Chunks),
        }
    }

    /// Both names of the algorithm are taken, as version 2 leaves no choice of what is signed. [nats-server 2.15.1, probed]
    fn check_header(&self) -> Result<(), JwtError> {
        let header: Header = serde_json::from_slice(&base64(self.header)?).map_err(invalid)?;
        if !header.typ.eq_ignore_ascii_case("jwt") {
            return Err(JwtError::Header(header.typ));
        }
        if !["ed25519-nkey", "ed25519"].iter().any(|name| header.alg.eq_ignore_ascii_case(name)) {
            return Err(JwtError::Header(header.alg));
        }
        Ok(())
    }

    fn verify(&self, issuer: &str) -> Result<(), JwtError> {
        let pair = KeyPair::from_public_key(issuer).map_err(|_| JwtError::Key(issuer.to_owned()))?;
        let signature = base64(self.signature)?;
        pair.verify(self.signed.as_bytes(), &signature).map_err(|_| JwtError::Signature)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    typ: String,
    alg: String,
}

/// What has to be known before the rest of the claims means something.
fn check_kind<T: Kind>(value: &Value) -> Result<(), JwtError> {
    let nats = &value["nats"];
    // In version 1 the type stood outside.
    if value.get("type").is_some() {
        return Err(JwtError::Version(1));
    }
    if nats["type"].as_str() != Some(T::NAME) {
        return Err(JwtError::Kind { expected: T::NAME });
    }
    match nats["version"].as_u64().unwrap_or_default() {
        2 => Ok(()),
        other => Err(JwtError::Version(other)),
    }
}

/// Depth is bounded: the text was parsed.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(strip_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn base64(text: &str) -> Result<Vec<u8>, JwtError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JwtError::Base64)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err calls")]
fn invalid(error: serde_json::Error) -> JwtError {
    JwtError::Claims(error.to_string())
}
