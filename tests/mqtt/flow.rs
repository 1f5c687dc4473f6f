//! Flow control: how much each side may have under way, and what comes of too much.

use std::num::{NonZeroU16, NonZeroU32};

use gpio_gatekeeper::daemon::{Daemon, Ending};
use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions,
    Version,
};

use super::support::faulty::{self, Fault, Switch};
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::{DEMO_DEVICES, Gatekeeper};

/// What a client may have under way.
const WINDOW: u16 = 32;

/// A daemon whose relay does not answer.
fn stuck() -> (Daemon, Switch) {
    let (hardware, _board, switch) = faulty::hardware();
    let daemon = Gatekeeper::daemon("", DEMO_DEVICES, hardware);
    switch.set(27, Fault::Stuck);
    (daemon, switch)
}

fn toggle(number: u16, qos: QoS) -> Packet {
    let packet_id = PacketId::new(number);
    Packet::Publish(Publish { qos, packet_id, ..publish("pi/devices/relay/set", "TOGGLE") })
}

/// Every second one with QoS 2.
fn mixed(number: u16) -> Packet {
    toggle(number, if number % 2 == 0 { QoS::ExactlyOnce } else { QoS::AtLeastOnce })
}

fn is_alive(client: &mut MqttClient) -> bool {
    client.send(&Packet::Pingreq);
    client.receive() == Packet::Pingresp
}

#[test]
fn with_all_that_it_may_have_under_way_a_client_is_still_heard() {
    let (daemon, switch) = stuck();
    let mut client = MqttClient::connect(daemon.mqtt_address().expect("on"), "modest");
    (1..=WINDOW).for_each(|number| client.send(&mixed(number)));
    assert!(is_alive(&mut client), "[MQTT-4.9.0-3]");
    switch.mend();
    assert!(daemon.stop(Ending::Asked));
}

#[test]
fn a_burst_of_a_client_that_knows_of_no_window_waits() {
    let gatekeeper = Gatekeeper::start();
    for version in [Version::V5, Version::V3] {
        let connect = Connect { version, ..connect("hasty") };
        let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), connect);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            (1..=1000).for_each(|number| client.send(&toggle(number, qos)));
            for number in 1..=1000 {
                match client.receive() {
                    Packet::Puback(ack) | Packet::Pubrec(ack) => assert_eq!(ack.packet_id.get(), number),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(is_alive(&mut client));
    }
}

// [MQTT-3.3.4-7]
#[test]
fn who_never_releases_anything_is_disconnected() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"commands_per_second": 1000000},"#, DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "greedy");
    for number in 1..=4096 {
        client.send(&toggle(number, QoS::ExactlyOnce));
        assert!(matches!(client.receive(), Packet::Pubrec(_)));
    }
    client.send(&toggle(4097, QoS::ExactlyOnce));
    match client.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::ReceiveMaximumExceeded),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.next(), None);
}

#[test]
fn who_keeps_to_the_window_is_never_disconnected_however_late_the_answers_are() {
    let (daemon, switch) = stuck();
    let mut client = MqttClient::connect(daemon.mqtt_address().expect("on"), "modest");
    (1..=WINDOW).for_each(|number| client.send(&mixed(number)));
    assert!(is_alive(&mut client));
    switch.mend();
    let (mut next, mut done) = (WINDOW + 1, 0);
    while done < 500 {
        match client.receive() {
            Packet::Pubrec(pubrec) => {
                client.send(&Packet::Pubrel(Acknowledge::success(pubrec.packet_id)));
                continue;
            }
            Packet::Puback(_) | Packet::Pubcomp(_) => done += 1,
            other => panic!("{other:?}"),
        }
        client.send(&mixed(next));
        next += 1;
    }
    assert!(daemon.stop(Ending::Asked));
}

#[test]
fn an_older_client_that_was_told_no_window_waits() {
    let (daemon, switch) = stuck();
    let v3 = Connect { version: Version::V3, ..connect("old") };
    let mut client = MqttClient::connect_with(daemon.mqtt_address().expect("on"), v3).0;
    (1..=2 * WINDOW).for_each(|number| client.send(&toggle(number, QoS::AtLeastOnce)));
    switch.mend();
    for number in 1..=2 * WINDOW {
        assert!(matches!(client.receive(), Packet::Puback(ack) if ack.packet_id.get() == number));
    }
    assert!(daemon.stop(Ending::Asked));
}

/// The window is that of the connection, whatever an earlier one has left.
#[test]
fn a_session_that_goes_on_begins_with_a_whole_window() {
    let gatekeeper = Gatekeeper::start();
    let properties = Properties::new().with(Property::SessionExpiryInterval(3600));
    let connect = Connect { clean_start: false, properties, ..connect("me") };
    for connection in 0..2 {
        let (mut client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect.clone());
        assert_eq!(connack.session_present, connection > 0);
        for number in 1..=WINDOW {
            client.send(&toggle(connection * WINDOW + number, QoS::ExactlyOnce));
            assert!(matches!(client.receive(), Packet::Pubrec(_)));
        }
        assert!(is_alive(&mut client), "{connection}");
    }
}

// [MQTT-3.1.2-24..25]
#[test]
fn what_is_too_large_for_a_subscriber_counts_as_sent() {
    let gatekeeper = Gatekeeper::start();
    let mut narrow = connect("narrow");
    narrow.properties = Properties::new()
        .with(Property::MaximumPacketSize(NonZeroU32::new(64).expect("not 0")))
        .with(Property::ReceiveMaximum(NonZeroU16::MIN));
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), narrow);
    client.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for payload in ["x".repeat(64), "x".repeat(1000), "small".to_owned()] {
        publisher.publish(publish("t", &payload));
    }
    assert_eq!(client.message_on("t"), "small", "and nothing waits for what was not sent");
}

// [MQTT-3.3.4-9..10] [MQTT-4.9.0-1..2]
#[test]
fn unacknowledged_messages_fill_the_window_and_no_more() {
    let gatekeeper = Gatekeeper::start();
    let mut narrow = connect("narrow");
    narrow.properties = Properties::new().with(Property::ReceiveMaximum(NonZeroU16::new(2).expect("not 0")));
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), narrow);
    client.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for payload in ["1", "2", "3", "4"] {
        publisher.publish(publish("t", payload));
    }
    let next = |client: &mut MqttClient| match client.receive() {
        Packet::Publish(publish) => publish,
        other => panic!("{other:?}"),
    };
    let (one, two) = (next(&mut client), next(&mut client));
    assert!(is_alive(&mut client), "the third waits");
    let acknowledge = |id| Packet::Puback(Acknowledge::success(id));
    client.send(&acknowledge(one.packet_id.expect("QoS 1")));
    assert_eq!(next(&mut client).payload, b"3");
    client.send(&acknowledge(two.packet_id.expect("QoS 1")));
    assert_eq!(next(&mut client).payload, b"4");
}

#[test]
fn who_holds_a_lease_is_served_before_those_who_came_first() {
    let (hardware, _board, switch) = faulty::hardware();
    let daemon = Gatekeeper::daemon("", DEMO_DEVICES, hardware);
    let client = |id| MqttClient::connect(daemon.mqtt_address().expect("on"), id);
    let mut watcher = client("watcher");
    watcher.subscribe("pi/logs/audit");
    let mut holder = client("holder");
    let lease = publish("pi/rpc/commands", r#"{"device": "led", "method": "lease"}"#);
    assert_eq!(holder.publish(lease).reason, ReasonCode::Success);
    switch.set(27, Fault::Stuck);
    let mut crowd = client("crowd");
    (1..=5).for_each(|number| crowd.send(&toggle(number, QoS::AtLeastOnce)));
    assert!(is_alive(&mut crowd), "its commands are with the hardware thread");
    let mut others = client("others");
    (1..=5).for_each(|_| others.send(&Packet::Publish(publish("pi/devices/lamp/set", "TOGGLE"))));
    assert!(is_alive(&mut others));
    holder.send(&Packet::Publish(publish("pi/devices/led/set", "ON")));
    assert!(is_alive(&mut holder));
    switch.mend();
    let mut order = Vec::new();
    while order.len() < 11 {
        let entry: serde_json::Value =
            serde_json::from_str(&watcher.message_on("pi/logs/audit")).expect("JSON");
        order.extend(
            entry["client"].as_str().filter(|_| entry["action"] != "lease(ttl=30s)").map(str::to_owned),
        );
    }
    let turn = |who: &str| order.iter().position(|client| client == who);
    assert!(turn("holder") < turn("others"), "{order:?}");
    assert!(daemon.stop(Ending::Asked));
}
