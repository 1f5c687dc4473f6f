//! Sequences: one value after the other, at the right time, until something better comes.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::Bench;
use super::support::faulty::Fault;

const LAMP: &str = r#""lamp": {"pwm_led": {"line": "GPIO18"}}"#;
const PUMP: &str = r#""pump": {"relay": {"line": "GPIO27"}}"#;
const MOTOR: &str = r#""motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "100ms"}}"#;

#[test]
fn it_takes_its_steps_in_time_and_stays_at_the_last() {
    let mut bench = Bench::new(PUMP);
    let state = bench.state("pump.sequence(1:500ms,0:200ms,1:50ms, n=2)");
    assert_eq!((state.value.clone(), &state.fields[..]), (Ok(1.0), &[("sequence", Datum::Bool(true))][..]));
    bench.pass(10_000);
    // Between the rounds the value stays, so there is nothing to tell.
    assert_eq!(bench.told(), ["on@0", "off@500", "on@700", "off@1250", "on@1450", "on@1500"]);
    assert_eq!(bench.state("pump.read()").fields, []);
    assert_eq!(bench.level(27), Level::High);
}

#[test]
fn every_kind_that_can_be_set_has_sequences() {
    let mut bench = Bench::new(&format!("{LAMP}, {MOTOR}, {PUMP}"));
    bench.state("lamp.sequence(0.2:1s,0.8:1s)");
    bench.state("motor.sequence(1:1s,0:1s,-1:1s)");
    bench.pass(1000);
    assert_eq!(bench.state("lamp.read()").value, Ok(0.8));
    assert_eq!(bench.state("motor.read()").value, Ok(0.0));
    let colours =
        r#""light": {"rgb_led": {"red": 1, "green": 2, "blue": 3}}, "bell": {"buzzer": {"line": 4}}"#;
    let mut bench = Bench::new(colours);
    bench.state("light.sequence(#ff0000:1s,off:1s)");
    assert_eq!(bench.refusal("light.sequence(#ff0000:1s,brown:1s)"), Code::BadValue);
    assert_eq!(bench.refusal("bell.sequence(1:1s,0.5:1s)"), Code::BadValue);
    let mut bench = Bench::new(r#""button": {"button": {"line": "GPIO22"}}"#);
    assert_eq!(bench.refusal("button.sequence(1:1s)"), Code::UnknownAction);
}

#[test]
fn every_step_is_looked_at_before_the_first_is_taken() {
    let mut bench = Bench::new(&format!("{PUMP}, {LAMP}, {MOTOR}"));
    for (call, code) in [
        ("pump.sequence(1:500ms,0.5:1s)", Code::BadValue),
        ("pump.sequence(1:500ms,2:1s)", Code::OutOfRange),
        ("pump.sequence(1:5ms)", Code::OutOfRange),
        ("pump.sequence(1:500ms, n=0)", Code::OutOfRange),
        ("pump.sequence(1:500ms, loud=1)", Code::BadValue),
        ("pump.sequence()", Code::MissingKey),
        ("lamp.sequence(1:500ms,1.5:1s)", Code::OutOfRange),
        ("motor.sequence(1:500ms,0.5:1s)", Code::BadValue),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn any_other_write_ends_it_and_what_is_refused_does_not() {
    let mut bench = Bench::new(PUMP);
    bench.state("pump.sequence(1:500ms,0:500ms, n=100)");
    bench.refusal("pump.set(7)");
    bench.state("pump.read()");
    bench.pass(600);
    assert_eq!(bench.state("pump.on()").fields, []);
    bench.pass(5000);
    assert_eq!(bench.told(), ["on@0", "off@500", "on@600"]);
}

#[test]
fn it_ends_when_a_lease_or_a_connection_is_lost_unless_it_is_held() {
    for (policy, told) in [("off", "on@0 off@100"), ("hold", "on@0 off@500 on@1000")] {
        let pump = PUMP.replace("\"GPIO27\"", &format!("\"GPIO27\", \"on_link_lost\": \"{policy}\""));
        let mut bench = Bench::new(&pump);
        bench.by("phone").state("pump.sequence(1:500ms,0:500ms,1:10s)");
        bench.pass(100);
        bench.disconnect();
        bench.pass(2000);
        assert_eq!(bench.told().join(" "), told, "{policy}");
        assert!(bench.stop());
        assert_eq!(bench.level(27), Level::Low, "{policy}");
    }
    let mut bench = Bench::new(&PUMP.replace("\"GPIO27\"", "\"GPIO27\", \"on_lease_lost\": \"off\""));
    bench.lease("system.lease(pump, ttl=1s)");
    bench.state("pump.sequence(0:2s,1:10s)");
    bench.audit();
    bench.pass(5000);
    assert_eq!(bench.level(27), Level::Low);
    let audit = bench.audit();
    assert!(audit.iter().any(|entry| entry.deed.action() == "on_lease_lost"), "its end is told: {audit:?}");
}

#[test]
fn it_is_on_all_the_while() {
    let mut bench = Bench::new(&PUMP.replace("\"GPIO27\"", "\"GPIO27\", \"max_on\": \"2s\""));
    bench.state("pump.sequence(0:1500ms,1:100ms, n=10)");
    bench.pass(10_000);
    assert_eq!(bench.told(), ["off@0", "on@1500", "off@1600", "off@2000"]);
    let devices = format!(r#""interlocks": {{"x": {{"devices": ["pump", "lamp"]}}}}, --- {PUMP}, {LAMP}"#);
    let mut bench = Bench::new(&devices);
    bench.pass(1000);
    bench.state("pump.sequence(0:1s,1:1s)");
    assert_eq!(bench.refusal("lamp.on()"), Code::Interlocked);
    bench.state("pump.off()");
    bench.pass(1000);
    bench.state("lamp.on()");
    assert_eq!(bench.refusal("pump.sequence(0:1s,1:1s)"), Code::Interlocked);
}

#[test]
fn a_step_that_fails_ends_it_and_is_told() {
    let (mut bench, switch) = Bench::faulty(PUMP);
    bench.state("pump.sequence(1:500ms,0:500ms, n=100)");
    switch.set(27, Fault::Write);
    bench.audit();
    bench.pass(5000);
    let audit: Vec<_> =
        bench.audit().iter().map(|entry| (entry.deed.action(), entry.refused.is_some())).collect();
    assert_eq!(audit, [("sequence".to_owned(), true)]);
    switch.mend();
    assert_eq!(bench.state("pump.read()").fields, []);
}
