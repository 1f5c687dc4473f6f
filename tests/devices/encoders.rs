//! Rotary encoders: steps from two lines, and a knob that is pressed.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes};

const KNOB: &str = r#""knob": {"rotary_encoder": {"a": "GPIO20", "b": "GPIO21", "press": "GPIO16",
    "active_low": true, "bias": "pull-up", "max_steps": 4}}"#;
/// The levels of a, b in a step clockwise, contacts to ground.
const CLOCKWISE: [(u32, Level); 4] =
    [(20, Level::Low), (21, Level::Low), (20, Level::High), (21, Level::High)];

fn opposite(level: Level) -> Level {
    if level == Level::Low { Level::High } else { Level::Low }
}

#[test]
fn its_lines_turn_into_steps() {
    let mut bench = Bench::new(KNOB);
    for (line, level) in CLOCKWISE {
        bench.drive(line, level);
    }
    let state = bench.state("knob.read()");
    assert_eq!((state.event, state.value.clone()), ("clockwise", Ok(0.25)));
    assert_eq!(state.fields, [("steps", Datum::Number(1.0)), ("pressed", Datum::Bool(false))]);
    assert_eq!(state.edge.and_then(|edge| edge.sequence), Some(2), "the second edge of b made it");
    for (line, level) in CLOCKWISE.into_iter().rev() {
        bench.drive(line, opposite(level));
    }
    assert_eq!(bench.told(), ["clockwise@0", "counter_clockwise@0"]);
}

#[test]
fn contacts_that_bounce_make_no_steps() {
    let mut bench = Bench::new(KNOB);
    for (line, level) in CLOCKWISE {
        for _ in 0..5 {
            bench.drive(line, level);
            bench.drive(line, opposite(level));
        }
        bench.drive(line, level);
    }
    assert_eq!(bench.told(), ["clockwise@0"]);
}

#[test]
fn a_simulated_knob_turns_to_its_end() {
    let mut bench = Bench::new(KNOB);
    let state = bench.state("knob.rotate(3)");
    assert_eq!((state.event, state.value.clone()), ("clockwise", Ok(0.75)));
    assert_eq!(bench.state("knob.rotate(9)").value, Ok(1.0));
    assert_eq!(bench.state("knob.rotate(-1)").value, Ok(0.75));
    assert_eq!(bench.state("knob.reset()").value, Ok(0.0));
    let mut bench = Bench::new(&KNOB.replace("\"max_steps\"", "\"wrap\": true, \"max_steps\""));
    assert_eq!(bench.state("knob.rotate(5)").value, Ok(-1.0));
    for (call, code) in [
        ("knob.rotate(0)", Code::BadValue),
        ("knob.rotate(1.5)", Code::BadValue),
        ("knob.rotate(101)", Code::OutOfRange),
        ("knob.turn()", Code::UnknownAction),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
}

#[test]
fn it_is_pressed_and_held_as_a_button_is() {
    let mut bench = Bench::new(KNOB);
    bench.drive(16, Level::Low);
    bench.pass(1100);
    let state = bench.state("knob.read()");
    assert_eq!(state.fields[1..], [("pressed", Datum::Bool(true)), ("holds", Datum::Number(1.0))]);
    bench.drive(16, Level::High);
    bench.pass(100);
    assert_eq!(bench.told(), ["pressed@10", "held@1010", "released@1110"]);
    assert_eq!(bench.state("knob.press()").event, "pressed");
}

#[test]
fn a_knob_without_a_push_button_is_not_pressed() {
    let mut bench = Bench::new(r#""knob": {"rotary_encoder": {"a": "GPIO20", "b": "GPIO21"}}"#);
    assert_eq!(bench.refusal("knob.press()"), Code::NotSupported);
    assert_eq!(bench.state("knob.rotate(-8)").fields, [("steps", Datum::Number(-8.0))]);
}

#[test]
fn its_settings_have_ranges() {
    for (settings, rule) in [
        (r#""steps_per_detent": 3"#, "steps_per_detent is 1, 2 or 4"),
        (r#""max_steps": 1000001"#, "max_steps is at most 1000000"),
        (r#""max_steps": 0, "wrap": true"#, "without max_steps there is nothing to wrap at"),
        (r#""hold_time": "1ms""#, "hold_time is at least 50ms"),
        (r#""press": 6, "debounce": "2min""#, "debounce is at most 1min"),
    ] {
        let devices = format!(r#""knob": {{"rotary_encoder": {{"a": 4, "b": 5, {settings}}}}}"#);
        assert_eq!(mistakes(&devices), [rule]);
    }
}
