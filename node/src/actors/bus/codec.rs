//! Frames between nodes:
//!
//! ```text
//!   [length u32][version u8][kind u8][cluster id 20][counter u64][tag 32][body]      numbers: high byte first
//! ```
//!
//! The length is that of everything behind it. The tag is an HMAC-SHA256 of all else behind the length, with a key that only
//! this direction of this connection has (`greeting.rs`); the counter rises by one with each frame. So a frame that was
//! changed, comes from a stranger or from another connection has a wrong tag, and one that comes twice a wrong counter.
//! Nothing in a frame is looked at before its tag is right, but its length and version.

use std::fmt;
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio_util::codec::{Decoder, Encoder};

use super::counters::Fault;

/// A node, as the bus sees it.
pub type NodeId = [u8; 20];
/// A cluster, as the bus sees it.
pub type ClusterId = [u8; 20];
/// What makes tags.
pub(super) type Key = Hmac<Sha256>;

/// Bytes of a body. Snapshots of the topology are the longest; this is the one place that bounds them.
pub const BODY_MAX: usize = 4 << 20;
/// Rises when the layout changes.
pub(super) const VERSION: u8 = 1;
const LENGTH: usize = 4;
const TAG: usize = 32;
const TAGGED: usize = 1 + 1 + 20 + 8;
const HEADER: usize = TAGGED + TAG;

/// Who may receive a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nobody: it only shows that the link is alive.
    Idle,
    /// Members of the same cluster.
    Member,
    /// Members of any cluster: how clusters come to know each other.
    Join,
}

/// What travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) cluster: ClusterId,
    pub(super) body: Bytes,
}

/// Why a link has ended.
#[derive(Debug)]
pub(super) enum LinkError {
    /// The connection.
    Io(io::Error),
    /// What has come is no frame, or not for us.
    Bad(Fault),
    /// It is not wanted any more.
    Closed,
}

impl LinkError {
    /// What is counted.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self {
            LinkError::Bad(fault) => Some(*fault),
            LinkError::Io(_) | LinkError::Closed => None,
        }
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        LinkError::Io(error)
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Io(error) => write!(f, "{error}"),
            LinkError::Bad(fault) => write!(f, "{fault}"),
            LinkError::Closed => write!(f, "it is not wanted any more"),
        }
    }
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Kind::Idle => 0,
            Kind::Member => 1,
            Kind::Join => 2,
        }
    }

    fn of(code: u8) -> Option<Kind> {
        let kinds = [Kind::Idle, Kind::Member, Kind::Join];
        kinds.into_iter().find(|kind| kind.code() == code)
    }
}

/// Writes frames.
pub(super) struct Sealer {
    key: Key,
    counter: u64,
}

impl Sealer {
    pub(super) fn new(key: Key) -> Self {
        Sealer { key, counter: 0 }
    }
}

impl Encoder<Frame> for Sealer {
    type Error = LinkError;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> Result<(), LinkError> {
        if frame.body.len() > BODY_MAX {
            return Err(LinkError::Bad(Fault::Length));
        }
        let length = HEADER + frame.body.len();
        out.reserve(LENGTH + length);
        // It fits: the body is bounded above.
        out.put_u32(length as u32);
        let tagged = out.len();
        out.put_u8(VERSION);
        out.put_u8(frame.kind.code());
        out.put_slice(&frame.cluster);
        out.put_u64(self.counter);
        let mut key = self.key.clone();
        key.update(&out[tagged..]);
        key.update(&frame.body);
        out.put_slice(&key.finalize().into_bytes());
        out.put_slice(&frame.body);
        self.counter += 1;
        Ok(())
    }
}

/// Reads frames.
pub(super) struct Opener {
    key: Key,
    counter: u64,
}

impl Opener {
    pub(super) fn new(key: Key) -> Self {
        Opener { key, counter: 0 }
    }

    /// Who has not shown yet that it knows the secret does so with an empty frame, and cannot make us wait for more.
    fn length_max(&self) -> usize {
        match self.counter {
            0 => HEADER,
            _ => HEADER + BODY_MAX,
        }
    }

    fn open(&mut self, mut bytes: Bytes) -> Result<Frame, LinkError> {
        let body = bytes.split_off(HEADER);
        let tag = bytes.split_off(TAGGED);
        let mut key = self.key.clone();
        key.update(&bytes);
        key.update(&body);
        if key.verify_slice(&tag).is_err() {
            return Err(LinkError::Bad(Fault::Tag));
        }
        bytes.advance(1);
        let kind = Kind::of(bytes.get_u8()).ok_or(LinkError::Bad(Fault::Kind))?;
        let mut cluster = ClusterId::default();
        bytes.copy_to_slice(&mut cluster);
        if bytes.get_u64() != self.counter {
            return Err(LinkError::Bad(Fault::Replay));
        }
        self.counter += 1;
        Ok(Frame {
            kind,
            cluster,
            body,
        })
    }
}

impl Decoder for Opener {
    type Item = Frame;
    type Error = LinkError;

    fn decode(&mut self, read: &mut BytesMut) -> Result<Option<Frame>, LinkError> {
        let Some(length) = read.first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length < HEADER || length > self.length_max() {
            return Err(LinkError::Bad(Fault::Length));
        }
        if read.get(LENGTH).is_some_and(|version| *version != VERSION) {
            return Err(LinkError::Bad(Fault::Version));
        }
        if read.len() < LENGTH + length {
            read.reserve(LENGTH + length - read.len());
            return Ok(None);
        }
        read.advance(LENGTH);
        self.open(read.split_to(length).freeze()).map(Some)
    }

    fn decode_eof(&mut self, read: &mut BytesMut) -> Result<Option<Frame>, LinkError> {
        match self.decode(read)? {
            None if !read.is_empty() => Err(LinkError::Bad(Fault::Truncated)),
            frame => Ok(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use almandine_storage::Rng;

    fn key(secret: &[u8]) -> Key {
        Key::new_from_slice(secret).unwrap()
    }

    fn frame(body: &[u8]) -> Frame {
        Frame {
            kind: Kind::Member,
            cluster: [7; 20],
            body: Bytes::copy_from_slice(body),
        }
    }

    /// An empty frame, then one for each of `bodies`.
    fn sealed(bodies: &[&[u8]]) -> BytesMut {
        let (mut sealer, mut out) = (Sealer::new(key(b"secret")), BytesMut::new());
        for body in [&b""[..]].iter().chain(bodies) {
            sealer.encode(frame(body), &mut out).unwrap();
        }
        out
    }

    fn fault(opener: &mut Opener, read: &mut BytesMut) -> Fault {
        loop {
            match opener.decode_eof(read) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("nothing is wrong with it"),
                Err(error) => return error.fault().unwrap(),
            }
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_wherever_they_are_cut() {
        let bodies = [&b"one"[..], b"", &[9; 1000]];
        let whole = sealed(&bodies);
        for cut in 0..whole.len() {
            let mut opener = Opener::new(key(b"secret"));
            let (mut read, mut seen) = (BytesMut::new(), Vec::new());
            for part in [&whole[..cut], &whole[cut..]] {
                read.extend_from_slice(part);
                while let Some(frame) = opener.decode(&mut read).unwrap() {
                    assert_eq!((frame.kind, frame.cluster), (Kind::Member, [7; 20]));
                    seen.push(frame.body);
                }
            }
            assert_eq!(seen[1..], bodies);
        }
    }

    #[test]
    fn what_is_wrong_with_a_frame_has_a_name() {
        let opener = || Opener::new(key(b"secret"));
        let good = sealed(&[b"body"]);
        let first = 4 + HEADER;
        let wrong = |change: &dyn Fn(&mut BytesMut)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            fault(&mut opener(), &mut bytes)
        };
        assert_eq!(wrong(&|it| it[first + 4] = 9), Fault::Version);
        assert_eq!(wrong(&|it| it[first + 5] = 2), Fault::Tag);
        assert_eq!(wrong(&|it| it[first] = 1), Fault::Length);
        assert_eq!(wrong(&|it| it[first + 3] = 3), Fault::Length);
        assert_eq!(wrong(&|it| it.truncate(first + 50)), Fault::Truncated);
        assert_eq!(wrong(&|it| it.truncate(first + 2)), Fault::Truncated);
        let again = |it: &mut BytesMut| {
            let frame = it[first..].to_vec();
            it.extend_from_slice(&frame);
        };
        assert_eq!(wrong(&again), Fault::Replay);
        let mut stranger = Opener::new(key(b"other"));
        assert_eq!(fault(&mut stranger, &mut good.clone()), Fault::Tag);
    }

    #[test]
    fn who_has_not_shown_the_secret_sends_no_body() {
        let (mut sealer, mut out) = (Sealer::new(key(b"secret")), BytesMut::new());
        sealer.encode(frame(b"body"), &mut out).unwrap();
        let mut opener = Opener::new(key(b"secret"));
        assert_eq!(fault(&mut opener, &mut out), Fault::Length);
        let long = Frame {
            body: Bytes::from(vec![0; BODY_MAX + 1]),
            ..frame(b"")
        };
        let error = sealer.encode(long, &mut out).unwrap_err();
        assert_eq!(error.fault(), Some(Fault::Length));
    }

    #[test]
    fn no_damaged_frame_is_taken() {
        let mut rng = Rng::new(5);
        let good = sealed(&[b"first", &[3; 200], b"last"]);
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..=rng.below(3) {
                let at = rng.below(bytes.len());
                bytes[at] = rng.bits() as u8;
            }
            bytes.truncate(rng.below(bytes.len() + 1));
            let is_prefix = good.starts_with(&bytes);
            let (mut opener, mut taken) = (Opener::new(key(b"secret")), 0);
            let end = loop {
                match opener.decode_eof(&mut bytes) {
                    Ok(Some(frame)) => {
                        let expected: [&[u8]; 4] = [b"", b"first", &[3; 200], b"last"];
                        assert_eq!(frame.body, expected[taken]);
                        taken += 1;
                    }
                    Ok(None) => break None,
                    Err(error) => break error.fault(),
                }
            };
            assert!(end.is_some() || is_prefix);
        }
    }

    #[test]
    fn noise_is_no_frame() {
        let mut rng = Rng::new(6);
        for _ in 0..20_000 {
            let length = rng.below(200);
            let mut bytes: BytesMut = (0..length).map(|_| rng.bits() as u8).collect();
            let mut opener = Opener::new(key(b"secret"));
            assert!(!matches!(opener.decode_eof(&mut bytes), Ok(Some(_))));
        }
    }
}
