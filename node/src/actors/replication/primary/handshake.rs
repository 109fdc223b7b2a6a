//! What a replica says to its primary before the stream flows, and what it is answered.

use std::sync::Arc;

use super::LinkError;
use super::connection::Connection;
use crate::journal::Id;
use crate::node::Node;

/// How the primary answers PSYNC.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The stream goes on where the journal stands; perhaps it has another id.
    Continue(Option<Id>),
    /// A copy comes first; the stream of this id follows it at this offset.
    Copy(Id, u64),
}

/// Says who we are.
pub(super) async fn introduce(
    connection: &mut Connection,
    node: &Arc<Node>,
) -> Result<(), LinkError> {
    let params = node.params();
    connection.request(&[b"PING"]).await?;
    let pong = connection.line().await?;
    let wants_password = ["-NOAUTH", "-NOPERM", "-ERR operation not permitted"];
    if !pong.starts_with('+') && !wants_password.iter().any(|text| pong.starts_with(text)) {
        return Err(LinkError::NotNow(pong));
    }
    if !params.masterauth.as_bytes().is_empty() {
        let (user, password) = (params.masteruser.as_bytes(), params.masterauth.as_bytes());
        let words: &[&[u8]] = match user.is_empty() {
            true => &[b"AUTH", password],
            false => &[b"AUTH", user, password],
        };
        connection.request(words).await?;
        let reply = connection.line().await?;
        if !reply.starts_with('+') {
            return Err(LinkError::Refused(format!("AUTH: {reply}")));
        }
    }
    let port = match params.replica_announce_port {
        0 => params.port,
        port => port,
    };
    let ip = params.replica_announce_ip.as_bytes();
    let port = port.to_string();
    let mut said: Vec<Vec<&[u8]>> = vec![vec![b"REPLCONF", b"listening-port", port.as_bytes()]];
    if !ip.is_empty() {
        said.push(vec![b"REPLCONF", b"ip-address", ip]);
    }
    said.push(vec![b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
    let cluster = node.cluster.as_ref();
    let name = cluster.map(|cluster| cluster.picture().myself.to_hex());
    if let Some(name) = &name {
        said.push(vec![b"REPLCONF", b"node-id", name.as_bytes()]);
    }
    for words in said {
        connection.request(&words).await?;
        // A primary that does not know it can do without.
        connection.line().await?;
    }
    Ok(())
}

/// Asks for the stream from where the journal stands, or for a copy. A replica of ours is asked to lead first.
pub(super) async fn ask(
    connection: &mut Connection,
    node: &Arc<Node>,
    hands_over: bool,
) -> Result<Answer, LinkError> {
    let (id, next) = match node.journal.is_on() {
        true => (
            node.journal.history().id().to_string(),
            (node.journal.offset() + 1).to_string(),
        ),
        false => ("?".to_owned(), "-1".to_owned()),
    };
    let mut words: Vec<&[u8]> = vec![b"PSYNC", id.as_bytes(), next.as_bytes()];
    if hands_over {
        words.push(b"FAILOVER");
    }
    connection.request(&words).await?;
    parse(&connection.line().await?)
}

fn parse(line: &str) -> Result<Answer, LinkError> {
    let refused = || LinkError::Refused(format!("PSYNC: {line}"));
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("+FULLRESYNC") => {
            let id = words.next().and_then(|id| id.parse().ok());
            // As Redis, which counts with a sign: there is room behind it for any stream.
            let offset = words.next().and_then(|offset| offset.parse::<i64>().ok());
            let offset = offset.and_then(|offset| u64::try_from(offset).ok());
            let (id, offset) = id.zip(offset).ok_or_else(refused)?;
            Ok(Answer::Copy(id, offset))
        }
        Some("+CONTINUE") => match words.next() {
            None => Ok(Answer::Continue(None)),
            Some(id) => Ok(Answer::Continue(Some(id.parse().map_err(|_| refused())?))),
        },
        Some("-NOMASTERLINK" | "-LOADING" | "-BUSY" | "-MASTERDOWN") => {
            Err(LinkError::NotNow(line.to_owned()))
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_a_primary_are_understood() {
        let id = Id::new(3);
        let parsed = |line: &str| parse(line).expect("an answer");
        assert_eq!(
            parsed(&format!("+FULLRESYNC {id} 17")),
            Answer::Copy(id, 17)
        );
        assert_eq!(parsed("+CONTINUE"), Answer::Continue(None));
        assert_eq!(
            parsed(&format!("+CONTINUE {id}")),
            Answer::Continue(Some(id))
        );
        assert!(matches!(parse("-LOADING x"), Err(LinkError::NotNow(_))));
        for bad in [
            "+FULLRESYNC",
            "+FULLRESYNC x 1",
            "+FULLRESYNC 0123456789012345678901234567890123456789 -1",
            "+FULLRESYNC 0123456789012345678901234567890123456789 18446744073709551615",
            "+CONTINUE x",
            "-ERR no",
            "hello",
        ] {
            assert!(matches!(parse(bad), Err(LinkError::Refused(_))), "{bad}");
        }
    }
}
