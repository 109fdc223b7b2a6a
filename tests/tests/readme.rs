//! Parts of the README are made from the code. `UPDATE_EXPECT=1` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use almandine_node::commands::table;
use almandine_node::params::{Change, Effect, Param, TABLE};
use almandine_tests::facts;

#[test]
fn the_parameters_of_the_readme_are_those_of_the_table() {
    section_is("parameters", &parameters());
}

#[test]
fn the_commands_of_the_readme_are_those_of_the_table() {
    section_is("commands", &commands());
}

/// Compares the part of the README between the markers of `name` with `text`, or writes it.
fn section_is(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).expect("the README is readable");
    let (begin, end) = (format!("<!-- {name}:"), format!("<!-- /{name} -->"));
    let (before, rest) = readme
        .split_once(&begin)
        .expect("the README has the marker");
    let (marker, rest) = rest.split_once('\n').expect("a marker ends its line");
    let (old, after) = rest
        .split_once(&end)
        .expect("the README has the end marker");
    if old == text {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(
            &path,
            format!("{before}{begin}{marker}\n{text}{end}{after}"),
        )
        .expect("the README is writable");
        return;
    }
    let wrong = old.lines().zip(text.lines()).find(|(old, new)| old != new);
    panic!(
        "the {name} of the README are stale, first at {wrong:#?}; run this test with UPDATE_EXPECT=1"
    );
}

/// By group: what we have, and what Redis or Valkey have and we have not.
fn commands() -> String {
    let ours: Vec<String> = table::ids()
        .map(|id| id.command().name.to_owned())
        .collect();
    let mut groups: BTreeMap<String, [BTreeSet<String>; 2]> = BTreeMap::new();
    for command in table::all() {
        let [have, _] = groups.entry(command.group.name().to_owned()).or_default();
        have.insert(command.name.to_owned());
    }
    for fact in facts::read() {
        // A command that is missing as a whole is one name, not one for each subcommand.
        let is_told =
            fact.name != fact.command() && !ours.iter().any(|name| name == fact.command());
        if !is_told && !ours.contains(&fact.name) {
            let [_, miss] = groups.entry(fact.group).or_default();
            miss.insert(fact.name.replace('|', " "));
        }
    }
    let mut text = String::from(
        "\n| group | commands | of Redis 8.2 or Valkey 9.1, not here |\n|---|---|---|\n",
    );
    for (group, sets) in groups {
        let [have, miss] = sets.map(|names| {
            let names: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
            names.join(", ")
        });
        text.push_str(&format!("| {group} | {have} | {miss} |\n"));
    }
    text.push('\n');
    text
}

fn parameters() -> String {
    let mut text = String::new();
    for section in sections() {
        let mut works = of(section, |effect| effect == Effect::Works).peekable();
        if works.peek().is_none() {
            continue;
        }
        text.push_str(&format!("\n### {section}\n\n| parameter | default | values | live | meaning |\n|---|---|---|---|---|\n"));
        works.for_each(|param| text.push_str(&row(param)));
    }
    text.push_str("\n### Accepted without effect\n\nTools and old files set them; they are kept and printed, and the log says that nothing follows.\n\n");
    by_reason(&mut text, |effect| match effect {
        Effect::Inert(why) => Some(why),
        _ => None,
    });
    text.push_str("\n### Refused\n\nA value other than the default is an error: to accept it would mislead.\n\n");
    by_reason(&mut text, |effect| match effect {
        Effect::Refused(why) => Some(why),
        _ => None,
    });
    text.push('\n');
    text
}

fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = TABLE.iter().map(|param| param.section).collect();
    sections.dedup();
    sections
}

fn of(section: &str, is_wanted: impl Fn(Effect) -> bool) -> impl Iterator<Item = &'static Param> {
    TABLE
        .iter()
        .filter(move |param| param.section == section && is_wanted(param.effect))
}

fn row(param: &Param) -> String {
    let live = match param.change {
        Change::Live => "yes",
        Change::Startup => "",
        Change::Protected => "protected",
    };
    let default = match param.default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let cells = [
        names(param),
        default,
        param.synopsis(),
        live.to_owned(),
        param.doc.to_owned(),
    ];
    format!(
        "| {} |\n",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}

fn names(param: &Param) -> String {
    let names: Vec<String> = param.names().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// One line for each reason, in the order of the table.
fn by_reason(text: &mut String, reason: impl Fn(Effect) -> Option<&'static str>) {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for param in TABLE {
        let Some(why) = reason(param.effect) else {
            continue;
        };
        match reasons.iter_mut().find(|(other, _)| *other == why) {
            Some((_, names)) => names.push(format!("`{}`", param.name)),
            None => reasons.push((why, vec![format!("`{}`", param.name)])),
        }
    }
    for (why, names) in reasons {
        text.push_str(&format!("- {why}: {}\n", names.join(", ")));
    }
}
