//! The synopsis language of [`Command::args`], and COMMAND DOCS' view of it.
//!
//! | synopsis | argument |
//! |---|---|
//! | `name`, `name:type` | a value; the type is `string` unless said |
//! | `TOKEN name:type` | a value after a word |
//! | `TOKEN`, `name=TOKEN` | a word alone; its name is the word in lower case unless said |
//! | `name=<a\|b>` | one of several |
//! | `name=(a b)`, `TOKEN name=(a b)` | several together |
//! | `[x]` | optional |
//! | `x...` | one or more |
//! | `{TOKEN x}...` | one or more, the word each time |

use almandine_protocol::Reply;

use super::facts;
use super::spec::{Command, KeyFlags};

/// One argument of a synopsis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// As COMMAND DOCS names it.
    pub name: String,
    /// What may be said here.
    pub kind: Kind,
    /// The word before it, or the word that it is.
    pub token: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// The token is repeated with it.
    pub multiple_token: bool,
    /// The parts of a block, the choices of a one-of.
    pub parts: Vec<Argument>,
}

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `double`
    Double,
    /// `key`
    Key,
    /// `pattern`
    Pattern,
    /// `unix-time`
    UnixTime,
    /// `pure-token`
    PureToken,
    /// `oneof`
    OneOf,
    /// `block`
    Block,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::String,
        Kind::Integer,
        Kind::Double,
        Kind::Key,
        Kind::Pattern,
        Kind::UnixTime,
        Kind::PureToken,
        Kind::OneOf,
        Kind::Block,
    ];

    /// As COMMAND DOCS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }
}

/// What is wrong with a synopsis, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub struct BadSynopsis {
    /// What was expected.
    pub expected: &'static str,
    /// Offset in the synopsis.
    pub at: usize,
}

/// Reads a synopsis.
pub fn arguments(synopsis: &'static str) -> Result<Vec<Argument>, BadSynopsis> {
    let mut parser = Parser {
        text: synopsis,
        at: 0,
    };
    let arguments = parser.sequence()?;
    if parser.at < synopsis.len() {
        return Err(parser.expected("an argument"));
    }
    Ok(arguments)
}

/// Writes the entry of `command` in COMMAND DOCS, subcommands included.
pub fn write(reply: &mut Reply<'_>, command: &Command) {
    let arguments = arguments(command.args).expect("a test reads the synopsis of every command");
    let deprecated = facts::deprecated(command.name);
    let subcommands = command.subcommands();
    let place = reply.reserve();
    let mut pairs = 0;
    let mut text = |reply: &mut Reply<'_>, key: &str, value: &str| {
        reply.bulk(key.as_bytes());
        reply.bulk(value.as_bytes());
        pairs += 1;
    };
    text(reply, "summary", command.summary);
    text(reply, "since", command.since);
    text(reply, "group", command.group.name());
    text(reply, "complexity", command.complexity);
    let doc_flag = match deprecated {
        Some(_) => Some("deprecated"),
        None => facts::is_system_command(command.name).then_some("syscmd"),
    };
    if let Some(flag) = doc_flag {
        reply.bulk(b"doc_flags");
        reply.set(1);
        reply.simple(flag);
    }
    let mut pairs = pairs + usize::from(doc_flag.is_some());
    if let Some(deprecated) = deprecated {
        reply.bulk(b"deprecated_since");
        reply.bulk(deprecated.since.as_bytes());
        reply.bulk(b"replaced_by");
        reply.bulk(deprecated.replaced_by.as_bytes());
        pairs += 2;
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        write_arguments(reply, command, &arguments);
        pairs += 1;
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for subcommand in subcommands {
            reply.bulk(subcommand.name.as_bytes());
            write(reply, subcommand);
        }
        pairs += 1;
    }
    reply.fill_map(place, pairs);
}

/// Writes arguments as COMMAND DOCS does.
fn write_arguments(reply: &mut Reply<'_>, command: &Command, arguments: &[Argument]) {
    let mut writer = Writer {
        command,
        path: String::new(),
        keys: 0,
    };
    writer.all(reply, arguments);
}

struct Writer<'a> {
    command: &'a Command,
    /// Names from the outermost argument to the one being written, parted by slashes.
    path: String,
    /// Arguments of type key so far: the n-th belongs to the n-th key spec.
    keys: usize,
}

impl Writer<'_> {
    fn all(&mut self, reply: &mut Reply<'_>, arguments: &[Argument]) {
        reply.array(arguments.len());
        for argument in arguments {
            let outer = self.path.len();
            if outer > 0 {
                self.path.push('/');
            }
            self.path.push_str(&argument.name);
            self.one(reply, argument);
            self.path.truncate(outer);
        }
    }

    fn one(&mut self, reply: &mut Reply<'_>, argument: &Argument) {
        let facts = facts::argument(self.command.name, &self.path);
        let place = reply.reserve();
        let mut pairs = 0;
        let mut text = |reply: &mut Reply<'_>, key: &str, value: &str| {
            reply.bulk(key.as_bytes());
            reply.bulk(value.as_bytes());
            pairs += 1;
        };
        text(reply, "name", &argument.name);
        text(reply, "type", argument.kind.name());
        if argument.parts.is_empty() {
            text(
                reply,
                "display_text",
                facts.display.unwrap_or(&argument.name),
            );
        }
        let key_spec = self.key_spec(argument, facts);
        if let Some(index) = key_spec {
            reply.bulk(b"key_spec_index");
            reply.length(index);
            pairs += 1;
        }
        for (key, value) in [
            ("token", argument.token),
            ("since", facts.since),
            ("deprecated_since", facts.deprecated_since),
        ] {
            if let Some(value) = value {
                reply.bulk(key.as_bytes());
                reply.bulk(value.as_bytes());
                pairs += 1;
            }
        }
        let flags = argument.flags();
        if flags.clone().next().is_some() {
            reply.bulk(b"flags");
            reply.set(flags.clone().count());
            flags.for_each(|flag| reply.simple(flag));
            pairs += 1;
        }
        if !argument.parts.is_empty() {
            reply.bulk(b"arguments");
            self.all(reply, &argument.parts);
            pairs += 1;
        }
        reply.fill_map(place, pairs);
    }

    fn key_spec(&mut self, argument: &Argument, facts: &facts::ArgumentFacts) -> Option<usize> {
        if facts.key_spec.is_some() {
            return facts.key_spec;
        }
        if argument.kind != Kind::Key {
            return None;
        }
        let index = self.keys;
        self.keys += 1;
        let keys = self.command.keys;
        // More key arguments than specs: one spec covers them all.
        let last = keys
            .iter()
            .filter(|spec| !spec.flags.contains(KeyFlags::NOT_KEY))
            .count();
        last.checked_sub(1).map(|last| index.min(last))
    }
}

impl Argument {
    fn value(name: &str, kind: Kind) -> Self {
        Argument {
            name: name.to_owned(),
            kind,
            token: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            parts: Vec::new(),
        }
    }

    fn flags(&self) -> impl Iterator<Item = &'static str> + Clone {
        [
            (self.optional, "optional"),
            (self.multiple, "multiple"),
            (self.multiple_token, "multiple_token"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }
}

struct Parser {
    text: &'static str,
    at: usize,
}

impl Parser {
    fn sequence(&mut self) -> Result<Vec<Argument>, BadSynopsis> {
        let mut arguments = Vec::new();
        loop {
            while self.eat(" ") {}
            if self.rest().is_empty() || self.rest().starts_with(['|', ']', '>', ')', '}']) {
                return Ok(arguments);
            }
            let argument = self.argument()?;
            arguments.push(argument);
        }
    }

    fn argument(&mut self) -> Result<Argument, BadSynopsis> {
        let mut argument = if self.eat("[") {
            let mut inner = self.only("]")?;
            inner.optional = true;
            inner
        } else if self.eat("{") {
            let mut inner = self.only("}")?;
            if inner.token.is_none() || !self.rest().starts_with("...") {
                return Err(self.expected("a token in the braces and dots behind them"));
            }
            inner.multiple_token = true;
            inner
        } else {
            self.word()?
        };
        argument.multiple |= self.eat("...");
        Ok(argument)
    }

    /// The only argument up to `close`.
    fn only(&mut self, close: &'static str) -> Result<Argument, BadSynopsis> {
        let mut inner = self.sequence()?;
        self.want(close)?;
        match (inner.pop(), inner.is_empty()) {
            (Some(argument), true) => Ok(argument),
            _ => Err(self.expected("exactly one argument in brackets")),
        }
    }

    fn word(&mut self) -> Result<Argument, BadSynopsis> {
        let word = self.bare_word()?;
        if self.eat("=") {
            return self.defined(word);
        }
        if is_token(word) {
            return self.token(word);
        }
        if !self.eat(":") {
            return Ok(Argument::value(word, Kind::String));
        }
        let kind = self.bare_word()?;
        match Kind::ALL.into_iter().find(|known| known.name() == kind) {
            Some(kind) => Ok(Argument::value(word, kind)),
            None => Err(self.expected("a type")),
        }
    }

    /// What stands behind `name=`.
    fn defined(&mut self, name: &'static str) -> Result<Argument, BadSynopsis> {
        if self.eat("<") {
            let mut argument = Argument::value(name, Kind::OneOf);
            loop {
                argument.parts.push(self.choice()?);
                if !self.eat("|") {
                    break;
                }
            }
            self.want(">")?;
            return Ok(argument);
        }
        if self.eat("(") {
            let mut argument = Argument::value(name, Kind::Block);
            argument.parts = self.sequence()?;
            self.want(")")?;
            return Ok(argument);
        }
        let token = self.bare_word()?;
        let mut argument = Argument::value(name, Kind::PureToken);
        argument.token = Some(token);
        Ok(argument)
    }

    fn choice(&mut self) -> Result<Argument, BadSynopsis> {
        let mut parts = self.sequence()?;
        match (parts.pop(), parts.is_empty()) {
            (Some(choice), true) => Ok(choice),
            _ => Err(self.expected("exactly one argument a choice; several need a block")),
        }
    }

    /// A token alone, or with the value that follows it.
    fn token(&mut self, token: &'static str) -> Result<Argument, BadSynopsis> {
        let value_follows = self
            .rest()
            .strip_prefix(' ')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        if value_follows {
            self.want(" ")?;
            let mut argument = self.argument()?;
            // `TOKEN name=TOKEN2` would need two words for one argument.
            if argument.token.replace(token).is_some() {
                return Err(self.expected("a value behind a token"));
            }
            return Ok(argument);
        }
        let mut argument = Argument::value(&token.to_ascii_lowercase(), Kind::PureToken);
        argument.token = Some(token);
        Ok(argument)
    }

    fn bare_word(&mut self) -> Result<&'static str, BadSynopsis> {
        let rest = self.rest();
        let delimiter = rest.find([' ', '|', ':', '=', '[', ']', '<', '>', '(', ')', '{', '}']);
        let word = &rest[..delimiter.unwrap_or(rest.len())];
        let word = word.strip_suffix("...").unwrap_or(word);
        if word.is_empty() {
            return Err(self.expected("a word"));
        }
        self.at += word.len();
        Ok(word)
    }

    fn rest(&self) -> &'static str {
        &self.text[self.at..]
    }

    fn eat(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        if there {
            self.at += text.len();
        }
        there
    }

    fn want(&mut self, text: &'static str) -> Result<(), BadSynopsis> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.expected(text))
        }
    }

    fn expected(&self, expected: &'static str) -> BadSynopsis {
        BadSynopsis {
            expected,
            at: self.at,
        }
    }
}

/// Names of arguments begin with a lower-case letter, everything else is said as it stands.
fn is_token(word: &str) -> bool {
    !word.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    /// A short form of the parsed synopsis, to compare with.
    fn shape(synopsis: &'static str) -> String {
        fn one(argument: &Argument) -> String {
            let token = argument.token.map(|token| format!("{token}!"));
            let parts: Vec<_> = argument.parts.iter().map(one).collect();
            let parts = match parts.is_empty() {
                true => String::new(),
                false => format!("({})", parts.join(",")),
            };
            let flags: Vec<_> = argument.flags().map(|flag| format!("/{flag}")).collect();
            format!(
                "{}{}:{}{parts}{}",
                token.unwrap_or_default(),
                argument.name,
                argument.kind.name(),
                flags.concat()
            )
        }
        match arguments(synopsis) {
            Ok(arguments) => arguments.iter().map(one).collect::<Vec<_>>().join(" "),
            Err(BadSynopsis { expected, at }) => format!("{at}: {expected}"),
        }
    }

    #[test]
    fn every_form_of_the_language_is_read() {
        assert_eq!(shape(""), "");
        assert_eq!(shape("key:key value"), "key:key value:string");
        assert_eq!(
            shape("[username] password"),
            "username:string/optional password:string"
        );
        assert_eq!(shape("key:key..."), "key:key/multiple");
        assert_eq!(shape("[NOW]"), "NOW!now:pure-token/optional");
        assert_eq!(shape("[change=CH]"), "CH!change:pure-token/optional");
        assert_eq!(
            shape("[MATCH pattern:pattern]"),
            "MATCH!pattern:pattern/optional"
        );
        assert_eq!(
            shape("[{GET get-pattern:pattern}...]"),
            "GET!get-pattern:pattern/optional/multiple/multiple_token"
        );
        assert_eq!(
            shape("[LIMIT limit=(offset:integer count:integer)]"),
            "LIMIT!limit:block(offset:integer,count:integer)/optional"
        );
        assert_eq!(
            shape("data=(key:key value)..."),
            "data:block(key:key,value:string)/multiple"
        );
        assert_eq!(
            shape("e=<EX s:integer|PERSIST>"),
            "e:oneof(EX!s:integer,PERSIST!persist:pure-token)"
        );
        assert_eq!(
            shape("f=<old|new=<[ID id:integer...]|[SKIPME s=<YES|NO>]>...>"),
            "f:oneof(old:string,new:oneof(ID!id:integer/optional/multiple,\
             SKIPME!s:oneof(YES!yes:pure-token,NO!no:pure-token)/optional)/multiple)"
        );
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        assert_eq!(shape("[key"), "4: ]");
        assert_eq!(shape("key]"), "3: an argument");
        assert_eq!(shape("key:number"), "10: a type");
        assert_eq!(
            shape("a=<b c|d>"),
            "6: exactly one argument a choice; several need a block"
        );
        assert_eq!(shape("[a b]"), "5: exactly one argument in brackets");
        assert_eq!(
            shape("{x}..."),
            "3: a token in the braces and dots behind them"
        );
        assert_eq!(shape("key:"), "4: a word");
    }

    #[test]
    fn the_synopsis_of_every_command_is_read() {
        for id in table::ids() {
            let command = id.command();
            let read = arguments(command.args);
            assert!(read.is_ok(), "{}: {read:?}", command.name);
            assert!(command.args.is_empty() || command.subcommands().is_empty());
        }
    }
}
