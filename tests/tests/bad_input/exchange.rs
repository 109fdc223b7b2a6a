//! Plays cases against a server: at once, behind a good request, and cut at every byte.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use almandine_tests::process::{Identity, Running};
use almandine_tests::resp::Client;

use crate::corpus::{Case, End};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at a time.
const CROWD: usize = 250;
/// What has gone so wrong takes long to wait for.
const ENOUGH: usize = 20;
/// A case is cut at every byte if it has no more than these; else at so many places at both ends and some between.
const CUT_EVERYWHERE: usize = 200;
const CUT_BETWEEN: usize = 10;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// One case in one form.
struct Play<'a> {
    case: &'a Case,
    /// Where the bytes are cut.
    cut: usize,
    /// What is sent before: PING or nothing.
    before: &'static [u8],
}

/// A server and what PING answers there.
pub(crate) struct Stage<'a> {
    pub(crate) server: &'a Running,
    /// A client that the server listens to.
    pub(crate) control: Client,
    /// The answer before a case.
    pub(crate) before: &'static str,
    /// The answer behind a case, where the connection goes on.
    pub(crate) behind: &'static str,
}

/// Plays every case in every form; returns what went wrong.
pub(crate) fn play_all(mut stage: Stage<'_>, cases: &[Case]) -> Vec<String> {
    let identity = stage.server.identity_told_to(&mut stage.control);
    let mut plays = Vec::new();
    for case in cases.iter().filter(|case| !differs(case, &identity)) {
        let play = |cut, before| Play { case, cut, before };
        plays.push(play(0, b""));
        plays.push(play(0, PING));
        plays.push(play(0, b"PING\r\n"));
        plays.extend(cuts(case.sent.len()).map(|cut| play(cut, b"")));
    }
    plays
        .chunks(CROWD)
        .flat_map(|crowd| play(&mut stage, crowd))
        .take(ENOUGH)
        .collect()
}

fn differs(case: &Case, identity: &Identity) -> bool {
    let name = identity.to_string();
    case.unlike
        .iter()
        .any(|(server, _)| *server == name || *server == identity.family)
}

fn cuts(length: usize) -> impl Iterator<Item = usize> {
    let ends = CUT_EVERYWHERE / 2;
    let step = (length / CUT_BETWEEN).max(1);
    (1..length).filter(move |cut| {
        length <= CUT_EVERYWHERE || *cut < ends || *cut > length - ends || cut % step == 0
    })
}

fn play(stage: &mut Stage<'_>, crowd: &[Play<'_>]) -> Vec<String> {
    let address = stage.server.address();
    let mut talks: Vec<Talk> = crowd.iter().map(|_| Talk::open(address)).collect();
    for (talk, play) in talks.iter_mut().zip(crowd) {
        talk.say(&[play.before, &play.case.sent[..play.cut]].concat());
    }
    // What has been sent before is read before this is answered, so the pieces are read apart.
    stage.pause();
    for (talk, play) in talks.iter_mut().zip(crowd) {
        talk.say(&play.case.sent[play.cut..]);
    }
    stage.pause();
    let finished = talks.into_iter().zip(crowd).map(|(talk, play)| {
        let answered = if play.before.is_empty() {
            ""
        } else {
            stage.before
        };
        let expected = [answered.as_bytes(), &play.case.reply].concat();
        let ended = talk.ends(&expected, play.case.end, stage.behind.as_bytes());
        ended.map_err(|reason| {
            let sent = show(&[play.before, &play.case.sent].concat());
            format!("{sent:?} cut at {}: {reason}", play.cut)
        })
    });
    finished.filter_map(Result::err).collect()
}

impl Stage<'_> {
    fn pause(&mut self) {
        self.control
            .call(&["PING"])
            .expect("the server answers others");
    }
}

/// A connection that shows bytes.
struct Talk(TcpStream);

impl Talk {
    fn open(address: SocketAddr) -> Talk {
        let open = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        Talk(open().expect("the server accepts connections"))
    }

    /// Sends. The server may have closed already: then the end of the connection tells.
    fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    fn ends(mut self, expected: &[u8], end: End, pong: &[u8]) -> Result<(), String> {
        match end {
            End::GoesOn => {
                self.hears(expected)?;
                self.say(PING);
                self.hears(pong)
            }
            End::Closes => match self.rest()? {
                heard if heard == expected => Ok(()),
                heard => Err(format!(
                    "answers {:?} and closes instead of {:?}",
                    show(&heard),
                    show(expected)
                )),
            },
            End::Severed => match self.rest()? {
                heard if expected.starts_with(&heard) => Ok(()),
                heard => Err(format!(
                    "answers {:?} and closes instead of {:?}",
                    show(&heard),
                    show(expected)
                )),
            },
            End::Waits => {
                self.hears(expected)?;
                if !self.is_silent() {
                    return Err("says more, or has closed, instead of waiting".to_owned());
                }
                // To end is all that is left to say: then the server closes too, without a word.
                self.0
                    .shutdown(Shutdown::Write)
                    .map_err(|error| error.to_string())?;
                match self.rest()? {
                    heard if heard.is_empty() => Ok(()),
                    heard => Err(format!("answers {:?} to half a request", show(&heard))),
                }
            }
        }
    }

    /// Whether these are the next bytes.
    fn hears(&mut self, expected: &[u8]) -> Result<(), String> {
        let mut heard = vec![0; expected.len()];
        let mut count = 0;
        while count < expected.len() {
            match self.0.read(&mut heard[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => {
                    return Err(format!(
                        "{error} after {:?} instead of {:?}",
                        show(&heard[..count]),
                        show(expected)
                    ));
                }
            }
            if !expected.starts_with(&heard[..count]) {
                break;
            }
        }
        match &heard[..count] == expected {
            true => Ok(()),
            false => Err(format!(
                "answers {:?} instead of {:?}",
                show(&heard[..count]),
                show(expected)
            )),
        }
    }

    /// All that comes until the server closes.
    fn rest(&mut self) -> Result<Vec<u8>, String> {
        let mut heard = Vec::new();
        match self.0.read_to_end(&mut heard) {
            Ok(_) => Ok(heard),
            // It closed with bytes unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(heard),
            Err(error) => Err(format!("{error} after {:?}: does not close", show(&heard))),
        }
    }

    fn is_silent(&self) -> bool {
        let set = |nonblocking| self.0.set_nonblocking(nonblocking).is_ok();
        let peeked = set(true).then(|| self.0.peek(&mut [0]));
        set(false) && matches!(peeked, Some(Err(error)) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// For people, not too long.
fn show(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(100)].escape_ascii().to_string();
    match bytes.len() {
        0..=100 => shown,
        length => format!("{shown}... ({length} bytes)"),
    }
}
