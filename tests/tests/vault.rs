//! The vault on a disk that forgets what was not synced, in a process that is killed, and on a full disk. Here in small;
//! `almandine-tests crash-images` and `vault-kills` play more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_storage::vault::{Vault, VaultError};
use almandine_tests::crash_images::{
    DiskKind, Kills, Plan, Report, can_record, kill_again_and_again, run,
};
use almandine_tests::process::Directory;
use almandine_tests::sys;

const IMAGES: usize = 500;
const KILLS: usize = 40;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_almandine-tests"))
}

fn time() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_secs())
}

/// None where calls cannot be recorded; CI must be able to.
fn images(seed: u64, disk: DiskKind) -> Option<Report> {
    if !can_record() {
        assert!(std::env::var_os("CI").is_none(), "strace does not work");
        eprintln!("strace does not work here: nothing is tested");
        return None;
    }
    let plan = Plan {
        count: IMAGES,
        seed,
        disk,
        keep: None,
    };
    let report = run(&plan, program(), |_| {});
    Some(report.unwrap_or_else(|error| panic!("seed {seed}: {error}")))
}

#[test]
fn no_image_of_a_crash_has_forgotten_what_was_acknowledged() {
    let seed = time();
    let Some(report) = images(seed, DiskKind::Honest) else {
        return;
    };
    assert!(report.failures.is_empty(), "seed {seed}: {report}");
    assert_eq!(report.images, IMAGES);
    assert!(report.forgotten > 1000, "{report}");
    assert!(report.unborn > 0, "{report}");
}

/// The test above can fail.
#[test]
fn a_vault_that_is_not_synced_is_found_out() {
    let Some(report) = images(1, DiskKind::ForgetsData) else {
        return;
    };
    assert!(report.failures.len() > IMAGES / 10, "{report}");
}

#[test]
fn a_killed_process_finds_its_vault_again() {
    let plan = Kills {
        times: KILLS,
        seed: time(),
    };
    let report = kill_again_and_again(&plan, program());
    let report = report.unwrap_or_else(|error| panic!("seed {}: {error}", plan.seed));
    assert_eq!(report.kills, KILLS);
    assert!(report.acknowledged > 100, "{report}");
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nobody can do anything about it.
        let _ = sys::unmount(&self.0);
    }
}

fn value(number: u64) -> Vec<u8> {
    vec![number as u8; 3000]
}

/// Commits until an error: how many were acknowledged, and the error.
fn fill(vault: &mut Vault, from: u64) -> (u64, VaultError) {
    for number in from.. {
        let changes = [
            (number.to_be_bytes().to_vec(), Some(value(number))),
            (b"last".to_vec(), Some(number.to_be_bytes().to_vec())),
        ];
        if let Err(error) = vault.commit(&changes) {
            return (number, error);
        }
    }
    unreachable!("the disk is not endless")
}

#[track_caller]
fn holds(vault: &Vault, acknowledged: u64) -> u64 {
    let values = vault.load().expect("the vault is whole");
    let count = values.len() as u64 - 1;
    assert!(
        count == acknowledged || count == acknowledged + 1,
        "{count} of {acknowledged}"
    );
    for number in 0..count {
        assert_eq!(values[&number.to_be_bytes()[..]], value(number));
    }
    count
}

#[test]
fn a_full_disk_costs_the_ballast_first_and_no_commit_ever() {
    let dir = Directory::new();
    if let Err(error) = sys::mount_memory(&dir.path(""), 12 << 20) {
        eprintln!("no file system can be mounted here ({error}): nothing is tested");
        return;
    }
    let _mounted = Mounted(dir.path(""));
    let path = dir.path("cluster.db");
    let open = || Vault::open_with_ballast(&path, 4 << 20);
    let mut vault = open().expect("there is room");
    assert!(vault.has_ballast());
    let (acknowledged, error) = fill(&mut vault, 0);
    assert!(matches!(error, VaultError::Full { .. }), "{error}");
    assert!(!vault.has_ballast(), "it was given up first");
    let after = vault.commit(&[(b"x".to_vec(), None)]);
    assert!(matches!(after, Err(VaultError::Done { .. })), "{after:?}");
    drop(vault);
    match open() {
        Err(VaultError::Full { .. }) => {}
        Err(error) => panic!("{error}"),
        // It may fit just so; then it must be whole.
        Ok(vault) => assert!(holds(&vault, acknowledged) >= acknowledged),
    }
    let copy = Directory::new();
    copy_all(&path, &copy.path("cluster.db"));
    let mut vault = Vault::open_with_ballast(&copy.path("cluster.db"), 0).expect("there is room");
    let count = holds(&vault, acknowledged);
    vault
        .commit(&[(count.to_be_bytes().to_vec(), Some(value(count)))])
        .expect("all is well again");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_all(&path, &to),
            false => drop(fs::copy(&path, &to).expect("it can be copied")),
        }
    }
}
