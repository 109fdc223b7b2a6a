//! The model of the disk: files and directories with every operation on them, from which it tells what may be left of them
//! at any cut. Of a file the dice decide for each sector of 512 bytes how many of the writes that were not synced have
//! reached it; of a directory, how many of the changes of names, in their order, as a journal of the file system has them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use almandine_storage::Rng;

use super::DiskKind;
use super::trace::{Arg, Call};

const SECTOR: usize = 512;
const STANDARD_OUTPUT: u64 = 1;

/// The operations of a process, by what they were done to.
#[derive(Debug)]
pub(super) struct Recording {
    /// The first is the root.
    nodes: Vec<Node>,
    marks: Vec<Mark>,
    /// The line after the last.
    end: usize,
}

/// A file or a directory.
#[derive(Debug, Default)]
struct Node {
    is_dir: bool,
    operations: Vec<Operation>,
    syncs: Vec<Sync>,
    /// While the calls are read: the entries now.
    entries: BTreeMap<OsString, usize>,
}

#[derive(Debug)]
struct Operation {
    began: usize,
    ended: usize,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
    Link(OsString, usize),
    Unlink(OsString),
    Rename(OsString, OsString, usize),
}

#[derive(Debug)]
struct Sync {
    began: usize,
    ended: usize,
    is_data_only: bool,
}

/// What the process has said.
#[derive(Debug)]
struct Mark {
    line: usize,
    said: Said,
    number: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Begin,
    Done,
}

/// What must be there.
#[derive(Debug)]
pub(super) struct Promised {
    /// The last commit that was acknowledged.
    pub(super) acknowledged: u64,
    /// The last that was begun.
    pub(super) begun: u64,
}

impl Recording {
    /// What `calls` did below `root`.
    pub(super) fn of(calls: &[Call], root: &Path) -> Result<Recording, String> {
        let mut reader = Reader {
            root: root.to_owned(),
            nodes: vec![Node {
                is_dir: true,
                ..Node::default()
            }],
            marks: Vec::new(),
            offsets: BTreeMap::new(),
        };
        for call in calls {
            reader.read(call)?;
        }
        let done = reader.marks.iter().filter(|mark| mark.said == Said::Done);
        if done.count() == 0 {
            return Err("the recording holds no commit".to_owned());
        }
        Ok(Recording {
            nodes: reader.nodes,
            marks: reader.marks,
            end: calls.last().map_or(0, |call| call.ended + 1),
        })
    }

    /// A moment for the machine to die: before the call on this line ends.
    pub(super) fn any_cut(&self, rng: &mut Rng) -> usize {
        rng.below(self.end + 1)
    }

    /// What the process had said by then.
    pub(super) fn promised(&self, cut: usize) -> Promised {
        let last = |said: Said| {
            let marks = self.marks.iter().take_while(|mark| mark.line < cut);
            marks
                .filter(|mark| mark.said == said)
                .map(|mark| mark.number)
                .last()
                .unwrap_or(0)
        };
        Promised {
            acknowledged: last(Said::Done),
            begun: last(Said::Begin),
        }
    }

    /// Writes into the empty directory `into` what a disk of this kind may hold after `cut`. Returns how much was forgotten.
    pub(super) fn image(
        &self,
        cut: usize,
        disk: DiskKind,
        rng: &mut Rng,
        into: &Path,
    ) -> io::Result<u64> {
        // A disk that was idle has written nearly everything, a busy one nearly nothing.
        let eagerness = rng.below(5);
        let mut forgotten = 0;
        self.put(0, cut, disk, eagerness, rng, into, &mut forgotten)?;
        Ok(forgotten)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "it calls itself, and all but two arguments stay the same"
    )]
    fn put(
        &self,
        node: usize,
        cut: usize,
        disk: DiskKind,
        eagerness: usize,
        rng: &mut Rng,
        path: &Path,
        forgotten: &mut u64,
    ) -> io::Result<()> {
        let node = &self.nodes[node];
        let (sure, unsure) = node.split(cut, disk);
        if !node.is_dir {
            return fs::write(path, content(&sure, &unsure, eagerness, rng, forgotten));
        }
        let kept = kept(unsure.len(), eagerness, rng);
        *forgotten += (unsure.len() - kept) as u64;
        let mut entries = BTreeMap::new();
        for operation in sure.iter().chain(&unsure[..kept]) {
            match &operation.change {
                Change::Link(name, node) => drop(entries.insert(name, *node)),
                Change::Unlink(name) => drop(entries.remove(name)),
                Change::Rename(from, to, node) => {
                    entries.remove(from);
                    entries.insert(to, *node);
                }
                Change::Write(..) | Change::Length(_) => {}
            }
        }
        for (name, node) in entries {
            let path = path.join(name);
            if self.nodes[node].is_dir {
                fs::create_dir(&path)?;
            }
            self.put(node, cut, disk, eagerness, rng, &path, forgotten)?;
        }
        Ok(())
    }
}

impl Node {
    /// The operations that a crash at `cut` cannot undo, and those that it can.
    fn split(&self, cut: usize, disk: DiskKind) -> (Vec<&Operation>, Vec<&Operation>) {
        let counts = |sync: &&Sync| disk == DiskKind::Honest || !sync.is_data_only;
        let syncs = self.syncs.iter().filter(|sync| sync.ended < cut);
        let synced = syncs.filter(counts).map(|sync| sync.began).max();
        let begun = self.operations.iter().filter(|it| it.began < cut);
        begun.partition(|it| synced.is_some_and(|synced| it.ended < synced))
    }
}

/// How many of `count` operations have happened.
fn kept(count: usize, eagerness: usize, rng: &mut Rng) -> usize {
    match eagerness {
        0 => 0,
        4 => count,
        _ => rng.below(count + 1),
    }
}

/// What a file may hold. Lengths follow each other in their order; each sector stands for itself.
fn content(
    sure: &[&Operation],
    unsure: &[&Operation],
    eagerness: usize,
    rng: &mut Rng,
    forgotten: &mut u64,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for operation in sure {
        write(&mut bytes, &operation.change);
    }
    // Contents of the sectors after each write to them.
    let mut live = bytes.clone();
    let mut versions: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
    let mut lengths = vec![bytes.len()];
    for operation in unsure {
        write(&mut live, &operation.change);
        lengths.push(live.len());
        if let Change::Write(at, written) = &operation.change
            && !written.is_empty()
        {
            for sector in at / SECTOR..=(at + written.len() - 1) / SECTOR {
                let start = sector * SECTOR;
                let end = (start + SECTOR).min(live.len());
                versions
                    .entry(sector)
                    .or_default()
                    .push(live[start..end].to_vec());
            }
        }
    }
    let mut length = lengths[kept(unsure.len(), eagerness, rng)];
    let is_cut = unsure
        .iter()
        .any(|it| matches!(it.change, Change::Length(_)));
    for (sector, versions) in versions {
        let kept = kept(versions.len(), eagerness, rng);
        *forgotten += (versions.len() - kept) as u64;
        let Some(version) = kept.checked_sub(1).map(|last| &versions[last]) else {
            continue;
        };
        let (start, end) = (sector * SECTOR, sector * SECTOR + version.len());
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(version);
        if !is_cut {
            length = length.max(end);
        }
    }
    bytes.resize(length, 0);
    bytes
}

fn write(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, written) => {
            let end = at + written.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(written);
        }
        Change::Length(length) => bytes.resize(*length, 0),
        Change::Link(..) | Change::Unlink(_) | Change::Rename(..) => {}
    }
}

/// Follows the calls, so that paths can be told from each other at any time.
struct Reader {
    root: PathBuf,
    nodes: Vec<Node>,
    marks: Vec<Mark>,
    /// Where descriptors write next.
    offsets: BTreeMap<u64, usize>,
}

impl Reader {
    fn read(&mut self, call: &Call) -> Result<(), String> {
        match (call.name.as_str(), call.args.as_slice()) {
            ("openat", [dir, Arg::Bytes(name), Arg::Words(flags), ..]) => {
                let path = resolve(dir, name);
                self.offsets.insert(call.result, 0);
                self.open(call, &path, flags)
            }
            ("write", [Arg::File(STANDARD_OUTPUT, _), Arg::Bytes(said), ..]) => {
                self.mark(call, &String::from_utf8_lossy(said))
            }
            ("write", [Arg::File(fd, path), Arg::Bytes(bytes), ..]) => {
                let offset = self.offsets.entry(*fd).or_default();
                let at = *offset;
                *offset += call.result as usize;
                self.write(call, path, at, bytes)
            }
            ("pwrite64", [Arg::File(_, path), Arg::Bytes(bytes), _, Arg::Number(at)]) => {
                self.write(call, path, *at as usize, bytes)
            }
            ("ftruncate", [Arg::File(_, path), Arg::Number(length)]) => {
                self.change(call, path, Change::Length(*length as usize))
            }
            ("lseek", [Arg::File(fd, _), ..]) => {
                self.offsets.insert(*fd, call.result as usize);
                Ok(())
            }
            ("fsync" | "fdatasync", [Arg::File(_, path)]) => {
                let Some(node) = self.find(path) else {
                    return self.missing(path);
                };
                self.nodes[node].syncs.push(Sync {
                    began: call.began,
                    ended: call.ended,
                    is_data_only: call.name == "fdatasync",
                });
                Ok(())
            }
            ("mkdir", [Arg::Bytes(name), ..]) => {
                let path = resolve(&Arg::WorkingDirectory, name);
                self.link(call, &path, true)
            }
            ("unlink" | "rmdir", [Arg::Bytes(name)]) => {
                self.unlink(call, &resolve(&Arg::WorkingDirectory, name))
            }
            ("unlinkat", [dir, Arg::Bytes(name), ..]) => self.unlink(call, &resolve(dir, name)),
            ("rename", [Arg::Bytes(from), Arg::Bytes(to)]) => {
                let here = &Arg::WorkingDirectory;
                self.rename(call, &resolve(here, from), &resolve(here, to))
            }
            _ => Err(format!("the model does not know this call: {call:?}")),
        }
    }

    fn mark(&mut self, call: &Call, said: &str) -> Result<(), String> {
        let (word, number) = said.trim_end().split_once(' ').ok_or(said)?;
        let said = match word {
            "begin" => Said::Begin,
            "done" => Said::Done,
            _ => return Ok(()),
        };
        self.marks.push(Mark {
            line: call.began,
            said,
            number: number.parse().map_err(|_| number)?,
        });
        Ok(())
    }

    fn open(&mut self, call: &Call, path: &Path, flags: &str) -> Result<(), String> {
        match self.find(path) {
            Some(_) if flags.contains("O_TRUNC") => self.change(call, path, Change::Length(0)),
            None if flags.contains("O_CREAT") => self.link(call, path, false),
            _ => Ok(()),
        }
    }

    fn write(&mut self, call: &Call, path: &Path, at: usize, bytes: &[u8]) -> Result<(), String> {
        let written = bytes.get(..call.result as usize);
        let written = written.ok_or("strace has cut what was written")?;
        self.change(call, path, Change::Write(at, written.to_vec()))
    }

    fn link(&mut self, call: &Call, path: &Path, is_dir: bool) -> Result<(), String> {
        let Some((dir, name)) = self.place(path) else {
            return self.missing(path);
        };
        let node = self.nodes.len();
        self.nodes.push(Node {
            is_dir,
            ..Node::default()
        });
        self.nodes[dir].entries.insert(name.clone(), node);
        self.note(call, dir, Change::Link(name, node));
        Ok(())
    }

    fn unlink(&mut self, call: &Call, path: &Path) -> Result<(), String> {
        let Some((dir, name)) = self.place(path) else {
            return self.missing(path);
        };
        self.nodes[dir].entries.remove(&name);
        self.note(call, dir, Change::Unlink(name));
        Ok(())
    }

    fn rename(&mut self, call: &Call, from: &Path, to: &Path) -> Result<(), String> {
        let (Some((dir, from)), Some((other, to))) = (self.place(from), self.place(to)) else {
            return self.missing(from);
        };
        let node = self.nodes[dir].entries.remove(&from);
        let node = node.ok_or("what is renamed is not there")?;
        if dir != other {
            return Err("the model does not know renames between directories".to_owned());
        }
        self.nodes[dir].entries.insert(to.clone(), node);
        self.note(call, dir, Change::Rename(from, to, node));
        Ok(())
    }

    fn change(&mut self, call: &Call, path: &Path, change: Change) -> Result<(), String> {
        let Some(node) = self.find(path) else {
            return self.missing(path);
        };
        self.note(call, node, change);
        Ok(())
    }

    fn note(&mut self, call: &Call, node: usize, change: Change) {
        self.nodes[node].operations.push(Operation {
            began: call.began,
            ended: call.ended,
            change,
        });
    }

    /// Elsewhere anything may happen.
    fn missing(&self, path: &Path) -> Result<(), String> {
        match path.starts_with(&self.root) {
            true => Err(format!("{} is not known", path.display())),
            false => Ok(()),
        }
    }

    fn find(&self, path: &Path) -> Option<usize> {
        let below = path.strip_prefix(&self.root).ok()?;
        below
            .iter()
            .try_fold(0, |node, name| self.nodes[node].entries.get(name).copied())
    }

    /// The directory that `path` is in, and its name there.
    fn place(&self, path: &Path) -> Option<(usize, OsString)> {
        let dir = self.find(path.parent()?)?;
        Some((dir, path.file_name()?.to_owned()))
    }
}

fn resolve(dir: &Arg, name: &[u8]) -> PathBuf {
    let name = PathBuf::from(String::from_utf8_lossy(name).into_owned());
    match dir {
        Arg::File(_, dir) => dir.join(name),
        _ => name,
    }
}
