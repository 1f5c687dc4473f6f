//! A relay: whoever knows its secret speaks through it as the client that it belongs to.
//!
//! A lease is its holder's, and a holder has one connection.  So that other programs can use what it holds, they connect
//! here, on this machine, and their commands go over that one connection; its owner carries them out one by one.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ctutils::CtEq;

use super::{Failure, Fields, Request};
use crate::domain::{Code, Span};
use crate::net::Waker;
use crate::wire::line::{Frame, FrameWriter, Item, Split, Splitter};

/// The open relay; nobody comes in any more when it is dropped.
pub struct Relay {
    address: SocketAddr,
    secret: String,
    asked: Receiver<Asked>,
    shared: Arc<Shared>,
}

/// Something that a guest wants done, and who waits for the answer.
pub struct Asked {
    /// What it is.
    pub request: Request,
    id: Option<String>,
    guest: Arc<Guest>,
    /// The guest's thread waits for this before it reads on.
    done: Sender<Next>,
}

struct Shared {
    client: String,
    secret: String,
    waker: Arc<Waker>,
    /// Those who are told of events.
    guests: Mutex<Vec<Arc<Guest>>>,
    count: AtomicUsize,
    closed: AtomicBool,
}

/// One connection to the relay.
struct Guest {
    /// A frame is written as a whole.
    socket: Mutex<TcpStream>,
}

/// So many guests may be there at once.
const MOST: usize = 32;
/// Who reads so slowly is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest frame of a guest.
const LONGEST_FRAME: usize = 4096;
/// How long a guest may be silent before it is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(3);
/// Keys that a guest's connection has, and not its request.
const OWN: [&str; 2] = ["COMMAND", "ID"];

impl Relay {
    /// Opens it on a free port of the loopback interface, for the client of this name.  The waker rings for everything
    /// that is asked.
    pub fn open(client: &str, waker: Arc<Waker>) -> io::Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let secret = secret()?;
        let (sender, asked) = channel();
        let shared = Arc::new(Shared {
            client: client.to_owned(),
            secret: secret.clone(),
            waker,
            guests: Mutex::default(),
            count: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let doorkeeper = shared.clone();
        // It ends with the next newcomer after the relay is dropped, or with the program.
        thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || accept(&listener, &doorkeeper, &sender))?;
        Ok(Relay { address, secret, asked, shared })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a guest has to show, as a token.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What is asked and not answered yet.
    pub fn take(&self) -> Option<Asked> {
        self.asked.try_recv().ok()
    }

    /// Tells an event to those who have subscribed to something.
    pub fn tell(&self, event: &Fields) {
        let frame = written("EVENT", None, event);
        let mut guests = self.shared.guests.lock().unwrap_or_else(PoisonError::into_inner);
        // Who does not take it is gone, or too slow, and has perhaps got a part of it.
        guests.retain(|guest| guest.write(&frame).inspect_err(|_| guest.end()).is_ok());
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

impl Asked {
    /// Answers it, before anything that is told later.  Where nobody knows what has become of it there is no answer, and
    /// the guest's connection ends.
    pub fn answer(self, answer: Result<Fields, Failure>) {
        let written = match answer {
            Ok(reply) => self.guest.reply("OK", self.id.as_deref(), &reply),
            Err(Failure::Refused { code, message }) => {
                self.guest.reply("ERROR", self.id.as_deref(), &refusal(&code, &message))
            }
            Err(_) => Err(io::ErrorKind::ConnectionAborted.into()),
        };
        // A guest that is gone needs nothing.
        let _ = self.done.send(if written.is_ok() { Next::Frame } else { Next::End });
    }
}

impl Guest {
    fn write(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).write_all(frame)
    }

    fn reply(&self, word: &'static str, id: Option<&str>, fields: &Fields) -> io::Result<()> {
        self.write(&written(word, id, fields))
    }

    fn end(&self) {
        // It may have ended before.
        let _ = self.socket.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, asked: &Sender<Asked>) {
    for socket in listener.incoming().flatten() {
        if shared.closed.load(Ordering::Acquire) {
            return;
        }
        if shared.count.fetch_add(1, Ordering::AcqRel) >= MOST {
            shared.count.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (served, asked) = (shared.clone(), asked.clone());
        let serve = move || {
            // Whatever ends it is told to the guest by the end of its connection.
            let _ = Conversation::begin(socket, &served, asked).and_then(|mut talk| talk.go_on());
            served.count.fetch_sub(1, Ordering::AcqRel);
        };
        if thread::Builder::new().name("guest".to_owned()).spawn(serve).is_err() {
            shared.count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// What is spoken with one guest, on its thread.
struct Conversation<'a> {
    shared: &'a Shared,
    asked: Sender<Asked>,
    input: TcpStream,
    guest: Arc<Guest>,
    knows_secret: Admission,
}

#[derive(PartialEq, Eq)]
enum Admission {
    Outside,
    In,
}

/// Whoever waits for an answer that does not come notices the end.
impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        let mut guests = self.shared.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| !Arc::ptr_eq(guest, &self.guest));
        // The other side may have ended it before.
        let _ = self.input.shutdown(Shutdown::Both);
    }
}

/// Whether the conversation goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Frame,
    End,
}

impl<'a> Conversation<'a> {
    fn begin(socket: TcpStream, shared: &'a Shared, asked: Sender<Asked>) -> io::Result<Conversation<'a>> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_read_timeout(Some(KEEPALIVE))?;
        let guest = Arc::new(Guest { socket: Mutex::new(socket.try_clone()?) });
        Ok(Conversation { shared, asked, input: socket, guest, knows_secret: Admission::Outside })
    }

    fn go_on(&mut self) -> io::Result<()> {
        let (mut splitter, mut waiting, mut bytes) = (Splitter::new(LONGEST_FRAME), Vec::new(), [0; 4096]);
        loop {
            let read = match self.input.read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    // It waits for its next idea, and wants to know that it is not alone.
                    self.guest.write(b"|START|COMMAND=HELLO|END|\n")?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            waiting.extend_from_slice(&bytes[..read]);
            let mut rest = &waiting[..];
            loop {
                let Split { consumed, item } = splitter.split(rest);
                let frame = match item {
                    None => None,
                    Some(Item::Frame(bytes)) => Some(Frame::parse(bytes).map_err(|malformed| malformed.id)),
                    Some(Item::Malformed(malformed)) => Some(Err(malformed.id)),
                    Some(Item::TooLong { id }) => Some(Err(id)),
                    Some(Item::Stray) => Some(Err(None)),
                };
                let next = match &frame {
                    None => None,
                    Some(Ok(frame)) => Some(self.hear(frame)?),
                    Some(Err(id)) => {
                        self.refuse(id.as_deref(), Code::Malformed, "this is no frame")?;
                        Some(Next::Frame)
                    }
                };
                rest = &rest[consumed..];
                match next {
                    Some(Next::Frame) => {}
                    Some(Next::End) => return Ok(()),
                    None => break,
                }
            }
            waiting = rest.to_vec();
        }
    }

    fn hear(&mut self, frame: &Frame<'_>) -> io::Result<Next> {
        let id = frame.get("ID");
        let Some(command) = frame.get("COMMAND") else {
            self.refuse(id, Code::MissingKey, "COMMAND is missing")?;
            return Ok(Next::Frame);
        };
        match command {
            "HELLO" => self.greet(frame)?,
            "HELLO!" => self.reply(id, &Fields::default())?,
            "QUIT" => {
                self.reply(id, &Fields::default())?;
                return Ok(Next::End);
            }
            "AUTH" if frame.get("TOKEN").is_some_and(|token| self.is_secret(token)) => {
                self.knows_secret = Admission::In;
                self.reply(id, &Fields::default())?;
            }
            "AUTH" => self.refuse(id, Code::AccessDenied, "the token is wrong; it is in GATEKEEPER_TOKEN")?,
            _ if self.knows_secret == Admission::Outside => {
                self.refuse(
                    id,
                    Code::AccessDenied,
                    "say who you are first: AUTH with the TOKEN in GATEKEEPER_TOKEN",
                )?;
            }
            _ => return self.pass_on(command, frame),
        }
        Ok(Next::Frame)
    }

    /// Has it done by the owner of the connection, and waits for what comes of it.
    fn pass_on(&self, command: &str, frame: &Frame<'_>) -> io::Result<Next> {
        let fields = frame.fields().filter(|(key, _)| !OWN.contains(key));
        let request = fields.fold(Request::new(command), |request, (key, value)| request.with(key, value));
        if command == "SUB" {
            let mut guests = self.shared.guests.lock().unwrap_or_else(PoisonError::into_inner);
            if !guests.iter().any(|guest| Arc::ptr_eq(guest, &self.guest)) {
                guests.push(self.guest.clone());
            }
        }
        let (done, next) = channel();
        let (id, guest) = (frame.get("ID").map(str::to_owned), self.guest.clone());
        if self.asked.send(Asked { request, id, guest, done }).is_err() {
            return Ok(Next::End);
        }
        self.shared.waker.wake();
        // Nobody answers any more where the relay is gone.
        Ok(next.recv().unwrap_or(Next::End))
    }

    fn greet(&self, frame: &Frame<'_>) -> io::Result<()> {
        let asked = frame.get("KEEPALIVE").and_then(|keepalive| keepalive.parse().ok());
        let Span(keepalive) = asked.filter(|Span(asked)| !asked.is_zero()).unwrap_or(Span(KEEPALIVE));
        self.input.set_read_timeout(Some(keepalive))?;
        let fields = [
            ("SERVER", "gpio-gatekeeper".to_owned()),
            ("VERSION", env!("CARGO_PKG_VERSION").to_owned()),
            ("PROTOCOL", "1".to_owned()),
            ("CLIENT", self.shared.client.clone()),
            ("KEEPALIVE", Span(keepalive).to_string()),
        ];
        self.reply(frame.get("ID"), &fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
    }

    fn is_secret(&self, token: &str) -> bool {
        token.as_bytes().ct_eq(self.shared.secret.as_bytes()).to_bool()
    }

    fn refuse(&self, id: Option<&str>, code: Code, message: &str) -> io::Result<()> {
        self.guest.reply("ERROR", id, &refusal(code.as_str(), message))
    }

    fn reply(&self, id: Option<&str>, fields: &Fields) -> io::Result<()> {
        self.guest.reply("OK", id, fields)
    }
}

fn refusal(code: &str, message: &str) -> Fields {
    let fields = [("CODE", code), ("MESSAGE", message)];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A reply with this word, or an event, which has its own.
fn written(word: &'static str, id: Option<&str>, fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = FrameWriter::begin(&mut out);
    if word != "EVENT" {
        frame = frame.field("REPLY", word).optional("ID", id);
    }
    for (key, value) in fields.iter().filter(|(key, _)| !matches!(*key, "REPLY" | "ID")) {
        // They were keys when they came.
        match frame.chosen_field(key, value) {
            Some(more) => frame = more,
            None => return Vec::new(),
        }
    }
    frame.end();
    out
}

/// 128 random bits.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
