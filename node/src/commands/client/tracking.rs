//! CLIENT TRACKING and what belongs to it. Client-side caching is not supported: what a client asks for is checked as in
//! Redis, then refused.

use crate::commands::{Args, Call, Fault, Outcome};

/// The modes of CLIENT TRACKING.
#[derive(Debug, Default)]
struct Modes<'a> {
    redirects: bool,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    prefixes: Vec<&'a [u8]>,
}

pub(in crate::commands) fn tracking(call: &mut Call<'_>) -> Outcome {
    let modes = parse(call)?;
    if call.args.is(2, "off") {
        call.reply.ok();
        return Ok(());
    }
    if !call.args.is(2, "on") {
        return Err(Fault::SYNTAX);
    }
    modes.check()?;
    Err(Fault::new(
        "ERR client tracking is not supported by this server",
    ))
}

fn parse<'a>(call: &Call<'a>) -> Result<Modes<'a>, Fault> {
    let (args, mut modes, mut i): (Args<'a>, _, _) = (call.args, Modes::default(), 3);
    while i < args.len() {
        match args.get(i + 1) {
            Some(_) if args.is(i, "redirect") => {
                if modes.redirects {
                    return Err(Fault::new(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                let id = u64::try_from(args.integer(i + 1)?).ok();
                if id.and_then(|id| call.node.clients.get(id)).is_none() {
                    return Err(Fault::new(
                        "ERR The client ID you want redirect to does not exist",
                    ));
                }
                modes.redirects = true;
                i += 1;
            }
            Some(prefix) if args.is(i, "prefix") => {
                modes.prefixes.push(prefix);
                i += 1;
            }
            _ if args.is(i, "bcast") => modes.broadcast = true,
            _ if args.is(i, "optin") => modes.opt_in = true,
            _ if args.is(i, "optout") => modes.opt_out = true,
            _ if args.is(i, "noloop") => {}
            _ => return Err(Fault::SYNTAX),
        }
        i += 1;
    }
    Ok(modes)
}

impl Modes<'_> {
    /// Whether they go together.
    fn check(&self) -> Result<(), Fault> {
        if !self.broadcast && !self.prefixes.is_empty() {
            return Err(Fault::new(
                "ERR PREFIX option requires BCAST mode to be enabled",
            ));
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err(Fault::new(
                "ERR OPTIN and OPTOUT are not compatible with BCAST",
            ));
        }
        if self.opt_in && self.opt_out {
            return Err(Fault::new(
                "ERR You can't specify both OPTIN mode and OPTOUT mode",
            ));
        }
        self.check_prefixes()
    }

    fn check_prefixes(&self) -> Result<(), Fault> {
        for (i, one) in self.prefixes.iter().enumerate() {
            for other in &self.prefixes[i + 1..] {
                if one.starts_with(other) || other.starts_with(one) {
                    let both = [
                        one,
                        b"' overlaps with another provided prefix '".as_slice(),
                        other,
                    ];
                    return Err(Fault::quoting(
                        "ERR Prefix '",
                        &both.concat(),
                        "'. Prefixes for a single client must not overlap.",
                    ));
                }
            }
        }
        Ok(())
    }
}

pub(in crate::commands) fn caching(_: &mut Call<'_>) -> Outcome {
    Err(Fault::new(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))
}

pub(in crate::commands) fn getredir(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(-1);
    Ok(())
}

pub(in crate::commands) fn trackinginfo(call: &mut Call<'_>) -> Outcome {
    call.reply.map(3);
    call.reply.bulk(b"flags");
    call.reply.set(1);
    call.reply.bulk(b"off");
    call.reply.bulk(b"redirect");
    call.reply.integer(-1);
    call.reply.bulk(b"prefixes");
    call.reply.array(0);
    Ok(())
}
