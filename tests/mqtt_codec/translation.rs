//! What becomes of 5.0 when it is written for 3.1.1.

use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Auth, Connack, Disconnect, LARGEST_PACKET, Packet, Properties, Property, QoS, ReasonCode,
    Split, Suback, Subscribe, SubscribeOptions, TopicFilter, Unsuback, Version, dialect, split,
};

use crate::{hex, write};

fn some_properties() -> Properties {
    Properties::new().with(Property::ReasonString("why".into()))
}

#[test]
fn reason_codes_become_return_codes() {
    let table = [
        (ReasonCode::Success, 0),
        (ReasonCode::UnsupportedProtocolVersion, 1),
        (ReasonCode::ClientIdentifierNotValid, 2),
        (ReasonCode::ServerUnavailable, 3),
        (ReasonCode::ServerBusy, 3),
        (ReasonCode::QuotaExceeded, 3),
        (ReasonCode::BadUserNameOrPassword, 4),
        (ReasonCode::NotAuthorized, 5),
        (ReasonCode::Banned, 5),
    ];
    for (reason, code) in table {
        let packet =
            Packet::Connack(Connack { session_present: false, reason, properties: some_properties() });
        assert_eq!(write(&packet, Version::V3), Ok(vec![0x20, 2, 0, code]), "{reason}");
    }
}

#[test]
fn properties_and_outcomes_are_left_out() {
    let packet_id = NonZeroU16::MIN;
    let properties = some_properties();
    let reason = ReasonCode::NotAuthorized;
    let table = [
        (Packet::Pubrec(Acknowledge { packet_id, reason, properties: properties.clone() }), "50 02 00 01"),
        (
            Packet::Suback(Suback {
                packet_id,
                properties: properties.clone(),
                reasons: vec![ReasonCode::GrantedQos1, reason],
            }),
            "90 04 00 01 01 80",
        ),
        (
            Packet::Unsuback(Unsuback { packet_id, properties: properties.clone(), reasons: vec![reason] }),
            "b0 02 00 01",
        ),
        (Packet::Disconnect(Disconnect { reason, properties: properties.clone() }), "e0 00"),
        (Packet::Auth(Auth { reason: ReasonCode::ContinueAuthentication, properties }), ""),
    ];
    for (packet, expected) in table {
        assert_eq!(write(&packet, Version::V3), Ok(hex(expected)), "{packet:?}");
    }
}

#[test]
fn only_the_qos_of_the_options_remains() {
    let filter = TopicFilter::parse("a").unwrap();
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::plain(QoS::AtLeastOnce) };
    let packet = Packet::Subscribe(Subscribe {
        packet_id: NonZeroU16::MIN,
        properties: Properties::new(),
        filters: vec![(filter, options)],
    });
    assert_eq!(write(&packet, Version::V3), Ok(hex("82 06 00 01 00 01 61 01")));
    assert_eq!(write(&packet, Version::V5), Ok(hex("82 07 00 01 00 00 01 61 05")));
}

#[test]
fn a_refused_connect_is_answered_in_its_dialect() {
    let table = [
        ("10 09 00 06 4d 51 49 73 64 70 03", Version::V3), // MQIsdp, level 3
        ("10 07 00 04 4d 51 54 54 04", Version::V3),
        ("10 07 00 04 4d 51 54 54 05", Version::V5),
        ("10 07 00 04 4d 51 54 54 06", Version::V5),
        ("10 00", Version::V5),
    ];
    for (text, expected) in table {
        let mut bytes = hex(text);
        bytes[1] = bytes.len() as u8 - 2;
        let Ok(Split::Packet { frame, .. }) = split(&bytes, LARGEST_PACKET) else { panic!("{text}") };
        assert_eq!(dialect(&frame), expected, "{text}");
    }
}
