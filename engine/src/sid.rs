//! The client's own name for a subscription.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A subscription's name on its connection: any bytes without white space. [NATS client protocol: SUB]
///
/// Clients count, so names are short: up to 14 bytes lie in the value itself, which keeps a million subscriptions small.
#[derive(Clone)]
pub struct Sid(Repr);

#[derive(Clone)]
enum Repr {
    Inline {
        len: u8,
        bytes: [u8; INLINE_BYTES],
    },
    /// Boxed twice, so that a long name costs no more room here than a short one.
    Heap(Box<Box<[u8]>>),
}

const INLINE_BYTES: usize = 14;

impl Sid {
    /// The bytes as the client sent them.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Heap(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Sid {
    fn from(name: &[u8]) -> Self {
        let mut bytes = [0; INLINE_BYTES];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(name);
                Self(Repr::Inline { len, bytes })
            }
            _ => Self(Repr::Heap(Box::new(name.into()))),
        }
    }
}

impl PartialEq for Sid {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Sid {}

impl Hash for Sid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::Sid;

    #[test]
    fn names_of_any_length_are_kept() {
        for len in [0, 1, 13, 14, 15, 300] {
            let name = vec![b'7'; len];
            assert_eq!(Sid::from(&name[..]).as_bytes(), name);
        }
        assert_eq!(size_of::<Sid>(), 16);
    }
}
