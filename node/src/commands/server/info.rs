//! INFO: what the server knows about itself.

mod counters;
mod identity;
mod persistence;
mod replication;
mod state;
mod text;

pub(super) use self::text::{Text, human};
use super::memory::overview::Overview;
use crate::actors::bus::counters::Fault;
use crate::commands::{Acl, Call, Command, Flags, Group, Outcome, Run};

/// A section: the word by which it is asked for, its title, whether INFO alone shows it, and who writes its fields.
struct Section {
    name: &'static str,
    title: &'static str,
    is_default: bool,
    write: fn(&mut Call<'_>, &mut Text),
}

/// In the order in which they are shown.
const SECTIONS: &[Section] = &[
    section("server", "Server", identity::server),
    section("clients", "Clients", state::clients),
    section("memory", "Memory", memory),
    section("persistence", "Persistence", persistence::persistence),
    section("stats", "Stats", counters::stats),
    section("replication", "Replication", replication::replication),
    section("cpu", "CPU", identity::cpu),
    section("modules", "Modules", |_, _| {}),
    Section {
        is_default: false,
        ..section("commandstats", "Commandstats", counters::commands)
    },
    section("errorstats", "Errorstats", counters::errors),
    Section {
        is_default: false,
        ..section("latencystats", "Latencystats", counters::latency)
    },
    section("cluster", "Cluster", cluster),
    section("keyspace", "Keyspace", state::keyspace),
];

/// Beyond what Redis has: what the bus has dropped, in all and by reason.
fn cluster(call: &mut Call<'_>, text: &mut Text) {
    text.field("cluster_enabled", u8::from(call.node.cluster.is_some()));
    let Some(cluster) = &call.node.cluster else {
        return;
    };
    let dropped = Fault::ALL.map(|(fault, _)| (fault, cluster.bus.dropped(fault)));
    let all: u64 = dropped.iter().map(|(_, count)| count).sum();
    text.field("cluster_bus_dropped", all);
    for (fault, count) in dropped {
        if count > 0 {
            let reason = format!("{fault:?}").to_ascii_lowercase();
            text.field(&format!("cluster_bus_dropped_{reason}"), count);
        }
    }
}

const fn section(
    name: &'static str,
    title: &'static str,
    write: fn(&mut Call<'_>, &mut Text),
) -> Section {
    Section {
        name,
        title,
        is_default: true,
        write,
    }
}

impl Section {
    /// Whether one of the words of the request asks for it.
    fn is_asked_for(&self, call: &Call<'_>) -> bool {
        if call.args.len() == 1 {
            return self.is_default;
        }
        (1..call.args.len()).any(|i| {
            let is = |word| call.args.is(i, word);
            is(self.name)
                || is("all")
                || is("everything")
                || (self.is_default && is("default"))
                || (self.name == "modules" && is("module_list"))
        })
    }
}

/// Words that name no section are ignored, so that tools may ask a server that is older than they are.
fn info(call: &mut Call<'_>) -> Outcome {
    let mut text = Text::default();
    for section in SECTIONS {
        if section.is_asked_for(call) {
            text.begin(section.title);
            (section.write)(call, &mut text);
        }
    }
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn memory(call: &mut Call<'_>, text: &mut Text) {
    Overview::take(call).write(call, text);
}

/// INFO.
pub(super) const INFO: Command = Command {
    name: "info",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    acl: Acl::DANGEROUS,
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Returns what the server knows about itself: identity, memory, counters.",
    complexity: "O(1)",
    args: "[section...]",
    run: Run::EveryShard(info),
};

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    /// The titles in an answer.
    fn titles(bench: &mut Bench, line: &str) -> Vec<String> {
        let answer = bench.run(line);
        let titles = answer.lines().filter_map(|line| line.strip_prefix("# "));
        titles.map(str::to_owned).collect()
    }

    #[test]
    fn sections_are_chosen_by_words_and_unknown_words_are_ignored() {
        let mut bench = Bench::new();
        let default = titles(&mut bench, "info");
        assert!(default.iter().any(|title| title == "Errorstats"));
        assert!(!default.iter().any(|title| title == "Commandstats"));
        assert_eq!(titles(&mut bench, "info default"), default);
        assert_eq!(
            titles(&mut bench, "info everything").len(),
            super::SECTIONS.len()
        );
        assert_eq!(
            titles(&mut bench, "info keyspace nothing CPU"),
            ["CPU", "Keyspace"]
        );
        assert_eq!(
            titles(&mut bench, "info default latencystats").len(),
            default.len() + 1
        );
        assert_eq!(bench.run("info nothing"), "$0\r\n\r\n");
    }

    #[test]
    fn a_blank_line_stands_between_sections() {
        let mut bench = Bench::new();
        bench.run("set k v px 10000");
        bench.run("set l v");
        assert_eq!(
            bench.run("info cluster keyspace"),
            "$92\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n\
             db0:keys=2,expires=1,avg_ttl=10000,subexpiry=0\r\n\r\n"
        );
    }
}
