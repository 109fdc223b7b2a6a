//! How a copy of all data arrives: where it ends.

/// How the end of a copy is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyEnd {
    /// After so many bytes.
    Length(u64),
    /// These bytes follow, and nothing more.
    Mark(Vec<u8>),
}

/// Bytes of a mark.
const MARK: usize = 40;

impl CopyEnd {
    /// What the first line says: `$length`, or `$EOF:` and the mark. None if it is no such line.
    pub fn announced(line: &str) -> Option<CopyEnd> {
        let rest = line.strip_prefix('$')?;
        match rest.strip_prefix("EOF:") {
            Some(mark) if mark.len() == MARK => Some(CopyEnd::Mark(mark.as_bytes().to_vec())),
            Some(_) => None,
            None => rest.parse().ok().map(CopyEnd::Length),
        }
    }

    /// Takes what certainly belongs to the copy, of which `received` bytes are here already; says whether it ends.
    pub fn cut(&self, unread: &mut Vec<u8>, received: u64) -> (Vec<u8>, bool) {
        match self {
            CopyEnd::Length(length) => {
                let left = usize::try_from(length - received).unwrap_or(usize::MAX);
                let rest = unread.split_off(left.min(unread.len()));
                let piece = std::mem::replace(unread, rest);
                let is_last = piece.len() == left;
                (piece, is_last)
            }
            CopyEnd::Mark(mark) if unread.ends_with(mark) => {
                unread.truncate(unread.len() - mark.len());
                (std::mem::take(unread), true)
            }
            CopyEnd::Mark(mark) => {
                // The mark may have begun.
                let sure = unread.len().saturating_sub(mark.len());
                let rest = unread.split_off(sure);
                (std::mem::replace(unread, rest), false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_begins_with_its_length_or_its_mark() {
        assert_eq!(CopyEnd::announced("$17"), Some(CopyEnd::Length(17)));
        let mark = "f".repeat(40);
        let parsed = CopyEnd::announced(&format!("$EOF:{mark}"));
        assert_eq!(parsed, Some(CopyEnd::Mark(mark.into_bytes())));
        for bad in ["17", "$", "$-1", "$EOF:abc", "-ERR no"] {
            assert_eq!(CopyEnd::announced(bad), None, "{bad}");
        }
    }

    /// However the bytes arrive.
    #[test]
    fn the_end_is_found_wherever_reads_end() {
        let mark = vec![b'm'; 40];
        let data: Vec<u8> = (0..100).collect();
        for (end, sent, rest) in [
            (
                CopyEnd::Length(100),
                [data.as_slice(), b"*1"].concat(),
                &b"*1"[..],
            ),
            (
                CopyEnd::Mark(mark.clone()),
                [data.as_slice(), &mark].concat(),
                b"",
            ),
        ] {
            for step in 1..sent.len() {
                let (mut unread, mut copy) = (Vec::new(), Vec::new());
                let mut pieces = sent.chunks(step);
                loop {
                    let (piece, is_last) = end.cut(&mut unread, copy.len() as u64);
                    copy.extend(piece);
                    if is_last {
                        break;
                    }
                    unread.extend_from_slice(pieces.next().expect("more"));
                }
                unread.extend(pieces.flatten());
                assert_eq!(
                    (copy.as_slice(), unread.as_slice()),
                    (data.as_slice(), rest)
                );
            }
        }
    }
}
