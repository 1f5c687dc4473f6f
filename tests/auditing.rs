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
    let text = fs::read_to_string(&file).expect("it is there");
    let entries: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told = |entry: &Json| {
        ["device", "action", "code"].map(|name| entry[name].as_str().unwrap_or("-").to_owned()).join(" ")
    };
    let told: Vec<String> = entries.iter().map(told).collect();
    assert_eq!(told, ["led on -", "fan on UNKNOWN_DEVICE", "led off -", "pi/status publish ACCESS_DENIED"]);
    assert_eq!((&entries[0]["old"], &entries[0]["new"]), (&0.into(), &1.into()));
    assert_eq!((&entries[0]["protocol"], &entries[2]["client"]), (&"line".into(), &"dash".into()));
}

#[test]
fn a_file_that_can_not_be_written_is_said_so_before_anything_starts() {
    let config = support::configuration(&to_file(Path::new("/nowhere/audit.jsonl")), DEMO_DEVICES);
    let started = Daemon::start(config, Box::new(Simulation::new()), Logging::default());
    let error = started.err().expect("it does not start").to_string();
    assert!(error.contains("/nowhere/audit.jsonl") && error.contains("audit.file"), "{error}");
}
