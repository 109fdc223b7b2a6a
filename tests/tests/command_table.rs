//! What COMMAND says about our commands is what Redis or Valkey says: arity, flags, key positions, ACL categories.
//!
//! `UPDATE_EXPECT=1` with `ALMANDINE_PEER_REDIS82` and `ALMANDINE_PEER_VALKEY` writes `data/commands.jsonl` anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use almandine_node::commands::table;
use almandine_tests::facts::{self, Fact};
use almandine_tests::process::{Server, Start, TestNode};
use almandine_tests::resp::Protocol;

/// Where our table says something else on purpose, and why.
const DEVIATIONS: &[(&str, &str)] = &[];

/// What only we have, and why.
const OUR_OWN: &[(&str, &str)] = &[
    (
        "cluster|quarantine",
        "elsewhere what only a deposed primary has is gone",
    ),
    (
        "cluster|voters",
        "elsewhere nobody votes on the changes of a cluster",
    ),
];

/// Subcommands that we do not have, and why.
const LACKING: &[(&str, &str)] = &[
    ("cluster|flushslot", "slots move key by key"),
    ("cluster|migrateslots", "slots move key by key"),
    ("cluster|getslotmigrations", "slots move key by key"),
    ("cluster|cancelslotmigrations", "slots move key by key"),
    ("cluster|syncslots", "slots move key by key"),
];

fn ours() -> Vec<Fact> {
    let node = TestNode::start();
    facts::ask(&mut node.client_with(Protocol::Resp3), "almandine")
}

#[test]
fn commands_are_described_as_by_redis_or_valkey() {
    let theirs = facts::read();
    let mut wrong = Vec::new();
    let mut deviating = BTreeSet::new();
    for ours in ours() {
        let said: Vec<&Fact> = theirs
            .iter()
            .filter(|fact| fact.name == ours.name)
            .collect();
        if OUR_OWN.iter().any(|(name, _)| *name == ours.name) {
            assert!(said.is_empty(), "{} is not ours alone", ours.name);
        } else if said.is_empty() {
            wrong.push(format!("{}: neither Redis nor Valkey has it", ours.name));
        } else if !said.iter().any(|fact| ours.agrees(fact)) {
            deviating.insert(ours.name.clone());
            if !DEVIATIONS.iter().any(|(name, _)| *name == ours.name) {
                let differences = said
                    .iter()
                    .map(|fact| format!("{:?}: {}", fact.of, ours.differences(fact).join(", ")));
                wrong.push(format!(
                    "{}: {}",
                    ours.name,
                    differences.collect::<Vec<_>>().join("; ")
                ));
            }
        }
    }
    for (name, reason) in DEVIATIONS {
        if !deviating.contains(*name) {
            wrong.push(format!("{name} does not deviate any more ({reason})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A command brings all its subcommands.
#[test]
fn commands_have_the_subcommands_of_redis_or_valkey() {
    let ours: BTreeSet<String> = ours().into_iter().map(|fact| fact.name).collect();
    let theirs = facts::read();
    let missing: BTreeSet<&str> = theirs
        .iter()
        .filter(|fact| ours.contains(fact.command()) && !ours.contains(&fact.name))
        .map(|fact| fact.name.as_str())
        .collect();
    let lacking: BTreeSet<&str> = LACKING.iter().map(|(name, _)| *name).collect();
    assert_eq!(missing, lacking);
}

/// COMMAND INFO tells of a subcommand alone what COMMAND tells of it below its command.
#[test]
fn info_tells_the_same_of_each_command_alone() {
    let node = TestNode::start();
    let mut client = node.client_with(Protocol::Resp3);
    let all = client
        .call(&["COMMAND"])
        .expect("COMMAND")
        .elements()
        .expect("an array");
    let mut count = 0;
    let mut entries = all;
    while let Some(entry) = entries.pop() {
        let fields = entry.clone().elements().expect("an entry");
        let name = fields[0].text().expect("a name");
        let alone = client
            .call(&["COMMAND", "INFO", &name.to_uppercase()])
            .expect("COMMAND INFO");
        assert_eq!(alone.elements().as_deref(), Some(&[entry][..]), "{name}");
        entries.extend(
            fields
                .into_iter()
                .next_back()
                .and_then(|subcommands| subcommands.elements())
                .expect("subcommands"),
        );
        count += 1;
    }
    assert_eq!(count, table::count());
}

/// The file of facts is what the servers say, where their binaries are known.
#[test]
fn the_facts_are_those_of_the_peers() {
    let (Some(redis), Some(valkey)) = (Server::redis82(), Server::valkey()) else {
        eprintln!(
            "ALMANDINE_PEER_REDIS82 and ALMANDINE_PEER_VALKEY do not name both servers: data/commands.jsonl was not checked"
        );
        return;
    };
    let asked = [redis, valkey].map(|server| {
        let server = Start::new(server)
            .run()
            .unwrap_or_else(|error| panic!("{error}"));
        let name = server.identity().to_string();
        facts::ask(&mut server.client_with(Protocol::Resp3), &name)
    });
    let said = facts::unite(asked);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(facts::path(), facts::lines_of(&said)).expect("data/commands.jsonl is writable");
        return;
    }
    let (known, said) = (by_name(&facts::read()), by_name(&said));
    let stale: Vec<&String> = known
        .keys()
        .chain(said.keys())
        .filter(|name| known.get(*name) != said.get(*name))
        .collect();
    assert!(
        stale.is_empty(),
        "data/commands.jsonl is stale; run this test with UPDATE_EXPECT=1: {stale:?}"
    );
}

fn by_name(facts: &[Fact]) -> BTreeMap<String, Vec<Fact>> {
    let mut by_name: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
    for fact in facts {
        by_name
            .entry(fact.name.clone())
            .or_default()
            .push(fact.clone());
    }
    by_name
}
