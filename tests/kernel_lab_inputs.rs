//! Inputs that count and that turn, and what moves between them, on the lines of a real kernel's simulated chip.
//!
//! As in `kernel_lab.rs`, one test boots the lab with this very program inside, and the others run in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[path = "support/lab.rs"]
#[allow(dead_code, reason = "a second chip is for others")]
mod lab;
mod support;

use lab::{Lab, Pull};
use nix::sys::signal::Signal;
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
    let hardware = format!(r#""hardware": {{"backend": "{backend}", "chip": "kernel-lab"}},"#);
    let program = Program::start(&on_free_ports(&hardware, &format!(r#""{name}": {device}"#)));
    let mut line = LineClient::patient(program.line);
    line.expect(&format!("COMMAND=SUB|DEVICE={name}"), "REPLY=OK");
    line.event("EVENT=STATE|");
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
