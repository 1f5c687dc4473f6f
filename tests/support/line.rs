//! A client of the line protocol that says what it expects.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::PATIENCE;
use super::tls::Transport;

/// How long nothing must be taken to say that nothing is.
const STUCK: Duration = Duration::from_millis(300);

/// A connection.
pub struct LineClient {
    /// The socket below everything.
    socket: TcpStream,
    reader: BufReader<Box<dyn Transport>>,
    /// Events that came while a reply was waited for.
    early: VecDeque<String>,
}

impl LineClient {
    /// Connects.
    pub fn connect(address: SocketAddr) -> LineClient {
        let stream = TcpStream::connect(address).expect("the daemon listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let socket = stream.try_clone().expect("a second handle");
        LineClient::over(socket, stream)
    }

    /// A connection that there is already; `socket` is what it goes over.
    pub fn over(socket: TcpStream, transport: impl Transport + 'static) -> LineClient {
        let transport: Box<dyn Transport> = Box::new(transport);
        LineClient { socket, reader: BufReader::new(transport), early: VecDeque::new() }
    }

    /// Connects, and is not thrown out for being slow.
    pub fn patient(address: SocketAddr) -> LineClient {
        let mut client = LineClient::connect(address);
        let reply = client.ask("COMMAND=HELLO|KEEPALIVE=10min");
        assert!(reply.starts_with("REPLY=OK|"), "{reply}");
        client
    }

    /// Sends a frame, given without its beginning and its end.
    pub fn send(&mut self, fields: &str) {
        self.raw(format!("|START|{fields}|END|\n").as_bytes());
    }

    /// Sends bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.try_raw(bytes).expect("the daemon reads");
    }

    /// Sends bytes to a daemon that may have gone away.
    pub fn try_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let transport = self.reader.get_mut();
        transport.write_all(bytes)?;
        transport.flush()
    }

    /// Sends these bytes, which are whole frames, as often as they are taken without anything being read.
    pub fn flood(&mut self, frames: &[u8]) {
        self.socket.set_write_timeout(Some(STUCK)).expect("a timeout");
        let mut left = frames;
        loop {
            match self.reader.get_mut().write(left) {
                Ok(written) if written < left.len() => left = &left[written..],
                Ok(_) => left = frames,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => panic!("the connection goes on: {error}"),
            }
        }
        self.socket.set_write_timeout(None).expect("no timeout");
    }

    /// The next frame, without its beginning and its end; nothing when the connection has ended.
    pub fn next(&mut self) -> Option<String> {
        self.early.pop_front().or_else(|| self.read())
    }

    fn read(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("nothing came: {error}"),
        }
        let frame =
            line.trim_end_matches('\n').strip_prefix("|START|").and_then(|rest| rest.strip_suffix("|END|"));
        Some(frame.unwrap_or_else(|| panic!("no frame: {line:?}")).to_owned())
    }

    /// The next frame, which has to come.
    pub fn receive(&mut self) -> String {
        self.next().expect("the connection goes on")
    }

    /// Sends a frame and takes the next reply; events that come before it are kept.
    pub fn ask(&mut self, fields: &str) -> String {
        self.send(fields);
        self.reply()
    }

    /// The next reply; events that come before it are kept, and keepalives passed over.
    pub fn reply(&mut self) -> String {
        loop {
            let frame = self.read().expect("the connection goes on");
            if frame.starts_with("REPLY=") {
                return frame;
            }
            if frame.starts_with("EVENT=") {
                self.early.push_back(frame);
            }
        }
    }

    /// The next event that begins so, passing over everything else.
    pub fn event(&mut self, start: &str) -> String {
        loop {
            let frame = self.receive();
            if frame.starts_with(start) {
                return frame;
            }
        }
    }

    /// Sends a frame and sees that the reply has each of these fields.
    pub fn expect(&mut self, fields: &str, wanted: &str) {
        let reply = self.ask(fields);
        for field in wanted.split('|') {
            assert!(reply.split('|').any(|given| given == field), "{fields}: {field} is not in {reply}");
        }
    }

    /// Where it speaks from.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("connected")
    }

    /// Says that it will send no more.
    pub fn finish(&mut self) {
        self.socket.shutdown(Shutdown::Write).expect("connected");
    }

    /// The value of a field.
    pub fn field(frame: &str, key: &str) -> Option<String> {
        let fields = frame.split('|').filter_map(|field| field.split_once('='));
        fields.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).next()
    }
}
