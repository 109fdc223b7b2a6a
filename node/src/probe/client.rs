//! A blocking connection that shows every byte of a reply, which clients for applications hide.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use almandine_protocol::{Malformed, Value, Version, decode, write_request};

/// How long a reply may take unless [`Client::timeout`] says otherwise.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
const READ_SIZE: usize = 64 * 1024;

/// Why there is no reply.
#[derive(Debug)]
pub enum ClientError {
    /// The server has closed the connection.
    Closed,
    /// No reply in time.
    TimedOut,
    /// The server sent what is no reply.
    Malformed(Malformed),
    /// The socket failed.
    Io(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Closed => write!(f, "the server closed the connection"),
            ClientError::TimedOut => write!(f, "no reply in time"),
            ClientError::Malformed(reason) => reason.fmt(f),
            ClientError::Io(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ClientError::TimedOut,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                ClientError::Closed
            }
            _ => ClientError::Io(error),
        }
    }
}

/// One connection to a server.
pub struct Client {
    stream: TcpStream,
    /// Bytes received; those before `read` are used up.
    buffer: Vec<u8>,
    read: usize,
    timeout: Duration,
}

impl Client {
    /// Connects; the connection speaks RESP2.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, REPLY_TIMEOUT)?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            buffer: Vec::new(),
            read: 0,
            timeout: REPLY_TIMEOUT,
        })
    }

    /// Connects and says HELLO if `version` is not what a connection starts with.
    pub fn connect_with(address: SocketAddr, version: Version) -> Result<Client, ClientError> {
        let mut client = Client::connect(address)?;
        if version == Version::Resp3 {
            let reply = client.call(&["HELLO", "3"])?;
            if !matches!(reply, Value::Map(_)) {
                let reason = format!("HELLO 3 was answered by {reply:?}");
                return Err(ClientError::Malformed(Malformed { reason }));
            }
        }
        Ok(client)
    }

    /// How long a reply may take from now on.
    pub fn timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Sends a request and awaits its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value, ClientError> {
        self.send(args)?;
        self.receive()
    }

    /// [`Client::call`] with the words of `line`, split at blanks.
    pub fn line(&mut self, line: &str) -> Result<Value, ClientError> {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Sends a request.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<(), ClientError> {
        let mut request = Vec::new();
        write_request(args.iter().map(AsRef::as_ref), &mut request);
        self.send_raw(&request)
    }

    /// Sends bytes that need not be a request.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.set_write_timeout(Some(self.timeout))?;
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends all requests, then awaits all replies.
    pub fn pipeline<A: AsRef<[u8]>>(
        &mut self,
        requests: &[Vec<A>],
    ) -> Result<Vec<Value>, ClientError> {
        let mut bytes = Vec::new();
        for request in requests {
            write_request(request.iter().map(AsRef::as_ref), &mut bytes);
        }
        self.send_raw(&bytes)?;
        requests.iter().map(|_| self.receive()).collect()
    }

    /// The next reply or push.
    pub fn receive(&mut self) -> Result<Value, ClientError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(value) = self.take()? {
                return Ok(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ClientError::TimedOut);
            }
            self.fill(left)?;
        }
    }

    /// The next reply if its bytes are here already.
    pub fn receive_now(&mut self) -> Result<Option<Value>, ClientError> {
        if let Some(value) = self.take()? {
            return Ok(Some(value));
        }
        self.stream.set_nonblocking(true)?;
        let filled = self.fill_once();
        self.stream.set_nonblocking(false)?;
        match filled {
            Ok(()) => self.take(),
            Err(ClientError::TimedOut) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Whether anything has arrived that nobody took, or the server has closed.
    pub fn has_news(&mut self) -> bool {
        if self.read < self.buffer.len() {
            return true;
        }
        let mut byte = [0];
        if self.stream.set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = self.stream.peek(&mut byte);
        let blocking = self.stream.set_nonblocking(false);
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock) || blocking.is_err()
    }

    /// Everything until the server closes; `TimedOut` if it does not.
    pub fn until_closed(&mut self) -> Result<Vec<Value>, ClientError> {
        let mut values = Vec::new();
        loop {
            match self.receive() {
                Ok(value) => values.push(value),
                Err(ClientError::Closed) => return Ok(values),
                Err(other) => return Err(other),
            }
        }
    }

    /// Says that no request will follow; replies can still be read.
    pub fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// The address of this end: how the server sees the client.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    fn take(&mut self) -> Result<Option<Value>, ClientError> {
        let decoded = decode(&self.buffer[self.read..]).map_err(ClientError::Malformed)?;
        let Some((value, length)) = decoded else {
            return Ok(None);
        };
        self.read += length;
        if self.read == self.buffer.len() {
            self.buffer.clear();
            self.read = 0;
        }
        Ok(Some(value))
    }

    fn fill(&mut self, wait: Duration) -> Result<(), ClientError> {
        self.stream.set_read_timeout(Some(wait))?;
        self.fill_once()
    }

    fn fill_once(&mut self) -> Result<(), ClientError> {
        if self.read > 0 {
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        // A long reply is decoded from its start each time: read in ever larger steps, so that the sum stays linear.
        let step = READ_SIZE.max(self.buffer.len());
        let start = self.buffer.len();
        self.buffer.resize(start + step, 0);
        let received = self.stream.read(&mut self.buffer[start..]);
        self.buffer
            .truncate(start + *received.as_ref().unwrap_or(&0));
        match received? {
            0 => Err(ClientError::Closed),
            _ => Ok(()),
        }
    }
}
