//! The framing step: where does one packet end?
//!
//! This is the only step that may ask for more bytes.  It refuses what the fixed header already
//! shows to be wrong, so that nobody waits for the body of a packet that will be refused.

use super::ReasonCode;
use super::malformed::Malformed;
use super::place::Places;
use super::publish::PublishFlags;
use crate::wire::reader::{ReadError, Reader};

/// The largest packet that the format can carry: five bytes of fixed header and the largest length.
pub const LARGEST_PACKET: usize = 5 + MAXIMUM_REMAINING_LENGTH;

/// The largest number that a variable byte integer can hold.
pub(super) const MAXIMUM_REMAINING_LENGTH: usize = 268_435_455;

/// What the front of a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split<'a> {
    /// The packet is not complete yet.
    NeedMore,
    /// A complete packet.
    Packet {
        /// The packet, to be handed to [`decode`](super::decode).
        frame: Frame<'a>,
        /// How many bytes it takes from the stream.
        length: usize,
    },
}

/// One complete packet whose fixed header is right; only [`split`] makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    packet_type: PacketType,
    flags: u8,
    body: &'a [u8],
}

/// The fifteen types of packets (section 2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // The names are the standard's own.
pub enum PacketType {
    Connect = 1,
    Connack = 2,
    Publish = 3,
    Puback = 4,
    Pubrec = 5,
    Pubrel = 6,
    Pubcomp = 7,
    Subscribe = 8,
    Suback = 9,
    Unsubscribe = 10,
    Unsuback = 11,
    Pingreq = 12,
    Pingresp = 13,
    Disconnect = 14,
    Auth = 15,
}

/// Looks for one packet at the front of `bytes`.
///
/// `maximum_packet_size` counts the whole packet, as the property of that name does.
pub fn split(bytes: &[u8], maximum_packet_size: usize) -> Result<Split<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let Ok(first) = reader.u8() else { return Ok(Split::NeedMore) };
    let (packet_type, flags) = first_byte(first)?;
    let remaining_length = match reader.varint() {
        Ok(length) => length as usize,
        Err(ReadError::Ended) => return Ok(Split::NeedMore),
        Err(error) => return Err(error.into()),
    };
    let length = bytes.len() - reader.remaining() + remaining_length;
    if length > maximum_packet_size {
        // [MQTT-3.1.2-24] [MQTT-3.2.2-15] The other side was told how much is too much.
        return Err(Malformed::new(ReasonCode::PacketTooLarge, "the packet is larger than permitted"));
    }
    match reader.bytes(remaining_length) {
        Ok(body) => Ok(Split::Packet { frame: Frame { packet_type, flags, body }, length }),
        Err(_) => Ok(Split::NeedMore),
    }
}

fn first_byte(first: u8) -> Result<(PacketType, u8), Malformed> {
    let flags = first & 0x0F;
    let packet_type =
        PacketType::from_bits(first >> 4).ok_or(Malformed::packet("packet type 0 is reserved"))?;
    if packet_type == PacketType::Publish {
        PublishFlags::parse(flags)?;
    } else if flags != packet_type.reserved_flags() {
        // [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
        return Err(Malformed::packet(
            "the flags of the fixed header are not those reserved for this packet",
        ));
    }
    Ok((packet_type, flags))
}

impl<'a> Frame<'a> {
    /// The type of the packet.
    pub fn packet_type(&self) -> PacketType {
        self.packet_type
    }

    /// Everything after the fixed header.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(super) fn flags(&self) -> u8 {
        self.flags
    }
}

impl PacketType {
    /// The first byte of a packet of this type; PUBLISH has its own flags to add.
    pub(super) const fn first_byte(self) -> u8 {
        (self as u8) << 4 | self.reserved_flags()
    }

    pub(super) const fn place(self) -> Places {
        1 << (self as u8)
    }

    const fn reserved_flags(self) -> u8 {
        match self {
            PacketType::Pubrel | PacketType::Subscribe | PacketType::Unsubscribe => 0b0010,
            _ => 0,
        }
    }

    const fn from_bits(bits: u8) -> Option<PacketType> {
        Some(match bits {
            1 => PacketType::Connect,
            2 => PacketType::Connack,
            3 => PacketType::Publish,
            4 => PacketType::Puback,
            5 => PacketType::Pubrec,
            6 => PacketType::Pubrel,
            7 => PacketType::Pubcomp,
            8 => PacketType::Subscribe,
            9 => PacketType::Suback,
            10 => PacketType::Unsubscribe,
            11 => PacketType::Unsuback,
            12 => PacketType::Pingreq,
            13 => PacketType::Pingresp,
            14 => PacketType::Disconnect,
            15 => PacketType::Auth,
            _ => return None,
        })
    }
}
