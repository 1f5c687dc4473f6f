//! The broker: who is there, who wants to hear of what, and what is kept for those who come later.
//!
//! It has no thread and no socket.  The bus owns one and gives it one thing to do after the other; what it has for
//! a client it puts into that client's outbox.

mod absent;
mod members;
mod retained;
mod tree;

pub use absent::{AbsentLimits, OwnedWill};
pub use members::{Member, MemberId};
pub use retained::{Retained, RetainedLimits};
pub use tree::{Subscription, Tree};

use absent::{Absent, Absents};

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::debug;

use super::kept::{Expiry, Kept};
use crate::domain::{ClientId, Principal, Protocol, Refusal};
use crate::gateway::{Census, Delivery, Done, Message, Note, Space, Topics};
use crate::wire::mqtt::{QoS, ReasonCode, RetainHandling, SubscribeOptions, TopicFilter, TopicName};

/// All members, their subscriptions and the retained messages.
pub struct Broker {
    topics: Arc<Topics>,
    members: HashMap<MemberId, Member>,
    by_client: HashMap<ClientId, MemberId>,
    tree: Tree,
    retained: Retained,
    absents: Absents,
    maximum_subscriptions: usize,
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
    Session(Box<Kept>, VecDeque<Delivery>),
    /// It does not want its session, whose will is to be published now.
    Will(Arc<Principal>, Message),
}

/// What one delivery for one member is made of, while its subscriptions are collected.
struct Match {
    member: MemberId,
    qos: QoS,
    retain_as_published: bool,
    ids: Vec<NonZeroU32>,
}

impl Broker {
    /// With nobody there.
    pub fn new(
        topics: Arc<Topics>,
        maximum_subscriptions: usize,
        retained: RetainedLimits,
        absents: AbsentLimits,
    ) -> Broker {
        Broker {
            topics,
            members: HashMap::new(),
            by_client: HashMap::new(),
            tree: Tree::default(),
            retained: Retained::new(retained),
            absents: Absents::new(absents),
            maximum_subscriptions,
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

    /// Takes in a member.  One that has its client identifier already is closed [MQTT-3.1.4-3], and handed back.
    pub fn join(&mut self, id: MemberId, member: Member) -> Option<Left> {
        let older = self.by_client.insert(member.principal.client.clone(), id);
        let older = older.and_then(|older| self.remove(older));
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

    /// Lets a member go, if it is still there.  One whose session outlives its connection stays as an absent one.
    pub fn leave(&mut self, id: MemberId, kept: Option<Box<Kept>>, now: Instant) -> Option<Left> {
        let Some(kept) = kept.filter(|_| self.members.get(&id).is_some_and(Member::is_kept)) else {
            let member = self.remove(id)?;
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
        let (mut notes, mut waiting) = (VecDeque::new(), VecDeque::new());
        member.outbox.take(&mut notes, &mut waiting, usize::MAX);
        // A connection that was gone before it took its session over has left it in the outbox.
        let untouched = notes.into_iter().find_map(|note| match note {
            Note::Done(_, Ok(Done::Joined(kept))) => kept,
            _ => None,
        });
        let kept = untouched.unwrap_or(kept);
        let filters = std::mem::take(&mut member.filters);
        let absent = Absent::new(member.principal.clone(), filters, kept, late, until, now);
        let evicted = self.absents.add(id, absent);
        for delivery in waiting {
            self.absents.queue(id, delivery);
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
        if let Some(member) = self.members.get_mut(&id) {
            member.keeping.expiry = expiry;
        }
    }

    /// The session that a client left and that the member may go on with [MQTT-3.1.2-5]; or, where it begins afresh
    /// [MQTT-3.1.2-4], the will that has waited until now.
    pub fn resume(&mut self, id: MemberId) -> Resumed {
        let Some(member) = self.members.get_mut(&id) else { return Resumed::Nothing };
        let Some((old, absent)) = self.absents.take(&member.principal.client) else {
            return Resumed::Nothing;
        };
        if member.keeping.clean {
            return match self.end(old, absent) {
                Some((principal, will)) => Resumed::Will(principal, will),
                None => Resumed::Nothing,
            };
        }
        for filter in &absent.filters {
            self.tree.hand_over(filter, old, id);
        }
        member.filters = absent.filters;
        Resumed::Session(absent.kept, absent.queue)
    }

    /// When [`Broker::settle`] is due.
    pub fn due(&self) -> Option<Instant> {
        self.absents.due()
    }

    /// The wills of absent clients that are due; sessions that have expired are ended.
    pub fn settle(&mut self, now: Instant) -> Vec<OwnedWill> {
        let (mut wills, ended) = self.absents.settle(now);
        wills.extend(ended.into_iter().filter_map(|(id, absent)| self.end(id, absent)));
        wills
    }

    /// Ends the session of an absent client; gives the will that has waited.
    fn end(&mut self, id: MemberId, absent: Absent) -> Option<OwnedWill> {
        self.subscriptions -= absent.filters.len();
        for filter in &absent.filters {
            self.tree.remove(filter, id);
        }
        debug!("the session of {} ended", absent.principal.client);
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

    /// Makes subscriptions, each granted or refused by itself [MQTT-3.9.3-1]; the retained messages that belong to
    /// them are handed back, to be delivered after the answer.
    pub fn subscribe(
        &mut self,
        id: MemberId,
        filters: Vec<(TopicFilter, SubscribeOptions)>,
        subscription_id: Option<NonZeroU32>,
        now: Instant,
    ) -> (Vec<ReasonCode>, Vec<Delivery>) {
        let (mut reasons, mut retained) = (Vec::with_capacity(filters.len()), Vec::new());
        let Some(member) = self.members.get_mut(&id) else { return (reasons, retained) };
        for (filter, options) in filters {
            if filter.share().is_some() {
                // Announced in CONNACK as not available.
                reasons.push(ReasonCode::SharedSubscriptionsNotSupported);
                continue;
            }
            let is_new = !member.filters.contains(&filter);
            if is_new && member.filters.len() >= self.maximum_subscriptions {
                reasons.push(ReasonCode::QuotaExceeded);
                continue;
            }
            // [MQTT-3.8.4-3] The same filter again replaces the subscription.
            self.tree.insert(&filter, id, Subscription { options, id: subscription_id });
            reasons.push(match options.qos {
                QoS::AtMostOnce => ReasonCode::Success,
                QoS::AtLeastOnce => ReasonCode::GrantedQos1,
                QoS::ExactlyOnce => ReasonCode::GrantedQos2,
            });
            // [MQTT-3.3.1-9..11] Which retained messages are sent is the subscriber's choice.
            let wanted = match options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => is_new,
                RetainHandling::DoNotSend => false,
            };
            if wanted {
                let visible = |message: &&Arc<Message>| may_read(&self.topics, &member.principal, message);
                retained.extend(self.retained.matching(&filter, now).filter(visible).map(|message| {
                    Delivery {
                        qos: message.qos.min(options.qos),
                        message: message.clone(),
                        retain: true,
                        subscription_ids: subscription_id.into_iter().collect(),
                    }
                }));
            }
            if is_new {
                self.subscriptions += 1;
                member.filters.push(filter);
            }
        }
        (reasons, retained)
    }

    /// Ends subscriptions.
    pub fn unsubscribe(&mut self, id: MemberId, filters: &[TopicFilter]) -> Vec<ReasonCode> {
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let end = |filter: &TopicFilter| {
            let Some(place) = member.filters.iter().position(|known| known == filter) else {
                return ReasonCode::NoSubscriptionExisted;
            };
            member.filters.swap_remove(place);
            self.subscriptions -= 1;
            self.tree.remove(filter, id);
            ReasonCode::Success
        };
        filters.iter().map(end).collect()
    }

    /// Passes a message on to everybody who wants it, and keeps it if it is to be retained.  Says whether anybody
    /// wanted it; refused where no more can be kept.
    pub fn publish(&mut self, message: Message, now: Instant) -> Result<bool, Refusal> {
        let message = Arc::new(message);
        // First, because a message that is refused is passed on to nobody.
        if message.retain {
            self.retained.keep(message.clone(), now)?;
        }
        let mut matches: Vec<Match> = Vec::new();
        let sender = message.sender.as_ref();
        self.tree.matching(&message.topic, |id, subscription| {
            let SubscribeOptions { qos, no_local, retain_as_published, .. } = subscription.options;
            let present = self.members.get(&id).map(|member| &member.principal);
            let absent = || self.absents.get(id).map(|absent| &absent.principal);
            let Some(principal) = present.or_else(absent) else { return };
            // [MQTT-3.8.3-3] No Local: not to the connection that published it.
            if (no_local && sender == Some(&principal.client)) || !may_read(&self.topics, principal, &message)
            {
                return;
            }
            // Overlapping subscriptions: one delivery, with the best quality and all identifiers [MQTT-3.3.4-2].
            match matches.iter_mut().find(|m| m.member == id) {
                Some(found) => {
                    found.qos = found.qos.max(qos);
                    found.retain_as_published |= retain_as_published;
                    found.ids.extend(subscription.id);
                }
                None => {
                    let ids = subscription.id.into_iter().collect();
                    matches.push(Match { member: id, qos, retain_as_published, ids });
                }
            }
        });
        let mut wanted = !matches.is_empty();
        for found in matches {
            let delivery = Delivery {
                qos: message.qos.min(found.qos),
                retain: message.retain && found.retain_as_published,
                message: message.clone(),
                subscription_ids: found.ids,
            };
            match self.members.get(&found.member) {
                Some(member) => member.outbox.deliver(delivery),
                None => drop(self.absents.queue(found.member, delivery)),
            }
        }
        wanted |= self.pass_to_line_client(&message);
        Ok(wanted)
    }

    /// Whether anybody would get a message of this topic.
    pub fn is_wanted(&self, topic: &TopicName) -> bool {
        let mut wanted = false;
        self.tree.matching(topic, |_, _| wanted = true);
        wanted
    }

    /// Takes away a member's will, because it says goodbye.
    pub fn forget_will(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.will = None;
        }
    }

    /// Puts an answer, and what follows it, into a member's outbox.
    pub fn answer(&self, id: MemberId, ticket: u64, done: Done, then: Vec<Delivery>) {
        let Some(member) = self.members.get(&id) else { return };
        member.outbox.note_and_deliver(Note::Done(ticket, Ok(done)), then);
    }

    /// A client of the line protocol gets its messages without subscribing.
    fn pass_to_line_client(&self, message: &Arc<Message>) -> bool {
        let Space::Message(client) = self.topics.space(&message.topic) else { return false };
        match self.find(client) {
            Some(member) if member.principal.protocol == Protocol::Line => {
                member.outbox.deliver(Delivery {
                    message: message.clone(),
                    qos: QoS::AtMostOnce,
                    retain: false,
                    subscription_ids: Vec::new(),
                });
                true
            }
            _ => false,
        }
    }

    fn remove(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        self.subscriptions -= member.filters.len();
        for filter in &member.filters {
            self.tree.remove(filter, id);
        }
        debug!("{} left", member.principal.client);
        Some(member)
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

/// Answers to one client, and messages to one client, are for that client alone, whatever others subscribe to.
fn may_read(topics: &Topics, principal: &Principal, message: &Message) -> bool {
    match topics.space(&message.topic) {
        Space::Response(client) | Space::Message(client) => client == principal.client.as_str(),
        _ => true,
    }
}
