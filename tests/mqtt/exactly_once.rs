//! QoS 2 in both directions: whatever is sent twice is done once.

use gpio_gatekeeper::hardware::Level;
use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Packet, PacketId, Properties, Publish, QoS, ReasonCode, SubscribeOptions, Version,
};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish};

fn twice(id: PacketId, topic: &str, payload: &str) -> Publish {
    Publish { qos: QoS::ExactlyOnce, packet_id: Some(id), ..publish(topic, payload) }
}

fn pubrec(client: &mut MqttClient) -> Acknowledge {
    match client.receive() {
        Packet::Pubrec(acknowledge) => acknowledge,
        other => panic!("no PUBREC: {other:?}"),
    }
}

/// Sends PUBREL and gives the reason of the PUBCOMP.
fn release(client: &mut MqttClient, id: PacketId) -> ReasonCode {
    client.send(&Packet::Pubrel(Acknowledge::success(id)));
    match client.receive() {
        Packet::Pubcomp(acknowledge) if acknowledge.packet_id == id => acknowledge.reason,
        other => panic!("no PUBCOMP: {other:?}"),
    }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

// [MQTT-4.3.3-10] [MQTT-4.3.3-12]
#[test]
fn a_command_that_is_sent_again_is_not_done_again() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let toggle = twice(id(7), "pi/devices/led/set", "TOGGLE");
    client.send(&Packet::Publish(toggle.clone()));
    assert_eq!(pubrec(&mut client).reason, ReasonCode::Success);
    for _ in 0..3 {
        client.send(&Packet::Publish(Publish { dup: true, ..toggle.clone() }));
        assert_eq!(pubrec(&mut client).reason, ReasonCode::Success);
    }
    assert_eq!(gatekeeper.level(17), Level::High, "toggled once");
    assert_eq!(release(&mut client, id(7)), ReasonCode::Success);
    assert_eq!(release(&mut client, id(7)), ReasonCode::PacketIdentifierNotFound);
    // The same identifier is now another message.
    client.send(&Packet::Publish(toggle));
    pubrec(&mut client);
    assert_eq!(gatekeeper.level(17), Level::Low);
}

// [MQTT-4.3.3-9]
#[test]
fn a_refused_message_is_done_with_at_once() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.send(&Packet::Publish(twice(id(1), "pi/devices/led/set", "7")));
    let refused = pubrec(&mut client);
    assert_eq!(refused.reason, ReasonCode::PayloadFormatInvalid);
    assert!(refused.properties.reason_string().is_some_and(|words| words.starts_with("OUT_OF_RANGE: ")));
    assert_eq!(release(&mut client, id(1)), ReasonCode::PacketIdentifierNotFound);
    client.send(&Packet::Publish(twice(id(1), "pi/devices/led/set", "1")));
    assert_eq!(pubrec(&mut client).reason, ReasonCode::Success);
}

// [MQTT-4.3.3-4..5] [MQTT-2.2.1-5]
#[test]
fn a_message_passes_through_both_handshakes() {
    let gatekeeper = Gatekeeper::start();
    let mut receiver = MqttClient::connect(gatekeeper.mqtt(), "receiver");
    let options = SubscribeOptions::plain(QoS::ExactlyOnce);
    assert_eq!(receiver.subscribe_with("t", options, Properties::new()), ReasonCode::GrantedQos2);
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    sender.send(&Packet::Publish(twice(id(1), "t", "once")));
    assert_eq!(pubrec(&mut sender).reason, ReasonCode::Success);
    assert_eq!(release(&mut sender, id(1)), ReasonCode::Success);
    let Packet::Publish(got) = receiver.receive() else { panic!("no message") };
    assert_eq!((got.qos, &got.payload[..]), (QoS::ExactlyOnce, &b"once"[..]));
    let got = got.packet_id.expect("QoS 2");
    for _ in 0..2 {
        receiver.send(&Packet::Pubrec(Acknowledge::success(got)));
        match receiver.receive() {
            Packet::Pubrel(pubrel) => {
                assert_eq!((pubrel.packet_id, pubrel.reason), (got, ReasonCode::Success))
            }
            other => panic!("{other:?}"),
        }
    }
    receiver.send(&Packet::Pubcomp(Acknowledge::success(got)));
    receiver.send(&Packet::Pubrec(Acknowledge::success(got)));
    match receiver.receive() {
        Packet::Pubrel(pubrel) => assert_eq!(pubrel.reason, ReasonCode::PacketIdentifierNotFound),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_subscribed_is_told_in_the_first_half() {
    let gatekeeper = Gatekeeper::start();
    let mut sender = MqttClient::connect(gatekeeper.mqtt(), "sender");
    sender.send(&Packet::Publish(twice(id(1), "nobody/listens", "x")));
    assert_eq!(pubrec(&mut sender).reason, ReasonCode::NoMatchingSubscribers);
    assert_eq!(release(&mut sender, id(1)), ReasonCode::Success);
}

// [MQTT-3.3.4-7]
#[test]
fn too_many_open_messages_end_the_connection() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for number in 1..=32 {
        client.send(&Packet::Publish(twice(id(number), "t", "x")));
        pubrec(&mut client);
    }
    client.send(&Packet::Publish(twice(id(33), "t", "x")));
    match client.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::ReceiveMaximumExceeded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn older_clients_have_it_too() {
    let gatekeeper = Gatekeeper::start();
    let v3 = |name: &str| Connect { version: Version::V3, ..connect(name) };
    let mut client = MqttClient::connect_with(gatekeeper.mqtt(), v3("old")).0;
    let options = SubscribeOptions::plain(QoS::ExactlyOnce);
    assert_eq!(client.subscribe_with("t", options, Properties::new()), ReasonCode::GrantedQos2);
    client.send(&Packet::Publish(twice(id(5), "t", "x")));
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match client.receive() {
            Packet::Pubrec(acknowledge) => seen.push(acknowledge.packet_id),
            Packet::Publish(publish) => seen.push(publish.packet_id.expect("QoS 2")),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(release(&mut client, id(5)), ReasonCode::Success);
}
