//! A link: the bytes of one connection, and nothing about what they mean.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::{Interest, Ready};

/// One non-blocking connection.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    peer: SocketAddr,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Some bytes were added to the buffer.
    Bytes,
    /// Nothing is there now.
    Nothing,
    /// The peer will send no more.
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
        Ok(Link { stream, peer })
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Adds what has come to `buffer`.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Read> {
        let filled = buffer.len();
        buffer.resize(filled + CHUNK, 0);
        let result = loop {
            match self.stream.read(&mut buffer[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => break result,
            }
        };
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
        loop {
            match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                result => return result,
            }
        }
    }

    /// Closes so that the peer can read what was sent: closing with unread bytes would take it back.  `wait` waits for
    /// the socket, and not longer than until `until`.
    pub fn linger(
        &mut self,
        until: Instant,
        wait: impl Fn(BorrowedFd<'_>, Interest) -> io::Result<Ready>,
    ) -> io::Result<()> {
        // The peer may be gone already, and then there is nobody to say it to.
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut unwanted = Vec::new();
        while Instant::now() < until {
            let ready = wait(self.as_fd(), Interest { read: true, write: false })?;
            unwanted.clear();
            if ready.gone || (ready.read && self.read(&mut unwanted)? == Read::End) {
                break;
            }
        }
        Ok(())
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
