//! Names that nobody else hands out: the tokens of inboxes.
//!
//! A name is 22 characters of base 62, as those of NATS clients are: twelve drawn at random once per client, so that
//! nobody guesses them and no two clients collide, and ten that count.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};

use rand::distr::Alphanumeric;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A source of unique names.
#[derive(Debug)]
pub(super) struct UniqueIds {
    prefix: [u8; RANDOM_LEN],
    next: AtomicU64,
}

/// One name; prints itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct UniqueId {
    text: [u8; ID_LEN],
}

/// Characters drawn at random: 71 bits.
const RANDOM_LEN: usize = 12;

/// Characters of a whole name.
pub(super) const ID_LEN: usize = 22;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl UniqueIds {
    /// A source whose random part comes from the operating system.
    pub(super) fn new() -> Self {
        let mut random = StdRng::from_os_rng().sample_iter(Alphanumeric);
        Self { prefix: std::array::from_fn(|_| random.next().unwrap_or(b'0')), next: AtomicU64::new(0) }
    }

    /// A name that this source never gave and never gives again.
    pub(super) fn next(&self) -> UniqueId {
        let mut text = [b'0'; ID_LEN];
        text[..RANDOM_LEN].copy_from_slice(&self.prefix);
        let mut number = self.next.fetch_add(1, Ordering::Relaxed);
        for digit in text[RANDOM_LEN..].iter_mut().rev() {
            *digit = digit_of(number);
            number /= BASE;
        }
        UniqueId { text }
    }
}

impl Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text).map_err(|_| fmt::Error)?)
    }
}

const BASE: u64 = DIGITS.len() as u64;

fn digit_of(number: u64) -> u8 {
    let index = usize::try_from(number % BASE).expect("a remainder of 62 fits");
    DIGITS[index]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_within_a_source_and_between_sources() {
        let (one, two) = (UniqueIds::new(), UniqueIds::new());
        let names: HashSet<String> = (0..1000).flat_map(|_| [one.next().to_string(), two.next().to_string()]).collect();
        assert_eq!(names.len(), 2000);
        assert!(names.iter().all(|name| name.len() == ID_LEN && name.bytes().all(|b| b.is_ascii_alphanumeric())));
    }

    #[test]
    fn the_count_runs_in_base_62() {
        assert_eq!([0, 9, 10, 35, 36, 61, 62].map(digit_of), *b"09AZaz0");
    }
}
