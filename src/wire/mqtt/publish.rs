//! PUBLISH: a message on its way (section 3.3).

use super::fields::{packet_id, put_text, put_u16, put_varint, text, varint_size};
use super::place::PUBLISH;
use super::properties::{encode_lists, lists_size};
use super::{Malformed, PacketId, PacketType, Properties, Property, QoS, TopicName, Version};
use crate::wire::reader::Reader;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Whether this packet may repeat an earlier one.
    pub dup: bool,
    /// How the message is delivered.
    pub qos: QoS,
    /// Whether the message is, or was, retained.
    pub retain: bool,
    /// Where the message goes; nothing when a topic alias says it alone.
    pub topic: Option<TopicName>,
    /// There exactly when `qos` is not [`QoS::AtMostOnce`].
    pub packet_id: Option<PacketId>,
    /// What belongs to the message or its delivery.
    pub properties: Properties,
    /// What the message says.
    pub payload: Vec<u8>,
}

/// A message to be written, whose parts may belong to many deliveries.
#[derive(Debug, Clone, Copy)]
pub struct PublishView<'a> {
    /// Whether this packet may repeat an earlier one.
    pub dup: bool,
    /// How the message is delivered.
    pub qos: QoS,
    /// Whether the receiver shall see it as retained.
    pub retain: bool,
    /// Where the message goes; nothing when a topic alias says it alone.
    pub topic: Option<&'a TopicName>,
    /// There exactly when `qos` is not [`QoS::AtMostOnce`].
    pub packet_id: Option<PacketId>,
    /// The properties of the message, which all receivers get.
    pub properties: &'a [Property],
    /// The properties of this delivery, such as subscription identifiers and the remaining expiry.
    pub delivery_properties: &'a [Property],
    /// What the message says.
    pub payload: &'a [u8],
}

/// The low four bits of a PUBLISH's first byte.
pub(super) struct PublishFlags {
    dup: bool,
    qos: QoS,
    retain: bool,
}

const DUP: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

impl PublishFlags {
    pub(super) fn parse(bits: u8) -> Result<PublishFlags, Malformed> {
        // [MQTT-3.3.1-4]
        let qos = QoS::from_bits(bits >> 1 & 0b11).ok_or(Malformed::packet("the QoS of a PUBLISH is 3"))?;
        let flags = PublishFlags { dup: bits & DUP != 0, qos, retain: bits & RETAIN != 0 };
        flags.check()?;
        Ok(flags)
    }

    fn bits(&self) -> u8 {
        (if self.dup { DUP } else { 0 }) | self.qos.bits() << 1 | (if self.retain { RETAIN } else { 0 })
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.dup && self.qos == QoS::AtMostOnce {
            return Err(Malformed::packet("a PUBLISH with QoS 0 is marked as repeated")); // [MQTT-3.3.1-2]
        }
        Ok(())
    }
}

impl Publish {
    pub(super) fn decode(flags: u8, reader: &mut Reader<'_>, version: Version) -> Result<Publish, Malformed> {
        let PublishFlags { dup, qos, retain } = PublishFlags::parse(flags)?;
        let name = text(reader)?; // [MQTT-3.3.2-1]
        let packet_id = match qos {
            QoS::AtMostOnce => None, // [MQTT-2.2.1-2]
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(packet_id(reader)?),
        };
        let properties = match version {
            Version::V3 => Properties::new(),
            Version::V5 => Properties::decode(reader, PUBLISH)?,
        };
        let topic = match (name, version) {
            ("", Version::V5) => None,
            (name, _) => Some(TopicName::parse(name)?),
        };
        if topic.is_none() && properties.topic_alias().is_none() {
            return Err(NO_TOPIC);
        }
        let payload = reader.rest().to_owned();
        Ok(Publish { dup, qos, retain, topic, packet_id, properties, payload })
    }
}

impl<'a> From<&'a Publish> for PublishView<'a> {
    fn from(publish: &'a Publish) -> PublishView<'a> {
        PublishView {
            dup: publish.dup,
            qos: publish.qos,
            retain: publish.retain,
            topic: publish.topic.as_ref(),
            packet_id: publish.packet_id,
            properties: publish.properties.as_slice(),
            delivery_properties: &[],
            payload: &publish.payload,
        }
    }
}

impl PublishView<'_> {
    /// Appends the packet to `out`; after an error `out` is as before.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let start = out.len();
        let result = self.append(version, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// How many bytes [`PublishView::encode`] writes, to be compared with a Maximum Packet Size.
    pub fn encoded_size(&self, version: Version) -> usize {
        let remaining_length = self.remaining_length(version);
        1 + varint_size(remaining_length) + remaining_length
    }

    fn append(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let flags = self.check(version)?;
        out.reserve(self.encoded_size(version));
        out.push(PacketType::Publish.first_byte() | flags.bits());
        put_varint(out, self.remaining_length(version))?;
        put_text(out, self.topic.map_or("", TopicName::as_str))?;
        if let Some(packet_id) = self.packet_id {
            put_u16(out, packet_id.get());
        }
        if version == Version::V5 {
            encode_lists(&[self.properties, self.delivery_properties], PUBLISH, out)?;
        }
        out.extend_from_slice(self.payload);
        Ok(())
    }

    fn remaining_length(&self, version: Version) -> usize {
        let topic = 2 + self.topic.map_or(0, |topic| topic.as_str().len());
        let packet_id = if self.packet_id.is_some() { 2 } else { 0 };
        let properties = match version {
            Version::V3 => 0,
            Version::V5 => lists_size(&[self.properties, self.delivery_properties]),
        };
        topic + packet_id + properties + self.payload.len()
    }

    fn check(&self, version: Version) -> Result<PublishFlags, Malformed> {
        let flags = PublishFlags { dup: self.dup, qos: self.qos, retain: self.retain };
        flags.check()?;
        if self.packet_id.is_some() != (self.qos != QoS::AtMostOnce) {
            // [MQTT-2.2.1-2] [MQTT-2.2.1-3]
            return Err(Malformed::protocol(
                "a PUBLISH has a packet identifier exactly when its QoS is not 0",
            ));
        }
        if self.topic.is_none() && !(version == Version::V5 && self.has_topic_alias()) {
            return Err(NO_TOPIC);
        }
        Ok(flags)
    }

    fn has_topic_alias(&self) -> bool {
        let mut all = self.delivery_properties.iter().chain(self.properties);
        all.any(|property| matches!(property, Property::TopicAlias(_)))
    }
}

const NO_TOPIC: Malformed = Malformed::protocol("a PUBLISH has neither a topic name nor a topic alias");
