//! One connection's TLS: plaintext on one side, a non-blocking socket on the other.
//!
//! Nothing here waits.  Bytes go to the socket as far as it takes them, and further plaintext is taken only when all of
//! them have left, so that a client that does not read holds no more than one buffer.

use std::io::{self, ErrorKind, Read as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::certificate;
use crate::net::stream::uninterrupted;

/// A connection in TLS, from the first byte of its handshake on.
#[derive(Debug)]
pub(in crate::net) struct Session {
    connection: ServerConnection,
    socket: TcpStream,
    /// Bytes that are decrypted and not read yet.
    unread: usize,
    client: Client,
    goodbye: Goodbye,
}

/// What is known of what the client still sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Sends,
    /// It has said that there will be no more, which nobody was told yet.
    HasEnded,
    /// That was told.
    IsDone,
}

/// How far our own end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    NotYet,
    /// It was said, and may not have left yet.
    Said,
    /// It has left, and the socket is closed for writing.
    Sent,
}

/// So many bytes may wait for the socket: four of the largest records.
const BUFFER: usize = 64 << 10;

impl Session {
    pub(in crate::net) fn new(config: Arc<ServerConfig>, socket: TcpStream) -> io::Result<Session> {
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        connection.set_buffer_limit(Some(BUFFER));
        Ok(Session { connection, socket, unread: 0, client: Client::Sends, goodbye: Goodbye::NotYet })
    }

    /// The connection without its TLS, when that has failed.
    pub(in crate::net) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Whether the two are still agreeing on keys, so that nothing can be said yet.
    pub(in crate::net) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether there is something to read although the socket may have nothing.
    pub(in crate::net) fn has_unread(&self) -> bool {
        self.unread > 0 || self.client == Client::HasEnded
    }

    /// Whether something waits until the socket can be written.
    pub(in crate::net) fn has_unsent(&self) -> bool {
        self.connection.wants_write()
    }

    /// The version that was agreed on, for the log.
    pub(in crate::net) fn version(&self) -> &'static str {
        self.connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS")
    }

    /// The name in the certificate that the client has shown, and that was found good.
    pub(in crate::net) fn peer_certificate_name(&self) -> Option<String> {
        self.connection.peer_certificates()?.first().and_then(|own| certificate::name(own))
    }

    /// Takes in what the socket has, once, and answers what has to be answered.
    pub(in crate::net) fn take_in(&mut self) -> io::Result<()> {
        if uninterrupted(|| self.connection.read_tls(&mut self.socket))? == 0 && self.client == Client::Sends
        {
            // Without the goodbye of TLS: frames and packets say themselves whether they are whole.
            self.client = Client::HasEnded;
        }
        let state = self.connection.process_new_packets().map_err(|error| {
            // The alert says why; it gets one chance.
            let _ = self.connection.write_tls(&mut self.socket);
            io::Error::new(ErrorKind::InvalidData, error)
        })?;
        self.unread = state.plaintext_bytes_to_read();
        if state.peer_has_closed() && self.client == Client::Sends {
            self.client = Client::HasEnded;
        }
        self.send_off()
    }

    /// Says that no more will be sent.
    pub(in crate::net) fn finish(&mut self) -> io::Result<()> {
        if self.goodbye == Goodbye::NotYet {
            self.connection.send_close_notify();
            self.goodbye = Goodbye::Said;
        }
        self.send_off()
    }

    /// Gives the socket as much as it takes.
    fn send_off(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            match uninterrupted(|| self.connection.write_tls(&mut self.socket)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if self.goodbye == Goodbye::Said {
            self.goodbye = Goodbye::Sent;
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    fn take_plaintext(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unread > 0 {
            let read = self.connection.reader().read(buffer)?;
            self.unread -= read;
            return Ok(read);
        }
        match self.client {
            Client::Sends => Err(ErrorKind::WouldBlock.into()),
            Client::HasEnded | Client::IsDone => {
                self.client = Client::IsDone;
                Ok(0)
            }
        }
    }
}

/// Looks at the socket at most once, so that a client that sends without an end is not read without an end.
impl io::Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.take_plaintext(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.take_in()?;
                self.take_plaintext(buffer)
            }
            result => result,
        }
    }
}

impl io::Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_off()?;
        let mut taken = 0;
        while taken < bytes.len() && !self.has_unsent() {
            taken += self.connection.writer().write(&bytes[taken..])?;
            self.send_off()?;
        }
        if taken == 0 && !bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_off()?;
        if self.has_unsent() { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
