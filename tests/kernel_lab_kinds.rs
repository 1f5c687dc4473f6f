//! Every kind of device that has lines, on those of a real kernel's simulated chip; what `kernel_lab_daemon.rs` has by
//! the way is left out.
//!
//! As in `kernel_lab.rs`, one test boots the lab with this very program inside, and the others run in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[path = "support/lab.rs"]
#[allow(dead_code, reason = "a second chip is for others")]
mod lab;
mod support;

use std::time::Instant;

use lab::{Lab, Pull};
use nix::sys::signal::Signal;
use support::PATIENCE;
use support::line::LineClient;
use support::program::{Program, on_free_ports};

/// Each version of the kernel's interface.
const VERSIONS: [&str; 2] = ["gpiochip-v1", "gpiochip-v2"];

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if std::env::var_os("LAB_GPIOCHIP").is_none() {
        let daemon = env!("CARGO_BIN_EXE_gpio-gatekeeper");
        lab::run_this_binary_inside("the_kernel_lab_runs_every_test_below", &[daemon]);
    }
}

/// The daemon with one device, and somebody who has heard the first state of it.
fn start(backend: &str, name: &str, device: &str) -> (Program, LineClient) {
    let (program, mut line) = start_all(backend, &format!(r#""{name}": {device}"#));
    line.expect(&format!("COMMAND=SUB|DEVICE={name}"), "REPLY=OK");
    line.event("EVENT=STATE|");
    (program, line)
}

/// The daemon with these devices, and somebody who speaks to it.
fn start_all(backend: &str, devices: &str) -> (Program, LineClient) {
    let hardware = format!(r#""hardware": {{"backend": "{backend}", "chip": "kernel-lab"}},"#);
    let program = Program::start(&on_free_ports(&hardware, devices));
    let line = LineClient::patient(program.line);
    (program, line)
}

/// The first state that this is true of, of those that come.
fn state(line: &mut LineClient, is_it: impl Fn(&str) -> bool) -> String {
    loop {
        let told = line.event("EVENT=STATE|");
        if is_it(&told) {
            return told;
        }
    }
}

#[test]
fn every_pulse_is_counted_or_told_to_be_lost() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        lab.pull(26, Pull::Down);
        let counter = r#"{"counter": {"line": 26, "interval": "10ms", "window": "10ms"}}"#;
        let (program, mut line) = start(backend, "meter", counter);
        for _ in 0..1000 {
            lab.pull(26, Pull::Up);
            lab.pull(26, Pull::Down);
        }
        let is_lost = |told: &str| LineClient::field(told, "LOST").unwrap() != "0";
        let told = state(&mut line, |told| told.contains("|TOTAL=1000|") || is_lost(told));
        // The newer version numbers what it drops.
        assert!(backend == "gpiochip-v1" || !is_lost(&told), "{backend}: {told}");
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn a_knob_is_turned_to_and_fro() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        let turns = [(20, Pull::Up), (21, Pull::Up), (20, Pull::Down), (21, Pull::Down)];
        turns[2..].iter().for_each(|(line, pull)| lab.pull(*line, *pull));
        let (program, mut line) = start(backend, "knob", r#"{"rotary_encoder": {"a": 20, "b": 21}}"#);
        for _ in 0..5 {
            turns.iter().for_each(|(line, pull)| lab.pull(*line, *pull));
        }
        let told = state(&mut line, |told| told.contains("|STEPS=5"));
        assert!(told.contains("|VALUE=0.3125|STATE=clockwise|"), "{backend}: {told}");
        for _ in 0..7 {
            [(21, Pull::Up), (20, Pull::Up), (21, Pull::Down), (20, Pull::Down)]
                .iter()
                .for_each(|(line, pull)| lab.pull(*line, *pull));
        }
        let told = state(&mut line, |told| told.contains("|STEPS=-2"));
        assert!(told.contains("|STATE=counter_clockwise|"), "{backend}: {told}");
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn a_gate_stops_at_its_end_and_at_what_is_in_its_way() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        [7, 8, 11].into_iter().for_each(|line| lab.pull(line, Pull::Down));
        let cover = r#"{"cover": {"up": 9, "down": 10, "open_time": "5min", "close_time": "5min", "dead_time": "1ms",
            "open_end": 11, "closed_end": 7, "obstruction": 8}}"#;
        let (program, mut line) = start(backend, "gate", cover);
        let driven = || [9, 10].map(|line| lab.level(line));
        line.expect("COMMAND=DO|DEVICE=gate|ACTION=open", "REPLY=OK|STATE=opening");
        assert_eq!(driven(), [1, 0], "{backend}");
        lab.pull(11, Pull::Up);
        state(&mut line, |told| told.contains("|VALUE=100|STATE=open|"));
        assert_eq!(driven(), [0, 0], "{backend}");
        line.expect("COMMAND=DO|DEVICE=gate|ACTION=close", "REPLY=OK");
        state(&mut line, |told| told.contains("|STATE=closing|"));
        assert_eq!(driven(), [0, 1], "{backend}");
        lab.pull(8, Pull::Up);
        state(&mut line, |told| told.contains("|STATE=obstructed|"));
        assert_eq!(driven(), [0, 0], "{backend}");
        line.expect("COMMAND=DO|DEVICE=gate|ACTION=close", "REPLY=ERROR|CODE=OBSTRUCTED");
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn every_kind_of_output_drives_its_lines() {
    let Some(lab) = Lab::inside() else { return };
    let devices = r#"
        "lamp": {"pwm_led": {"line": 1}},
        "rgb": {"rgb_led": {"red": 2, "green": 3, "blue": 4}},
        "load": {"pwm": {"line": 5, "active_low": true}},
        "fan": {"fan": {"line": 6}},
        "heater": {"heater": {"line": 8}},
        "servo": {"servo": {"line": 9}},
        "buzzer": {"buzzer": {"line": 10}},
        "group": {"digital_group": {"lines": [11, 12, 13]}}
    "#;
    for backend in VERSIONS {
        let (program, mut line) = start_all(backend, devices);
        for (device, action, lines, levels) in [
            ("lamp", "SET|VALUE=1", &[1][..], &[1][..]),
            ("lamp", "SET|VALUE=0", &[1], &[0]),
            ("rgb", "DO|ACTION=color|RED=#ff00ff", &[2, 3, 4], &[1, 0, 1]),
            ("rgb", "SET|VALUE=OFF", &[2, 3, 4], &[0, 0, 0]),
            ("load", "SET|VALUE=1", &[5], &[0]),
            ("load", "SET|VALUE=0", &[5], &[1]),
            ("fan", "SET|VALUE=ON", &[6], &[1]),
            ("fan", "SET|VALUE=OFF", &[6], &[0]),
            ("heater", "SET|VALUE=1", &[8], &[1]),
            ("heater", "DO|ACTION=off", &[8], &[0]),
            ("buzzer", "DO|ACTION=on", &[10], &[1]),
            ("buzzer", "DO|ACTION=off", &[10], &[0]),
            ("group", "SET|VALUE=5", &[11, 12, 13], &[1, 0, 1]),
            ("group", "DO|ACTION=toggle", &[11, 12, 13], &[0, 1, 0]),
            ("servo", "DO|ACTION=detach", &[9], &[0]),
        ] {
            line.expect(&format!("COMMAND={action}|DEVICE={device}"), "REPLY=OK");
            let read: Vec<u8> = lines.iter().map(|offset| lab.level(*offset)).collect();
            assert_eq!(read, levels, "{backend}: {device} {action}");
        }
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn what_changes_by_itself_changes_the_line() {
    let Some(lab) = Lab::inside() else { return };
    let devices = r#"
        "lamp": {"pwm_led": {"line": 1}},
        "servo": {"servo": {"line": 9}},
        "relay": {"relay": {"line": 14}}
    "#;
    for backend in VERSIONS {
        let (program, mut line) = start_all(backend, devices);
        for (device, action, offset) in [
            ("lamp", "SET|VALUE=0.5", 1),
            ("servo", "DO|ACTION=angle|ANGLE=0", 9),
            ("relay", "DO|ACTION=sequence|STEPS=1:20ms,0:20ms|N=1000", 14),
        ] {
            line.expect(&format!("COMMAND={action}|DEVICE={device}"), "REPLY=OK");
            for level in [1, 0, 1, 0] {
                let until = Instant::now() + PATIENCE;
                while lab.level(offset) != level {
                    assert!(Instant::now() < until, "{backend}: {device} does not become {level}");
                }
            }
        }
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
        assert_eq!([1, 9, 14].map(|offset| lab.level(offset)), [0, 0, 0], "{backend}");
    }
}

#[test]
fn inputs_tell_what_they_are_and_outputs_follow_them() {
    let Some(lab) = Lab::inside() else { return };
    let devices = r#"
        "hall": {"motion": {"line": 16, "hold": "10ms"}},
        "track": {"line": {"line": 17}},
        "door": {"input": {"line": 18, "debounce": "5ms"}},
        "lamp": {"led": {"line": 19, "follow": "door"}}
    "#;
    for backend in VERSIONS {
        (16..19).for_each(|offset| lab.pull(offset, Pull::Down));
        let (program, mut line) = start_all(backend, devices);
        for (device, offset, events) in
            [("hall", 16, ["motion", "no_motion"]), ("door", 18, ["active", "inactive"])]
        {
            line.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
            for (pull, event) in [Pull::Up, Pull::Down].into_iter().zip(events) {
                lab.pull(offset, pull);
                let told = state(&mut line, |told| told.contains(&format!("|STATE={event}|")));
                // A motion is over when its time is, and not by an edge.
                let has_edge = told.contains("|EDGE_NS=") && told.contains("|EDGE_SEQ=");
                assert_eq!(has_edge, event != "no_motion", "{backend}: {told}");
            }
        }
        line.expect("COMMAND=SUB|DEVICE=track", "REPLY=OK");
        let first = LineClient::field(&line.event("EVENT=STATE|DEVICE=track|"), "STATE").unwrap();
        lab.pull(17, Pull::Up);
        let then = state(&mut line, |told| told.starts_with("EVENT=STATE|DEVICE=track|"));
        assert_ne!(LineClient::field(&then, "STATE").unwrap(), first, "{backend}");
        line.expect("COMMAND=SUB|DEVICE=lamp", "REPLY=OK");
        lab.pull(18, Pull::Up);
        state(&mut line, |told| told.contains("DEVICE=lamp|KIND=led|VALUE=1|"));
        assert_eq!(lab.level(19), 1, "{backend}");
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn a_raw_line_is_whatever_it_is_configured_to_be() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        lab.pull(22, Pull::Down);
        let (program, mut line) = start(backend, "pin", r#"{"raw_line": {"line": 22}}"#);
        let configure = "COMMAND=DO|DEVICE=pin|ACTION=configure";
        line.expect(&format!("{configure}|FUNCTION=output|VALUE=1"), "REPLY=OK|STATE=high");
        assert_eq!(lab.level(22), 1, "{backend}");
        line.expect("COMMAND=DO|DEVICE=pin|ACTION=pwm|FREQUENCY=100|VALUE=0.5", "REPLY=OK|STATE=pwm");
        for level in [1, 0, 1, 0] {
            let until = Instant::now() + PATIENCE;
            while lab.level(22) != level {
                assert!(Instant::now() < until, "{backend}: it does not become {level}");
            }
        }
        line.expect(&format!("{configure}|FUNCTION=input|PULL=down"), "REPLY=OK|STATE=low");
        // Not again in the input that is no more, but in the one that is.
        line.expect(&format!("{configure}|FUNCTION=input|PULL=up"), "REPLY=OK|STATE=high");
        lab.pull(22, Pull::Down);
        let told = state(&mut line, |told| told.contains("|STATE=low|") && told.contains("|EDGE_SEQ="));
        assert!(told.contains("|PULL=up"), "{backend}: {told}");
        line.expect("COMMAND=DO|DEVICE=pin|ACTION=release", "REPLY=OK|STATE=unused");
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn a_fan_tells_how_fast_it_turns() {
    let Some(lab) = Lab::inside() else { return };
    for backend in VERSIONS {
        lab.pull(7, Pull::Up);
        let fan = r#"{"fan": {"line": 6, "tachometer": {"line": 7, "pulses_per_revolution": 2}}}"#;
        let (program, mut line) = start(backend, "fan", fan);
        line.expect("COMMAND=DO|DEVICE=fan|ACTION=on", "REPLY=OK");
        let until = Instant::now() + PATIENCE;
        loop {
            for _ in 0..50 {
                lab.pull(7, Pull::Down);
                lab.pull(7, Pull::Up);
            }
            let told = line.ask("COMMAND=GET|DEVICE=fan");
            if LineClient::field(&told, "RPM").is_some_and(|rpm| rpm != "0") {
                break;
            }
            assert!(Instant::now() < until, "{backend}: {told}");
        }
        assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    }
}
