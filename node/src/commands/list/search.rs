//! The places of an element.

use almandine_storage::list::End;

use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Args, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

/// RANK, COUNT and MAXLEN of LPOS.
struct Search {
    /// Matches to skip.
    skip: u64,
    from: End,
    /// None = the first match alone, as a number.
    most: Option<usize>,
    /// Elements to look at; 0 = all.
    looks: usize,
}

fn lpos(call: &mut Call<'_>) -> Outcome {
    let (args, wanted) = (call.args, call.args.at(2));
    let search = parse_search(args)?;
    let mut found = Vec::new();
    if let Some(list) = call.dbs[call.db].list(args.at(1))? {
        let length = list.len();
        let elements = match search.from {
            End::Left => list.iter(),
            End::Right => list.iter_back_from(length - 1),
        };
        let looks = if search.looks == 0 {
            usize::MAX
        } else {
            search.looks
        };
        let (mut skip, most) = (search.skip, search.most.unwrap_or(1));
        let mut digits = itoa::Buffer::new();
        for (step, element) in elements.take(looks).enumerate() {
            if element.bytes(&mut digits) != wanted {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            found.push(if search.from == End::Left {
                step
            } else {
                length - 1 - step
            });
            if found.len() == most {
                break;
            }
        }
    }
    match search.most {
        None => match found.first() {
            Some(place) => call.reply.length(*place),
            None => call.reply.null(),
        },
        Some(_) => {
            call.reply.array(found.len());
            found.into_iter().for_each(|place| call.reply.length(place));
        }
    }
    Ok(())
}

fn parse_search(args: Args<'_>) -> Result<Search, Fault> {
    let mut search = Search {
        skip: 0,
        from: End::Left,
        most: None,
        looks: 0,
    };
    let mut i = 3;
    while i < args.len() {
        if i + 1 == args.len() {
            return Err(Fault::SYNTAX);
        }
        if args.is(i, "rank") {
            let rank = args.integer(i + 1)?;
            if rank == i64::MIN {
                return Err(Fault::new(
                    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                ));
            }
            if rank == 0 {
                return Err(Fault::new(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                     or use negative to start from the end of the list",
                ));
            }
            search.from = if rank < 0 { End::Right } else { End::Left };
            search.skip = rank.unsigned_abs() - 1;
        } else if args.is(i, "count") {
            let count = not_negative(args, i + 1, "ERR COUNT can't be negative")?;
            search.most = Some(if count == 0 { usize::MAX } else { count });
        } else if args.is(i, "maxlen") {
            search.looks = not_negative(args, i + 1, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 2;
    }
    Ok(search)
}

/// Argument `i`; `refusal` is the answer to whatever is no such number.
fn not_negative(args: Args<'_>, i: usize, refusal: &'static str) -> Result<usize, Fault> {
    let number = args.integer(i).ok();
    number
        .and_then(|number| usize::try_from(number).ok())
        .ok_or(Fault::new(refusal))
}

/// Searching.
pub(in crate::commands) static COMMANDS: &[Command] = &[Command {
    name: "lpos",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::LIST,
    keys: &[KeySpec {
        flags: KeyFlags::RO.union(KeyFlags::ACCESS),
        begin: Begin::Index(1),
        find: Find::Range {
            last: 0,
            step: 1,
            limit: 0,
        },
    }],
    group: Group::List,
    since: "6.0.6",
    summary: "Finds the places of an element.",
    complexity: "O(N) where N is the length of the list",
    args: "key:key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
    run: Run::Shard(lpos),
}];
