//! A store directory that can't be used: an error that says so, and nothing that runs.

use std::fs;
use std::path::Path;

use embus::StartError;

use crate::jetstream::scene::{Scene, config, stored};
use crate::support::{STOP_DEADLINE, run};

/// Starting on `path` fails, with all `parts` in the error's text.
async fn check(path: &Path, parts: &[&str]) {
    let error = stored(path).start().await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error:?}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text:?}");
    }
}

#[test]
fn a_file_is_no_directory() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        let name = file.to_str().unwrap();
        check(&file, &["cannot open the store: ", name, "not a directory"]).await;
        check(&file.join("below"), &[name, "not a directory"]).await;
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        fs::remove_file(&file).unwrap();
        stored(&file).start().await.unwrap().shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_directory_belongs_to_one_broker() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        scene.stream(config("A", &["a"])).await;
        let process = format!("process {}", std::process::id());
        for _ in 0..3 {
            check(dir.path(), &["in use by", dir.path().to_str().unwrap(), &process]).await;
        }
        // The same by another way.
        check(&dir.path().join("../").join(dir.path().file_name().unwrap()), &["in use by"]).await;
        assert_eq!(scene.publish("a", "still").await, 1);
        scene.stop().await;
        let scene = Scene::at(dir.path()).await;
        assert_eq!(scene.publish("a", "free").await, 2);
        scene.stop().await;
    });
}

#[test]
fn a_newer_format_is_left_alone() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        Scene::at(dir.path()).await.stop().await;
        let file = dir.path().join("format");
        let newer = "embus store\nformat 7\n";
        let newer = format!("{newer}checksum {:08x}\n", crc32(newer.as_bytes()));
        fs::write(&file, &newer).unwrap();
        check(dir.path(), &[dir.path().to_str().unwrap(), "format 7", "reads up to"]).await;
        assert_eq!(fs::read_to_string(&file).unwrap(), newer);
        // One that is damaged only says nothing.
        fs::write(&file, &newer[..newer.len() - 3]).unwrap();
        Scene::at(dir.path()).await.stop().await;
        assert_ne!(fs::read_to_string(&file).unwrap(), newer);
    });
}

#[cfg(unix)]
#[test]
fn a_read_only_directory_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("locked");
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o500)).unwrap();
        // Nothing is read-only to root.
        if fs::write(place.join("probe"), "").is_err() {
            check(&place, &["cannot open the store: ", place.to_str().unwrap(), "ermission denied"]).await;
            check(&place.join("below"), &[place.to_str().unwrap(), "ermission denied"]).await;
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).unwrap();
        if cfg!(target_os = "linux") {
            // A file system where nobody makes directories.
            check(Path::new("/sys/embus-store"), &["cannot open the store: ", "/sys/embus-store"]).await;
        }
    });
}

/// CRC-32 as in zlib.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
