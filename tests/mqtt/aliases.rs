//! Topic aliases in both directions.

use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, Properties, Property, Publish, ReasonCode};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish, topic_name};

fn alias(number: u16) -> Properties {
    Properties::new().with(Property::TopicAlias(NonZeroU16::new(number).expect("not 0")))
}

// [MQTT-3.3.2-12]
#[test]
fn a_client_names_its_topic_once() {
    let gatekeeper = Gatekeeper::start();
    let (mut client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("me"));
    assert_eq!(connack.properties.topic_alias_maximum(), 32);
    client.subscribe("#");
    let named = Publish { properties: alias(32), ..publish("a", "1") };
    let short = |payload: &str| Publish { topic: None, properties: alias(32), ..publish("a", payload) };
    client.publish(named);
    client.publish(short("2"));
    // The alias may get another meaning, and commands may have one.
    client.publish(Publish { properties: alias(32), ..publish("pi/vars/b", "3") });
    client.publish(short("4"));
    for (topic, payload) in [("a", "1"), ("a", "2"), ("pi/vars/b", "3"), ("pi/vars/b", "4")] {
        assert_eq!(client.message_on(topic), payload);
    }
    client.publish(Publish { properties: alias(1), ..publish("pi/devices/led/set", "ON") });
    let refused = client.publish(Publish { topic: None, properties: alias(1), ..publish("x", "7") });
    assert_eq!(refused.reason, ReasonCode::PayloadFormatInvalid);
}

// [MQTT-3.1.2-26] [MQTT-3.3.2-11]
#[test]
fn a_client_that_takes_aliases_gets_them() {
    let gatekeeper = Gatekeeper::start();
    let mut taking = connect("taking");
    taking.properties.push(Property::TopicAliasMaximum(1));
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), taking);
    client.subscribe("t/#");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for topic in ["t/a", "t/b", "t/a", "t/b"] {
        publisher.publish(publish(topic, "x"));
    }
    let mut next = || {
        let message = client.message();
        (message.topic, message.properties.topic_alias().map(NonZeroU16::get))
    };
    assert_eq!(next(), (Some(topic_name("t/a")), Some(1)));
    assert_eq!(next(), (Some(topic_name("t/b")), None), "one alias is all it takes");
    assert_eq!(next(), (None, Some(1)));
    assert_eq!(next(), (Some(topic_name("t/b")), None));
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp);
    // [MQTT-3.1.2-27]
    publisher.subscribe("t/a");
    publisher.publish(publish("t/a", "x"));
    assert_eq!(publisher.message().properties.topic_alias(), None, "it takes none");
}

// [MQTT-3.3.2-7]
#[test]
fn an_alias_means_nothing_on_another_connection() {
    let gatekeeper = Gatekeeper::start();
    let lasting = Properties::new().with(Property::SessionExpiryInterval(3600));
    let lasting = Connect { clean_start: false, properties: lasting, ..connect("me") };
    let (mut first, _) = MqttClient::connect_with(gatekeeper.mqtt(), lasting.clone());
    first.publish(Publish { properties: alias(1), ..publish("t", "x") });
    let (mut second, connack) = MqttClient::connect_with(gatekeeper.mqtt(), lasting);
    assert!(connack.session_present);
    second.send(&Packet::Publish(Publish { topic: None, properties: alias(1), ..publish("t", "y") }));
    assert!(matches!(second.receive(), Packet::Disconnect(bye) if bye.reason == ReasonCode::ProtocolError));
}
