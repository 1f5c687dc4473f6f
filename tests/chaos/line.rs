//! A connection of the line protocol that may end at any moment.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};

use super::books::Outcome;
use super::support::PATIENCE;
use super::support::line::LineClient;

/// The connection.
pub struct Line {
    reader: BufReader<TcpStream>,
}

impl Line {
    /// Connects as this client; nothing where the daemon is away, or goes away meanwhile.
    pub fn connect(address: SocketAddr, client: &str) -> Option<Line> {
        let mut line = Line::open(address)?;
        line.send(&format!("COMMAND=HELLO|CLIENT={client}|KEEPALIVE=1h")).ok()?;
        let reply = line.reply()?;
        let stops = reply.contains("CODE=STOPPING");
        assert!(stops || reply.starts_with("REPLY=OK|"), "{reply}");
        (!stops).then_some(line)
    }

    /// Connects, and says nothing.
    pub fn open(address: SocketAddr) -> Option<Line> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Some(Line { reader: BufReader::new(stream) })
    }

    /// Sends a frame, given without its beginning and its end.
    pub fn send(&mut self, fields: &str) -> io::Result<()> {
        self.raw(framed(fields).as_bytes())
    }

    /// Sends bytes.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The next reply; nothing when the connection has ended.
    pub fn reply(&mut self) -> Option<String> {
        loop {
            let mut text = String::new();
            match self.reader.read_line(&mut text) {
                // A killed daemon may leave half a frame.
                Ok(_) if !text.ends_with('\n') => return None,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("no answer came")
                }
                Err(_) => return None,
            }
            let frame = text.trim_end().strip_prefix("|START|").and_then(|rest| rest.strip_suffix("|END|"));
            let frame = frame.unwrap_or_else(|| panic!("no frame: {text:?}"));
            if frame.starts_with("REPLY=") {
                return Some(frame.to_owned());
            }
        }
    }

    /// Sends a frame and takes its reply; nothing when the connection has ended.
    pub fn ask(&mut self, fields: &str) -> Option<String> {
        self.send(fields).ok()?;
        self.reply()
    }

    /// Says that it will send no more.
    pub fn finish(&self) {
        // It may have ended already.
        let _ = self.reader.get_ref().shutdown(Shutdown::Write);
    }

    /// Breaks it: what is on its way may be lost, in both directions.
    pub fn reset(self) {
        let at_once = linger { l_onoff: 1, l_linger: 0 };
        // It may have ended already.
        let _ = setsockopt(self.reader.get_ref(), sockopt::Linger, &at_once);
    }
}

/// A frame with its beginning and its end.
pub fn framed(fields: &str) -> String {
    format!("|START|{fields}|END|\n")
}

/// What a reply says.
pub fn outcome(reply: Option<&str>) -> Outcome {
    match reply {
        None => Outcome::Unknown,
        Some(reply) if reply.starts_with("REPLY=OK") => Outcome::Acknowledged,
        Some(reply) => Outcome::Refused(LineClient::field(reply, "CODE").expect("an error has a code")),
    }
}
