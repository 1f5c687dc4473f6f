//! Wires that go wrong: what is told of it, what is done, and that it is over when it is mended.

use gpio_gatekeeper::domain::{Code, Fault, Reply};
use gpio_gatekeeper::hardware::{Level, Place};

use super::bench::Bench;
use super::support::gpio;

const LED: &str = r#""led": {"led": {"line": "GPIO17"}}"#;
const LAMP: &str = r#""lamp": {"pwm_led": {"line": "GPIO18", "frequency": 100}}"#;
const BUTTON: &str = r#""button": {"button": {"line": "GPIO22", "bias": "pull-down"}}"#;
const MOTOR: &str = r#""motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6"}}"#;
/// The chip that the lines of all of them are on.
const CHIP: &str = "simulated";

fn line(offset: u32) -> Place {
    Place::Line(gpio(offset))
}

#[test]
fn a_line_that_is_stuck_is_a_fault_until_it_moves_again() {
    let mut bench = Bench::new(LED);
    bench.board.inject(line(17), Fault::Stuck);
    assert_eq!(bench.refusal("led.on()"), Code::DeviceFault);
    assert_eq!(bench.state("led.read()").value, Ok(0.0), "what the hardware says");
    bench.board.mend(&line(17));
    assert_eq!(bench.state("led.on()").value, Ok(1.0));
}

#[test]
fn a_write_that_fails_is_told_and_the_next_one_is_tried_all_the_same() {
    let mut bench = Bench::new(&[LED, LAMP, MOTOR].join(","));
    for (call, offset, again) in [
        ("led.on()", 17, "led.on()"),
        ("lamp.set(0.5)", 18, "lamp.set(0.5)"),
        ("motor.forward()", 5, "motor.stop()"),
    ] {
        bench.board.inject(line(offset), Fault::WriteFails);
        assert_eq!(bench.refusal(call), Code::DeviceFault, "{call}");
        assert_eq!(bench.told().last().map(|told| told.starts_with("fault@")), Some(true), "{call}");
        bench.board.mend(&line(offset));
        assert!(bench.state(again).value.is_ok(), "{again}");
    }
}

#[test]
fn a_lamp_that_shines_tells_when_its_line_fails() {
    let mut bench = Bench::new(LAMP);
    bench.state("lamp.set(0.5)");
    bench.told();
    bench.board.inject(line(18), Fault::WriteFails);
    bench.pass(100);
    assert_eq!(bench.told().len(), 1, "once, and not at every step");
}

#[test]
fn an_input_that_cannot_be_read_has_no_value() {
    let mut bench = Bench::new(BUTTON);
    bench.board.inject(line(22), Fault::ReadFails);
    bench.drive(22, Level::High);
    bench.pass(50);
    let told = bench.told();
    assert!(told.iter().all(|told| told.starts_with("fault@")) && told.len() == 1, "{told:?}");
    bench.board.mend(&line(22));
    assert_eq!(bench.state("button.read()").event, "pressed");
}

#[test]
fn an_input_that_can_be_read_again_has_a_value_before_it_has_settled() {
    let mut bench = Bench::new(BUTTON);
    bench.board.inject(line(22), Fault::ReadFails);
    bench.drive(22, Level::High);
    bench.pass(50);
    bench.board.mend(&line(22));
    bench.drive(22, Level::Low);
    assert_eq!(bench.state("button.read()").value, Ok(0.0));
}

#[test]
fn a_chip_that_is_unplugged_is_told_at_once_and_taken_anew_when_it_comes_back() {
    let mut bench = Bench::new(&[LED, LAMP, BUTTON, MOTOR].join(","));
    bench.state("led.on()");
    bench.state("lamp.set(0.5)");
    bench.state("motor.forward()");
    bench.told();
    bench.happen(|board| board.unplug(CHIP));
    let told = bench.told();
    assert_eq!(told.iter().filter(|told| told.starts_with("fault@")).count(), 4, "{told:?}");
    for call in ["led.off()", "lamp.set(0)", "button.read()", "motor.stop()"] {
        assert_eq!(bench.refusal(call), Code::DeviceFault, "{call}");
    }
    bench.pass(1000);
    assert_eq!(bench.told(), [""; 0], "that was all");
    bench.happen(|board| board.plug(CHIP));
    for (call, event) in [
        ("led.read()", "off"),
        ("lamp.read()", "off"),
        ("button.read()", "released"),
        ("motor.read()", "stopped"),
    ] {
        assert_eq!(bench.state(call).event, event, "{call}");
    }
    assert_eq!(bench.state("led.on()").value, Ok(1.0));
    assert_eq!(bench.level(17), Level::High);
    bench.drive(22, Level::High);
    bench.pass(50);
    assert_eq!(bench.state("button.read()").event, "pressed");
    assert!(bench.stop());
}

#[test]
fn what_is_unplugged_can_not_be_made_safe_and_counts_as_on() {
    let devices = r#""interlocks": {"one": {"devices": ["led", "relay"]}},---
        "led": {"led": {"line": "GPIO17"}}, "relay": {"relay": {"line": "GPIO3", "chip": "other"}}"#;
    let mut bench = Bench::new(devices);
    bench.happen(|board| board.unplug("other"));
    assert_eq!(bench.refusal("led.on()"), Code::Interlocked);
    assert!(!bench.stop(), "nobody knows what the relay does");
}

#[test]
fn what_comes_back_begins_off_where_an_interlock_stands_against_it() {
    let devices = r#""interlocks": {"one": {"devices": ["led", "relay"]}},---
        "led": {"led": {"line": "GPIO17"}},
        "relay": {"relay": {"line": "GPIO3", "chip": "other", "initial": "on"}}"#;
    let mut bench = Bench::new(devices);
    bench.pass(200);
    bench.happen(|board| board.unplug("other"));
    bench.happen(|board| board.plug("other"));
    assert_eq!(bench.state("relay.read()").value, Ok(1.0), "as its settings say");
    bench.state("relay.off()");
    bench.pass(200);
    bench.state("led.on()");
    bench.happen(|board| board.unplug("other"));
    bench.happen(|board| board.plug("other"));
    assert_eq!(bench.state("relay.read()").value, Ok(0.0));
    assert_eq!(bench.state("led.read()").value, Ok(1.0));
}

#[test]
fn what_is_forgotten_on_a_chip_that_is_gone_is_not_tried_again_and_again() {
    let mut bench = Bench::new(r#""pump": {"relay": {"line": "GPIO27", "max_on": "1s"}}"#);
    bench.state("pump.on()");
    bench.happen(|board| board.unplug(CHIP));
    bench.audit();
    bench.pass(10_000);
    assert!(bench.audit().is_empty());
    bench.happen(|board| board.plug(CHIP));
    assert_eq!(bench.state("pump.on()").value, Ok(1.0));
    bench.pass(1001);
    assert_eq!(bench.state("pump.read()").value, Ok(0.0));
}

#[test]
fn another_chip_that_comes_changes_nothing() {
    let mut bench = Bench::new(LED);
    bench.state("led.on()");
    bench.told();
    bench.happen(|board| {
        board.unplug("other");
        board.plug("other");
    });
    assert_eq!(bench.told(), [""; 0]);
    bench.happen(|board| board.unplug(CHIP));
    bench.happen(|board| {
        board.unplug("other");
        board.plug("other");
    });
    assert_eq!(bench.refusal("led.on()"), Code::DeviceFault);
    assert_eq!(bench.told().len(), 1);
}

#[test]
fn an_admin_makes_a_device_go_wrong_and_mends_it() {
    let mut bench = Bench::new(&[LED, MOTOR].join(","));
    assert_eq!(bench.call("system.inject_fault(device=led, fault=stuck)"), Ok(Reply::Done));
    assert_eq!(bench.refusal("led.on()"), Code::DeviceFault);
    assert_eq!(bench.state("motor.forward()").value, Ok(1.0), "another device is another matter");
    assert_eq!(bench.call("system.mend_faults(device=led)"), Ok(Reply::Done));
    assert_eq!(bench.state("led.on()").value, Ok(1.0));
    let deeds: Vec<String> = bench.audit().iter().map(|audit| format!("{:?}", audit.deed)).collect();
    assert!(deeds.iter().any(|deed| deed.contains("inject_fault(stuck)")), "{deeds:?}");
}

#[test]
fn a_fault_ends_when_its_time_is_over() {
    let mut bench = Bench::new(LED);
    assert_eq!(bench.call("system.inject_fault(device=led, fault=write-fails, for=2s)"), Ok(Reply::Done));
    bench.pass(1999);
    assert_eq!(bench.refusal("led.on()"), Code::DeviceFault);
    bench.pass(2);
    assert_eq!(bench.state("led.on()").value, Ok(1.0));
}

#[test]
fn a_chip_is_unplugged_by_command_for_a_while() {
    let mut bench = Bench::new(LED);
    bench.state("led.on()");
    assert_eq!(bench.call("system.inject_fault(device=led, fault=unplugged, for=1s)"), Ok(Reply::Done));
    assert_eq!(bench.refusal("led.off()"), Code::DeviceFault);
    bench.pass(1001);
    bench.pass(1);
    assert_eq!(bench.state("led.read()").event, "off", "taken anew");
}

#[test]
fn what_a_device_does_not_have_does_not_go_wrong() {
    let mut bench = Bench::new(LED);
    for fault in ["nak", "bit-errors", "slow", "storm"] {
        assert_eq!(
            bench.refusal(&format!("system.inject_fault(device=led, fault={fault})")),
            Code::NotSupported
        );
    }
    assert_eq!(bench.refusal("system.inject_fault(device=lamp, fault=stuck)"), Code::UnknownDevice);
}

#[test]
fn two_faults_of_one_line_are_mended_one_by_one() {
    let mut bench = Bench::new(LED);
    bench.call("system.inject_fault(device=led, fault=stuck, for=1s)").expect("it is simulated");
    bench.call("system.inject_fault(device=led, fault=stuck, for=3s)").expect("it is simulated");
    bench.pass(2000);
    assert_eq!(bench.refusal("led.on()"), Code::DeviceFault, "the longer one goes on");
    bench.pass(1001);
    assert_eq!(bench.state("led.on()").value, Ok(1.0));
}

#[test]
fn after_a_storm_an_input_has_its_true_value() {
    let mut bench = Bench::new(r#""signal": {"input": {"line": "GPIO24"}}"#);
    bench.call("system.inject_fault(device=signal, fault=storm, n=1001)").expect("it is simulated");
    bench.happen(|board| board.calm());
    assert_eq!(bench.level(24), Level::High);
    assert_eq!(bench.state("signal.read()").value, Ok(1.0));
}
