//! Sessions that outlive their connections: what waits, what is sent again, and when it ends.

use gpio_gatekeeper::hardware::Level;
use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connack, Connect, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, SubscribeOptions, Version,
};

use super::support::mqtt::{MqttClient, connect, publish, will};
use super::support::{DEMO_DEVICES, Gatekeeper};

/// A CONNECT that goes on with a session, which then lives for so many seconds more.
fn going_on(client_id: &str, seconds: u32) -> Connect {
    let properties = Properties::new().with(Property::SessionExpiryInterval(seconds));
    Connect { clean_start: false, properties, ..connect(client_id) }
}

fn open(gatekeeper: &Gatekeeper, connect: Connect) -> (MqttClient, Connack) {
    MqttClient::connect_with(gatekeeper.mqtt(), connect)
}

/// A client with a session and a subscription of this quality to `t`.
fn subscribed(gatekeeper: &Gatekeeper, client_id: &str, qos: QoS) -> MqttClient {
    let (mut client, connack) = open(gatekeeper, going_on(client_id, 3600));
    assert!(!connack.session_present);
    client.subscribe_with("t", SubscribeOptions::plain(qos), Properties::new());
    client
}

fn next(client: &mut MqttClient) -> Publish {
    match client.receive() {
        Packet::Publish(publish) => publish,
        other => panic!("no message: {other:?}"),
    }
}

/// Ends a connection without a goodbye, and waits until the gatekeeper knows.
fn lose(gatekeeper: &Gatekeeper, client: MqttClient, client_id: &str) {
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "");
    let topic = format!("pi/nodes/{client_id}/status");
    watcher.subscribe(&topic);
    drop(client);
    while watcher.message_on(&topic) != "offline" {}
}

// [MQTT-3.1.2-5..6] [MQTT-3.1.2-23] [MQTT-3.2.2-3] [MQTT-4.1.0-1] [MQTT-4.5.0-1]
#[test]
fn what_was_published_meanwhile_waits() {
    let gatekeeper = Gatekeeper::start();
    let mut client = subscribed(&gatekeeper, "me", QoS::AtLeastOnce);
    client.disconnect(ReasonCode::Success);
    lose(&gatekeeper, client, "me");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.send(&Packet::Publish(publish("t", "quality 0 does not wait")));
    for payload in ["1", "2", "3"] {
        assert_eq!(publisher.publish(publish("t", payload)).reason, ReasonCode::Success);
    }
    let (mut client, connack) = open(&gatekeeper, going_on("me", 3600));
    assert!(connack.session_present);
    for payload in ["1", "2", "3"] {
        assert_eq!(client.message_on("t"), payload);
    }
    publisher.publish(publish("t", "and the subscription goes on"));
    assert_eq!(client.message_on("t"), "and the subscription goes on");
}

// [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-3] [MQTT-4.3.3-5..6]
#[test]
fn what_was_not_acknowledged_is_sent_again_in_order() {
    let gatekeeper = Gatekeeper::start();
    let mut client = subscribed(&gatekeeper, "me", QoS::ExactlyOnce);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(publish("t", "one"));
    let one = next(&mut client);
    let id = PacketId::new(9).expect("not 0");
    let twice = Publish { qos: QoS::ExactlyOnce, packet_id: Some(id), ..publish("t", "two") };
    publisher.send(&Packet::Publish(twice));
    let two = next(&mut client);
    client.send(&Packet::Pubrec(Acknowledge::success(two.packet_id.expect("QoS 2"))));
    assert!(matches!(client.receive(), Packet::Pubrel(_)));
    lose(&gatekeeper, client, "me");
    let (mut client, connack) = open(&gatekeeper, going_on("me", 3600));
    assert!(connack.session_present);
    let again = next(&mut client);
    assert_eq!((again.dup, again.packet_id, &again.payload[..]), (true, one.packet_id, &b"one"[..]));
    match client.receive() {
        Packet::Pubrel(pubrel) => {
            assert_eq!(Some(pubrel.packet_id), two.packet_id, "it is not published again")
        }
        other => panic!("{other:?}"),
    }
}

// [MQTT-4.3.3-10]
#[test]
fn a_message_of_quality_2_is_remembered_across_connections() {
    let gatekeeper = Gatekeeper::start();
    let (mut client, _) = open(&gatekeeper, going_on("me", 3600));
    let id = PacketId::new(7).expect("not 0");
    let toggle =
        Publish { qos: QoS::ExactlyOnce, packet_id: Some(id), ..publish("pi/devices/led/set", "TOGGLE") };
    client.send(&Packet::Publish(toggle.clone()));
    assert!(matches!(client.receive(), Packet::Pubrec(_)));
    lose(&gatekeeper, client, "me");
    let (mut client, _) = open(&gatekeeper, going_on("me", 3600));
    client.send(&Packet::Publish(Publish { dup: true, ..toggle }));
    assert!(matches!(client.receive(), Packet::Pubrec(_)));
    assert_eq!(gatekeeper.level(17), Level::High, "toggled once");
}

// [MQTT-3.1.4-3] [MQTT-3.1.3-2]
#[test]
fn another_connection_takes_the_session_over_from_the_one_that_has_it() {
    let gatekeeper = Gatekeeper::start();
    let mut first = subscribed(&gatekeeper, "me", QoS::AtLeastOnce);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(publish("t", "x"));
    let sent = next(&mut first);
    let (mut second, connack) = open(&gatekeeper, going_on("me", 3600));
    assert!(connack.session_present);
    let again = next(&mut second);
    assert_eq!((again.dup, again.packet_id), (true, sent.packet_id));
    match first.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::SessionTakenOver),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_gone_before_it_is_answered_takes_nothing_with_it() {
    let gatekeeper = Gatekeeper::start();
    let mut client = subscribed(&gatekeeper, "me", QoS::AtLeastOnce);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(publish("t", "x"));
    let sent = next(&mut client);
    drop(client);
    const HASTY: usize = 50;
    for _ in 0..HASTY {
        let mut hasty = MqttClient::open(gatekeeper.mqtt(), Version::V5);
        hasty.send(&Packet::Connect(Box::new(going_on("me", 3600))));
    }
    // Each of them may come in after this one and take its name over, but not more than once.
    let again = (0..=HASTY).find_map(|_| {
        let mut client = MqttClient::open(gatekeeper.mqtt(), Version::V5);
        client.send(&Packet::Connect(Box::new(going_on("me", 3600))));
        match (client.next(), client.next()) {
            (Some(Packet::Connack(connack)), Some(Packet::Publish(again))) => Some((connack, again)),
            _ => None,
        }
    });
    let (connack, again) = again.expect("the last one stays");
    assert!(connack.session_present);
    assert_eq!((again.dup, again.packet_id), (true, sent.packet_id));
}

// [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2]
#[test]
fn a_clean_start_throws_the_session_away() {
    let gatekeeper = Gatekeeper::start();
    let client = subscribed(&gatekeeper, "me", QoS::AtLeastOnce);
    lose(&gatekeeper, client, "me");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(publish("t", "x"));
    let (mut client, connack) = open(&gatekeeper, Connect { clean_start: true, ..going_on("me", 3600) });
    assert!(!connack.session_present);
    assert_eq!(publisher.publish(publish("t", "y")).reason, ReasonCode::NoMatchingSubscribers);
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp);
}

// [MQTT-4.1.0-2] [MQTT-3.1.2-8]
#[test]
fn a_session_ends_when_its_time_is_over_and_its_will_does_not_wait_longer() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("gone");
    let mut late = will("gone", "me", false);
    late.properties.push(Property::WillDelayInterval(3600));
    let (client, _) = open(&gatekeeper, Connect { will: Some(late), ..going_on("me", 1) });
    drop(client);
    let gone = watcher.message();
    assert_eq!((&gone.payload[..], gone.properties.is_empty()), (&b"me"[..], true));
    assert!(!open(&gatekeeper, going_on("me", 1)).1.session_present);
}

// [MQTT-3.1.3-9]
#[test]
fn a_will_is_not_published_when_the_client_is_back_in_time() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("gone");
    let with_will = |name: &str| {
        let mut late = will("gone", name, false);
        late.properties.push(Property::WillDelayInterval(1));
        Connect { will: Some(late), ..going_on(name, 3600) }
    };
    let (back, _) = open(&gatekeeper, with_will("back"));
    lose(&gatekeeper, back, "back");
    let _back = open(&gatekeeper, going_on("back", 3600));
    drop(open(&gatekeeper, with_will("lost")));
    assert_eq!(watcher.message_on("gone"), "lost", "and nothing before it");
}

#[test]
fn a_goodbye_can_change_how_long_the_session_lives() {
    let gatekeeper = Gatekeeper::start();
    let goodbye = |seconds| {
        let properties = Properties::new().with(Property::SessionExpiryInterval(seconds));
        Packet::Disconnect(Disconnect { reason: ReasonCode::Success, properties })
    };
    let (mut client, _) = open(&gatekeeper, going_on("me", 3600));
    client.send(&goodbye(0));
    assert_eq!(client.next(), None);
    let (mut client, connack) = open(&gatekeeper, going_on("me", 0));
    assert!(!connack.session_present, "it ended");
    client.send(&goodbye(5));
    match client.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::ProtocolError),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_goodbye_can_make_a_session_live_longer() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("gone");
    let (mut client, _) = open(&gatekeeper, going_on("me", 1));
    let properties = Properties::new().with(Property::SessionExpiryInterval(3600));
    client.send(&Packet::Disconnect(Disconnect { reason: ReasonCode::Success, properties }));
    assert_eq!(client.next(), None);
    // A session that began later with the time of the first ends, which its will tells.
    let mut late = will("gone", "other", false);
    late.properties.push(Property::WillDelayInterval(3600));
    drop(open(&gatekeeper, Connect { will: Some(late), ..going_on("other", 1) }));
    assert_eq!(watcher.message_on("gone"), "other");
    assert!(open(&gatekeeper, going_on("me", 0)).1.session_present);
}

#[test]
fn what_waits_is_bounded() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"outbox_messages": 16, "sessions": 1},"#, DEMO_DEVICES);
    let first = subscribed(&gatekeeper, "first", QoS::AtLeastOnce);
    lose(&gatekeeper, first, "first");
    let client = subscribed(&gatekeeper, "me", QoS::AtLeastOnce);
    lose(&gatekeeper, client, "me");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for number in 0..30 {
        publisher.publish(publish("t", &number.to_string()));
    }
    assert!(!open(&gatekeeper, going_on("first", 0)).1.session_present, "the older session gave way");
    let (mut client, connack) = open(&gatekeeper, going_on("me", 3600));
    assert!(connack.session_present);
    for number in 0..16 {
        assert_eq!(client.message_on("t"), number.to_string());
    }
    publisher.publish(publish("t", "now"));
    assert_eq!(client.message_on("t"), "now");
}

#[test]
fn an_older_client_keeps_its_session_when_it_is_not_clean() {
    let gatekeeper = Gatekeeper::start();
    let v3 = |clean_start| Connect { version: Version::V3, clean_start, ..connect("old") };
    let (mut client, connack) = open(&gatekeeper, v3(false));
    assert!(!connack.session_present);
    client.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    lose(&gatekeeper, client, "old");
    MqttClient::connect(gatekeeper.mqtt(), "publisher").publish(publish("t", "x"));
    let (mut client, connack) = open(&gatekeeper, v3(false));
    assert!(connack.session_present);
    assert_eq!(client.message_on("t"), "x");
    lose(&gatekeeper, client, "old");
    assert!(!open(&gatekeeper, v3(true)).1.session_present);
    assert!(!open(&gatekeeper, v3(false)).1.session_present, "a clean session keeps nothing");
}
