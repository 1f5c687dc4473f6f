//! Who hears of what: retained messages, wildcards, options, and the gatekeeper's own topics.

use std::num::{NonZeroU16, NonZeroU32};

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Packet, Properties, Property, Publish, QoS, ReasonCode, RetainHandling, Subscribe,
    SubscribeOptions, TopicFilter,
};
use serde_json::Value as Json;

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish, topic_name};

fn plain() -> SubscribeOptions {
    SubscribeOptions::plain(QoS::AtMostOnce)
}

#[test]
fn everything_is_there_at_once() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "dash");
    client.subscribe("pi/#");
    let mut topics = Vec::new();
    while topics.len() < 15 {
        // The telemetry may be told for the first time just now, and then it is not marked as retained.
        let topic = client.message().topic.expect("a topic").to_string();
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics.sort();
    let expected = [
        "pi/devices/button/state",
        "pi/devices/lamp/state",
        "pi/devices/led/state",
        "pi/devices/motor/state",
        "pi/devices/registry",
        "pi/devices/relay/state",
        "pi/gpio/17/state",
        "pi/gpio/18/state",
        "pi/gpio/22/state",
        "pi/gpio/27/state",
        "pi/gpio/5/state",
        "pi/gpio/6/state",
        "pi/nodes/dash/status",
        "pi/status",
        "pi/system/telemetry",
    ];
    assert_eq!(topics, expected);
}

#[test]
fn the_registry_says_what_there_is() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "dash");
    client.subscribe("pi/devices/registry");
    let registry: Json = serde_json::from_str(&client.message_on("pi/devices/registry")).expect("JSON");
    let motor = &registry["motor"];
    assert_eq!(motor["type"], "motor");
    assert_eq!(motor["lines"]["backward"]["offset"], 6);
    assert_eq!(motor["limits"]["min"], -1);
    assert_eq!(motor["safety"]["on_stop"], "off");
    assert_eq!(motor["simulated"], true);
    assert!(motor["actions"]["reverse"]["summary"].is_string());
    assert!(registry["button"]["actions"]["press"].is_object());
}

#[test]
fn a_change_reaches_both_topics_of_a_device() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "dash");
    for filter in ["pi/devices/led/state", "pi/gpio/17/state"] {
        client.subscribe(filter);
    }
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other");
    other.publish(publish("pi/devices/led/set", "ON"));
    let mut changed = Vec::new();
    while changed.len() < 2 {
        let message = client.message();
        if !message.retain {
            let state: Json = serde_json::from_slice(&message.payload).expect("JSON");
            assert_eq!((&state["event"], &state["seq"]), (&Json::from("on"), &Json::from(2)));
            changed.push(message.topic.expect("a topic").to_string());
        }
    }
    changed.sort();
    assert_eq!(changed, ["pi/devices/led/state", "pi/gpio/17/state"]);
}

// [MQTT-3.3.1-6..7] [MQTT-3.3.1-9..11] [MQTT-3.8.4-4]
#[test]
fn retained_messages_come_as_the_subscriber_wants() {
    let gatekeeper = Gatekeeper::start();
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(Publish { retain: true, ..publish("home/t", "21") });
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "client");
    let handled = |retain_handling| SubscribeOptions { retain_handling, ..plain() };
    let mut gets = |options| {
        client.subscribe_with("home/#", options, Properties::new());
        client.send(&Packet::Pingreq);
        match client.receive() {
            Packet::Pingresp => None,
            Packet::Publish(publish) => {
                assert_eq!(client.receive(), Packet::Pingresp);
                Some((publish.retain, publish.payload))
            }
            other => panic!("{other:?}"),
        }
    };
    let kept = Some((true, b"21".to_vec()));
    assert_eq!(gets(handled(RetainHandling::DoNotSend)), None);
    assert_eq!(gets(handled(RetainHandling::SendIfNew)), None, "it is there already");
    assert_eq!(gets(handled(RetainHandling::Send)), kept);
    client.unsubscribe("home/#");
    let mut gets = |options| {
        client.subscribe_with("home/#", options, Properties::new());
        client.message().payload
    };
    assert_eq!(gets(handled(RetainHandling::SendIfNew)), b"21");
    publisher.publish(Publish { retain: true, ..publish("home/t", "") });
    assert_eq!(client.message().payload, b"");
    let mut late = MqttClient::connect(gatekeeper.mqtt(), "late");
    late.subscribe("home/#");
    late.send(&Packet::Pingreq);
    assert_eq!(late.receive(), Packet::Pingresp, "it was cleared");
}

// [MQTT-3.3.1-12..13]
#[test]
fn the_retain_flag_is_passed_on_when_asked_for() {
    let gatekeeper = Gatekeeper::start();
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "client");
    client.subscribe("t");
    publisher.publish(Publish { retain: true, ..publish("t", "1") });
    assert!(!client.message().retain);
    let options =
        SubscribeOptions { retain_as_published: true, retain_handling: RetainHandling::DoNotSend, ..plain() };
    client.subscribe_with("t", options, Properties::new());
    publisher.publish(Publish { retain: true, ..publish("t", "2") });
    assert!(client.message().retain);
}

// [MQTT-3.8.3-3]
#[test]
fn no_local_keeps_a_clients_own_messages_from_it() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe_with("chat", SubscribeOptions { no_local: true, ..plain() }, Properties::new());
    assert_eq!(client.publish(publish("chat", "mine")).reason, ReasonCode::NoMatchingSubscribers);
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other");
    assert_eq!(other.publish(publish("chat", "theirs")).reason, ReasonCode::Success);
    assert_eq!(client.message().payload, b"theirs");
}

// [MQTT-3.3.4-2..4]
#[test]
fn overlapping_subscriptions_bring_one_message_with_all_identifiers() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for (filter, qos, id) in
        [("a/#", QoS::AtMostOnce, 1), ("a/+", QoS::AtLeastOnce, 2), ("b", QoS::AtMostOnce, 3)]
    {
        let id = Property::SubscriptionIdentifier(NonZeroU32::new(id).expect("not 0"));
        client.subscribe_with(filter, SubscribeOptions::plain(qos), Properties::new().with(id));
    }
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other");
    other.publish(publish("a/x", "once"));
    other.publish(publish("b", "next"));
    let message = client.message();
    let mut ids: Vec<u32> = message.properties.subscription_ids().map(u32::from).collect();
    ids.sort_unstable();
    assert_eq!((message.qos, ids, &message.payload[..]), (QoS::AtLeastOnce, vec![1, 2], &b"once"[..]));
    assert_eq!(client.message().payload, b"next");
}

// [MQTT-3.3.2-4] [MQTT-3.3.2-15..18] [MQTT-3.3.2-20]
#[test]
fn properties_are_passed_on_unchanged_and_in_order() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("t");
    let properties: Properties = [
        Property::PayloadFormatIndicator(true),
        Property::ContentType("text/plain".into()),
        Property::UserProperty("b".into(), "1".into()),
        Property::UserProperty("a".into(), "2".into()),
        Property::UserProperty("b".into(), "1".into()),
        Property::CorrelationData(vec![0, 255]),
        Property::ResponseTopic(topic_name("answers")),
    ]
    .into_iter()
    .collect();
    client.publish(Publish { properties: properties.clone(), ..publish("t", "x") });
    assert_eq!(client.message().properties, properties);
}

/// Subscribes without waiting for what comes of it.
fn subscribe_at_once(client: &mut MqttClient, filter: &str, qos: QoS) {
    let packet_id = client.packet_id();
    let filters = vec![(TopicFilter::parse(filter).expect("valid"), SubscribeOptions::plain(qos))];
    client.send(&Packet::Subscribe(Subscribe { packet_id, properties: Properties::new(), filters }));
}

#[test]
fn more_retained_messages_than_may_wait_are_sent_as_they_are_read() {
    let limits = r#""limits": {"outbox_messages": 16, "outbox_bytes": 131072},"#;
    let gatekeeper = Gatekeeper::with(limits, super::support::DEMO_DEVICES);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for number in 0..600 {
        let retained = publish(&format!("t/{number}"), &"x".repeat(500));
        publisher.publish(Publish { retain: true, ..retained });
    }
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    subscribe_at_once(&mut client, "t/+", QoS::AtLeastOnce);
    subscribe_at_once(&mut client, "t/#", QoS::AtMostOnce);
    let (mut answers, mut messages) = (0, [0, 0]);
    while answers < 2 || messages != [600, 600] {
        match client.receive() {
            Packet::Suback(_) => answers += 1,
            Packet::Publish(publish) => {
                messages[usize::from(publish.qos == QoS::AtLeastOnce)] += 1;
                if let Some(id) = publish.packet_id {
                    client.send(&Packet::Puback(Acknowledge::success(id)));
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_reads_nothing_of_what_it_asks_for_is_refused_more() {
    let gatekeeper = Gatekeeper::start();
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for number in 0..600 {
        publisher.publish(Publish { retain: true, ..publish(&format!("t/{number}"), "x") });
    }
    let mut asking = connect("greedy");
    asking.properties.push(Property::ReceiveMaximum(NonZeroU16::MIN));
    let (mut client, _) = MqttClient::connect_with(gatekeeper.mqtt(), asking);
    let mut reasons = Vec::new();
    for _ in 0..4 {
        // What has come is not acknowledged.
        reasons.push(client.subscribe_with(
            "t/#",
            SubscribeOptions::plain(QoS::AtLeastOnce),
            Properties::new(),
        ));
    }
    let granted = ReasonCode::GrantedQos1;
    assert_eq!(reasons, [granted, granted, ReasonCode::QuotaExceeded, ReasonCode::QuotaExceeded]);
}

#[test]
fn what_can_not_be_granted_is_refused_by_itself() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"subscriptions": 2},"#, super::support::DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let twice = SubscribeOptions::plain(QoS::ExactlyOnce);
    assert_eq!(client.subscribe_with("a", twice, Properties::new()), ReasonCode::GrantedQos2);
    assert_eq!(client.subscribe("b"), ReasonCode::Success);
    assert_eq!(client.subscribe("c"), ReasonCode::QuotaExceeded);
    assert_eq!(client.subscribe("b"), ReasonCode::Success, "the same again is no further one");
    assert_eq!(client.unsubscribe("c"), ReasonCode::NoSubscriptionExisted);
    assert_eq!(client.unsubscribe("b"), ReasonCode::Success);
    assert_eq!(client.subscribe("c"), ReasonCode::Success);
}

#[test]
fn the_audit_tells_who_did_what() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/logs/audit");
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.publish(publish("pi/devices/relay/set", "ON"));
    client.publish(publish("pi/devices/relay/set", "7"));
    client.publish(publish("pi/status", "x"));
    let mut next = || -> Json { serde_json::from_str(&watcher.message_on("pi/logs/audit")).expect("JSON") };
    let done = next();
    assert_eq!([&done["client"], &done["device"], &done["action"]], ["me", "relay", "on"]);
    assert_eq!((&done["old"], &done["new"], &done["status"]), (&0.into(), &1.into(), &"success".into()));
    assert_eq!(done["protocol"], "mqtt");
    assert_eq!(next()["code"], "OUT_OF_RANGE");
    let refused = next();
    assert_eq!([&refused["device"], &refused["code"]], ["pi/status", "ACCESS_DENIED"]);
}

#[test]
fn telemetry_says_how_the_daemon_is() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("pi/system/telemetry");
    let telemetry: Json = serde_json::from_str(&client.message_on("pi/system/telemetry")).expect("JSON");
    assert_eq!(telemetry["backend"], "simulated");
    assert!(telemetry["memory_total"].as_u64().is_some_and(|bytes| bytes > 1 << 20));
    assert!(telemetry["load"].as_array().is_some_and(|load| load.len() == 3));
}

#[test]
fn variables_and_messages_are_short_texts() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("pi/vars/+");
    client.subscribe("pi/nodes/me/message");
    client.publish(publish("pi/vars/t", "21"));
    assert_eq!(client.message_on("pi/vars/t"), "21");
    client.publish(publish("pi/nodes/me/message", "hello"));
    assert_eq!(client.message_on("pi/nodes/me/message"), "hello");
    let long = client.publish(publish("pi/vars/t", &"x".repeat(1025)));
    assert!(long.properties.reason_string().is_some_and(|words| words.starts_with("OUT_OF_RANGE")));
    let bytes = client.publish(Publish { payload: vec![255], ..publish("pi/vars/t", "") });
    assert!(bytes.properties.reason_string().is_some_and(|words| words.starts_with("MALFORMED")));
}
