//! The text of one trie node. Owned by the subject tree.

/// A token; short ones are kept in place, so a node costs no allocation of its own.
pub(super) enum Token {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Heap(Box<[u8]>),
}

/// What fits beside the tag in the room of a `Box<[u8]>` and one more word.
const INLINE_BYTES: usize = 22;

impl Token {
    pub(super) fn new(text: &[u8]) -> Self {
        match u8::try_from(text.len()) {
            Ok(len) if text.len() <= INLINE_BYTES => {
                let mut bytes = [0; INLINE_BYTES];
                bytes[..text.len()].copy_from_slice(text);
                Self::Inline { len, bytes }
            }
            _ => Self::Heap(text.into()),
        }
    }

    pub(super) const fn empty() -> Self {
        Self::Inline { len: 0, bytes: [0; INLINE_BYTES] }
    }

    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn texts_of_any_length_are_kept() {
        for len in [0, 1, 22, 23, 255, 256, 4096] {
            let text = vec![b'x'; len];
            assert_eq!(Token::new(&text).text(), text);
        }
        assert_eq!(size_of::<Token>(), 24);
    }
}
