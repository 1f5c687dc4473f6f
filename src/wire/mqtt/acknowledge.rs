//! PUBACK, PUBREC, PUBREL and PUBCOMP, which look alike (sections 3.4 to 3.7).

use super::fields::{packet_id, put_u16};
use super::{Malformed, PacketId, PacketType, Properties, ReasonCode, Version};
use crate::wire::reader::Reader;

/// A step in the delivery of a message with QoS 1 or 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledge {
    /// The number of the PUBLISH.
    pub packet_id: PacketId,
    /// The outcome; 3.1.1 cannot say it.
    pub reason: ReasonCode,
    /// What else there is to say.
    pub properties: Properties,
}

impl Acknowledge {
    /// The step that reports success and nothing else.
    pub const fn success(packet_id: PacketId) -> Acknowledge {
        Acknowledge { packet_id, reason: ReasonCode::Success, properties: Properties::new() }
    }

    pub(super) fn decode(
        packet_type: PacketType,
        reader: &mut Reader<'_>,
        version: Version,
    ) -> Result<Acknowledge, Malformed> {
        let place = packet_type.place();
        let mut acknowledge = Acknowledge::success(packet_id(reader)?);
        // A success may be left out, and so may be an empty list of properties.
        if version == Version::V5 && !reader.is_empty() {
            acknowledge.reason = ReasonCode::at(place, reader.u8()?)?;
            if !reader.is_empty() {
                acknowledge.properties = Properties::decode(reader, place)?;
            }
        }
        Ok(acknowledge)
    }

    pub(super) fn encode(
        &self,
        packet_type: PacketType,
        version: Version,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let place = packet_type.place();
        self.reason.check(place)?;
        put_u16(out, self.packet_id.get());
        if version == Version::V3 {
            return Ok(());
        }
        if self.reason != ReasonCode::Success || !self.properties.is_empty() {
            out.push(self.reason.byte());
        }
        if !self.properties.is_empty() {
            self.properties.encode(place, out)?;
        }
        Ok(())
    }
}
