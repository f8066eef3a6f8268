//! Whether compression is agreed on. [RFC 7692]

use hyper::HeaderMap;
use hyper::header::SEC_WEBSOCKET_EXTENSIONS;

/// What the broker answers to an offer that it takes: each message is compressed by itself, so nothing is kept between two.
pub(super) const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Whether one of the client's offers is one that can be kept: with a window smaller than the usual one the broker could
/// not compress.
pub(super) fn is_offered(headers: &HeaderMap) -> bool {
    let all = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter().filter_map(|header| header.to_str().ok());
    all.flat_map(|header| header.split(',')).any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("permessage-deflate")) && parts.all(is_kept)
    })
}

fn is_kept(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').map_or((parameter, None), |(name, value)| (name, Some(value)));
    let value = value.map(|value| value.trim().trim_matches('"'));
    match name.trim() {
        "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
        "client_max_window_bits" => value.is_none_or(is_bits),
        "server_max_window_bits" => value == Some("15"),
        _ => false,
    }
}

fn is_bits(value: &str) -> bool {
    value.parse().is_ok_and(|bits: u8| (8..=15).contains(&bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers() {
        let check = |offer: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer.parse().unwrap());
            assert_eq!(is_offered(&headers), expected, "{offer}");
        };
        check("permessage-deflate", true);
        check("permessage-deflate; client_max_window_bits; server_no_context_takeover", true);
        check("x-webkit-deflate-frame, permessage-deflate; client_max_window_bits=12", true);
        check("permessage-deflate; server_max_window_bits=10", false);
        check("permessage-deflate; server_max_window_bits=10, permessage-deflate", true);
        check("permessage-deflate; client_max_window_bits=99", false);
        check("permessage-deflate; something", false);
        check("permessage-bzip2", false);
        check("", false);
    }
}
