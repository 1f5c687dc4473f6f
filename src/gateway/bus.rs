//! The bus: the thread that owns the broker, and that turns what the hardware thread tells into messages.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::backlog::{Backlog, Wanted};
use super::mqtt::broker::{Broker, Member, MemberId, RetainedLimits};
use super::mqtt::{json, translate};
use super::{Done, Message, Note, Outbox, Space, Topics};
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
}

/// How long a conversation stays a member: until this is dropped.
pub(super) struct Membership {
    bus: Bus,
    id: MemberId,
}

enum Letter {
    Join(MemberId, Joining, u64),
    Rename(MemberId, Arc<Principal>, u64),
    Subscribe(MemberId, Vec<(TopicFilter, SubscribeOptions)>, Option<NonZeroU32>, u64),
    Unsubscribe(MemberId, Vec<TopicFilter>, u64),
    Publish(Message, Option<(Arc<Outbox>, u64)>),
    Send(ClientId, Message, Arc<Outbox>, u64),
    ForgetWill(MemberId),
    Leave(MemberId),
    /// There is something in the backlog.
    Events,
    Log(&'static str, Vec<u8>),
    Telemetry(String),
    Stop,
}

impl Bus {
    /// Takes a client in; the answer comes to its outbox under this ticket.
    pub(super) fn join(&self, joining: Joining, ticket: u64) -> Membership {
        let id = MemberId(self.members.fetch_add(1, Ordering::Relaxed));
        self.post(Letter::Join(id, joining, ticket));
        Membership { bus: self.clone(), id }
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

    /// Publishes the telemetry, which is JSON.
    pub fn telemetry(&self, json: String) {
        self.post(Letter::Telemetry(json));
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

    /// Leaves with a goodbye: the will is not published [MQTT-3.14.4-3].
    pub(super) fn forget_will(&self) {
        self.bus.post(Letter::ForgetWill(self.id));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.bus.post(Letter::Leave(self.id));
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
}

/// The outcome of a will's command interests nobody but the audit.
struct Nobody;

impl Recipient for Nobody {
    fn answer(&self, _ticket: u64, _outcome: Outcome) {}
}

fn run(mailbox: &Mailbox, settings: BusSettings) {
    let BusSettings { topics, registry, commands, maximum_subscriptions, retained } = settings;
    let broker = Broker::new(topics.clone(), maximum_subscriptions, retained);
    let mut desk = Desk { broker, topics, commands: Some(commands) };
    desk.say(Message::own(desk.topics.status(), "online", true));
    desk.say(Message::own(desk.topics.registry(), json::registry(&registry), true));
    let Mailbox { letters, backlog } = mailbox;
    while let Ok(letter) = letters.recv() {
        let changes = letter.changes_audience();
        if changes {
            // Whoever is told that it listens has missed nothing since then.
            backlog.listen(Wanted::ALL);
        }
        // First, so that what the letter asks for is what is true now.
        desk.tell_all(backlog);
        desk.take(letter, Instant::now());
        if changes {
            backlog.listen(desk.wanted());
        }
    }
}

impl Letter {
    /// Whether it may change who listens to what.
    fn changes_audience(&self) -> bool {
        let goes = matches!(self, Letter::Join(..) | Letter::Rename(..) | Letter::Leave(_));
        goes || matches!(self, Letter::Subscribe(..) | Letter::Unsubscribe(..))
    }
}

impl Desk {
    fn take(&mut self, letter: Letter, now: Instant) {
        match letter {
            Letter::Join(id, joining, ticket) => {
                let Joining { principal, named, outbox, will } = joining;
                debug!("{} joined from {}", principal.client, principal.address);
                let member = Member { principal, named, outbox, will, filters: Vec::new() };
                let older = self.broker.join(id, member);
                self.settle(older, now);
                self.tell_presence(id);
                self.broker.answer(id, ticket, Done::Joined(false), Vec::new());
            }
            Letter::Rename(id, principal, ticket) => {
                let older = self.broker.rename(id, principal);
                self.settle(older, now);
                self.tell_presence(id);
                self.broker.answer(id, ticket, Done::Joined(false), Vec::new());
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
            Letter::Leave(id) => {
                let left = self.broker.leave(id);
                self.settle(left, now);
            }
            Letter::Events => {}
            Letter::Log(level, json) => self.say(Message::own(self.topics.log(level), json, false)),
            Letter::Telemetry(text) => self.say(Message::own(self.topics.telemetry(), text, true)),
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

    /// Does what is due for a member that is no more: its will, and the word that it is gone.
    fn settle(&mut self, gone: Option<Member>, now: Instant) {
        let Some(Member { principal, named, will, .. }) = gone else { return };
        if let Some(will) = will {
            self.publish_will(&principal, will, now);
        }
        if named && self.broker.find(principal.client.as_str()).is_none() {
            self.tell_status(&principal.client, "offline");
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
        will.properties.retain(|property| !matches!(property, Property::MessageExpiryInterval(_)));
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
