//! The audit as a file: what stands in it, and what happens where it can't be written.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use gpio_gatekeeper::daemon::{Daemon, Logging};
use gpio_gatekeeper::hardware::Simulation;
use serde_json::Value as Json;
use support::line::LineClient;
use support::mqtt::{MqttClient, publish};
use support::{DEMO_DEVICES, Gatekeeper};

fn to_file(file: &Path) -> String {
    format!(r#""audit": {{"file": "{}"}},"#, file.display())
}

fn entries(file: &Path) -> Vec<Json> {
    let text = fs::read_to_string(file).expect("it is there");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn who_did_what_stands_in_the_file_when_the_daemon_has_stopped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("audit.jsonl");
    let mut gatekeeper = Gatekeeper::with(&to_file(&file), DEMO_DEVICES);
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|DEVICE=led|VALUE=1");
    line.expect("COMMAND=SET|DEVICE=fan|VALUE=ON", "REPLY=ERROR|CODE=UNKNOWN_DEVICE");
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "dash");
    mqtt.publish(publish("pi/devices/led/set", "OFF"));
    mqtt.publish(publish("pi/status", "mine"));
    assert!(gatekeeper.stop());
    let entries = entries(&file);
    let told = |entry: &Json| {
        ["device", "action", "code"].map(|name| entry[name].as_str().unwrap_or("-").to_owned()).join(" ")
    };
    let told: Vec<String> = entries.iter().map(told).collect();
    let start = concat!("- start(", env!("CARGO_PKG_VERSION"), ") -");
    let refused = ["fan on UNKNOWN_DEVICE", "pi/status publish ACCESS_DENIED"];
    assert_eq!(told, [start, "led on -", refused[0], "led off -", refused[1], "- stop -"]);
    assert_eq!((&entries[1]["old"], &entries[1]["new"]), (&0.into(), &1.into()));
    assert_eq!((&entries[1]["protocol"], &entries[3]["client"]), (&"line".into(), &"dash".into()));
}

/// One entry in short: who with which protocol, which device, what, the values, and what came of it.
fn in_short(entry: &Json) -> String {
    let field = |name: &str| match &entry[name] {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    ["client", "protocol", "device", "action", "old", "new", "code"].map(field).join(" ")
}

#[test]
fn every_kind_of_entry_says_who_what_and_what_came_of_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("audit.jsonl");
    let devices = format!(r#"{DEMO_DEVICES}, "pump": {{"relay": {{"line": 4, "on_lease_lost": "off"}}}}"#);
    let mut gatekeeper = Gatekeeper::with(&to_file(&file), &devices);
    let mut panel = LineClient::patient(gatekeeper.line());
    let address = panel.address().to_string();
    panel.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    let lease = panel.ask("COMMAND=LEASE|DEVICE=pump|TTL=1h");
    let token = LineClient::field(&lease, "TOKEN").expect("a token");
    panel.expect(&format!("COMMAND=RENEW|TOKEN={token}"), "REPLY=OK");
    panel.expect(&format!("COMMAND=SET|DEVICE=pump|VALUE=ON|TOKEN={token}"), "REPLY=OK");
    let mut dash = MqttClient::connect(gatekeeper.mqtt(), "dash");
    dash.publish(publish("pi/devices/pump/set", "OFF"));
    panel.expect("COMMAND=BREAK|DEVICE=pump|REASON=fire", "REPLY=OK");
    panel.expect(&format!("COMMAND=SET|DEVICE=pump|VALUE=ON|TOKEN={token}"), "CODE=STALE_TOKEN");
    panel.expect(&format!("COMMAND=RENEW|TOKEN={token}"), "CODE=NO_LEASE");
    let lease = panel.ask("COMMAND=LEASE|DEVICE=led");
    let second = LineClient::field(&lease, "TOKEN").expect("a token");
    panel.expect(&format!("COMMAND=RELEASE|TOKEN={second}"), "REPLY=OK");
    panel.expect("COMMAND=PUB|VAR=a/b|VALUE=1", "REPLY=ERROR");
    dash.subscribe("pi/rpc/responses/panel");
    let mut driver = MqttClient::connect(gatekeeper.mqtt(), "driver");
    driver.publish(publish("pi/devices/motor/set", "1"));
    panel.expect("COMMAND=SUB|DEVICE=motor", "REPLY=OK");
    drop(driver);
    while LineClient::field(&panel.event("EVENT=STATE|"), "STATE").as_deref() != Some("stopped") {}
    panel.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK");
    assert!(gatekeeper.stop());
    let entries = entries(&file);
    let entries = &entries[1..entries.len() - 1];
    let expected = [
        ("panel line pump lease(ttl=1h) - - -", &*token),
        ("panel line pump on 0 1 -", &token),
        ("dash mqtt pump off 1 1 HELD", ""),
        ("panel line pump break(fire) - - -", ""),
        ("- - pump lease_broken(by=panel, reason=fire) - - -", &token),
        ("- - pump on_lease_lost 1 0 -", ""),
        ("panel line pump on 0 0 STALE_TOKEN", &token),
        ("panel line system renew - - NO_LEASE", &token),
        ("panel line led lease(ttl=30s) - - -", &second),
        ("panel line system release - - -", &second),
        ("panel line - PUB - - BAD_VALUE", ""),
        ("dash mqtt pi/rpc/responses/panel subscribe - - ACCESS_DENIED", ""),
        ("driver mqtt motor set(1) 0 1 -", ""),
        ("- - motor on_link_lost 1 0 -", ""),
        ("panel line relay on 0 1 -", ""),
        ("- - relay on_stop 1 0 -", ""),
    ];
    let told: Vec<String> = entries.iter().map(in_short).collect();
    assert_eq!(told, expected.map(|(entry, _)| entry));
    for (entry, (_, token)) in entries.iter().zip(expected) {
        assert_eq!(entry["token"], token.parse::<u64>().map_or(Json::Null, Json::from), "{entry}");
        let is_panel = entry["client"] == "panel";
        assert!(entry["timestamp"].is_number() && (!is_panel || entry["address"] == address), "{entry}");
    }
}

#[test]
fn a_file_that_can_not_be_written_is_said_so_before_anything_starts() {
    let config = support::configuration(&to_file(Path::new("/nowhere/audit.jsonl")), DEMO_DEVICES);
    let started = Daemon::start(config, Box::new(Simulation::new()), Logging::default());
    let error = started.err().expect("it does not start").to_string();
    assert!(error.contains("/nowhere/audit.jsonl") && error.contains("audit.file"), "{error}");
}

#[test]
fn readings_are_told_where_that_is_wanted() {
    for (reads, told) in [("false", vec!["on"]), ("true", vec!["read", "on", "read"])] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("audit.jsonl");
        let sections = format!(r#""audit": {{"file": "{}", "reads": {reads}}},"#, file.display());
        let mut gatekeeper = Gatekeeper::with(&sections, DEMO_DEVICES);
        let mut line = LineClient::patient(gatekeeper.line());
        for command in ["GET|DEVICE=led", "SET|DEVICE=led|VALUE=ON"] {
            line.expect(&format!("COMMAND={command}"), "REPLY=OK");
        }
        let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "dash");
        mqtt.publish(publish("pi/devices/led/set", r#"{"method": "read"}"#));
        assert!(gatekeeper.stop());
        let text = fs::read_to_string(&file).expect("it is there");
        let entries = text.lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
        let on_led = entries.filter(|entry| entry["device"] == "led");
        let actions: Vec<_> =
            on_led.map(|entry| entry["action"].as_str().expect("text").to_owned()).collect();
        assert_eq!(actions, told);
    }
}
