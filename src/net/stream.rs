//! A stream: the bytes of one connection as they are, below everything that is said on it.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

/// One non-blocking connection.  What can't be done now is [`ErrorKind::WouldBlock`].
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
}

impl Stream {
    /// Says that no more will be sent.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.shutdown(Shutdown::Write),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Plain(socket) => socket.as_fd(),
        }
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => uninterrupted(|| socket.read(buffer)),
        }
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => uninterrupted(|| socket.write(bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
