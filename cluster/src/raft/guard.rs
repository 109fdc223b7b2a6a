//! Messages that the consensus may be given. It trusts its peers and panics on nonsense that is well formed, so nonsense stops
//! here.

use raft::eraftpb::{Entry, EntryType, Message, MessageType};

/// Far below where sums of indexes could overflow.
const NUMBER_MAX: u64 = 1 << 62;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nonsense {
    /// Dropped.
    Malformed(&'static str),
    /// The leader knows more of this node's log than the node: what was durable is lost. The node must not go on.
    LostLog,
}

/// Whether `message` may be stepped by the node `id` whose log ends at `last`.
pub(super) fn check(message: &Message, id: u64, last: u64) -> Result<(), Nonsense> {
    use MessageType::*;
    let kind = message.get_msg_type();
    let refuse = |reason| Err(Nonsense::Malformed(reason));
    if message.to != id {
        return refuse("it is for somebody else");
    }
    if message.from == 0 || message.from == id {
        return refuse("it comes from nobody");
    }
    if matches!(
        kind,
        MsgHup | MsgBeat | MsgUnreachable | MsgSnapStatus | MsgCheckQuorum
    ) {
        return refuse("nobody says that to another");
    }
    let snapshot = message.get_snapshot().get_metadata();
    let numbers = [
        message.term,
        message.log_term,
        message.index,
        message.commit,
        message.commit_term,
        message.request_snapshot,
        message.reject_hint,
        snapshot.index,
        snapshot.term,
    ];
    if numbers.iter().any(|&number| number >= NUMBER_MAX) {
        return refuse("a number is out of range");
    }
    let has_term = message.term != 0;
    let entries = message.get_entries();
    match kind {
        MsgPropose if has_term || entries.is_empty() => refuse("a proposal of nothing"),
        // Leaders change the members by themselves, one change at a time; nobody passes such a wish on.
        MsgPropose if !entries.iter().all(is_plain) => refuse("a change of the members by another"),
        MsgReadIndex if has_term || entries.is_empty() => refuse("a question without a name"),
        MsgReadIndexResp if entries.is_empty() => refuse("an answer without a name"),
        MsgTransferLeader if has_term => refuse("a wish has no term"),
        MsgPropose | MsgReadIndex | MsgTransferLeader => Ok(()),
        _ if !has_term => refuse("a message without a term"),
        MsgAppend => follows(message),
        MsgHeartbeat if message.commit > last => Err(Nonsense::LostLog),
        MsgReadIndexResp if message.index > last => refuse("an answer from the future"),
        MsgSnapshot if snapshot.index == 0 || snapshot.get_conf_state().voters.is_empty() => {
            refuse("a snapshot of nothing")
        }
        MsgSnapshot if !snapshot.get_conf_state().voters_outgoing.is_empty() => {
            refuse("members change one at a time")
        }
        _ => Ok(()),
    }
}

fn is_plain(entry: &Entry) -> bool {
    entry.get_entry_type() == EntryType::EntryNormal
}

fn follows(message: &Message) -> Result<(), Nonsense> {
    let (mut next, mut least) = (message.index, message.log_term);
    for entry in message.get_entries() {
        next += 1;
        let is_due = (least..=message.term).contains(&entry.term);
        if entry.index != next || !is_due || entry.term == 0 {
            return Err(Nonsense::Malformed("entries that do not follow each other"));
        }
        least = entry.term;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_each_other_and_what_is_before_them() {
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgAppend);
        (message.to, message.from, message.term) = (1, 2, 7);
        (message.index, message.log_term) = (4, 5);
        let mut with = |entries: &[(u64, u64)]| {
            let entry = |&(index, term)| Entry {
                index,
                term,
                ..Entry::default()
            };
            message.set_entries(entries.iter().map(entry).collect());
            check(&message, 1, 5).is_ok()
        };
        assert!(with(&[]) && with(&[(5, 5), (6, 7)]));
        for bad in [
            [(5, 4), (6, 7)],
            [(5, 7), (6, 6)],
            [(5, 7), (7, 7)],
            [(5, 7), (6, 8)],
        ] {
            assert!(!with(&bad), "{bad:?}");
        }
    }

    #[test]
    fn members_are_not_changed_by_a_message() {
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgPropose);
        (message.to, message.from) = (1, 2);
        message.mut_entries().push(Entry::default());
        assert_eq!(check(&message, 1, 5), Ok(()));
        message.mut_entries()[0].set_entry_type(EntryType::EntryConfChangeV2);
        let refused = Nonsense::Malformed("a change of the members by another");
        assert_eq!(check(&message, 1, 5), Err(refused));
    }
}
