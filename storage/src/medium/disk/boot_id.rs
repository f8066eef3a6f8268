//! Which run of the operating system this is.

use std::hash::{BuildHasher, RandomState};

/// A number that is the same for all processes between one start of the operating system and the next.
///
/// Linux gives one. Elsewhere every call makes up a new one: a recovery then takes every start for the first one after a
/// power cut, which is the safe side and costs a stream that is not synced a gap in its sequence numbers.
pub(super) fn boot_id() -> u128 {
    std::fs::read_to_string(KERNEL).ok().and_then(|text| parse(&text)).unwrap_or_else(random)
}

fn parse(uuid: &str) -> Option<u128> {
    let digits: String = uuid.trim().chars().filter(|&digit| digit != '-').collect();
    if digits.len() != 32 {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok()
}

fn random() -> u128 {
    // Std seeds these from the operating system.
    let half = || u128::from(RandomState::new().hash_one(0));
    half() << 64 | half()
}

/// 16 random bytes as a UUID, made when the kernel starts. [random(4)]
const KERNEL: &str = "/proc/sys/kernel/random/boot_id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_a_number() {
        assert_eq!(parse("4286bc7d-4e20-490a-93dc-57164c1b2584\n"), Some(0x4286_bc7d_4e20_490a_93dc_5716_4c1b_2584));
        assert_eq!(parse(""), None);
        assert_eq!(parse("+286bc7d-4e20-490a-93dc-57164c1b258"), None);
    }

    #[test]
    fn it_stays_the_same_where_the_kernel_gives_one() {
        if std::path::Path::new(KERNEL).exists() {
            assert_eq!(boot_id(), boot_id());
        }
        assert_ne!(random(), random());
    }
}
