//! Publishing: who gets a message.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use super::{Broker, MemberId};
use crate::domain::{Principal, Protocol, Refusal};
use crate::gateway::{Delivery, Message, Space, Topics};
use crate::wire::mqtt::{QoS, SubscribeOptions, TopicName};

/// What one delivery for one member is made of, while its subscriptions are collected.
struct Match {
    member: MemberId,
    qos: QoS,
    retain_as_published: bool,
    ids: Vec<NonZeroU32>,
}

impl Broker {
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

    /// A client of the line protocol gets its messages without subscribing.
    fn pass_to_line_client(&self, message: &Arc<Message>) -> bool {
        let Space::Message(client) = self.topics.space(&message.topic) else { return false };
        match self.find(client) {
            Some(member) if member.principal.protocol == Protocol::Line => {
                member.outbox.deliver(Delivery::new(message.clone(), QoS::AtMostOnce));
                true
            }
            _ => false,
        }
    }
}

/// Answers to one client, and messages to one client, are for that client alone, whatever others subscribe to.
pub(super) fn may_read(topics: &Topics, principal: &Principal, message: &Message) -> bool {
    match topics.space(&message.topic) {
        Space::Response(client) | Space::Message(client) => client == principal.client.as_str(),
        _ => true,
    }
}
