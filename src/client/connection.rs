//! A connection: greeted, asked and listened to by one thread.

use std::collections::VecDeque;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::{Channel, Read};
use super::{Address, Failure, Fields, Request, Secret, Security, Settings, tls};
use crate::domain::Span;
use crate::net::{Interest, Ready, Waker, wait};
use crate::wire::line::{Frame, Item, Split, Splitter};

/// A connection that was greeted.
pub struct Connection {
    channel: Channel,
    splitter: Splitter,
    input: Vec<u8>,
    /// What has come and nobody has taken yet.
    inbox: VecDeque<Told>,
    /// Events that came while a reply was waited for.
    early: VecDeque<Fields>,
    /// What the gatekeeper has said at its end.
    closed: Option<Fields>,
    waker: Arc<Waker>,
    /// The waker has rung, and nobody was told.
    woken: bool,
    requests: u64,
    /// When something was heard last, and how long silence may last at most.
    heard: Instant,
    patience: Duration,
    timeout: Duration,
}

/// What a wait has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The gatekeeper tells something unasked.
    Event(Fields),
    /// Somebody rang the waker.
    Woken,
    /// The time is over.
    Nothing,
}

enum Told {
    Reply(Fields),
    Event(Fields),
    /// The gatekeeper says goodbye, and why.
    Closing(Fields),
}

/// Why there is no connection any more.
enum Lost {
    /// The gatekeeper has said why.
    Closed(Fields),
    Gone(String),
}

/// The longest frame of a gatekeeper, with room for an `ID`.
const LONGEST_FRAME: usize = 8192;
/// After so many intervals of the keepalive without a word nobody is there any more.
const INTERVALS: u32 = 3;
/// The keepalive until it is known.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// So many requests are under way at once.
const WINDOW: usize = 16;

impl Connection {
    /// Connects, says who this is, and takes the client's name.  The waker ends waits from elsewhere.
    pub fn open(settings: &Settings, waker: Arc<Waker>) -> Result<Connection, Failure> {
        let until = Instant::now() + settings.timeout;
        let session = match settings.address.security {
            Security::Plain => None,
            Security::Tls => Some(tls::begin(settings).map_err(Failure::Settings)?),
        };
        let not_reached = |why: &dyn std::fmt::Display| {
            Failure::NotSent(format!("{} can't be reached: {why}", settings.address))
        };
        let socket = connect(&settings.address, until).map_err(|error| not_reached(&error))?;
        let channel = Channel::new(socket, session).map_err(|error| not_reached(&error))?;
        let mut connection = Connection {
            channel,
            splitter: Splitter::new(LONGEST_FRAME),
            input: Vec::new(),
            inbox: VecDeque::new(),
            early: VecDeque::new(),
            closed: None,
            waker,
            woken: false,
            requests: 0,
            heard: Instant::now(),
            patience: KEEPALIVE * INTERVALS,
            timeout: settings.timeout,
        };
        connection.shake_hands(until).map_err(|error| not_reached(&error))?;
        match (connection.greet(settings), connection.closed.take()) {
            (Ok(()), _) => Ok(connection),
            // Nothing that was said so far does anything.
            (Err(Failure::Unknown(_)), Some(closed)) => Err(Failure::refused(&closed)),
            (Err(Failure::Unknown(why)), None) => Err(not_reached(&why)),
            (Err(failure), _) => Err(failure),
        }
    }

    /// Says goodbye, so that the gatekeeper knows that this is meant.
    pub fn close(mut self) {
        // Whether that is heard or not, this is the end.
        let _ = self.ask_within(&Request::new("QUIT"), FAREWELL);
    }

    /// Has one thing done, and gives what is replied.
    pub fn ask(&mut self, request: &Request) -> Result<Fields, Failure> {
        self.ask_within(request, self.timeout)
    }

    /// The same for something that may take so long.
    pub fn ask_within(&mut self, request: &Request, timeout: Duration) -> Result<Fields, Failure> {
        let until = Instant::now() + timeout;
        let id = self.send(request, until)?;
        self.reply(&id, until)
    }

    /// Has several things done, each answered in its place.
    pub fn ask_all(&mut self, requests: &[Request]) -> Vec<Result<Fields, Failure>> {
        let mut answers = Vec::with_capacity(requests.len());
        for chunk in requests.chunks(WINDOW) {
            let until = Instant::now() + self.timeout;
            let sent: Vec<_> = chunk.iter().map(|request| self.send(request, until)).collect();
            answers.extend(sent.into_iter().map(|id| id.and_then(|id| self.reply(&id, until))));
        }
        answers
    }

    /// The next thing that is told unasked, or what else has ended the wait.
    pub fn listen(&mut self, until: Option<Instant>) -> Result<Heard, Failure> {
        if let Some(event) = self.early.pop_front() {
            return Ok(Heard::Event(event));
        }
        loop {
            if std::mem::take(&mut self.woken) {
                return Ok(Heard::Woken);
            }
            match self.take(until) {
                Ok(Some(Told::Event(event))) => return Ok(Heard::Event(event)),
                Ok(Some(Told::Reply(_) | Told::Closing(_))) => {}
                Ok(None) if self.woken => {}
                Ok(None) => return Ok(Heard::Nothing),
                Err(Lost::Closed(event)) => return Err(Failure::refused(&event)),
                Err(lost) => return Err(Failure::NotSent(lost.to_string())),
            }
        }
    }

    /// Sends a request as a whole, and gives its `ID`.
    fn send(&mut self, request: &Request, until: Instant) -> Result<String, Failure> {
        self.requests += 1;
        let id = self.requests.to_string();
        let frame = request.frame(&id).map_err(Failure::Settings)?;
        // A frame without its end is none, so nothing has happened.
        self.write(&frame, until)
            .map_err(|error| Failure::NotSent(format!("the connection is lost: {error}")))?;
        Ok(id)
    }

    /// Waits for the reply to a request that was sent.
    fn reply(&mut self, id: &str, until: Instant) -> Result<Fields, Failure> {
        let asked = Instant::now();
        let late = || {
            let waited = asked.elapsed().as_secs_f64();
            Failure::Unknown(format!("no answer came in {waited:.1} s"))
        };
        loop {
            match self.take(Some(until)) {
                Ok(Some(Told::Reply(reply))) if reply.get("ID") == Some(id) => {
                    let is_error = reply.get("REPLY") != Some("OK");
                    return if is_error { Err(Failure::refused(&reply)) } else { Ok(reply) };
                }
                // An earlier one whose time was over, or that to the keepalive.
                Ok(Some(Told::Reply(_) | Told::Closing(_))) => {}
                Ok(Some(Told::Event(event))) => self.early.push_back(event),
                // Who rings is told later: an answer is due soon, whatever it is.
                Ok(None) => {}
                Err(lost) => return Err(Failure::Unknown(lost.to_string())),
            }
            // However much else there is to be heard.
            if until <= Instant::now() {
                return Err(late());
            }
        }
    }

    /// The next thing that has come; nothing when the time is over, or the waker has rung.
    fn take(&mut self, until: Option<Instant>) -> Result<Option<Told>, Lost> {
        loop {
            match self.inbox.pop_front() {
                Some(Told::Closing(why)) => {
                    self.closed = Some(why.clone());
                    return Err(Lost::Closed(why));
                }
                Some(told) => return Ok(Some(told)),
                None => {}
            }
            match self.channel.read(&mut self.input) {
                Ok(Read::Bytes) => self.sort()?,
                Ok(Read::End) => {
                    return Err(Lost::Gone("the gatekeeper has closed the connection".to_owned()));
                }
                Err(error) => return Err(Lost::Gone(format!("the connection is lost: {error}"))),
                Ok(Read::Nothing) => {
                    let silent = self.heard + self.patience;
                    let ready = self.wait(until.map_or(silent, |until| until.min(silent)))?;
                    if ready.woken {
                        self.woken = true;
                        return Ok(None);
                    }
                    let now = Instant::now();
                    if !ready.read && !ready.gone && until.is_some_and(|until| until <= now) {
                        return Ok(None);
                    }
                    if !ready.read && silent <= now {
                        return Err(Lost::Gone("the gatekeeper has not been heard for too long".to_owned()));
                    }
                }
            }
        }
    }

    /// Waits for something to come, and sends what still has to leave.
    fn wait(&mut self, until: Instant) -> Result<Ready, Lost> {
        let lost = |error: io::Error| Lost::Gone(format!("the connection is lost: {error}"));
        let interest = self.channel.interest();
        let ready = wait(self.channel.as_fd(), interest, &self.waker, Some(until)).map_err(lost)?;
        if ready.write {
            self.channel.flush().map_err(lost)?;
        }
        Ok(ready)
    }

    /// Finds the frames in what has come.
    fn sort(&mut self) -> Result<(), Lost> {
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        let mut answer = false;
        loop {
            let Split { consumed, item } = self.splitter.split(rest);
            let item = item.map(|item| match item {
                Item::Frame(bytes) => Frame::parse(bytes).ok().map(|frame| Fields::from(&frame)),
                _ => None,
            });
            rest = &rest[consumed..];
            let Some(fields) = item else { break };
            let fields =
                fields.ok_or_else(|| Lost::Gone("what answers there is no gatekeeper".to_owned()))?;
            self.heard = Instant::now();
            let first = fields.iter().next().map(|(key, value)| (key.to_owned(), value.to_owned()));
            match first.as_ref().map(|(key, value)| (key.as_str(), value.as_str())) {
                Some(("REPLY", _)) => self.inbox.push_back(Told::Reply(fields)),
                Some(("EVENT", "CLOSING")) => self.inbox.push_back(Told::Closing(fields)),
                Some(("EVENT", _)) => self.inbox.push_back(Told::Event(fields)),
                Some(("COMMAND", "HELLO")) => answer = true,
                // A later version of the protocol may say more.
                _ => {}
            }
        }
        self.input = rest.to_vec();
        if answer {
            let until = Instant::now() + self.timeout;
            let lost = |error: io::Error| Lost::Gone(format!("the connection is lost: {error}"));
            self.write(b"|START|COMMAND=HELLO!|END|\n", until).map_err(lost)?;
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8], until: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.channel.write(bytes)?;
            bytes = &bytes[written..];
            if !bytes.is_empty() {
                self.wait_to_write(until)?;
            }
        }
        Ok(())
    }

    fn wait_to_write(&mut self, until: Instant) -> io::Result<()> {
        let ready =
            wait(self.channel.as_fd(), Interest { read: false, write: true }, &self.waker, Some(until))?;
        self.woken |= ready.woken;
        match Instant::now() < until {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::TimedOut, "it takes nothing")),
        }
    }

    fn shake_hands(&mut self, until: Instant) -> io::Result<()> {
        self.channel.flush()?;
        while self.channel.is_handshaking() {
            let ready = wait(self.channel.as_fd(), self.channel.interest(), &self.waker, Some(until))?;
            self.woken |= ready.woken;
            if ready.read && self.channel.read(&mut self.input)? == Read::End {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended the TLS handshake"));
            }
            self.channel.flush()?;
            if Instant::now() >= until {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"));
            }
        }
        Ok(())
    }

    /// Says who this is, and takes the name.
    fn greet(&mut self, settings: &Settings) -> Result<(), Failure> {
        let auth = settings.secret.as_ref().map(|secret| match secret {
            Secret::Token(token) => Request::new("AUTH").with("TOKEN", token),
            Secret::Password { user, password } => {
                Request::new("AUTH").with("USER", user).with("PASSWORD", password)
            }
        });
        if let Some(auth) = auth {
            match self.ask(&auth) {
                // There are no users, or a certificate has said already who this is.
                Err(failure) if failure.code() == Some("NOT_SUPPORTED") => {}
                answer => drop(answer?),
            }
        }
        let hello = self.ask(&Request::new("HELLO").with("CLIENT", &settings.client))?;
        if let Some(Ok(Span(keepalive))) = hello.get("KEEPALIVE").map(str::parse) {
            self.patience = keepalive * INTERVALS;
        }
        Ok(())
    }
}

fn connect(address: &Address, until: Instant) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "nobody knows an address of it");
    for address in (address.host.as_str(), address.port).to_socket_addrs()? {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer"));
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl std::fmt::Display for Lost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Lost::Gone(why) => formatter.write_str(why),
            Lost::Closed(event) => {
                let text = |key| event.get(key).unwrap_or_default();
                write!(
                    formatter,
                    "the gatekeeper has closed the connection: {}: {}",
                    text("CODE"),
                    text("MESSAGE")
                )
            }
        }
    }
}
