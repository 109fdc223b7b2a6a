//! CONFIG: parameters are read, changed and written into the configuration file.

use almandine_storage::glob;

use super::help::help;
use super::{Call, Fault, Outcome};
use crate::actors::config::messages::ParametersChanged;
use crate::open_files;
use crate::params::{Change, Param, Params, TABLE, rewrite as conf};
use crate::stats::Zero;

/// CONFIG GET pattern... A name without a pattern is answered in the spelling of the request, as Redis does.
pub fn get(call: &mut Call<'_>) -> Outcome {
    let params = call.node.params();
    let mut found: Vec<(&str, &[u8], &Param)> = Vec::new();
    for pattern in call.args.from(2) {
        if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
            found.extend(Params::find(pattern).map(|(param, name)| (name, pattern, param)));
            continue;
        }
        let pattern = pattern.to_ascii_lowercase();
        for param in TABLE {
            let names = param.names();
            let names = names.filter(|name| glob::matches(&pattern, name.as_bytes()));
            found.extend(names.map(|name| (name, name.as_bytes(), param)));
        }
    }
    found.sort_by_key(|(name, ..)| *name);
    found.dedup_by_key(|(name, ..)| *name);
    call.reply.map(found.len());
    for (_, spelling, param) in found {
        call.reply.bulk(spelling);
        call.reply.bulk(&param.get(&params));
    }
    Ok(())
}

/// CONFIG SET name value [name value...]: all or none. Until values are read, errors spell a name as the request does.
pub fn set(call: &mut Call<'_>) -> Outcome {
    if !call.args.len().is_multiple_of(2) {
        return Err(Fault::SYNTAX);
    }
    let pairs = (2..call.args.len()).step_by(2);
    let mut chosen = Vec::new();
    for i in pairs {
        let (param, name) =
            Params::find(call.args.at(i)).ok_or_else(|| unknown(call.args.at(i)))?;
        let spelling = String::from_utf8_lossy(call.args.at(i));
        refuse_fixed(call, param, &spelling)?;
        if chosen.iter().any(|(_, other, _)| *other == name) {
            return Err(failed(&spelling, "duplicate parameter"));
        }
        chosen.push((param, name, call.args.at(i + 1)));
    }
    let before = call.node.params();
    let mut after = (*before).clone();
    for (param, name, value) in &chosen {
        let outcome = param.set(&mut after, &[value]);
        outcome.map_err(|error| failed(name, &error.to_string()))?;
    }
    if after.maxclients > before.maxclients {
        let room = open_files::make_room(after.maxclients).map_or(0, |room| room.clients);
        if room < after.maxclients {
            let reason = format!(
                "The operating system is not able to handle the specified number of clients, try with {room}"
            );
            return Err(failed("maxclients", &reason));
        }
    }
    if after.ack_mode == "durable" && call.node.cluster.is_none() {
        return Err(failed(
            "ack-mode",
            "it needs a cluster whose nodes agree who has everything",
        ));
    }
    let mut changed: Vec<String> = chosen
        .iter()
        .filter(|(param, ..)| param.get(&before) != param.get(&after))
        .map(|(param, ..)| param.name.to_owned())
        .collect();
    changed.dedup();
    if !changed.is_empty() {
        call.node.publish(after);
        if let Some(config) = call.node.config.get() {
            config.do_send(ParametersChanged(changed));
        }
    }
    call.reply.ok();
    Ok(())
}

/// CONFIG REWRITE. The disk is waited for, as in Redis: an operator who reads OK may pull the plug.
pub fn rewrite(call: &mut Call<'_>) -> Outcome {
    let Some(path) = &call.node.origin.config_file else {
        return Err(Fault::new(
            "ERR The server is running without a config file",
        ));
    };
    match conf::rewrite(path, &call.node.params(), conf::Extent::Changed) {
        Ok(()) => {
            tracing::info!("CONFIG REWRITE executed with success.");
            call.reply.ok();
            Ok(())
        }
        Err(error) => {
            tracing::warn!(%error, "CONFIG REWRITE failed");
            Err(Fault::text(format!("ERR Rewriting config file: {error}")))
        }
    }
}

/// CONFIG RESETSTAT.
pub fn resetstat(call: &mut Call<'_>) -> Outcome {
    let zero = Zero {
        traffic: call.node.traffic.totals(),
        lazyfreed: call.node.lazyfree.counts().1,
    };
    call.stats.reset(zero, call.dbs);
    call.reply.ok();
    Ok(())
}

/// CONFIG HELP.
pub fn help_text(call: &mut Call<'_>) -> Outcome {
    help(
        &mut call.reply,
        "CONFIG",
        &[
            (
                "GET <pattern>",
                &["Return parameters matching the glob-like <pattern> and their values."],
            ),
            (
                "SET <directive> <value>",
                &["Set the configuration <directive> to <value>."],
            ),
            (
                "RESETSTAT",
                &["Reset statistics reported by the INFO command."],
            ),
            ("REWRITE", &["Rewrite the configuration file."]),
        ],
    );
    Ok(())
}

/// Parameters that this client may not change now.
fn refuse_fixed(call: &Call<'_>, param: &Param, name: &str) -> Outcome {
    let permission = call.params.enable_protected_configs;
    match param.change {
        Change::Startup => Err(failed(name, "can't set immutable config")),
        Change::Protected if !permission.allows(call.session.client.is_local()) => {
            Err(failed(name, "can't set protected config"))
        }
        _ => Ok(()),
    }
}

fn unknown(name: &[u8]) -> Fault {
    Fault::quoting(
        "ERR Unknown option or number of arguments for CONFIG SET - '",
        name,
        "'",
    )
}

fn failed(name: &str, reason: &str) -> Fault {
    Fault::text(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    #[test]
    fn all_pairs_are_set_or_none() {
        let mut bench = Bench::new();
        assert_eq!(bench.run("config set HZ 15 Maxmemory 3mb"), "+OK\r\n");
        assert_eq!(
            bench.run("config set maxmemory 7 hz foo"),
            "-ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer\r\n"
        );
        assert_eq!(bench.node.params().maxmemory, 3 << 20);
        assert_eq!(bench.node.params().hz, 15);
    }

    #[test]
    fn the_first_fault_in_order_is_told_before_any_value_is_read() {
        let mut bench = Bench::new();
        let mut refuses = |line: &str, reason: &str| {
            assert_eq!(bench.run(line), format!("-ERR {reason}\r\n"), "{line}");
        };
        let unknown = "Unknown option or number of arguments for CONFIG SET - ";
        let failed = |name: &str, reason: &str| {
            format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}")
        };
        refuses("config set foo bar", &format!("{unknown}'foo'"));
        refuses(
            "config set maxmemory 7 hz foo bogus x",
            &format!("{unknown}'bogus'"),
        );
        refuses(
            "config set databases 4 foo bar",
            &failed("databases", "can't set immutable config"),
        );
        refuses(
            "config set dir /",
            &failed("dir", "can't set protected config"),
        );
        refuses(
            "config set hz 1 hz foo",
            &failed("hz", "duplicate parameter"),
        );
        refuses("config set hz 1 maxmemory", "syntax error");
        refuses(
            "config set hz",
            "wrong number of arguments for 'config|set' command",
        );
    }

    #[test]
    fn get_takes_globs_and_aliases_and_tells_each_once() {
        let mut bench = Bench::new();
        assert_eq!(
            bench.run("config get HASH-max-ziplist-entries port PORT nothing"),
            "*4\r\n$24\r\nHASH-max-ziplist-entries\r\n$3\r\n512\r\n$4\r\nport\r\n$4\r\n6379\r\n"
        );
        assert_eq!(
            bench.run("config get MAXMEMORY-p* maxmemory-polic?"),
            "*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n"
        );
        assert_eq!(bench.run("config get no*thing"), "*0\r\n");
    }

    #[test]
    fn without_a_file_there_is_nothing_to_rewrite() {
        assert_eq!(
            Bench::new().run("config rewrite"),
            "-ERR The server is running without a config file\r\n"
        );
    }
}
