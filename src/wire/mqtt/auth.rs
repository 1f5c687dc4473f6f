//! AUTH: one step of an extended authentication, which 3.1.1 does not have (section 3.15).

use super::place::AUTH;
use super::{Malformed, Properties, ReasonCode, Version};
use crate::wire::reader::Reader;

/// One step of an extended authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Where the authentication stands.
    pub reason: ReasonCode,
    /// The method and its data.
    pub properties: Properties,
}

impl Auth {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Auth, Malformed> {
        if version == Version::V3 {
            return Err(Malformed::packet("packet type 15 is reserved"));
        }
        if reader.is_empty() {
            // A success without properties has no body (section 3.15.2.1).
            return Ok(Auth { reason: ReasonCode::Success, properties: Properties::new() });
        }
        let reason = ReasonCode::at(AUTH, reader.u8()?)?;
        let auth = Auth { reason, properties: Properties::decode(reader, AUTH)? };
        auth.check()?;
        Ok(auth)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.reason == ReasonCode::Success && self.properties.is_empty() {
            return Ok(());
        }
        self.check()?;
        out.push(self.reason.byte());
        self.properties.encode(AUTH, out)
    }

    fn check(&self) -> Result<(), Malformed> {
        self.reason.check(AUTH)?; // [MQTT-3.15.2-1]
        if self.properties.authentication_method().is_none() {
            return Err(Malformed::protocol("an AUTH has no authentication method"));
        }
        Ok(())
    }
}
