//! Leases over MQTT: requests, retained leases, and what the holder alone is told.

use serde_json::{Value as Json, json};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, publish};
use gpio_gatekeeper::wire::mqtt::{Packet, ReasonCode};

fn client(gatekeeper: &Gatekeeper, id: &str) -> MqttClient {
    let mut client = MqttClient::connect(gatekeeper.mqtt(), id);
    client.subscribe(&format!("pi/rpc/responses/{id}"));
    client
}

fn call(client: &mut MqttClient, id: &str, request: &Json) -> Json {
    serde_json::from_slice(&client.call(id, &request.to_string()).payload).expect("JSON")
}

fn lease(client: &mut MqttClient, id: &str, kwargs: Json) -> u64 {
    let answer = call(client, id, &json!({"device": "system", "method": "lease", "kwargs": kwargs}));
    answer["result"]["token"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_lease_is_asked_for_renewed_and_given_back() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let request = json!({"device": "led", "method": "lease", "kwargs": {"ttl": "1min"}});
    let answer = call(&mut panel, "panel", &request);
    let result = &answer["result"];
    assert_eq!((&result["devices"], &result["ttl"]), (&json!(["led"]), &json!(60)));
    let token = &result["token"];
    for (method, code) in [("renew", Json::Null), ("release", Json::Null), ("renew", "NO_LEASE".into())] {
        let request = json!({"device": "system", "method": method, "kwargs": {"token": token}});
        assert_eq!(call(&mut panel, "panel", &request)["code"], code, "{method}");
    }
}

#[test]
fn a_command_is_meant_under_a_lease() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let [stale, token] = [0, 1].map(|_| lease(&mut panel, "panel", json!({"devices": "*"})));
    let mut set = |token: u64| {
        let payload = json!({"method": "on", "kwargs": {"token": token}}).to_string();
        panel.publish(publish("pi/devices/led/set", &payload))
    };
    let refused = set(stale);
    assert_eq!(refused.reason, ReasonCode::NotAuthorized);
    assert!(refused.properties.reason_string().is_some_and(|words| words.starts_with("STALE_TOKEN: ")));
    assert_eq!(set(token).reason, ReasonCode::Success);
}

#[test]
fn who_holds_what_is_retained_without_the_token() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let token = lease(&mut panel, "panel", json!({"devices": ["led", "relay"]}));
    let mut curious = client(&gatekeeper, "curious");
    curious.subscribe("pi/leases/+");
    let told: Json = serde_json::from_str(&curious.message_on("pi/leases/led")).expect("JSON");
    assert_eq!((&told["holder"], &told["user"]), (&"panel".into(), &Json::Null));
    let lasts = told["expires"].as_f64().expect("a time") - told["since"].as_f64().expect("a time");
    assert!((lasts - 30.0).abs() < 1e-3 && !told.to_string().contains(&token.to_string()), "{told}");
    curious.message_on("pi/leases/relay");
    let request = json!({"device": "system", "method": "release", "kwargs": {"token": token}});
    call(&mut panel, "panel", &request);
    assert_eq!(curious.message_on("pi/leases/led"), "");
    let mut late = client(&gatekeeper, "late");
    late.subscribe("pi/leases/#");
    late.send(&Packet::Pingreq);
    assert_eq!(late.receive(), Packet::Pingresp, "nothing is retained");
}

#[test]
fn the_holder_alone_is_warned_and_told() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    panel.subscribe("pi/nodes/panel/lease");
    let mut curious = client(&gatekeeper, "curious");
    curious.subscribe("pi/nodes/+/lease");
    let token = lease(&mut panel, "panel", json!({"devices": "led", "ttl": 0.2}));
    let mut next =
        || -> Json { serde_json::from_str(&panel.message_on("pi/nodes/panel/lease")).expect("JSON") };
    let ending = next();
    assert_eq!((&ending["event"], &ending["token"]), (&"ending".into(), &token.into()));
    assert!(ending["left"].as_f64().is_some_and(|left| left <= 0.05), "{ending}");
    let lost = next();
    assert_eq!((&lost["event"], &lost["cause"]), (&"lost".into(), &"EXPIRED".into()));
    curious.send(&Packet::Pingreq);
    assert_eq!(curious.receive(), Packet::Pingresp, "nothing of this was for it");
    let forged = curious.publish(publish("pi/nodes/panel/lease", "{}"));
    assert_eq!(forged.reason, ReasonCode::NotAuthorized);
}

#[test]
fn who_breaks_a_lease_says_why() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    panel.subscribe("pi/nodes/panel/lease");
    lease(&mut panel, "panel", json!({"devices": "led"}));
    let request = json!({"device": "led", "method": "break", "kwargs": {"reason": "fire"}});
    assert_eq!(call(&mut client(&gatekeeper, "boss"), "boss", &request)["status"], "success");
    let lost: Json = serde_json::from_str(&panel.message_on("pi/nodes/panel/lease")).expect("JSON");
    assert_eq!((&lost["cause"], &lost["by"]), (&"BROKEN".into(), &"boss".into()));
    assert_eq!((&lost["reason"], &lost["devices"]), (&"fire".into(), &json!(["led"])));
}

#[test]
fn who_says_goodbye_waits_no_more() {
    let gatekeeper = Gatekeeper::start();
    lease(&mut client(&gatekeeper, "panel"), "panel", json!({"devices": "led", "ttl": "1h"}));
    let mut watcher = client(&gatekeeper, "watcher");
    watcher.subscribe("pi/logs/audit");
    let mut waiting = client(&gatekeeper, "waiting");
    let request = json!({"device": "led", "method": "lease", "kwargs": {"wait": "1h"}}).to_string();
    waiting.send(&Packet::Publish(publish("pi/rpc/commands", &request)));
    waiting.disconnect(ReasonCode::Success);
    let audit: Json = serde_json::from_str(&watcher.message_on("pi/logs/audit")).expect("JSON");
    assert_eq!((&audit["client"], &audit["code"]), (&"waiting".into(), &"EXPIRED".into()));
}
