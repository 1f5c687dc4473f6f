//! Nonsense, floods and slow readers: each hurts only whoever makes it.

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, Properties, Publish, QoS, ReasonCode, SubscribeOptions};

use super::support::mqtt::{MqttClient, connect, publish, will};
use super::support::{DEMO_DEVICES, Gatekeeper};

#[test]
fn who_does_not_read_is_disconnected_and_nobody_waits_for_it() {
    let limits = r#""limits": {"outbox_messages": 50, "outbox_bytes": 262144},"#;
    let gatekeeper = Gatekeeper::with(limits, DEMO_DEVICES);
    let mut sleeper = MqttClient::connect(gatekeeper.mqtt(), "sleeper");
    sleeper.subscribe("flood");
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/nodes/sleeper/status");
    assert_eq!(watcher.message_on("pi/nodes/sleeper/status"), "online");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    let large = "x".repeat(50_000);
    // What the kernel takes for the sleeper is some megabytes at the most.
    for _ in 0..2000 {
        let answer = publisher.publish(publish("flood", &large));
        if answer.reason == ReasonCode::NoMatchingSubscribers {
            break;
        }
    }
    assert_eq!(watcher.message_on("pi/nodes/sleeper/status"), "offline");
    assert_eq!(publisher.publish(publish("pi/devices/led/set", "ON")).reason, ReasonCode::Success);
}

// [MQTT-4.6.0-5..6]
#[test]
fn a_flood_of_quality_0_is_passed_on_whole_to_who_reads() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"outbox_messages": 20000},"#, DEMO_DEVICES);
    let mut reader = MqttClient::connect(gatekeeper.mqtt(), "reader");
    reader.subscribe("flood");
    let address = gatekeeper.mqtt();
    let flood = std::thread::spawn(move || {
        let mut publisher = MqttClient::connect(address, "publisher");
        for number in 0..5000 {
            publisher.send(&Packet::Publish(publish("flood", &number.to_string())));
        }
        publisher.disconnect(ReasonCode::Success);
    });
    for number in 0..5000 {
        assert_eq!(reader.message_on("flood"), number.to_string());
    }
    flood.join().expect("it ends well");
}

#[test]
fn retained_messages_are_bounded() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"retained_messages": 20},"#, DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let refused =
        (0..30).map(|n| client.publish(Publish { retain: true, ..publish(&format!("t/{n}"), "x") }));
    let refused = refused.filter(|answer| answer.reason == ReasonCode::QuotaExceeded).count();
    assert!(refused > 0 && refused < 30, "{refused}");
    // The gatekeeper's own states are kept all the same.
    client.publish(publish("pi/devices/led/set", "ON"));
    let mut late = MqttClient::connect(gatekeeper.mqtt(), "late");
    late.subscribe("pi/devices/led/state");
    assert!(late.message_on("pi/devices/led/state").contains(r#""event":"on""#));
}

/// Thirty thousand levels fit into a packet, and thirty-two are enough for anybody.
#[test]
fn topics_and_filters_have_so_many_levels_and_no_more() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "deep");
    let levels = |count: usize| vec!["a"; count].join("/");
    for (count, subscribed, published) in [
        (32, ReasonCode::Success, ReasonCode::Success),
        (33, ReasonCode::QuotaExceeded, ReasonCode::QuotaExceeded),
        (30_000, ReasonCode::QuotaExceeded, ReasonCode::QuotaExceeded),
    ] {
        assert_eq!(client.subscribe(&levels(count)), subscribed, "{count}");
        assert_eq!(client.publish(publish(&levels(count), "x")).reason, published, "{count}");
        let will = Some(will(&levels(count), "x", false));
        let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), Connect { will, ..connect("dying") });
        assert_eq!(connack.reason, subscribed, "{count}");
    }
    assert_eq!(client.unsubscribe(&levels(30_000)), ReasonCode::NoSubscriptionExisted);
}

#[test]
fn half_a_packet_is_waited_for_and_one_byte_at_a_time_is_enough() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "slow");
    client.subscribe_with("t", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    let mut bytes = Vec::new();
    gpio_gatekeeper::wire::mqtt::encode(
        &Packet::Publish(publish("t", "bit by bit")),
        gpio_gatekeeper::wire::mqtt::Version::V5,
        &mut bytes,
    )
    .expect("good");
    for byte in bytes {
        client.raw(&[byte]);
    }
    assert_eq!(client.message_on("t"), "bit by bit");
}

#[test]
fn who_sends_too_fast_is_refused_what_is_too_much() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"commands_per_second": 1},"#, DEMO_DEVICES);
    let mut hasty = MqttClient::connect(gatekeeper.mqtt(), "hasty");
    let answers: Vec<_> = (0..100).map(|_| hasty.publish(publish("pi/devices/led/set", "TOGGLE"))).collect();
    assert_eq!(answers[0].reason, ReasonCode::Success);
    let refused = answers.iter().find(|answer| answer.reason == ReasonCode::QuotaExceeded);
    let words = refused.and_then(|answer| answer.properties.reason_string());
    assert_eq!(words, Some("LIMIT_REACHED: more commands than 1 in a second"));
    hasty.subscribe("pi/rpc/responses/hasty");
    let answer = (0..10).map(|_| hasty.call("hasty", r#"{"device": "led", "method": "read"}"#).payload);
    let codes: Vec<String> = answer.map(|payload| String::from_utf8(payload).expect("UTF-8")).collect();
    assert!(codes.iter().any(|payload| payload.contains(r#""code":"LIMIT_REACHED""#)), "{codes:?}");
    // What is for others is no command.
    assert_eq!(hasty.publish(publish("mine", "x")).reason, ReasonCode::NoMatchingSubscribers);
}
