//! Coming, staying and going.

use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, Property, QoS, ReasonCode, Version};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish, will};

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
    assert!(!about.shared_subscription_available() && about.retain_available());
    assert_eq!(about.assigned_client_id(), None);
}

#[test]
fn a_client_without_a_name_is_given_one() {
    let gatekeeper = Gatekeeper::start();
    let (_first, one) = MqttClient::connect_with(gatekeeper.mqtt(), connect(""));
    let (_second, two) = MqttClient::connect_with(gatekeeper.mqtt(), connect(""));
    let [one, two] = [one, two].map(|c| c.properties.assigned_client_id().expect("assigned").to_owned());
    assert!(one.starts_with("mqtt-") && two.starts_with("mqtt-") && one != two, "{one} {two}");
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
