use std::io::ErrorKind;
use std::slice::from_ref;

use super::*;

/// A directory of its own, removed at the end.
struct Stage {
    parent: PathBuf,
    quarantine: Quarantine,
}

impl Stage {
    fn new(name: &str) -> Stage {
        let name = format!("almandine-quarantine-{name}-{}", std::process::id());
        let parent = std::env::temp_dir().join(name);
        fs::create_dir_all(&parent).expect("a directory");
        let quarantine = Quarantine::new(parent.join("quarantine"));
        Stage { parent, quarantine }
    }

    /// Keeps `stream` from `from` on, read in pieces of `step` bytes.
    fn keep(&self, stream: &str, from: u64, time_ms: u64, step: usize) -> Outcome {
        let stream = stream.replace(';', "\r\n").into_bytes();
        let suffix = suffix(from, from + stream.len() as u64);
        let kept = self.quarantine.keep(suffix, time_ms, |at, into| {
            let rest = &stream[(at - from) as usize..];
            into.extend_from_slice(&rest[..rest.len().min(step)]);
            Ok(())
        });
        kept.expect("a disk")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.parent.join("quarantine"));
        let entries = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry"));
        entries
            .map(|entry| entry.file_name().into_string().expect("text"))
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It is in the directory for such files.
        let _ = fs::remove_dir_all(&self.parent);
    }
}

fn suffix(from: u64, to: u64) -> Suffix {
    Suffix {
        node: "0a".repeat(20),
        term: Id::new(3),
        from,
        to,
    }
}

const STREAM: &str =
    "*1;$4;PING;*3;$3;SET;$1;a;$2;\r\0;*3;$8;REPLCONF;$6;GETACK;$1;*;*2;$3;DEL;$1;b;";

#[test]
fn what_changes_something_is_kept_as_it_stands_and_shown_in_parts() {
    for step in [1, 7, 1000] {
        let stage = Stage::new("kept");
        let Outcome::Kept(kept, 2) = stage.keep(STREAM, 100, 5000, step) else {
            panic!("two requests are kept");
        };
        let file = fs::read(stage.quarantine.path(&kept)).expect("a file");
        assert_eq!(
            String::from_utf8_lossy(&file),
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\0\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n"
        );
        assert_eq!(kept.bytes, file.len() as u64);
        assert_eq!(stage.quarantine.list().expect("a disk"), from_ref(&kept));
        let shown = |skipped, count| {
            let requests = stage.quarantine.requests(&kept, skipped, count);
            let requests = requests.expect("a file").into_iter();
            let joined = requests.map(|words: Vec<Vec<u8>>| words.join(&b' '));
            joined.collect::<Vec<_>>()
        };
        assert_eq!(shown(0, 10), [b"SET a \r\0".to_vec(), b"DEL b".to_vec()]);
        assert_eq!(shown(1, 10), [b"DEL b".to_vec()]);
        assert_eq!(shown(0, 1), [b"SET a \r\0".to_vec()]);
        assert_eq!(shown(2, 10), Vec::<Vec<u8>>::new());
        assert_eq!(shown(0, 0), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn the_same_suffix_is_kept_once_and_signs_of_life_are_not() {
    let stage = Stage::new("once");
    let first = stage.keep(STREAM, 100, 5000, 1000);
    let Outcome::Kept(kept, _) = first else {
        panic!("{first:?}");
    };
    assert_eq!(
        stage.keep(STREAM, 100, 6000, 1000),
        Outcome::Known(kept.clone())
    );
    assert_eq!(stage.keep("*1;$4;ping;", 100, 6000, 1000), Outcome::Idle);
    assert_eq!(stage.names(), [kept.name()]);
}

#[test]
fn what_cannot_be_read_to_its_end_leaves_nothing() {
    let stage = Stage::new("broken");
    let lost = |_: u64, _: &mut Vec<u8>| Err(ErrorKind::NotFound.into());
    let error = stage.quarantine.keep(suffix(1, 9), 1, lost);
    assert_eq!(error.expect_err("lost").kind(), ErrorKind::NotFound);
    assert_eq!(stage.names(), Vec::<String>::new());
}

#[test]
fn what_nobody_understands_is_kept_as_it_is() {
    for step in [1, 1000] {
        for (stream, understood) in [("*1;$4;PING;*2;$3;", ""), ("*1;$1;a;*2;?;*1;$1;b;", "a")] {
            let stage = Stage::new("foreign");
            let Outcome::Kept(kept, requests) = stage.keep(stream, 1, 1, step) else {
                panic!("it is kept");
            };
            assert_eq!(requests, 1 + understood.len() as u64);
            let file = fs::read(stage.quarantine.path(&kept)).expect("a file");
            let expected = stream.replace("*1;$4;PING;", "").replace(';', "\r\n");
            assert_eq!(String::from_utf8_lossy(&file), expected);
            assert_eq!(kept.bytes, file.len() as u64);
        }
    }
}

#[test]
fn the_oldest_files_go_and_the_newest_one_stays() {
    let stage = Stage::new("bound");
    let files: Vec<Kept> = [30, 10, 20]
        .into_iter()
        .map(|time| match stage.keep(STREAM, time, time, 1000) {
            Outcome::Kept(kept, _) => kept,
            other => panic!("{other:?}"),
        })
        .collect();
    let [newest, oldest, middle] = &files[..] else {
        panic!("three files");
    };
    let size = newest.bytes;
    let shrink = |most| stage.quarantine.shrink(most).expect("a disk");
    assert_eq!(shrink(3 * size), []);
    assert_eq!(shrink(3 * size - 1), from_ref(oldest));
    assert_eq!(shrink(0), from_ref(middle));
    assert_eq!(shrink(0), []);
    assert_eq!(stage.quarantine.list().expect("a disk"), from_ref(newest));
    stage.quarantine.remove(newest).expect("a disk");
    assert_eq!(stage.names(), Vec::<String>::new());
}

#[test]
fn only_our_own_names_are_found() {
    let stage = Stage::new("names");
    let Outcome::Kept(kept, _) = stage.keep(STREAM, 7, 8, 1000) else {
        panic!("it is kept");
    };
    let name = kept.name();
    let find = |name: &str| stage.quarantine.find(name.as_bytes()).expect("a disk");
    assert_eq!(find(&name), Some(kept));
    let outside = stage.parent.join("outside.resp");
    fs::write(outside, "*1\r\n$4\r\nPING\r\n").expect("a file");
    fs::write(stage.parent.join("quarantine/notes"), "mine").expect("a file");
    for other in [
        "../outside.resp",
        "notes",
        "",
        ".",
        &format!("../quarantine/{name}"),
        &format!("./{name}"),
        &name.replace("-7-", "-07-"),
        &name.replace("-7-", "-+7-"),
        &name.to_uppercase(),
    ] {
        assert_eq!(find(other), None, "{other}");
    }
    assert_eq!(stage.quarantine.list().expect("a disk").len(), 1);
}
