//! What clients sign with the seed of their nkey.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use nkeys::KeyPair;

/// Whether `signature` is that of `key` over `nonce`. Clients send base64url without padding; the standard alphabet is
/// taken, too. [nats-server: processClientOrLeafAuthentication]
///
/// The same is computed for what does not even decode.
pub(crate) fn is_of(key: &str, nonce: &[u8], signature: &str) -> bool {
    let bytes = signature.as_bytes();
    let decoded = BASE64URL_NOPAD.decode(bytes).or_else(|_| BASE64.decode(bytes)).ok();
    let pair = KeyPair::from_public_key(key).ok();
    let (Some(decoded), Some(pair)) = (decoded.filter(|decoded| decoded.len() == SIGNATURE_BYTES), pair) else {
        waste();
        return false;
    };
    // Without a nonce there is nothing that only this connection could have signed.
    pair.verify(nonce, &decoded).is_ok() && !nonce.is_empty()
}

/// Verifies something for nothing: a refusal is to take as long as any other.
pub(crate) fn waste() {
    if let Ok(pair) = KeyPair::from_public_key(NOBODY) {
        // The result is known.
        let _ = pair.verify(b"nobody", &[0; SIGNATURE_BYTES]);
    }
}

/// A key whose seed nobody kept.
const NOBODY: &str = "UA5WRY6WR7ALWMMHMRX7LXYX3NIX7CRR3VXLDE5VC5P4JFZ7BY3OMAJ3";
const SIGNATURE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nonce: &str, signed: &str, encode: impl Fn(&[u8]) -> String, expected: bool) {
        let pair = KeyPair::new_user();
        let signature = encode(&pair.sign(signed.as_bytes()).unwrap());
        assert_eq!(is_of(&pair.public_key(), nonce.as_bytes(), &signature), expected, "{nonce} {signature}");
    }

    #[test]
    fn signatures_of_the_nonce_count() {
        check("nonce", "nonce", |bytes| BASE64URL_NOPAD.encode(bytes), true);
        check("nonce", "nonce", |bytes| BASE64.encode(bytes), true);
        check("nonce", "other", |bytes| BASE64.encode(bytes), false);
        check("", "", |bytes| BASE64.encode(bytes), false);
        check("nonce", "nonce", |bytes| BASE64.encode(&bytes[1..]), false);
        check("nonce", "nonce", |_| "not base64".to_owned(), false);
    }

    #[test]
    fn what_is_wasted_is_a_verification() {
        assert!(KeyPair::from_public_key(NOBODY).is_ok());
    }
}
