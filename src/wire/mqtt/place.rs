//! The places in which properties and reason codes may stand, as sets of bits.
//!
//! A packet type's number is its bit; the unused type 0 stands for the properties of a will.

use super::PacketType;

/// A set of places.
pub(super) type Places = u16;

pub(super) const WILL: Places = 1 << 0;
pub(super) const CONNECT: Places = PacketType::Connect.place();
pub(super) const CONNACK: Places = PacketType::Connack.place();
pub(super) const PUBLISH: Places = PacketType::Publish.place();
pub(super) const PUBACK: Places = PacketType::Puback.place();
pub(super) const PUBREC: Places = PacketType::Pubrec.place();
pub(super) const PUBREL: Places = PacketType::Pubrel.place();
pub(super) const PUBCOMP: Places = PacketType::Pubcomp.place();
pub(super) const SUBSCRIBE: Places = PacketType::Subscribe.place();
pub(super) const SUBACK: Places = PacketType::Suback.place();
pub(super) const UNSUBSCRIBE: Places = PacketType::Unsubscribe.place();
pub(super) const UNSUBACK: Places = PacketType::Unsuback.place();
pub(super) const DISCONNECT: Places = PacketType::Disconnect.place();
pub(super) const AUTH: Places = PacketType::Auth.place();

/// The four packets that acknowledge a PUBLISH or one another.
pub(super) const ACKNOWLEDGE: Places = PUBACK | PUBREC | PUBREL | PUBCOMP;
