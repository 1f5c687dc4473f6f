//! What the gatekeeper counts, while clients of both protocols use it.

mod support;

use gpio_gatekeeper::gateway::Counters;
use gpio_gatekeeper::wire::mqtt::{
    Packet, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions, Version,
};
use support::Gatekeeper;
use support::line::LineClient;
use support::mqtt::{MqttClient, connect, publish};

fn counters(gatekeeper: &Gatekeeper) -> &Counters {
    &gatekeeper.running().shared().counters
}

#[test]
fn frames_and_bytes_of_the_line_protocol_are_counted() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    client.raw(b"nonsense\n|START|COMMAND=GET|DEVICE=led|END||START|COMMAND=HELLO!|END|");
    for start in ["REPLY=ERROR|", "REPLY=OK|", "REPLY=OK"] {
        assert!(client.reply().starts_with(start));
    }
    let line = &counters(&gatekeeper).line;
    assert_eq!((line.connections.value(), line.clients.value()), (1, 1));
    assert_eq!((line.bytes_received.value(), line.frames_received.value()), (69, 2));
    assert_eq!(line.frames_sent.value(), 3);
    // Bytes are counted when they were written, and a command when it was answered: before the next of them.
    client.expect("COMMAND=GET|DEVICE=led", "REPLY=OK");
    assert!(line.bytes_sent.value() > 100);
    assert!(gatekeeper.running().shared().commands.latency().read().count >= 1);
}

#[test]
fn packets_and_publications_are_counted() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("t");
    client.publish(publish("t", "1"));
    client.message();
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp);
    let counters = counters(&gatekeeper);
    let mqtt = &counters.mqtt;
    // CONNECT, SUBSCRIBE, PUBLISH, PINGREQ; and their answers with the publication.
    assert_eq!((mqtt.frames_received.value(), mqtt.frames_sent.value()), (4, 5));
    assert_eq!((mqtt.publishes_received.value(), mqtt.publishes_sent.value()), (1, 1));
    assert_eq!((counters.clients.value(), counters.most_clients.value()), (1, 1));
    assert_eq!(counters.bus.subscriptions.value(), 1);
}

#[test]
fn refused_clients_and_messages_that_are_too_large_are_counted() {
    let gatekeeper = Gatekeeper::start();
    let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("a/b"));
    assert_eq!(connack.reason, ReasonCode::ClientIdentifierNotValid);
    let mut narrow = connect("narrow");
    narrow.properties = Properties::new().with(Property::MaximumPacketSize(30.try_into().expect("not 0")));
    let (mut narrow, _) = MqttClient::connect_with(gatekeeper.mqtt(), narrow);
    narrow.subscribe("t");
    for payload in ["much more than thirty bytes can hold", "x"] {
        narrow.publish(publish("t", payload));
    }
    assert_eq!(narrow.message_on("t"), "x");
    assert_eq!(
        (counters(&gatekeeper).refused.value(), counters(&gatekeeper).dropped.too_large.value()),
        (1, 1)
    );
}

#[test]
fn what_waits_for_absent_clients_is_counted() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"outbox_messages": 16},"#, support::DEMO_DEVICES);
    let mut away = connect("away");
    (away.version, away.clean_start) = (Version::V3, false);
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), away.clone());
    client.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other");
    other.subscribe("pi/nodes/away/status");
    assert_eq!(other.message_on("pi/nodes/away/status"), "online");
    drop(client);
    assert_eq!(other.message_on("pi/nodes/away/status"), "offline");
    for number in 0..18 {
        other.publish(Publish { retain: number == 0, ..publish("t", "x") });
    }
    let bus = &counters(&gatekeeper).bus;
    // Its census comes after each letter, and the answers came before: this one makes the others certain.
    other.unsubscribe("nothing");
    assert_eq!((bus.absent_sessions.value(), bus.waiting_messages.value()), (1, 16));
    assert_eq!((bus.queue_full.value(), bus.subscriptions.value()), (2, 2));
}
