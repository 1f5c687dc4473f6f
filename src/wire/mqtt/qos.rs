//! The three qualities of service.

/// How hard a message is tried to be delivered (section 4.3); the better one is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum QoS {
    /// Sent once, without an acknowledgement.
    AtMostOnce = 0,
    /// Repeated until acknowledged; it may arrive twice.
    AtLeastOnce = 1,
    /// Acknowledged in two steps, so that it arrives exactly once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The quality for two bits of a packet; there is none for 3.
    pub fn from_bits(bits: u8) -> Option<QoS> {
        match bits {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }

    /// The two bits that stand for it in a packet.
    pub fn bits(self) -> u8 {
        self as u8
    }
}
