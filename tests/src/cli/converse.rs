//! `converse`: plays conversations, or writes a server's answers into them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use almandine_tests::conversation::{Report, Stage, files_below};
use almandine_tests::process::{Server, Start};
use almandine_tests::resp::Protocol;

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &["update"])?;
    let server = match flags.optional::<PathBuf>("server")? {
        Some(path) => Server::at(path),
        None => Server::Almandine,
    };
    let protocols = match flags.optional::<u8>("resp")? {
        None => Protocol::BOTH.to_vec(),
        Some(2) => vec![Protocol::Resp2],
        Some(3) => vec![Protocol::Resp3],
        Some(other) => return Err(format!("--resp {other}: 2 or 3")),
    };
    let update = flags.switch("update");
    let files = files(&flags.finish()?)?;
    let mut stage = Stage::open(Start::new(server)).map_err(|error| error.to_string())?;
    if update {
        rewrite(&files, &mut stage)?;
    }
    let mut report = Report::default();
    for protocol in protocols {
        for file in &files {
            stage.play_file(file, protocol, &mut report);
        }
    }
    eprintln!("{report} ({})", stage.identity());
    Ok(match report.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn files(paths: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let found = files_below(Path::new(path)).map_err(|error| format!("{path}: {error}"))?;
        files.extend(found);
    }
    match files.is_empty() {
        true => Err("no conversation files".to_owned()),
        false => Ok(files),
    }
}

fn rewrite(files: &[PathBuf], stage: &mut Stage) -> Result<(), Failure> {
    for file in files {
        match stage.rewrite_file(file) {
            Ok(true) => eprintln!("rewritten: {}", file.display()),
            Ok(false) => {}
            Err(error) => return Err(format!("{}: {error}", file.display())),
        }
    }
    Ok(())
}
