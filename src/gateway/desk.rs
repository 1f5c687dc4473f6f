//! The desk: the bus without its thread.  It owns the broker, does what letters ask for, and turns what the hardware
//! thread tells into messages.

mod telling;
mod wills;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use log::{debug, warn};

use super::backlog::{Backlog, Wanted};
use super::bus::{Joining, Letter};
use super::mqtt::broker::{AbsentLimits, Broker, Left, Member, MemberId, Resumed, RetainedLimits};
use super::mqtt::json;
use super::mqtt::store::{Journal, Mirror};
use super::{Counters, Done, Lifetime, LongQueue, Message, Note, Topics, Trail, access};
use crate::auth::Directory;
use crate::control::{Commands, Now, Recipient};
use crate::domain::{
    Audit, ClientId, Code, Deed, Event, Outcome, Principal, Protocol, Refusal, Registry, Who,
};
use crate::wire::mqtt::TopicName;

/// What the desk needs to know.
pub struct DeskSettings {
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
    /// Where it is written down what is to outlive the daemon.
    pub journal: Journal,
    /// What an earlier daemon has written down.
    pub kept: Mirror,
    /// With which rights sessions go on that an earlier daemon has written down.
    pub directory: Directory,
    /// Where it says what it has.
    pub counters: Arc<Counters>,
}

/// Where everything that the bus is asked for is done.
pub(super) struct Desk {
    backlog: Arc<Backlog>,
    broker: Broker,
    topics: Arc<Topics>,
    registry: Arc<Registry>,
    directory: Directory,
    commands: Option<Commands>,
    /// Clients that wait for what another connection of theirs hands back.
    taking_over: HashMap<ClientId, (MemberId, Box<Joining>, u64)>,
    /// When a will or the end of a session is due.
    due: Option<Instant>,
    /// Until the next user expires.
    lifetime: Option<Lifetime>,
    counters: Arc<Counters>,
    trail: Option<Trail>,
}

/// The outcome of a will's command interests nobody but the audit.
struct Nobody;

impl Recipient for Nobody {
    fn answer(&self, _ticket: u64, _outcome: Outcome) {}
}

impl Desk {
    /// Opens it: the gatekeeper says that it is there, and what devices there are.
    /// What it has to tell of itself is left on this trail too.
    pub(super) fn open(
        settings: DeskSettings,
        backlog: Arc<Backlog>,
        trail: Option<Trail>,
        now: Instant,
    ) -> Desk {
        let DeskSettings {
            topics,
            registry,
            commands,
            maximum_subscriptions,
            retained,
            absents,
            journal,
            kept,
            mut directory,
            counters,
        } = settings;
        let clock = Now::at(now);
        directory.set_time(clock.epoch);
        let lifetime = directory.next_expiry().map(|expires| Lifetime::new(expires, clock));
        let mut broker = Broker::new(topics.clone(), maximum_subscriptions, retained, absents, journal);
        let (dropped, wills) = broker.restore(kept, &directory, now);
        if dropped > 0 {
            warn!(
                "{dropped} sessions, subscriptions and messages of before do not fit into the limits any more"
            );
        }
        let due = broker.due();
        let (taking_over, commands) = (HashMap::new(), Some(commands));
        let registry_json = json::registry(&registry);
        let mut desk = Desk {
            backlog,
            broker,
            topics,
            registry,
            directory,
            commands,
            taking_over,
            due,
            lifetime,
            counters,
            trail,
        };
        desk.say(Message::own(desk.topics.status(), "online", true), now);
        desk.say(Message::own(desk.topics.registry(), registry_json, true), now);
        for (principal, will) in wills {
            desk.publish_will(&principal, will, now);
        }
        desk.broker.commit();
        desk
    }

    /// Does what is due, and says when there is more.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        if self.due.is_some_and(|due| due <= now) {
            for (principal, will) in self.broker.settle(now) {
                self.publish_will(&principal, will, now);
            }
            self.broker.commit();
            self.due = self.broker.due();
            self.broker.tell(&self.counters.bus);
        }
        if self.lifetime.as_mut().is_some_and(|lifetime| lifetime.is_over(now)) {
            self.revise(&Refusal::expired(), now);
            self.broker.commit();
            self.backlog.listen(self.wanted());
            self.due = self.broker.due();
        }
        [self.due, self.lifetime.map(|lifetime| lifetime.due())].into_iter().flatten().min()
    }

    /// Ends what belongs to users who are changed or gone, or whose time is over.
    fn revise(&mut self, why: &Refusal, now: Instant) {
        let now = Now::at(now);
        self.directory.set_time(now.epoch);
        self.broker.revise(&self.directory, why);
        self.lifetime = self.directory.next_expiry().map(|expires| Lifetime::new(expires, now));
    }

    /// Does what a letter asks for.
    pub(super) fn handle(&mut self, letter: Letter, now: Instant) {
        let changes = letter.changes_audience();
        if changes {
            // Whoever is told that it listens has missed nothing since then.
            self.backlog.listen(Wanted::ALL);
        }
        // First, so that what the letter asks for is what is true now.
        for event in self.backlog.take() {
            self.tell(event, now);
        }
        self.broker.begin_letter();
        self.take(letter, now);
        self.broker.commit();
        self.broker.tell(&self.counters.bus);
        if changes {
            self.backlog.listen(self.wanted());
            self.due = self.broker.due();
        }
    }

    fn take(&mut self, letter: Letter, now: Instant) {
        match letter {
            Letter::Join(id, joining, ticket) => {
                let client = joining.principal.client.clone();
                if let Some(refusal) = self.belongs_to_another(&joining.principal) {
                    let deed = match joining.principal.protocol {
                        Protocol::Line => "HELLO",
                        Protocol::Mqtt | Protocol::WebSocket => "CONNECT",
                    };
                    let deed = Deed::Other(String::new(), deed.to_owned());
                    self.audit(joining.principal, deed, &refusal, now);
                    joining.outbox.close(refusal);
                    return;
                }
                if let Some((_, other, _)) = self.taking_over.remove(&client) {
                    other.outbox.close(Refusal::taken_over());
                }
                match self.broker.kept_by(client.as_str()).filter(|_| !joining.keeping.clean) {
                    // Its session is still with the other connection's thread, which hands it back now.
                    Some(member) => {
                        member.outbox.close(Refusal::taken_over());
                        self.taking_over.insert(client, (id, joining, ticket));
                    }
                    None => self.join(id, *joining, ticket, now),
                }
            }
            Letter::Rename(id, principal, ticket) => {
                if let Some(refusal) = self.belongs_to_another(&principal) {
                    self.audit(principal, Deed::Other(String::new(), "HELLO".to_owned()), &refusal, now);
                    return self.broker.refuse(id, ticket, refusal);
                }
                let older = self.broker.rename(id, principal);
                self.settle(older, Code::TakenOver.as_str(), now);
                self.tell_presence(id, now);
                self.broker.answer(id, ticket, Done::Joined(None, None), LongQueue::default());
            }
            Letter::Identify(id, principal) => {
                self.broker.identify(id, principal);
                self.revise(&Refusal::changed_user(), now);
                self.tell_presence(id, now);
            }
            Letter::Users(users) => {
                self.directory = self.directory.clone().with(users);
                self.revise(&Refusal::changed_user(), now);
            }
            Letter::Subscribe(id, filters, subscription_id, ticket) => {
                if let Some(member) = self.broker.member(id) {
                    let principal = member.principal.clone();
                    for (filter, _) in &filters {
                        if let Err(refusal) = access::subscribe(&self.topics, &principal, filter) {
                            let deed = Deed::Other(filter.to_string(), "subscribe".to_owned());
                            self.audit(principal.clone(), deed, &refusal, now);
                        }
                    }
                }
                let (reasons, retained) = self.broker.subscribe(id, filters, subscription_id, now);
                self.broker.answer(id, ticket, Done::Subscribed(reasons), retained);
            }
            Letter::Unsubscribe(id, filters, ticket) => {
                let reasons = self.broker.unsubscribe(id, &filters);
                self.broker.answer(id, ticket, Done::Unsubscribed(reasons), LongQueue::default());
            }
            Letter::Publish(message, answer, incoming) => {
                let published = self.broker.publish_once(message, incoming, now);
                match answer {
                    Some((outbox, ticket)) => {
                        let note = Note::Done(ticket, published.map(Done::Published));
                        self.broker.answer_when_kept(outbox, note);
                    }
                    None => {
                        if let Err(refusal) = published {
                            warn!("a message was not retained: {}", refusal.message);
                        }
                    }
                }
            }
            Letter::Send(to, message, (outbox, ticket), incoming) => {
                let sent = if self.broker.find(to.as_str()).is_some() {
                    self.broker.publish_once(message, incoming, now).map(Done::Published)
                } else {
                    Err(Refusal::new(Code::UnknownClient, format!("no client is connected as {to}")))
                };
                self.broker.answer_when_kept(outbox, Note::Done(ticket, sent));
            }
            Letter::ForgetWill(id) => self.broker.forget_will(id),
            Letter::Expiry(id, expiry) => self.broker.set_expiry(id, expiry),
            Letter::Leave(id, kept, why) => {
                self.taking_over.retain(|_, (other, ..)| *other != id);
                let Some(left) = self.broker.leave(id, kept, now) else { return };
                let next = self.taking_over.remove(&left.principal.client);
                self.settle(Some(left), &why, now);
                if let Some((id, joining, ticket)) = next {
                    self.join(id, *joining, ticket, now);
                }
            }
            Letter::Events => {}
            Letter::Log(record) => self.say(Message::log(self.topics.log(record.level), record), now),
            Letter::Telemetry(messages) => messages.into_iter().for_each(|message| self.say(message, now)),
            Letter::Stop => {
                self.say(Message::own(self.topics.status(), "offline", true), now);
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

    /// Takes a client in, with what its earlier session has kept.
    fn join(&mut self, id: MemberId, joining: Joining, ticket: u64, now: Instant) {
        let Joining { principal, named, outbox, will, keeping } = joining;
        if self.commands.is_none() {
            // Everybody else was told when the order to stop came.
            return outbox.close(Refusal::stopping());
        }
        self.directory.set_time(Now::read().epoch);
        if !self.directory.has(&principal.account) {
            // It has signed in just before its user was changed.
            return outbox.close(Refusal::changed_user());
        }
        debug!("{} joined from {}", principal.client, principal.address);
        let member = Member { principal, named, outbox, will, keeping, filters: Vec::new(), session: None };
        let older = self.broker.join(id, member);
        self.settle(older, Code::TakenOver.as_str(), now);
        let (kept, waiting) = match self.broker.resume(id) {
            Resumed::Nothing => (None, LongQueue::default()),
            Resumed::Session(kept, waiting) => (Some(kept), waiting),
            Resumed::Will(principal, will) => {
                self.publish_will(&principal, will, now);
                (None, LongQueue::default())
            }
        };
        self.tell_presence(id, now);
        let session = self.broker.member(id).and_then(|member| member.session);
        self.broker.answer(id, ticket, Done::Joined(kept, session), waiting);
    }

    /// Why a client can't have its identifier: another user's connection or session has it.
    fn belongs_to_another(&self, principal: &Principal) -> Option<Refusal> {
        let client = principal.client.as_str();
        let waits = self.taking_over.get(client).map(|(_, joining, _)| joining.principal.user());
        let owner = waits.or_else(|| self.broker.owner(client))?;
        // Whoever is gone has nothing any more.
        self.directory.account(owner)?;
        (owner != principal.user())
            .then(|| Refusal::new(Code::AccessDenied, "this client id is another user's; choose another one"))
    }

    /// Does what is due for a member that is no more: its will, and the word that it is gone, and why.
    fn settle(&mut self, gone: Option<Left>, why: &str, now: Instant) {
        let Some(Left { principal, named, will, evicted }) = gone else { return };
        if principal.user().is_some() {
            let deed = Deed::Other(String::new(), format!("sign_out({why})"));
            self.leave_on_trail(Audit::new(Now::read().epoch, Who::Client(principal.clone()), deed), now);
        }
        if let Some(will) = will {
            self.publish_will(&principal, will, now);
        }
        for (principal, will) in evicted {
            self.publish_will(&principal, will, now);
        }
        if named && self.broker.find(principal.client.as_str()).is_none() {
            self.tell_status(&principal.client, "offline", now);
            if principal.user().is_some() {
                self.tell_user(&principal.client, "", now);
            }
        }
    }

    fn tell_presence(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.broker.member(id).filter(|member| member.named) else { return };
        let (client, user) = (member.principal.client.clone(), member.principal.user().cloned());
        self.tell_status(&client, "online", now);
        if let Some(user) = user {
            self.tell_user(&client, user.as_str(), now);
        }
    }

    fn tell_status(&mut self, client: &ClientId, status: &str, now: Instant) {
        self.tell_of(client, self.topics.node_status(client.as_str()), status, now);
    }

    /// Whose a client is; nobody's when it is gone.
    fn tell_user(&mut self, client: &ClientId, user: &str, now: Instant) {
        self.tell_of(client, self.topics.node_user(client.as_str()), user, now);
    }

    /// What is told of a client is kept within the limits, for clients choose how many names there are.
    fn tell_of(&mut self, client: &ClientId, topic: TopicName, what: &str, now: Instant) {
        let kept = Message { sender: Some(client.clone()), ..Message::own(topic.clone(), what, true) };
        if self.broker.publish(kept, now).is_err() {
            self.say(Message::own(topic, what, false), now);
        }
    }

    fn audit(&mut self, principal: Arc<Principal>, deed: Deed, refusal: &Refusal, now: Instant) {
        self.leave_on_trail(Audit::refusal(principal, deed, refusal), now);
    }

    fn leave_on_trail(&mut self, audit: Audit, now: Instant) {
        let audit = Arc::new(audit);
        if let Some(trail) = &self.trail {
            trail.add(&audit);
        }
        self.tell(Event::Audit(audit), now);
    }

    fn say(&mut self, message: Message, now: Instant) {
        // Only messages of clients are refused.
        let _ = self.broker.publish(message, now);
    }
}
