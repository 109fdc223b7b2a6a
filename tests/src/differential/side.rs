//! One of the two servers and all connections to it.

use std::time::Duration;

use super::generate::SPEAKERS;
use crate::process::{Identity, Running, Server, Start, StartError, wait_for};
use crate::resp::{Client, ClientError, Protocol, Value};

/// Arguments of peers: a threshold whose default differs between versions; and how often a second they look whether a
/// client has waited long enough.
const PEER_ARGS: [&str; 4] = ["--hash-max-listpack-entries", "512", "--hz", "500"];
/// No command of the rules takes long.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// What the connection for events subscribes to.
const EVENTS: &str = "__key*@*__:*";
/// PING with this text marks the end of what was heard.
const MARK: &str = "end-of-the-batch";

/// One server.
pub(super) struct Side {
    start: Start,
    server: Running,
    listener_protocol: Protocol,
    clients: Clients,
}

struct Clients {
    /// One that speaks RESP2, one that speaks RESP3.
    speakers: Vec<Client>,
    /// Subscribes as the rules say.
    listener: Client,
    /// Hears of all changes of keys.
    events: Client,
    /// Asks for the state.
    control: Client,
}

impl Side {
    pub(super) fn start(server: Server, listener_protocol: Protocol) -> Result<Side, StartError> {
        let args: &[&str] = match server {
            Server::Peer(_) => &PEER_ARGS,
            _ => &[],
        };
        let start = Start::new(server).args(args);
        let server = start.clone().run()?;
        let clients = Clients::connect(&server, listener_protocol)
            .map_err(|error| StartError::Io(std::io::Error::other(error)))?;
        Ok(Side {
            start,
            server,
            listener_protocol,
            clients,
        })
    }

    pub(super) fn identity(&self) -> Identity {
        self.server.identity()
    }

    /// The last lines of the log.
    pub(super) fn log_tail(&self) -> String {
        let log = self.server.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Empties the server and opens all connections anew; a server that has died is started again.
    pub(super) fn renew(&mut self) -> Result<(), StartError> {
        if self.server.has_ended().is_some() {
            self.server = self.start.clone().run()?;
        }
        let clients = Clients::connect(&self.server, self.listener_protocol);
        self.clients = clients.map_err(|error| StartError::Io(std::io::Error::other(error)))?;
        Ok(())
    }

    pub(super) fn speaker(&mut self, number: usize) -> &mut Client {
        &mut self.clients.speakers[number]
    }

    pub(super) fn listener(&mut self) -> &mut Client {
        &mut self.clients.listener
    }

    pub(super) fn control(&mut self) -> &mut Client {
        &mut self.clients.control
    }

    /// Asks both listening connections for all that they were told so far.
    pub(super) fn ask_what_was_heard(&mut self) -> Result<(), ClientError> {
        self.clients.listener.send(&["PING", MARK])?;
        self.clients.events.send(&["PING", MARK])
    }

    /// What the subscriber and the connection for events were told.
    pub(super) fn heard(&mut self) -> Result<[Vec<Value>; 2], ClientError> {
        let listener = up_to_mark(&mut self.clients.listener)?;
        let events = up_to_mark(&mut self.clients.events)?;
        Ok([listener, events])
    }
}

impl Clients {
    fn connect(server: &Running, listener: Protocol) -> Result<Clients, ClientError> {
        let address = server.address();
        let connect = |protocol| {
            let mut client = Client::connect_with(address, protocol)?;
            client.timeout(REPLY_TIMEOUT);
            Ok(client)
        };
        let speaker = |number| connect(Protocol::BOTH[number % 2]);
        let mut control = connect(Protocol::Resp2)?;
        see_off_others(&mut control)?;
        control.call(&["FLUSHALL"])?;
        control.call(&["CONFIG", "SET", "notify-keyspace-events", "KEA"])?;
        let mut events = connect(Protocol::Resp2)?;
        events.call(&["PSUBSCRIBE", EVENTS])?;
        Ok(Clients {
            speakers: (0..SPEAKERS)
                .map(speaker)
                .collect::<Result<_, ClientError>>()?,
            listener: connect(listener)?,
            events,
            control,
        })
    }
}

/// Ends all other connections, and waits until the server knows: those before still listen, and wait for keys.
fn see_off_others(control: &mut Client) -> Result<(), ClientError> {
    for kind in ["normal", "pubsub"] {
        control.call(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"])?;
    }
    let alone = wait_for(REPLY_TIMEOUT, || {
        let list = control.call(&["CLIENT", "LIST"]).map(|list| list.text());
        match list {
            Ok(Some(list)) if list.lines().count() != 1 => None,
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    });
    alone.unwrap_or(Err(ClientError::TimedOut))
}

fn up_to_mark(client: &mut Client) -> Result<Vec<Value>, ClientError> {
    let mut heard = Vec::new();
    loop {
        let value = client.receive()?;
        // A connection of RESP2 that subscribes answers PING with two elements.
        let is_mark = match &value {
            Value::Array(pair) => *pair == [Value::bulk("pong"), Value::bulk(MARK)],
            other => *other == Value::bulk(MARK),
        };
        if is_mark {
            return Ok(heard);
        }
        heard.push(value);
    }
}
