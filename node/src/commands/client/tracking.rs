//! CLIENT TRACKING and what belongs to it; see [`crate::shard::tracking`].

use almandine_protocol::Reply;

use crate::commands::{Args, Call, Fault, Outcome};
use crate::shard::Tracks;
use crate::shard::tracking::{Tracker, Wish};

/// The modes of CLIENT TRACKING.
#[derive(Debug, Default)]
struct Modes<'a> {
    redirect: Option<u64>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
    prefixes: Vec<&'a [u8]>,
}

pub(in crate::commands) fn tracking(call: &mut Call<'_>) -> Outcome {
    let modes = parse(call)?;
    let id = call.session.id();
    if call.args.is(2, "on") {
        modes.check(call.session.tracking, call.tracking.get(id))?;
        call.session.tracking = modes.tracks(call.session.tracking);
        // The batch may have begun before anybody tracked, and may still change what is read now.
        call.changes.watched = true;
        let wish = Wish {
            redirect: modes.redirect,
            broadcast: modes.broadcast,
            no_loop: modes.no_loop,
            prefixes: modes
                .prefixes
                .iter()
                .map(|prefix| prefix.to_vec())
                .collect(),
        };
        call.tracking.enable(&call.session.client, wish);
    } else if call.args.is(2, "off") {
        call.session.tracking = Tracks::Nothing;
        call.tracking.disable(id);
    } else {
        return Err(Fault::SYNTAX);
    }
    call.reply.ok();
    Ok(())
}

fn parse<'a>(call: &Call<'a>) -> Result<Modes<'a>, Fault> {
    let (args, mut modes, mut i): (Args<'a>, _, _) = (call.args, Modes::default(), 3);
    while i < args.len() {
        match args.get(i + 1) {
            Some(_) if args.is(i, "redirect") => {
                if modes.redirect.is_some() {
                    return Err(Fault::new(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                let id = u64::try_from(args.integer(i + 1)?).ok();
                modes.redirect = id.filter(|id| call.node.clients.get(*id).is_some());
                if modes.redirect.is_none() {
                    return Err(Fault::new(
                        "ERR The client ID you want redirect to does not exist",
                    ));
                }
                i += 1;
            }
            Some(prefix) if args.is(i, "prefix") => {
                modes.prefixes.push(prefix);
                i += 1;
            }
            _ if args.is(i, "bcast") => modes.broadcast = true,
            _ if args.is(i, "optin") => modes.opt_in = true,
            _ if args.is(i, "optout") => modes.opt_out = true,
            _ if args.is(i, "noloop") => modes.no_loop = true,
            _ => return Err(Fault::SYNTAX),
        }
        i += 1;
    }
    Ok(modes)
}

impl Modes<'_> {
    /// Whether they go together, and with how the client tracks already.
    fn check(&self, now: Tracks, tracker: Option<&Tracker>) -> Result<(), Fault> {
        let is_refused = |text| Err(Fault::new(text));
        if !self.broadcast && !self.prefixes.is_empty() {
            return is_refused("ERR PREFIX option requires BCAST mode to be enabled");
        }
        if tracker.is_some_and(|tracker| tracker.broadcast != self.broadcast) {
            return is_refused(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling \
                 it with a different mode.",
            );
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return is_refused("ERR OPTIN and OPTOUT are not compatible with BCAST");
        }
        if self.opt_in && self.opt_out {
            return is_refused("ERR You can't specify both OPTIN mode and OPTOUT mode");
        }
        let switches = (self.opt_in && matches!(now, Tracks::OptOut(_)))
            || (self.opt_out && matches!(now, Tracks::OptIn(_)));
        if switches {
            return is_refused(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling \
                 it with a different mode.",
            );
        }
        self.check_prefixes(tracker)
    }

    fn check_prefixes(&self, tracker: Option<&Tracker>) -> Result<(), Fault> {
        let overlap = |one: &[u8], other: &[u8], kind: &str| {
            if !one.starts_with(other) && !other.starts_with(one) {
                return Ok(());
            }
            let both = [
                one,
                b"' overlaps with ",
                kind.as_bytes(),
                b" prefix '",
                other,
            ];
            Err(Fault::quoting(
                "ERR Prefix '",
                &both.concat(),
                "'. Prefixes for a single client must not overlap.",
            ))
        };
        for (i, one) in self.prefixes.iter().enumerate() {
            for existing in tracker.iter().flat_map(|tracker| &tracker.prefixes) {
                overlap(one, existing, "an existing")?;
            }
            for other in &self.prefixes[i + 1..] {
                overlap(one, other, "another provided")?;
            }
        }
        Ok(())
    }

    /// What the session remembers. That CLIENT CACHING was said lasts, if it was for the same mode.
    fn tracks(&self, now: Tracks) -> Tracks {
        match now {
            _ if self.broadcast => Tracks::Prefixes,
            Tracks::OptIn(is_said) if self.opt_in => Tracks::OptIn(is_said),
            Tracks::OptOut(is_said) if self.opt_out => Tracks::OptOut(is_said),
            _ if self.opt_in => Tracks::OptIn(false),
            _ if self.opt_out => Tracks::OptOut(false),
            _ => Tracks::Reads,
        }
    }
}

pub(in crate::commands) fn caching(call: &mut Call<'_>) -> Outcome {
    let (yes, no) = (call.args.is(2, "yes"), call.args.is(2, "no"));
    match &mut call.session.tracking {
        Tracks::Nothing => Err(Fault::new(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        )),
        Tracks::OptIn(is_said) if yes => {
            *is_said = true;
            Ok(())
        }
        Tracks::OptOut(is_said) if no => {
            *is_said = true;
            Ok(())
        }
        _ if yes => Err(Fault::new(
            "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        )),
        _ if no => Err(Fault::new(
            "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        )),
        _ => Err(Fault::SYNTAX),
    }?;
    call.reply.ok();
    Ok(())
}

pub(in crate::commands) fn getredir(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(redirection(call));
    Ok(())
}

/// -1 = the client does not track; 0 = it is told itself.
fn redirection(call: &Call<'_>) -> i64 {
    let tracker = call.tracking.get(call.session.id());
    tracker.map_or(-1, |tracker| tracker.redirect.unwrap_or(0) as i64)
}

pub(in crate::commands) fn trackinginfo(call: &mut Call<'_>) -> Outcome {
    let redirect = redirection(call);
    let tracker = call.tracking.get(call.session.id());
    let tracks = call.session.tracking;
    let mut flags = vec![if tracker.is_some() { "on" } else { "off" }];
    flags.extend(match tracks {
        Tracks::Nothing | Tracks::Reads => [].as_slice(),
        Tracks::Prefixes => &["bcast"],
        Tracks::OptIn(false) => &["optin"],
        Tracks::OptIn(true) => &["optin", "caching-yes"],
        Tracks::OptOut(false) => &["optout"],
        Tracks::OptOut(true) => &["optout", "caching-no"],
    });
    if tracker.is_some_and(|tracker| tracker.no_loop) {
        flags.push("noloop");
    }
    if tracker.is_some_and(|tracker| tracker.is_broken) {
        flags.push("broken_redirect");
    }
    let reply: &mut Reply<'_> = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    for flag in flags {
        reply.bulk(flag.as_bytes());
    }
    reply.bulk(b"redirect");
    reply.integer(redirect);
    reply.bulk(b"prefixes");
    reply.array(tracker.map_or(0, |tracker| tracker.prefixes.len()));
    for prefix in tracker.iter().flat_map(|tracker| &tracker.prefixes) {
        reply.bulk(prefix);
    }
    Ok(())
}
