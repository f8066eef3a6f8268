//! JWTs that this side makes.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use nkeys::KeyPair;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The JWT of these claims, signed by `issuer`: `iss` and `jti` are filled in, all else is there as JSON already.
///
/// ```
/// use embus_auth::jwt::{User, decode, sign};
/// use nkeys::KeyPair;
///
/// let (account, user) = (KeyPair::new_account(), KeyPair::new_user());
/// let claims = serde_json::json!({
///     "sub": user.public_key(), "name": "meter", "iat": 1_767_225_600,
///     "nats": {"type": "user", "version": 2, "pub": {"allow": ["meters.>"]}, "subs": -1, "payload": -1},
/// });
/// let jwt = sign(claims, &account)?;
/// assert_eq!(decode::<User>(&jwt)?.name, "meter");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// That of [`KeyPair::sign`] when `issuer` has no seed.
pub fn sign(mut claims: Value, issuer: &KeyPair) -> Result<String, nkeys::error::Error> {
    if let Value::Object(fields) = &mut claims {
        fields.insert("iss".to_owned(), issuer.public_key().into());
        let digest = Sha256::digest(Value::Object(fields.clone()).to_string());
        fields.insert("jti".to_owned(), BASE32_NOPAD.encode(&digest).into());
    }
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", encode(HEADER), encode(&claims.to_string()));
    let signature = issuer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
}

/// As the NATS tools write it.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
