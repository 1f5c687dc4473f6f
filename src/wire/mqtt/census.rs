//! A census: how many packets there are in bytes that were encoded here, without decoding them again.

use super::PacketType;
use super::frame::{Split, split};

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Packets of any type.
    pub packets: u64,
    /// PUBLISH packets among them.
    pub publishes: u64,
}

/// Counts the complete packets at the front of `bytes`.
pub fn census(bytes: &[u8]) -> Census {
    let (mut counted, mut rest) = (Census::default(), bytes);
    while let Ok(Split::Packet { frame, length }) = split(rest, usize::MAX) {
        counted.packets += 1;
        counted.publishes += u64::from(frame.packet_type() == PacketType::Publish);
        rest = &rest[length..];
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_counted_as_far_as_they_are_whole() {
        let bytes = [0xC0, 0, 0x30, 4, 0, 1, b't', 0, 0xD0, 0, 0x30, 4, 0];
        assert_eq!(census(&bytes), Census { packets: 3, publishes: 1 });
        assert_eq!(census(&[0x00, 0]), Census::default());
    }
}
