//! Kinds of devices in the whole daemon: what crosses threads on its way.

use super::support::Gatekeeper;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};

#[test]
fn a_burst_of_pulses_is_counted_to_the_last() {
    let meter = r#"{"devices": {"meter": {"counter": {"line": "GPIO26", "interval": "10ms"}}}}"#;
    let gatekeeper = Gatekeeper::configured(meter);
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=SUB|DEVICE=meter", "REPLY=OK");
    // Far more than may wait for the hardware thread, which gives them itself.
    line.send("COMMAND=DO|DEVICE=meter|ACTION=pulse|N=1000");
    let mut told = line.event("EVENT=STATE|");
    while !told.contains("|EDGE_SEQ=1000|") {
        told = line.event("EVENT=STATE|");
    }
    assert!(told.ends_with("|TOTAL=1000|LOST=0"), "{told}");
}

#[test]
fn a_sequence_is_the_same_in_both_protocols() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "me");
    mqtt.subscribe("pi/rpc/responses/me");
    line.expect("COMMAND=SUB|DEVICE=relay", "REPLY=OK");
    line.event("EVENT=STATE|");
    // Four steps, and the end.
    let last = |seq: u32, line: &mut LineClient| {
        let mut told = line.event("EVENT=STATE|");
        while LineClient::field(&told, "SEQ") != Some(seq.to_string()) {
            assert!(told.contains("|SEQUENCE=1"), "{told}");
            told = line.event("EVENT=STATE|");
        }
        assert!(told.contains("|VALUE=0|STATE=off|") && !told.contains("SEQUENCE"), "{told}");
    };
    line.send("COMMAND=DO|DEVICE=relay|ACTION=sequence|STEPS=1:20ms,0:10ms|N=2");
    last(6, &mut line);
    let call = r#"{"device": "relay", "method": "sequence", "args": [[[1, 0.02], ["off", "10ms"]]], "kwargs": {"n": 2}}"#;
    let answer = mqtt.call("me", call);
    let answer = String::from_utf8_lossy(&answer.payload);
    assert!(answer.contains(r#""sequence":true"#), "{answer}");
    last(11, &mut line);
    line.expect(
        "COMMAND=DO|DEVICE=relay|ACTION=sequence|STEPS=1:20ms,2:10ms",
        "REPLY=ERROR|CODE=OUT_OF_RANGE",
    );
}

#[test]
fn an_output_follows_whichever_protocol_pressed_the_button() {
    let gatekeeper = Gatekeeper::with(
        "",
        r#""button": {"button": {"line": "GPIO22"}}, "light": {"led": {"line": "GPIO17", "follow": "button"}}"#,
    );
    let mut line = LineClient::patient(gatekeeper.line());
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "me");
    mqtt.subscribe("pi/devices/light/state");
    mqtt.message();
    line.expect("COMMAND=SUB|DEVICE=light", "REPLY=OK");
    line.event("EVENT=STATE|");
    line.send("COMMAND=DO|DEVICE=button|ACTION=press");
    assert!(mqtt.message_on("pi/devices/light/state").contains(r#""value":1"#));
    assert!(line.event("EVENT=STATE|").contains("|VALUE=1|STATE=on|SEQ=2|"));
    mqtt.publish(publish("pi/devices/button/set", r#"{"method": "release"}"#));
    assert!(line.event("EVENT=STATE|").contains("|VALUE=0|STATE=off|SEQ=3|"));
    line.expect("COMMAND=DESCRIBE|DEVICE=light", "REPLY=OK");
}

#[test]
fn a_raw_line_is_its_users_until_the_connection_ends() {
    let gatekeeper = Gatekeeper::configured(r#"{"raw_lines": {"lines": ["GPIO17", "GPIO4"]}}"#);
    let mut watcher = LineClient::patient(gatekeeper.line());
    watcher.expect("COMMAND=SUB|DEVICE=gpio17", "REPLY=OK");
    assert!(watcher.event("EVENT=STATE|").contains("|STATE=unused|"));
    let mut user = LineClient::patient(gatekeeper.line());
    user.expect("COMMAND=DO|DEVICE=gpio17|ACTION=configure|FUNCTION=input|PULL=up", "REPLY=OK|STATE=high");
    assert!(watcher.event("EVENT=STATE|").contains("|VALUE=1|STATE=high|"));
    user.expect("COMMAND=DO|LINE=17|ACTION=deactivate", "REPLY=OK|STATE=low");
    assert!(watcher.event("EVENT=STATE|").contains("|VALUE=0|STATE=low|"));
    drop(user);
    assert!(watcher.event("EVENT=STATE|").contains("|STATE=unused|"));
}

#[test]
fn the_clock_of_edges_is_told() {
    let gatekeeper = Gatekeeper::configured(r#"{"devices": {"door": {"input": {"line": "GPIO17"}}}}"#);
    let mut line = LineClient::patient(gatekeeper.line());
    let clock = |line: &mut LineClient| {
        let status = line.ask("COMMAND=STATUS");
        LineClient::field(&status, "CLOCK_NS").expect("a clock").parse::<u64>().expect("a number")
    };
    let before = clock(&mut line);
    line.expect("COMMAND=SUB|DEVICE=door", "REPLY=OK");
    line.expect("COMMAND=FAULT|DEVICE=door|FAULT=storm|N=1", "REPLY=OK");
    let mut told = line.event("EVENT=STATE|");
    while !told.contains("|EDGE_NS=") {
        told = line.event("EVENT=STATE|");
    }
    let edge = LineClient::field(&told, "EDGE_NS").expect("an edge").parse::<u64>().expect("a number");
    assert!(before < edge && edge < clock(&mut line), "{told}");
}
