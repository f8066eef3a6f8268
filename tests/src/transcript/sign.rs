//! Signatures of nonces, which are known only when a connection is there.

use crate::jwt;

/// What stands for the signature of the user `name` until the nonce is known. No client sends such bytes.
pub(super) fn signature_of(name: &str) -> String {
    format!("\u{1}{name}\u{2}")
}

/// The bytes with the signatures of this nonce in their places.
pub(super) fn signed(bytes: &[u8], nonce: &str) -> Vec<u8> {
    let mut signed = Vec::new();
    let mut rest = bytes;
    while let Some((start, end)) = place(rest) {
        signed.extend_from_slice(&rest[..start]);
        let name = String::from_utf8_lossy(&rest[start + 1..end]);
        signed.extend_from_slice(jwt::signature(&name, nonce).as_bytes());
        rest = &rest[end + 1..];
    }
    signed.extend_from_slice(rest);
    signed
}

/// Where the next place begins and ends.
fn place(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.iter().position(|byte| *byte == 1)?;
    let end = bytes[start..].iter().position(|byte| *byte == 2)? + start;
    let is_name = bytes[start + 1..end].iter().all(u8::is_ascii_alphanumeric);
    (is_name && end > start + 1).then_some((start, end))
}
