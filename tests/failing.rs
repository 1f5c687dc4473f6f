//! Hardware that fails, panics or never comes back: what becomes of the devices, the clients and the daemon.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use gpio_gatekeeper::control::Ended;
use gpio_gatekeeper::daemon::{Daemon, Ending};
use gpio_gatekeeper::hardware::{Board, Level};
use gpio_gatekeeper::wire::mqtt::{Packet, Publish, QoS, ReasonCode};
use serde_json::Value as Json;
use support::faulty::{self, Fault, Switch};
use support::line::LineClient;
use support::mqtt::{MqttClient, publish};
use support::process::Process;
use support::{Gatekeeper, gpio};

/// One that holds, one that goes off, one that goes on, and one with two lines.
const DEVICES: &str = r#"
    "led": {"led": {"line": "GPIO17", "on_stop": "hold"}},
    "relay": {"relay": {"line": "GPIO27", "on_stop": "off"}},
    "valve": {"output": {"line": "GPIO23", "on_stop": "on"}},
    "motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "50ms"}}
"#;

fn start() -> (Daemon, Board, Switch) {
    let (hardware, board, switch) = faulty::hardware();
    (Gatekeeper::daemon("", DEVICES, hardware), board, switch)
}

fn clients(daemon: &Daemon) -> (LineClient, MqttClient) {
    let line = LineClient::patient(daemon.line_address().expect("on"));
    (line, MqttClient::connect(daemon.mqtt_address().expect("on"), "me"))
}

fn levels(board: &Board) -> [Level; 5] {
    [17, 27, 23, 5, 6].map(|offset| board.level(&gpio(offset)))
}

/// Everything is on, and each client has been told so.
fn switch_all_on(line: &mut LineClient, board: &Board) {
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    line.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK|VALUE=1");
    line.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "REPLY=OK|VALUE=1");
    assert_eq!(levels(board), [Level::High, Level::High, Level::Low, Level::High, Level::Low]);
}

/// Both clients are told that it stops, and closed.
fn both_are_told(line: &mut LineClient, mqtt: &mut MqttClient) {
    let last = line.event("EVENT=CLOSING|");
    assert!(last.starts_with("EVENT=CLOSING|CODE=STOPPING|"), "{last}");
    assert_eq!(line.next(), None);
    loop {
        match mqtt.receive() {
            Packet::Disconnect(disconnect) => {
                break assert_eq!(disconnect.reason, ReasonCode::ServerShuttingDown);
            }
            Packet::Publish(_) | Packet::Puback(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(mqtt.next(), None);
}

#[test]
fn a_panic_brings_every_device_to_its_on_stop_state() {
    let (daemon, board, switch) = start();
    let (mut line, mut mqtt) = clients(&daemon);
    switch_all_on(&mut line, &board);
    switch.set(23, Fault::Panic);
    line.send("COMMAND=SET|DEVICE=valve|VALUE=ON");
    let ending = daemon.wait();
    assert_eq!(ending, Ending::Hardware(Ended::Failed));
    assert_eq!(levels(&board), [Level::High, Level::Low, Level::High, Level::Low, Level::Low]);
    let begun = Instant::now();
    assert!(!daemon.stop(ending), "that is no good end");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    both_are_told(&mut line, &mut mqtt);
}

#[test]
fn after_a_panic_commands_are_refused_until_the_stop() {
    let (daemon, _board, switch) = start();
    let (mut line, mut mqtt) = clients(&daemon);
    mqtt.subscribe("pi/devices/relay/state");
    mqtt.message_on("pi/devices/relay/state");
    line.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK");
    switch.set(17, Fault::Panic);
    let mut unlucky = MqttClient::connect(daemon.mqtt_address().expect("on"), "unlucky");
    unlucky.send(&Packet::Publish(publish("pi/devices/led/set", "ON")));
    let ending = daemon.wait();
    line.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=ERROR|CODE=STOPPING");
    // What the panic did to the devices is told as any other change.
    for event in ["on", "off"] {
        let state: Json = serde_json::from_str(&mqtt.message_on("pi/devices/relay/state")).expect("JSON");
        assert_eq!(state["event"], event);
    }
    let refused = mqtt.publish(publish("pi/devices/relay/set", "ON"));
    assert_eq!(refused.reason, ReasonCode::ImplementationSpecificError);
    assert!(refused.properties.reason_string().is_some_and(|words| words.starts_with("STOPPING: ")));
    assert!(!daemon.stop(ending));
    both_are_told(&mut line, &mut mqtt);
}

#[test]
fn a_panic_at_the_end_does_not_keep_other_devices_from_their_state() {
    let (daemon, board, switch) = start();
    let (mut line, mut mqtt) = clients(&daemon);
    switch_all_on(&mut line, &board);
    // The order to stop is what makes the relay write.
    switch.set(27, Fault::Panic);
    daemon.stop(Ending::Asked);
    assert_eq!(levels(&board)[2..], [Level::High, Level::Low, Level::Low]);
    both_are_told(&mut line, &mut mqtt);
}

#[test]
fn stuck_hardware_does_not_hold_up_the_stop() {
    let (daemon, _board, switch) = start();
    let (mut line, mut mqtt) = clients(&daemon);
    switch.set(27, Fault::Stuck);
    line.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
    let packet_id = Some(mqtt.packet_id());
    mqtt.send(&Packet::Publish(Publish {
        qos: QoS::AtLeastOnce,
        packet_id,
        ..publish("pi/devices/led/set", "ON")
    }));
    // Somebody else is not kept waiting for what needs no hardware.
    let mut other = LineClient::patient(daemon.line_address().expect("on"));
    other.expect("COMMAND=PUB|VAR=t|VALUE=1", "REPLY=OK");
    let begun = Instant::now();
    assert!(!daemon.stop(Ending::Asked), "that is no good end");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    both_are_told(&mut line, &mut mqtt);
    switch.mend();
}

#[test]
fn a_line_that_fails_is_told_over_both_protocols_and_recovers() {
    let (daemon, _board, switch) = start();
    let (mut line, mut mqtt) = clients(&daemon);
    line.expect("COMMAND=SUB|DEVICE=led", "REPLY=OK");
    assert!(line.event("EVENT=STATE|").contains("|SEQ=1|"));
    mqtt.subscribe("pi/devices/led/state");
    mqtt.message_on("pi/devices/led/state");
    let mut seq = 1;
    for (fault, wire) in [(Fault::Write, "write"), (Fault::Read, "read")] {
        switch.set(17, fault);
        let reply = line.ask("COMMAND=SET|DEVICE=led|VALUE=ON");
        let message = format!("MESSAGE={wire} simulated:17: Input/output error (os error 5)");
        assert_eq!(reply, format!("REPLY=ERROR|CODE=DEVICE_FAULT|{message}"));
        seq += 1;
        let event = line.event("EVENT=STATE|");
        assert!(
            event.starts_with(&format!(
                "EVENT=STATE|DEVICE=led|KIND=led|ERROR={wire} simulated:17: Input/output error (os error 5)|STATE=fault|SEQ={seq}|"
            )),
            "{event}"
        );
        assert!(!event.contains("VALUE="), "{event}");
        let state: Json = serde_json::from_str(&mqtt.message_on("pi/devices/led/state")).expect("JSON");
        assert_eq!(
            (&state["value"], &state["event"], &state["seq"]),
            (&Json::Null, &"fault".into(), &seq.into())
        );
        assert_eq!(state["error"], format!("{wire} simulated:17: Input/output error (os error 5)"));
        // The same again is refused again, and is no further change.
        let answer = mqtt.publish(publish("pi/devices/led/set", "ON"));
        assert_eq!(answer.reason, ReasonCode::ImplementationSpecificError);
        let words = answer.properties.reason_string().expect("words");
        assert_eq!(words, format!("DEVICE_FAULT: {wire} simulated:17: Input/output error (os error 5)"));
        // Other devices go on.
        line.expect("COMMAND=SET|DEVICE=relay|VALUE=TOGGLE", "REPLY=OK");

        switch.mend();
        line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1|STATE=on");
        seq += 1;
        assert!(line.event("EVENT=STATE|").contains(&format!("|VALUE=1|STATE=on|SEQ={seq}|")));
        let state: Json = serde_json::from_str(&mqtt.message_on("pi/devices/led/state")).expect("JSON");
        assert_eq!((&state["value"], &state["seq"]), (&1.into(), &seq.into()));
        assert_eq!(state.get("error"), None);
    }
    switch.set(17, Fault::Read);
    line.expect("COMMAND=GET|DEVICE=led", "REPLY=ERROR|CODE=DEVICE_FAULT");
    switch.mend();
    line.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=1|STATE=on");
    assert!(daemon.stop(Ending::Asked));
}

#[test]
fn a_line_that_does_not_follow_is_a_fault_with_its_true_value() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    gatekeeper.board().stick(&gpio(27));
    let reply = line.ask("COMMAND=SET|DEVICE=relay|VALUE=ON");
    assert!(reply.starts_with("REPLY=ERROR|CODE=DEVICE_FAULT|"), "{reply}");
    line.expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|VALUE=0|STATE=off");
}

#[test]
fn a_line_that_fails_at_the_end_keeps_nobody_from_ending() {
    let (daemon, board, switch) = start();
    let (mut line, mut mqtt) = clients(&daemon);
    switch_all_on(&mut line, &board);
    switch.set(27, Fault::Write);
    daemon.stop(Ending::Asked);
    assert_eq!(levels(&board), [Level::High, Level::High, Level::High, Level::Low, Level::Low]);
    both_are_told(&mut line, &mut mqtt);
}

/// Set for the process that the next test starts: what goes wrong there.
const ROLE: &str = "GATEKEEPER_TEST_FAULT";

/// The daemon on failing hardware as `main` runs it, in a process of its own.
#[test]
fn the_process_that_fails() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (daemon, _board, switch) = start();
    switch.set(27, if role == "panic" { Fault::Panic } else { Fault::Stuck });
    let address = daemon.line_address().expect("on");
    if role == "stuck" {
        let mut inside = LineClient::patient(address);
        inside.expect("COMMAND=HELLO|CLIENT=inside", "REPLY=OK");
        inside.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
        println!("\nlisten {address}");
        // The client outside says when.
        inside.event("EVENT=MESSAGE|TO=inside|");
        daemon.stopper().stop();
    } else {
        println!("\nlisten {address}");
    }
    let why = daemon.wait();
    std::process::exit(if daemon.stop(why) { 0 } else { 1 });
}

#[test]
fn the_process_ends_with_failure_and_tells_its_clients_before() {
    for role in ["panic", "stuck"] {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "the_process_that_fails", "--nocapture"]).env(ROLE, role);
        let mut process = Process::start(&mut command);
        let address = process.line_with("listen ");
        let address = address.trim_start_matches("listen ").parse().expect("an address");
        let mut client = LineClient::patient(address);
        match role {
            "panic" => client.send("COMMAND=SET|DEVICE=relay|VALUE=ON"),
            _ => client.expect("COMMAND=SEND|TO=inside|VALUE=go", "REPLY=OK"),
        }
        let begun = Instant::now();
        let last = client.event("EVENT=CLOSING|");
        assert!(last.starts_with("EVENT=CLOSING|CODE=STOPPING|"), "{role}: {last}");
        let ended = process.end();
        assert_eq!(ended.code(), Some(1), "{role}: {}", ended.errors);
        assert!(begun.elapsed() < Duration::from_secs(4), "{role}: {:?}", begun.elapsed());
    }
}
