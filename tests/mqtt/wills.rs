//! Wills on every kind of end.

use gpio_gatekeeper::wire::mqtt::{
    Connect, Disconnect, Packet, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions, Will,
};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish, topic_name, will};

/// A CONNECT whose will says the client's name on `gone/{name}`.
fn mortal(name: &str) -> Connect {
    Connect { will: Some(will(&format!("gone/{name}"), name, false)), ..connect(name) }
}

/// Another one, whose session lives on for so many seconds, and whose will waits for so many.
fn lasting(name: &str, expiry: u32, delay: u32) -> Connect {
    let mut connect = mortal(name);
    if let Some(will) = &mut connect.will {
        will.properties.push(Property::WillDelayInterval(delay));
    }
    let properties = Properties::new().with(Property::SessionExpiryInterval(expiry));
    Connect { clean_start: false, properties, ..connect }
}

/// Somebody who hears of every end.
fn watcher(gatekeeper: &Gatekeeper) -> MqttClient {
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    let options = SubscribeOptions { retain_as_published: true, ..SubscribeOptions::plain(QoS::ExactlyOnce) };
    watcher.subscribe_with("gone/+", options, Properties::new());
    watcher
}

fn open(gatekeeper: &Gatekeeper, connect: Connect) -> MqttClient {
    let (client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect);
    assert_eq!(connack.reason, ReasonCode::Success);
    client
}

fn goodbye(reason: ReasonCode, properties: Properties) -> Packet {
    Packet::Disconnect(Disconnect { reason, properties })
}

// [MQTT-3.1.2-7..8] [MQTT-3.1.2-10] [MQTT-3.14.4-3]
#[test]
fn every_end_but_a_goodbye_publishes_the_will() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    let mut end = |name: &str, how: &dyn Fn(&mut MqttClient)| {
        how(&mut open(&gatekeeper, Connect { keep_alive: 1, ..mortal(name) }));
        assert_eq!(watcher.message().payload, name.as_bytes());
    };
    end("lost", &|_| {});
    end("wordy", &|client| client.disconnect(ReasonCode::DisconnectWithWillMessage));
    end("failed", &|client| client.disconnect(ReasonCode::UnspecifiedError));
    end("wrong", &|client| client.send(&Packet::Pingresp));
    end("garbled", &|client| client.raw(&[0xF7, 0xFF, 0xFF, 0xFF, 0xFF]));
    let late = goodbye(ReasonCode::Success, Properties::new().with(Property::SessionExpiryInterval(5)));
    end("confused", &|client| client.send(&late));
    // [MQTT-3.1.2-22]
    end("silent", &|client| assert!(matches!(client.receive(), Packet::Disconnect(_))));
    open(&gatekeeper, mortal("polite")).disconnect(ReasonCode::Success);
    end("last", &|_| {});
}

// [MQTT-3.1.4-3] [MQTT-3.1.2-8]
#[test]
fn who_is_taken_over_leaves_its_will_unless_the_session_goes_on_and_the_will_waits() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    let takes_over = |first: Connect, second: Connect| {
        let mut old = open(&gatekeeper, first);
        let (_new, connack) = MqttClient::connect_with(gatekeeper.mqtt(), second);
        assert!(
            matches!(old.receive(), Packet::Disconnect(bye) if bye.reason == ReasonCode::SessionTakenOver)
        );
        assert_eq!(old.next(), None);
        connack.session_present
    };
    // [MQTT-3.1.3-9]
    assert!(takes_over(lasting("a", 60, 60), Connect { will: None, ..lasting("a", 0, 0) }));
    assert!(takes_over(lasting("b", 60, 0), Connect { will: None, ..lasting("b", 0, 0) }));
    assert_eq!(watcher.message().payload, b"b", "and not a");
    // [MQTT-3.1.2-4] The session ends, and a will does not wait longer than that.
    assert!(!takes_over(lasting("c", 60, 60), connect("c")));
    assert_eq!(watcher.message().payload, b"c");
    assert!(!takes_over(mortal("d"), lasting("d", 0, 0)));
    assert_eq!(watcher.message().payload, b"d");
}

#[test]
fn a_goodbye_to_a_session_that_goes_on_leaves_no_will() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    open(&gatekeeper, lasting("a", 60, 1)).disconnect(ReasonCode::Success);
    // Its session ends with the connection, and so its will does not wait.
    let mut ending = open(&gatekeeper, lasting("b", 60, 60));
    let now = Properties::new().with(Property::SessionExpiryInterval(0));
    ending.send(&goodbye(ReasonCode::DisconnectWithWillMessage, now));
    assert_eq!(watcher.message().payload, b"b");
    drop(open(&gatekeeper, lasting("c", 60, 1)));
    assert_eq!(watcher.message().payload, b"c", "after the time in which that of a would have come");
}

// [MQTT-3.1.2-14..15] [MQTT-3.1.3-10]
#[test]
fn a_will_is_a_message_like_any_other() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    let pairs = [("b", "1"), ("a", "2"), ("b", "1")];
    let mut properties = Properties::new().with(Property::WillDelayInterval(0));
    pairs.iter().for_each(|(n, v)| properties.push(Property::UserProperty((*n).into(), (*v).into())));
    properties.push(Property::MessageExpiryInterval(60));
    for (retain, qos) in [(true, QoS::AtMostOnce), (false, QoS::AtLeastOnce)] {
        let payload = b"x".to_vec();
        let properties = properties.clone();
        let will = Will { topic: topic_name("gone/me"), payload, qos, retain, properties };
        drop(open(&gatekeeper, Connect { will: Some(will), ..connect("me") }));
        let Publish { retain: retained, qos: delivered, properties, .. } = watcher.message();
        assert_eq!((retained, delivered), (retain, qos));
        assert_eq!(properties.user_properties().collect::<Vec<_>>(), pairs);
        assert!(properties.message_expiry().is_some_and(|left| left >= 58));
        assert_eq!(properties.will_delay(), 0);
    }
    let mut late = MqttClient::connect(gatekeeper.mqtt(), "late");
    late.subscribe("gone/me");
    assert!(late.message().retain, "the first of them");
    late.publish(publish("gone/me", ""));
}
