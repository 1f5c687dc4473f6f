//! Loads with a duty from 0 to 1 on PWM channels of the kernel.  Those on lines are among the lights.

use gpio_gatekeeper::domain::{Code, Polarity};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes, pwm_channel};
use super::support::gpio;

const LAMP: &str =
    r#""lamp": {"pwm_led": {"pwm": {"chip": "chip", "channel": 0}, "frequency": 1000, "active_low": true}}"#;

#[test]
fn a_channel_gives_what_it_is_told_and_nobody_wakes_for_it() {
    let mut bench = Bench::new(LAMP);
    assert_eq!(bench.signal(0), (0.0, 1000));
    let polarity = bench.board.signal(&pwm_channel(0)).map(|(_, polarity)| polarity);
    assert_eq!(polarity, Some(Polarity::ActiveLow));
    for (value, duty) in [("0.25", 0.25), ("1", 1.0), ("off", 0.0)] {
        assert_eq!(bench.state(&format!("lamp.set({value})")).value, Ok(duty));
        assert_eq!(bench.signal(0), (duty, 1000));
    }
    bench.state("lamp.set(0.5)");
    assert_eq!(bench.controller.tick(gpio_gatekeeper::control::Now::read()), None);
}

#[test]
fn the_state_is_what_was_read_back() {
    let mut bench = Bench::new(LAMP);
    let third = bench.state("lamp.set(0.33333333333)").value.clone();
    assert_eq!(third, Ok(0.333333), "in nanoseconds of a millisecond");
    bench.board.stick_channel(&pwm_channel(0));
    assert_eq!(bench.refusal("lamp.set(1)"), Code::DeviceFault);
    assert_eq!(bench.state("lamp.read()").value, third);
    bench.board.break_channel(&pwm_channel(0));
    assert_eq!(bench.refusal("lamp.off()"), Code::DeviceFault);
}

#[test]
fn a_pulse_on_a_channel_tells_its_turns_only() {
    let mut bench = Bench::new(LAMP);
    bench.state("lamp.pulse(0.4, 0.4, 1)");
    bench.pass(200);
    assert!((0.3..0.7).contains(&bench.signal(0).0));
    bench.pass(1000);
    let told = bench.told();
    assert!(told.len() <= 4, "{told:?}");
    assert_eq!(bench.signal(0).0, 0.0);
}

#[test]
fn a_channel_may_outlive_the_daemon_and_a_line_may_not() {
    let mut bench = Bench::new(
        r#""a": {"pwm_led": {"pwm": {"chip": "chip", "channel": 0}, "on_stop": "hold"}},
           "b": {"pwm": {"pwm": {"chip": "chip", "channel": 1}, "on_stop": 0.25}},
           "c": {"pwm": {"pwm": {"chip": "chip", "channel": 2}}}"#,
    );
    for device in ["a", "b", "c"] {
        bench.state(&format!("{device}.set(0.5)"));
    }
    assert!(bench.stop());
    assert_eq!([0, 1, 2].map(|channel| bench.signal(channel).0), [0.5, 0.25, 0.0]);
    let message = "on_stop is off or on, because the PWM of a line ends with the daemon";
    for on_stop in ["\"hold\"", "0.5"] {
        assert_eq!(mistakes(&format!(r#""a": {{"pwm": {{"line": 1, "on_stop": {on_stop}}}}}"#)), [message]);
    }
}

#[test]
fn any_load_goes_off_when_it_is_left_alone_and_a_light_does_not() {
    let mut bench = Bench::new(r#""light": {"pwm_led": {"line": 1}}, "load": {"pwm": {"line": 2}}"#);
    bench.connect("panel");
    bench.state("light.on()");
    bench.state("load.on()");
    bench.disconnect();
    assert_eq!([1, 2].map(|line| bench.board.level(&gpio(line))), [Level::High, Level::Low]);
}

#[test]
fn a_load_has_a_line_or_a_channel_that_nobody_else_has() {
    let channel = r#""pwm": {"chip": "chip", "channel": 0}"#;
    for (settings, expected) in [
        (format!(r#""line": 1, {channel}"#), "it has a line or a PWM channel: leave out line or pwm"),
        (String::new(), "missing `line`, or `pwm` in its place: it has no default"),
        (format!(r#""chip": "x", {channel}"#), "the chip of a PWM channel stands inside of pwm"),
        (r#""line": 1, "frequency": 2000"#.to_owned(), "frequency on a line is from 10 to 1000 (Hz)"),
        (format!(r#""frequency": 0.5, {channel}"#), "frequency of a PWM channel is from 1 to 100000 (Hz)"),
        (
            r#""line": 1, "on_link_lost": 2"#.to_owned(),
            "expected \"hold\", \"off\", \"on\", or a value from 0 to 1",
        ),
    ] {
        assert_eq!(mistakes(&format!(r#""a": {{"pwm": {{{settings}}}}}"#)), [expected], "{settings}");
    }
    let twice = format!(r#""a": {{"pwm": {{{channel}}}}}, "b": {{"pwm_led": {{{channel}}}}}"#);
    let said = mistakes(&twice);
    assert!(said[0].starts_with("PWM channel chip:0 is taken by devices.a.pwm.pwm at 1:"), "{said:?}");
}
