//! Strategies that make any packet the codec can write.

use std::num::{NonZeroU16, NonZeroU32};

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Auth, Connack, Connect, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, RetainHandling, Suback, Subscribe, SubscribeOptions, TopicFilter, TopicName, Unsuback,
    Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::write;

/// A packet that can be written for 5.0; a CONNECT may be one of 3.1.1.
pub(crate) fn packet() -> impl Strategy<Value = Packet> {
    (shape(), vec(property(), 0..12), vec(property(), 0..8)).prop_map(|(mut packet, candidates, for_will)| {
        keep_legal(&mut packet, properties_of, candidates);
        keep_legal(&mut packet, will_properties_of, for_will);
        packet
    })
}

/// Tries one property after the other and keeps those with which the packet can still be written.
fn keep_legal(
    packet: &mut Packet,
    place: fn(&mut Packet) -> Option<&mut Properties>,
    candidates: Vec<Property>,
) {
    for candidate in candidates {
        let Some(properties) = place(packet) else { return };
        let before = properties.clone();
        properties.push(candidate);
        if write(packet, Version::V5).is_err() {
            *place(packet).unwrap() = before;
        }
    }
}

fn properties_of(packet: &mut Packet) -> Option<&mut Properties> {
    Some(match packet {
        Packet::Connect(connect) if connect.version == Version::V3 => return None,
        Packet::Connect(connect) => &mut connect.properties,
        Packet::Connack(connack) => &mut connack.properties,
        Packet::Publish(publish) => &mut publish.properties,
        Packet::Puback(step) | Packet::Pubrec(step) | Packet::Pubrel(step) | Packet::Pubcomp(step) => {
            &mut step.properties
        }
        Packet::Subscribe(subscribe) => &mut subscribe.properties,
        Packet::Suback(suback) => &mut suback.properties,
        Packet::Unsubscribe(unsubscribe) => &mut unsubscribe.properties,
        Packet::Unsuback(unsuback) => &mut unsuback.properties,
        Packet::Disconnect(disconnect) => &mut disconnect.properties,
        Packet::Auth(auth) => &mut auth.properties,
        Packet::Pingreq | Packet::Pingresp => return None,
    })
}

fn will_properties_of(packet: &mut Packet) -> Option<&mut Properties> {
    match packet {
        Packet::Connect(connect) if connect.version == Version::V3 => None,
        Packet::Connect(connect) => connect.will.as_mut().map(|will| &mut will.properties),
        _ => None,
    }
}

/// A packet without properties, but for those it cannot do without.
fn shape() -> impl Strategy<Value = Packet> {
    prop_oneof![
        connect().prop_map(|connect| Packet::Connect(Box::new(connect))),
        (any::<bool>(), reasons(&[0, 0x80, 0x84, 0x87, 0x9F])).prop_map(|(session_present, reason)| {
            let session_present = session_present && reason == ReasonCode::Success;
            Packet::Connack(Connack { session_present, reason, properties: Properties::new() })
        }),
        publish().prop_map(Packet::Publish),
        acknowledge(&[0, 0x10, 0x87, 0x99]).prop_map(Packet::Puback),
        acknowledge(&[0, 0x10, 0x91, 0x97]).prop_map(Packet::Pubrec),
        acknowledge(&[0, 0x92]).prop_map(Packet::Pubrel),
        acknowledge(&[0, 0x92]).prop_map(Packet::Pubcomp),
        (packet_id(), vec((filter(), options()), 1..5)).prop_map(|(packet_id, mut filters)| {
            for (filter, options) in &mut filters {
                options.no_local &= filter.share().is_none();
            }
            Packet::Subscribe(Subscribe { packet_id, properties: Properties::new(), filters })
        }),
        (packet_id(), vec(reasons(&[0, 1, 2, 0x80, 0x8F, 0xA2]), 1..5)).prop_map(|(packet_id, reasons)| {
            Packet::Suback(Suback { packet_id, properties: Properties::new(), reasons })
        }),
        (packet_id(), vec(filter(), 1..5)).prop_map(|(packet_id, filters)| {
            Packet::Unsubscribe(Unsubscribe { packet_id, properties: Properties::new(), filters })
        }),
        (packet_id(), vec(reasons(&[0, 0x11, 0x87]), 1..5)).prop_map(|(packet_id, reasons)| {
            Packet::Unsuback(Unsuback { packet_id, properties: Properties::new(), reasons })
        }),
        Just(Packet::Pingreq),
        Just(Packet::Pingresp),
        reasons(&[0, 4, 0x81, 0x8E, 0xA2])
            .prop_map(|reason| Packet::Disconnect(Disconnect { reason, properties: Properties::new() })),
        (reasons(&[0, 0x18, 0x19]), text()).prop_map(|(reason, method)| {
            let properties = Properties::new().with(Property::AuthenticationMethod(method));
            Packet::Auth(Auth { reason, properties })
        }),
    ]
}

fn connect() -> impl Strategy<Value = Connect> {
    let will = (topic(), bytes(), qos(), any::<bool>()).prop_map(|(topic, payload, qos, retain)| Will {
        topic,
        payload,
        qos,
        retain,
        properties: Properties::new(),
    });
    let head = (any::<bool>(), any::<bool>(), any::<u16>(), text());
    (head, option::of(will), option::of(text()), option::of(bytes())).prop_map(
        |((five, clean_start, keep_alive, client_id), will, username, password)| Connect {
            version: if five { Version::V5 } else { Version::V3 },
            clean_start,
            keep_alive,
            client_id,
            will,
            password: password.filter(|_| five || username.is_some()),
            username,
            properties: Properties::new(),
        },
    )
}

fn publish() -> impl Strategy<Value = Publish> {
    let flags = (qos(), any::<bool>(), any::<bool>());
    (flags, option::weighted(0.8, topic()), packet_id(), bytes()).prop_map(
        |((qos, dup, retain), topic, packet_id, payload)| {
            let mut properties = Properties::new();
            if topic.is_none() {
                properties.push(Property::TopicAlias(packet_id));
            }
            let repeats = qos != QoS::AtMostOnce;
            let packet_id = Some(packet_id).filter(|_| repeats);
            Publish { dup: dup && repeats, qos, retain, topic, packet_id, properties, payload }
        },
    )
}

fn acknowledge(codes: &'static [u8]) -> impl Strategy<Value = Acknowledge> {
    (packet_id(), reasons(codes)).prop_map(|(packet_id, reason)| Acknowledge {
        packet_id,
        reason,
        properties: Properties::new(),
    })
}

fn property() -> impl Strategy<Value = Property> {
    prop_oneof![
        any::<bool>().prop_map(Property::PayloadFormatIndicator),
        any::<u32>().prop_map(Property::MessageExpiryInterval),
        text().prop_map(Property::ContentType),
        topic().prop_map(Property::ResponseTopic),
        bytes().prop_map(Property::CorrelationData),
        (1..=268_435_455_u32).prop_map(|n| Property::SubscriptionIdentifier(NonZeroU32::new(n).unwrap())),
        any::<u32>().prop_map(Property::SessionExpiryInterval),
        text().prop_map(Property::AssignedClientIdentifier),
        any::<u16>().prop_map(Property::ServerKeepAlive),
        text().prop_map(Property::AuthenticationMethod),
        bytes().prop_map(Property::AuthenticationData),
        any::<bool>().prop_map(Property::RequestProblemInformation),
        any::<u32>().prop_map(Property::WillDelayInterval),
        any::<bool>().prop_map(Property::RequestResponseInformation),
        text().prop_map(Property::ResponseInformation),
        text().prop_map(Property::ServerReference),
        text().prop_map(Property::ReasonString),
        any::<NonZeroU16>().prop_map(Property::ReceiveMaximum),
        any::<u16>().prop_map(Property::TopicAliasMaximum),
        any::<NonZeroU16>().prop_map(Property::TopicAlias),
        qos().prop_map(Property::MaximumQoS),
        any::<bool>().prop_map(Property::RetainAvailable),
        (text(), text()).prop_map(|(name, value)| Property::UserProperty(name, value)),
        any::<NonZeroU32>().prop_map(Property::MaximumPacketSize),
        any::<bool>().prop_map(Property::WildcardSubscriptionAvailable),
        any::<bool>().prop_map(Property::SubscriptionIdentifierAvailable),
        any::<bool>().prop_map(Property::SharedSubscriptionAvailable),
    ]
}

fn options() -> impl Strategy<Value = SubscribeOptions> {
    let handling = select(&[RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]);
    (qos(), any::<bool>(), any::<bool>(), handling).prop_map(
        |(qos, no_local, retain_as_published, retain_handling)| SubscribeOptions {
            qos,
            no_local,
            retain_as_published,
            retain_handling,
        },
    )
}

fn reasons(codes: &'static [u8]) -> impl Strategy<Value = ReasonCode> {
    select(codes).prop_map(|byte| ReasonCode::from_byte(byte).unwrap())
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    any::<NonZeroU16>()
}

fn qos() -> impl Strategy<Value = QoS> {
    (0..3_u8).prop_map(|bits| QoS::from_bits(bits).unwrap())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn text() -> impl Strategy<Value = String> {
    "[^\\x00]{0,12}"
}

pub(crate) fn topic() -> impl Strategy<Value = TopicName> {
    "[^\\x00+#]{1,12}".prop_map(|name| TopicName::parse(&name).unwrap())
}

pub(crate) fn filter() -> impl Strategy<Value = TopicFilter> {
    let share = prop_oneof![3 => Just(String::new()), 1 => "\\$share/[^\\x00+#/]{1,4}/"];
    let level = prop_oneof![1 => Just("+".to_owned()), 2 => "[a-c]{0,2}"];
    (share, vec(level, 0..4), any::<bool>()).prop_map(|(share, mut levels, all)| {
        if all {
            levels.push("#".to_owned());
        }
        let filter = levels.join("/");
        let filter = if filter.is_empty() { "a".to_owned() } else { filter };
        TopicFilter::parse(&format!("{share}{filter}")).unwrap()
    })
}
