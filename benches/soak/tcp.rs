//! Connections over TCP for one client, of which only the newest counts.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::trials::network::{Network, Patience};

/// The client's way to the daemon.
pub struct Tcp {
    address: SocketAddr,
    number: usize,
    stream: Option<TcpStream>,
}

/// How long a look for something new waits for it.
const LOOK: Duration = Duration::from_millis(5);

impl Tcp {
    pub fn new(address: SocketAddr) -> Tcp {
        Tcp { address, number: 0, stream: None }
    }
}

impl Network for Tcp {
    fn connect(&mut self) -> usize {
        self.number += 1;
        self.stream = TcpStream::connect(self.address).ok();
        if let Some(stream) = &self.stream {
            stream.set_nodelay(true).expect("a socket");
            stream.set_read_timeout(Some(LOOK)).expect("a socket");
        }
        self.number
    }

    fn write(&mut self, _connection: usize, bytes: &[u8]) {
        let written = self.stream.as_mut().map(|stream| stream.write_all(bytes));
        if !matches!(written, Some(Ok(()))) {
            self.stream = None;
        }
    }

    fn read(&mut self, _connection: usize) -> Vec<u8> {
        let mut buffer = vec![0; 16 << 10];
        let Some(stream) = &mut self.stream else { return Vec::new() };
        match stream.read(&mut buffer) {
            Ok(0) => self.stream = None,
            Ok(read) => {
                buffer.truncate(read);
                return buffer;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.stream = None,
        }
        Vec::new()
    }

    fn is_over(&self, connection: usize) -> bool {
        self.stream.is_none() || connection != self.number
    }

    /// With bytes unread the system resets the connection, otherwise it just ends; or the client goes on to listen.
    fn lose(&mut self, _connection: usize, patience: Patience) {
        if let (Patience::Some, Some(stream)) = (patience, &self.stream) {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Write);
        }
        self.stream = None;
    }
}
