//! Somebody who asks over HTTP, in bytes of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The number of its status.
    pub status: u16,
    /// The headers, as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Opens a connection.
pub fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the daemon listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends these bytes and reads until the end.
pub fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = open(address);
    stream.write_all(request.as_bytes()).expect("the daemon reads");
    answer(&mut stream)
}

/// GET with the headers of HTTP/1.1.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: test\r\n\r\n"))
}

/// What comes until the end.
pub fn answer(stream: &mut TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer, and the end");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
    let status = status.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"));
    Answer { status, head: format!("{head}\r\n"), body: body.to_owned() }
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}
