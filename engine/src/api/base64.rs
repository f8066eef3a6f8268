//! Bytes as text, with padding. [RFC 4648 §4]

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let [a, b, c] = group;
        let digits = [a >> 2, (a & 0b11) << 4 | b >> 4, (b & 0b1111) << 2 | c >> 6, c & 0b11_1111];
        for (index, digit) in digits.into_iter().enumerate() {
            let is_padding = index > chunk.len();
            text.push(if is_padding { '=' } else { char::from(ALPHABET[usize::from(digit)]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn texts_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("NATS/1.0\r\nNats-Msg-Id: x1\r\n\r\n", "TkFUUy8xLjANCk5hdHMtTXNnLUlkOiB4MQ0KDQo="),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
        }
        assert_eq!(encode(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
