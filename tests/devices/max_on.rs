//! An output that somebody forgot goes off by itself.

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::hardware::Level;

use super::bench::Bench;
use super::support::faulty::Fault;

const RELAY: &str = r#""relay": {"relay": {"line": 1, "max_on": "1s"}}"#;

#[test]
fn it_goes_off_whoever_forgot_it() {
    let mut bench = Bench::new(RELAY);
    bench.by("panel").lease("system.lease(relay)");
    bench.state("relay.on()");
    bench.pass(999);
    assert_eq!(bench.level(1), Level::High);
    bench.pass(1);
    assert_eq!(bench.level(1), Level::Low);
    let last = bench.audit().pop().expect("it is audited");
    assert_eq!((last.deed.action().as_str(), last.old, last.new), ("max_on", Some(1.0), Some(0.0)));
    assert!(bench.call("relay.on()").is_ok(), "the lease goes on");
}

#[test]
fn only_having_been_off_begins_the_time_anew() {
    let mut bench = Bench::new(RELAY);
    bench.state("relay.on()");
    bench.pass(600);
    bench.state("relay.on()");
    bench.pass(400);
    assert_eq!(bench.level(1), Level::Low, "another on is no reason");
    bench.state("relay.on()");
    bench.pass(600);
    bench.state("relay.off()");
    bench.state("relay.on()");
    bench.pass(999);
    assert_eq!(bench.level(1), Level::High);
    bench.pass(1);
    assert_eq!(bench.level(1), Level::Low);
}

#[test]
fn what_blinks_or_reverses_is_on_all_the_while() {
    let mut bench = Bench::new(RELAY);
    bench.state("relay.blink(0.3, 0.3)");
    bench.pass(1000);
    assert!(bench.state("relay.read()").fields.is_empty(), "it has ended");
    bench.pass(2000);
    assert_eq!(bench.level(1), Level::Low);
    let mut bench = Bench::new(r#""m": {"motor": {"forward": 5, "backward": 6, "max_on": "1s"}}"#);
    bench.state("m.forward()");
    bench.pass(950);
    assert_eq!(bench.state("m.backward()").event, "reversing");
    bench.pass(2000);
    assert_eq!(bench.state("m.read()").event, "stopped");
    assert!(!bench.told().contains(&"backward@1050".to_owned()), "its time was over before");
}

#[test]
fn the_time_counts_from_the_start_for_what_is_on_then() {
    let mut bench = Bench::new(r#""r": {"relay": {"line": 1, "initial": "on", "max_on": "1s"}}"#);
    bench.pass(1000);
    assert_eq!(bench.level(1), Level::Low);
}

#[test]
fn what_can_not_be_turned_off_is_tried_again() {
    let (mut bench, switch) = Bench::faulty(RELAY);
    bench.state("relay.on()");
    switch.set(1, Fault::Write);
    bench.pass(2999);
    let tries = bench.audit().iter().filter(|entry| entry.refused.is_some()).count();
    assert_eq!((bench.level(1), tries), (Level::High, 2), "once a second");
    switch.mend();
    bench.pass(1);
    assert_eq!(bench.level(1), Level::Low);
    assert_eq!(bench.refusal("relay.fly()"), Code::UnknownAction);
}

#[test]
fn a_lamp_that_could_not_be_switched_off_is_what_its_line_says() {
    let (mut bench, switch) = Bench::faulty(r#""lamp": {"pwm_led": {"line": 1}}"#);
    bench.state("lamp.on()");
    switch.set(1, Fault::Write);
    assert_eq!(bench.refusal("lamp.off()"), Code::DeviceFault);
    switch.mend();
    assert_eq!(bench.state("lamp.read()").value, Ok(1.0));
}
