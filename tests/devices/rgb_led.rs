//! Lights of three colours.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes, pwm_channel};
use super::support::faulty::Fault;

const LINES: &str = r#""mood": {"rgb_led": {"red": 1, "green": 2, "blue": 3}}"#;
const CHANNELS: &str = r#""mood": {"rgb_led": {"red": {"chip": "chip", "channel": 0},
    "green": {"chip": "chip", "channel": 1}, "blue": {"chip": "chip", "channel": 2}, "frequency": 1000}}"#;

fn parts(bench: &Bench) -> [f64; 3] {
    [0, 1, 2].map(|channel| bench.signal(channel).0)
}

#[test]
fn it_takes_colours_and_keeps_them_while_it_is_dark() {
    let mut bench = Bench::new(CHANNELS);
    bench.state("mood.on()");
    assert_eq!(parts(&bench), [1.0; 3], "white at first");
    let state = bench.state("mood.set(#ff8000)");
    assert_eq!((state.value.clone(), state.event), (Ok(1.0), "on"));
    let rgb = Datum::List([1.0, 0.502, 0.0].map(Datum::Number).into());
    assert_eq!(state.fields, [("rgb", rgb), ("color", "#ff8000".into())]);
    assert_eq!(bench.state("mood.color(0.5, 0, 0.25)").value, Ok(0.5));
    bench.state("mood.off()");
    assert_eq!(parts(&bench), [0.0; 3]);
    assert_eq!(bench.state("mood.toggle()").fields[1].1, "#ff0080".into());
    bench.state("mood.set(0.5)");
    assert_eq!(parts(&bench), [0.5, 0.0, 0.25]);
    bench.state("mood.color(#000000)");
    bench.state("mood.on()");
    assert_eq!(parts(&bench), [1.0, 0.0, 0.5], "black is dark and no colour");
}

#[test]
fn on_lines_each_part_has_its_software_pwm() {
    let mut bench = Bench::new(LINES);
    bench.state("mood.color(1, 0.3, 0)");
    let mut high = [0; 3];
    for _ in 0..1000 {
        bench.pass(1);
        for (count, line) in high.iter_mut().zip([1, 2, 3]) {
            *count += usize::from(bench.level(line) == Level::High);
        }
    }
    assert!(high[0] == 1000 && high[1].abs_diff(300) <= 50 && high[2] == 0, "{high:?}");
    assert_eq!(bench.told().len(), 1);
}

#[test]
fn it_blinks_and_pulses_in_its_colour() {
    let mut bench = Bench::new(CHANNELS);
    bench.state("mood.color(1, 0.5, 0)");
    bench.state("mood.blink(0.1, 0.1, 2)");
    bench.pass(100);
    assert_eq!(parts(&bench), [0.0; 3]);
    bench.pass(100);
    assert_eq!(parts(&bench), [1.0, 0.5, 0.0]);
    bench.pass(1000);
    assert_eq!(parts(&bench), [0.0; 3]);
    bench.told();
    bench.state("mood.pulse(0.4, 0.4, 1)");
    bench.pass(200);
    let [red, green, blue] = parts(&bench);
    assert!((0.3..0.7).contains(&red) && (green - red / 2.0).abs() < 0.001 && blue == 0.0);
    bench.pass(1000);
    assert!(bench.told().len() <= 4);
    assert_eq!(parts(&bench), [0.0; 3]);
}

#[test]
fn a_fault_of_one_part_is_told_and_the_others_go_off() {
    let mut bench = Bench::new(CHANNELS);
    bench.state("mood.on()");
    bench.board.break_channel(&pwm_channel(0));
    assert_eq!(bench.refusal("mood.off()"), Code::DeviceFault);
    assert_eq!(parts(&bench), [1.0, 0.0, 0.0]);
    let (mut bench, switch) = Bench::faulty(LINES);
    bench.state("mood.set(0.5)");
    switch.set(2, Fault::Write);
    bench.pass(10);
    assert!(bench.told().last().is_some_and(|told| told.starts_with("fault@")));
}

#[test]
fn what_is_no_colour_is_refused() {
    let mut bench = Bench::new(LINES);
    for (call, code) in [
        ("mood.set(#ff80)", Code::BadValue),
        ("mood.set(bright)", Code::BadValue),
        ("mood.set(1.5)", Code::OutOfRange),
        ("mood.color()", Code::MissingKey),
        ("mood.color(1, 1)", Code::MissingKey),
        ("mood.color(1, 1, 2)", Code::OutOfRange),
        ("mood.color(0.5)", Code::BadValue),
        ("mood.color(1, 1, 1, 1)", Code::BadValue),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn it_is_left_as_its_policies_say() {
    let mut bench = Bench::new(CHANNELS);
    bench.connect("panel");
    bench.state("mood.color(1, 0, 0)");
    bench.disconnect();
    assert_eq!(parts(&bench), [1.0, 0.0, 0.0]);
    assert!(bench.stop());
    assert_eq!(parts(&bench), [0.0; 3]);
    let hold = LINES.replace(r#""blue": 3"#, r#""blue": 3, "on_stop": "on""#);
    assert_eq!(mistakes(&hold), ["on_stop is off, because the PWM of a line ends with the daemon"]);
    let twice = LINES.replace(r#""blue": 3"#, r#""blue": 1"#);
    assert_eq!(mistakes(&twice).len(), 1);
    let wrong = LINES.replace(r#""blue": 3"#, r#""blue": {"chip": 1}"#);
    assert!(mistakes(&wrong)[0].contains("or a PWM channel"), "{:?}", mistakes(&wrong));
}
