//! What the node has set aside: LIST, SHOW, DROP.

use std::io;

use almandine_cluster::view::Tree;

use super::myself;
use super::show::write;
use crate::commands::table::wrong_subcommand_syntax;
use crate::commands::{Args, Call, Fault, Outcome};
use crate::quarantine::{Kept, Quarantine};

/// Requests that SHOW returns unless it is asked for more.
const COUNT: usize = 100;

pub(super) fn quarantine(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let args = call.args;
    match args.len() {
        3 if args.is(2, "list") => list(call),
        4 if args.is(2, "drop") => drop_file(call),
        4.. if args.is(2, "show") => show(call),
        _ => Err(wrong_subcommand_syntax(args)),
    }
}

fn list(call: &mut Call<'_>) -> Outcome {
    let files = Quarantine::default()
        .list()
        .map_err(|error| failed(&error))?;
    let tree = Tree::Array(files.iter().map(described).collect());
    write(&mut call.reply, &tree);
    Ok(())
}

fn described(kept: &Kept) -> Tree {
    let suffix = &kept.suffix;
    Tree::Map(vec![
        ("file", kept.name().into()),
        ("node", suffix.node.clone().into()),
        ("term", suffix.term.to_string().into()),
        ("from", suffix.from.into()),
        ("to", suffix.to.into()),
        ("bytes", kept.bytes.into()),
        ("time", kept.time_ms.into()),
    ])
}

fn show(call: &mut Call<'_>) -> Outcome {
    let (quarantine, kept) = named(call.args)?;
    let (skipped, count) = part(call.args)?;
    let requests = quarantine.requests(&kept, skipped, count);
    let requests = requests.map_err(|error| failed(&error))?;
    call.reply.array(requests.len());
    for words in &requests {
        call.reply.array(words.len());
        words.iter().for_each(|word| call.reply.bulk(word));
    }
    Ok(())
}

/// `[OFFSET requests] [COUNT requests]`
fn part(args: Args<'_>) -> Result<(usize, usize), Fault> {
    let (mut skipped, mut count) = (0, COUNT);
    for i in (4..args.len()).step_by(2) {
        let number = || {
            let number = args.integer(i + 1)?;
            usize::try_from(number).map_err(|_| Fault::NOT_POSITIVE)
        };
        if i + 1 == args.len() {
            return Err(Fault::SYNTAX);
        }
        if args.is(i, "offset") {
            skipped = number()?;
        } else if args.is(i, "count") {
            count = number()?;
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    Ok((skipped, count))
}

fn drop_file(call: &mut Call<'_>) -> Outcome {
    let (quarantine, kept) = named(call.args)?;
    quarantine.remove(&kept).map_err(|error| failed(&error))?;
    call.reply.ok();
    Ok(())
}

/// The file that is named.
fn named(args: Args<'_>) -> Result<(Quarantine, Kept), Fault> {
    let quarantine = Quarantine::default();
    let found = quarantine
        .find(args.at(3))
        .map_err(|error| failed(&error))?;
    match found {
        Some(kept) => Ok((quarantine, kept)),
        None => Err(Fault::quoting(
            "ERR No such file in quarantine: ",
            args.at(3),
            "",
        )),
    }
}

fn failed(error: &io::Error) -> Fault {
    Fault::text(format!(
        "ERR The quarantine cannot be read or changed: {error}"
    ))
}
