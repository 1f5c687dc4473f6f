//! Commands by MQTT: what is done, what is answered, and where.

use gpio_gatekeeper::hardware::Level;
use gpio_gatekeeper::wire::mqtt::{
    Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions, Version,
};
use serde_json::{Value as Json, json};

use super::support::mqtt::{MqttClient, connect, publish, topic_name};
use super::support::{Gatekeeper, gpio};

fn parse(payload: impl AsRef<[u8]>) -> Json {
    serde_json::from_slice(payload.as_ref()).expect("JSON")
}

#[test]
fn a_set_is_done_when_it_is_acknowledged() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for (payload, level) in
        [("ON", Level::High), ("off", Level::Low), ("TOGGLE", Level::High), ("0", Level::Low)]
    {
        assert_eq!(client.publish(publish("pi/devices/led/set", payload)).reason, ReasonCode::Success);
        assert_eq!(gatekeeper.level(17), level, "{payload}");
    }
    assert_eq!(client.publish(publish("pi/gpio/17/set", "1")).reason, ReasonCode::Success);
    assert_eq!(gatekeeper.level(17), Level::High);
    let call = r#"{"method": "set", "args": [0]}"#;
    assert_eq!(client.publish(publish("pi/devices/led/set", call)).reason, ReasonCode::Success);
    assert_eq!(gatekeeper.level(17), Level::Low);
}

#[test]
fn a_refusal_is_told_by_code_and_in_words() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for (topic, payload, reason, code) in [
        ("pi/devices/led/set", "2", ReasonCode::PayloadFormatInvalid, "OUT_OF_RANGE"),
        ("pi/devices/led/set", "maybe", ReasonCode::PayloadFormatInvalid, "BAD_VALUE"),
        ("pi/devices/led/set", "{", ReasonCode::PayloadFormatInvalid, "MALFORMED"),
        ("pi/devices/led/set", "", ReasonCode::PayloadFormatInvalid, "MISSING_KEY"),
        ("pi/devices/nobody/set", "ON", ReasonCode::TopicNameInvalid, "UNKNOWN_DEVICE"),
        ("pi/devices/Nobody/set", "ON", ReasonCode::TopicNameInvalid, "UNKNOWN_DEVICE"),
        ("pi/gpio/99/set", "ON", ReasonCode::TopicNameInvalid, "UNKNOWN_DEVICE"),
        ("pi/devices/led/set", r#"{"method": "fly"}"#, ReasonCode::TopicNameInvalid, "UNKNOWN_ACTION"),
        ("pi/devices/led/set", r#"{"method": "_x"}"#, ReasonCode::TopicNameInvalid, "UNKNOWN_ACTION"),
        ("pi/devices/led/state", "ON", ReasonCode::NotAuthorized, "ACCESS_DENIED"),
        ("pi/status", "offline", ReasonCode::NotAuthorized, "ACCESS_DENIED"),
        ("pi/rpc/responses/other", "x", ReasonCode::NotAuthorized, "ACCESS_DENIED"),
        ("$SYS/x", "x", ReasonCode::NotAuthorized, "ACCESS_DENIED"),
    ] {
        let answer = client.publish(publish(topic, payload));
        assert_eq!(answer.reason, reason, "{topic} {payload}");
        let words = answer.properties.reason_string().expect("a reason string");
        assert!(words.starts_with(&format!("{code}: ")), "{topic} {payload}: {words}");
    }
    assert_eq!(gatekeeper.level(17), Level::Low);
}

#[test]
fn a_retained_command_is_refused() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for topic in ["pi/devices/led/set", "pi/gpio/17/set", "pi/rpc/commands"] {
        let payload = if topic.ends_with("set") { "ON" } else { r#"{"device": "led", "method": "on"}"# };
        let answer = client.publish(Publish { retain: true, ..publish(topic, payload) });
        assert_eq!(answer.reason, ReasonCode::ImplementationSpecificError, "{topic}");
        assert!(
            answer.properties.reason_string().is_some_and(|words| words.starts_with("RETAINED_COMMAND: "))
        );
    }
    assert_eq!(gatekeeper.level(17), Level::Low);
    client.subscribe("pi/+/+/set");
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp, "nothing was kept");
}

#[test]
fn a_command_whose_time_has_passed_is_refused() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let properties = Properties::new().with(Property::MessageExpiryInterval(0));
    let answer = client.publish(Publish { properties, ..publish("pi/devices/led/set", "ON") });
    assert!(
        answer.properties.reason_string().is_some_and(|words| words.starts_with("EXPIRED: ")),
        "{answer:?}"
    );
    assert_eq!(gatekeeper.level(17), Level::Low);
}

#[test]
fn a_call_is_answered_with_its_correlation_data() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    assert_eq!(client.subscribe("pi/rpc/responses/me"), ReasonCode::Success);
    let answer = client.call("me", r#"{"device": "led", "method": "on", "args": [], "kwargs": {}}"#);
    assert_eq!(answer.properties.correlation_data(), Some(&b"42"[..]));
    assert_eq!(answer.properties.content_type(), Some("application/json"));
    let parsed = parse(&answer.payload);
    assert_eq!(parsed["status"], "success");
    assert_eq!(parsed["correlation_data"], "NDI=");
    assert_eq!((&parsed["result"]["device"], &parsed["result"]["value"]), (&json!("led"), &json!(1)));
    assert!(parsed["timestamp"].as_f64().is_some_and(|t| t > 1.6e9));
    let parsed =
        parse(client.call("me", r#"{"device": "led", "method": "set", "kwargs": {"value": 7}}"#).payload);
    assert_eq!((&parsed["status"], &parsed["code"]), (&json!("error"), &json!("OUT_OF_RANGE")));
    let parsed = parse(client.call("me", "nonsense").payload);
    assert_eq!((&parsed["status"], &parsed["code"]), (&json!("error"), &json!("MALFORMED")));
}

#[test]
fn without_a_response_topic_the_answer_goes_to_the_clients_own() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("pi/rpc/responses/+");
    client.send(&Packet::Publish(publish("pi/rpc/commands", r#"{"device": "lamp", "method": "read"}"#)));
    let answer = client.message();
    assert_eq!(answer.topic, Some(topic_name("pi/rpc/responses/me")));
    assert_eq!(parse(&answer.payload)["result"]["kind"], "pwm_led");
}

#[test]
fn answers_are_for_the_one_who_asked() {
    let gatekeeper = Gatekeeper::start();
    let mut asking = MqttClient::connect(gatekeeper.mqtt(), "asking");
    let mut curious = MqttClient::connect(gatekeeper.mqtt(), "curious");
    asking.subscribe("pi/rpc/responses/asking");
    for filter in ["pi/rpc/#", "#"] {
        curious.subscribe(filter);
    }
    asking.call("asking", r#"{"device": "led", "method": "read"}"#);
    asking.publish(publish("after", "x"));
    loop {
        let message = curious.message();
        let topic = message.topic.expect("a topic");
        assert!(!topic.as_str().starts_with("pi/rpc/"), "{topic}");
        if topic.as_str() == "after" {
            break;
        }
    }
}

#[test]
fn nobody_makes_the_gatekeeper_publish_where_they_could_not() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for topic in ["pi/status", "pi/devices/motor/set", "pi/rpc/responses/other", "$SYS/x", "pi/rpc/commands"]
    {
        let properties = Properties::new().with(Property::ResponseTopic(topic_name(topic)));
        let answer = client.publish(Publish {
            properties,
            ..publish("pi/rpc/commands", r#"{"device": "led", "method": "on"}"#)
        });
        assert_eq!(answer.reason, ReasonCode::NotAuthorized, "{topic}");
    }
    assert_eq!(gatekeeper.level(17), Level::Low, "and the command was not carried out either");
    // Outside the gatekeeper's topics everybody may answer everywhere.
    client.subscribe("answers/7");
    let mut request = publish("pi/devices/led/set", "ON");
    request.properties.push(Property::ResponseTopic(topic_name("answers/7")));
    client.send(&Packet::Publish(request));
    assert_eq!(parse(client.message_on("answers/7"))["status"], "success");
}

#[test]
fn who_publishes_and_leaves_is_still_answered_elsewhere() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("answers");
    let mut hasty = MqttClient::connect(gatekeeper.mqtt(), "hasty");
    let mut request = publish("pi/rpc/commands", r#"{"device": "relay", "method": "on"}"#);
    request.properties.push(Property::ResponseTopic(topic_name("answers")));
    hasty.send(&Packet::Publish(request));
    hasty.disconnect(ReasonCode::Success);
    assert_eq!(parse(watcher.message_on("answers"))["result"]["device"], "relay");
}

#[test]
fn outcomes_come_in_the_order_of_the_publications() {
    let gatekeeper = Gatekeeper::start();
    // A client of 3.1.1 may have any number under way.
    let v3 = Connect { version: Version::V3, ..connect("me") };
    let mut client = MqttClient::connect_with(gatekeeper.mqtt(), v3).0;
    let mut sent = Vec::new();
    for round in 0..300 {
        let (topic, payload) =
            [("pi/devices/led/set", "TOGGLE"), ("free", "x"), ("pi/status", "no")][round % 3];
        let packet_id = client.packet_id();
        let publish =
            Publish { qos: QoS::AtLeastOnce, packet_id: Some(packet_id), ..publish(topic, payload) };
        client.send(&Packet::Publish(publish));
        sent.push(packet_id);
    }
    let answered: Vec<_> = (0..300)
        .map(|_| match client.receive() {
            Packet::Puback(acknowledge) => acknowledge.packet_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answered, sent);
    assert_eq!(gatekeeper.board().level(&gpio(17)), Level::Low, "toggled a hundred times");
}

#[test]
fn a_pressed_button_is_seen_by_everybody() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe_with(
        "pi/devices/button/state",
        SubscribeOptions::plain(QoS::AtLeastOnce),
        Properties::new(),
    );
    assert_eq!(parse(client.message_on("pi/devices/button/state"))["event"], "released");
    gatekeeper.board().drive(&gpio(22), Level::Low);
    let state = parse(client.message_on("pi/devices/button/state"));
    assert_eq!((&state["event"], &state["value"], &state["seq"]), (&json!("pressed"), &json!(1), &json!(2)));
    assert!(state["edge_ns"].as_u64().is_some_and(|ns| ns > 0));
}
