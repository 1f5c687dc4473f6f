//! A stream: the bytes of one connection as they are, below everything that is said on it.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use super::tls::Session;

/// One non-blocking connection.  What can't be done now is [`ErrorKind::WouldBlock`].
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<Session>),
}

impl Stream {
    /// Says that no more will be sent.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.shutdown(Shutdown::Write),
            Stream::Tls(session) => session.finish(),
        }
    }

    /// Whether there is something to read although the socket may have nothing.
    pub(super) fn has_unread(&self) -> bool {
        matches!(self, Stream::Tls(session) if session.has_unread())
    }

    /// Whether something that was taken waits until the socket can be written.
    pub(super) fn has_unsent(&self) -> bool {
        matches!(self, Stream::Tls(session) if session.has_unsent())
    }

    /// The session, where there is one.
    pub(super) fn tls(&self) -> Option<&Session> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(session) => Some(session),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Plain(socket) => socket.as_fd(),
            Stream::Tls(session) => session.as_fd(),
        }
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => uninterrupted(|| socket.read(buffer)),
            Stream::Tls(session) => session.read(buffer),
        }
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => uninterrupted(|| socket.write(bytes)),
            Stream::Tls(session) => session.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(session) => session.flush(),
        }
    }
}

/// A signal is no reason to give up.
pub(super) fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => return result,
        }
    }
}
