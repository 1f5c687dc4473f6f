//! Publishing: who gets a message.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use super::{Broker, Found, Group, Incoming, MemberId, Subscription, keeps};
use crate::domain::{DeviceName, Principal, Protocol, Refusal};
use crate::gateway::mqtt::kept::{Progress, UnderWay};
use crate::gateway::mqtt::store::{Entry, SessionNumber};
use crate::gateway::{Body, Delivery, LongQueue, Message, Reading, Space, access};
use crate::wire::mqtt::{QoS, SubscribeOptions, TopicFilter, TopicName};

/// What one delivery for one member is made of, while its subscriptions are collected.
struct Match {
    member: MemberId,
    qos: QoS,
    retain_as_published: bool,
    ids: Vec<NonZeroU32>,
}

/// The one of a group that gets a message.
struct Picked {
    member: MemberId,
    share: TopicFilter,
    subscription: Subscription,
}

impl Broker {
    /// Passes a message on to everybody who wants it, one message after the other [MQTT-4.6.0-5..6], and keeps it if it
    /// is to be retained.  Says whether anybody wanted it; refused where no more can be kept.
    pub fn publish(&mut self, message: Message, now: Instant) -> Result<bool, Refusal> {
        self.publish_once(Arc::new(message), None, now)
    }

    /// The same for a message of QoS 2, of which it is written down that it came.
    pub fn publish_once(
        &mut self,
        message: Arc<Message>,
        incoming: Option<Incoming>,
        now: Instant,
    ) -> Result<bool, Refusal> {
        // First, because a message that is refused is passed on to nobody.
        // [MQTT-3.3.1-8]
        if message.retain {
            self.retained.keep(message.clone(), now)?;
        }
        if let Some((session, id)) = incoming {
            self.ledger.add(Entry::Incoming(session, id, Progress::Taken));
        }
        if message.retain && self.ledger.is_on() && keeps(&self.topics, &message) {
            self.ledger.add(match message.is_empty() {
                true => Entry::Clear(message.topic.clone()),
                false => Entry::Retain(message.clone()),
            });
        }
        let reading = self.topics.reading(&message.topic);
        let (mut matches, mut picked) = (Vec::<Match>::new(), Vec::new());
        self.tree.matching(&message.topic, |found| match found {
            Found::Own(id, subscription) => {
                matches.extend(self.matching(id, subscription, &message, reading))
            }
            Found::Shared(group) => picked.extend(self.pick(group, &message, reading)),
        });
        // Overlapping subscriptions: one delivery, with the best quality and all identifiers [MQTT-3.3.4-2..4].
        matches.sort_by_key(|found| found.member);
        matches.dedup_by(|next, first| next.member == first.member && first.merge(next));
        let mut wanted = !matches.is_empty() || !picked.is_empty();
        let own = matches.into_iter().map(|found| {
            let delivery = Delivery {
                retain: message.retain && found.retain_as_published, // [MQTT-3.3.1-12..13]
                subscription_ids: found.ids,
                ..Delivery::new(message.clone(), message.qos.min(found.qos)) // [MQTT-3.8.4-8]
            };
            (found.member, delivery)
        });
        let shared = picked.into_iter().map(|picked| (picked.member, picked.delivery(&message)));
        self.deliver_all(own.chain(shared));
        wanted |= self.pass_to_line_client(&message);
        Ok(wanted)
    }

    /// Whether anybody would get a message of this topic.
    pub fn is_wanted(&self, topic: &TopicName) -> bool {
        let mut wanted = false;
        self.tree.matching(topic, |_| wanted = true);
        wanted
    }

    /// Gives what one of a group has not got, or not acknowledged, to another that is connected; false where there
    /// is none.
    pub(super) fn pass_to_another(&mut self, from: Option<SessionNumber>, delivery: &Delivery) -> bool {
        let group = delivery.share.as_ref().and_then(|share| self.tree.group(share));
        let reading = self.topics.reading(&delivery.message.topic);
        let Some(picked) = group.and_then(|group| self.pick_connected(group, reading)) else {
            return false;
        };
        if delivery.number != 0 {
            self.ledger.of(from, |session| Entry::Done(session, delivery.number));
        }
        self.deliver_all(std::iter::once((picked.member, picked.delivery(&delivery.message))));
        true
    }

    /// Gives what one of a group has not acknowledged, and what waits for it, to others, connected or not.
    pub(super) fn share_again(
        &mut self,
        from: Option<SessionNumber>,
        sent: &[UnderWay],
        waiting: &LongQueue<Delivery>,
    ) {
        for delivery in sent.iter().filter_map(UnderWay::shared).chain(waiting) {
            let group = delivery.share.as_ref().and_then(|share| self.tree.group(share));
            let reading = self.topics.reading(&delivery.message.topic);
            if let Some(picked) = group.and_then(|group| self.pick(group, &delivery.message, reading)) {
                let again = picked.delivery(&delivery.message);
                if delivery.number != 0 {
                    self.ledger.of(from, |session| Entry::Done(session, delivery.number));
                }
                self.deliver_all(std::iter::once((picked.member, again)));
            }
        }
    }

    fn matching(
        &self,
        member: MemberId,
        subscription: &Subscription,
        message: &Message,
        reading: Reading<'_>,
    ) -> Option<Match> {
        let SubscribeOptions { qos, no_local, retain_as_published, .. } = subscription.options;
        let principal = self.reader(member, reading)?;
        // [MQTT-3.8.3-3] No Local: not to the connection that published it.
        let echo = no_local && message.sender.as_ref() == Some(&principal.client);
        let ids = subscription.id.into_iter().collect();
        (!echo).then_some(Match { member, qos, retain_as_published, ids })
    }

    /// Whose turn it is: of those that are connected, or else of those whose session waits for them.
    fn pick(&self, group: &Group, message: &Message, reading: Reading<'_>) -> Option<Picked> {
        self.pick_connected(group, reading).or_else(|| {
            let waits = |(id, subscription): &(MemberId, &Subscription)| {
                message.qos.min(subscription.options.qos) != QoS::AtMostOnce
                    && self.reader(*id, reading).is_some()
                    && self.absents.has_room(*id, message)
            };
            group.in_turn().find(waits).map(|(id, subscription)| Picked::new(group, id, subscription))
        })
    }

    /// The next one that keeps up, or that for which least is waiting.
    fn pick_connected(&self, group: &Group, reading: Reading<'_>) -> Option<Picked> {
        let mut best: Option<(usize, MemberId, &Subscription)> = None;
        for (id, subscription) in group.in_turn() {
            let Some(waiting) = self.members.get(&id).and_then(|member| member.outbox.waiting()) else {
                continue;
            };
            if best.is_none_or(|(least, ..)| waiting < least) && self.reader(id, reading).is_some() {
                best = Some((waiting, id, subscription));
                if waiting == 0 {
                    break;
                }
            }
        }
        best.map(|(_, id, subscription)| Picked::new(group, id, subscription))
    }

    /// Whose session it is, if the message is for its eyes.
    fn reader(&self, id: MemberId, reading: Reading<'_>) -> Option<&Principal> {
        let present = self.members.get(&id).map(|member| &member.principal);
        let principal = present.or_else(|| self.absents.get(id).map(|absent| &absent.principal))?;
        access::read(principal, reading).then_some(principal)
    }

    /// Delivers what belongs together, after it was written down: who gets it may write down at once what it does
    /// with it.
    fn deliver_all(&mut self, deliveries: impl Iterator<Item = (MemberId, Delivery)>) {
        if !self.ledger.is_on() {
            return deliveries.for_each(|(id, delivery)| self.deliver(id, delivery));
        }
        let mut numbered: Vec<_> = deliveries.collect();
        for (id, delivery) in &mut numbered {
            self.number(*id, delivery);
        }
        self.ledger.commit();
        numbered.into_iter().for_each(|(id, delivery)| self.deliver(id, delivery));
        // What there was no room for.
        self.ledger.commit();
    }

    /// Writes down what is for a session that is written down, and numbers it.
    pub(super) fn number(&mut self, id: MemberId, delivery: &mut Delivery) {
        let Some(session) = self.session(id) else { return };
        let fits = self.members.contains_key(&id) || self.absents.has_room(id, &delivery.message);
        if delivery.qos != QoS::AtMostOnce && fits && keeps(&self.topics, &delivery.message) {
            delivery.number = self.ledger.number();
            self.ledger.add(Entry::Queue(session, delivery.clone()));
        }
    }

    /// Delivers a message; what has no room is done with.
    pub(super) fn deliver(&mut self, id: MemberId, delivery: Delivery) {
        let number = delivery.number;
        let lost = match self.members.get(&id) {
            Some(member) => member.outbox.deliver(delivery).is_some(),
            None => !self.absents.queue(id, delivery) && number != 0,
        };
        if lost {
            self.ledger.of(self.session(id), |session| Entry::Done(session, number));
        }
    }

    /// Under which number the session of a member is written down, connected or not.
    fn session(&self, id: MemberId) -> Option<SessionNumber> {
        let present = self.members.get(&id).and_then(|member| member.session);
        present.or_else(|| self.absents.get(id).and_then(|absent| absent.session))
    }

    /// A client of the line protocol gets its messages without subscribing.
    fn pass_to_line_client(&self, message: &Arc<Message>) -> bool {
        if let Body::Alert(news, _) = &message.body {
            return self.pass_to_line_clients(&news.alert.device, message);
        }
        let (Space::Message(client) | Space::Notice(client)) = self.topics.space(&message.topic) else {
            return false;
        };
        match self.find(client) {
            Some(member) if member.principal.protocol == Protocol::Line => {
                member.outbox.deliver(Delivery::new(message.clone(), QoS::AtMostOnce));
                true
            }
            _ => false,
        }
    }
}

impl Broker {
    /// Tells clients of the line protocol of an alert: those who have subscribed to the device, which is its state.
    fn pass_to_line_clients(&self, device: &DeviceName, message: &Arc<Message>) -> bool {
        let Some(state) = self.topics.states(device).first() else { return false };
        let reading = self.topics.reading(state);
        let mut told = BTreeSet::new();
        self.tree.matching(state, |found| {
            let Found::Own(id, _) = found else { return };
            let reader = self.reader(id, reading);
            if reader.is_some_and(|reader| reader.protocol == Protocol::Line) {
                told.insert(id);
            }
        });
        for member in told.iter().filter_map(|id| self.members.get(id)) {
            member.outbox.deliver(Delivery::new(message.clone(), QoS::AtMostOnce));
        }
        !told.is_empty()
    }
}

impl Match {
    /// Takes over what another subscription of the same member adds; true, because it always can.
    fn merge(&mut self, other: &mut Match) -> bool {
        self.qos = self.qos.max(other.qos);
        self.retain_as_published |= other.retain_as_published;
        self.ids.append(&mut other.ids);
        true
    }
}

impl Picked {
    fn new(group: &Group, member: MemberId, subscription: &Subscription) -> Picked {
        group.served(member);
        Picked { member, share: group.filter().clone(), subscription: *subscription }
    }

    fn delivery(&self, message: &Arc<Message>) -> Delivery {
        let SubscribeOptions { qos, retain_as_published, .. } = self.subscription.options;
        Delivery {
            retain: message.retain && retain_as_published,
            subscription_ids: self.subscription.id.into_iter().collect(),
            share: Some(self.share.clone()),
            ..Delivery::new(message.clone(), message.qos.min(qos)) // [MQTT-4.8.2-3]
        }
    }
}
