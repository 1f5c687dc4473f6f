//! The JSON in protocol.md has the members that the gatekeeper really publishes.

use std::collections::BTreeSet;

use gpio_gatekeeper::gateway::LogRecord;
use gpio_gatekeeper::gateway::mqtt::json;
use serde_json::Value as Json;

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, publish};

const DOCUMENT: &str = include_str!("../../protocol.md");

/// The JSON values of the block that follows `text` in the document.
fn documented(text: &str) -> Vec<Json> {
    let (_, rest) = DOCUMENT.split_once(text).unwrap_or_else(|| panic!("the document says {text:?}"));
    let (_, block) = rest.split_once("```json\n").expect("a block of JSON");
    let (block, _) = block.split_once("```").expect("its end");
    serde_json::Deserializer::from_str(block).into_iter().map(|value| value.expect("JSON")).collect()
}

fn members(value: &Json) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

fn published(client: &mut MqttClient, topic: &str) -> Json {
    serde_json::from_str(&client.message_on(topic)).expect("JSON")
}

#[test]
fn what_is_published_has_the_members_that_are_documented() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let mut compare = |topic: &str, text: &str| {
        client.subscribe(topic);
        assert_eq!(members(&published(&mut client, topic)), members(&documented(text)[0]), "{topic}");
    };
    compare("pi/devices/led/state", "### States");
    compare("pi/system/telemetry", "`pi/system/telemetry`, at start");

    client.subscribe("pi/logs/audit");
    client.publish(publish("pi/devices/led/set", "ON"));
    let audit = published(&mut client, "pi/logs/audit");
    assert_eq!(members(&audit), members(&documented("`pi/logs/audit`, for every")[0]));

    client.subscribe("pi/rpc/responses/me");
    for (payload, which) in [(r#"{"device": "led", "method": "on"}"#, 0), ("nonsense", 1)] {
        let answer: Json = serde_json::from_slice(&client.call("me", payload).payload).expect("JSON");
        assert_eq!(members(&answer), members(&documented("in base64 as a member")[which]), "{payload}");
    }

    let (target, message) = ("here".to_owned(), "x".to_owned());
    let record = LogRecord { timestamp: 1.0, level: "warn", target, message };
    let record: Json = serde_json::from_slice(&json::log_record(&record)).expect("JSON");
    assert_eq!(members(&record), members(&documented("`pi/logs/system/{level}`:")[0]));
}

#[test]
fn the_registry_has_the_form_that_is_documented() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("pi/devices/registry");
    let registry = published(&mut client, "pi/devices/registry");
    let document = &documented("### The registry")[0];
    for path in [
        "/led",
        "/led/lines/line",
        "/led/actions/set",
        "/led/actions/set/parameters/0",
        "/led/limits",
        "/led/safety",
    ] {
        let [real, told] = [&registry, document].map(|whole| members(whole.pointer(path).expect(path)));
        assert_eq!(real, told, "{path}");
    }
}

#[test]
fn the_registry_has_the_pwm_channels_of_a_device() {
    let lamp = r#""lamp": {"pwm_led": {"pwm": {"chip": "a.pwm", "channel": 2}}}"#;
    let gatekeeper = Gatekeeper::with("", lamp);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.subscribe("pi/devices/registry");
    let registry = published(&mut client, "pi/devices/registry");
    let channels = serde_json::json!({ "pwm": { "chip": "a.pwm", "channel": 2 } });
    assert_eq!(registry["lamp"]["channels"], channels);
}

#[test]
fn what_is_told_of_leases_has_the_members_that_are_documented() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    for topic in ["pi/rpc/responses/me", "pi/leases/led", "pi/nodes/me/lease"] {
        client.subscribe(topic);
    }
    let request = documented("without `devices`.")[0].clone();
    let answer: Json =
        serde_json::from_slice(&client.call("me", &request.to_string()).payload).expect("JSON");
    assert_eq!(members(&answer["result"]), members(&documented("the others `null`:")[0]), "{answer}");
    for (method, told) in [("break", 1), ("lease", 0)] {
        let kwargs = [r#"{"ttl": 0.1}"#, r#"{"reason": "x"}"#][told];
        let request = format!(r#"{{"device": "led", "method": "{method}", "kwargs": {kwargs}}}"#);
        client.publish(publish("pi/rpc/commands", &request));
        let notice = published(&mut client, "pi/nodes/me/lease");
        assert_eq!(members(&notice), members(&documented("what the [events]")[told]));
    }
    client.publish(publish("pi/rpc/commands", r#"{"device": "led", "method": "lease"}"#));
    let mut late = MqttClient::connect(gatekeeper.mqtt(), "late");
    late.subscribe("pi/leases/led");
    let tenancy = published(&mut late, "pi/leases/led");
    assert_eq!(members(&tenancy), members(&documented("who holds a lease:")[0]));
}
