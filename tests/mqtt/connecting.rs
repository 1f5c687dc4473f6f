//! Coming, staying and going.

use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, Property, QoS, ReasonCode, Version};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish, will};

// [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.2-1] [MQTT-4.2.0-1] [MQTT-4.12.0-6]
#[test]
fn a_client_learns_what_the_server_can_do() {
    let gatekeeper = Gatekeeper::start();
    let mut asking = connect("dash");
    asking.properties.push(Property::SessionExpiryInterval(3600));
    asking.properties.push(Property::RequestResponseInformation(true));
    let (_client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), asking);
    assert_eq!((connack.reason, connack.session_present), (ReasonCode::Success, false));
    let about = &connack.properties;
    assert_eq!(about.maximum_qos(), QoS::ExactlyOnce);
    assert_eq!(about.receive_maximum(), NonZeroU16::new(32).expect("not 0"));
    assert_eq!(about.maximum_packet_size().map(u32::from), Some(65536));
    assert_eq!(about.session_expiry(), None, "as it was asked for");
    assert_eq!(about.response_information(), Some("pi/rpc/responses/dash"));
    assert!(about.shared_subscription_available() && about.retain_available());
    assert!(about.wildcard_subscription_available() && about.subscription_identifier_available());
    assert_eq!((about.assigned_client_id(), about.server_keep_alive()), (None, None));
    assert_eq!((about.authentication_method(), about.authentication_data()), (None, None));
    // [MQTT-3.1.2-28]
    for asked in [None, Some(Property::RequestResponseInformation(false))] {
        let connect = Connect { properties: asked.into_iter().collect(), ..connect("modest") };
        let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect);
        assert_eq!(connack.properties.response_information(), None);
    }
}

// [MQTT-3.1.3-5]
#[test]
fn every_plain_client_identifier_is_taken() {
    let gatekeeper = Gatekeeper::start();
    let letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for client_id in [&letters[..1], &letters[..23], &letters[23..46], &letters[39..62]] {
        let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect(client_id));
        assert_eq!(connack.reason, ReasonCode::Success, "{client_id}");
    }
}

// [MQTT-3.2.2-22] [MQTT-3.2.0-2]
#[test]
fn the_keep_alive_is_the_one_that_the_client_asks_for() {
    let gatekeeper = Gatekeeper::start();
    let open = |keep_alive| {
        let asking = Connect { keep_alive, ..connect(&format!("every-{keep_alive}")) };
        let (client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), asking);
        assert_eq!(connack.properties.server_keep_alive(), None);
        client
    };
    let mut others = [open(0), open(u16::MAX)];
    let mut hasty = open(1);
    assert!(matches!(hasty.receive(), Packet::Disconnect(bye) if bye.reason == ReasonCode::KeepAliveTimeout));
    for client in &mut others {
        client.send(&Packet::Pingreq);
        assert_eq!(client.receive(), Packet::Pingresp);
    }
}

// [MQTT-3.1.3-6..7] [MQTT-3.2.2-16]
#[test]
fn a_client_without_a_name_is_given_one() {
    let gatekeeper = Gatekeeper::start();
    let (_first, one) = MqttClient::connect_with(gatekeeper.mqtt(), connect(""));
    let (mut second, two) = MqttClient::connect_with(gatekeeper.mqtt(), connect(""));
    let [one, two] = [one, two].map(|c| c.properties.assigned_client_id().expect("assigned").to_owned());
    assert!(one.starts_with("mqtt-") && two.starts_with("mqtt-") && one != two, "{one} {two}");
    // It is as if the client had chosen it.
    let mut other = MqttClient::connect(gatekeeper.mqtt(), &two);
    assert!(
        matches!(second.receive(), Packet::Disconnect(bye) if bye.reason == ReasonCode::SessionTakenOver)
    );
    other.send(&Packet::Pingreq);
    assert_eq!(other.receive(), Packet::Pingresp);
}

#[test]
fn older_clients_are_taken_as_well() {
    let gatekeeper = Gatekeeper::start();
    let v3 = Connect { version: Version::V3, ..connect("old") };
    let (mut client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), v3);
    assert_eq!(connack.reason, ReasonCode::Success);
    assert_eq!(client.subscribe("pi/status"), ReasonCode::Success);
    assert_eq!(client.message_on("pi/status"), "online");
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp);
    // An acknowledgement of 3.1.1 has no reason: the state tells.
    assert_eq!(client.publish(publish("pi/devices/led/set", "nonsense")).reason, ReasonCode::Success);
    let anonymous = Connect { version: Version::V3, clean_start: false, ..connect("") };
    let (mut refused, connack) = MqttClient::connect_with(gatekeeper.mqtt(), anonymous);
    assert_eq!(connack.reason, ReasonCode::ClientIdentifierNotValid);
    assert_eq!(refused.next(), None);
}

// [MQTT-3.1.3-8] [MQTT-3.1.4-2] [MQTT-4.12.0-1]
#[test]
fn whom_it_can_not_take_it_tells_why() {
    let gatekeeper = Gatekeeper::start();
    let with = |change: &dyn Fn(&mut Connect)| {
        let mut connect = connect("me");
        change(&mut connect);
        let (mut client, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect);
        assert_eq!(client.next(), None, "the connection is closed");
        connack.reason
    };
    assert_eq!(with(&|c| c.client_id = "a/b".into()), ReasonCode::ClientIdentifierNotValid);
    assert_eq!(with(&|c| c.client_id = "x".repeat(129)), ReasonCode::ClientIdentifierNotValid);
    let method = Property::AuthenticationMethod("SCRAM".into());
    assert_eq!(with(&|c| c.properties.push(method.clone())), ReasonCode::BadAuthenticationMethod);
    let retained = will("pi/devices/motor/set", "OFF", true);
    assert_eq!(with(&|c| c.will = Some(retained.clone())), ReasonCode::ImplementationSpecificError);
    assert_eq!(with(&|c| c.will = Some(will("pi/status", "x", false))), ReasonCode::NotAuthorized);
    assert_eq!(with(&|c| c.will = Some(will("pi/gpio/x/set", "1", false))), ReasonCode::TopicNameInvalid);
}

// [MQTT-3.1.4-3]
#[test]
fn a_second_connection_takes_the_name_over() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/nodes/esp/status");
    watcher.subscribe("gone");
    let first = Connect { will: Some(will("gone", "esp", false)), ..connect("esp") };
    let mut first = MqttClient::connect_with(gatekeeper.mqtt(), first).0;
    assert_eq!(watcher.message_on("pi/nodes/esp/status"), "online");
    let mut second = MqttClient::connect(gatekeeper.mqtt(), "esp");
    match first.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::SessionTakenOver),
        other => panic!("{other:?}"),
    }
    assert_eq!(first.next(), None);
    assert_eq!(watcher.message_on("gone"), "esp", "the older connection ended without a goodbye");
    assert_eq!(watcher.message_on("pi/nodes/esp/status"), "online");
    second.disconnect(ReasonCode::Success);
    assert_eq!(watcher.message_on("pi/nodes/esp/status"), "offline");
}

#[test]
fn a_will_is_published_unless_goodbye_is_said() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("will/#");
    let leave = |name: &str, how: &dyn Fn(&mut MqttClient)| {
        let with_will = Connect { will: Some(will(&format!("will/{name}"), "gone", false)), ..connect(name) };
        how(&mut MqttClient::connect_with(gatekeeper.mqtt(), with_will).0);
    };
    leave("polite", &|client| client.disconnect(ReasonCode::Success));
    leave("lost", &|_| {});
    assert_eq!(watcher.message_on("will/lost"), "gone");
    leave("wordy", &|client| client.disconnect(ReasonCode::DisconnectWithWillMessage));
    leave("broken", &|client| client.raw(&[0xF7, 0xFF, 0xFF, 0xFF, 0xFF]));
    let [one, two] = [watcher.message(), watcher.message()].map(|m| m.topic.expect("a topic").to_string());
    let mut both = [one, two];
    both.sort();
    assert_eq!(both, ["will/broken", "will/wordy"]);
}

#[test]
fn a_will_may_be_a_command() {
    let mut gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/devices/motor/state");
    let mut driver = {
        let with_will =
            Connect { will: Some(will("pi/devices/motor/set", "OFF", false)), ..connect("driver") };
        MqttClient::connect_with(gatekeeper.mqtt(), with_will).0
    };
    let forward = publish("pi/devices/motor/set", r#"{"method": "forward"}"#);
    assert_eq!(driver.publish(forward).reason, ReasonCode::Success);
    drop(driver);
    while !watcher.message_on("pi/devices/motor/state").contains(r#""event":"forward""#) {}
    assert!(watcher.message_on("pi/devices/motor/state").contains(r#""event":"stopped""#));
    assert!(gatekeeper.stop());
}

// [MQTT-3.1.2-22]
#[test]
fn who_is_silent_for_too_long_is_disconnected() {
    let gatekeeper = Gatekeeper::start();
    let hasty = Connect { keep_alive: 1, ..connect("hasty") };
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), hasty);
    match client.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::KeepAliveTimeout),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.next(), None);
}

#[test]
fn one_client_too_many_is_told_so() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 2},"#, super::support::DEMO_DEVICES);
    let first = MqttClient::connect(gatekeeper.mqtt(), "one");
    let _second = MqttClient::connect(gatekeeper.mqtt(), "two");
    let (mut third, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("three"));
    assert_eq!(connack.reason, ReasonCode::ServerBusy);
    assert_eq!(third.next(), None);
    drop(first);
    // The place is free when the first client's thread has ended; until then the answer is the same.
    let taken = (0..1000).any(|_| {
        MqttClient::connect_with(gatekeeper.mqtt(), connect("four")).1.reason == ReasonCode::Success
    });
    assert!(taken);
}
