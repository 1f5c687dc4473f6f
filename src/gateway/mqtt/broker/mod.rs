//! The broker: who is there, who wants to hear of what, and what is kept for those who come later.
//!
//! It has no thread and no socket.  The bus owns one and gives it one thing to do after the other; what it has for
//! a client it puts into that client's outbox.

mod absent;
mod group;
mod ledger;
mod members;
mod publishing;
mod restore;
mod retained;
mod revise;
mod tree;

pub use absent::{AbsentLimits, OwnedWill};
pub use group::Group;
pub use ledger::Incoming;
pub use members::{Member, MemberId};
pub use retained::{Retained, RetainedLimits};
pub use tree::{Found, Subscription, Tree};

use absent::{Absent, Absents};
use ledger::{Ledger, keeps};

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::debug;

use super::kept::{Expiry, Kept, UnderWay};
use super::store::{Entry, Journal, SessionNumber};
use crate::domain::{ClientId, Principal, Refusal, UserName};
use crate::gateway::{Census, Delivery, Done, LEVELS, LongQueue, Message, Note, Outbox, Topics, access};
use crate::wire::mqtt::{QoS, ReasonCode, RetainHandling, SubscribeOptions, TopicFilter};

/// All members, their subscriptions and the retained messages.
pub struct Broker {
    topics: Arc<Topics>,
    members: HashMap<MemberId, Member>,
    by_client: HashMap<ClientId, MemberId>,
    tree: Tree,
    retained: Retained,
    absents: Absents,
    maximum_subscriptions: usize,
    ledger: Ledger,
    /// Of all members and absent sessions together.
    subscriptions: usize,
}

/// A member that is connected no more.
pub struct Left {
    /// Who it was.
    pub principal: Arc<Principal>,
    /// Whether it was known to others by its client identifier.
    pub named: bool,
    /// The will that is to be published now.
    pub will: Option<Message>,
    /// The waiting wills of other clients whose sessions had to give way.
    pub evicted: Vec<OwnedWill>,
}

/// What a client finds when it comes.
pub enum Resumed {
    /// Nothing of an earlier session.
    Nothing,
    /// What its session has kept, and the messages that have waited.
    Session(Box<Kept>, LongQueue<Delivery>),
    /// It does not want its session, whose will is to be published now.
    Will(Arc<Principal>, Message),
}

/// With so many retained messages that a client has not read yet, and with as many as there are, it is refused further
/// subscriptions until it has.
const UNREAD: usize = 1000;

impl Broker {
    /// With nobody there.
    pub fn new(
        topics: Arc<Topics>,
        maximum_subscriptions: usize,
        retained: RetainedLimits,
        absents: AbsentLimits,
        journal: Journal,
    ) -> Broker {
        Broker {
            topics,
            members: HashMap::new(),
            by_client: HashMap::new(),
            tree: Tree::default(),
            retained: Retained::new(retained),
            absents: Absents::new(absents),
            maximum_subscriptions,
            ledger: Ledger::new(journal),
            subscriptions: 0,
        }
    }

    /// Says what there is.
    pub fn tell(&self, census: &Census) {
        let (sessions, messages, bytes) = self.absents.extent();
        census.subscriptions.set(self.subscriptions);
        census.retained_messages.set(self.retained.len());
        census.retained_bytes.set(self.retained.bytes());
        census.absent_sessions.set(sessions);
        census.waiting_messages.set(messages);
        census.waiting_bytes.set(bytes);
        census.queue_full.set(self.absents.dropped);
        census.expired_sessions.set(self.absents.expired);
    }

    /// Every member.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Takes in a member.  Its client identifier says whose session is whose [MQTT-3.1.3-2]: one that has it already
    /// is closed [MQTT-3.1.4-3], and handed back.
    pub fn join(&mut self, id: MemberId, member: Member) -> Option<Left> {
        let older = self.by_client.insert(member.principal.client.clone(), id);
        let older = older.and_then(|older| self.remove(older, &[]));
        if let Some(older) = &older {
            older.outbox.close(Refusal::taken_over());
        }
        self.members.insert(id, member);
        older.map(Left::of)
    }

    /// Gives a member another client identifier; it keeps its subscriptions.
    pub fn rename(&mut self, id: MemberId, principal: Arc<Principal>) -> Option<Left> {
        let mut member = self.members.remove(&id)?;
        if self.by_client.get(&member.principal.client) == Some(&id) {
            self.by_client.remove(&member.principal.client);
        }
        member.principal = principal;
        member.named = true;
        self.join(id, member)
    }

    /// A member has proved who it is.
    pub fn identify(&mut self, id: MemberId, principal: Arc<Principal>) {
        if let Some(member) = self.members.get_mut(&id) {
            member.principal = principal;
        }
    }

    /// Whose this client identifier is, if a connection or a session has it.
    pub fn owner(&self, client: &str) -> Option<Option<&UserName>> {
        let present = self.find(client).map(|member| member.principal.user());
        present.or_else(|| self.absents.find(client).map(|absent| absent.principal.user()))
    }

    /// Lets a member go, if it is still there.  One whose session outlives its connection stays as an absent one.
    pub fn leave(&mut self, id: MemberId, mut kept: Option<Box<Kept>>, now: Instant) -> Option<Left> {
        let Some(mut kept) = kept.take_if(|_| self.members.get(&id).is_some_and(Member::is_kept)) else {
            let member = self.remove(id, &kept.map_or_else(Vec::new, |kept| kept.under_way))?;
            if self.by_client.get(&member.principal.client) == Some(&id) {
                self.by_client.remove(&member.principal.client);
            }
            return Some(Left::of(member));
        };
        let mut member = self.members.remove(&id)?;
        self.by_client.remove(&member.principal.client);
        let until = member.keeping.expiry.end(now);
        // [MQTT-3.1.3-9] A will may wait for the client to come back, but not longer than the session.
        let delay = |will: &Message| Duration::from_secs(will.properties.will_delay().into());
        let late = member.will.take_if(|will| !delay(will).is_zero());
        let late = late.map(|will| {
            let due = now + delay(&will);
            (will, until.map_or(due, |until| until.min(due)))
        });
        // A connection that was gone before it took its session over has left it in the outbox.
        let (waiting, untouched) = member.outbox.give_up();
        kept = untouched.unwrap_or(kept);
        // Of a group that goes on without it, the others get what it has not acknowledged.
        let session = member.session;
        let noted = late.as_ref().map(|(will, due)| (Arc::new(will.clone()), *due));
        self.ledger.of(session, |session| Entry::Left(session, now, noted));
        kept.under_way
            .retain(|sent| sent.shared().is_none_or(|delivery| !self.pass_to_another(session, delivery)));
        let filters = std::mem::take(&mut member.filters);
        let mut absent = Absent::new(member.principal.clone(), filters, kept, late, until, now);
        absent.session = session;
        let evicted = self.absents.add(id, absent);
        for delivery in waiting {
            if !self.pass_to_another(session, &delivery) {
                self.deliver(id, delivery);
            }
        }
        let mut left = Left::of(member);
        left.evicted = evicted.into_iter().filter_map(|(id, absent)| self.end(id, absent)).collect();
        Some(left)
    }

    /// The member of this client, if its session is one that another connection can take over.
    pub fn kept_by(&self, client: &str) -> Option<&Member> {
        self.find(client).filter(|member| member.is_kept())
    }

    /// Another Session Expiry Interval for a member.
    pub fn set_expiry(&mut self, id: MemberId, expiry: Expiry) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.keeping.expiry = expiry;
        if member.is_kept() {
            self.ledger.of(member.session, |session| Entry::Came(session, expiry));
        } else {
            self.ledger.of(member.session.take(), Entry::End);
        }
    }

    /// The session that a client left and that the member may go on with [MQTT-3.1.2-5..6]; or, where it begins afresh
    /// [MQTT-3.1.2-4] [MQTT-3.1.4-4], the will that has waited until now.
    pub fn resume(&mut self, id: MemberId) -> Resumed {
        let Some(member) = self.members.get(&id) else { return Resumed::Nothing };
        let (client, keeping) = (member.principal.client.clone(), member.keeping);
        let earlier = match self.absents.take(&client) {
            Some((old, absent)) if keeping.clean => {
                let will = self.end(old, absent);
                self.begin(id, client, keeping.expiry);
                return will.map_or(Resumed::Nothing, |(principal, will)| Resumed::Will(principal, will));
            }
            earlier => earlier,
        };
        let Some((old, absent)) = earlier else {
            self.begin(id, client, keeping.expiry);
            return Resumed::Nothing;
        };
        let Some(member) = self.members.get_mut(&id) else { return Resumed::Nothing };
        for filter in &absent.filters {
            self.tree.hand_over(filter, old, id);
        }
        member.filters = absent.filters;
        member.session = absent.session;
        self.set_expiry(id, keeping.expiry);
        Resumed::Session(absent.kept, absent.queue)
    }

    /// When [`Broker::settle`] is due.
    pub fn due(&self) -> Option<Instant> {
        self.absents.due()
    }

    /// The wills of absent clients that are due; sessions that have expired are ended.
    pub fn settle(&mut self, now: Instant) -> Vec<OwnedWill> {
        let (due, ended) = self.absents.settle(now);
        let mut wills = Vec::with_capacity(due.len());
        for (session, left, will) in due {
            self.ledger.of(session, |session| Entry::Left(session, left, None));
            wills.push(will);
        }
        wills.extend(ended.into_iter().filter_map(|(id, absent)| self.end(id, absent)));
        wills
    }

    /// Ends the session of an absent client; gives the will that has waited.
    fn end(&mut self, id: MemberId, absent: Absent) -> Option<OwnedWill> {
        debug!("the session of {} ended", absent.principal.client);
        self.forget(id, absent.session, &absent.filters, &absent.kept.under_way, &absent.queue);
        absent.will.map(|(will, _)| (absent.principal, will))
    }

    /// A member.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// The member with this client identifier.
    pub fn find(&self, client: &str) -> Option<&Member> {
        self.by_client.get(client).and_then(|id| self.members.get(id))
    }

    /// Makes subscriptions, each granted or refused by itself [MQTT-3.8.4-5..7] and in their order [MQTT-3.9.3-1]; the
    /// retained messages that belong to them are handed back, to be delivered after the answer.
    pub fn subscribe(
        &mut self,
        id: MemberId,
        filters: Vec<(TopicFilter, SubscribeOptions)>,
        subscription_id: Option<NonZeroU32>,
        now: Instant,
    ) -> (Vec<ReasonCode>, LongQueue<Delivery>) {
        let (mut reasons, mut retained) = (Vec::with_capacity(filters.len()), LongQueue::default());
        let Some(member) = self.members.get_mut(&id) else { return (reasons, retained) };
        let unread = member.outbox.backlog();
        for (filter, options) in filters {
            if access::subscribe(&self.topics, &member.principal, &filter).is_err() {
                reasons.push(ReasonCode::NotAuthorized);
                continue;
            }
            if filter.levels().nth(LEVELS).is_some() {
                reasons.push(ReasonCode::QuotaExceeded);
                continue;
            }
            let is_new = !member.filters.contains(&filter);
            let is_one_too_many = is_new && member.filters.len() >= self.maximum_subscriptions;
            if is_one_too_many || unread + retained.len() > self.retained.len().max(UNREAD) {
                reasons.push(ReasonCode::QuotaExceeded);
                continue;
            }
            // [MQTT-3.8.4-3..4] The same filter again replaces the subscription, in one step.
            let subscription = Subscription { options, id: subscription_id };
            self.tree.insert(&filter, id, subscription);
            self.ledger.of(member.session, |session| Entry::Subscribe(session, filter.clone(), subscription));
            reasons.push(match options.qos {
                QoS::AtMostOnce => ReasonCode::Success,
                QoS::AtLeastOnce => ReasonCode::GrantedQos1,
                QoS::ExactlyOnce => ReasonCode::GrantedQos2,
            });
            // [MQTT-3.3.1-9..11] Which retained messages are sent is the subscriber's choice.
            let wanted = match options.retain_handling {
                // A group gets none: who would it be for?
                _ if filter.share().is_some() => false,
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => is_new,
                RetainHandling::DoNotSend => false,
            };
            if wanted {
                let visible =
                    |message: &&Arc<Message>| access::read_message(&self.topics, &member.principal, message);
                retained.extend(self.retained.matching(&filter, now).filter(visible).map(|message| {
                    let qos = message.qos.min(options.qos);
                    let subscription_ids = subscription_id.into_iter().collect();
                    Delivery { retain: true, subscription_ids, ..Delivery::new(message.clone(), qos) }
                }));
            }
            if is_new {
                self.subscriptions += 1;
                member.filters.push(filter);
            }
        }
        // One by one, because together they may be more than is written at once.
        let mut numbered = LongQueue::default();
        for mut delivery in retained {
            self.number(id, &mut delivery);
            self.ledger.commit();
            numbered.push_back(delivery);
        }
        (reasons, numbered)
    }

    /// Ends subscriptions [MQTT-3.10.4-1..2], each by itself [MQTT-3.10.4-6].  What is under way already still arrives
    /// [MQTT-3.10.4-3].
    pub fn unsubscribe(&mut self, id: MemberId, filters: &[TopicFilter]) -> Vec<ReasonCode> {
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let end = |filter: &TopicFilter| {
            let Some(place) = member.filters.iter().position(|known| known == filter) else {
                return ReasonCode::NoSubscriptionExisted;
            };
            member.filters.swap_remove(place);
            self.subscriptions -= 1;
            self.tree.remove(filter, id);
            self.ledger.of(member.session, |session| Entry::Unsubscribe(session, filter.clone()));
            ReasonCode::Success
        };
        filters.iter().map(end).collect()
    }

    /// Takes away a member's will, because it says goodbye.
    pub fn forget_will(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.will = None;
        }
    }

    /// Puts an answer, and what follows it, into a member's outbox.
    pub fn answer(&mut self, id: MemberId, ticket: u64, done: Done, then: LongQueue<Delivery>) {
        // Before anybody acts on it.
        self.ledger.commit();
        let Some(member) = self.members.get(&id) else { return };
        member.outbox.note_and_deliver(Note::Done(ticket, Ok(done)), then);
    }

    /// Puts a refusal into a member's outbox.
    pub fn refuse(&mut self, id: MemberId, ticket: u64, refusal: Refusal) {
        if let Some(member) = self.members.get(&id) {
            member.outbox.note(Note::Done(ticket, Err(refusal)));
        }
    }

    /// What is answered from now on belongs to another letter than what was before.
    pub fn begin_letter(&mut self) {
        self.ledger.begin_letter();
    }

    /// Gives an answer when everything is on the disk that was done for it.
    pub fn answer_when_kept(&mut self, outbox: Arc<Outbox>, note: Note) {
        self.ledger.answer(outbox, note);
    }

    /// Nothing more belongs to what has been done so far.
    pub fn commit(&mut self) {
        self.ledger.commit();
    }

    /// A session begins, and is written down if it outlives its connection.
    fn begin(&mut self, id: MemberId, client: ClientId, expiry: Expiry) {
        if !self.ledger.is_on() || expiry == Expiry::AtOnce {
            return;
        }
        let session = SessionNumber(self.ledger.number());
        self.ledger.add(Entry::Begin(session, client, expiry));
        if let Some(member) = self.members.get_mut(&id) {
            if let Some(user) = member.principal.user() {
                self.ledger.add(Entry::Owner(session, user.clone()));
            }
            member.session = Some(session);
        }
    }

    /// Ends a member's session; the others of its groups get what was sent to it in vain or waits for it.
    fn remove(&mut self, id: MemberId, sent: &[UnderWay]) -> Option<Member> {
        let Some(member) = self.members.remove(&id) else {
            // Another connection has taken its place already, and only the thread ends now.
            self.share_again(None, sent, &LongQueue::default());
            return None;
        };
        debug!("{} left", member.principal.client);
        self.forget(id, member.session, &member.filters, sent, &member.outbox.give_up().0);
        Some(member)
    }

    /// Nothing more comes for a session; the others of its groups get what it has not acknowledged or not got.
    fn forget(
        &mut self,
        id: MemberId,
        session: Option<SessionNumber>,
        filters: &[TopicFilter],
        sent: &[UnderWay],
        waiting: &LongQueue<Delivery>,
    ) {
        for filter in filters {
            self.tree.remove(filter, id);
        }
        self.subscriptions -= filters.len();
        self.share_again(session, sent, waiting);
        self.ledger.of(session, Entry::End);
    }
}

impl Left {
    fn of(member: Member) -> Left {
        Left { principal: member.principal, named: member.named, will: member.will, evicted: Vec::new() }
    }
}

impl Member {
    fn is_kept(&self) -> bool {
        self.keeping.expiry != Expiry::AtOnce
    }
}
