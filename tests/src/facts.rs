//! What servers say about their commands: COMMAND and COMMAND DOCS as one line of JSON for each command and subcommand.
//!
//! `data/commands.jsonl` holds what Redis and Valkey say. Where both say the same there is one line, else one for each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::resp::{Client, Value};

/// One command or subcommand of one or several servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// As COMMAND writes it, in lower case: `config|get`.
    pub name: String,
    /// The servers that say this.
    pub of: Vec<String>,
    /// The heading under which the documentation lists it.
    pub group: String,
    /// The version that brought it.
    pub since: String,
    /// Number of arguments, the name included; negative = at least.
    pub arity: i64,
    /// In alphabetic order.
    pub flags: Vec<String>,
    /// First key, last key, step.
    pub keys: Vec<i64>,
    /// Categories in alphabetic order.
    pub acl: Vec<String>,
    /// As COMMAND writes them, without notes for people; flags in alphabetic order.
    pub key_specs: Json,
}

impl Fact {
    /// Of a subcommand the command it belongs to, of a command itself.
    pub fn command(&self) -> &str {
        self.name.split('|').next().unwrap_or_default()
    }

    /// Whether two servers say the same.
    pub fn agrees(&self, other: &Fact) -> bool {
        self.differences(other).is_empty()
    }

    /// In what they differ, for people.
    pub fn differences(&self, other: &Fact) -> Vec<String> {
        let pairs = [
            ("group", json!(self.group), json!(other.group)),
            ("since", json!(self.since), json!(other.since)),
            ("arity", json!(self.arity), json!(other.arity)),
            ("flags", json!(self.flags), json!(other.flags)),
            ("keys", json!(self.keys), json!(other.keys)),
            ("acl", json!(self.acl), json!(other.acl)),
            ("key_specs", self.key_specs.clone(), other.key_specs.clone()),
        ];
        let differ = pairs.into_iter().filter(|(_, ours, theirs)| ours != theirs);
        differ
            .map(|(what, ours, theirs)| format!("{what}: {ours} instead of {theirs}"))
            .collect()
    }

    fn to_json(&self) -> Json {
        json!({
            "name": self.name, "in": self.of, "group": self.group, "since": self.since, "arity": self.arity,
            "flags": self.flags, "keys": self.keys, "acl": self.acl, "key_specs": self.key_specs,
        })
    }

    fn from_json(json: &Json) -> Option<Fact> {
        let text = |name: &str| Some(json.get(name)?.as_str()?.to_owned());
        let list = |name: &str| -> Option<Vec<String>> {
            let elements = json.get(name)?.as_array()?.iter();
            elements
                .map(|word| Some(word.as_str()?.to_owned()))
                .collect()
        };
        let keys = json.get("keys")?.as_array()?.iter();
        Some(Fact {
            name: text("name")?,
            of: list("in")?,
            group: text("group")?,
            since: text("since")?,
            arity: json.get("arity")?.as_i64()?,
            flags: list("flags")?,
            keys: keys.map(Json::as_i64).collect::<Option<_>>()?,
            acl: list("acl")?,
            key_specs: json.get("key_specs")?.clone(),
        })
    }
}

/// The file of what Redis and Valkey say.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/commands.jsonl")
}

/// What Redis and Valkey say, from the file.
///
/// # Panics
/// If the file is not what [`lines_of`] makes.
pub fn read() -> Vec<Fact> {
    let text = fs::read_to_string(path()).expect("data/commands.jsonl is readable");
    let fact = |line: &str| {
        let json = serde_json::from_str(line).ok();
        json.and_then(|json: Json| Fact::from_json(&json))
            .unwrap_or_else(|| panic!("data/commands.jsonl has a line that is no fact: {line}"))
    };
    text.lines().map(fact).collect()
}

/// The text of the file.
pub fn lines_of(facts: &[Fact]) -> String {
    facts
        .iter()
        .map(|fact| format!("{}\n", fact.to_json()))
        .collect()
}

/// What several servers say, sorted by name.
pub fn unite(servers: impl IntoIterator<Item = Vec<Fact>>) -> Vec<Fact> {
    let mut united: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
    for mut fact in servers.into_iter().flatten() {
        let known = united.entry(fact.name.clone()).or_default();
        match known.iter_mut().find(|known| known.agrees(&fact)) {
            Some(known) => known.of.append(&mut fact.of),
            None => known.push(fact),
        }
    }
    united.into_values().flatten().collect()
}

/// Asks a server about its commands; `name` is what the facts call it.
///
/// # Panics
/// If it does not answer in RESP3 as Redis does: there is nothing to compare then.
pub fn ask(client: &mut Client, name: &str) -> Vec<Fact> {
    let docs = documents(call(client, &["COMMAND", "DOCS"]));
    let mut facts = Vec::new();
    for entry in array(call(client, &["COMMAND"])) {
        describe(entry, name, &docs, &mut facts);
    }
    facts
}

fn call(client: &mut Client, request: &[&str]) -> Value {
    let reply = client.call(request);
    reply.unwrap_or_else(|error| panic!("{request:?}: {error}"))
}

/// Group and version of every command and subcommand.
type Documents = BTreeMap<String, (String, String)>;

fn documents(reply: Value) -> Documents {
    let mut documents = Documents::new();
    collect_documents(reply, &mut documents);
    documents
}

fn collect_documents(reply: Value, documents: &mut Documents) {
    let Value::Map(commands) = reply else {
        panic!("COMMAND DOCS is no map: {reply:?}");
    };
    for (name, document) in commands {
        let Value::Map(fields) = document else {
            panic!("a document is no map: {document:?}");
        };
        let (mut group, mut since) = (String::new(), String::new());
        for (field, value) in fields {
            match text(&field).as_str() {
                "group" => group = text(&value),
                "since" => since = text(&value),
                "subcommands" => collect_documents(value, documents),
                _ => {}
            }
        }
        documents.insert(text(&name), (group, since));
    }
}

fn describe(entry: Value, server: &str, docs: &Documents, facts: &mut Vec<Fact>) {
    let fields = array(entry);
    let [
        name,
        arity,
        flags,
        first,
        last,
        step,
        acl,
        _tips,
        key_specs,
        subcommands,
    ] = <[Value; 10]>::try_from(fields).expect("an entry of COMMAND has ten fields");
    let name = text(&name);
    let (group, since) = docs
        .get(&name.to_lowercase())
        .or(docs.get(&name))
        .cloned()
        .unwrap_or_default();
    facts.push(Fact {
        name: name.to_lowercase(),
        of: vec![server.to_owned()],
        group,
        since,
        arity: integer(&arity),
        flags: words(flags),
        keys: [first, last, step].iter().map(integer).collect(),
        acl: words(acl),
        key_specs: array(key_specs).into_iter().map(key_spec).collect(),
    });
    for subcommand in array(subcommands) {
        describe(subcommand, server, docs, facts);
    }
}

/// A key spec without its notes, which are for people.
fn key_spec(spec: Value) -> Json {
    let Value::Map(fields) = spec else {
        panic!("a key spec is no map: {spec:?}");
    };
    let fields = fields.into_iter().filter(|(name, _)| text(name) != "notes");
    fields
        .map(|(name, value)| {
            let value = match value {
                Value::Set(_) => json!(words(value)),
                other => tree(other),
            };
            (text(&name), value)
        })
        .collect()
}

fn tree(value: Value) -> Json {
    match value {
        Value::Map(fields) => fields
            .into_iter()
            .map(|(name, value)| (text(&name), tree(value)))
            .collect(),
        Value::Integer(number) => json!(number),
        other => json!(text(&other)),
    }
}

fn words(value: Value) -> Vec<String> {
    let mut words: Vec<String> = array(value).iter().map(text).collect();
    words.sort_unstable();
    words
}

fn array(value: Value) -> Vec<Value> {
    value.elements().expect("COMMAND has an array or set here")
}

fn text(value: &Value) -> String {
    value.text().expect("COMMAND has a string here")
}

fn integer(value: &Value) -> i64 {
    value.integer().expect("COMMAND has a number here")
}
