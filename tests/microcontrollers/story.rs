//! A sketch that uses every part of the library, seen from the other side: `sketches/Story/Story.ino` is its own.

use gpio_gatekeeper::hardware::Level;

use crate::lab::{Lab, sketch};
use crate::relay::{Relay, Side};
use crate::support::Gatekeeper;
use crate::support::line::LineClient;

#[test]
fn atmega328_lives_through_its_day() {
    story("avr-uno");
}

#[test]
fn atmega2560_lives_through_its_day() {
    story("avr-mega");
}

#[test]
fn esp8266_lives_through_its_day() {
    story("lx106");
}

#[test]
fn esp32_c3_lives_through_its_day() {
    story("rv32");
}

#[test]
fn a_nasty_network_is_lived_through() {
    story("host-nasty");
}

fn story(target: &'static str) {
    let Some(lab) = Lab::of(target) else { return };
    let firmware = lab.build(&sketch("Story"));
    let gatekeeper = Gatekeeper::start();
    let relay = Relay::to(gatekeeper.line());
    let mut bench = LineClient::patient(gatekeeper.line());
    for variable in ["step", "result", "reading"] {
        bench.expect(&format!("COMMAND=SUB|VAR={variable}"), "REPLY=OK");
    }
    let board = firmware.run(relay.address);

    // It greets, subscribes, switches, asks, and is refused where it should be.
    relay.expect(Side::Board, "COMMAND=HELLO|");
    relay.expect(Side::Board, "COMMAND=LEASE|");
    assert_eq!((gatekeeper.level(17), gatekeeper.level(27)), (Level::High, Level::High), "led, relay");

    // It has the motor for itself, for longer than it has asked for.
    relay.expect(Side::Board, "ACTION=forward");
    for _ in 0..2 {
        relay.expect(Side::Board, "COMMAND=RENEW|");
        relay.expect(Side::Daemon, "DEVICES=motor|TTL=3s");
        bench.expect("COMMAND=SET|DEVICE=motor|VALUE=0", "REPLY=ERROR|CODE=HELD");
    }
    relay.expect(Side::Board, "COMMAND=RELEASE|");
    bench.event("EVENT=MESSAGE|VAR=step|VALUE=quiet|FROM=story");
    bench.expect("COMMAND=SET|DEVICE=motor|VALUE=0", "REPLY=OK|VALUE=0");

    // While it has nothing to say it is there all the same, and hears what others do.
    relay.expect(Side::Board, "COMMAND=HELLO!|");
    relay.expect(Side::Daemon, "REPLY=OK|END");
    relay.expect(Side::Board, "COMMAND=HELLO!|");
    bench.expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK");
    bench.expect("COMMAND=PUB|VAR=bench|VALUE=go on", "REPLY=OK");
    if has_readings(target) {
        bench.event("EVENT=MESSAGE|VAR=reading|VALUE=21.50");
    }
    bench.event("EVENT=MESSAGE|VAR=result|VALUE=PASS");
    let ended = board.end();
    assert!(ended.log.lines().any(|line| line == "PASS"), "{}", ended.log);
}

/// Whether the board has room for readings that wait.
fn has_readings(target: &str) -> bool {
    target != "avr-uno"
}
