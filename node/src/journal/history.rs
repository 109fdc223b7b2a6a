//! Whose stream it is: the replication id, and the ids that were in force before, with the offsets at which they ended.
//!
//! Redis remembers one id before the present one (`replid2`, `second_repl_offset`); we remember several, so a node that
//! comes back after several changes still finds the point up to which its own bytes are the common ones.

use std::fmt;
use std::str::FromStr;

use almandine_storage::Rng;

/// A replication id: 40 hex digits, new for every term.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id([u8; 20]);

/// The terms of a stream, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    id: Id,
    /// Ids before the present one, with the offset after their last byte.
    earlier: Vec<(Id, u64)>,
}

/// Terms kept beside the present one.
const EARLIER_MAX: usize = 32;

impl Id {
    /// The id that these dice give.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut bytes = [0; 20];
        for chunk in bytes.chunks_mut(8) {
            let random = rng.bits().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Id(bytes)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no replication id, or no list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadId;

impl FromStr for Id {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let mut bytes = [0; 20];
        if text.len() != 40 || !text.is_ascii() {
            return Err(BadId);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| BadId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| BadId)?;
        }
        Ok(Id(bytes))
    }
}

impl History {
    /// A stream that has had no other id.
    pub fn new(id: Id) -> Self {
        History {
            id,
            earlier: Vec::new(),
        }
    }

    /// The stream of `id`, which has had other ids `earlier`, oldest first, each up to an offset.
    pub fn restore(id: Id, earlier: Vec<(Id, u64)>) -> Self {
        History { id, earlier }
    }

    /// The present id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The id before, and the offset after its last byte.
    pub fn previous(&self) -> Option<(Id, u64)> {
        self.earlier.last().copied()
    }

    /// All ids before the present one, oldest first.
    pub fn earlier(&self) -> &[(Id, u64)] {
        &self.earlier
    }

    /// A new id is in force from `offset` on.
    pub fn begin(&mut self, id: Id, offset: u64) {
        if id == self.id {
            return;
        }
        // What a term ended at earlier than a later one began is no term of this stream any more.
        for (_, end) in &mut self.earlier {
            *end = (*end).min(offset);
        }
        self.earlier.push((self.id, offset));
        if self.earlier.len() > EARLIER_MAX {
            self.earlier.remove(0);
        }
        self.id = id;
    }

    /// All ids up to the offsets at which they ended, for a stream that has come to `end`: what [`History::common`] reads.
    pub fn print(&self, end: u64) -> String {
        let ids = self.earlier.iter().copied().chain([(self.id, end)]);
        let words = ids.map(|(id, end)| format!("{id}:{end}"));
        words.collect::<Vec<_>>().join(",")
    }

    /// The last offset up to which this stream, which has come to `end`, is the one that `printed` was printed of; none if they
    /// have nothing in common.
    ///
    /// # Errors
    /// Nobody prints so.
    pub fn common(&self, end: u64, printed: &str) -> Result<Option<u64>, BadId> {
        let mut common = None;
        for word in printed.split(',') {
            let (id, theirs) = word.split_once(':').ok_or(BadId)?;
            let (id, theirs) = (id.parse::<Id>()?, theirs.parse::<u64>().map_err(|_| BadId)?);
            let mut earlier = self.earlier.iter().rev();
            let ours = match id == self.id {
                true => Some(end),
                false => earlier.find(|(old, _)| *old == id).map(|(_, end)| *end),
            };
            common = common.max(ours.map(|ours| ours.min(theirs)));
        }
        Ok(common)
    }

    /// Whether somebody who has the stream of `id` up to `offset` has nothing that this stream does not have. (Whether
    /// this stream is so long at all is the caller's question.)
    pub fn allows(&self, id: Id, offset: u64) -> bool {
        let mut earlier = self.earlier.iter().rev();
        id == self.id || earlier.any(|(old, end)| *old == id && offset <= *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forty_hex_digits() {
        let id = Id::new(7);
        let text = id.to_string();
        assert_eq!(text.len(), 40);
        assert_eq!(text.parse(), Ok(id));
        for bad in ["", "?", &"g".repeat(40), &"a".repeat(39), &"ä".repeat(20)] {
            assert_eq!(bad.parse::<Id>(), Err(BadId));
        }
    }

    #[test]
    fn every_earlier_term_counts_up_to_its_end() {
        let mut history = History::new(Id::new(1));
        history.begin(Id::new(2), 100);
        history.begin(Id::new(3), 250);
        assert_eq!(history.previous(), Some((Id::new(2), 250)));
        assert!(history.allows(Id::new(1), 100));
        assert!(!history.allows(Id::new(1), 101));
        assert!(history.allows(Id::new(2), 250));
        assert!(!history.allows(Id::new(2), 251));
        assert!(history.allows(Id::new(3), 9999));
        assert!(!history.allows(Id::new(4), 0));
    }

    #[test]
    fn two_streams_find_where_they_parted() {
        let mut stays = History::new(Id::new(1));
        let mut deposed = stays.clone();
        // One went on alone up to 900, and came back under an id of its own.
        stays.begin(Id::new(2), 800);
        deposed.begin(Id::new(3), 900);
        assert_eq!(stays.common(1500, &deposed.print(950)), Ok(Some(800)));
        assert_eq!(deposed.common(950, &stays.print(1500)), Ok(Some(800)));
        assert_eq!(stays.common(1500, &stays.print(1000)), Ok(Some(1000)));
        let stranger = History::new(Id::new(7));
        assert_eq!(stays.common(1500, &stranger.print(10)), Ok(None));
        for bad in [
            "",
            "x:1",
            ":",
            &format!("{}:", Id::new(1)),
            &format!("{}:1,", Id::new(1)),
        ] {
            assert_eq!(stays.common(1500, bad), Err(BadId), "{bad}");
        }
    }

    #[test]
    fn the_number_of_terms_is_bounded() {
        let mut history = History::new(Id::new(0));
        for n in 1..100 {
            history.begin(Id::new(n), n);
        }
        assert_eq!(history.earlier().len(), EARLIER_MAX);
        assert!(!history.allows(Id::new(1), 1));
        assert!(history.allows(Id::new(98), 99));
    }
}
