//! Fans: on or off, with speeds, and with a tachometer.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes, pwm_channel};

const CHANNEL: &str = r#""pwm": {"chip": "chip", "channel": 0}"#;

fn fan(settings: &str) -> Bench {
    Bench::new(&format!(r#""fan": {{"fan": {{{settings}}}}}"#))
}

/// Turns the wheel for some seconds, so many pulses in each.
fn turn(bench: &mut Bench, seconds: u64, pulses: u64) {
    for _ in 0..seconds * pulses {
        bench.drive(26, Level::Low);
        bench.drive(26, Level::High);
        bench.pass(1000 / pulses);
    }
}

#[test]
fn a_channel_gives_25_khz_and_a_line_without_a_frequency_no_speed() {
    let mut bench = fan(CHANNEL);
    assert_eq!(bench.state("fan.set(0.5)").value, Ok(0.5));
    assert_eq!(bench.signal(0), (0.5, 40));
    let mut bench = fan(r#""line": 1"#);
    assert_eq!(bench.refusal("fan.set(0.5)"), Code::BadValue);
    assert_eq!(bench.state("fan.on()").event, "on");
    assert_eq!((bench.level(1), bench.state("fan.toggle()").event), (Level::High, "off"));
}

#[test]
fn below_its_minimum_it_is_off_and_says_so() {
    let mut bench = fan(&format!(r#"{CHANNEL}, "minimum": 0.3"#));
    assert_eq!(bench.state("fan.set(0.3)").value, Ok(0.3));
    assert_eq!(bench.state("fan.set(0.2)").value, Ok(0.0));
    assert_eq!(bench.signal(0).0, 0.0);
}

#[test]
fn it_starts_with_full_power() {
    let mut bench = fan(&format!(r#"{CHANNEL}, "start_boost": "500ms""#));
    assert_eq!(bench.state("fan.set(0.3)").event, "starting");
    bench.pass(499);
    assert_eq!(bench.signal(0).0, 1.0);
    assert_eq!(bench.state("fan.set(0.4)").event, "starting", "the start goes on");
    bench.pass(1);
    assert_eq!((bench.signal(0).0, bench.state("fan.read()").event), (0.4, "on"));
    bench.state("fan.set(0.6)");
    assert_eq!(bench.signal(0).0, 0.6, "it turns already");
    bench.state("fan.off()");
    bench.state("fan.set(0.3)");
    bench.state("fan.off()");
    bench.pass(1000);
    assert_eq!(bench.signal(0).0, 0.0);
}

#[test]
fn it_tells_its_revolutions_and_that_it_is_stalled() {
    let mut bench = fan(&format!(r#"{CHANNEL}, "tachometer": {{"line": 26}}"#));
    bench.state("fan.on()");
    turn(&mut bench, 4, 50);
    let state = bench.state("fan.read()");
    assert_eq!((state.event, &state.fields), ("on", &vec![("rpm", Datum::Number(1500.0))]));
    bench.told();
    turn(&mut bench, 10, 50);
    assert_eq!(bench.told(), [""; 0], "the same again is no news");
    bench.pass(6000);
    let state = bench.state("fan.read()");
    assert_eq!((state.event, &state.fields), ("stalled", &vec![("rpm", Datum::Number(0.0))]));
    assert_eq!(state.value, Ok(1.0));
    turn(&mut bench, 3, 50);
    assert_eq!(bench.state("fan.read()").event, "on");
}

#[test]
fn a_fan_that_is_off_comes_to_rest_and_is_not_stalled() {
    let mut bench = fan(&format!(r#"{CHANNEL}, "tachometer": {{"line": 26, "pulses_per_revolution": 1}}"#));
    bench.state("fan.on()");
    turn(&mut bench, 3, 10);
    assert_eq!(bench.state("fan.off()").fields, [("rpm", Datum::Number(600.0))]);
    bench.pass(10_000);
    let state = bench.state("fan.read()");
    assert_eq!((state.event, &state.fields), ("off", &vec![("rpm", Datum::Number(0.0))]));
    assert_eq!(bench.controller.tick(gpio_gatekeeper::control::Now::read()), None, "nothing is measured");
}

#[test]
fn a_fan_is_stopped_by_max_on_also_while_it_starts() {
    let mut bench = fan(&format!(r#"{CHANNEL}, "start_boost": "2s", "max_on": "1s""#));
    bench.state("fan.set(0.5)");
    bench.pass(1000);
    assert_eq!((bench.signal(0).0, bench.state("fan.read()").event), (0.0, "off"));
    bench.pass(5000);
    assert_eq!(bench.signal(0).0, 0.0);
}

#[test]
fn a_channel_that_fails_is_a_fault() {
    let mut bench = fan(&format!(r#"{CHANNEL}, "start_boost": "1s""#));
    bench.state("fan.set(0.5)");
    bench.board.break_channel(&pwm_channel(0));
    bench.pass(1000);
    assert!(bench.told().contains(&"fault@1000".to_owned()));
}

#[test]
fn its_settings_have_ranges() {
    for (settings, expected) in [
        (r#""minimum": 2"#, "minimum is from 0 to 1"),
        (r#""start_boost": "11s""#, "start_boost is at most 10s"),
        (
            r#""tachometer": {"line": 3, "pulses_per_revolution": 0}"#,
            "pulses_per_revolution is from 1 to 100",
        ),
        (r#""on_link_lost": 0.5"#, "on_link_lost is hold, off or on, because there is no PWM"),
    ] {
        assert_eq!(mistakes(&format!(r#""a": {{"fan": {{"line": 1, {settings}}}}}"#)), [expected]);
    }
    assert!(mistakes(r#""a": {"fan": {"line": 1, "on_stop": "hold"}}"#).is_empty());
    assert_eq!(mistakes(r#""a": {"fan": {"line": 1, "tachometer": {"line": 1}}}"#).len(), 1, "the same line");
}
