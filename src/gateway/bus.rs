//! The bus: the thread that owns the broker, and that turns what the hardware thread tells into messages.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::backlog::{Backlog, Wanted};
use super::mqtt::broker::{AbsentLimits, Broker, Left, Member, MemberId, Resumed, RetainedLimits};
use super::mqtt::kept::{Expiry, Keeping, Kept};
use super::mqtt::{json, translate};
use super::{Counters, Done, Message, Note, Outbox, Space, Topics};
use crate::control::{Commands, Recipient, Request};
use crate::domain::{Audit, ClientId, Code, Deed, Event, Outcome, Principal, Refusal, Registry};
use crate::wire::mqtt::{Property, SubscribeOptions, TopicFilter};

/// The way to the bus.
#[derive(Clone)]
pub struct Bus {
    letters: Sender<Letter>,
    backlog: Arc<Backlog>,
    members: Arc<AtomicU64>,
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
}

enum Letter {
    Join(MemberId, Joining, u64),
    Rename(MemberId, Arc<Principal>, u64),
    Subscribe(MemberId, Vec<(TopicFilter, SubscribeOptions)>, Option<NonZeroU32>, u64),
    Unsubscribe(MemberId, Vec<TopicFilter>, u64),
    Publish(Message, Option<(Arc<Outbox>, u64)>),
    Send(ClientId, Message, Arc<Outbox>, u64),
    ForgetWill(MemberId),
    Expiry(MemberId, Expiry),
    Leave(MemberId, Option<Box<Kept>>),
    /// There is something in the backlog.
    Events,
    Log(&'static str, Vec<u8>),
    Telemetry(Vec<Message>),
    Stop,
}

impl Bus {
    /// Takes a client in; the answer comes to its outbox under this ticket.
    pub(super) fn join(&self, joining: Joining, ticket: u64) -> Membership {
        let id = MemberId(self.members.fetch_add(1, Ordering::Relaxed));
        self.post(Letter::Join(id, joining, ticket));
        Membership { bus: self.clone(), id, kept: None }
    }

    /// Publishes for a client; with a ticket the outcome comes to the outbox.
    pub(super) fn publish(&self, message: Message, answer: Option<(Arc<Outbox>, u64)>) {
        self.post(Letter::Publish(message, answer));
    }

    /// Publishes to one client, if it is there; the outcome comes to the outbox under this ticket.
    pub(super) fn send(&self, to: ClientId, message: Message, outbox: Arc<Outbox>, ticket: u64) {
        self.post(Letter::Send(to, message, outbox, ticket));
    }

    /// Tells what the hardware thread has to tell.
    pub fn events(&self, events: impl IntoIterator<Item = Event>) {
        if self.backlog.add(events) {
            self.post(Letter::Events);
        }
    }

    /// Adds an entry to the audit that no command made.
    pub fn audit(&self, audit: Audit) {
        self.events([Event::Audit(Arc::new(audit))]);
    }

    /// Publishes a log record, which is JSON.
    pub fn log(&self, level: &'static str, json: Vec<u8>) {
        self.post(Letter::Log(level, json));
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

    /// Another time for which the session outlives the connection.
    pub(super) fn set_expiry(&self, expiry: Expiry) {
        self.bus.post(Letter::Expiry(self.id, expiry));
    }

    /// What the session keeps, just before this is dropped.
    pub(super) fn hand_back(&mut self, kept: Kept) {
        self.kept = Some(Box::new(kept));
    }

    /// Leaves with a goodbye: the will is not published [MQTT-3.14.4-3].
    pub(super) fn forget_will(&self) {
        self.bus.post(Letter::ForgetWill(self.id));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.bus.post(Letter::Leave(self.id, self.kept.take()));
    }
}

impl BusThread {
    /// A way to a bus that does not run yet: what is posted waits until [`Mailbox::start`].
    pub fn prepare() -> (Bus, Mailbox) {
        let (sender, letters) = channel();
        let backlog = Arc::new(Backlog::default());
        let mailbox = Mailbox { letters, backlog: backlog.clone() };
        (Bus { letters: sender, backlog, members: Arc::new(AtomicU64::new(1)) }, mailbox)
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

/// What the bus needs to know.
pub struct BusSettings {
    /// What the topics are called.
    pub topics: Arc<Topics>,
    /// What devices there are.
    pub registry: Arc<Registry>,
    /// Where wills that are commands go.
    pub commands: Commands,
    /// How many filters one client may subscribe to.
    pub maximum_subscriptions: usize,
    /// How much is retained.
    pub retained: RetainedLimits,
    /// How much is kept for clients that are not connected.
    pub absents: AbsentLimits,
    /// Where it says what it has.
    pub counters: Arc<Counters>,
}

impl Mailbox {
    /// Starts the thread.  `ended` is called as its last act.
    pub fn start(
        self,
        bus: Bus,
        settings: BusSettings,
        ended: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<BusThread> {
        let thread = std::thread::Builder::new().name("bus".to_owned()).spawn(move || {
            let run = std::panic::AssertUnwindSafe(|| run(&self, settings));
            if std::panic::catch_unwind(run).is_err() {
                log::error!("the bus panicked");
            }
            ended();
        })?;
        Ok(BusThread { bus, thread })
    }
}

struct Desk {
    broker: Broker,
    topics: Arc<Topics>,
    commands: Option<Commands>,
    /// Clients that wait for what another connection of theirs hands back.
    taking_over: HashMap<ClientId, (MemberId, Joining, u64)>,
}

/// The outcome of a will's command interests nobody but the audit.
struct Nobody;

impl Recipient for Nobody {
    fn answer(&self, _ticket: u64, _outcome: Outcome) {}
}

fn run(mailbox: &Mailbox, settings: BusSettings) {
    let BusSettings { topics, registry, commands, maximum_subscriptions, retained, absents, counters } =
        settings;
    let broker = Broker::new(topics.clone(), maximum_subscriptions, retained, absents);
    let mut desk = Desk { broker, topics, commands: Some(commands), taking_over: HashMap::new() };
    desk.say(Message::own(desk.topics.status(), "online", true));
    desk.say(Message::own(desk.topics.registry(), json::registry(&registry), true));
    let Mailbox { letters, backlog } = mailbox;
    let mut due: Option<Instant> = None;
    loop {
        if due.is_some_and(|due| due <= Instant::now()) {
            desk.settle_absent(Instant::now());
            desk.broker.tell(&counters.bus);
            due = desk.broker.due();
        }
        let letter = match due {
            None => letters.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => letters.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        let letter = match letter {
            Ok(letter) => letter,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let changes = letter.changes_audience();
        if changes {
            // Whoever is told that it listens has missed nothing since then.
            backlog.listen(Wanted::ALL);
        }
        // First, so that what the letter asks for is what is true now.
        desk.tell_all(backlog);
        desk.take(letter, Instant::now());
        desk.broker.tell(&counters.bus);
        if changes {
            backlog.listen(desk.wanted());
            due = desk.broker.due();
        }
    }
}

impl Letter {
    /// Whether it may change who listens to what.
    fn changes_audience(&self) -> bool {
        let goes = matches!(self, Letter::Join(..) | Letter::Rename(..) | Letter::Leave(..));
        goes || matches!(self, Letter::Subscribe(..) | Letter::Unsubscribe(..))
    }
}

impl Desk {
    fn take(&mut self, letter: Letter, now: Instant) {
        match letter {
            Letter::Join(id, joining, ticket) => {
                let client = joining.principal.client.clone();
                if let Some((_, other, _)) = self.taking_over.remove(&client) {
                    other.outbox.close(Refusal::taken_over());
                }
                match self.broker.kept_by(client.as_str()).filter(|_| !joining.keeping.clean) {
                    // Its session is still with the other connection's thread, which hands it back now.
                    Some(member) => {
                        member.outbox.close(Refusal::taken_over());
                        self.taking_over.insert(client, (id, joining, ticket));
                    }
                    None => self.join(id, joining, ticket, now),
                }
            }
            Letter::Rename(id, principal, ticket) => {
                let older = self.broker.rename(id, principal);
                self.settle(older, now);
                self.tell_presence(id);
                self.broker.answer(id, ticket, Done::Joined(None), Vec::new());
            }
            Letter::Subscribe(id, filters, subscription_id, ticket) => {
                let (reasons, retained) = self.broker.subscribe(id, filters, subscription_id, now);
                self.broker.answer(id, ticket, Done::Subscribed(reasons), retained);
            }
            Letter::Unsubscribe(id, filters, ticket) => {
                let reasons = self.broker.unsubscribe(id, &filters);
                self.broker.answer(id, ticket, Done::Unsubscribed(reasons), Vec::new());
            }
            Letter::Publish(message, answer) => {
                let published = self.broker.publish(message, now);
                match answer {
                    Some((outbox, ticket)) => outbox.note(Note::Done(ticket, published.map(Done::Published))),
                    None => {
                        if let Err(refusal) = published {
                            warn!("a message was not retained: {}", refusal.message);
                        }
                    }
                }
            }
            Letter::Send(to, message, outbox, ticket) => {
                let sent = if self.broker.find(to.as_str()).is_some() {
                    self.broker.publish(message, now).map(Done::Published)
                } else {
                    Err(Refusal::new(Code::UnknownClient, format!("no client is connected as {to}")))
                };
                outbox.note(Note::Done(ticket, sent));
            }
            Letter::ForgetWill(id) => self.broker.forget_will(id),
            Letter::Expiry(id, expiry) => self.broker.set_expiry(id, expiry),
            Letter::Leave(id, kept) => {
                self.taking_over.retain(|_, (other, ..)| *other != id);
                let Some(left) = self.broker.leave(id, kept, now) else { return };
                let next = self.taking_over.remove(&left.principal.client);
                self.settle(Some(left), now);
                if let Some((id, joining, ticket)) = next {
                    self.join(id, joining, ticket, now);
                }
            }
            Letter::Events => {}
            Letter::Log(level, json) => self.say(Message::own(self.topics.log(level), json, false)),
            Letter::Telemetry(messages) => messages.into_iter().for_each(|message| self.say(message)),
            Letter::Stop => {
                self.say(Message::own(self.topics.status(), "offline", true));
                for member in self.broker.members() {
                    member.outbox.close(Refusal::stopping());
                }
                // Wills of clients that end now are no commands any more, and the hardware thread may end.
                self.commands = None;
            }
        }
    }

    /// What anybody listens to.
    fn wanted(&self) -> Wanted {
        Wanted {
            states: self.topics.all_states().any(|topic| self.broker.is_wanted(topic)),
            audit: self.broker.is_wanted(&self.topics.audit()),
        }
    }

    fn tell_all(&mut self, backlog: &Backlog) {
        backlog.take().into_iter().for_each(|event| self.tell(event));
    }

    /// Takes a client in, with what its earlier session has kept.
    fn join(&mut self, id: MemberId, joining: Joining, ticket: u64, now: Instant) {
        let Joining { principal, named, outbox, will, keeping } = joining;
        if self.commands.is_none() {
            // Everybody else was told when the order to stop came.
            return outbox.close(Refusal::stopping());
        }
        debug!("{} joined from {}", principal.client, principal.address);
        let member = Member { principal, named, outbox, will, keeping, filters: Vec::new() };
        let older = self.broker.join(id, member);
        self.settle(older, now);
        let (kept, waiting) = match self.broker.resume(id) {
            Resumed::Nothing => (None, Vec::new()),
            Resumed::Session(kept, waiting) => (Some(kept), waiting.into()),
            Resumed::Will(principal, will) => {
                self.publish_will(&principal, will, now);
                (None, Vec::new())
            }
        };
        self.tell_presence(id);
        self.broker.answer(id, ticket, Done::Joined(kept), waiting);
    }

    /// Does what is due for a member that is no more: its will, and the word that it is gone.
    fn settle(&mut self, gone: Option<Left>, now: Instant) {
        let Some(Left { principal, named, will, evicted }) = gone else { return };
        if let Some(will) = will {
            self.publish_will(&principal, will, now);
        }
        for (principal, will) in evicted {
            self.publish_will(&principal, will, now);
        }
        if named && self.broker.find(principal.client.as_str()).is_none() {
            self.tell_status(&principal.client, "offline");
        }
    }

    /// Wills that have waited long enough, and sessions that have ended.
    fn settle_absent(&mut self, now: Instant) {
        for (principal, will) in self.broker.settle(now) {
            self.publish_will(&principal, will, now);
        }
    }

    fn tell_presence(&mut self, id: MemberId) {
        let Some(member) = self.broker.member(id).filter(|member| member.named) else { return };
        let client = member.principal.client.clone();
        self.tell_status(&client, "online");
    }

    /// The status of a client is kept within the limits, for clients choose how many names there are.
    fn tell_status(&mut self, client: &ClientId, status: &str) {
        let topic = self.topics.node_status(client.as_str());
        let kept = Message { sender: Some(client.clone()), ..Message::own(topic.clone(), status, true) };
        if self.broker.publish(kept, Instant::now()).is_err() {
            self.say(Message::own(topic, status, false));
        }
    }

    /// A will may be a command, as any other message.
    fn publish_will(&mut self, principal: &Arc<Principal>, mut will: Message, now: Instant) {
        // [MQTT-3.1.3-9] Its time begins when it is published.
        will.expires = will.properties.message_expiry().map(|s| now + Duration::from_secs(u64::from(s)));
        let own =
            |p: &Property| matches!(p, Property::MessageExpiryInterval(_) | Property::WillDelayInterval(_));
        will.properties.retain(|property| !own(property));
        let command = match self.topics.space(&will.topic) {
            Space::Set(target) => translate::set(target, will.payload()),
            Space::Rpc => translate::rpc(will.payload()),
            _ => {
                if let Err(refusal) = self.broker.publish(will, now) {
                    warn!("the will of {}: {}", principal.client, refusal.message);
                }
                return;
            }
        };
        let sent = command.and_then(|command| {
            let commands = self.commands.as_ref().ok_or_else(Refusal::stopping)?;
            let (principal, recipient) = (principal.clone(), Arc::new(Nobody));
            commands.send(vec![Request { principal, command, expires: will.expires, recipient, ticket: 0 }]);
            Ok(())
        });
        if let Err(refusal) = sent {
            warn!("the will of {} was not carried out: {refusal}", principal.client);
            let deed = Deed::Other(will.topic.to_string(), "will".to_owned());
            self.tell(Event::Audit(Arc::new(Audit::refusal(Some(principal.clone()), deed, &refusal))));
        }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::State(state) => {
                for topic in self.topics.clone().states(&state.device) {
                    self.say(Message::state(topic.clone(), state.clone()));
                }
            }
            Event::Audit(audit) => {
                let topic = self.topics.audit();
                if self.broker.is_wanted(&topic) {
                    self.say(Message::own(topic, json::audit(&audit), false));
                }
            }
        }
    }

    fn say(&mut self, message: Message) {
        // Only messages of clients are refused.
        let _ = self.broker.publish(message, Instant::now());
    }
}
