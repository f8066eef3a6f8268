//! Names and secrets that nobody guesses.

use axum_extra::extract::cookie::{Cookie, SameSite};
use data_encoding::HEXLOWER;
use rand::TryRngCore;
use rand::rngs::OsRng;

/// Characters of a token.
pub const LEN: usize = 2 * BYTES;
const BYTES: usize = 16;

/// 128 random bits, as small hexadecimal digits: a key of a bucket, a part of an address, the value of a cookie.
///
/// # Panics
/// If the operating system has no random numbers.
pub fn token() -> String {
    let mut bytes = [0; BYTES];
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system has random numbers");
    HEXLOWER.encode(&bytes)
}

/// A cookie that scripts do not see, that goes with no request from another site but links, and with the browser.
pub fn cookie(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Lax).build()
}

/// Whether `text` may have come from [`token`].
pub fn is_token(text: &str) -> bool {
    text.len() == LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
