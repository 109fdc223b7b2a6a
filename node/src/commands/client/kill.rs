//! CLIENT KILL.

use almandine_protocol::number;

use super::filter::{Filter, parse_kind};
use crate::commands::{Args, Call, Fault, Outcome};

pub(in crate::commands) fn kill(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 3 {
        let filter = Filter {
            addr: Some(call.args.at(2).to_vec()),
            ..Filter::default()
        };
        if kill_matching(call, &filter, false) == 0 {
            return Err(Fault::new("ERR No such client"));
        }
        call.reply.ok();
        return Ok(());
    }
    let (filter, skip_me) = parse_kill(call.args)?;
    let killed = kill_matching(call, &filter, skip_me);
    call.reply.length(killed);
    Ok(())
}

fn parse_kill(args: Args<'_>) -> Result<(Filter, bool), Fault> {
    let (mut filter, mut skip_me, mut i) = (Filter::default(), true, 2);
    while i < args.len() {
        let value = args.get(i + 1).ok_or(Fault::SYNTAX)?;
        if args.is(i, "id") {
            let id = number::parse_i64(value).filter(|id| *id > 0);
            filter.ids = vec![id.ok_or(Fault::new("ERR client-id should be greater than 0"))?];
            filter.has_ids = true;
        } else if args.is(i, "maxage") {
            let age = number::parse_i64(value)
                .ok_or(Fault::new("ERR maxage is not an integer or out of range"))?;
            if age <= 0 {
                return Err(Fault::new("ERR maxage should be greater than 0"));
            }
            filter.min_age_s = Some(age);
        } else if args.is(i, "type") {
            filter.kind = Some(parse_kind(value)?);
        } else if args.is(i, "addr") {
            filter.addr = Some(value.to_vec());
        } else if args.is(i, "laddr") {
            filter.laddr = Some(value.to_vec());
        } else if args.is(i, "user") {
            if value != b"default" {
                return Err(Fault::text(format!(
                    "ERR No such user '{}'",
                    String::from_utf8_lossy(value)
                )));
            }
            filter.user = Some(value.to_vec());
        } else if args.is(i, "skipme") {
            skip_me = match value {
                yes if yes.eq_ignore_ascii_case(b"yes") => true,
                no if no.eq_ignore_ascii_case(b"no") => false,
                _ => return Err(Fault::SYNTAX),
            };
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 2;
    }
    Ok((filter, skip_me))
}

fn kill_matching(call: &mut Call<'_>, filter: &Filter, skip_me: bool) -> usize {
    let mut killed = 0;
    for client in call.node.clients.all() {
        let is_me = client.id == call.session.id();
        if (is_me && skip_me) || !filter.matches(&client, &client.profile(), call.now_ms) {
            continue;
        }
        killed += 1;
        if is_me {
            call.session.closing = true;
        } else {
            client.kill();
            forget(call, client.id);
        }
    }
    killed
}

/// Nothing that follows may reach a killed connection, though its thread may hear of its end a little later. What it
/// watches stays watched: an EXEC of it that is on the way must still fail.
fn forget(call: &mut Call<'_>, id: u64) {
    call.node.clients.remove(id);
    call.pubsub.borrow_mut().drop_client(id);
    if let Some(waiter) = call.blocked.remove(id) {
        waiter.stop_waiting(call.dbs);
    }
}
