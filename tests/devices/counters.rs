//! Counters: pulses are counted whatever happens to their edges, and what could not be counted is told.

use gpio_gatekeeper::domain::{Code, Datum, State};
use gpio_gatekeeper::hardware::{Edge, Level};

use super::bench::{Bench, mistakes};
use super::support::faulty::Fault;

const METER: &str = r#""meter": {"counter": {"line": "GPIO26", "interval": "500ms", "window": "2s"}}"#;

fn pulse(bench: &mut Bench) {
    bench.drive(26, Level::High);
    bench.drive(26, Level::Low);
}

fn field(state: &State, name: &str) -> Datum {
    let found = state.fields.iter().find(|(key, _)| *key == name);
    found.unwrap_or_else(|| panic!("{state:?} has no {name}")).1.clone()
}

/// An edge that the backend would report.
fn edge(bench: &mut Bench, sequence: Option<u32>, milliseconds: u64) {
    let edge = Edge { input: 0, value: None, timestamp_ns: milliseconds * 1_000_000, sequence };
    let now = bench.now();
    bench.controller.edge(edge, now);
}

#[test]
fn pulses_are_told_once_in_an_interval_and_fade_with_the_window() {
    let mut bench = Bench::new(METER);
    for _ in 0..20 {
        pulse(&mut bench);
        bench.pass(100);
    }
    assert_eq!(bench.told(), ["counting@500", "counting@1000", "counting@1500", "counting@2000"]);
    let state = bench.state("meter.read()");
    assert_eq!((state.value.clone(), field(&state, "total")), (Ok(10.0), Datum::Number(20.0)));
    assert_eq!(state.edge.and_then(|edge| edge.sequence), Some(20), "ends of pulses do not count");
    bench.pass(10_000);
    let told = bench.told();
    assert_eq!((told.len(), told.last().map(String::as_str)), (4, Some("idle@4000")), "then nothing is due");
}

#[test]
fn both_edges_count_where_that_is_wanted() {
    let mut bench = Bench::new(&METER.replace("\"interval\"", "\"edges\": \"both\", \"interval\""));
    pulse(&mut bench);
    assert_eq!(field(&bench.state("meter.read()"), "total"), Datum::Number(2.0));
}

#[test]
fn edges_that_were_dropped_on_their_way_count_by_their_numbers() {
    let mut bench = Bench::new(METER);
    edge(&mut bench, Some(1), 0);
    edge(&mut bench, Some(1000), 1);
    let state = bench.state("meter.read()");
    assert_eq!((field(&state, "total"), field(&state, "lost")), (1000.0.into(), 0.0.into()));
    // Later than one that is newer, such as one that was dropped before: it counts already.
    edge(&mut bench, Some(999), 1);
    assert_eq!(field(&bench.state("meter.read()"), "total"), Datum::Number(1000.0));
}

#[test]
fn edges_that_nobody_counted_are_told() {
    let mut bench = Bench::new(METER);
    edge(&mut bench, Some(16), 0);
    edge(&mut bench, None, 0);
    bench.pass(500);
    assert_eq!(bench.told(), ["lost@500"]);
    edge(&mut bench, Some(17), 1);
    bench.pass(500);
    assert_eq!(bench.told(), ["counting@1000"]);
    let state = bench.state("meter.read()");
    assert_eq!((field(&state, "total"), field(&state, "lost")), (17.0.into(), 1.0.into()));
}

#[test]
fn the_numbers_of_edges_wrap() {
    let mut bench = Bench::new(METER);
    for sequence in [u32::MAX / 2, u32::MAX - 1, 3] {
        edge(&mut bench, Some(sequence), 0);
    }
    assert_eq!(field(&bench.state("meter.read()"), "total"), Datum::Number(f64::from(u32::MAX) + 4.0));
}

#[test]
fn a_contact_that_bounces_counts_once() {
    let mut bench = Bench::new(&METER.replace("\"interval\"", "\"debounce\": \"50ms\", \"interval\""));
    for (sequence, milliseconds) in [(1, 100), (2, 105), (3, 149), (4, 150), (7, 300)] {
        edge(&mut bench, Some(sequence), milliseconds);
    }
    let state = bench.state("meter.read()");
    assert_eq!((field(&state, "total"), field(&state, "lost")), (3.0.into(), 2.0.into()));
}

#[test]
fn it_begins_anew_and_simulates_pulses() {
    let mut bench = Bench::new(METER);
    bench.state("meter.pulse(1000)");
    bench.pass(500);
    assert_eq!(field(&bench.state("meter.read()"), "total"), Datum::Number(1000.0));
    let state = bench.state("meter.reset()");
    assert_eq!((state.event, &state.value, field(&state, "total")), ("idle", &Ok(0.0), 0.0.into()));
    bench.state("meter.pulse()");
    assert_eq!(field(&bench.state("meter.read()"), "total"), Datum::Number(1.0));
    for (call, code) in [("meter.pulse(1001)", Code::OutOfRange), ("meter.pulse(0)", Code::OutOfRange)] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
}

#[test]
fn a_line_that_is_gone_is_a_fault_and_not_a_number() {
    let (mut bench, switch) = Bench::faulty(METER);
    switch.set(26, Fault::Read);
    edge(&mut bench, None, 0);
    assert_eq!(bench.told(), ["fault@0"]);
    switch.mend();
    assert_eq!(bench.state("meter.read()").event, "lost");
}

#[test]
fn its_settings_have_ranges() {
    for (settings, rule) in [
        (r#""interval": "5ms""#, "interval is from 10ms to 1h"),
        (r#""interval": "2s", "window": "1s""#, "window is from the interval (2s) to 2000s"),
        (r#""interval": "10ms", "window": "1min""#, "window is from the interval (10ms) to 10s"),
        (r#""debounce": "2min""#, "debounce is at most 1min"),
    ] {
        assert_eq!(mistakes(&format!(r#""meter": {{"counter": {{"line": 4, {settings}}}}}"#)), [rule]);
    }
}
