//! Any packet survives the round trip, and no bytes at all make the codec panic.

use gpio_gatekeeper::wire::mqtt::{
    LARGEST_PACKET, Packet, PublishView, Split, TopicFilter, TopicName, Version, decode, dialect, encode,
    split,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::{filter, packet, topic};
use crate::{read, write};

/// Decodes whatever may be there, in both versions.
fn swallow(bytes: &[u8]) {
    let Ok(Split::Packet { frame, .. }) = split(bytes, LARGEST_PACKET) else { return };
    let _ = dialect(&frame);
    for version in [Version::V3, Version::V5] {
        let Ok(packet) = decode(&frame, version) else { continue };
        let again = write(&packet, version).unwrap();
        assert_eq!(read(&again, version), Ok(packet));
    }
}

proptest! {
    #[test]
    fn any_packet_survives_the_round_trip(packet in packet()) {
        let bytes = write(&packet, Version::V5).unwrap();
        prop_assert_eq!(read(&bytes, Version::V5), Ok(packet));
    }

    #[test]
    fn a_packet_of_3_1_1_reads_as_it_was_written(packet in packet()) {
        if let Ok(bytes) = write(&packet, Version::V3) {
            if bytes.is_empty() {
                prop_assert!(matches!(packet, Packet::Auth(_)));
                return Ok(());
            }
            let decoded = read(&bytes, Version::V3).unwrap();
            prop_assert_eq!(write(&decoded, Version::V3), Ok(bytes));
        }
    }

    #[test]
    fn the_size_of_any_publish_is_known(packet in packet()) {
        if let Packet::Publish(publish) = &packet {
            let size = PublishView::from(publish).encoded_size(Version::V5);
            prop_assert_eq!(write(&packet, Version::V5).unwrap().len(), size);
        }
    }

    #[test]
    fn packets_in_a_row_come_out_in_a_row(packets in vec(packet(), 1..5)) {
        let mut stream = Vec::new();
        for packet in &packets {
            encode(packet, Version::V5, &mut stream).unwrap();
        }
        let mut rest = stream.as_slice();
        for packet in packets {
            let Ok(Split::Packet { frame, length }) = split(rest, LARGEST_PACKET) else { panic!("{rest:02x?}") };
            prop_assert_eq!(decode(&frame, Version::V5), Ok(packet));
            rest = &rest[length..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..100)) {
        swallow(&bytes);
    }

    #[test]
    fn arbitrary_bodies_never_panic(first in any::<u8>(), body in vec(any::<u8>(), 0..120)) {
        let mut bytes = vec![first, body.len() as u8];
        bytes.extend_from_slice(&body);
        swallow(&bytes);
    }

    #[test]
    fn bodies_of_small_numbers_never_panic(first in any::<u8>(), body in vec(0..48_u8, 0..120)) {
        let mut bytes = vec![first, body.len() as u8];
        bytes.extend_from_slice(&body);
        swallow(&bytes);
    }

    #[test]
    fn damaged_packets_never_panic(packet in packet(), changes in vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut bytes = write(&packet, Version::V5).unwrap();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        swallow(&bytes);
    }

    #[test]
    fn any_text_as_filter_or_topic_never_panics(filter in "[a$+#/]{0,8}|\\$share/.{0,8}", name in "[a$/]{0,8}") {
        let (Ok(filter), Ok(name)) = (TopicFilter::parse(&filter), TopicName::parse(&name)) else { return Ok(()) };
        let _ = filter.matches(&name);
        prop_assert_eq!(TopicFilter::parse(filter.as_str()), Ok(filter));
    }

    #[test]
    fn a_topic_matches_itself_as_a_filter(name in topic(), filter in filter()) {
        if let Ok(same) = TopicFilter::parse(name.as_str()) {
            prop_assert!(same.share().is_some() || same.matches(&name));
        }
        if !filter.has_wildcard() {
            let name = TopicName::parse(filter.filter()).unwrap();
            prop_assert!(filter.matches(&name));
        }
    }
}
