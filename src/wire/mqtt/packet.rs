//! The decoding step and its reverse, for every packet in both versions.

use std::num::NonZeroU16;

use super::fields::insert_length;
use super::{
    Acknowledge, Auth, Connack, Connect, Disconnect, Frame, Malformed, PacketType, Publish, PublishView,
    Suback, Subscribe, Unsuback, Unsubscribe,
};
use crate::wire::reader::Reader;

/// The dialect of a connection, chosen by its CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1, protocol level 4: without properties and with few reason codes.
    V3,
    /// MQTT 5.0, protocol level 5.
    V5,
}

/// The number that ties an acknowledgement to its packet.
pub type PacketId = NonZeroU16;

/// Any packet, in either version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A client introduces itself.
    Connect(Box<Connect>),
    /// The server accepts a client or refuses it.
    Connack(Connack),
    /// A message.
    Publish(Publish),
    /// The answer to a PUBLISH with QoS 1.
    Puback(Acknowledge),
    /// The answer to a PUBLISH with QoS 2.
    Pubrec(Acknowledge),
    /// The answer to a PUBREC.
    Pubrel(Acknowledge),
    /// The answer to a PUBREL; now the message has arrived exactly once.
    Pubcomp(Acknowledge),
    /// A client wants the messages that match its filters.
    Subscribe(Subscribe),
    /// The answer to a SUBSCRIBE.
    Suback(Suback),
    /// A client does not want them any more.
    Unsubscribe(Unsubscribe),
    /// The answer to an UNSUBSCRIBE.
    Unsuback(Unsuback),
    /// A sign of life.
    Pingreq,
    /// The answer to a PINGREQ.
    Pingresp,
    /// The last packet of a connection.
    Disconnect(Disconnect),
    /// One step of an extended authentication.
    Auth(Auth),
}

/// Turns a complete frame into a packet.
///
/// `version` is that of the connection; a CONNECT brings its own, so it does not matter there.
pub fn decode(frame: &Frame<'_>, version: Version) -> Result<Packet, Malformed> {
    let packet_type = frame.packet_type();
    let mut reader = Reader::new(frame.body());
    let packet = match packet_type {
        PacketType::Connect => Packet::Connect(Box::new(Connect::decode(&mut reader)?)),
        PacketType::Connack => Packet::Connack(Connack::decode(&mut reader, version)?),
        PacketType::Publish => Packet::Publish(Publish::decode(frame.flags(), &mut reader, version)?),
        PacketType::Puback => Packet::Puback(Acknowledge::decode(packet_type, &mut reader, version)?),
        PacketType::Pubrec => Packet::Pubrec(Acknowledge::decode(packet_type, &mut reader, version)?),
        PacketType::Pubrel => Packet::Pubrel(Acknowledge::decode(packet_type, &mut reader, version)?),
        PacketType::Pubcomp => Packet::Pubcomp(Acknowledge::decode(packet_type, &mut reader, version)?),
        PacketType::Subscribe => Packet::Subscribe(Subscribe::decode(&mut reader, version)?),
        PacketType::Suback => Packet::Suback(Suback::decode(&mut reader, version)?),
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe::decode(&mut reader, version)?),
        PacketType::Unsuback => Packet::Unsuback(Unsuback::decode(&mut reader, version)?),
        PacketType::Pingreq => Packet::Pingreq,
        PacketType::Pingresp => Packet::Pingresp,
        PacketType::Disconnect => Packet::Disconnect(Disconnect::decode(&mut reader, version)?),
        PacketType::Auth => Packet::Auth(Auth::decode(&mut reader, version)?),
    };
    reader.finish()?;
    Ok(packet)
}

/// Appends a packet to `out`; after an error `out` is as before.
///
/// It fails for a packet that would break the standard: a string or a packet that is too long, a
/// property or reason code in the wrong place, a PUBLISH that contradicts itself.
///
/// 3.1.1 has no properties and few reason codes: they are left out or become the nearest return code.
/// It has no AUTH at all, for which nothing is written.  A CONNECT is written in its own version.
pub fn encode(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let result = append(packet, version, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn append(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let packet_type = packet.packet_type();
    if let Packet::Publish(publish) = packet {
        return PublishView::from(publish).encode(version, out);
    }
    if packet_type == PacketType::Auth && version == Version::V3 {
        return Ok(());
    }
    out.push(packet_type.first_byte());
    let body = out.len();
    match packet {
        Packet::Connect(connect) => connect.encode(out)?,
        Packet::Connack(connack) => connack.encode(version, out)?,
        Packet::Puback(acknowledge)
        | Packet::Pubrec(acknowledge)
        | Packet::Pubrel(acknowledge)
        | Packet::Pubcomp(acknowledge) => acknowledge.encode(packet_type, version, out)?,
        Packet::Subscribe(subscribe) => subscribe.encode(version, out)?,
        Packet::Suback(suback) => suback.encode(version, out)?,
        Packet::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out)?,
        Packet::Unsuback(unsuback) => unsuback.encode(version, out)?,
        Packet::Disconnect(disconnect) => disconnect.encode(version, out)?,
        Packet::Auth(auth) => auth.encode(out)?,
        Packet::Publish(_) | Packet::Pingreq | Packet::Pingresp => {}
    }
    insert_length(out, body)
}

impl Packet {
    /// The type of the packet.
    pub fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::Connect,
            Packet::Connack(_) => PacketType::Connack,
            Packet::Publish(_) => PacketType::Publish,
            Packet::Puback(_) => PacketType::Puback,
            Packet::Pubrec(_) => PacketType::Pubrec,
            Packet::Pubrel(_) => PacketType::Pubrel,
            Packet::Pubcomp(_) => PacketType::Pubcomp,
            Packet::Subscribe(_) => PacketType::Subscribe,
            Packet::Suback(_) => PacketType::Suback,
            Packet::Unsubscribe(_) => PacketType::Unsubscribe,
            Packet::Unsuback(_) => PacketType::Unsuback,
            Packet::Pingreq => PacketType::Pingreq,
            Packet::Pingresp => PacketType::Pingresp,
            Packet::Disconnect(_) => PacketType::Disconnect,
            Packet::Auth(_) => PacketType::Auth,
        }
    }
}
