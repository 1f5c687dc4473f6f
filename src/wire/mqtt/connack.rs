//! CONNACK: the server accepts a client or refuses it (section 3.2).

use super::place::CONNACK;
use super::{Malformed, Properties, ReasonCode, Version};
use crate::wire::reader::Reader;

/// The answer to a CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connack {
    /// Whether the server goes on with an earlier session.
    pub session_present: bool,
    /// The outcome; 3.1.1 knows five failures, so others become the nearest one.
    pub reason: ReasonCode,
    /// What the server says about itself.
    pub properties: Properties,
}

impl Connack {
    pub(super) fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Connack, Malformed> {
        let session_present = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::packet("reserved flags of a CONNACK are set")), // [MQTT-3.2.2-1]
        };
        let byte = reader.u8()?;
        let (reason, properties) = match version {
            Version::V3 => (from_return_code(byte)?, Properties::new()),
            Version::V5 => (ReasonCode::at(CONNACK, byte)?, Properties::decode(reader, CONNACK)?),
        };
        let connack = Connack { session_present, reason, properties };
        connack.check()?;
        Ok(connack)
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.check()?;
        out.push(self.session_present.into());
        match version {
            Version::V3 => out.push(return_code(self.reason)),
            Version::V5 => {
                out.push(self.reason.byte());
                self.properties.encode(CONNACK, out)?;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Malformed> {
        self.reason.check(CONNACK)?;
        if self.session_present && self.reason != ReasonCode::Success {
            // [MQTT-3.2.2-6]
            return Err(Malformed::protocol("a refused connection has no session"));
        }
        Ok(())
    }
}

/// Table 3.1 of MQTT 3.1.1.
fn from_return_code(byte: u8) -> Result<ReasonCode, Malformed> {
    Ok(match byte {
        0 => ReasonCode::Success,
        1 => ReasonCode::UnsupportedProtocolVersion,
        2 => ReasonCode::ClientIdentifierNotValid,
        3 => ReasonCode::ServerUnavailable,
        4 => ReasonCode::BadUserNameOrPassword,
        5 => ReasonCode::NotAuthorized,
        _ => return Err(Malformed::packet("the return code of a CONNACK is unknown")),
    })
}

fn return_code(reason: ReasonCode) -> u8 {
    match reason {
        ReasonCode::Success => 0,
        ReasonCode::UnsupportedProtocolVersion => 1,
        ReasonCode::ClientIdentifierNotValid => 2,
        ReasonCode::BadUserNameOrPassword => 4,
        ReasonCode::NotAuthorized | ReasonCode::Banned | ReasonCode::BadAuthenticationMethod => 5,
        _ => 3,
    }
}
