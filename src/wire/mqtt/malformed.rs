//! The one error of this codec: the bytes, or the packet to be written, break the standard.

use std::error::Error;
use std::fmt;

use super::ReasonCode;
use crate::wire::reader::ReadError;

/// What is wrong with a packet, and the reason code with which to close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The code for the CONNACK or DISCONNECT that answers.
    pub reason: ReasonCode,
    /// The mistake in words, for a log or a Reason String.
    pub what: &'static str,
}

impl Malformed {
    /// Names a mistake and its reason code.
    pub const fn new(reason: ReasonCode, what: &'static str) -> Malformed {
        Malformed { reason, what }
    }

    /// A packet that cannot be parsed as the standard says (section 4.13).
    pub(super) const fn packet(what: &'static str) -> Malformed {
        Malformed::new(ReasonCode::MalformedPacket, what)
    }

    /// A packet that can be parsed, with content that the protocol forbids.
    pub(super) const fn protocol(what: &'static str) -> Malformed {
        Malformed::new(ReasonCode::ProtocolError, what)
    }
}

impl From<ReadError> for Malformed {
    fn from(error: ReadError) -> Malformed {
        Malformed::packet(error.what())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.reason, self.what)
    }
}

impl Error for Malformed {}
