//! The packets in `tests/golden/mqtt`: round trip, prefixes, single changed bytes.

use std::fs;
use std::path::Path;

use gpio_gatekeeper::wire::mqtt::{LARGEST_PACKET, Packet, Split, Version, decode, split};

use crate::{hex, read, write};

struct Golden {
    name: String,
    version: Version,
    bytes: Vec<u8>,
}

fn golden() -> Vec<Golden> {
    let mut all = Vec::new();
    for (folder, version) in [("v3", Version::V3), ("v5", Version::V5)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mqtt").join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = hex(&fs::read_to_string(&path).unwrap());
            all.push(Golden { name: path.display().to_string(), version, bytes });
        }
    }
    all
}

#[test]
fn every_packet_type_has_two_golden_packets_per_version() {
    for version in [Version::V3, Version::V5] {
        for packet_type in 1..=15 {
            let count = golden()
                .iter()
                .filter(|golden| golden.version == version && golden.bytes[0] >> 4 == packet_type)
                .count();
            // The pings have one form only, and so has the DISCONNECT of 3.1.1, which has no AUTH.
            let enough = match (packet_type, version) {
                (12 | 13, _) | (14, Version::V3) => 1,
                (15, Version::V3) => 0,
                _ => 2,
            };
            assert!(count >= enough, "type {packet_type} in {version:?} has {count}");
        }
    }
}

#[test]
fn decoding_and_encoding_gives_the_same_bytes() {
    for Golden { name, version, bytes } in golden() {
        let packet = read(&bytes, version).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(write(&packet, version).as_ref(), Ok(&bytes), "{name}");
    }
}

#[test]
fn every_strict_prefix_needs_more() {
    for Golden { name, bytes, .. } in golden() {
        for length in 0..bytes.len() {
            assert_eq!(split(&bytes[..length], LARGEST_PACKET), Ok(Split::NeedMore), "{name} to {length}");
        }
    }
}

#[test]
fn what_follows_a_packet_does_not_matter() {
    for Golden { name, version, bytes } in golden() {
        let alone = read(&bytes, version).unwrap();
        let mut stream = bytes.clone();
        stream.extend_from_slice(&[0xFF; 9]);
        let Ok(Split::Packet { frame, length }) = split(&stream, LARGEST_PACKET) else { panic!("{name}") };
        assert_eq!((decode(&frame, version), length), (Ok(alone), bytes.len()), "{name}");
    }
}

#[test]
fn a_body_that_ends_early_is_no_packet() {
    for Golden { name, version, bytes } in golden() {
        let whole = read(&bytes, version).unwrap();
        for length in 0..bytes.len().min(128).saturating_sub(2) {
            let mut short = vec![bytes[0], length as u8];
            short.extend_from_slice(&bytes[2..2 + length]);
            // Some packets have shorter forms and a payload may end anywhere, so only a panic, or the
            // very same packet, would be wrong.
            assert_ne!(read(&short, version).as_ref(), Ok(&whole), "{name} to {length}");
        }
    }
}

#[test]
fn a_changed_byte_gives_an_error_or_another_sound_packet() {
    for Golden { name, version, bytes } in golden() {
        for at in 0..bytes.len() {
            for change in 1..=255 {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                let Ok(Split::Packet { frame, .. }) = split(&changed, LARGEST_PACKET) else { continue };
                let Ok(packet) = decode(&frame, version) else { continue };
                let version = match &packet {
                    Packet::Connect(connect) => connect.version,
                    _ => version,
                };
                let again = write(&packet, version).unwrap_or_else(|error| panic!("{name}, {at}: {error}"));
                assert_eq!(read(&again, version), Ok(packet), "{name}, {at}");
            }
        }
    }
}
