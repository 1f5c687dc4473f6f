//! Messages on their way through: quality of service, identifiers, flags, names, and the subscriptions that they meet.

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode, Suback,
    Subscribe, SubscribeOptions, TopicFilter, Unsubscribe,
};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish};

const QUALITIES: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn filters(texts: &[&str]) -> Vec<TopicFilter> {
    texts.iter().map(|text| TopicFilter::parse(text).expect("valid")).collect()
}

fn next(client: &mut MqttClient) -> Publish {
    match client.receive() {
        Packet::Publish(publish) => publish,
        other => panic!("no message: {other:?}"),
    }
}

/// Nothing has come and nothing is under way before the answer to a PINGREQ.
fn is_quiet(client: &mut MqttClient) -> bool {
    client.send(&Packet::Pingreq);
    client.receive() == Packet::Pingresp // [MQTT-3.12.4-1]
}

/// A publication of this quality, with this identifier where it has one.
fn of(qos: QoS, number: u16, topic: &str, payload: &str) -> Publish {
    let packet_id = PacketId::new(number).filter(|_| qos != QoS::AtMostOnce);
    Publish { qos, packet_id, ..publish(topic, payload) }
}

// [MQTT-3.3.4-1] [MQTT-2.2.1-5] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11]
#[test]
fn every_quality_is_acknowledged_in_its_own_way() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.send(&Packet::Publish(of(QoS::AtMostOnce, 0, "t", "x")));
    assert!(is_quiet(&mut client));
    client.send(&Packet::Publish(of(QoS::AtLeastOnce, 7, "t", "x")));
    assert!(matches!(client.receive(), Packet::Puback(ack) if ack.packet_id.get() == 7));
    client.send(&Packet::Publish(of(QoS::ExactlyOnce, 9, "t", "x")));
    assert!(matches!(client.receive(), Packet::Pubrec(ack) if ack.packet_id.get() == 9));
    client.send(&Packet::Pubrel(Acknowledge::success(PacketId::new(9).expect("not 0"))));
    assert!(matches!(client.receive(), Packet::Pubcomp(ack) if ack.packet_id.get() == 9));
}

// [MQTT-3.8.4-8] [MQTT-4.3.1-1] [MQTT-4.3.2-1..2] [MQTT-4.3.3-1..2] [MQTT-2.2.1-2] [MQTT-2.2.1-4]
#[test]
fn a_message_has_the_lesser_quality_of_publication_and_subscription() {
    let gatekeeper = Gatekeeper::start();
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    let mut receiver = MqttClient::connect(gatekeeper.mqtt(), "receiver");
    let mut ids = Vec::new();
    for granted in QUALITIES {
        receiver.subscribe_with("t", SubscribeOptions::plain(granted), Properties::new());
        for (number, published) in (1..).zip(QUALITIES) {
            sender.send(&Packet::Publish(of(published, number, "t", "x")));
            let got = next(&mut receiver);
            assert_eq!((got.qos, got.dup), (published.min(granted), false));
            assert_eq!(got.packet_id.is_some(), got.qos != QoS::AtMostOnce);
            ids.extend(got.packet_id);
            if published == QoS::ExactlyOnce {
                sender.send(&Packet::Pubrel(Acknowledge::success(PacketId::new(number).expect("not 0"))));
            }
        }
    }
    // None of them was acknowledged, so that all are in use [MQTT-4.3.2-3] [MQTT-4.3.3-3].
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (4, 4));
}

// [MQTT-3.3.1-3] [MQTT-4.3.2-5]
#[test]
fn what_is_marked_as_repeated_is_new_after_its_acknowledgement_and_passed_on_unmarked() {
    let gatekeeper = Gatekeeper::start();
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    let mut receiver = MqttClient::connect(gatekeeper.mqtt(), "receiver");
    receiver.subscribe("t");
    for payload in ["first", "second"] {
        sender.send(&Packet::Publish(Publish { dup: true, ..of(QoS::AtLeastOnce, 7, "t", payload) }));
        assert!(matches!(sender.receive(), Packet::Puback(_)));
        let got = next(&mut receiver);
        assert_eq!((got.dup, &got.payload[..]), (false, payload.as_bytes()));
    }
}

// [MQTT-4.3.3-13] [MQTT-3.3.2-5]
#[test]
fn a_message_whose_time_has_passed_is_acknowledged_all_the_same() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("t");
    let properties = Properties::new().with(Property::MessageExpiryInterval(0));
    client.send(&Packet::Publish(Publish { properties, ..of(QoS::ExactlyOnce, 9, "t", "late") }));
    assert!(matches!(client.receive(), Packet::Pubrec(ack) if ack.reason == ReasonCode::Success));
    client.send(&Packet::Pubrel(Acknowledge::success(PacketId::new(9).expect("not 0"))));
    assert!(matches!(client.receive(), Packet::Pubcomp(ack) if ack.reason == ReasonCode::Success));
    assert!(is_quiet(&mut client));
}

// [MQTT-4.4.0-2] [MQTT-4.3.3-4]
#[test]
fn what_the_client_refuses_is_not_sent_again() {
    let gatekeeper = Gatekeeper::start();
    let properties = Properties::new().with(Property::SessionExpiryInterval(3600));
    let connect = Connect { clean_start: false, properties, ..connect("picky") };
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), connect.clone());
    client.subscribe_with("t", SubscribeOptions::plain(QoS::ExactlyOnce), Properties::new());
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        sender.send(&Packet::Publish(of(qos, 1, "t", "x")));
        let packet_id = next(&mut client).packet_id.expect("not QoS 0");
        let reason = ReasonCode::QuotaExceeded;
        let refused = Acknowledge { reason, ..Acknowledge::success(packet_id) };
        client.send(&if qos == QoS::AtLeastOnce { Packet::Puback(refused) } else { Packet::Pubrec(refused) });
    }
    assert!(is_quiet(&mut client), "no PUBREL");
    let (mut client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect);
    assert!(connack.session_present && is_quiet(&mut client));
}

// [MQTT-3.8.4-1..2] [MQTT-3.8.4-5..7] [MQTT-3.9.3-1] [MQTT-2.2.1-6]
#[test]
fn many_filters_are_answered_together_and_in_their_order() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let packet_id = PacketId::new(77).expect("not 0");
    let deep = "/".repeat(40);
    let wanted = filters(&["a", &deep, "b", "a"]).into_iter().zip([2, 1, 0, 1]);
    let options = |qos| SubscribeOptions::plain(QUALITIES[qos]);
    let wanted = wanted.map(|(filter, qos)| (filter, options(qos))).collect();
    client.send(&Packet::Subscribe(Subscribe { packet_id, properties: Properties::new(), filters: wanted }));
    let reasons = vec![
        ReasonCode::GrantedQos2,
        ReasonCode::QuotaExceeded,
        ReasonCode::Success,
        ReasonCode::GrantedQos1,
    ];
    let expected = Suback { packet_id, properties: Properties::new(), reasons };
    assert_eq!(client.receive(), Packet::Suback(expected));
    // [MQTT-3.8.4-3] The last of the same filter is the one that holds.
    client.send(&Packet::Publish(of(QoS::ExactlyOnce, 1, "a", "x")));
    let got = [client.receive(), client.receive()];
    let publishes = got.iter().filter_map(|packet| match packet {
        Packet::Publish(publish) => Some(publish.qos),
        _ => None,
    });
    assert_eq!(publishes.collect::<Vec<_>>(), [QoS::AtLeastOnce]);
}

// [MQTT-3.10.4-1] [MQTT-3.10.4-4..6] [MQTT-3.11.3-1] [MQTT-2.2.1-6]
#[test]
fn subscriptions_end_by_the_letter_and_are_answered_together() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("a/+");
    client.subscribe("b");
    let packet_id = PacketId::new(78).expect("not 0");
    let filters = filters(&["a/x", "b", "A/+", "b"]);
    client.send(&Packet::Unsubscribe(Unsubscribe { packet_id, properties: Properties::new(), filters }));
    let Packet::Unsuback(answer) = client.receive() else { panic!("no UNSUBACK") };
    let none = ReasonCode::NoSubscriptionExisted;
    assert_eq!((answer.packet_id, answer.reasons), (packet_id, vec![none, ReasonCode::Success, none, none]));
    client.send(&Packet::Publish(publish("b", "x")));
    client.send(&Packet::Publish(publish("a/x", "y")));
    assert_eq!(next(&mut client).payload, b"y", "and nothing of the other");
}

// [MQTT-3.10.4-2..3]
#[test]
fn what_was_begun_is_finished_after_the_subscription_has_ended() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe_with("t", SubscribeOptions::plain(QoS::ExactlyOnce), Properties::new());
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    sender.send(&Packet::Publish(of(QoS::ExactlyOnce, 1, "t", "x")));
    let packet_id = next(&mut client).packet_id.expect("QoS 2");
    client.unsubscribe("t");
    client.send(&Packet::Pubrec(Acknowledge::success(packet_id)));
    assert!(matches!(client.receive(), Packet::Pubrel(pubrel) if pubrel.packet_id == packet_id));
    client.send(&Packet::Pubcomp(Acknowledge::success(packet_id)));
    assert_eq!(sender.publish(publish("t", "y")).reason, ReasonCode::NoMatchingSubscribers);
    assert!(is_quiet(&mut client));
}

// [MQTT-3.8.4-3..4]
#[test]
fn a_subscription_is_replaced_without_losing_anything() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("t/#");
    let address = gatekeeper.mqtt();
    let flood = std::thread::spawn(move || {
        let mut sender = MqttClient::connect(address, "sender");
        for number in 0..300 {
            sender.publish(publish("t/x", &number.to_string()));
        }
    });
    for _ in 0..100 {
        client.subscribe("t/#");
    }
    for number in 0..300 {
        assert_eq!(client.message_on("t/x"), number.to_string());
    }
    flood.join().expect("it ends well");
}

// [MQTT-3.3.1-7..8]
#[test]
fn only_what_is_marked_changes_what_is_retained() {
    let gatekeeper = Gatekeeper::start();
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    let kept = |gatekeeper: &Gatekeeper| {
        let mut late = MqttClient::connect(gatekeeper.mqtt(), "");
        late.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
        late.send(&Packet::Pingreq);
        match late.receive() {
            Packet::Publish(publish) => Some((publish.qos, publish.payload)),
            _ => None,
        }
    };
    // [MQTT-3.3.1-5] It keeps its quality.
    sender.publish(Publish { retain: true, ..publish("t", "kept") });
    sender.publish(publish("t", "passing"));
    sender.publish(publish("t", ""));
    assert_eq!(kept(&gatekeeper), Some((QoS::AtLeastOnce, b"kept".to_vec())));
    sender.send(&Packet::Publish(Publish { retain: true, ..publish("t", "newer") }));
    sender.publish(publish("t", ""));
    assert_eq!(kept(&gatekeeper), Some((QoS::AtMostOnce, b"newer".to_vec())));
    sender.publish(Publish { retain: true, ..publish("t", "") });
    assert_eq!(kept(&gatekeeper), None);
}

// [MQTT-1.5.4-3] [MQTT-4.7.3-4] [MQTT-3.3.2-3]
#[test]
fn names_are_taken_as_they_are() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    // A byte order mark, and the same letter in two ways of writing it.
    let names = ["\u{FEFF}t", "t", "\u{E9}", "e\u{301}", "T", "t/", "/t"];
    names.iter().for_each(|name| assert_eq!(client.subscribe(name), ReasonCode::Success));
    for name in names {
        client.send(&Packet::Publish(publish(name, name)));
        let got = next(&mut client);
        assert_eq!((got.topic.expect("a topic").as_str(), &got.payload[..]), (name, name.as_bytes()));
        assert!(is_quiet(&mut client), "{name} came once");
    }
}
