//! The MQTT codec from outside: golden packets, malformed packets, arbitrary packets, topic filters.

#![allow(clippy::unwrap_used)] // What is not as expected fails the test.

mod arbitrary;
mod filters;
mod fuzz;
mod golden;
mod malformed;
mod properties;
mod publish;
mod translation;

use gpio_gatekeeper::wire::mqtt::{LARGEST_PACKET, Malformed, Packet, Split, Version, decode, encode, split};

/// Reads exactly one packet.
fn read(bytes: &[u8], version: Version) -> Result<Packet, Malformed> {
    match split(bytes, LARGEST_PACKET)? {
        Split::NeedMore => panic!("the packet is not complete: {bytes:02x?}"),
        Split::Packet { frame, length } => {
            assert_eq!(length, bytes.len(), "the packet is shorter than expected");
            decode(&frame, version)
        }
    }
}

fn write(packet: &Packet, version: Version) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    encode(packet, version, &mut bytes)?;
    Ok(bytes)
}

/// Bytes from hexadecimal text with `#` comments.
fn hex(text: &str) -> Vec<u8> {
    let digits = |line: &str| line.split('#').next().unwrap().replace(char::is_whitespace, "");
    let digits: String = text.lines().map(digits).collect();
    assert!(digits.len() % 2 == 0, "an odd number of digits: {digits}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
