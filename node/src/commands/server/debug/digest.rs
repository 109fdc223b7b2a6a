//! DEBUG DIGEST and DIGEST-VALUE: Redis's fingerprints, so that a data set can be compared with its copy on a server of
//! another kind.
//!
//! What has an order is mixed in one after the other; of what has none (keys, members, fields) the digests are combined by
//! exclusive or. The encoding of a value leaves no trace.

use almandine_protocol::number::write_shortest;
use almandine_storage::{Kind, StrRef, ValueRef};
use sha1_smol::Sha1;

use crate::commands::{Call, Outcome};

/// 160 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Digest([u8; 20]);

pub(super) fn digest(call: &mut Call<'_>) -> Outcome {
    let mut all = Digest::default();
    for (number, db) in call.dbs.iter_mut().enumerate() {
        if db.is_empty() {
            continue;
        }
        all.mix(&(number as u32).to_be_bytes());
        db.for_each_entry(|key, value, expire_at| {
            let mut one = Digest::default();
            one.mix(key);
            one.mix_value(value, expire_at.is_some());
            all.xor(&one.0);
        });
    }
    call.reply.simple(&all.to_string());
    Ok(())
}

pub(super) fn digest_value(call: &mut Call<'_>) -> Outcome {
    call.reply.array(call.args.len() - 2);
    for key in call.args.from(2) {
        let db = &mut call.dbs[call.db];
        let is_timed = db.expire_at(key).flatten().is_some();
        let mut digest = Digest::default();
        if let Some(value) = db.peek(key) {
            digest.mix_value(value, is_timed);
        }
        call.reply.simple(&digest.to_string());
    }
    Ok(())
}

impl Digest {
    /// Adds `bytes`; the order in which things are added does not matter.
    fn xor(&mut self, bytes: &[u8]) {
        let hash = Sha1::from(bytes).digest().bytes();
        self.0
            .iter_mut()
            .zip(hash)
            .for_each(|(to, from)| *to ^= from);
    }

    /// Adds `bytes`; the order matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::from(self.0).digest().bytes();
    }

    fn mix_string(&mut self, value: StrRef<'_>) {
        self.mix(value.bytes(&mut itoa::Buffer::new()));
    }

    fn mix_value(&mut self, value: ValueRef<'_>, is_timed: bool) {
        self.mix(&type_number(value.kind()).to_be_bytes());
        match value {
            ValueRef::String(value) => self.mix_string(value),
            ValueRef::List(list) => list.iter().for_each(|element| self.mix_string(element)),
            ValueRef::Set(set) => set
                .iter()
                .for_each(|member| self.xor(member.bytes(&mut itoa::Buffer::new()))),
            ValueRef::Hash(hash) => {
                for (field, value) in hash.iter() {
                    let mut one = Digest::default();
                    one.mix_string(field);
                    one.mix_string(value);
                    self.xor(&one.0);
                }
            }
            ValueRef::Zset(zset) => {
                for (member, score) in zset.iter() {
                    let (mut one, mut text) = (Digest::default(), Vec::new());
                    one.mix_string(member);
                    write_shortest(&mut text, score);
                    one.mix(&text);
                    self.xor(&one.0);
                }
            }
        }
        if is_timed {
            self.xor(b"!!expire!!");
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The numbers of types in Redis.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset => 3,
        Kind::Hash => 4,
    }
}
