//! The stores of other accounts: each is a store of its own, below the one that it was opened from.
//!
//! ```text
//! <directory>/accounts/<escaped name>          a store, with `lock`, `format` and `streams` as the one around it
//! <directory>/accounts/<escaped name>/account  the account's name as it is
//! ```
//!
//! Of a name, letters, digits, `-` and `_` stand as they are, every other byte as `%` and two digits: what somebody called
//! an account never becomes a path. Where a disk takes two spellings for one, the name inside tells them apart.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Store, directories};
use crate::error::StorageError;
use crate::medium::Medium;
use crate::whole_file;

impl Store {
    /// Opens the store of the account of this name, as [`open`](Self::open) does. It shares the disk and the lock of this
    /// one.
    ///
    /// # Errors
    /// As for `open`; [`StorageError::AccountName`] for a name that no directory can have, and
    /// [`StorageError::OtherAccount`] if the directory belongs to an account of another name.
    pub fn open_account(&self, name: &str) -> Result<Arc<Self>, StorageError> {
        let medium = Arc::clone(&self.shared.medium);
        let dir = self.account_dir(name)?;
        directories::make(&*medium, &dir)?;
        claim(&*medium, &dir, name)?;
        Self::open_below(medium, &dir, Some(Arc::clone(&self.shared)))
    }

    /// The directories of all accounts that have one here, by name as far as it can be told.
    pub fn account_dirs(&self) -> Result<Vec<(Option<String>, PathBuf)>, StorageError> {
        let parent = self.path().join(ACCOUNTS);
        let mut names = match self.shared.medium.list(&parent) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(|error| StorageError::io("list", &parent, error))?,
        };
        names.sort_unstable();
        Ok(names.into_iter().map(|name| (unescape(&name), parent.join(name))).collect())
    }

    fn account_dir(&self, name: &str) -> Result<PathBuf, StorageError> {
        let escaped = escape(name);
        if escaped.is_empty() || escaped.len() > MAX_NAME_BYTES {
            return Err(StorageError::AccountName { name: name.to_owned() });
        }
        Ok(self.path().join(ACCOUNTS).join(escaped))
    }
}

/// Makes sure that the directory is this account's.
fn claim(medium: &dyn Medium, dir: &Path, name: &str) -> Result<(), StorageError> {
    let path = dir.join(NAME);
    let found = match whole_file::read(medium, &path, MAX_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::InvalidData => Some(Vec::new()),
        Err(error) => return Err(StorageError::io("read", &path, error)),
    };
    match found.as_deref().map(parse) {
        Some(Some(found)) if found == name.as_bytes() => return Ok(()),
        Some(Some(found)) => {
            let found = String::from_utf8_lossy(found).into_owned();
            return Err(StorageError::OtherAccount { path: dir.to_path_buf(), found });
        }
        Some(None) => tracing::warn!(path = %path.display(), "damaged, and written anew"),
        None => {}
    }
    whole_file::prepare(medium, &path, &compose(name))?.put()?;
    directories::sync(medium, dir)
}

fn compose(name: &str) -> Vec<u8> {
    format!("{TITLE}{:08x}\n{name}", crc32fast::hash(name.as_bytes())).into_bytes()
}

fn parse(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(TITLE.as_bytes())?;
    let (checksum, name) = (rest.get(..8)?, rest.get(8..)?.strip_prefix(b"\n")?);
    (checksum == format!("{:08x}", crc32fast::hash(name)).as_bytes()).then_some(name)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn escape(name: &str) -> String {
    let one = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(one).collect()
}

/// Nothing for what [`escape`] does not write.
fn unescape(escaped: &str) -> Option<String> {
    let (mut name, mut rest) = (Vec::new(), escaped.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| first == b'%');
        name.push(match digits {
            Some(digits) => u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?,
            None => first,
        });
        rest = &behind[digits.map_or(0, <[u8]>::len)..];
    }
    String::from_utf8(name).ok().filter(|name| escape(name) == escaped)
}

const ACCOUNTS: &str = "accounts";
const NAME: &str = "account";
const TITLE: &str = "embus account\nchecksum ";
/// What file systems allow.
const MAX_NAME_BYTES: usize = 255;
const MAX_FILE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::memory::Memory;

    fn store() -> (Arc<dyn Medium>, Arc<Store>) {
        let medium: Arc<dyn Medium> = Arc::new(Memory::new());
        let store = Store::open(Arc::clone(&medium), Path::new("/s")).unwrap();
        (medium, store)
    }

    #[test]
    fn names_never_become_paths() {
        for (name, escaped) in [
            ("ORDERS-1_a", "ORDERS-1_a"),
            ("../../etc", "%2E%2E%2F%2E%2E%2Fetc"),
            (".", "%2E"),
            ("a b\\c:\0", "a%20b%5Cc%3A%00"),
            ("ü%", "%C3%BC%25"),
        ] {
            assert_eq!(escape(name), escaped);
            assert_eq!(unescape(escaped).as_deref(), Some(name));
        }
        for other in ["%2e", "a.b", "%", "%4", "%C3", "a%41"] {
            assert_eq!(unescape(other), None, "{other}");
        }
    }

    #[test]
    fn accounts_have_stores_of_their_own() {
        let (medium, store) = store();
        let account = store.open_account("a/b").unwrap();
        assert_eq!(account.path(), Path::new("/s/accounts/a%2Fb"));
        account.begin_stream(b"one").unwrap().publish().unwrap();
        assert_eq!((account.streams().unwrap().len(), store.streams().unwrap().len()), (1, 0));
        drop((account, store));
        let store = Store::open(medium, Path::new("/s")).unwrap();
        assert_eq!(store.account_dirs().unwrap(), [(Some("a/b".to_owned()), PathBuf::from("/s/accounts/a%2Fb"))]);
        assert_eq!(store.open_account("a/b").unwrap().streams().unwrap().len(), 1);
    }

    #[test]
    fn the_lock_is_held_as_long_as_an_account_is_open() {
        let (medium, store) = store();
        let account = store.open_account("A").unwrap();
        drop(store);
        let open = || Store::open(Arc::clone(&medium), Path::new("/s"));
        assert!(matches!(open(), Err(StorageError::Locked { .. })));
        drop(account);
        assert!(open().is_ok());
    }

    #[test]
    fn a_directory_of_another_account_is_refused() {
        let (medium, store) = store();
        drop(store.open_account("A").unwrap());
        // As on a disk that takes both for the same.
        medium.rename(Path::new("/s/accounts/A"), Path::new("/s/accounts/a")).unwrap();
        let error = store.open_account("a").unwrap_err();
        assert!(matches!(error, StorageError::OtherAccount { .. }), "{error}");
        assert!(matches!(store.open_account(&"x".repeat(256)), Err(StorageError::AccountName { .. })));
        assert!(matches!(store.open_account(""), Err(StorageError::AccountName { .. })));
    }

    #[test]
    fn a_damaged_name_is_written_anew() {
        let (medium, store) = store();
        drop(store.open_account("A").unwrap());
        let path = Path::new("/s/accounts/A/account");
        medium.open(path).and_then(|file| file.write_all_at(b"?", 0)).unwrap();
        drop(store.open_account("A").unwrap());
        let bytes = whole_file::read(&*medium, path, MAX_FILE_BYTES).unwrap().unwrap();
        assert_eq!(parse(&bytes), Some(&b"A"[..]));
    }
}
