//! The bus: the thread that owns the desk, and the way to it for everybody else.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use super::backlog::Backlog;
use super::desk::{Desk, DeskSettings};
use super::mqtt::broker::{Incoming, MemberId};
use super::mqtt::kept::{Expiry, Keeping, Kept};
use super::{LogRecord, Message, Outbox, Trail, worker};
use crate::auth::Users;
use crate::domain::{Audit, ClientId, Event, Principal};
use crate::wire::mqtt::{SubscribeOptions, TopicFilter};

/// The way to the bus.
#[derive(Clone)]
pub struct Bus {
    letters: Sender<Letter>,
    backlog: Arc<Backlog>,
    members: Arc<AtomicU64>,
    trail: Option<Trail>,
}

/// The running thread.
pub struct BusThread {
    bus: Bus,
    thread: JoinHandle<()>,
}

/// A client on its way in.
pub struct Joining {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// Whether it chose its client identifier itself.
    pub named: bool,
    /// Where its messages go.
    pub outbox: Arc<Outbox>,
    /// What is published for it when its connection ends without a goodbye.
    pub will: Option<Message>,
    /// How its session begins, and how long it outlives the connection.
    pub keeping: Keeping,
}

/// How long a conversation stays a member: until this is dropped.
pub(super) struct Membership {
    bus: Bus,
    id: MemberId,
    /// What the session hands back, if it outlives the connection.
    kept: Option<Box<Kept>>,
    /// Why it ends, where somebody has said so.
    why: Option<Cow<'static, str>>,
}

/// What the desk is asked to do.  What is large is elsewhere, because it is moved again and again on its way.
pub(super) enum Letter {
    Join(MemberId, Box<Joining>, u64),
    Rename(MemberId, Arc<Principal>, u64),
    /// These are the users now.
    Users(Users),
    /// It has proved who it is.
    Identify(MemberId, Arc<Principal>),
    Subscribe(MemberId, Vec<(TopicFilter, SubscribeOptions)>, Option<NonZeroU32>, u64),
    Unsubscribe(MemberId, Vec<TopicFilter>, u64),
    Publish(Arc<Message>, Option<(Arc<Outbox>, u64)>, Option<Incoming>),
    Send(ClientId, Arc<Message>, (Arc<Outbox>, u64), Option<Incoming>),
    ForgetWill(MemberId),
    Expiry(MemberId, Expiry),
    /// It is gone, with what its session keeps, and why.
    Leave(MemberId, Option<Box<Kept>>, Cow<'static, str>),
    /// There is something in the backlog.
    Events,
    Log(LogRecord),
    Telemetry(Vec<Message>),
    Stop,
}

impl Bus {
    /// The same, which leaves the audit on this trail too.
    pub fn with_trail(self, trail: Trail) -> Bus {
        Bus { trail: Some(trail), ..self }
    }

    /// Takes a client in; the answer comes to its outbox under this ticket.
    pub(super) fn join(&self, joining: Joining, ticket: u64) -> Membership {
        let id = MemberId(self.members.fetch_add(1, Ordering::Relaxed));
        self.post(Letter::Join(id, Box::new(joining), ticket));
        Membership { bus: self.clone(), id, kept: None, why: None }
    }

    /// Publishes for a client; with a ticket the outcome comes to the outbox.
    pub(super) fn publish(&self, message: Message, answer: Option<(Arc<Outbox>, u64)>) {
        self.post(Letter::Publish(Arc::new(message), answer, None));
    }

    /// The same for a message of QoS 2, of which it is written down that it came.
    pub(super) fn publish_once(
        &self,
        message: Message,
        answer: Option<(Arc<Outbox>, u64)>,
        incoming: Option<Incoming>,
    ) {
        self.post(Letter::Publish(Arc::new(message), answer, incoming));
    }

    /// Publishes to one client, if it is there; the outcome comes to the outbox under this ticket.
    pub(super) fn send(
        &self,
        to: ClientId,
        message: Message,
        answer: (Arc<Outbox>, u64),
        incoming: Option<Incoming>,
    ) {
        self.post(Letter::Send(to, Arc::new(message), answer, incoming));
    }

    /// Tells what the hardware thread has to tell.
    pub fn events(&self, events: impl IntoIterator<Item = Event>) {
        let noted = events.into_iter().inspect(|event| {
            if let (Event::Audit(audit), Some(trail)) = (event, &self.trail) {
                trail.add(audit);
            }
        });
        if self.backlog.add(noted) {
            self.post(Letter::Events);
        }
    }

    /// These are the users now: what belongs to one who is changed or gone ends.
    pub fn change_users(&self, users: Users) {
        self.post(Letter::Users(users));
    }

    /// Adds an entry to the audit that no command made.
    pub fn audit(&self, audit: Audit) {
        self.events([Event::Audit(Arc::new(audit))]);
    }

    /// Publishes a record of the log.
    pub fn log(&self, record: LogRecord) {
        self.post(Letter::Log(record));
    }

    /// Publishes how the machine and the gatekeeper are.
    pub fn telemetry(&self, messages: Vec<Message>) {
        self.post(Letter::Telemetry(messages));
    }

    fn post(&self, letter: Letter) {
        // The bus ends last; what comes after that has nobody to go to.
        let _ = self.letters.send(letter);
    }
}

impl Membership {
    pub(super) fn subscribe(
        &self,
        filters: Vec<(TopicFilter, SubscribeOptions)>,
        id: Option<NonZeroU32>,
        ticket: u64,
    ) {
        self.bus.post(Letter::Subscribe(self.id, filters, id, ticket));
    }

    pub(super) fn unsubscribe(&self, filters: Vec<TopicFilter>, ticket: u64) {
        self.bus.post(Letter::Unsubscribe(self.id, filters, ticket));
    }

    pub(super) fn rename(&self, principal: Arc<Principal>, ticket: u64) {
        self.bus.post(Letter::Rename(self.id, principal, ticket));
    }

    /// The client has proved who it is.
    pub(super) fn identify(&self, principal: Arc<Principal>) {
        self.bus.post(Letter::Identify(self.id, principal));
    }

    /// Another time for which the session outlives the connection.
    pub(super) fn set_expiry(&self, expiry: Expiry) {
        self.bus.post(Letter::Expiry(self.id, expiry));
    }

    /// What the session keeps, just before this is dropped.
    pub(super) fn hand_back(&mut self, kept: Kept) {
        self.kept = Some(Box::new(kept));
    }

    /// Says why it is about to end; the first reason counts.
    pub(super) fn part(&mut self, why: impl Into<Cow<'static, str>>) {
        self.why.get_or_insert_with(|| why.into());
    }

    /// Leaves with a goodbye: the will is not published [MQTT-3.14.4-3].
    pub(super) fn forget_will(&self) {
        self.bus.post(Letter::ForgetWill(self.id));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let why = self.why.take().unwrap_or(Cow::Borrowed("connection ended"));
        self.bus.post(Letter::Leave(self.id, self.kept.take(), why));
    }
}

impl BusThread {
    /// A way to a bus that does not run yet: what is posted waits until [`Mailbox::start`].
    pub fn prepare() -> (Bus, Mailbox) {
        let (sender, letters) = channel();
        let backlog = Arc::new(Backlog::default());
        let mailbox = Mailbox { letters, backlog: backlog.clone() };
        (Bus { letters: sender, backlog, members: Arc::new(AtomicU64::new(1)), trail: None }, mailbox)
    }

    /// The way to it.
    pub fn bus(&self) -> Bus {
        self.bus.clone()
    }

    /// Gives up its own way to the bus; the thread ends when every other one is gone as well.
    pub fn into_thread(self) -> JoinHandle<()> {
        self.thread
    }

    /// Says goodbye to every client and publishes that the gatekeeper is offline; the thread goes on to take what
    /// the clients still have to say, until every way to it is dropped.
    pub fn stop(&self) {
        self.bus.post(Letter::Stop);
    }
}

/// The receiving end of a bus that does not run yet.
pub struct Mailbox {
    letters: Receiver<Letter>,
    backlog: Arc<Backlog>,
}

/// A bus that works when it is told to, for who decides itself what happens when: tests.
pub struct Attended {
    mailbox: Mailbox,
    desk: Desk,
}

impl Mailbox {
    /// Opens a bus without a thread.
    pub fn attend(self, settings: DeskSettings, now: Instant) -> Attended {
        let desk = Desk::open(settings, self.backlog.clone(), None, now);
        Attended { mailbox: self, desk }
    }

    /// Starts the thread.  `ended` is called as its last act.
    pub fn start(
        self,
        bus: Bus,
        settings: DeskSettings,
        ended: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<BusThread> {
        let trail = bus.trail.clone();
        let thread = worker::start("bus", "the bus", move || run(&self, settings, trail), ended)?;
        Ok(BusThread { bus, thread })
    }
}

impl Attended {
    /// Does what is due at `now`, and what the next letter asks for; false when there is none.
    pub fn step(&mut self, now: Instant) -> bool {
        self.desk.tick(now);
        let letter = self.mailbox.letters.try_recv();
        letter.map(|letter| self.desk.handle(letter, now)).is_ok()
    }
}

fn run(mailbox: &Mailbox, settings: DeskSettings, trail: Option<Trail>) {
    let mut desk = Desk::open(settings, mailbox.backlog.clone(), trail, Instant::now());
    loop {
        let letter = match desk.tick(Instant::now()) {
            None => mailbox.letters.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => mailbox.letters.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match letter {
            Ok(letter) => desk.handle(letter, Instant::now()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Letter {
    /// Whether it may change who listens to what.
    pub(super) fn changes_audience(&self) -> bool {
        let goes = matches!(self, Letter::Join(..) | Letter::Rename(..) | Letter::Leave(..));
        goes || matches!(self, Letter::Subscribe(..) | Letter::Unsubscribe(..))
    }
}
