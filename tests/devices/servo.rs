//! Servos: positions, angles, and nothing that holds them.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes, pwm_channel};
use super::support::faulty::Fault;

const CHANNEL: &str = r#""pwm": {"chip": "chip", "channel": 0}"#;

fn servo(settings: &str) -> Bench {
    Bench::new(&format!(r#""arm": {{"servo": {{{settings}}}}}"#))
}

/// The pulse on the channel in microseconds.
fn pulse(bench: &Bench) -> f64 {
    let (duty, period) = bench.signal(0);
    (duty * period as f64).round()
}

#[test]
fn a_position_is_a_pulse_of_every_frame() {
    let mut bench = servo(CHANNEL);
    assert_eq!((bench.state("arm.read()").event, pulse(&bench)), ("detached", 0.0));
    for (call, value, microseconds, angle) in [
        ("arm.set(0.5)", 0.5, 1750.0, 45.0),
        ("arm.min()", -1.0, 1000.0, -90.0),
        ("arm.mid()", 0.0, 1500.0, 0.0),
        ("arm.max()", 1.0, 2000.0, 90.0),
        ("arm.angle(-45)", -0.5, 1250.0, -45.0),
    ] {
        let state = bench.state(call);
        assert_eq!((state.event, state.value.clone()), ("holding", Ok(value)), "{call}");
        assert_eq!((pulse(&bench), &state.fields), (microseconds, &vec![("angle", Datum::Number(angle))]));
    }
    assert_eq!(bench.signal(0).1, 20_000);
    let state = bench.state("arm.detach()");
    assert_eq!((state.event, state.value.clone(), &state.fields), ("detached", Ok(-0.5), &vec![]));
    assert_eq!(pulse(&bench), 0.0);
}

#[test]
fn its_ends_are_what_its_settings_say() {
    let mut bench = servo(&format!(
        r#"{CHANNEL}, "min_pulse_width": "500us", "max_pulse_width": "2500us", "min_angle": 180, "max_angle": 0"#
    ));
    bench.state("arm.angle(180)");
    assert_eq!(pulse(&bench), 500.0);
    assert_eq!(bench.state("arm.angle(0)").value, Ok(1.0));
    assert_eq!(pulse(&bench), 2500.0);
    for call in ["arm.angle(181)", "arm.angle(-1)", "arm.set(1.1)"] {
        assert_eq!(bench.refusal(call), Code::OutOfRange, "{call}");
    }
    assert_eq!(bench.refusal("arm.angle()"), Code::MissingKey);
    assert_eq!(bench.refusal("arm.set(left)"), Code::BadValue);
}

#[test]
fn on_a_line_the_pulses_are_made_by_the_daemon() {
    let mut bench = servo(r#""line": 1"#);
    bench.state("arm.set(0)");
    let high = (0..2000).filter(|_| {
        bench.pass(1);
        bench.level(1) == Level::High
    });
    assert!((190..=210).contains(&high.count()), "every 20 ms it is seen high at 0 and at 1 ms");
    bench.state("arm.off()");
    bench.pass(100);
    assert_eq!((bench.level(1), bench.told().len()), (Level::Low, 2));
}

#[test]
fn nothing_holds_it_when_it_is_left_alone() {
    let mut bench = servo(&format!(r#"{CHANNEL}, "max_on": "1s""#));
    bench.connect("panel");
    bench.state("arm.max()");
    bench.disconnect();
    assert_eq!(pulse(&bench), 0.0);
    bench.connect("panel");
    bench.state("arm.max()");
    bench.pass(1000);
    assert_eq!(bench.state("arm.read()").event, "detached");
    let mut bench = servo(&format!(r#"{CHANNEL}, "on_stop": "hold""#));
    bench.state("arm.max()");
    assert!(bench.stop());
    assert_eq!(pulse(&bench), 2000.0);
}

#[test]
fn its_middle_is_not_off_for_an_interlock() {
    let mut bench = Bench::new(
        r#""interlocks": {"one": {"devices": ["arm", "led"], "dead_time": "0s"}},---
           "arm": {"servo": {"line": 1}}, "led": {"led": {"line": 2}}"#,
    );
    bench.state("led.on()");
    assert_eq!(bench.refusal("arm.set(0)"), Code::Interlocked);
    assert_eq!(bench.state("arm.detach()").event, "detached");
    bench.state("led.off()");
    bench.state("arm.set(0)");
    assert_eq!(bench.refusal("led.on()"), Code::Interlocked);
}

#[test]
fn a_fault_is_told_and_mended() {
    let mut bench = servo(CHANNEL);
    bench.board.break_channel(&pwm_channel(0));
    assert_eq!(bench.refusal("arm.max()"), Code::DeviceFault);
    let (mut bench, switch) = Bench::faulty(r#""arm": {"servo": {"line": 1}}"#);
    bench.state("arm.max()");
    switch.set(1, Fault::Write);
    bench.pass(2);
    assert_eq!(bench.told().pop(), Some("fault@2".to_owned()));
    switch.mend();
    assert_eq!(bench.refusal("arm.read()"), Code::DeviceFault, "the pulse has no end");
    assert_eq!(bench.state("arm.detach()").event, "detached");
}

#[test]
fn its_settings_have_ranges() {
    for (settings, expected) in [
        (r#""min_pulse_width": "200us""#, "min_pulse_width is from 300us to 3ms"),
        (r#""max_pulse_width": "1ms""#, "max_pulse_width is longer than min_pulse_width, and at most 3ms"),
        (r#""max_angle": -90"#, "max_angle is from -360 to 360 (degrees), and another one than min_angle"),
        (r#""on_stop": "hold""#, "on_stop is off, because the PWM of a line ends with the daemon"),
    ] {
        assert_eq!(mistakes(&format!(r#""a": {{"servo": {{"line": 1, {settings}}}}}"#)), [expected]);
    }
}
