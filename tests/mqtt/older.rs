//! Clients of MQTT 3.1.1: their own answers, and nothing that they do not know.

use std::io::{Read, Write};
use std::net::TcpStream;

use gpio_gatekeeper::wire::mqtt::{
    Connect, Packet, Properties, Publish, QoS, ReasonCode, SubscribeOptions, Version,
};

use super::support::faulty::{self, Fault};
use super::support::mqtt::{MqttClient, connect, publish, will};
use super::support::{DEMO_DEVICES, Gatekeeper, PATIENCE};

fn v3(client_id: &str) -> Connect {
    Connect { version: Version::V3, ..connect(client_id) }
}

/// Everything that comes in answer to these bytes, until the connection is closed.
fn answer(gatekeeper: &Gatekeeper, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(gatekeeper.mqtt()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(bytes).expect("it reads");
    let (mut all, mut chunk) = (Vec::new(), [0; 256]);
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        all.extend_from_slice(&chunk[..read]);
    }
    all
}

/// A CONNECT of this level and flags, with this after the keep alive.
fn bytes(level: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let body = [&[0, 4, b'M', b'Q', b'T', b'T', level, flags, 0, 60], payload].concat();
    [&[0x10, u8::try_from(body.len()).expect("short")], &body[..]].concat()
}

const CLEAN: u8 = 2;

// Table 3.1 of 3.1.1
#[test]
fn a_refusal_is_a_return_code() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 1},"#, DEMO_DEVICES);
    let good = bytes(4, CLEAN, &[0, 1, b'a']);
    let mqisdp = b"\x10\x0F\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x01a".to_vec();
    assert_eq!(answer(&gatekeeper, &mqisdp), [0x20, 2, 0, 1], "version 3.1");
    assert_eq!(answer(&gatekeeper, &bytes(3, CLEAN, &[0, 1, b'a'])), [0x20, 2, 0, 1], "level 3");
    assert_eq!(answer(&gatekeeper, &bytes(4, 0, &[0, 0])), [0x20, 2, 0, 2], "a session without a name");
    let forbidden = [&[0, 1, b'a', 0, 9][..], b"pi/status", &[0, 0]].concat();
    assert_eq!(answer(&gatekeeper, &bytes(4, CLEAN | 4, &forbidden)), [0x20, 2, 0, 5], "a forbidden will");
    let _only = MqttClient::connect(gatekeeper.mqtt(), "only");
    assert_eq!(answer(&gatekeeper, &good), [0x20, 2, 0, 3], "no room");
}

// [3.1.1: MQTT-3.2.2-6]
#[test]
fn what_has_no_return_code_is_not_answered() {
    let gatekeeper = Gatekeeper::start();
    for (name, connect) in [
        ("reserved flag", bytes(4, CLEAN | 1, &[0, 1, b'a'])),
        ("password alone", bytes(4, CLEAN | 0x40, &[0, 1, b'a', 0, 0])),
        ("leftovers", bytes(4, CLEAN, &[0, 1, b'a', 0])),
        ("will topic with a wildcard", bytes(4, CLEAN | 4, &[0, 1, b'a', 0, 1, b'#', 0, 0])),
    ] {
        assert!(answer(&gatekeeper, &connect).is_empty(), "{name}");
    }
}

#[test]
fn a_violation_ends_the_connection_without_words() {
    let gatekeeper = Gatekeeper::start();
    let connack = [0x20, 2, 0, 0];
    for (name, packet) in [
        ("a second CONNECT", bytes(4, CLEAN, &[0, 1, b'a'])),
        ("QoS 3", vec![0x36, 5, 0, 1, b't', 0, 1]),
        ("AUTH", vec![0xF0, 0]),
        ("options of 5.0", vec![0x82, 6, 0, 1, 0, 1, b't', 4]),
        ("a topic alias", vec![0x30, 2, 0, 0]),
    ] {
        let both = [bytes(4, CLEAN, &[0, 1, b'a']), packet].concat();
        assert_eq!(answer(&gatekeeper, &both), connack, "{name}");
    }
}

#[test]
fn a_refused_subscription_is_0x80() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"subscriptions": 1},"#, DEMO_DEVICES);
    let mut client = MqttClient::connect_with(gatekeeper.mqtt(), v3("old")).0;
    assert_eq!(client.subscribe("a"), ReasonCode::Success);
    assert_eq!(client.subscribe("b"), ReasonCode::UnspecifiedError);
    assert_eq!(client.unsubscribe("b"), ReasonCode::Success, "an UNSUBACK says nothing");
}

#[test]
fn nothing_of_what_newer_clients_send_reaches_an_older_one_but_the_message() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect_with(gatekeeper.mqtt(), v3("old")).0;
    client.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    let mut newer = MqttClient::connect(gatekeeper.mqtt(), "new");
    let properties = Properties::new()
        .with(gpio_gatekeeper::wire::mqtt::Property::ContentType("text/plain".into()))
        .with(gpio_gatekeeper::wire::mqtt::Property::MessageExpiryInterval(60));
    newer.publish(Publish { properties, ..publish("t", "x") });
    let got = client.message();
    assert_eq!((got.properties.is_empty(), &got.payload[..]), (true, &b"x"[..]));
}

#[test]
fn who_is_taken_over_is_closed_without_words_and_its_will_is_published() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("gone");
    let with_will = Connect { will: Some(will("gone", "old", false)), ..v3("old") };
    let mut first = MqttClient::connect_with(gatekeeper.mqtt(), with_will).0;
    let _second = MqttClient::connect_with(gatekeeper.mqtt(), v3("old")).0;
    assert_eq!(first.next(), None);
    assert_eq!(watcher.message_on("gone"), "old");
}

/// While nothing is read from a client it can't be heard, which is not its fault.
#[test]
fn who_waits_for_its_answers_is_not_silent() {
    let (hardware, _board, switch) = faulty::hardware();
    let daemon = Gatekeeper::daemon("", DEMO_DEVICES, hardware);
    switch.set(27, Fault::Stuck);
    let address = daemon.mqtt_address().expect("on");
    let mut waiting = MqttClient::connect_with(address, Connect { keep_alive: 1, ..v3("waiting") }).0;
    // One more than are taken at once, so that it is not read.
    for number in 1..=33 {
        let packet_id = gpio_gatekeeper::wire::mqtt::PacketId::new(number);
        let toggle = publish("pi/devices/relay/set", "TOGGLE");
        waiting.send(&Packet::Publish(Publish { qos: QoS::AtLeastOnce, packet_id, ..toggle }));
    }
    // Who comes later and says nothing is given up later.
    let mut silent = MqttClient::connect_with(address, Connect { keep_alive: 2, ..v3("silent") }).0;
    assert_eq!(silent.next(), None);
    switch.mend();
    for _ in 1..=33 {
        assert!(matches!(waiting.receive(), Packet::Puback(_)));
    }
}
