//! The whole daemon on a real kernel: its lines are those of a simulated chip, which the tests hold by the other end.
//!
//! As in `kernel_lab` one test boots the lab with this very program inside, and all others run in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "this program uses a part")]
#[path = "support/lab.rs"]
mod lab;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpio_gatekeeper::wire::mqtt::{Packet, ReasonCode};
use lab::{Lab, Pull, SecondChip};
use nix::sys::signal::Signal;
use serde_json::Value as Json;
use support::PATIENCE;
use support::line::LineClient;
use support::mqtt::{MqttClient, publish};
use support::process::Process;
use support::program::{Program, file, gatekeeper, on_free_ports};

/// The lab's chip by its label, through the newest version of the kernel's interface.
const CHIP: &str = r#""hardware": {"backend": "gpiochip", "chip": "kernel-lab"},"#;

/// The backends for each version.
const VERSIONS: [&str; 2] = ["gpiochip-v1", "gpiochip-v2"];

/// The lab's chip through one of them.
fn chip(backend: &str) -> String {
    format!(r#""hardware": {{"backend": "{backend}", "chip": "kernel-lab"}},"#)
}

/// Lines by name and by offset, of either polarity.
const DEVICES: &str = r#"
    "led": {"led": {"line": "GPIO17", "on_stop": "hold"}},
    "relay": {"relay": {"line": 27}},
    "valve": {"output": {"line": 3, "active_low": true, "on_stop": "off"}},
    "button": {"button": {"line": "GPIO22", "active_low": true, "bias": "pull-up"}},
    "motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "20ms"}}
"#;

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if std::env::var_os("LAB_GPIOCHIP").is_none() {
        let daemon = env!("CARGO_BIN_EXE_gpio-gatekeeper");
        lab::run_this_binary_inside("the_kernel_lab_runs_every_test_below", &[daemon]);
    }
}

fn start() -> Program {
    Program::start(&on_free_ports(CHIP, DEVICES))
}

/// The one line that it says before it ends with status 1.
fn failure(sections: &str, devices: &str) -> String {
    let (_folder, name) = file(&on_free_ports(sections, devices));
    let ended = Process::start(&mut gatekeeper(&["--config", &name])).end();
    assert_eq!((ended.code(), &*ended.output), (Some(1), ""), "{ended:?}");
    let [line] = ended.errors.lines().collect::<Vec<_>>()[..] else { panic!("{}", ended.errors) };
    line.strip_prefix("gpio-gatekeeper: ").expect("its name").to_owned()
}

fn state(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_either_protocol_sets_is_on_the_wire() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        what_it_sets_is_on_the_wire(&lab, backend);
    }
}

fn what_it_sets_is_on_the_wire(lab: &Lab, backend: &str) {
    let program = Program::start(&on_free_ports(&chip(backend), DEVICES));
    assert!(program.greeting.contains(&format!("  backend  {backend}")), "{:#?}", program.greeting);
    let levels = || [17, 27, 3].map(|line| lab.level(line));
    assert_eq!(levels(), [0, 0, 1]);
    let mut line = LineClient::patient(program.line);
    line.expect("COMMAND=STATUS", &format!("REPLY=OK|BACKEND={backend}|SIMULATED=0"));
    line.expect("COMMAND=DESCRIBE|DEVICE=led", &format!("LINES=line={}:17|SIMULATED=0", lab.name()));
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1|STATE=on");
    assert_eq!(levels(), [1, 0, 1]);
    line.expect("COMMAND=SET|LINE=27|VALUE=1", "REPLY=OK|DEVICE=relay|VALUE=1");
    assert_eq!(levels(), [1, 1, 1]);
    let mut mqtt = MqttClient::connect(program.mqtt, "me");
    for (topic, payload, expected) in [
        ("pi/devices/valve/set", "ON", [1, 1, 0]),
        ("pi/gpio/17/set", "0", [0, 1, 0]),
        ("pi/devices/valve/set", "TOGGLE", [0, 1, 1]),
        ("pi/gpio/27/set", r#"{"method": "off"}"#, [0, 0, 1]),
    ] {
        assert_eq!(mqtt.publish(publish(topic, payload)).reason, ReasonCode::Success);
        assert_eq!(levels(), expected, "{topic} {payload}");
    }
    line.expect("COMMAND=GET|DEVICE=valve", "REPLY=OK|VALUE=0|STATE=off");
    let pressed = line.ask("COMMAND=DO|DEVICE=button|ACTION=press");
    assert!(pressed.starts_with("REPLY=ERROR|CODE=NOT_SUPPORTED|"), "{pressed}");
    line.expect("COMMAND=FAULT|DEVICE=led|FAULT=stuck", "REPLY=ERROR|CODE=NOT_SUPPORTED");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_pressed_button_is_told_over_both_protocols_with_the_kernels_time() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        a_pressed_button_is_told(&lab, backend);
    }
}

fn a_pressed_button_is_told(lab: &Lab, backend: &str) {
    lab.pull(22, Pull::Up);
    let program = Program::start(&on_free_ports(&chip(backend), DEVICES));
    let mut line = LineClient::patient(program.line);
    line.expect("COMMAND=SUB|DEVICE=button", "REPLY=OK");
    assert!(line.event("EVENT=STATE|").contains("|VALUE=0|STATE=released|SEQ=1|"));
    let mut mqtt = MqttClient::connect(program.mqtt, "me");
    mqtt.subscribe("pi/devices/button/state");
    mqtt.message_on("pi/devices/button/state");
    let mut before = 0;
    for (pull, value, event, seq) in
        [(Pull::Down, 1, "pressed", 2), (Pull::Up, 0, "released", 3), (Pull::Down, 1, "pressed", 4)]
    {
        lab.pull(22, pull);
        let told = line.event("EVENT=STATE|");
        assert!(told.contains(&format!("|VALUE={value}|STATE={event}|SEQ={seq}|")), "{told}");
        let edge_ns: u64 = LineClient::field(&told, "EDGE_NS").unwrap().parse().unwrap();
        assert!(edge_ns > before, "{edge_ns} after {before}");
        before = edge_ns;
        let json = state(&mqtt.message_on("pi/devices/button/state"));
        assert_eq!(json["edge_ns"], edge_ns, "{json}");
        assert_eq!(
            (&json["event"], &json["value"], &json["seq"]),
            (&event.into(), &value.into(), &seq.into())
        );
    }
    lab.pull(22, Pull::Up);
}

#[test]
fn the_lines_of_a_motor_are_never_both_active() {
    let Some(lab) = Lab::inside() else { return };
    let program = start();
    let mut line = LineClient::patient(program.line);
    let done = Arc::new(AtomicBool::new(false));
    let watching = done.clone();
    let watcher = thread::spawn(move || {
        let wires = Lab::inside().unwrap();
        while !watching.load(Ordering::Relaxed) {
            // Three readings, because two are not taken in one moment.
            let [first, backward, forward] = [5, 6, 5].map(|line| wires.level(line));
            assert!(first & backward & forward == 0, "both are active");
        }
    });
    line.expect("COMMAND=SUB|DEVICE=motor", "REPLY=OK");
    line.event("EVENT=STATE|");
    line.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "REPLY=OK|VALUE=1");
    for (direction, levels) in [("backward", [0, 1]), ("forward", [1, 0])].into_iter().cycle().take(12) {
        let begun = Instant::now();
        line.expect(
            &format!("COMMAND=DO|DEVICE=motor|ACTION={direction}"),
            "REPLY=OK|STATE=reversing|VALUE=0",
        );
        while !line.event("EVENT=STATE|").contains(&format!("|STATE={direction}|")) {}
        assert!(begun.elapsed() >= Duration::from_millis(20), "it stood still for {:?}", begun.elapsed());
        assert_eq!([5, 6].map(|line| lab.level(line)), levels, "{direction}");
    }
    line.expect("COMMAND=SET|DEVICE=motor|VALUE=0", "REPLY=OK|STATE=stopped");
    assert_eq!([5, 6].map(|line| lab.level(line)), [0, 0]);
    done.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
}

#[test]
fn an_output_that_keeps_goes_on_where_the_last_daemon_left_it() {
    let Some(lab) = Lab::inside() else { return };
    let keeping = r#""led": {"led": {"line": "GPIO10", "initial": "keep", "on_stop": "hold"}}"#;
    for (backend, expected) in [("gpiochip-v1", 0), ("gpiochip-v1", 1), ("gpiochip-v2", 1)] {
        let program = Program::start(&on_free_ports(&chip(backend), keeping));
        assert_eq!(lab.level(10), expected);
        let mut line = LineClient::patient(program.line);
        line.expect("COMMAND=GET|DEVICE=led", &format!("REPLY=OK|VALUE={expected}"));
        line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
        // The simulated chip falls back to its pull when a line is released; a real one would stay.
        lab.pull(10, Pull::Up);
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
        assert_eq!(lab.level(10), 1);
    }
}

#[test]
fn a_second_daemon_is_told_who_holds_the_line() {
    let Some(lab) = Lab::inside() else { return };
    let first = start();
    let mut line = LineClient::patient(first.line);
    line.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK|VALUE=1");
    let devices = r#""free": {"led": {"line": "GPIO8"}}, "mine": {"led": {"line": "GPIO27"}}"#;
    let expected = format!(
        "device mine: line {}:27 is held by \"gpio-gatekeeper\"; stop that program, or take another line",
        lab.name()
    );
    assert_eq!(failure(CHIP, devices), expected);
    line.expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|VALUE=1");
    assert_eq!(lab.level(27), 1, "and nothing has happened to it");
    // What the first has given up, the second can have.
    assert_eq!(first.stop(Signal::SIGTERM).code(), Some(0));
    Program::start(&on_free_ports(CHIP, devices));
}

#[test]
fn the_order_to_stop_brings_lines_to_their_on_stop_value() {
    let Some(lab) = Lab::inside() else { return };
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let program = start();
        let mut line = LineClient::patient(program.line);
        let mut mqtt = MqttClient::connect(program.mqtt, "me");
        for device in ["relay", "valve"] {
            line.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
            line.event("EVENT=STATE|");
            line.expect(&format!("COMMAND=SET|DEVICE={device}|VALUE=ON"), "REPLY=OK|VALUE=1");
            assert!(line.event("EVENT=STATE|").contains("|VALUE=1|STATE=on|"));
        }
        mqtt.subscribe("pi/devices/relay/state");
        assert_eq!(state(&mqtt.message_on("pi/devices/relay/state"))["value"], 1);
        assert_eq!([27, 3].map(|line| lab.level(line)), [1, 0]);
        assert_eq!(program.stop(signal).code(), Some(0));
        assert_eq!(lab.level(27), 0);
        // What is told was read back from the chip while the daemon still had the lines.
        for device in ["relay", "valve"] {
            let told = line.event("EVENT=");
            assert!(told.starts_with(&format!("EVENT=STATE|DEVICE={device}|")), "{told}");
            assert!(told.contains("|VALUE=0|STATE=off|"), "{told}");
        }
        assert!(line.event("EVENT=").starts_with("EVENT=CLOSING|CODE=STOPPING|"));
        assert_eq!(state(&mqtt.message_on("pi/devices/relay/state"))["event"], "off");
        assert!(matches!(mqtt.receive(), Packet::Disconnect(_)));
    }
}

#[test]
fn what_a_killed_daemon_left_on_is_switched_off_by_safe_states() {
    let Some(lab) = Lab::inside() else { return };
    let config = on_free_ports(CHIP, DEVICES);
    let program = Program::start(&config);
    let mut line = LineClient::patient(program.line);
    line.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK|VALUE=1");
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    let (_folder, name) = file(&config);
    let safe_states = || Process::start(&mut gatekeeper(&["safe-states", "--config", &name])).end();

    // As long as the daemon lives its lines are its own.
    let refused = safe_states();
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    let holder = format!("relay: NOT DONE: line {}:27 is held by \"gpio-gatekeeper\"", lab.name());
    assert!(refused.output.contains(&holder), "{}", refused.output);
    assert_eq!([17, 27].map(|line| lab.level(line)), [1, 1]);

    program.process.signal(Signal::SIGKILL);
    assert_eq!(program.process.end().code(), None);
    // A simulated chip falls back to its pull when a line is released; other boards leave it driven.
    lab.pull(27, Pull::Up);
    assert_eq!(lab.level(27), 1);
    let done = safe_states();
    assert_eq!((done.code(), &*done.errors), (Some(0), ""), "{done:?}");
    assert_eq!(
        done.output,
        "led: left alone, its on_stop is hold\nrelay: off\nvalve: off\nbutton: left alone, it has no outputs\n\
         motor: stopped\n"
    );
    lab.pull(27, Pull::Down);
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let Some(_lab) = Lab::inside() else { return };
    let here = "gpiochip0 (kernel-lab, 32 lines)";
    let chip = r#""hardware": {"backend": "gpiochip", "chip": "pinctrl-bcm2711"},"#;
    for (sections, devices, expected) in [
        (
            chip,
            r#""led": {"led": {"line": 17}}"#,
            format!("device led: there is no chip pinctrl-bcm2711; the chips here: {here}"),
        ),
        (
            CHIP,
            r#""led": {"led": {"line": "GPIO71"}}"#,
            format!("device led: there is no line GPIO71 on {here}; did you mean GPIO1 or GPIO11 or GPIO17?"),
        ),
        (
            CHIP,
            r#""led": {"led": {"line": 32}}"#,
            format!("device led: {here} has no line 32: lines are counted from 0"),
        ),
        (
            CHIP,
            r#""a": {"led": {"line": 7}}, "b": {"led": {"line": "GPIO7"}}"#,
            "device b: line gpiochip0:7 belongs to device a already".to_owned(),
        ),
    ] {
        assert_eq!(failure(sections, devices), expected);
    }
}

#[test]
fn auto_is_the_chip_where_there_is_one() {
    let Some(lab) = Lab::inside() else { return };
    let devices = r#""led": {"led": {"line": "GPIO9"}}"#;
    for hardware in [r#""hardware": {"backend": "auto"},"#, ""] {
        let program = Program::start(&on_free_ports(hardware, devices));
        assert!(
            program.greeting.iter().any(|line| line == "  backend  gpiochip-v2"),
            "{:#?}",
            program.greeting
        );
        LineClient::patient(program.line).expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
        assert_eq!(lab.level(9), 1);
    }
}

/// The states of the devices on the second chip.
const FAR: &str = "pi/devices/far/state";
const BELL: &str = "pi/devices/bell/state";

#[test]
fn an_unplugged_chip_is_a_fault_of_its_devices_alone() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        an_unplugged_chip_is_a_fault(&lab, backend);
    }
}

fn an_unplugged_chip_is_a_fault(lab: &Lab, backend: &str) {
    let mut second = SecondChip::plug("unplugged", &["A", "B"]);
    let hardware = format!(r#""hardware": {{"backend": "{backend}"}},"#);
    let devices = r#"
        "led": {"led": {"line": 17, "chip": "kernel-lab"}}, "far": {"led": {"line": "A"}},
        "bell": {"button": {"line": "B", "bias": "pull-down"}}
    "#;
    let program = Program::start(&on_free_ports(&hardware, devices));
    let mut line = LineClient::patient(program.line);
    let watch = |device: &str| {
        let mut client = MqttClient::connect(program.mqtt, device);
        client.subscribe(&format!("pi/devices/{device}/state"));
        client
    };
    let (mut far, mut bell) = (watch("far"), watch("bell"));
    let hears = |client: &mut MqttClient, topic: &str, event: &str| {
        while state(&client.message_on(topic))["event"] != event {}
    };
    for _ in 0..2 {
        // At the start of the daemon as after a return of the chip.
        hears(&mut far, FAR, "off");
        hears(&mut bell, BELL, "released");
        line.expect("COMMAND=SET|DEVICE=far|VALUE=ON", "REPLY=OK|VALUE=1");
        assert_eq!(second.wires().level(0), 1);
        second.wires().pull(1, Pull::Up);
        hears(&mut bell, BELL, "pressed");
        second.unplug();
        hears(&mut far, FAR, "fault");
        hears(&mut bell, BELL, "fault");
        line.expect("COMMAND=SET|DEVICE=far|VALUE=OFF", "REPLY=ERROR|CODE=DEVICE_FAULT");
        line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
        assert_eq!(lab.level(17), 1);
        second.plug_again();
    }
    hears(&mut far, FAR, "off");
    second.unplug();
    let begun = Instant::now();
    program.stop(Signal::SIGTERM);
    assert!(begun.elapsed() < Duration::from_secs(2).min(PATIENCE));
}
