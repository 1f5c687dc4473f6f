//! SUBSCRIBE and SUBACK: a client asks for messages (sections 3.8 and 3.9).

use super::fields::{packet_id, put_text, put_u16, text};
use super::place::{SUBACK, SUBSCRIBE};
use super::{Malformed, PacketId, Properties, QoS, ReasonCode, TopicFilter, Version};
use crate::wire::reader::Reader;

/// A wish for all messages that match one of the filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The number that the SUBACK repeats.
    pub packet_id: PacketId,
    /// What else belongs to all these subscriptions.
    pub properties: Properties,
    /// The filters, at least one, and how each is to be served.
    pub filters: Vec<(TopicFilter, SubscribeOptions)>,
}

/// How a subscription is to be served; 3.1.1 knows the QoS only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// The best quality with which the client wants messages.
    pub qos: QoS,
    /// Whether the client's own messages stay away from it.
    pub no_local: bool,
    /// Whether messages keep the retain flag with which they were published.
    pub retain_as_published: bool,
    /// Whether retained messages are sent at once.
    pub retain_handling: RetainHandling,
}

/// When a subscription brings the retained messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RetainHandling {
    /// With every SUBSCRIBE.
    Send = 0,
    /// When the subscription is new.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

/// The answer to a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suback {
    /// The number of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// What else there is to say.
    pub properties: Properties,
    /// One outcome for each filter, in their order; all failures of 3.1.1 look alike.
    pub reasons: Vec<ReasonCode>,
}

const QOS: u8 = 0b0000_0011;
const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;
const RESERVED: u8 = 0b1100_0000;

impl Subscribe {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Subscribe, Malformed> {
        let packet_id = packet_id(reader)?;
        let properties = match version {
            Version::V3 => Properties::new(),
            Version::V5 => Properties::decode(reader, SUBSCRIBE)?,
        };
        let mut filters = Vec::new();
        while !reader.is_empty() {
            let filter = TopicFilter::parse(text(reader)?)?; // [MQTT-3.8.3-1]
            let options = SubscribeOptions::from_byte(reader.u8()?, version)?;
            filters.push((filter, options));
        }
        let subscribe = Subscribe { packet_id, properties, filters };
        subscribe.check()?;
        Ok(subscribe)
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.check()?;
        put_u16(out, self.packet_id.get());
        if version == Version::V5 {
            self.properties.encode(SUBSCRIBE, out)?;
        }
        for (filter, options) in &self.filters {
            put_text(out, filter.as_str())?;
            out.push(options.byte(version));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.filters.is_empty() {
            return Err(Malformed::protocol("a SUBSCRIBE has no topic filter")); // [MQTT-3.8.3-2]
        }
        if self.filters.iter().any(|(filter, options)| options.no_local && filter.share().is_some()) {
            return Err(Malformed::protocol("a shared subscription has No Local set")); // [MQTT-3.8.3-4]
        }
        Ok(())
    }
}

impl SubscribeOptions {
    /// The options that a subscription of 3.1.1 has.
    pub const fn plain(qos: QoS) -> SubscribeOptions {
        SubscribeOptions {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        }
    }

    /// Reads the byte that stands behind a filter.
    pub fn from_byte(byte: u8, version: Version) -> Result<SubscribeOptions, Malformed> {
        let reserved = match version {
            Version::V3 => !QOS, // [3.1.1: MQTT-3-8.3-4]
            Version::V5 => RESERVED,
        };
        if byte & reserved != 0 {
            return Err(Malformed::packet("reserved bits of the subscription options are set")); // [MQTT-3.8.3-5]
        }
        Ok(SubscribeOptions {
            qos: QoS::from_bits(byte & QOS).ok_or(Malformed::protocol("the QoS of a subscription is 3"))?,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling: RetainHandling::from_bits(byte >> 4)?,
        })
    }

    /// The byte that stands behind a filter.
    pub fn byte(self, version: Version) -> u8 {
        let flag = |bit: u8, set: bool| if set { bit } else { 0 };
        match version {
            Version::V3 => self.qos.bits(),
            Version::V5 => {
                self.qos.bits()
                    | flag(NO_LOCAL, self.no_local)
                    | flag(RETAIN_AS_PUBLISHED, self.retain_as_published)
                    | (self.retain_handling as u8) << 4
            }
        }
    }
}

impl RetainHandling {
    fn from_bits(bits: u8) -> Result<RetainHandling, Malformed> {
        match bits {
            0 => Ok(RetainHandling::Send),
            1 => Ok(RetainHandling::SendIfNew),
            2 => Ok(RetainHandling::DoNotSend),
            _ => Err(Malformed::protocol("the retain handling is 3")),
        }
    }
}

impl Suback {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Suback, Malformed> {
        let packet_id = packet_id(reader)?;
        let properties = match version {
            Version::V3 => Properties::new(),
            Version::V5 => Properties::decode(reader, SUBACK)?,
        };
        let codes = reader.rest().iter().map(|byte| match version {
            Version::V3 => from_return_code(*byte),
            Version::V5 => ReasonCode::at(SUBACK, *byte),
        });
        let reasons = codes.collect::<Result<Vec<_>, _>>()?;
        let suback = Suback { packet_id, properties, reasons };
        suback.check()?;
        Ok(suback)
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.check()?;
        put_u16(out, self.packet_id.get());
        match version {
            Version::V3 => out.extend(self.reasons.iter().copied().map(return_code)),
            Version::V5 => {
                self.properties.encode(SUBACK, out)?;
                out.extend(self.reasons.iter().map(|reason| reason.byte()));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.reasons.is_empty() {
            // [MQTT-3.8.4-6] There is one for each filter, of which there is at least one.
            return Err(Malformed::protocol("a SUBACK has no reason code"));
        }
        self.reasons.iter().try_for_each(|reason| reason.check(SUBACK)) // [MQTT-3.9.3-2]
    }
}

fn from_return_code(byte: u8) -> Result<ReasonCode, Malformed> {
    match byte {
        0..=2 | 0x80 => ReasonCode::at(SUBACK, byte),
        _ => Err(Malformed::packet("the return code of a SUBACK is unknown")), // [3.1.1: MQTT-3.9.3-2]
    }
}

fn return_code(reason: ReasonCode) -> u8 {
    if reason.is_error() { ReasonCode::UnspecifiedError.byte() } else { reason.byte() }
}
