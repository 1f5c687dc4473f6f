//! DISCONNECT: the last packet of a connection (section 3.14).

use super::place::DISCONNECT;
use super::{Malformed, Properties, ReasonCode, Version};
use crate::wire::reader::Reader;

/// A farewell.  In 3.1.1 only a client says it, and it says nothing but that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Why the connection ends.
    pub reason: ReasonCode,
    /// What else there is to say.
    pub properties: Properties,
}

impl Disconnect {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Disconnect, Malformed> {
        let mut disconnect = Disconnect { reason: ReasonCode::Success, properties: Properties::new() };
        // A success may be left out, and so may be an empty list of properties.
        if version == Version::V5 && !reader.is_empty() {
            disconnect.reason = ReasonCode::at(DISCONNECT, reader.u8()?)?;
            if !reader.is_empty() {
                disconnect.properties = Properties::decode(reader, DISCONNECT)?;
            }
        }
        Ok(disconnect)
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.reason.check(DISCONNECT)?; // [MQTT-3.14.2-1]
        if version == Version::V3 {
            return Ok(());
        }
        if self.reason != ReasonCode::Success || !self.properties.is_empty() {
            out.push(self.reason.byte());
        }
        if !self.properties.is_empty() {
            self.properties.encode(DISCONNECT, out)?;
        }
        Ok(())
    }
}
