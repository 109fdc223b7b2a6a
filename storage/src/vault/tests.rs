use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::Rng;

/// A place for a vault, empty at first and at last.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("almandine-vault-{}-{number}", std::process::id());
        let place = Place(std::env::temp_dir().join(name));
        fs::create_dir_all(&place.0).unwrap();
        place
    }

    fn dir(&self) -> PathBuf {
        self.0.join("cluster.db")
    }

    fn open(&self) -> Result<Vault, VaultError> {
        Vault::open_with_ballast(&self.dir(), 1 << 16)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn change(key: &str, value: &str) -> Change {
    (key.into(), Some(value.into()))
}

#[test]
fn what_is_committed_is_there_again() {
    let place = Place::new();
    let mut vault = place.open().unwrap();
    assert!(vault.load().unwrap().is_empty());
    let long = "x".repeat(100_000);
    vault
        .commit(&[change("a", "1"), change("b", "2"), change("long", &long)])
        .unwrap();
    vault
        .commit(&[
            change("a", ""),
            ("b".into(), None),
            ("never".into(), None),
            change("long", &long[..5000]),
        ])
        .unwrap();
    let expected = BTreeMap::from([
        (b"a".to_vec(), Vec::new()),
        (b"long".to_vec(), long.as_bytes()[..5000].to_vec()),
    ]);
    assert_eq!(vault.load().unwrap(), expected);
    drop(vault);
    assert_eq!(place.open().unwrap().load().unwrap(), expected);
}

/// Also values that shrink and grow, and many of them, so that sled splits, merges and moves its pages.
#[test]
fn random_changes_give_what_a_map_gives() {
    let place = Place::new();
    let mut rng = Rng::new(3);
    let mut expected = BTreeMap::new();
    for _ in 0..6 {
        let mut vault = place.open().unwrap();
        assert_eq!(vault.load().unwrap(), expected);
        for _ in 0..20 {
            let changes: Vec<Change> = (0..=rng.below(8))
                .map(|_| {
                    let length = [10, 5_000, 30_000][rng.below(3)];
                    let value = vec![rng.bits() as u8; rng.below(length)];
                    let key = format!("key {}", rng.below(60));
                    (key.into(), (rng.below(4) > 0).then_some(value))
                })
                .collect();
            vault.commit(&changes).unwrap();
            for (key, value) in changes {
                match value {
                    Some(value) => expected.insert(key, value),
                    None => expected.remove(&key),
                };
            }
        }
        assert_eq!(vault.load().unwrap(), expected);
    }
    let blobs = fs::read_dir(place.dir().join("blobs")).unwrap();
    assert_eq!(blobs.count(), 0, "sled does not sync these");
}

#[test]
fn a_vault_has_one_user() {
    let place = Place::new();
    let vault = place.open().unwrap();
    assert!(matches!(place.open(), Err(VaultError::Locked { .. })));
    let aside = set_aside(&place.dir(), "1");
    assert!(matches!(aside, Err(VaultError::Locked { .. })));
    drop(vault);
    place.open().unwrap();
}

#[test]
fn a_vault_that_is_set_aside_is_kept() {
    let place = Place::new();
    assert_eq!(set_aside(&place.dir(), "1").unwrap(), None);
    let mut vault = place.open().unwrap();
    vault.commit(&[change("a", "1")]).unwrap();
    drop(vault);
    let aside = set_aside(&place.dir(), "1").unwrap();
    assert_eq!(aside, Some(place.0.join("cluster.db.old-1")));
    assert!(place.open().unwrap().load().unwrap().is_empty());
    let again = set_aside(&place.dir(), "1");
    assert!(matches!(again, Err(VaultError::Disk { .. })), "{again:?}");
    let old = Vault::open(&aside.unwrap()).unwrap().load().unwrap();
    assert_eq!(old[&b"a"[..]], b"1");
}

#[test]
fn half_made_files_are_no_obstacle() {
    let place = Place::new();
    let temporary = place.0.join("cluster.db.tmp");
    fs::create_dir_all(&temporary).unwrap();
    fs::write(temporary.join("conf"), "half").unwrap();
    place.open().unwrap().commit(&[change("a", "1")]).unwrap();
    assert!(!temporary.exists());
    let snapshot = place.dir().join("snap.00000000000000FF.generating");
    fs::write(&snapshot, "half").unwrap();
    assert_eq!(place.open().unwrap().load().unwrap().len(), 1);
    assert!(!snapshot.exists());
}

#[test]
fn a_vault_is_there_wherever_its_replacement_was_cut_short() {
    for (renamed, half_made) in [(true, true), (true, false), (false, true)] {
        let place = Place::new();
        place.open().unwrap().commit(&[change("a", "1")]).unwrap();
        let beside = |suffix: &str| place.0.join(format!("cluster.db.{suffix}"));
        match renamed {
            true => fs::rename(place.dir(), beside("last")).unwrap(),
            false => fs::create_dir(beside("last")).unwrap(),
        }
        if half_made {
            for suffix in ["tmp", "copy"] {
                fs::create_dir(beside(suffix)).unwrap();
                fs::write(beside(suffix).join("db"), "half").unwrap();
            }
        }
        let vault = place.open().unwrap();
        assert_eq!(vault.load().unwrap()[&b"a"[..]], b"1");
        for suffix in ["last", "tmp", "copy"] {
            assert!(!beside(suffix).exists(), "{suffix}");
        }
    }
}

#[test]
fn a_vault_stays_short_however_much_is_committed() {
    let place = Place::new();
    let mut vault = place.open().unwrap();
    for number in 0..400u32 {
        let key = format!("key {}", number % 5);
        let changes = [
            (key.into(), Some(vec![number as u8; 20_000])),
            change("number", &number.to_string()),
        ];
        vault.commit(&changes).unwrap();
    }
    let length = fs::metadata(place.dir().join("db")).unwrap().len();
    assert!(length < 3 << 20, "{length}");
    for vault in [vault.load(), {
        drop(vault);
        place.open().unwrap().load()
    }] {
        let values = vault.unwrap();
        assert_eq!(values[&b"number"[..]], b"399");
        assert_eq!(values[&b"key 3"[..]], vec![142; 20_000]);
        assert_eq!(values.len(), 6);
    }
}

/// Writes into the store past the vault.
fn tamper(place: &Place, write: impl Fn(&sled::Db)) {
    place.open().unwrap().commit(&[change("a", "1")]).unwrap();
    let db = sled::open(place.dir()).unwrap();
    write(&db);
    db.flush().unwrap();
}

#[test]
fn damage_is_told_with_its_place_and_nothing_is_guessed() {
    let a = b"\0\x01a\0\0\0\0";
    type Tampering<'a> = (&'a dyn Fn(&sled::Db), &'a str);
    let tamperings: [Tampering<'_>; 5] = [
        (&|db| drop(db.insert(a, b"short")), "too short or too long"),
        (
            &|db| drop(db.insert(a, b"\x01\0\0\0\x01\0\0\0\x001")),
            "\"a\"",
        ),
        (&|db| drop(db.insert(b"\0\x01a\0\0\0\x02", b"?")), "missing"),
        (&|db| drop(db.insert(b"foreign", b"?")), "no key of a vault"),
        (&|db| drop(db.clear()), "format"),
    ];
    for (write, says) in tamperings {
        let place = Place::new();
        tamper(&place, write);
        let error = place.open().expect_err(says);
        assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Bits flipped in sled's own files: the vault opens with what some commit has left, or says why it does not.
#[test]
fn rotten_files_are_an_error_or_an_earlier_state() {
    let mut rng = Rng::new(11);
    let template = Place::new();
    let mut vault = template.open().unwrap();
    let mut states = vec![BTreeMap::new()];
    for number in 0..20 {
        let (key, value) = (format!("k{}", number % 7), format!("{number}"));
        let mut next = states[number].clone();
        next.insert(key.clone().into_bytes(), value.clone().into_bytes());
        states.push(next);
        vault.commit(&[change(&key, &value)]).unwrap();
    }
    drop(vault);
    let mut refused = 0;
    for _ in 0..60 {
        let place = Place::new();
        fs::create_dir_all(place.dir().join("blobs")).unwrap();
        let mut files = Vec::new();
        for entry in fs::read_dir(template.dir()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let copy = place.dir().join(path.file_name().unwrap());
                fs::copy(&path, &copy).unwrap();
                files.push(copy);
            }
        }
        files.sort();
        let file = &files[rng.below(files.len())];
        let mut bytes = fs::read(file).unwrap();
        let used = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
        for _ in 0..=rng.below(3) {
            bytes[rng.below(used)] ^= 1 << rng.below(8);
        }
        fs::write(file, &bytes).unwrap();
        match place.open() {
            Ok(vault) => assert!(states.contains(&vault.load().unwrap())),
            Err(VaultError::Locked { path }) => panic!("{}", path.display()),
            Err(_) => {
                refused += 1;
                assert_eq!(fs::read(file).unwrap(), bytes, "it is left as it was");
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn an_export_is_whole() {
    let place = Place::new();
    let path = place.0.join("nodes.conf");
    export(&path, "one\n").unwrap();
    export(&path, "two\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1);
}
