//! The mirror: everything that has been written down, as it is now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::entry::{Entry, SessionNumber};
use super::record::session;
use crate::domain::{ClientId, UserName};
use crate::gateway::mqtt::broker::Subscription;
use crate::gateway::mqtt::kept::{Expiry, Progress};
use crate::gateway::{Delivery, Message};
use crate::wire::mqtt::{PacketId, TopicFilter, TopicName};

/// What is kept.  Messages are shared with everybody else who has them.
#[derive(Debug, Clone, Default)]
pub struct Mirror {
    /// The sessions, in the order in which they began.
    pub(in crate::gateway::mqtt) sessions: BTreeMap<SessionNumber, Session>,
    /// The retained messages, each with its place among the others.
    retained: HashMap<TopicName, (u64, Arc<Message>)>,
    next_place: u64,
}

/// One session.
#[derive(Debug, Clone)]
pub(in crate::gateway::mqtt) struct Session {
    pub(in crate::gateway::mqtt) client: ClientId,
    pub(in crate::gateway::mqtt) user: Option<UserName>,
    pub(in crate::gateway::mqtt) expiry: Expiry,
    pub(in crate::gateway::mqtt) subscriptions: BTreeMap<TopicFilter, Subscription>,
    /// Messages for its client, by their numbers, which is the order in which they came.
    pub(in crate::gateway::mqtt) messages: BTreeMap<u64, Stage>,
    /// Messages of QoS 2 from its client that it has not released.
    pub(in crate::gateway::mqtt) incoming: BTreeMap<PacketId, Progress>,
    /// When its client went, and the will that it has left; nothing while it is there.
    pub(in crate::gateway::mqtt) left: Option<Left>,
}

/// When a client went, and the will that is published when it is due.
pub(in crate::gateway::mqtt) type Left = (Instant, Option<(Arc<Message>, Instant)>);

/// How far a message is.
#[derive(Debug, Clone)]
pub(in crate::gateway::mqtt) enum Stage {
    /// It waits.
    Waits(Delivery),
    /// It may have been sent under this identifier.
    Sent(Delivery, PacketId),
    /// The client has it, and is still to be told that this identifier is free.
    Received(PacketId),
}

impl Mirror {
    /// Does what an entry says.
    pub(super) fn apply(&mut self, entry: Entry) {
        let number = session(&entry);
        match entry {
            Entry::Retain(message) => {
                let place = self.retained.get(&message.topic).map_or(self.next_place, |(place, _)| *place);
                self.next_place = self.next_place.max(place + 1);
                self.retained.insert(message.topic.clone(), (place, message));
            }
            Entry::Clear(topic) => drop(self.retained.remove(&topic)),
            Entry::Begin(_, client, expiry) => {
                let session = Session {
                    client,
                    user: None,
                    expiry,
                    subscriptions: BTreeMap::new(),
                    messages: BTreeMap::new(),
                    incoming: BTreeMap::new(),
                    left: None,
                };
                self.sessions.insert(number, session);
            }
            Entry::End(_) => drop(self.sessions.remove(&number)),
            entry => {
                if let Some(session) = self.sessions.get_mut(&number) {
                    session.apply(entry);
                }
            }
        }
    }

    /// Forgets messages whose time has passed; but not those that may have been sent, of which the client may know the
    /// identifier [MQTT-4.3.3-7].
    pub(super) fn forget_expired(&mut self, now: Instant) {
        let fresh = |message: &Message| message.expires.is_none_or(|expires| expires > now);
        self.retained.retain(|_, (_, message)| fresh(message));
        for session in self.sessions.values_mut() {
            session.messages.retain(|_, stage| match stage {
                Stage::Waits(delivery) => fresh(&delivery.message),
                Stage::Sent(..) | Stage::Received(_) => true,
            });
        }
    }

    /// Clients that were there when the file was last written are gone since `now`.
    pub(super) fn everybody_left(&mut self, now: Instant) {
        self.sessions.values_mut().for_each(|session| _ = session.left.get_or_insert((now, None)));
    }

    /// About how many bytes it takes to write everything down.
    pub(super) fn weight(&self) -> usize {
        const ENTRY: usize = 32;
        let retained: usize = self.retained.values().map(|(_, message)| message.weight()).sum();
        let sessions = self.sessions.values().map(|session| {
            let filters: usize = session.subscriptions.keys().map(|f| ENTRY + f.as_str().len()).sum();
            let messages = session.messages.values().map(Stage::delivery);
            let messages: usize = messages.map(|d| ENTRY + d.map_or(0, |d| d.message.weight())).sum();
            ENTRY + filters + messages + session.incoming.len() * ENTRY
        });
        retained + sessions.sum::<usize>()
    }

    /// The retained messages in the order of their places.
    pub(in crate::gateway::mqtt) fn retained(&self) -> Vec<Arc<Message>> {
        let mut retained: Vec<_> = self.retained.values().collect();
        retained.sort_unstable_by_key(|(place, _)| *place);
        retained.into_iter().map(|(_, message)| message.clone()).collect()
    }

    /// A number that neither a session nor a message has, nor any that is greater.
    pub(in crate::gateway::mqtt) fn next_number(&self) -> u64 {
        let messages = self.sessions.values().filter_map(|s| s.messages.last_key_value());
        let sessions = self.sessions.last_key_value().map(|(number, _)| number.0);
        messages.map(|(number, _)| *number).chain(sessions).max().map_or(1, |last| last.saturating_add(1))
    }

    /// Everything as entries, from which another mirror becomes the same.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        let retained = self.retained().into_iter().map(Entry::Retain);
        let sessions = self.sessions.iter().flat_map(|(number, session)| session.entries(*number));
        // By number over all sessions, because one message for many of them is written once.
        let mut messages: Vec<(u64, SessionNumber, &Stage)> = Vec::new();
        for (session, state) in &self.sessions {
            messages.extend(state.messages.iter().map(|(number, stage)| (*number, *session, stage)));
        }
        messages.sort_unstable_by_key(|(number, session, _)| (*number, *session));
        let messages =
            messages.into_iter().flat_map(|(number, session, stage)| stage.entries(session, number));
        retained.chain(sessions).chain(messages)
    }
}

impl Session {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Owner(_, user) => self.user = Some(user),
            Entry::Subscribe(_, filter, subscription) => _ = self.subscriptions.insert(filter, subscription),
            Entry::Unsubscribe(_, filter) => _ = self.subscriptions.remove(&filter),
            Entry::Queue(_, delivery) => _ = self.messages.insert(delivery.number, Stage::Waits(delivery)),
            Entry::Sent(_, number, id) => {
                // A message that is not there was done with before.
                if let Some(stage) = self.messages.remove(&number) {
                    let stage = match stage {
                        Stage::Waits(delivery) | Stage::Sent(delivery, _) => Stage::Sent(delivery, id),
                        Stage::Received(_) => Stage::Received(id),
                    };
                    self.messages.insert(number, stage);
                }
            }
            Entry::Received(_, number, id) => _ = self.messages.insert(number, Stage::Received(id)),
            Entry::Done(_, number) => _ = self.messages.remove(&number),
            Entry::Incoming(_, id, progress) => _ = self.incoming.insert(id, progress),
            Entry::Released(_, id) => _ = self.incoming.remove(&id),
            Entry::Left(_, at, will) => self.left = Some((at, will)),
            Entry::Came(_, expiry) => (self.expiry, self.left) = (expiry, None),
            Entry::Retain(_) | Entry::Clear(_) | Entry::Begin(..) | Entry::End(_) => {}
        }
    }

    fn entries(&self, number: SessionNumber) -> impl Iterator<Item = Entry> {
        let begin = Entry::Begin(number, self.client.clone(), self.expiry);
        let owner = self.user.clone().map(|user| Entry::Owner(number, user));
        let subscribe = move |(filter, subscription): (&TopicFilter, &Subscription)| {
            Entry::Subscribe(number, filter.clone(), *subscription)
        };
        let left = self.left.clone().map(|(at, will)| Entry::Left(number, at, will));
        std::iter::once(begin)
            .chain(owner)
            .chain(self.subscriptions.iter().map(subscribe))
            .chain(self.incoming.iter().map(move |(id, progress)| Entry::Incoming(number, *id, *progress)))
            .chain(left)
    }
}

impl Stage {
    fn delivery(&self) -> Option<&Delivery> {
        match self {
            Stage::Waits(delivery) | Stage::Sent(delivery, _) => Some(delivery),
            Stage::Received(_) => None,
        }
    }

    fn entries(&self, session: SessionNumber, number: u64) -> impl Iterator<Item = Entry> {
        let queued = self.delivery().cloned().map(|delivery| Entry::Queue(session, delivery));
        let further = match self {
            Stage::Waits(_) => None,
            Stage::Sent(_, id) => Some(Entry::Sent(session, number, *id)),
            Stage::Received(id) => Some(Entry::Received(session, number, *id)),
        };
        queued.into_iter().chain(further)
    }
}
