//! What a client that was taken asks for: its requests wait here for their answers, in their order.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::error;

use super::connect::WINDOW;
use super::kept::{Expiry, Keeping, Kept, Progress};
use super::outgoing::{Dup, Outgoing};
use super::outlet::Hold;
use super::received::{Exchange, Received};
use super::reception::{Reception, TooLarge};
use super::store::{Entry, SessionNumber};
use super::{json, reasons};
use crate::control::Now;
use crate::domain::{ClientId, Outcome, Principal, Refusal};
use crate::gateway::bus::Membership;
use crate::gateway::orders::Orders;
use crate::gateway::{Body, Delivery, Done, InOrder, Message, Note, Outbox, Shared, Space};
use crate::wire::mqtt::{
    Acknowledge, Connack, Packet, PacketId, Properties, Property, QoS, ReasonCode, Suback, Subscribe,
    SubscribeOptions, TopicFilter, TopicName, Unsuback, Unsubscribe, Version,
};

/// One client that was taken.
pub(super) struct Session {
    pub(super) shared: Shared,
    pub(super) outbox: Arc<Outbox>,
    pub(super) principal: Arc<Principal>,
    pub(super) reception: Reception,
    pub(super) requests: InOrder<Request, Answer>,
    /// Those of them that the hardware thread gets.
    pub(super) orders: Orders,
    /// What the client's topic aliases mean.
    pub(super) aliases: HashMap<NonZeroU16, TopicName>,
    /// Publications since the bus was last asked to answer one, and their bytes.
    pub(super) unanswered: (usize, usize),
    pub(super) membership: Membership,
    /// For how long it may be silent.
    silence: Option<Duration>,
    heard: Instant,
    keeping: Keeping,
    pub(super) outgoing: Outgoing,
    /// What it has published with QoS 1 and 2, until the last acknowledgement.
    pub(super) received: Received,
    /// Its subscriptions that its own responses match.
    private: Vec<(TopicFilter, SubscribeOptions, Option<std::num::NonZeroU32>)>,
    /// Under which number it is written down, what is to be of this turn, and whether the output waits for that.
    pub(super) number: Option<SessionNumber>,
    pub(super) entries: Vec<Entry>,
    pub(super) hold: Hold,
}

/// Something that the client asked for.
pub(super) enum Request {
    Connect(Connack),
    Publish(Receipt),
    Command(Receipt, Option<Respond>),
    Subscribe(PacketId),
    Unsubscribe(PacketId),
}

/// How a publication is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    /// QoS 0: not at all.
    None,
    /// QoS 1.
    Puback(PacketId),
    /// QoS 2.
    Pubrec(PacketId),
}

/// Where and how the outcome of a command is told.
pub(super) struct Respond {
    pub(super) topic: TopicName,
    pub(super) correlation_data: Option<Vec<u8>>,
}

/// What came of it.
pub(super) enum Answer {
    Outcome(Outcome),
    Done(Result<Done, Refusal>),
}

/// A packet that ends the connection: with which reason, and in words.
pub(super) type Violation = (ReasonCode, &'static str);

impl Session {
    /// Not part of the caller's frame, because every page of its stack that a client's thread has touched stays resident.
    #[inline(never)]
    #[allow(clippy::too_many_arguments, reason = "called once, from where each of them is made")]
    pub(super) fn new(
        shared: Shared,
        outbox: Arc<Outbox>,
        principal: Arc<Principal>,
        reception: Reception,
        silence: Option<Duration>,
        outgoing: Outgoing,
        now: Instant,
        requests: InOrder<Request, Answer>,
        membership: Membership,
        keeping: Keeping,
    ) -> Box<Session> {
        Box::new(Session {
            orders: Orders::new(&shared),
            shared,
            outbox,
            principal,
            reception,
            requests,
            aliases: HashMap::new(),
            unanswered: (0, 0),
            membership,
            silence,
            heard: now,
            keeping,
            outgoing,
            received: Received::default(),
            private: Vec::new(),
            number: None,
            entries: Vec::new(),
            hold: Hold::No,
        })
    }

    pub(super) fn version(&self) -> Version {
        self.reception.version
    }

    pub(super) fn client(&self) -> &ClientId {
        &self.principal.client
    }

    /// DISCONNECT with another Session Expiry Interval; false where there is none to change (section 3.14.2.2.2).
    pub(super) fn set_expiry(&mut self, expiry: Expiry) -> bool {
        if self.keeping.expiry == Expiry::AtOnce && expiry != Expiry::AtOnce {
            return false;
        }
        self.keeping.expiry = expiry;
        self.membership.set_expiry(expiry);
        true
    }

    /// Whether it outlives its connection.
    pub(super) fn is_kept(&self) -> bool {
        self.keeping.expiry != Expiry::AtOnce
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// When it will have been silent for too long; it has nothing to say before its CONNACK.
    pub(super) fn silent_until(&self) -> Option<Instant> {
        self.silence.filter(|_| !self.is_joining()).map(|silence| self.heard + silence)
    }

    /// Whether as many requests wait as may.
    pub(super) fn is_full(&self) -> bool {
        self.requests.len() >= usize::from(WINDOW)
    }

    /// Whether nothing that it asked for is still to be answered.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether the outcome of a command is still to come: it may be published, and its session wants to know it.
    pub(super) fn awaits_outcome(&self) -> bool {
        self.requests.requests().any(|request| matches!(request, Request::Command(..)))
    }

    pub(super) fn forget_will(&self) {
        self.membership.forget_will();
    }

    pub(super) fn room(&self) -> usize {
        // What belongs to its subscriptions comes after its CONNACK [MQTT-3.2.0-1].
        if self.is_joining() { 0 } else { self.outgoing.room() }
    }

    pub(super) fn deliver(&mut self, delivery: &Delivery, now: Instant, out: &mut Vec<u8>) {
        self.outgoing.send(delivery, now, out);
    }

    pub(super) fn acknowledged(&mut self, id: PacketId, now: Instant, out: &mut Vec<u8>) {
        self.outgoing.acknowledged(id);
        self.outgoing.send_again(now, out);
    }

    pub(super) fn completed(&mut self, id: PacketId, now: Instant, out: &mut Vec<u8>) {
        self.outgoing.completed(id);
        self.outgoing.send_again(now, out);
    }

    /// PUBREC from the client.
    pub(super) fn pubrec(&mut self, pubrec: &Acknowledge, out: &mut Vec<u8>) -> Result<(), Violation> {
        match self.outgoing.received(pubrec.packet_id, pubrec.reason) {
            Some(reason) => self.write(Packet::Pubrel(self.acknowledge(pubrec.packet_id, reason)), out),
            None => Ok(()),
        }
    }

    /// PUBREL from the client [MQTT-4.3.3-11]: what it publishes under this identifier from now on is new
    /// [MQTT-4.3.3-12].
    pub(super) fn pubrel(&mut self, pubrel: &Acknowledge, out: &mut Vec<u8>) -> Result<(), Violation> {
        let reason = self.received.end(pubrel.packet_id);
        if reason == ReasonCode::Success {
            self.write_down(|number| Entry::Released(number, pubrel.packet_id));
        }
        self.write(Packet::Pubcomp(self.acknowledge(pubrel.packet_id, reason)), out)
    }

    /// Takes note of a message of QoS 1 or 2; false when it is one that was received already [MQTT-4.3.3-10].
    pub(super) fn is_new(
        &mut self,
        receipt: Receipt,
        dup: Dup,
        out: &mut Vec<u8>,
    ) -> Result<bool, Violation> {
        match receipt {
            Receipt::None => Ok(true),
            // Whatever is marked as repeated: what was acknowledged before is new [MQTT-4.3.2-5].
            Receipt::Puback(_) => Ok(true),
            Receipt::Pubrec(id) => match self.received.exactly_once(id, dup)? {
                Exchange::New => Ok(true),
                Exchange::Waiting => Ok(false),
                Exchange::Taken => self.write(Packet::Pubrec(Acknowledge::success(id)), out).map(|()| false),
                Exchange::Unknown => {
                    let mut pubrec = self.acknowledge(id, ReasonCode::ImplementationSpecificError);
                    if self.version() == Version::V5 {
                        let words = "its first connection ended before it was known what came of it";
                        pubrec.properties.push(Property::ReasonString(words.to_owned()));
                    }
                    self.write(Packet::Pubrec(pubrec), out).map(|()| false)
                }
            },
        }
    }

    fn acknowledge(&self, packet_id: PacketId, reason: ReasonCode) -> Acknowledge {
        let mut acknowledge = Acknowledge::success(packet_id);
        if self.version() == Version::V5 {
            acknowledge.reason = reason;
        }
        acknowledge
    }

    pub(super) fn subscribe(&mut self, subscribe: Subscribe) {
        let Subscribe { packet_id, properties, filters } = subscribe;
        let subscription_id = properties.subscription_ids().next();
        let own = self.shared.topics.response(self.client().as_str());
        for (filter, options) in &filters {
            if filter.share().is_some() {
                continue;
            }
            // What is refused for being one too many is the last of many, and then its answers go by the bus.
            self.private.retain(|(known, ..)| known != filter);
            if filter.matches(&own) {
                self.private.push((filter.clone(), *options, subscription_id));
            }
        }
        let ticket = self.requests.push(Request::Subscribe(packet_id));
        self.membership.subscribe(filters, subscription_id, ticket);
    }

    pub(super) fn unsubscribe(&mut self, unsubscribe: Unsubscribe) {
        let Unsubscribe { packet_id, filters, .. } = unsubscribe;
        self.private.retain(|(known, ..)| !filters.contains(known));
        let ticket = self.requests.push(Request::Unsubscribe(packet_id));
        self.membership.unsubscribe(filters, ticket);
    }

    /// Takes an answer, and writes it and those that waited for it.
    pub(super) fn note(&mut self, note: Note, now: Instant, out: &mut Vec<u8>) -> Result<(), Violation> {
        match note {
            Note::Outcome(ticket, outcome) => self.requests.answer(ticket, Answer::Outcome(outcome)),
            Note::Done(ticket, done) => self.requests.answer(ticket, Answer::Done(done)),
            Note::Durable(_) | Note::Verdict(..) => {}
        }
        self.write_answers(now, out)
    }

    pub(super) fn write_answers(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<(), Violation> {
        while let Some((request, answer)) = self.requests.pop() {
            let packet = match (request, answer) {
                (Request::Connect(mut connack), answer) => {
                    let (kept, number) = match answer {
                        Answer::Done(Ok(Done::Joined(kept, number))) => (kept, number),
                        _ => (None, None),
                    };
                    self.number = number;
                    self.wait_for_the_disk();
                    connack.session_present = kept.is_some(); // [MQTT-3.2.2-2..3]
                    self.heard = now;
                    // [MQTT-3.1.4-5] The first of all requests, and the only one of its kind [MQTT-3.2.0-2].
                    self.write(Packet::Connack(connack), out)?;
                    if let Some(kept) = kept {
                        let Kept { under_way, received, private } = *kept;
                        self.received.resume(received);
                        self.private = private;
                        self.outgoing.resume(under_way);
                        self.outgoing.send_again(now, out);
                    }
                    continue;
                }
                (Request::Publish(receipt), Answer::Done(done)) => {
                    self.receipt(receipt, &done.map(|done| matches!(done, Done::Published(true))))
                }
                (Request::Publish(receipt), Answer::Outcome(outcome)) => {
                    self.receipt(receipt, &outcome.map(|_| true))
                }
                (Request::Command(receipt, respond), answer) => {
                    let outcome = match answer {
                        Answer::Outcome(outcome) => outcome,
                        Answer::Done(Err(refusal)) => Err(refusal),
                        Answer::Done(Ok(_)) => continue,
                    };
                    let packet =
                        self.receipt(receipt, &outcome.as_ref().map(|_| true).map_err(Refusal::clone));
                    if let Some(packet) = packet {
                        self.note_command(&packet);
                        self.write(packet, out)?;
                    }
                    if let Some(respond) = respond {
                        self.respond(respond, &outcome, now, out);
                    }
                    continue;
                }
                // [MQTT-3.8.4-1..2] [MQTT-2.2.1-6]
                (Request::Subscribe(packet_id), Answer::Done(Ok(Done::Subscribed(reasons)))) => {
                    self.wait_for_the_disk();
                    let reasons = reasons.into_iter().map(|reason| self.suback_reason(reason)).collect();
                    Some(Packet::Suback(Suback { packet_id, properties: Properties::new(), reasons }))
                }
                // [MQTT-3.10.4-4..5]
                (Request::Unsubscribe(packet_id), Answer::Done(Ok(Done::Unsubscribed(reasons)))) => {
                    self.wait_for_the_disk();
                    Some(Packet::Unsuback(Unsuback { packet_id, properties: Properties::new(), reasons }))
                }
                (Request::Subscribe(_) | Request::Unsubscribe(_), _) => {
                    error!("{}: an answer that fits no request", self.client());
                    None
                }
            };
            if let Some(packet) = packet {
                self.write(packet, out)?;
            }
        }
        Ok(())
    }

    /// PUBACK [MQTT-4.3.2-4] or PUBREC [MQTT-4.3.3-8] under the identifier of the PUBLISH [MQTT-2.2.1-5], with the
    /// outcome as far as this version can tell it; one whose time has passed has an outcome, too [MQTT-4.3.3-13].
    fn receipt(&mut self, receipt: Receipt, outcome: &Result<bool, Refusal>) -> Option<Packet> {
        let (Receipt::Puback(packet_id) | Receipt::Pubrec(packet_id)) = receipt else { return None };
        let mut acknowledge = Acknowledge::success(packet_id);
        // 3.1.1 has no way to say no: its clients learn it from the state that does not change.
        if self.version() == Version::V5 {
            match outcome {
                Ok(true) => {}
                Ok(false) => acknowledge.reason = ReasonCode::NoMatchingSubscribers,
                Err(refusal) => {
                    acknowledge.reason = reasons::of_command(refusal.code);
                    acknowledge.properties = reasons::words(refusal);
                }
            }
        }
        if let Receipt::Puback(_) = receipt {
            return Some(Packet::Puback(acknowledge));
        }
        if acknowledge.reason.is_error() {
            // The exchange ends with this, and the identifier is free again [MQTT-4.3.3-9].
            self.received.end(packet_id);
        } else {
            self.received.recorded(packet_id);
        }
        Some(Packet::Pubrec(acknowledge))
    }

    fn suback_reason(&self, reason: ReasonCode) -> ReasonCode {
        match self.version() {
            Version::V3 if reason.is_error() => ReasonCode::UnspecifiedError,
            _ => reason,
        }
    }

    /// Publishes the outcome of a command where the client wants it.
    fn respond(&mut self, respond: Respond, outcome: &Outcome, now: Instant, out: &mut Vec<u8>) {
        let payload = json::response(outcome, Now::read().epoch, respond.correlation_data.as_deref());
        let mut properties = Properties::new();
        properties.push(Property::PayloadFormatIndicator(true));
        properties.push(Property::ContentType("application/json".to_owned()));
        if let Some(data) = respond.correlation_data {
            properties.push(Property::CorrelationData(data));
        }
        let message = Message {
            topic: respond.topic,
            body: Body::Bytes(payload),
            qos: QoS::AtLeastOnce,
            retain: false,
            properties,
            expires: None,
            sender: None,
        };
        let is_private = matches!(self.shared.topics.space(&message.topic), Space::Response(_));
        if !is_private {
            return self.shared.bus.publish(message, None);
        }
        // Nobody but this client may read it, and this thread knows whether it wants to: no detour by the bus.
        let matching = || self.private.iter().filter(|(filter, ..)| filter.matches(&message.topic));
        let Some(qos) = matching().map(|(_, options, _)| options.qos).max() else { return };
        let subscription_ids = matching().filter_map(|(_, _, id)| *id).collect();
        let delivery =
            Delivery { subscription_ids, ..Delivery::new(Arc::new(message), qos.min(QoS::AtLeastOnce)) };
        if self.outgoing.room() > 0 {
            self.outgoing.send(&delivery, now, out);
        } else {
            self.outbox.deliver(delivery);
        }
    }

    pub(super) fn is_joining(&self) -> bool {
        matches!(self.requests.requests().next(), Some(Request::Connect(_)))
    }

    /// Writes an answer; a client that can't take it has no use for the connection.
    fn write(&self, packet: Packet, out: &mut Vec<u8>) -> Result<(), Violation> {
        let too_large = (ReasonCode::PacketTooLarge, "the answer is larger than the maximum packet size");
        self.reception.write(packet, out).map_err(|TooLarge| too_large)
    }
}

/// However the connection ends: a session that outlives it hands back what is under way, and not before that
/// [MQTT-4.1.0-1]; any other what others of a group may get instead.
impl Drop for Session {
    fn drop(&mut self) {
        self.write_down_the_rest();
        let mut under_way = self.outgoing.hand_back();
        if self.is_kept() {
            for request in self.requests.requests() {
                match request {
                    // The bus does what was posted.
                    Request::Publish(Receipt::Pubrec(id)) => self.received.settle(*id, Progress::Taken),
                    Request::Command(Receipt::Pubrec(id), _) => self.received.settle(*id, Progress::Unknown),
                    _ => {}
                }
            }
            let received = self.received.hand_back();
            let private = std::mem::take(&mut self.private);
            return self.membership.hand_back(Kept { under_way, received, private });
        }
        under_way.retain(|sent| sent.shared().is_some());
        if !under_way.is_empty() {
            self.membership.hand_back(Kept { under_way, ..Kept::default() });
        }
    }
}
