//! Faults that an admin makes in a whole daemon: what is told of each, what still works, and that it is over when it is
//! mended.

mod support;

use gpio_gatekeeper::hardware::Level;
use serde_json::Value as Json;
use support::line::LineClient;
use support::mqtt::{MqttClient, connect};
use support::users::{PHC, write_users};
use support::{Gatekeeper, gpio};

use gpio_gatekeeper::wire::mqtt::Connect;

const DEVICES: &str = r#"
    "led": {"led": {"line": "GPIO17"}},
    "other": {"led": {"line": "GPIO4", "chip": "second"}},
    "button": {"button": {"line": "GPIO22", "bias": "pull-down", "debounce": "0s"}},
    "edges": {"counter": {"line": "GPIO26", "interval": "100ms"}},
    "room": {"tmp102": {"interval": "100ms"}},
    "air": {"aht20": {"interval": "100ms"}}
"#;

/// A daemon, and a client that hears of this device.
fn start(device: &str) -> (Gatekeeper, LineClient) {
    let gatekeeper = Gatekeeper::with("", DEVICES);
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
    client.event(&format!("EVENT=STATE|DEVICE={device}|"));
    (gatekeeper, client)
}

/// The next state of this device in which it is as it is wanted.
fn until(client: &mut LineClient, device: &str, wanted: &str) {
    while !client.event(&format!("EVENT=STATE|DEVICE={device}|")).contains(wanted) {}
}

#[test]
fn a_line_that_is_stuck_or_fails_is_told_and_works_again_when_it_is_mended() {
    let (_gatekeeper, mut client) = start("led");
    for fault in ["stuck", "write-fails", "read-fails"] {
        client.expect(&format!("COMMAND=FAULT|DEVICE=led|FAULT={fault}"), "REPLY=OK");
        client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=ERROR|CODE=DEVICE_FAULT");
        client.expect("COMMAND=SET|DEVICE=other|VALUE=TOGGLE", "REPLY=OK");
        client.expect("COMMAND=FAULT|MEND=1|DEVICE=led", "REPLY=OK");
        client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
        client.expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK|VALUE=0");
    }
}

#[test]
fn a_part_that_does_not_answer_or_says_nonsense_is_a_fault_until_it_is_mended() {
    for (device, fault) in [("room", "nak"), ("air", "nak"), ("air", "bit-errors")] {
        let (_gatekeeper, mut client) = start(device);
        client.expect(&format!("COMMAND=FAULT|DEVICE={device}|FAULT={fault}"), "REPLY=OK");
        until(&mut client, device, "|STATE=fault|");
        client.expect("COMMAND=SET|DEVICE=led|VALUE=TOGGLE", "REPLY=OK");
        client.expect("COMMAND=FAULT|MEND=1", "REPLY=OK");
        until(&mut client, device, "|STATE=reading|");
    }
}

#[test]
fn a_slow_bus_is_slow_for_itself() {
    let (gatekeeper, mut client) = start("room");
    client.expect("COMMAND=FAULT|DEVICE=room|FAULT=slow|TIME=1min", "REPLY=OK");
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    client.expect("COMMAND=FAULT|MEND=1", "REPLY=OK");
    gatekeeper.board().parts().expose("/dev/i2c-1 address 0x48", "temperature", 30.0);
    until(&mut client, "room", "|VALUE=30|STATE=reading|");
}

#[test]
fn a_chip_that_is_unplugged_is_told_and_taken_anew_when_its_time_is_over() {
    let (gatekeeper, mut client) = start("led");
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    client.expect("COMMAND=FAULT|DEVICE=led|FAULT=unplugged|FOR=200ms", "REPLY=OK");
    until(&mut client, "led", "|STATE=fault|");
    client.expect("COMMAND=SET|DEVICE=other|VALUE=ON", "REPLY=OK|VALUE=1");
    until(&mut client, "led", "|VALUE=0|STATE=off|");
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    // Its inputs hear again, too.
    client.expect("COMMAND=SUB|DEVICE=button", "REPLY=OK");
    gatekeeper.board().drive(&gpio(22), Level::High);
    until(&mut client, "button", "|STATE=pressed|");
}

#[test]
fn a_storm_is_counted_to_its_last_edge_and_keeps_nobody_waiting() {
    let (gatekeeper, mut client) = start("edges");
    client.expect("COMMAND=FAULT|DEVICE=edges|FAULT=storm|N=200000", "REPLY=OK");
    for _ in 0..100 {
        client.expect("COMMAND=SET|DEVICE=led|VALUE=TOGGLE", "REPLY=OK");
    }
    gatekeeper.board().calm();
    // Every second edge goes to active; those that were dropped on their way have their numbers all the same.
    until(&mut client, "edges", "|TOTAL=100000|LOST=0");
}

#[test]
fn only_an_admin_makes_faults_and_the_audit_says_who_did() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("users.json");
    let user = |name: &str, role: &str| format!(r#""{name}": {{"role": "{role}", "password": "{PHC}"}}"#);
    write_users(&file, &[user("root", "admin"), user("anna", "operator")].join(", "));
    let gatekeeper = Gatekeeper::with(&format!(r#""users": "{}","#, file.display()), DEVICES);
    let client = |name: &str| {
        let (username, password) = (Some(name.to_owned()), Some("password".into()));
        let connect = Connect { username, password, ..connect(name) };
        let mut client = MqttClient::connect_with(gatekeeper.mqtt(), connect).0;
        client.subscribe(&format!("pi/rpc/responses/{name}"));
        client
    };
    let stuck = r#"{"device": "system", "method": "inject_fault", "kwargs": {"device": "led", "fault": "stuck", "for": 60}}"#;
    let code = |answer: &[u8]| serde_json::from_slice::<Json>(answer).expect("JSON")["code"].clone();
    let [mut anna, mut root] = ["anna", "root"].map(client);
    root.subscribe("pi/logs/audit");
    assert_eq!(code(&anna.call("anna", stuck).payload), "ACCESS_DENIED");
    let refused: Json = serde_json::from_str(&root.message_on("pi/logs/audit")).expect("JSON");
    assert_eq!((&refused["user"], &refused["code"]), (&"anna".into(), &"ACCESS_DENIED".into()), "{refused}");
    assert_eq!(code(&root.call("root", stuck).payload), Json::Null);
    assert_eq!(code(&root.call("root", r#"{"device": "led", "method": "on"}"#).payload), "DEVICE_FAULT");
    assert_eq!(
        code(&root.call("root", r#"{"device": "system", "method": "mend_faults"}"#).payload),
        Json::Null
    );
    assert_eq!(code(&root.call("root", r#"{"device": "led", "method": "on"}"#).payload), Json::Null);
}
