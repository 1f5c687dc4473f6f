//! What is sent to one client: packet identifiers, what is under way, and what is too large or too late.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Instant;

use log::{debug, error};

use super::kept::{Awaited, UnderWay};
use crate::gateway::{Counters, Delivery};
use crate::wire::mqtt::{
    Acknowledge, Packet, PacketId, Property, PublishView, QoS, ReasonCode, TopicName, Version, encode,
};

/// The messages that this client has not acknowledged yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    version: Version,
    receive_maximum: usize,
    maximum_packet: usize,
    next: PacketId,
    under_way: VecDeque<UnderWay>,
    /// The bytes of those, about, and how many there may be.
    bytes: usize,
    maximum_bytes: usize,
    /// What an earlier connection left under way and this one has still to send again.
    again: VecDeque<UnderWay>,
    /// The aliases that the client knows the topics by.
    aliases: HashMap<TopicName, NonZeroU16>,
    maximum_aliases: usize,
    /// What is to be written down of messages that have a number.
    steps: Vec<Step>,
    counters: Arc<Counters>,
}

/// What became of a message, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is about to be sent under this identifier.
    Sent(u64, PacketId),
    /// Only the PUBREL for this identifier remains.
    Received(u64, PacketId),
    /// It is done with.
    Done(u64),
}

/// Whether a packet may repeat an earlier one [MQTT-3.3.1-1], whatever its publisher said of his [MQTT-3.3.1-3].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dup {
    First,
    Again,
}

/// So many topics of a client get an alias, however many it would take.
const ALIASES: usize = 32;

/// So many messages are taken at once, and may be under way, however many the client would take.
const BATCH: usize = 256;

impl Outgoing {
    pub(super) fn new(
        version: Version,
        receive_maximum: NonZeroU16,
        maximum_packet: usize,
        maximum_aliases: u16,
        maximum_bytes: usize,
        counters: Arc<Counters>,
    ) -> Outgoing {
        Outgoing {
            version,
            receive_maximum: usize::from(receive_maximum.get()).min(BATCH),
            maximum_packet,
            next: PacketId::MIN,
            under_way: VecDeque::new(),
            bytes: 0,
            maximum_bytes,
            again: VecDeque::new(),
            aliases: HashMap::new(),
            maximum_aliases: usize::from(maximum_aliases).min(ALIASES),
            steps: Vec::new(),
            counters,
        }
    }

    /// How many more messages may be sent before one is acknowledged [MQTT-3.3.4-9] [MQTT-4.9.0-1..2].  Only messages
    /// wait for it, and no other packets [MQTT-3.3.4-10].
    pub(super) fn room(&self) -> usize {
        // [MQTT-4.6.0-1] What was sent before comes first.
        if !self.again.is_empty() || self.bytes >= self.maximum_bytes {
            return 0;
        }
        self.receive_maximum.saturating_sub(self.under_way.len())
    }

    /// What has happened since this was last asked.
    pub(super) fn steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Takes over what an earlier connection left under way.
    pub(super) fn resume(&mut self, under_way: Vec<UnderWay>) {
        self.again = under_way.into();
    }

    /// What is under way when the connection ends.
    pub(super) fn hand_back(&mut self) -> Vec<UnderWay> {
        self.bytes = 0;
        self.under_way.drain(..).chain(self.again.drain(..)).collect()
    }

    /// Sends again, in order, as much as the client may have under way [MQTT-4.4.0-1].
    pub(super) fn send_again(&mut self, now: Instant, out: &mut Vec<u8>) {
        while self.under_way.len() < self.receive_maximum {
            let Some(mut again) = self.again.pop_front() else { return };
            let sent = match &again.delivery {
                Some(delivery) => self.write(delivery, Some(again.id), Dup::Again, now, out),
                None => false,
            };
            if !sent && again.awaited != Awaited::Puback {
                // Also for what can't be sent to this connection: the identifier may still mean something to the
                // client, which would take the next message with it for the same.
                if again.awaited == Awaited::Pubrec {
                    self.note(again.number, |number| Step::Received(number, again.id));
                }
                (again.awaited, again.delivery) = (Awaited::Pubcomp, None);
                self.release(again.id, out);
            } else if !sent {
                self.note(again.number, Step::Done);
                continue;
            }
            self.add(again);
        }
    }

    /// Writes a message for the first time: [MQTT-4.3.1-1] [MQTT-4.3.2-1..2] [MQTT-4.3.3-1..2].
    pub(super) fn send(&mut self, delivery: &Delivery, now: Instant, out: &mut Vec<u8>) {
        let awaited = match delivery.qos {
            QoS::AtMostOnce => {
                self.write(delivery, None, Dup::First, now, out);
                return;
            }
            QoS::AtLeastOnce => Awaited::Puback,
            QoS::ExactlyOnce => Awaited::Pubrec,
        };
        let Some(id) = self.free_id() else { return };
        let number = delivery.number;
        if self.write(delivery, Some(id), Dup::First, now, out) {
            self.note(number, |number| Step::Sent(number, id));
            self.add(UnderWay { id, awaited, delivery: Some(delivery.clone()), number });
        } else {
            self.note(number, Step::Done);
        }
    }

    fn note(&mut self, number: u64, step: impl FnOnce(u64) -> Step) {
        if number != 0 {
            self.steps.push(step(number));
        }
    }

    fn release(&self, id: PacketId, out: &mut Vec<u8>) {
        if let Err(malformed) = encode(&Packet::Pubrel(Acknowledge::success(id)), self.version, out) {
            error!("a packet of our own can't be written: {malformed}");
        }
    }

    fn add(&mut self, under_way: UnderWay) {
        self.bytes += under_way.weight();
        self.under_way.push_back(under_way);
    }

    /// Writes a PUBLISH; false where it is not sent.
    fn write(
        &mut self,
        delivery: &Delivery,
        packet_id: Option<PacketId>,
        dup: Dup,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> bool {
        let message = &delivery.message;
        let mut own: Vec<Property> =
            delivery.subscription_ids.iter().map(|id| Property::SubscriptionIdentifier(*id)).collect();
        if let Some(expires) = message.expires {
            // [MQTT-3.3.2-5] A message whose time has passed is not sent, unless [MQTT-4.3.3-7] it was sent before;
            // [MQTT-3.3.2-6] else what is left of its time is.
            let left = expires.saturating_duration_since(now).as_secs();
            if expires <= now && dup == Dup::First {
                self.counters.dropped.expired.add(1);
                return false;
            }
            own.push(Property::MessageExpiryInterval(u32::try_from(left).unwrap_or(u32::MAX)));
        }
        // The first of its topic says the name and its alias, the others only the alias.
        let known = self.aliases.get(&message.topic).copied();
        let mut alias = known.or_else(|| self.next_alias());
        let plain = own.len();
        own.extend(alias.map(Property::TopicAlias));
        let mut publish = PublishView {
            dup: dup == Dup::Again,
            qos: delivery.qos,
            retain: delivery.retain,
            topic: if known.is_some() { None } else { Some(&message.topic) },
            packet_id,
            properties: message.properties.as_slice(),
            delivery_properties: &own,
            payload: message.payload(),
        };
        if known.is_none() && !self.fits(&publish) {
            // A new alias makes the packet longer, and nobody asked for it.
            publish.delivery_properties = &own[..plain];
            alias = None;
        }
        // [MQTT-3.1.2-24..25] What is too large for this client is dropped for it alone.
        if !self.fits(&publish) {
            debug!("{}: larger than the client's maximum packet size", message.topic);
            self.counters.dropped.too_large.add(1);
            return false;
        }
        if let Err(malformed) = publish.encode(self.version, out) {
            error!("{}: can't be sent: {malformed}", message.topic);
            return false;
        }
        if let (None, Some(alias)) = (known, alias) {
            self.aliases.insert(message.topic.clone(), alias);
        }
        true
    }

    fn fits(&self, publish: &PublishView<'_>) -> bool {
        self.maximum_packet == usize::MAX || publish.encoded_size(self.version) <= self.maximum_packet
    }

    /// An alias for one more topic, if the client takes any [MQTT-3.1.2-26..27] [MQTT-3.3.2-11].
    fn next_alias(&self) -> Option<NonZeroU16> {
        let count = self.aliases.len();
        if count >= self.maximum_aliases {
            return None;
        }
        u16::try_from(count + 1).ok().and_then(NonZeroU16::new)
    }

    /// PUBACK: a message of QoS 1 has arrived, or is not wanted [MQTT-4.4.0-2], and then by nobody else of its
    /// group either [MQTT-4.8.2-6]; true if it was under way.
    pub(super) fn acknowledged(&mut self, id: PacketId) -> bool {
        self.done(id, Awaited::Puback)
    }

    /// PUBREC: a message of QoS 2 has arrived, or is not wanted.  Says how the PUBREL is to answer, or that there is
    /// none, because the client has ended the exchange with an error [MQTT-4.3.3-4] [MQTT-4.4.0-2].
    pub(super) fn received(&mut self, id: PacketId, reason: ReasonCode) -> Option<ReasonCode> {
        if reason.is_error() {
            self.done(id, Awaited::Pubrec);
            return None;
        }
        let known =
            self.under_way.iter_mut().find(|known| known.id == id && known.awaited != Awaited::Puback);
        Some(match known {
            Some(known) => {
                // It is not sent again [MQTT-4.3.3-6].
                let is_new = known.awaited == Awaited::Pubrec;
                let number = known.number;
                self.bytes -= known.weight();
                (known.awaited, known.delivery) = (Awaited::Pubcomp, None);
                self.bytes += known.weight();
                if is_new {
                    self.note(number, |number| Step::Received(number, id));
                }
                ReasonCode::Success
            }
            None => ReasonCode::PacketIdentifierNotFound,
        })
    }

    /// PUBCOMP: a message of QoS 2 is done with.
    pub(super) fn completed(&mut self, id: PacketId) -> bool {
        self.done(id, Awaited::Pubcomp)
    }

    fn done(&mut self, id: PacketId, awaited: Awaited) -> bool {
        let place = self.under_way.iter().position(|known| known.id == id && known.awaited == awaited);
        let done = place.and_then(|place| self.under_way.remove(place));
        self.bytes -= done.as_ref().map_or(0, UnderWay::weight);
        if let Some(done) = &done {
            self.note(done.number, Step::Done);
        }
        done.is_some()
    }

    /// [MQTT-2.2.1-4] An identifier that is not in use.
    fn free_id(&mut self) -> Option<PacketId> {
        // So many are in use, so that one more is free unless all 65535 are.
        for _ in 0..=self.under_way.len() + self.again.len() {
            let id = self.next;
            self.next = self.next.checked_add(1).unwrap_or(PacketId::MIN);
            if !self.under_way.iter().chain(&self.again).any(|known| known.id == id) {
                return Some(id);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateway::Message;
    use crate::wire::mqtt::{Packet, Publish, Split, TopicName, decode, split};

    fn delivery(qos: QoS, payload: &str) -> Delivery {
        let message = Message::own(TopicName::parse("a").expect("valid"), payload, false);
        Delivery::new(Arc::new(message), qos)
    }

    fn sent(out: &[u8]) -> Vec<Publish> {
        let (mut rest, mut publishes) = (out, Vec::new());
        while let Split::Packet { frame, length } = split(rest, usize::MAX).expect("our own packets") {
            match decode(&frame, Version::V5) {
                Ok(Packet::Publish(publish)) => publishes.push(publish),
                other => panic!("{other:?}"),
            }
            rest = &rest[length..];
        }
        publishes
    }

    fn outgoing(receive_maximum: u16, maximum_packet: usize) -> Outgoing {
        let receive_maximum = NonZeroU16::new(receive_maximum).expect("not 0");
        Outgoing::new(Version::V5, receive_maximum, maximum_packet, 0, 1000, Arc::default())
    }

    // [MQTT-4.9.0-1..2]
    #[test]
    fn the_window_closes_and_opens() {
        let mut outgoing = outgoing(2, usize::MAX);
        let (mut out, now) = (Vec::new(), Instant::now());
        assert_eq!(outgoing.room(), 2);
        for payload in ["1", "2"] {
            outgoing.send(&delivery(QoS::AtLeastOnce, payload), now, &mut out);
        }
        assert_eq!(outgoing.room(), 0);
        let ids: Vec<_> = sent(&out).iter().filter_map(|publish| publish.packet_id).collect();
        assert!(outgoing.acknowledged(ids[0]) && !outgoing.acknowledged(ids[0]));
        assert_eq!(outgoing.room(), 1);
    }

    #[test]
    fn a_message_of_quality_2_is_under_way_until_it_is_complete() {
        let mut outgoing = outgoing(1, usize::MAX);
        let (mut out, now) = (Vec::new(), Instant::now());
        outgoing.send(&delivery(QoS::ExactlyOnce, "1"), now, &mut out);
        let id = sent(&out)[0].packet_id.expect("QoS 2");
        assert!(!outgoing.acknowledged(id) && !outgoing.completed(id), "not yet");
        for _ in 0..2 {
            assert_eq!(outgoing.received(id, ReasonCode::Success), Some(ReasonCode::Success));
            assert_eq!(outgoing.room(), 0);
        }
        assert!(outgoing.completed(id));
        assert_eq!(outgoing.received(id, ReasonCode::Success), Some(ReasonCode::PacketIdentifierNotFound));
        outgoing.send(&delivery(QoS::ExactlyOnce, "2"), now, &mut out);
        let id = sent(&out)[1].packet_id.expect("QoS 2");
        assert_eq!(outgoing.received(id, ReasonCode::QuotaExceeded), None);
        assert_eq!(outgoing.room(), 1);
    }

    #[test]
    fn what_is_under_way_is_bounded_in_bytes_too() {
        let mut outgoing = outgoing(100, usize::MAX);
        let (mut out, now) = (Vec::new(), Instant::now());
        for _ in 0..2 {
            outgoing.send(&delivery(QoS::ExactlyOnce, &"x".repeat(400)), now, &mut out);
        }
        assert_eq!(outgoing.room(), 0);
        let ids: Vec<_> = sent(&out).iter().filter_map(|publish| publish.packet_id).collect();
        outgoing.received(ids[0], ReasonCode::Success);
        assert!(outgoing.room() > 0, "its payload is not kept any more");
        assert!(outgoing.completed(ids[0]));
        outgoing.received(ids[1], ReasonCode::QuotaExceeded);
        assert_eq!((outgoing.room(), outgoing.bytes), (100, 0));
    }

    // [MQTT-2.2.1-4]
    #[test]
    fn what_was_begun_is_ended_on_the_next_connection() {
        let now = Instant::now();
        let late = now + Duration::from_secs(60);
        let (mut first, mut out) = (outgoing(10, usize::MAX), Vec::new());
        let expires = Some(now + Duration::from_secs(9));
        let message = Message::own(TopicName::parse("a").expect("valid"), *b"expires", false);
        first.send(&Delivery::new(Arc::new(Message { expires, ..message }), QoS::ExactlyOnce), now, &mut out);
        first.send(&delivery(QoS::AtLeastOnce, "a payload of more than twenty bytes"), now, &mut out);
        first.send(&delivery(QoS::ExactlyOnce, "a payload of more than twenty bytes"), now, &mut out);
        let ids: Vec<_> = sent(&out).iter().filter_map(|publish| publish.packet_id).collect();
        let mut second = outgoing(10, 20);
        let (mut publish, mut release) = (Vec::new(), Vec::new());
        second.resume(first.hand_back());
        second.receive_maximum = 1;
        second.send_again(late, &mut publish);
        assert_eq!(sent(&publish)[0].packet_id, Some(ids[0]));
        second.receive_maximum = 10;
        second.send_again(late, &mut release);
        let Ok(Split::Packet { frame, length }) = split(&release, usize::MAX) else { panic!("a packet") };
        let pubrel = Packet::Pubrel(Acknowledge::success(ids[2]));
        assert_eq!((decode(&frame, Version::V5), length), (Ok(pubrel), release.len()));
        assert_eq!(second.room(), 8, "the one of QoS 1 is done with");
    }

    #[test]
    fn identifiers_in_use_are_passed_over() {
        let mut outgoing = outgoing(3, usize::MAX);
        let (mut out, now) = (Vec::new(), Instant::now());
        outgoing.send(&delivery(QoS::AtLeastOnce, "stays"), now, &mut out);
        for _ in 0..70_000 {
            out.clear();
            outgoing.send(&delivery(QoS::AtLeastOnce, "goes"), now, &mut out);
            let id = sent(&out)[0].packet_id.expect("QoS 1");
            assert_ne!(id, PacketId::MIN);
            assert!(outgoing.acknowledged(id));
        }
    }

    // [MQTT-3.1.2-24..25] [MQTT-3.3.2-5..6]
    #[test]
    fn what_is_too_large_or_too_late_is_not_sent() {
        let mut outgoing = outgoing(10, 20);
        let (mut out, now) = (Vec::new(), Instant::now());
        outgoing.send(&delivery(QoS::AtLeastOnce, "a payload of more than twenty bytes"), now, &mut out);
        let message = Message::own(TopicName::parse("a").expect("valid"), *b"x", false);
        let message = Arc::new(Message { expires: Some(now + Duration::from_secs(9)), ..message });
        let mut late = Delivery::new(message, QoS::AtMostOnce);
        outgoing.send(&late, now + Duration::from_secs(9), &mut out);
        assert!(out.is_empty());
        let dropped = &outgoing.counters.dropped;
        assert_eq!((dropped.too_large.value(), dropped.expired.value()), (1, 1));
        outgoing.send(&late, now + Duration::from_secs(2), &mut out);
        late.qos = QoS::AtLeastOnce;
        assert_eq!(sent(&out)[0].properties.message_expiry(), Some(7));
        assert_eq!(outgoing.room(), 10);
    }
    // [MQTT-4.3.3-7]
    #[test]
    fn what_was_sent_once_does_not_expire_any_more() {
        let mut first = outgoing(10, usize::MAX);
        let (mut out, now) = (Vec::new(), Instant::now());
        let message = Message::own(TopicName::parse("a").expect("valid"), *b"x", false);
        let late = Message { expires: Some(now + Duration::from_secs(9)), ..message };
        let late = Delivery { message: Arc::new(late), ..delivery(QoS::ExactlyOnce, "") };
        first.send(&late, now, &mut out);
        let mut second = outgoing(10, usize::MAX);
        second.resume(first.hand_back());
        out.clear();
        second.send_again(now + Duration::from_secs(10), &mut out);
        let again = &sent(&out)[0];
        assert_eq!((again.dup, again.properties.message_expiry()), (true, Some(0)));
    }

    // [MQTT-3.1.2-25]
    #[test]
    fn an_alias_does_not_make_a_message_too_large() {
        let maximum = NonZeroU16::MAX;
        let mut outgoing = Outgoing::new(Version::V5, maximum, 20, 10, 1000, Arc::default());
        let (mut out, now) = (Vec::new(), Instant::now());
        // Without an alias they have 11, 21 and 20 bytes.
        for payload in ["short", "fifteen letters", "14 characters."] {
            outgoing.send(&delivery(QoS::AtMostOnce, payload), now, &mut out);
            outgoing.aliases.clear();
        }
        let sent = sent(&out);
        let sent: Vec<_> =
            sent.iter().map(|publish| (publish.payload.len(), publish.properties.topic_alias())).collect();
        assert_eq!(sent, [(5, NonZeroU16::new(1)), (14, None)]);
    }
}
