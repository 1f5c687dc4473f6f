//! Lights, relays and other loads that one line switches.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::{Level, Simulation};

use super::bench::Bench;
use super::support::gpio;

const LED: &str = r#""led": {"led": {"line": "GPIO17"}}"#;
const LOW_RELAY: &str = r#""relay": {"relay": {"line": "GPIO27", "active_low": true}}"#;
const LAMP: &str = r#""lamp": {"pwm_led": {"line": "GPIO18", "frequency": 100}}"#;

#[test]
fn a_led_goes_on_and_off_and_counts_its_changes() {
    let mut bench = Bench::new(LED);
    let on = bench.state("led.on()");
    assert_eq!((on.event, on.value.clone(), on.seq, bench.level(17)), ("on", Ok(1.0), 2, Level::High));
    assert_eq!(bench.state("led.on()").seq, 2, "nothing changed");
    assert_eq!(bench.state("led.toggle()").event, "off");
    assert_eq!(bench.state("led.set(1)").seq, 4);
    assert_eq!(bench.state("led.set(off)").value, Ok(0.0));
    assert_eq!(bench.state("led.read()").seq, 5);
    assert_eq!(bench.told().len(), 4);
}

#[test]
fn an_active_low_relay_is_off_while_its_line_is_high() {
    let mut bench = Bench::new(LOW_RELAY);
    assert_eq!(bench.level(27), Level::High);
    assert_eq!(bench.state("relay.on()").value, Ok(1.0));
    assert_eq!(bench.level(27), Level::Low);
}

#[test]
fn wrong_values_and_verbs_are_refused_and_change_nothing() {
    let mut bench = Bench::new(LED);
    for (call, code) in [
        ("led.set(2)", Code::OutOfRange),
        ("led.set(-1)", Code::OutOfRange),
        ("led.set(0.5)", Code::BadValue),
        ("led.set(maybe)", Code::BadValue),
        ("led.set()", Code::MissingKey),
        ("led.set(1, 1)", Code::BadValue),
        ("led.on(1)", Code::BadValue),
        ("led.forward()", Code::UnknownAction),
        ("led.blink(0)", Code::OutOfRange),
        ("led.blink(1, 1, 0)", Code::OutOfRange),
        ("led.blink(speed=1)", Code::BadValue),
        ("lamp.on()", Code::UnknownDevice),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.level(17), Level::Low);
}

#[test]
fn blinking_is_done_by_the_daemon_and_ends_off() {
    let mut bench = Bench::new(LED);
    let state = bench.state("led.blink(0.1, 0.2, 2)");
    assert_eq!(state.fields, [("blinking", Datum::Bool(true))]);
    bench.pass(1000);
    assert_eq!(bench.told(), ["on@0", "off@100", "on@300", "off@400"]);
    assert_eq!(bench.state("led.read()").fields, []);
}

#[test]
fn any_other_action_ends_the_blinking() {
    let mut bench = Bench::new(LED);
    bench.state("led.blink(100ms, 100ms)");
    bench.pass(250);
    bench.state("led.on()");
    bench.told();
    bench.pass(1000);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.level(17), Level::High);
}

#[test]
fn a_late_blink_does_not_catch_up() {
    let mut bench = Bench::new(LED);
    bench.state("led.blink(0.1, 0.1)");
    bench.told();
    bench.pass_late(10_000);
    assert_eq!(bench.told(), ["off@10000"]);
}

#[test]
fn a_stuck_line_is_a_fault_and_never_a_success() {
    let mut bench = Bench::new(LED);
    bench.board.stick(&gpio(17));
    let refusal = bench.call("led.on()").expect_err("it can't go on");
    assert_eq!(refusal.code, Code::DeviceFault);
    assert!(refusal.message.contains("reads inactive after active was written"), "{}", refusal.message);
    // What the hardware says is told, not what was asked for.
    assert_eq!(bench.state("led.read()").value, Ok(0.0));
}

#[test]
fn keep_does_not_touch_a_line_that_is_driven() {
    let keep = r#""door": {"output": {"line": "GPIO4", "initial": "keep"}}, "led": {"led": {"line": "GPIO17", "initial": "on"}}"#;
    let simulation = Simulation::new();
    simulation.board().leave_driven(&gpio(4), Level::High);
    let mut bench = Bench::on(simulation, keep).expect("free lines");
    assert_eq!(bench.state("door.read()").event, "on");
    assert_eq!(bench.level(17), Level::High);
}

#[test]
fn at_the_end_each_goes_where_its_policy_says() {
    let mut bench = Bench::new(
        r#""a": {"led": {"line": 1}}, "b": {"relay": {"line": 2}}, "c": {"output": {"line": 3, "on_stop": "hold"}},
           "d": {"led": {"line": 4, "on_stop": "off"}}, "e": {"relay": {"line": 5, "on_stop": "on"}},
           "f": {"pwm_led": {"line": 6}}"#,
    );
    for device in ["a", "b", "c", "d"] {
        bench.state(&format!("{device}.on()"));
    }
    bench.state("f.set(0.5)");
    assert!(bench.stop());
    let levels = [1, 2, 3, 4, 5, 6].map(|offset| bench.level(offset));
    assert_eq!(levels, [Level::High, Level::Low, Level::High, Level::Low, Level::High, Level::Low]);
    let audit = bench.audit();
    let stopped: Vec<_> =
        audit.iter().filter(|a| a.deed.action() == "on_stop").map(|a| a.deed.device()).collect();
    assert_eq!(stopped, ["b", "d", "e", "f"]);
}

#[test]
fn a_device_that_can_not_be_stopped_is_told() {
    let mut bench = Bench::new(r#""a": {"relay": {"line": 1}}, "b": {"relay": {"line": 2}}"#);
    for call in ["a.on()", "b.on()"] {
        bench.state(call);
    }
    bench.board.stick(&gpio(1));
    assert!(!bench.stop());
    assert_eq!([1, 2].map(|offset| bench.level(offset)), [Level::High, Level::Low], "the other one is off");
    let audit = bench.audit();
    let failed = audit.iter().find(|entry| entry.refused.is_some()).expect("it is audited");
    assert_eq!((failed.deed.device(), failed.deed.action()), ("a".to_owned(), "on_stop".to_owned()));
}

/// For how many milliseconds of each hundred the line is high.
fn brightness(bench: &mut Bench) -> usize {
    (0..1000)
        .filter(|_| {
            bench.pass(1);
            bench.level(18) == Level::High
        })
        .count()
        / 10
}

#[test]
fn a_lamp_shines_as_much_as_it_was_told() {
    let mut bench = Bench::new(LAMP);
    for (value, percent) in [("0.3", 30), ("0.7", 70), ("1", 100), ("0", 0), ("0.5", 50)] {
        assert_eq!(bench.state(&format!("lamp.set({value})")).value, Ok(value.parse().expect("a number")));
        let measured = brightness(&mut bench);
        assert!(measured.abs_diff(percent) <= 5, "{value}: {measured} %");
    }
    assert_eq!(bench.told().len(), 5, "the steps of the PWM are not told");
    assert_eq!(bench.refusal("lamp.set(1.1)"), Code::OutOfRange);
    assert_eq!(bench.state("lamp.toggle()").value, Ok(0.5));
}

#[test]
fn a_lamp_that_is_off_or_full_has_no_deadline() {
    let mut bench = Bench::new(LAMP);
    for call in ["lamp.on()", "lamp.off()"] {
        bench.state(call);
        let now = gpio_gatekeeper::control::Now::read();
        assert_eq!(bench.controller.tick(now), None, "{call}");
    }
}

#[test]
fn a_pulse_fades_and_tells_its_turns_only() {
    let mut bench = Bench::new(LAMP);
    bench.state("lamp.pulse(0.4, 0.4, 2)");
    bench.pass(200);
    let half = bench.state("lamp.read()").value.clone().expect("a value");
    assert!((0.3..0.7).contains(&half), "{half}");
    bench.pass(3000);
    let told = bench.told();
    assert!(told.len() <= 8, "{told:?}");
    assert_eq!(bench.state("lamp.read()").value, Ok(0.0));
    assert_eq!(bench.refusal("lamp.pulse(0.01)"), Code::OutOfRange);
}
