//! Sketches on emulated microcontrollers, against the running daemon.

#[path = "../support/mod.rs"]
mod support;

mod lab;
mod relay;

use lab::Lab;
use relay::{Relay, Side};
use support::Gatekeeper;
use support::line::LineClient;

fn a_sketch_publishes_a_variable(target: &'static str) {
    let Some(lab) = Lab::of(target) else { return };
    let firmware = lab.build_bare();
    let gatekeeper = Gatekeeper::start();
    let relay = Relay::to(gatekeeper.line());
    let mut bench = LineClient::patient(gatekeeper.line());
    bench.expect("COMMAND=SUB|VAR=result", "REPLY=OK");
    let board = firmware.run(relay.address);
    bench.event("EVENT=MESSAGE|VAR=result|VALUE=PASS");
    relay.expect(Side::Daemon, "REPLY=OK");
    let ended = firmware.end(board);
    assert!(ended.log.contains("PASS"), "{}", ended.log);
    let sizes = firmware.sizes;
    lab::say(&format!(
        "{target}: {} bytes of flash, {} of RAM, stack {:?}",
        sizes.flash, sizes.ram, ended.stack
    ));
}

#[test]
fn atmega328_runs_it() {
    a_sketch_publishes_a_variable("avr-uno");
}

#[test]
fn atmega2560_runs_it() {
    a_sketch_publishes_a_variable("avr-mega");
}

#[test]
fn esp8266_runs_it() {
    a_sketch_publishes_a_variable("lx106");
}

#[test]
fn esp32_c3_runs_it() {
    a_sketch_publishes_a_variable("rv32");
}

#[test]
fn an_unkind_network_runs_it() {
    a_sketch_publishes_a_variable("host");
}
