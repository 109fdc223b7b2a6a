//! The vault on a disk that forgets what was not synced: the system calls of a process that commits are recorded, cut anywhere,
//! and turned into what the disk may hold if the machine dies there. Every such image must open, with everything that was
//! acknowledged before the cut.
//!
//! ```text
//!   writer.rs ──strace──▶ trace.rs ──operations──▶ disk.rs ──images──▶ mod.rs opens and compares
//!   kills.rs  the same writer, killed
//! ```

mod disk;
mod kills;
mod trace;
mod writer;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use almandine_storage::Rng;
use almandine_storage::vault::Vault;

use self::disk::Recording;
use self::writer::{State, WRITER, changes, number};

pub use self::kills::{Kills, KillsReport, kill_again_and_again};
pub use self::writer::write;

/// Images made of one recording.
const IMAGES_PER_RECORDING: usize = 250;
/// Commits in one recording.
const COMMITS: u64 = 250;

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many images are made and opened.
    pub count: usize,
    /// Decides the commits, the cuts, and what the disk forgets.
    pub seed: u64,
    /// What the disk does.
    pub disk: DiskKind,
    /// Where the recordings and images of failures are put: the threads of a process are not as fast the next time.
    pub keep: Option<PathBuf>,
}

/// Whether the disk keeps its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskKind {
    /// What was synced is there.
    Honest,
    /// It says that it has synced data and has not: what a vault without its own sync would meet. Losses must show.
    ForgetsData,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Report {
    /// Images that were opened.
    pub images: usize,
    /// Of these, those in which nothing was committed yet.
    pub unborn: usize,
    /// Sectors and names that were written and not synced, and that the dice have taken.
    pub forgotten: u64,
    /// Images that did not open or had forgotten what was acknowledged.
    pub failures: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            images,
            unborn,
            forgotten,
            failures,
        } = self;
        write!(
            f,
            "{images} images ({unborn} from before the first commit), {forgotten} sectors and names forgotten, {} failures",
            failures.len()
        )?;
        failures
            .iter()
            .take(10)
            .try_for_each(|why| write!(f, "\n  {why}"))
    }
}

/// Whether system calls can be recorded here.
pub fn can_record() -> bool {
    let strace = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    strace.is_ok_and(|status| status.success())
}

/// Plays `plan`; `program` is the binary of this crate, which writes.
///
/// # Errors
/// The calls could not be recorded or not be understood. What was lost is in the report.
pub fn run(plan: &Plan, program: &Path, mut tell: impl FnMut(&str)) -> Result<Report, String> {
    let (mut report, mut rng) = (Report::default(), Rng::new(plan.seed));
    while report.images < plan.count {
        let place = Place::new().map_err(|error| format!("no directory: {error}"))?;
        let seed = rng.bits() >> 16;
        let recording = record(program, &place, seed)?;
        let states = states(seed);
        let images = IMAGES_PER_RECORDING.min(plan.count - report.images);
        for _ in 0..images {
            let (image, before) = (report.images, rng.clone());
            if let Err(why) = open_image(&recording, &states, plan.disk, &mut rng, &mut report) {
                let at = format!("recording {seed}, image {image}");
                report.failures.push(format!("{at}: {why}"));
                if let Some(keep) = &plan.keep {
                    let into = keep.join(format!("{seed}-{image}"));
                    let kept = keep_image(&recording, plan.disk, before, &place.calls(), &into);
                    kept.map_err(|error| format!("{}: {error}", into.display()))?;
                }
            }
            report.images += 1;
        }
        tell(&report.to_string());
    }
    Ok(report)
}

fn record(program: &Path, place: &Place, seed: u64) -> Result<Recording, String> {
    let (root, log) = (place.0.join("root"), place.calls());
    let fails = |error: std::io::Error| format!("{}: {error}", log.display());
    fs::create_dir(&root).map_err(fails)?;
    let (seed, commits) = (seed.to_string(), COMMITS.to_string());
    let status = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", "4194304", "-e", "signal=none"])
        .arg("-e")
        .arg(format!("trace={}", trace::CALLS))
        .arg("-o")
        .arg(&log)
        .arg(program)
        .arg(WRITER)
        .arg(root.join("cluster.db"))
        .args(["--seed", &seed, "--commits", &commits])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .output()
        .map_err(|error| format!("strace: {error}"))?;
    if !status.status.success() {
        return Err(String::from_utf8_lossy(&status.stderr).into_owned());
    }
    let text = fs::read_to_string(&log).map_err(fails)?;
    let calls = trace::parse(&text)?;
    Recording::of(&calls, &root)
}

/// What the vault holds after commit 0 (none), 1, 2, ...
fn states(seed: u64) -> Vec<State> {
    let mut states = vec![State::new()];
    for number in 1..=COMMITS {
        let mut state = states.last().cloned().unwrap_or_default();
        writer::apply(&mut state, &changes(seed, number));
        states.push(state);
    }
    states
}

fn open_image(
    recording: &Recording,
    states: &[State],
    disk: DiskKind,
    rng: &mut Rng,
    report: &mut Report,
) -> Result<(), String> {
    let place = Place::new().map_err(|error| format!("no directory: {error}"))?;
    let (cut, made) = make_image(recording, disk, rng, &place.0);
    report.forgotten += made.map_err(|error| format!("cut {cut}: no image: {error}"))?;
    let dir = place.0.join("cluster.db");
    let promised = recording.promised(cut);
    let at = format!("cut {cut}, commit {} promised", promised.acknowledged);
    let mut vault =
        Vault::open_with_ballast(&dir, 0).map_err(|error| format!("{at}: {}", told(&error)))?;
    let found = vault
        .load()
        .map_err(|error| format!("{at}: {}", told(&error)))?;
    let number = number(&found);
    report.unborn += usize::from(number == 0);
    if number < promised.acknowledged || number > promised.begun {
        return Err(format!("{at}: commit {number} found"));
    }
    let is_whole = usize::try_from(number).is_ok_and(|at| states.get(at) == Some(&found));
    if !is_whole {
        return Err(format!(
            "{at}: what is found is not what commit {number} has left"
        ));
    }
    let more = vault.commit(&[(b"after".to_vec(), Some(vec![1]))]);
    more.map_err(|error| format!("{at}: no commit after it: {}", told(&error)))
}

/// A moment for the machine to die, and what is left in `into` then: how much was forgotten.
fn make_image(
    recording: &Recording,
    disk: DiskKind,
    rng: &mut Rng,
    into: &Path,
) -> (usize, std::io::Result<u64>) {
    let cut = recording.any_cut(rng);
    (cut, recording.image(cut, disk, rng, into))
}

/// Puts what was recorded and the image that `rng` makes of it into `into`.
fn keep_image(
    recording: &Recording,
    disk: DiskKind,
    mut rng: Rng,
    calls: &Path,
    into: &Path,
) -> std::io::Result<()> {
    let image = into.join("image");
    fs::create_dir_all(&image)?;
    fs::copy(calls, into.join("calls"))?;
    make_image(recording, disk, &mut rng, &image).1.map(drop)
}

fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A directory in memory where there is such a place: thousands of images are synced when they are opened.
#[derive(Debug)]
struct Place(PathBuf);

impl Place {
    fn new() -> std::io::Result<Place> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("almandine-images-{}-{number}", std::process::id()));
        fs::create_dir(&dir)?;
        Ok(Place(dir))
    }

    /// Where the calls are written.
    fn calls(&self) -> PathBuf {
        self.0.join("calls")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What remains is in memory or in a temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}
