//! Inputs: bouncing, pressing, holding.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::{Level, Simulation};

use super::bench::Bench;
use super::support::gpio;

const BUTTON: &str = r#""button": {"button": {"line": "GPIO22", "active_low": true, "bias": "pull-up",
    "debounce": "10ms", "hold_time": "500ms"}}"#;
const SIGNAL: &str = r#""signal": {"input": {"line": "GPIO24"}}"#;

#[test]
fn a_press_counts_when_the_contact_has_come_to_rest() {
    let mut bench = Bench::new(BUTTON);
    for _ in 0..5 {
        bench.drive(22, Level::Low);
        bench.pass(2);
        bench.drive(22, Level::High);
        bench.pass(2);
    }
    bench.drive(22, Level::Low);
    bench.pass(9);
    assert_eq!(bench.told(), [""; 0]);
    bench.pass(1);
    assert_eq!(bench.told(), ["pressed@30"]);
    let state = bench.state("button.read()");
    assert_eq!(state.value, Ok(1.0));
    let edge = state.edge.expect("an edge made it");
    assert!(edge.ns > 0);
    assert_eq!(edge.sequence, Some(11), "those that bounced are counted as well");
}

#[test]
fn a_glitch_that_is_shorter_is_nothing() {
    let mut bench = Bench::new(BUTTON);
    bench.drive(22, Level::Low);
    bench.pass(5);
    bench.drive(22, Level::High);
    bench.pass(100);
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_button_that_stays_pressed_is_held_once() {
    let mut bench = Bench::new(BUTTON);
    bench.drive(22, Level::Low);
    bench.pass(2000);
    bench.drive(22, Level::High);
    bench.pass(100);
    assert_eq!(bench.told(), ["pressed@10", "held@510", "released@2010"]);
}

#[test]
fn with_repeat_it_is_held_again_and_again() {
    let mut bench = Bench::new(&BUTTON.replace("\"500ms\"", "\"500ms\", \"hold_repeat\": true"));
    bench.drive(22, Level::Low);
    bench.pass(1700);
    assert_eq!(bench.told(), ["pressed@10", "held@510", "held@1010", "held@1510"]);
    assert_eq!(bench.state("button.read()").fields, [("holds", Datum::Number(3.0))]);
}

#[test]
fn a_simulated_button_can_be_pressed_by_a_command() {
    let mut bench = Bench::new(BUTTON);
    let state = bench.state("button.press()");
    assert_eq!((state.event, state.value.clone()), ("pressed", Ok(1.0)));
    bench.pass(100);
    assert_eq!(bench.state("button.release()").event, "released");
    bench.pass(100);
    assert_eq!(bench.told(), ["pressed@0", "released@100"]);
}

#[test]
fn an_input_without_debounce_tells_every_edge_however_short() {
    let mut bench = Bench::new(SIGNAL);
    // Both edges wait before the first is handled: reading the line then would see neither.
    bench.board.drive(&gpio(24), Level::High);
    bench.board.drive(&gpio(24), Level::Low);
    bench.pass(1);
    assert_eq!(bench.told(), ["active@0", "inactive@0"]);
    assert_eq!(bench.state("signal.activate()").event, "active");
}

#[test]
fn an_input_is_not_an_output() {
    let mut bench = Bench::new(SIGNAL);
    for call in ["signal.on()", "signal.set(1)", "signal.press()"] {
        assert_eq!(bench.refusal(call), Code::UnknownAction, "{call}");
    }
}

#[test]
fn a_button_that_is_pressed_at_start_is_pressed() {
    let simulation = Simulation::new();
    simulation.board().drive(&gpio(22), Level::High);
    let plain = r#""button": {"button": {"line": "GPIO22"}}"#;
    let mut bench = Bench::on(simulation, plain).expect("free lines");
    assert_eq!(bench.state("button.read()").event, "pressed");
    bench.pass(5000);
    assert_eq!(bench.told(), [""; 0], "nobody saw it being pressed, so it is not held");
}
