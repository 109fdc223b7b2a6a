//! Every conversation, in RESP2 and RESP3, with our node and with redis-server.
//!
//! `CONVERSATIONS=list/lpush` plays only files whose path contains that; `UPDATE_EXPECT=1` writes our node's answers into
//! the files first.

use std::path::{Path, PathBuf};

use almandine_node::commands::{Command, table};
use almandine_tests::conversation::{Report, Stage, files_below};
use almandine_tests::process::{Server, Start};
use almandine_tests::resp::Protocol;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations")
}

fn files() -> Vec<PathBuf> {
    let wanted = std::env::var("CONVERSATIONS").unwrap_or_default();
    let mut files = files_below(&directory()).expect("the conversations can be listed");
    files.retain(|file| file.to_string_lossy().contains(&wanted));
    assert!(!files.is_empty(), "no conversation matches {wanted:?}");
    files
}

#[track_caller]
fn play_all(server: Server, protocol: Protocol) {
    let mut stage = Stage::open(Start::new(server)).unwrap_or_else(|error| panic!("{error}"));
    let mut report = Report::default();
    for file in files() {
        stage.play_file(&file, protocol, &mut report);
    }
    assert!(report.failures.is_empty(), "{report}");
    assert!(report.passed > 0, "everything was skipped");
    eprintln!("{report} ({}, {protocol:?})", stage.identity());
}

/// Our node: after the expectations are rewritten if that is wished.
fn play_with_our_node(protocol: Protocol) {
    static REWRITTEN: std::sync::Once = std::sync::Once::new();
    REWRITTEN.call_once(|| {
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            let mut stage = Stage::open(Start::new(Server::Almandine)).expect("the node starts");
            for file in files() {
                stage.rewrite_file(&file).expect("the answers are written");
            }
        }
    });
    play_all(Server::Almandine, protocol);
}

#[test]
fn our_node_converses_in_resp2() {
    play_with_our_node(Protocol::Resp2);
}

#[test]
fn our_node_converses_in_resp3() {
    play_with_our_node(Protocol::Resp3);
}

/// The conversations are right: the server that they describe holds them too.
#[test]
fn redis_server_converses_the_same() {
    let Some(redis) = Server::redis_if_installed() else {
        return;
    };
    for protocol in Protocol::BOTH {
        play_all(redis.clone(), protocol);
    }
}

/// The newest servers, where their binaries are known.
#[test]
fn newer_peers_converse_the_same() {
    for server in Server::newer_peers() {
        for protocol in Protocol::BOTH {
            play_all(server.clone(), protocol);
        }
    }
}

/// The list may only become shorter.
#[test]
fn every_command_has_a_conversation() {
    let missing: Vec<String> = table::all()
        .flat_map(|command| match has_conversation(command, command.name) {
            true => Vec::new(),
            false if command.subcommands().is_empty() => vec![path(command, command.name)],
            false => missing_subcommands(command),
        })
        .collect();
    let listed = include_str!("../conversations/missing.txt");
    assert_eq!(
        missing.join("\n"),
        listed.trim_end(),
        "conversations/missing.txt must list exactly the commands without a conversation"
    );
}

/// A container has one file for all its subcommands or one for each.
fn missing_subcommands(container: &Command) -> Vec<String> {
    let names = container
        .subcommands()
        .iter()
        .map(|sub| sub.name.replace('|', "-"));
    names
        .filter(|name| !has_conversation(container, name))
        .map(|name| path(container, &name))
        .collect()
}

fn has_conversation(command: &Command, name: &str) -> bool {
    directory().join(path(command, name)).is_file()
}

fn path(command: &Command, name: &str) -> String {
    format!("{}/{name}.conv", command.group.name())
}
