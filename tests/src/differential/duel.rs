//! Plays commands with both servers at once and compares what they say, batch by batch.

use super::compare;
use super::difference::{Difference, Found, short};
use super::generate::{LISTENER, SPEAKERS, Step};
use super::grammar::Check;
use super::side::Side;
use super::{state, tolerated};
use crate::conversation::words::join;
use crate::process::{Identity, Server, StartError};
use crate::resp::{ClientError, Protocol, Value, encode_request};

/// Steps of one connection that are sent together, and their bytes: replies must fit into the sockets' buffers.
pub(super) const BATCH_STEPS: usize = 64;
const BATCH_BYTES: usize = 64 * 1024;
/// What the listening connections were told is asked after so many batches.
const HEAR_EVERY: usize = 8;
/// An iteration that takes more calls than this does not end.
const SCAN_CALLS_MAX: usize = 20_000;

/// Our node beside a peer.
pub(super) struct Duel {
    pub(super) ours: Side,
    pub(super) theirs: Side,
    pub(super) peer: Identity,
    transactions: [Transaction; SPEAKERS],
}

/// What a speaker has queued since MULTI.
#[derive(Default)]
struct Transaction {
    is_open: bool,
    queued: Vec<Step>,
}

/// A server's side of an error.
type Heard<T> = Result<T, Difference>;

impl Duel {
    pub(super) fn start(peer: Server, listener: Protocol) -> Result<Duel, StartError> {
        let ours = Side::start(Server::Almandine, listener)?;
        let theirs = Side::start(peer, listener)?;
        Ok(Duel {
            peer: theirs.identity(),
            ours,
            theirs,
            transactions: Default::default(),
        })
    }

    /// Both servers as new.
    pub(super) fn renew(&mut self) -> Result<(), StartError> {
        self.transactions = Default::default();
        self.ours.renew()?;
        self.theirs.renew()
    }

    /// Plays `steps`, at most `together` in one batch. Stops at the first difference that it sees; with one step in a batch
    /// it sees each at once.
    pub(super) fn play(&mut self, steps: &[Step], together: usize) -> Result<(), Found> {
        let (mut done, mut unheard) = (0, 0);
        while done < steps.len() {
            let length = batch_length(&steps[done..], together);
            let batch = &steps[done..done + length];
            let client = batch[0].client;
            let played = match batch[0].check {
                _ if client == LISTENER => self.listener_batch(batch),
                Check::Scan => self.scan(&batch[0]),
                Check::Pop => self.pop(&batch[0]),
                Check::Exchange => self.exchange_dumps(&batch[0]),
                _ => self.batch(batch),
            };
            unheard += 1;
            // Who subscribes is told what comes after it and nothing of what came before.
            let listens = |step: &Step| step.client == LISTENER;
            let is_due = together == 1
                || unheard == HEAR_EVERY
                || listens(&batch[0])
                || steps.get(done + length).is_none_or(listens);
            let played = played.and_then(|()| match is_due {
                true => self.compare_heard(),
                false => Ok(()),
            });
            if is_due {
                unheard = 0;
            }
            played.map_err(|difference| Found {
                steps: done + difference.place_in(batch),
                difference: Box::new(difference),
            })?;
            done += length;
        }
        Ok(())
    }

    /// Compares everything that both hold.
    pub(super) fn compare_state(&mut self) -> Result<(), Difference> {
        let ours =
            state::read(self.ours.control()).map_err(|e| broken("our node", &self.ours, e))?;
        let theirs =
            state::read(self.theirs.control()).map_err(|e| broken("the peer", &self.theirs, e))?;
        state::compare(&ours, &theirs, &self.peer)
    }

    fn batch(&mut self, batch: &[Step]) -> Heard<()> {
        let client = batch[0].client;
        let (ours, theirs) = self.exchange(client, batch)?;
        for ((step, ours), theirs) in batch.iter().zip(ours).zip(theirs) {
            self.judge(step, ours, theirs)?;
        }
        Ok(())
    }

    /// Sends `batch` to both, then takes the replies of both.
    fn exchange(&mut self, client: usize, batch: &[Step]) -> Heard<(Vec<Value>, Vec<Value>)> {
        let mut bytes = Vec::new();
        for step in batch {
            encode_request(&step.request, &mut bytes);
        }
        let ask = |side: &mut Side, who| {
            let sent = side.speaker(client).send_raw(&bytes);
            sent.map_err(|error| broken(who, side, error))
        };
        ask(&mut self.ours, "our node")?;
        ask(&mut self.theirs, "the peer")?;
        let answers = |side: &mut Side, who| -> Heard<Vec<Value>> {
            let reply = |step: &Step| match side.speaker(client).receive() {
                Ok(reply) => Ok(reply),
                Err(error) => Err((error, short(&join(&step.request)))),
            };
            let replies: Result<_, _> = batch.iter().map(reply).collect();
            replies.map_err(|(error, request)| Difference::Broken {
                who,
                reason: format!("{error}, instead of a reply to {request}"),
                log: side.log_tail(),
            })
        };
        Ok((
            answers(&mut self.ours, "our node")?,
            answers(&mut self.theirs, "the peer")?,
        ))
    }

    fn call(&mut self, step: &Step) -> Heard<(Value, Value)> {
        let (mut ours, mut theirs) = self.exchange(step.client, std::slice::from_ref(step))?;
        Ok((ours.remove(0), theirs.remove(0)))
    }

    /// Compares two replies, and keeps book of transactions: the replies to their commands come with EXEC.
    fn judge(&mut self, step: &Step, ours: Value, theirs: Value) -> Heard<()> {
        let name = step.name();
        let transaction = &mut self.transactions[step.client];
        if ours == Value::Simple(b"QUEUED".to_vec()) && theirs == ours {
            transaction.queued.push(step.clone());
            return Ok(());
        }
        if name == "MULTI" && ours == Value::ok() {
            transaction.is_open = true;
        }
        // EXEC ends a transaction even if it is refused.
        let ends = match name.as_str() {
            "EXEC" => true,
            "DISCARD" | "RESET" => step.request.len() == 1,
            _ => false,
        };
        if ends {
            let queued = std::mem::take(transaction).queued;
            if let (Value::Array(ours), Value::Array(theirs)) = (&ours, &theirs)
                && ours.len() == queued.len()
                && theirs.len() == queued.len()
            {
                for ((step, ours), theirs) in queued.iter().zip(ours).zip(theirs) {
                    self.settle(step, ours.clone(), theirs.clone())?;
                }
                return Ok(());
            }
        }
        self.settle(step, ours, theirs)
    }

    fn settle(&self, step: &Step, ours: Value, theirs: Value) -> Heard<()> {
        if compare::same(step, &ours, &theirs) {
            return Ok(());
        }
        match tolerated::find(&self.peer, step, &ours, &theirs) {
            Some(entry) if entry.ends_chapter => Err(Difference::Tolerated),
            Some(_) => Ok(()),
            None => Err(Difference::Reply {
                step: step.clone(),
                ours,
                theirs,
            }),
        }
    }

    /// The subscriber's replies come with what it is told.
    fn listener_batch(&mut self, batch: &[Step]) -> Heard<()> {
        for step in batch {
            let ask = |side: &mut Side, who| {
                let sent = side.listener().send(&step.request);
                sent.map_err(|error| broken(who, side, error))
            };
            ask(&mut self.ours, "our node")?;
            ask(&mut self.theirs, "the peer")?;
        }
        Ok(())
    }

    fn compare_heard(&mut self) -> Heard<()> {
        let [ours, theirs] = self.hear()?;
        for (i, (mut ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
            let theirs = theirs.into_iter();
            let mut theirs: Vec<Value> = theirs
                .map(|told| tolerated::heard(&self.peer, told))
                .collect();
            let who = ["the subscriber", "the listener to events"][i];
            // A message that matches several subscriptions comes once for each of them, in no order.
            if i == 0 {
                ours.sort_unstable();
                theirs.sort_unstable();
            }
            if ours != theirs {
                return Err(Difference::Heard { who, ours, theirs });
            }
        }
        Ok(())
    }

    fn hear(&mut self) -> Heard<[[Vec<Value>; 2]; 2]> {
        let ask = |side: &mut Side, who| {
            let asked = side.ask_what_was_heard();
            asked.map_err(|error| broken(who, side, error))
        };
        ask(&mut self.ours, "our node")?;
        ask(&mut self.theirs, "the peer")?;
        let listen = |side: &mut Side, who| {
            let heard = side.heard();
            heard.map_err(|error| broken(who, side, error))
        };
        Ok([
            listen(&mut self.ours, "our node")?,
            listen(&mut self.theirs, "the peer")?,
        ])
    }

    /// SPOP: what the peer removed is removed from our set too, and what ours removed comes back.
    fn pop(&mut self, step: &Step) -> Heard<()> {
        if self.transactions[step.client].is_open {
            // Only a transaction whose end was cut off gets here: nobody could make the states equal.
            return Ok(());
        }
        let (ours, theirs) = self.call(step)?;
        let (mine, others) = (popped(&ours), popped(&theirs));
        self.judge(step, ours, theirs)?;
        self.compare_heard()?;
        let without = |from: &[Vec<u8>], these: &[Vec<u8>]| -> Vec<Vec<u8>> {
            let left = from.iter().filter(|member| !these.contains(member));
            left.cloned().collect()
        };
        let repairs = [
            ("SADD", without(&mine, &others)),
            ("SREM", without(&others, &mine)),
        ];
        for (command, members) in repairs {
            if members.is_empty() {
                continue;
            }
            let mut request = vec![command.into(), step.request[1].clone()];
            request.extend(members);
            let speaker = self.ours.speaker(step.client);
            let done = speaker.call(&request);
            done.map_err(|error| broken("our node", &self.ours, error))?;
        }
        // Only our node tells of the repair.
        self.hear().map(|_| ())
    }

    /// DUMP: each server replaces the value by what the other one has dumped.
    fn exchange_dumps(&mut self, step: &Step) -> Heard<()> {
        if self.transactions[step.client].is_open {
            return Ok(());
        }
        let (ours, theirs) = self.call(step)?;
        let (Value::Bulk(our_payload), Value::Bulk(their_payload)) = (&ours, &theirs) else {
            return self.judge(step, ours, theirs);
        };
        let restore = |payload: &[u8]| -> [Vec<u8>; 5] {
            let key = step.request[1].clone();
            [
                "RESTORE".into(),
                key,
                "0".into(),
                payload.to_vec(),
                "REPLACE".into(),
            ]
        };
        let restored = self.ours.speaker(step.client).call(&restore(their_payload));
        let ours = restored.map_err(|error| broken("our node", &self.ours, error))?;
        let restored = self.theirs.speaker(step.client).call(&restore(our_payload));
        let theirs = restored.map_err(|error| broken("the peer", &self.theirs, error))?;
        self.settle(step, ours, theirs)
    }

    /// The whole iteration, with each server by its own cursors.
    fn scan(&mut self, step: &Step) -> Heard<()> {
        if self.transactions[step.client].is_open {
            return Ok(());
        }
        let (ours, theirs) = self.call(step)?;
        let place = match step.name().as_str() {
            "SCAN" => 1,
            _ => 2,
        };
        let begins = step.request.get(place).is_some_and(|cursor| cursor == b"0");
        match (page(&ours), page(&theirs)) {
            (Some(_), Some(_)) if begins => {}
            // Where another cursor leads is each server's own affair.
            (Some(_), Some(_)) => return Ok(()),
            _ => return self.judge(step, ours, theirs),
        }
        let ours = iterate(&mut self.ours, step, place, ours)
            .map_err(|error| broken("our node", &self.ours, error))?;
        let theirs = iterate(&mut self.theirs, step, place, theirs)
            .map_err(|error| broken("the peer", &self.theirs, error))?;
        match ours == theirs {
            true => Ok(()),
            false => self.settle(step, Value::Array(ours), Value::Array(theirs)),
        }
    }
}

/// How many of `steps` make one batch: neighbours of one connection; what needs care is alone.
fn batch_length(steps: &[Step], together: usize) -> usize {
    if steps[0].alone {
        return 1;
    }
    let mut bytes = 0;
    let fitting = steps.iter().take(together).take_while(|step| {
        let fits = bytes < BATCH_BYTES;
        bytes += step.request.iter().map(|arg| arg.len() + 16).sum::<usize>();
        fits && step.client == steps[0].client && !step.alone
    });
    fitting.count().max(1)
}

fn popped(reply: &Value) -> Vec<Vec<u8>> {
    let members = match reply {
        Value::Array(members) | Value::Set(members) => members.as_slice(),
        single @ Value::Bulk(_) => std::slice::from_ref(single),
        _ => &[],
    };
    let texts = members.iter().filter_map(Value::bytes);
    texts.map(<[u8]>::to_vec).collect()
}

/// The cursor and the elements of a reply to SCAN.
fn page(reply: &Value) -> Option<(&[u8], &[Value])> {
    match reply {
        Value::Array(parts) => match parts.as_slice() {
            [Value::Bulk(cursor), Value::Array(elements)] => Some((cursor, elements)),
            _ => None,
        },
        _ => None,
    }
}

/// The union of all pages, sorted; fields stay with their values.
fn iterate(
    side: &mut Side,
    step: &Step,
    place: usize,
    first: Value,
) -> Result<Vec<Value>, ClientError> {
    let no_values = step
        .request
        .iter()
        .any(|arg| arg.eq_ignore_ascii_case(b"NOVALUES"));
    let width = match step.name().as_str() {
        "HSCAN" if !no_values => 2,
        "ZSCAN" => 2,
        _ => 1,
    };
    let mut groups: Vec<Vec<Value>> = Vec::new();
    let mut reply = first;
    for _ in 0..SCAN_CALLS_MAX {
        let Some((cursor, elements)) = page(&reply) else {
            // An error in the middle: it is shown as what it is.
            return Ok(vec![reply]);
        };
        groups.extend(elements.chunks(width).map(<[_]>::to_vec));
        if cursor == b"0" {
            groups.sort_unstable();
            groups.dedup();
            return Ok(groups.concat());
        }
        let mut request = step.request.clone();
        request[place] = cursor.to_vec();
        reply = side.speaker(step.client).call(&request)?;
    }
    Ok(vec![Value::bulk("the iteration does not end")])
}

fn broken(who: &'static str, side: &Side, error: ClientError) -> Difference {
    Difference::Broken {
        who,
        reason: error.to_string(),
        log: side.log_tail(),
    }
}
