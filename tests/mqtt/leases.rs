//! Leases over MQTT: requests, retained leases, and what the holder alone is told.

use serde_json::{Value as Json, json};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, publish};
use gpio_gatekeeper::hardware::Level;
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

#[test]
fn how_long_a_lease_lasts_has_its_bounds() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    for (kwargs, ttl) in [
        (json!({}), json!(30)),
        (json!({"ttl": "99ms"}), Json::Null),
        (json!({"ttl": 0.1}), json!(0.1)),
        (json!({"ttl": "1h"}), json!(3600)),
        (json!({"ttl": 3601}), Json::Null),
    ] {
        let answer =
            call(&mut panel, "panel", &json!({"device": "led", "method": "lease", "kwargs": kwargs}));
        assert_eq!(answer["result"]["ttl"], ttl, "{answer}");
        assert_eq!(answer["code"] == "OUT_OF_RANGE", ttl.is_null(), "{answer}");
    }
}

#[test]
fn a_client_that_comes_back_still_holds_its_lease() {
    let gatekeeper = Gatekeeper::start();
    lease(&mut client(&gatekeeper, "panel"), "panel", json!({"devices": "led", "ttl": "1h"}));
    let refused = client(&gatekeeper, "other").publish(publish("pi/devices/led/set", "ON"));
    assert_eq!(refused.reason, ReasonCode::NotAuthorized);
    let words = refused.properties.reason_string().map(str::to_owned);
    assert!(words.is_some_and(|words| words.starts_with("HELD: led is held by panel ")));
    let done = client(&gatekeeper, "panel").publish(publish("pi/devices/led/set", "ON"));
    assert_eq!(done.reason, ReasonCode::Success);
}

#[test]
fn a_lease_ends_with_its_connection_where_that_was_asked_for() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    lease(&mut panel, "panel", json!({"devices": "led", "ttl": "1h", "connection": true}));
    let mut waiting = client(&gatekeeper, "waiting");
    let request = json!({"device": "led", "method": "lease", "kwargs": {"wait": "1h"}}).to_string();
    waiting.send(&Packet::Publish(publish("pi/rpc/commands", &request)));
    drop(panel);
    assert!(waiting.message_on("pi/rpc/responses/waiting").contains(r#""status":"success""#));
}

#[test]
fn a_device_that_requires_a_lease_says_so() {
    let devices = r#""pump": {"relay": {"line": "GPIO27", "require_lease": true}}"#;
    let gatekeeper = Gatekeeper::with("", devices);
    let mut panel = client(&gatekeeper, "panel");
    let refused = panel.publish(publish("pi/devices/pump/set", "ON"));
    assert_eq!(refused.reason, ReasonCode::NotAuthorized);
    assert!(refused.properties.reason_string().is_some_and(|words| words.starts_with("LEASE_REQUIRED: ")));
    lease(&mut panel, "panel", json!({"devices": "pump"}));
    assert_eq!(panel.publish(publish("pi/devices/pump/set", "ON")).reason, ReasonCode::Success);
}

#[test]
fn a_command_from_before_a_lease_of_another_does_nothing_after_it() {
    let gatekeeper = Gatekeeper::start();
    let [mut first, mut second] = ["first", "second"].map(|id| client(&gatekeeper, id));
    let token = lease(&mut first, "first", json!({"devices": "led"}));
    let release = json!({"device": "system", "method": "release", "kwargs": {"token": token}});
    assert_eq!(call(&mut first, "first", &release)["status"], "success");
    let newer = lease(&mut second, "second", json!({"devices": "led"}));
    let mut late = |kwargs: Json| {
        let payload = json!({"method": "on", "kwargs": kwargs}).to_string();
        let refused = first.publish(publish("pi/devices/led/set", &payload));
        refused.properties.reason_string().and_then(|words| words.split(':').next().map(str::to_owned))
    };
    assert_eq!([late(json!({})), late(json!({"token": token}))], ["HELD", "HELD"].map(|c| Some(c.into())));
    let release = json!({"device": "system", "method": "release", "kwargs": {"token": newer}});
    assert_eq!(call(&mut second, "second", &release)["status"], "success");
    assert_eq!(late(json!({"token": token})).as_deref(), Some("STALE_TOKEN"));
    assert_eq!(gatekeeper.level(17), Level::Low);
}

#[test]
fn a_motor_stops_when_the_lease_on_it_expires() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    panel.publish(publish("pi/devices/motor/set", "1"));
    panel.subscribe("pi/devices/motor/state");
    assert!(panel.message_on("pi/devices/motor/state").contains(r#""event":"forward""#));
    let request = json!({"device": "motor", "method": "lease", "kwargs": {"ttl": "100ms"}}).to_string();
    panel.send(&Packet::Publish(publish("pi/rpc/commands", &request)));
    assert!(panel.message_on("pi/devices/motor/state").contains(r#""event":"stopped""#));
}
