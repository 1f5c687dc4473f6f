//! The fast path for messages, and what cannot be written.

use std::num::{NonZeroU16, NonZeroU32};

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Disconnect, Malformed, Packet, Properties, Property, PublishView, QoS, ReasonCode,
    TopicName, Version,
};

use crate::{read, write};

fn view(topic: Option<&TopicName>) -> PublishView<'_> {
    PublishView {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: &[],
        delivery_properties: &[],
        payload: b"ON",
    }
}

fn encoded(view: &PublishView<'_>, version: Version) -> Result<Vec<u8>, Malformed> {
    let mut out = b"before".to_vec();
    let result = view.encode(version, &mut out);
    assert!(out.starts_with(b"before"));
    if result.is_err() {
        assert_eq!(out, b"before");
    }
    result.map(|()| out.split_off(6))
}

#[test]
fn a_delivery_adds_its_own_properties() {
    let topic = TopicName::parse("a/b").unwrap();
    let view = PublishView {
        properties: &[Property::ContentType("text".into())],
        delivery_properties: &[Property::SubscriptionIdentifier(NonZeroU32::MIN)],
        ..view(Some(&topic))
    };
    let bytes = encoded(&view, Version::V5).unwrap();
    assert_eq!(bytes.len(), view.encoded_size(Version::V5));
    let Ok(Packet::Publish(publish)) = read(&bytes, Version::V5) else { panic!("no PUBLISH") };
    assert_eq!(publish.properties.content_type(), Some("text"));
    assert_eq!(publish.properties.subscription_ids().collect::<Vec<_>>(), [NonZeroU32::MIN]);
}

#[test]
fn the_size_is_known_before_writing() {
    let topic = TopicName::parse("a").unwrap();
    for length in
        [0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16_377, 16_378, 16_379, 16_380, 2_097_151]
    {
        let payload = vec![0; length];
        for version in [Version::V3, Version::V5] {
            let view = PublishView { payload: &payload, ..view(Some(&topic)) };
            assert_eq!(encoded(&view, version).unwrap().len(), view.encoded_size(version), "{length}");
        }
    }
}

#[test]
fn a_contradictory_publish_is_not_written() {
    let topic = TopicName::parse("a").unwrap();
    let plain = view(Some(&topic));
    let twice = [Property::ContentType("a".into())];
    let wrong = [
        ("no topic and no alias", PublishView { topic: None, ..plain }),
        ("QoS 1 without an identifier", PublishView { qos: QoS::AtLeastOnce, ..plain }),
        ("QoS 0 with an identifier", PublishView { packet_id: Some(NonZeroU16::MIN), ..plain }),
        ("QoS 0 repeated", PublishView { dup: true, ..plain }),
        ("a property twice", PublishView { properties: &twice, delivery_properties: &twice, ..plain }),
        ("a foreign property", PublishView { properties: &[Property::ServerKeepAlive(1)], ..plain }),
    ];
    for (what, view) in wrong {
        assert!(encoded(&view, Version::V5).is_err(), "{what}");
    }
    let alias = [Property::TopicAlias(NonZeroU16::MIN)];
    let alias_alone = PublishView { topic: None, properties: &alias, ..plain };
    assert!(encoded(&alias_alone, Version::V5).is_ok());
    assert!(encoded(&alias_alone, Version::V3).is_err());
}

#[test]
fn what_no_receiver_would_take_is_not_written() {
    let disconnect = |property| {
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::Success,
            properties: Properties::new().with(property),
        })
    };
    let connect = |version, client_id: String, username: Option<String>| {
        Packet::Connect(Box::new(Connect {
            version,
            clean_start: true,
            keep_alive: 0,
            client_id,
            will: None,
            username,
            password: Some(Vec::new()),
            properties: Properties::new(),
        }))
    };
    let long = "a".repeat(65_536);
    let reason = ReasonCode::ServerBusy;
    let wrong = [
        disconnect(Property::ReasonString(long.clone())),
        disconnect(Property::ReasonString("\0".into())),
        disconnect(Property::TopicAliasMaximum(1)),
        connect(Version::V5, long, None),
        connect(Version::V5, "\0".into(), None),
        connect(Version::V3, "a".into(), None),
        Packet::Puback(Acknowledge { reason, ..Acknowledge::success(NonZeroU16::MIN) }),
    ];
    for packet in wrong {
        assert!(write(&packet, Version::V5).is_err(), "{packet:?}");
    }
    assert!(write(&connect(Version::V5, "a".into(), None), Version::V5).is_ok());
    assert!(write(&connect(Version::V3, "a".into(), Some("b".into())), Version::V3).is_ok());
}
