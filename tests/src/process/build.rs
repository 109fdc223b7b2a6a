//! The node's binary.
//!
//! Cargo offers `CARGO_BIN_EXE_almandine` to tests of the package `almandine` only, and `cargo test` of this crate alone
//! does not build that package's binary at all. So the first test of a process that needs the binary asks cargo for it:
//! cargo knows best whether it is stale, and answers in a fraction of a second when it is not. The profile and the
//! target directory are those that this very program was built with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Names a binary to be used instead of building one.
const BINARY_VARIABLE: &str = "ALMANDINE_BIN";

/// The path of the node's binary, built if it is missing or stale.
///
/// # Panics
/// If it cannot be built: no test can say anything then.
pub fn almandine() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os(BINARY_VARIABLE) {
        Some(binary) => PathBuf::from(binary),
        None => build(),
    })
}

/// The directory for files of tests, inside the target directory, so that `cargo clean` removes what a killed test left.
pub fn scratch_dir() -> PathBuf {
    profile_dir().join("test-servers")
}

fn build() -> PathBuf {
    let profile_dir = profile_dir();
    let target_dir = profile_dir
        .parent()
        .expect("target/<profile> has a parent: target");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package", "almandine"])
        .arg("--target-dir")
        .arg(target_dir)
        .args(profile_flags(&profile_dir))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("cannot run cargo to build the node: {error}"));
    assert!(status.success(), "the node does not build: {status}");
    profile_dir.join("almandine")
}

/// `target/<profile>`: this program is there or in `deps` below.
fn profile_dir() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the running program is known");
    let dir = program.parent().expect("a program is in a directory");
    match dir.file_name() {
        Some(name) if name == "deps" => dir.parent().expect("deps is in a directory").to_owned(),
        _ => dir.to_owned(),
    }
}

fn profile_flags(profile_dir: &Path) -> Vec<String> {
    match profile_dir.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => Vec::new(),
        Some(profile) => vec!["--profile".to_owned(), profile.to_owned()],
    }
}
