//! PUBLISH from a client: a command for the hardware thread, a message for the bus, or neither.

use std::time::{Duration, Instant};

use log::warn;

use super::broker::Incoming;
use super::connect::ALIASES;
use super::outgoing::Dup;
use super::session::{Answer, Receipt, Request, Respond, Session, Violation};
use super::translate;
use crate::domain::{Audit, ClientId, Code, Deed, Refusal, Target};
use crate::gateway::pace::TooFast;
use crate::gateway::{Body, LEVELS, Message, Space, access};
use crate::wire::mqtt::{Properties, Property, Publish, QoS, ReasonCode, TopicName};

/// The longest value of a variable and of a message to a client, so that it fits into a frame of the line protocol.
const LONGEST_VALUE: usize = 1024;
/// After so many publications, or so many bytes of them, the bus is asked for an answer, so that no client is ever
/// far ahead of it.
const UNANSWERED: (usize, usize) = (16, 64 << 10);

impl Session {
    /// Takes a PUBLISH; an error ends the connection.
    pub(super) fn publish(
        &mut self,
        publish: Publish,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<(), Violation> {
        if publish.properties.subscription_ids().next().is_some() {
            return Err((ReasonCode::ProtocolError, "a subscription identifier from a client")); // [MQTT-3.3.4-6]
        }
        let topic = self.topic(&publish)?;
        // [MQTT-3.3.4-1]
        let receipt = match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => Receipt::Puback(id),
            (QoS::ExactlyOnce, Some(id)) => Receipt::Pubrec(id),
            _ => Receipt::None,
        };
        let dup = if publish.dup { Dup::Again } else { Dup::First };
        if !self.is_new(receipt, dup, out)? {
            return Ok(());
        }
        let mut receiver = None;
        let refused = match self.shared.topics.space(&topic) {
            Space::Set(target) => return self.command(Some(target), receipt, publish, &topic, now, out),
            Space::Rpc => return self.command(None, receipt, publish, &topic, now, out),
            Space::Free => self.denied(&topic),
            Space::Variable => self.denied(&topic).or_else(|| value(&publish.payload)),
            Space::Message(_) if publish.retain => {
                Some(Refusal::new(Code::RetainedCommand, "a message to a client is not retained"))
            }
            Space::Message(client) => match ClientId::parse(client) {
                Ok(client) => {
                    receiver = Some(client);
                    self.denied(&topic).or_else(|| value(&publish.payload))
                }
                Err(_) => Some(Refusal::new(Code::UnknownClient, format!("{topic} names no client"))),
            },
            Space::Response(_) | Space::Notice(_) | Space::Reserved => {
                Some(Refusal::new(Code::AccessDenied, format!("only the gatekeeper publishes to {topic}")))
            }
            Space::Nonsense => Some(Refusal::new(Code::UnknownDevice, format!("{topic} names no device"))),
            Space::Deep => {
                Some(Refusal::new(Code::LimitReached, format!("a topic has at most {LEVELS} levels")))
            }
        };
        let text = publish.properties.payload_is_text();
        let refused = refused.or_else(|| {
            let lies = text && std::str::from_utf8(&publish.payload).is_err();
            lies.then(|| Refusal::new(Code::Malformed, "the payload is declared as UTF-8 and is not"))
        });
        if let Some(refusal) = refused {
            return self.refuse_publication(receipt, &topic, refusal, now, out);
        }
        self.pass_on(receipt, publish, topic, receiver, now);
        Ok(())
    }

    /// Why the client may not publish here.
    fn denied(&self, topic: &TopicName) -> Option<Refusal> {
        access::publish(&self.shared.topics, &self.principal, topic).err()
    }

    /// The topic of a publication, which may be named by an alias alone.
    fn topic(&mut self, publish: &Publish) -> Result<TopicName, Violation> {
        let Some(alias) = publish.properties.topic_alias() else {
            return publish.topic.clone().ok_or((ReasonCode::ProtocolError, "a publication without a topic"));
        };
        if alias > ALIASES {
            // [MQTT-3.3.2-9]
            return Err((ReasonCode::TopicAliasInvalid, "the topic alias is above the Topic Alias Maximum"));
        }
        if let Some(topic) = &publish.topic {
            self.aliases.insert(alias, topic.clone());
        }
        // [MQTT-3.3.2-7] What an alias means is said on this connection; [MQTT-3.3.2-12] all of them may be used.
        let topic = self.aliases.get(&alias).cloned();
        topic.ok_or((ReasonCode::ProtocolError, "a topic alias that means nothing yet"))
    }

    /// Hands a message to the bus: for one receiver, who has to be there, or for whoever has subscribed.
    fn pass_on(
        &mut self,
        receipt: Receipt,
        publish: Publish,
        topic: TopicName,
        receiver: Option<ClientId>,
        now: Instant,
    ) {
        let Publish { qos, retain, mut properties, payload, .. } = publish;
        let expires = expiry(&properties, now);
        // The others are for the subscribers, as they are: [MQTT-3.3.2-4] [MQTT-3.3.2-15..18] [MQTT-3.3.2-20].
        let own = |p: &Property| matches!(p, Property::MessageExpiryInterval(_) | Property::TopicAlias(_));
        properties.retain(|property| !own(property));
        self.unanswered.0 += 1;
        self.unanswered.1 += payload.len();
        let sender = Some(self.principal.client.clone());
        let message = Message { topic, body: Body::Bytes(payload), qos, retain, properties, expires, sender };
        if let Some(receiver) = receiver {
            let ticket = self.requests.push(Request::Publish(receipt));
            self.unanswered = (0, 0);
            let answer = (self.outbox.clone(), ticket);
            return self.shared.bus.send(receiver, message, answer, self.incoming(receipt));
        }
        let late = self.unanswered.0 >= UNANSWERED.0 || self.unanswered.1 >= UNANSWERED.1;
        let answer = (receipt != Receipt::None || late).then(|| {
            self.unanswered = (0, 0);
            (self.outbox.clone(), self.requests.push(Request::Publish(receipt)))
        });
        self.shared.bus.publish_once(message, answer, self.incoming(receipt));
    }

    /// What is written down of a message of QoS 2.
    fn incoming(&self, receipt: Receipt) -> Option<Incoming> {
        match (self.number, receipt) {
            (Some(number), Receipt::Pubrec(id)) => Some((number, id)),
            _ => None,
        }
    }

    fn command(
        &mut self,
        target: Option<Target>,
        receipt: Receipt,
        publish: Publish,
        topic: &TopicName,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<(), Violation> {
        let Publish { retain, properties, payload, .. } = publish;
        let respond = match self.respond_to(target.is_none(), &properties) {
            Ok(respond) => respond,
            Err(refusal) => return self.refuse_publication(receipt, topic, refusal, now, out),
        };
        let ticket = self.requests.push(Request::Command(receipt, respond));
        if let Err(TooFast { refusal, audited }) = self.orders.admit(now) {
            audited.map(|audited| self.audit(topic, audited));
            self.requests.answer(ticket, Answer::Outcome(Err(refusal)));
            return self.write_answers(now, out);
        }
        let order = if retain {
            // It would act again after every restart, long after anybody meant it.
            Err(Refusal::new(
                Code::RetainedCommand,
                "a command is not retained; send it without the retain flag",
            ))
        } else {
            match target {
                Some(target) => translate::set(target, &payload),
                None => translate::rpc(&payload),
            }
        };
        let allowed = order.and_then(|mut order| {
            access::order(&self.shared.registry, &self.principal, &mut order)?;
            Ok(order)
        });
        match allowed {
            Ok(order) => {
                self.orders.add(&self.principal, order, expiry(&properties, now), &self.outbox, ticket);
            }
            Err(refusal) => {
                let refusal = self.audit(topic, refusal);
                self.requests.answer(ticket, Answer::Outcome(Err(refusal)));
                return self.write_answers(now, out);
            }
        }
        Ok(())
    }

    /// Where the outcome is wanted: at the Response Topic, or for the RPC topic at the client's own.
    fn respond_to(&self, is_rpc: bool, properties: &Properties) -> Result<Option<Respond>, Refusal> {
        let own = self.client();
        let topic = match properties.response_topic() {
            // What the client could not publish itself, it can't have published for it.
            Some(topic) => match self.shared.topics.space(topic) {
                Space::Free => {
                    access::publish(&self.shared.topics, &self.principal, topic)?;
                    topic.clone()
                }
                Space::Response(client) if client == own.as_str() => topic.clone(),
                _ => {
                    let message = format!("the response topic {topic} is not one that this client may use");
                    return Err(Refusal::new(Code::AccessDenied, message));
                }
            },
            None if is_rpc => self.shared.topics.response(own.as_str()),
            None => return Ok(None),
        };
        Ok(Some(Respond { topic, correlation_data: properties.correlation_data().map(<[u8]>::to_vec) }))
    }

    fn refuse_publication(
        &mut self,
        receipt: Receipt,
        topic: &TopicName,
        refusal: Refusal,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<(), Violation> {
        let refusal = self.audit(topic, refusal);
        let ticket = self.requests.push(Request::Publish(receipt));
        self.requests.answer(ticket, Answer::Done(Err(refusal)));
        self.write_answers(now, out)
    }

    fn audit(&self, topic: &TopicName, refusal: Refusal) -> Refusal {
        warn!("{}: {topic}: {refusal}", self.client());
        let deed = Deed::Other(topic.to_string(), "publish".to_owned());
        self.shared.bus.audit(Audit::refusal(self.principal.clone(), deed, &refusal));
        refusal
    }
}

/// What is wrong with the value of a variable or of a message to a client.
fn value(payload: &[u8]) -> Option<Refusal> {
    if std::str::from_utf8(payload).is_err() {
        return Some(Refusal::new(Code::Malformed, "the payload is not UTF-8"));
    }
    let long = payload.len() > LONGEST_VALUE;
    long.then(|| Refusal::new(Code::OutOfRange, format!("the payload has at most {LONGEST_VALUE} bytes")))
}

fn expiry(properties: &Properties, now: Instant) -> Option<Instant> {
    properties.message_expiry().map(|seconds| now + Duration::from_secs(u64::from(seconds)))
}
