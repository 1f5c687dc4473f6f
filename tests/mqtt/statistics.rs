//! `$SYS`: the statistics, with the names that Mosquitto's tools know.

use std::collections::BTreeMap;

use gpio_gatekeeper::wire::mqtt::{Publish, ReasonCode};

use super::support::mqtt::{MqttClient, publish};
use super::support::{DEMO_DEVICES, Gatekeeper};

/// What is told until the uptime comes, which always changes; it is left out.
fn news(client: &mut MqttClient) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    loop {
        let Publish { topic, payload, .. } = client.message();
        let topic = topic.expect("no aliases were agreed on").to_string();
        let topic = topic.strip_prefix("$SYS/broker/").expect("below $SYS").to_owned();
        let text = String::from_utf8(payload).expect("UTF-8");
        if topic == "uptime" {
            assert!(text.ends_with(" seconds"), "{text}");
            return told;
        }
        assert_eq!(told.insert(topic, text), None);
    }
}

#[test]
fn statistics_are_retained_and_told_again_when_they_change() {
    let gatekeeper = Gatekeeper::with(r#""telemetry": "1s","#, DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("$SYS/broker/version");
    let version = client.message_on("$SYS/broker/version");
    assert_eq!(version, concat!("gpio-gatekeeper version ", env!("CARGO_PKG_VERSION")));
    client.unsubscribe("$SYS/broker/version");
    for _ in 0..3 {
        client.publish(publish("t", "x"));
    }
    client.subscribe("$SYS/#");
    let retained = |client: &mut MqttClient, topic: &str| loop {
        let told = news(client);
        if let Some(value) = told.get(topic) {
            break value.clone();
        }
    };
    // The retained ones come first, then those of the next interval.
    while retained(&mut client, "publish/messages/received") != "3" {}
    let next = news(&mut client);
    assert!(next.contains_key("bytes/sent"), "the statistics themselves were sent: {next:?}");
    for same in ["version", "clients/connected", "publish/messages/received"] {
        assert!(!next.contains_key(same), "{same}: {next:?}");
    }
}

#[test]
fn statistics_come_to_those_who_ask_for_them_alone_and_are_the_gatekeepers_own() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("$SYS/broker/clients/maximum");
    client.message_on("$SYS/broker/clients/maximum");
    client.unsubscribe("$SYS/broker/clients/maximum");
    client.subscribe("#");
    client.subscribe("+/broker/#");
    client.publish(publish("after/all/that/was/retained", "x"));
    loop {
        let topic = client.message().topic.expect("a topic").to_string();
        assert!(!topic.starts_with('$'), "{topic}");
        if topic.starts_with("after/") {
            break;
        }
    }
    let refused = client.publish(publish("$SYS/broker/version", "mine"));
    assert_eq!(refused.reason, ReasonCode::NotAuthorized);
}

#[test]
fn every_statistic_is_documented() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("$SYS/broker/uptime");
    client.message_on("$SYS/broker/uptime");
    client.subscribe("$SYS/broker/#");
    client.publish(publish("t", "x"));
    let document = include_str!("../../protocol.md");
    let (_, rest) = document.split_once("\n### Statistics\n").expect("there is such a heading");
    let table = rest.split("\n## ").next().expect("its end");
    for _ in 0..44 {
        let topic = client.message().topic.expect("a topic").to_string();
        let name = topic.strip_prefix("$SYS/broker/").expect("below $SYS").to_owned();
        let name = match name.rsplit_once('/') {
            Some((load, "1min" | "5min" | "15min")) => load.to_owned() + "/...",
            _ => name,
        };
        assert!(table.contains(&format!("`{name}`")), "{name}");
    }
}
