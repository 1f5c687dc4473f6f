//! The bytes of a connection, plain or in TLS.  Nothing here waits.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use rustls::ClientConnection;

use crate::net::Interest;

/// A non-blocking connection.
pub(super) struct Channel {
    socket: TcpStream,
    session: Option<Box<ClientConnection>>,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Some bytes were added.
    Bytes,
    /// Nothing is there now.
    Nothing,
    /// No more will come.
    End,
}

const CHUNK: usize = 4096;

impl Channel {
    /// Takes over a connection, with a session that has yet to shake hands.
    pub(super) fn new(socket: TcpStream, session: Option<ClientConnection>) -> io::Result<Channel> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Channel { socket, session: session.map(Box::new) })
    }

    /// Whether hands are still to be shaken.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_handshaking())
    }

    /// What to wait for.
    pub(super) fn interest(&self) -> Interest {
        Interest { read: true, write: self.session.as_ref().is_some_and(|session| session.wants_write()) }
    }

    /// Adds what has come to `buffer`.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Read> {
        let filled = buffer.len();
        buffer.resize(filled + CHUNK, 0);
        let result = match &mut self.session {
            None => self.socket.read(&mut buffer[filled..]),
            Some(session) => take_in(session, &mut self.socket, &mut buffer[filled..]),
        };
        buffer.truncate(filled + result.as_ref().map_or(0, |read| *read));
        match result {
            Ok(0) => Ok(Read::End),
            Ok(_) => Ok(Read::Bytes),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(Read::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends as many of the bytes as there is room for; what TLS has taken leaves with the next [`Channel::flush`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = match &mut self.session {
            None => self.socket.write(bytes),
            Some(session) => session.writer().write(bytes),
        };
        let written = match result {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            result => result?,
        };
        self.flush()?;
        Ok(written)
    }

    /// Sends what TLS still has.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        while session.wants_write() {
            match session.write_tls(&mut self.socket) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => break,
                result => drop(result?),
            }
        }
        Ok(())
    }
}

/// Gives plaintext, after a look at the socket where there is none.
fn take_in(session: &mut ClientConnection, socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match session.reader().read(buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        result => return result,
    }
    if session.read_tls(socket)? == 0 && session.is_handshaking() {
        return Ok(0);
    }
    if let Err(error) = session.process_new_packets() {
        // The other side is told why, where it still listens.
        let _ = session.write_tls(socket);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    session.reader().read(buffer)
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
