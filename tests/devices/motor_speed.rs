//! Motors with a speed, by a PWM on the enable input of their bridge.

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes, pwm_channel};
use super::support::faulty::Fault;

pub const MOTOR: &str = r#""motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "100ms",
    "enable": {"chip": "chip", "channel": 0}}}"#;
const ON_LINE: &str = r#""motor": {"motor": {"forward": 5, "backward": 6, "enable": 13}}"#;

/// Forward, backward, and the speed of the channel.
fn wires(bench: &Bench) -> (bool, bool, f64) {
    (bench.level(5) == Level::High, bench.level(6) == Level::High, bench.signal(0).0)
}

#[test]
fn a_value_is_a_direction_and_a_speed() {
    let mut bench = Bench::new(MOTOR);
    assert_eq!(bench.signal(0), (0.0, 50), "20 kHz, which nobody hears");
    assert_eq!(bench.state("motor.set(0.25)").value, Ok(0.25));
    assert_eq!(wires(&bench), (true, false, 0.25));
    bench.board.record();
    assert_eq!(bench.state("motor.forward(0.5)").value, Ok(0.5));
    assert!(bench.board.history().is_empty(), "the direction stays, and so do its lines");
    assert_eq!(bench.state("motor.stop()").value, Ok(0.0));
    assert_eq!(wires(&bench), (false, false, 0.0));
    bench.pass(100);
    assert_eq!(bench.state("motor.backward()").value, Ok(-1.0));
    assert_eq!(bench.state("motor.backward(0)").event, "stopped");
    assert_eq!(bench.refusal("motor.forward(2)"), Code::OutOfRange);
}

#[test]
fn it_is_reversed_with_the_same_speed_and_without_power_in_between() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.set(0.25)");
    assert_eq!(bench.state("motor.reverse()").event, "reversing");
    assert_eq!(wires(&bench), (false, false, 0.0));
    bench.pass(99);
    assert_eq!(wires(&bench), (false, false, 0.0));
    bench.pass(1);
    assert_eq!(wires(&bench), (false, true, 0.25));
    bench.state("motor.set(0.5)");
    bench.state("motor.reverse()");
    bench.pass(100);
    assert_eq!(bench.state("motor.read()").value, Ok(-0.5));
}

#[test]
fn on_a_line_the_speed_is_a_software_pwm_whose_steps_are_not_told() {
    let mut bench = Bench::new(ON_LINE);
    bench.state("motor.set(0.3)");
    let high = (0..1000).filter(|_| {
        bench.pass(1);
        bench.level(13) == Level::High
    });
    assert!(high.count().abs_diff(300) <= 50);
    assert_eq!(bench.told().len(), 1);
    bench.state("motor.stop()");
    bench.pass(100);
    assert_eq!(bench.level(13), Level::Low);
}

#[test]
fn when_its_speed_fails_its_lines_go_off() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.set(0.5)");
    bench.board.break_channel(&pwm_channel(0));
    assert_eq!(bench.refusal("motor.set(0.6)"), Code::DeviceFault);
    assert_eq!((bench.level(5), bench.level(6)), (Level::Low, Level::Low));
    bench.told();
    bench.board.record();
    for call in ["motor.stop()", "motor.forward()"] {
        assert_eq!(bench.refusal(call), Code::DeviceFault, "{call}");
        assert!(bench.told().iter().all(|told| told.starts_with("fault@")), "{call}");
    }
    let never = bench.board.history().iter().flatten().all(|(_, level)| *level == Level::Low);
    assert!(never, "what can't be slowed down is not driven");
    let (mut bench, switch) = Bench::faulty(ON_LINE);
    bench.state("motor.set(0.5)");
    switch.set(13, Fault::Write);
    bench.pass(10);
    assert!(bench.told().last().is_some_and(|told| told.starts_with("fault@")));
    assert_eq!((bench.level(5), bench.level(6)), (Level::Low, Level::Low));
}

#[test]
fn when_its_direction_fails_it_has_no_power() {
    let (mut bench, switch) = Bench::faulty(MOTOR);
    bench.state("motor.set(0.5)");
    switch.set(5, Fault::Write);
    assert_eq!(bench.refusal("motor.stop()"), Code::DeviceFault);
    assert_eq!(bench.signal(0).0, 0.0);
}

#[test]
fn it_stops_when_it_is_left_alone() {
    let mut bench = Bench::new(MOTOR);
    bench.connect("panel");
    bench.state("motor.set(0.5)");
    bench.disconnect();
    assert_eq!(wires(&bench), (false, false, 0.0));
}

#[test]
fn its_settings_have_ranges() {
    let wrong = |settings: &str| {
        mistakes(&format!(r#""m": {{"motor": {{"forward": 1, "backward": 2, {settings}}}}}"#))
    };
    for (settings, expected) in [
        (r#""frequency": 100"#, "only a motor with a speed (enable) has a frequency"),
        (r#""enable": 3, "frequency": 5000"#, "frequency on a line is from 10 to 1000 (Hz)"),
        (
            r#""enable": 3, "on_stop": "hold""#,
            "on_stop is off, because the PWM of a line ends with the daemon",
        ),
    ] {
        assert_eq!(wrong(settings), [expected], "{settings}");
    }
    assert_eq!(wrong(r#""enable": 2"#).len(), 1, "the line of a direction");
}
