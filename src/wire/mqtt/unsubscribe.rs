//! UNSUBSCRIBE and UNSUBACK: a client has had enough (sections 3.10 and 3.11).

use super::fields::{packet_id, put_text, put_u16, text};
use super::place::{UNSUBACK, UNSUBSCRIBE};
use super::{Malformed, PacketId, Properties, ReasonCode, TopicFilter, Version};
use crate::wire::reader::Reader;

/// The end of some subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The number that the UNSUBACK repeats.
    pub packet_id: PacketId,
    /// What else there is to say.
    pub properties: Properties,
    /// The filters, at least one.
    pub filters: Vec<TopicFilter>,
}

/// The answer to an UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsuback {
    /// The number of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// What else there is to say.
    pub properties: Properties,
    /// One outcome for each filter, in their order; 3.1.1 has none.
    pub reasons: Vec<ReasonCode>,
}

impl Unsubscribe {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Unsubscribe, Malformed> {
        let packet_id = packet_id(reader)?;
        let properties = match version {
            Version::V3 => Properties::new(),
            Version::V5 => Properties::decode(reader, UNSUBSCRIBE)?,
        };
        let mut filters = Vec::new();
        while !reader.is_empty() {
            filters.push(TopicFilter::parse(text(reader)?)?); // [MQTT-3.10.3-1]
        }
        let unsubscribe = Unsubscribe { packet_id, properties, filters };
        unsubscribe.check()?;
        Ok(unsubscribe)
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.check()?;
        put_u16(out, self.packet_id.get());
        if version == Version::V5 {
            self.properties.encode(UNSUBSCRIBE, out)?;
        }
        self.filters.iter().try_for_each(|filter| put_text(out, filter.as_str()))
    }

    fn check(&self) -> Result<(), Malformed> {
        // [MQTT-3.10.3-2]
        if self.filters.is_empty() {
            return Err(Malformed::protocol("an UNSUBSCRIBE has no topic filter"));
        }
        Ok(())
    }
}

impl Unsuback {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Unsuback, Malformed> {
        let mut unsuback =
            Unsuback { packet_id: packet_id(reader)?, properties: Properties::new(), reasons: Vec::new() };
        if version == Version::V5 {
            unsuback.properties = Properties::decode(reader, UNSUBACK)?;
            let codes = reader.rest().iter().map(|byte| ReasonCode::at(UNSUBACK, *byte));
            unsuback.reasons = codes.collect::<Result<Vec<_>, _>>()?;
            unsuback.check()?;
        }
        Ok(unsuback)
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        put_u16(out, self.packet_id.get());
        if version == Version::V5 {
            self.check()?;
            self.properties.encode(UNSUBACK, out)?;
            out.extend(self.reasons.iter().map(|reason| reason.byte()));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.reasons.is_empty() {
            // [MQTT-3.11.3-1] There is one for each filter, of which there is at least one.
            return Err(Malformed::protocol("an UNSUBACK has no reason code"));
        }
        self.reasons.iter().try_for_each(|reason| reason.check(UNSUBACK)) // [MQTT-3.11.3-2]
    }
}
