//! `almandine drill` as a person sees it, and what is left of it however it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::{Directory, almandine, almandine_in, until};

#[test]
fn all_stories_end_well_and_leave_nothing() {
    let dir = Directory::new("drill");
    let temporary = dir.path("");
    let environment = [("TMPDIR", temporary.to_str().unwrap())];
    let run = almandine_in(&environment, &["drill", "--rounds", "1", "--seed", "7"], "");
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    for told in [
        "seed 7; logs and data are in ",
        "reverse: two nodes",
        "automatic: three nodes",
        "writes are answered; kill -9 of A",
        "CLUSTER FAILOVER FORCE on B: OK after ",
        "CLUSTER FAILOVER FORCE on A: OK after ",
        "PASSED: 3 failovers, ",
    ] {
        assert!(run.out.contains(told), "{told}: {}", run.out);
    }
    let cells =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let rows: Vec<Vec<String>> = run.out.lines().map(cells).collect();
    let changes = [["reverse", "A", "->", "B"], ["reverse", "B", "->", "A"]];
    for change in changes {
        let row = rows
            .iter()
            .find(|row| row.starts_with(&change.map(str::to_owned)));
        let row = row.unwrap_or_else(|| panic!("{change:?}: {}", run.out));
        // The gap and the return with their units, then the counts.
        let counts: Vec<u64> = row[8..].iter().map(|cell| cell.parse().unwrap()).collect();
        let [confirmed, lost, duplicates, _gone] = counts[..] else {
            panic!("{row:?}");
        };
        assert!(confirmed >= 200, "{row:?}");
        assert_eq!((lost, duplicates), (0, 0), "{row:?}");
    }
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_witness_stands_in_for_a_replica_and_files_are_kept_for_who_wants_them() {
    let dir = Directory::new("drill-witness");
    let temporary = dir.path("");
    let environment = [("TMPDIR", temporary.to_str().unwrap())];
    let args = [
        "drill",
        "--story",
        "automatic",
        "--witness",
        "--keep",
        "--writers",
        "2",
    ];
    let run = almandine_in(&environment, &args, "");
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.contains("witness at port"), "{}", run.out);
    let kept = run
        .out
        .lines()
        .find_map(|line| line.strip_prefix("logs and data are kept in "));
    let log = Path::new(kept.unwrap()).join("automatic/A/log");
    assert!(
        fs::read_to_string(log)
            .unwrap()
            .contains("Ready to accept connections")
    );
}

#[test]
fn wrong_flags_are_named() {
    for (args, reason) in [
        (&["drill", "--story", "x"][..], "invalid value 'x'"),
        (&["drill", "--rounds", "0"], "0 is not in"),
        (&["drill", "x"], "unexpected argument 'x'"),
    ] {
        let run = almandine(args);
        assert_eq!(run.code, 2, "{args:?}");
        assert!(run.err.contains(reason), "{args:?}: {}", run.err);
    }
}

/// A drill that has begun to kill.
struct Drill {
    child: Child,
    dir: Directory,
}

impl Drill {
    fn begin(name: &str) -> Drill {
        let dir = Directory::new(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_almandine"))
            .args(["drill", "--story", "reverse", "--rounds", "1000"])
            .env("TMPDIR", dir.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let has_begun = lines.any(|line| line.unwrap().contains("kill -9"));
        assert!(has_begun, "{:?}", child.wait());
        Drill { child, dir }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success());
    }

    /// Processes whose command lines name the directory.
    fn nodes(&self) -> usize {
        let dir = self.dir.path("");
        let processes = fs::read_dir("/proc").unwrap();
        let lines = processes.map(|process| fs::read(process.unwrap().path().join("cmdline")));
        let names_dir =
            |line: &Vec<u8>| String::from_utf8_lossy(line).contains(dir.to_str().unwrap());
        lines.flatten().filter(names_dir).count()
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_interrupt_ends_the_nodes_and_removes_their_files() {
    let mut drill = Drill::begin("drill-interrupted");
    until("nodes run", || drill.nodes() > 0);
    drill.signal("INT");
    assert_eq!(drill.child.wait().unwrap().code(), Some(130));
    assert_eq!(drill.nodes(), 0);
    let left: Vec<_> = fs::read_dir(drill.dir.path("")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn nodes_end_with_a_drill_that_is_killed() {
    let drill = Drill::begin("drill-killed");
    until("nodes run", || drill.nodes() > 0);
    drill.signal("KILL");
    until("the nodes have ended", || drill.nodes() == 0);
}
