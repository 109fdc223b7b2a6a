//! What `strace -f -y -xx` writes, as calls.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The calls that change files or make changes durable.
pub(super) const CALLS: &str = "openat,open,creat,lseek,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,\
    fsync,fdatasync,sync,syncfs,msync,copy_file_range,sendfile,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
    unlink,unlinkat,mkdir,mkdirat,rmdir";

/// A call that has succeeded.
#[derive(Debug)]
pub(super) struct Call {
    /// Its name.
    pub(super) name: String,
    /// What stands between the brackets.
    pub(super) args: Vec<Arg>,
    /// What it returned: a number.
    pub(super) result: u64,
    /// The line on which it began.
    pub(super) began: usize,
    /// The line on which it ended.
    pub(super) ended: usize,
}

/// An argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arg {
    /// A descriptor, and what it stands for.
    File(u64, PathBuf),
    /// `AT_FDCWD`.
    WorkingDirectory,
    /// A string.
    Bytes(Vec<u8>),
    /// A number.
    Number(u64),
    /// Names of flags.
    Words(String),
}

/// All calls of a log that have succeeded, in the order in which they began.
pub(super) fn parse(log: &str) -> Result<Vec<Call>, String> {
    let mut halves: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (at, line) in log.lines().enumerate() {
        let Some((pid, line)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let line = line.trim_start();
        if line.starts_with("+++") || line.starts_with("---") {
            continue;
        }
        if let Some(first) = line.strip_suffix(" <unfinished ...>") {
            halves.insert(pid, (at, first));
        } else if line.starts_with("<... ") {
            let (_, second) = line.split_once(" resumed>").ok_or(line)?;
            let (began, first) = halves.remove(pid).ok_or("the first half is missing")?;
            calls.extend(call(&[first, second].concat(), began, at)?);
        } else {
            calls.extend(call(line, at, at)?);
        }
    }
    calls.sort_by_key(|call| call.began);
    Ok(calls)
}

/// None if it has failed.
fn call(text: &str, began: usize, ended: usize) -> Result<Option<Call>, String> {
    let strange = || {
        let start: String = text.chars().take(200).collect();
        format!("a call that is not understood: {start}")
    };
    let (head, result) = text.rsplit_once(" = ").ok_or_else(strange)?;
    let (name, args) = head.split_once('(').ok_or_else(strange)?;
    let args = args.trim_end().strip_suffix(')').ok_or_else(strange)?;
    let digits: String = result.chars().take_while(char::is_ascii_digit).collect();
    let Ok(result) = digits.parse() else {
        return Ok(None);
    };
    let args: Option<Vec<Arg>> = args.split(", ").map(arg).collect();
    Ok(Some(Call {
        name: name.to_owned(),
        args: args.ok_or_else(strange)?,
        result,
        began,
        ended,
    }))
}

fn arg(text: &str) -> Option<Arg> {
    if text.starts_with("AT_FDCWD") {
        return Some(Arg::WorkingDirectory);
    }
    if let Some(text) = text.strip_prefix('"') {
        return Some(Arg::Bytes(unhex(text.strip_suffix('"')?)?));
    }
    if let Some((fd, path)) = text.split_once('<') {
        let path = unhex(path.split_once('>')?.0)?;
        let path = String::from_utf8(path).ok()?;
        return Some(Arg::File(fd.parse().ok()?, PathBuf::from(path)));
    }
    Some(match text.parse() {
        Ok(number) => Arg::Number(number),
        Err(_) => Arg::Words(text.to_owned()),
    })
}

/// `\x61b` is `ab`: names of pipes are not all written as numbers.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if let [b'\\', b'x', high, low, after @ ..] = rest {
            bytes.push(digit(*high)? << 4 | digit(*low)?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_calls_are_put_together_and_failures_left_out() {
        let log = "\
7 openat(AT_FDCWD<\\x2f>, \"\\x61\", O_RDONLY) = -1 ENOENT (No such file or directory)
7 fdatasync(3<\\x2f\\x61> <unfinished ...>
8 pwrite64(3<\\x2f\\x61>, \"\\x00\\xff\", 2, 512) = 2
7 <... fdatasync resumed>)          = 0
7 +++ exited with 0 +++
";
        let calls = parse(log).unwrap();
        let seen: Vec<(&str, usize, usize)> = calls
            .iter()
            .map(|call| (call.name.as_str(), call.began, call.ended))
            .collect();
        assert_eq!(seen, [("fdatasync", 1, 3), ("pwrite64", 2, 2)]);
        let file = Arg::File(3, "/a".into());
        assert_eq!(
            calls[1].args,
            [
                file,
                Arg::Bytes(vec![0, 255]),
                Arg::Number(2),
                Arg::Number(512)
            ]
        );
    }
}
