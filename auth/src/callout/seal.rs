//! Questions that only the service can read, and answers that only the server can. [ADR-26: xkeys]

use std::fmt;

use nkeys::XKey;

/// The server's key, and that of the service.
pub(super) struct Seal {
    own: XKey,
    service: XKey,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("own", &self.own.public_key()).finish_non_exhaustive()
    }
}

impl Seal {
    /// With a new key of the server's own; nothing if the service's is none.
    pub(super) fn new(service: &str) -> Option<Self> {
        Some(Self { own: XKey::new(), service: XKey::from_public_key(service).ok()? })
    }

    /// What the service encrypts for.
    pub(super) fn public_key(&self) -> String {
        self.own.public_key()
    }

    pub(super) fn close(&self, text: &str) -> Option<Vec<u8>> {
        self.own.seal(text.as_bytes(), &self.service).ok()
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<String> {
        String::from_utf8(self.own.open(sealed, &self.service).ok()?).ok()
    }
}
