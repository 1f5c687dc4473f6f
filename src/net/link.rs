//! A link: the bytes of one connection, and nothing about what they mean.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::stream::Stream;
use super::tls::Session;
use super::websocket::Channel;
use super::{Interest, Ready};

/// One non-blocking connection, whose bytes are its own or those in a WebSocket.
#[derive(Debug)]
pub struct Link {
    way: Way,
    peer: SocketAddr,
}

/// How the bytes come and go.
#[derive(Debug)]
enum Way {
    Raw(Stream),
    WebSocket(Box<Channel>),
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// From where the connection comes.
    pub address: SocketAddr,
    /// The name in the certificate that it has shown, and that one of the configured authorities has signed.
    pub certificate_name: Option<String>,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Some bytes were added to the buffer.
    Bytes,
    /// Nothing is there now.
    Nothing,
    /// The peer will send no more; the last bytes may have been added.
    End,
}

/// How much is read at once: most clients never send more at once, and the buffer of an idle one is given back.
const CHUNK: usize = 4096;

impl Link {
    /// Takes over a connection.
    pub fn new(stream: TcpStream, peer: SocketAddr) -> io::Result<Link> {
        stream.set_nonblocking(true)?;
        // Small answers leave at once; with Nagle's algorithm they would wait 40 ms for each other.
        stream.set_nodelay(true)?;
        Ok(Link { way: Way::Raw(Stream::Plain(stream)), peer })
    }

    /// Goes on with a connection whose handshake is done.
    pub(super) fn secured(session: Session, peer: SocketAddr) -> Link {
        Link { way: Way::Raw(Stream::Tls(Box::new(session))), peer }
    }

    /// The connection itself, on which nothing has been said yet.
    pub(super) fn into_socket(self) -> io::Result<TcpStream> {
        match self.way {
            Way::Raw(Stream::Plain(socket)) => Ok(socket),
            _ => Err(io::Error::other("something is spoken on this connection already")),
        }
    }

    /// Goes on as a WebSocket, which was agreed on; `rest` is what came after the client's request.  A message has at
    /// most `largest` bytes.
    pub fn into_websocket(self, rest: Vec<u8>, largest: usize) -> Link {
        let way = match self.way {
            Way::Raw(stream) => Way::WebSocket(Box::new(Channel::new(stream, rest, largest))),
            way @ Way::WebSocket(_) => way,
        };
        Link { way, peer: self.peer }
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The other end, and who it has shown to be.
    pub fn known_peer(&self) -> Peer {
        let certificate_name = self.stream().tls().and_then(Session::peer_certificate_name);
        Peer { address: self.peer, certificate_name }
    }

    /// The version of TLS, or that there is none.
    pub(super) fn version(&self) -> &'static str {
        self.stream().tls().map_or("without TLS", Session::version)
    }

    /// Whether there may be bytes to read although the socket has none.
    pub fn has_unread(&self) -> bool {
        match &self.way {
            Way::Raw(stream) => stream.has_unread(),
            Way::WebSocket(channel) => channel.has_unread(),
        }
    }

    /// Whether something that was taken by [`Link::write`] waits until the socket can be written; then a further
    /// write, of nothing if need be, sends it.
    pub fn has_unsent(&self) -> bool {
        match &self.way {
            Way::Raw(stream) => stream.has_unsent(),
            Way::WebSocket(channel) => channel.has_unsent(),
        }
    }

    /// Waits for the socket with `wait`, unless there are bytes to read already that the socket knows nothing of.
    pub fn wait(
        &self,
        interest: Interest,
        wait: impl FnOnce(BorrowedFd<'_>, Interest) -> io::Result<Ready>,
    ) -> io::Result<Ready> {
        if interest.read && self.has_unread() {
            return Ok(Ready { read: true, ..Ready::default() });
        }
        wait(self.as_fd(), interest)
    }

    /// Adds what has come to `buffer`.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Read> {
        let stream = match &mut self.way {
            Way::Raw(stream) => stream,
            Way::WebSocket(channel) => return channel.read(buffer),
        };
        let filled = buffer.len();
        buffer.resize(filled + CHUNK, 0);
        let result = stream.read(&mut buffer[filled..]);
        let read = result.as_ref().map_or(0, |read| *read);
        buffer.truncate(filled + read);
        match result {
            Ok(0) => Ok(Read::End),
            Ok(_) => Ok(Read::Bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Read::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Sends as many of the bytes as there is room for, and says how many.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stream = match &mut self.way {
            Way::Raw(stream) => stream,
            Way::WebSocket(channel) => return channel.write(bytes),
        };
        match stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Says goodbye, and closes so that the peer can read what was sent: closing with unread bytes would take it back.
    /// `wait` waits for the socket, and not longer than until `until`.
    pub fn linger(
        &mut self,
        until: Instant,
        wait: impl Fn(BorrowedFd<'_>, Interest) -> io::Result<Ready>,
    ) -> io::Result<()> {
        match &mut self.way {
            Way::Raw(_) => self.finish(),
            Way::WebSocket(channel) => channel.finish()?,
        }
        let mut unwanted = Vec::new();
        while Instant::now() < until && !self.is_over() {
            let ready = self.wait(Interest { read: true, write: self.has_unsent() }, &wait)?;
            if ready.write {
                self.write(&[])?;
            }
            unwanted.clear();
            if ready.gone || (ready.read && self.read(&mut unwanted)? == Read::End) {
                break;
            }
        }
        Ok(())
    }

    /// Says goodbye below everything, without waiting for anything.
    pub fn finish(&mut self) {
        // The peer may be gone already, and then there is nobody to say it to.
        drop(match &mut self.way {
            Way::Raw(stream) => stream.finish(),
            Way::WebSocket(channel) => channel.finish_stream(),
        });
    }

    fn stream(&self) -> &Stream {
        match &self.way {
            Way::Raw(stream) => stream,
            Way::WebSocket(channel) => channel.stream(),
        }
    }

    fn is_over(&self) -> bool {
        matches!(&self.way, Way::WebSocket(channel) if channel.is_over())
    }
}

/// Without a certificate.
impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        Peer { address, certificate_name: None }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream().as_fd()
    }
}
