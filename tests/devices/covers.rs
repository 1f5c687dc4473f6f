//! Covers: never both ways at once, at the right place after the right time, and stopped by whatever is in the way.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::{Level, Simulation};
use proptest::prelude::*;

use super::bench::{Bench, mistakes};
use super::support::faulty::Fault;
use super::support::gpio;

/// Up 20 s, down 10 s, no end stops.
const BLIND: &str = r#""blind": {"cover": {"up": "GPIO9", "down": "GPIO10", "open_time": "20s", "close_time": "10s",
    "overrun": "1s", "dead_time": "500ms"}}"#;
const GATE: &str = r#""gate": {"cover": {"up": "GPIO9", "down": "GPIO10", "open_time": "20s", "close_time": "20s",
    "open_end": "GPIO11", "closed_end": "GPIO7", "obstruction": "GPIO8"}}"#;

fn lines(bench: &Bench) -> (bool, bool) {
    (bench.level(9) == Level::High, bench.level(10) == Level::High)
}

/// A gate that stands at its closed end.
fn closed_gate() -> Bench {
    let simulation = Simulation::new();
    simulation.board().drive(&gpio(7), Level::High);
    let mut bench = Bench::on(simulation, GATE).expect("free lines");
    assert_eq!(bench.state("gate.read()").event, "closed");
    bench
}

#[test]
fn its_position_is_known_when_it_has_been_at_an_end() {
    let mut bench = Bench::new(BLIND);
    assert!(bench.state("blind.read()").value.is_err());
    assert_eq!(bench.refusal("blind.set(50)"), Code::NotSupported);
    let state = bench.state("blind.close()");
    assert_eq!((state.event, &state.fields[..]), ("closing", &[("target", Datum::Number(0.0))][..]));
    bench.pass(10_999);
    assert_eq!(lines(&bench), (false, true), "it runs a little longer");
    bench.pass(1);
    assert_eq!(lines(&bench), (false, false));
    let state = bench.state("blind.read()");
    assert_eq!((state.event, state.value.clone()), ("closed", Ok(0.0)));
}

#[test]
fn it_goes_to_a_position_and_tells_where_it_is() {
    let mut bench = Bench::new(BLIND);
    bench.state("blind.close()");
    bench.pass(12_000);
    bench.told();
    bench.state("blind.set(25)");
    bench.pass(4000);
    assert_eq!(
        bench.told().join(" "),
        "opening@12000 opening@13000 opening@14000 opening@15000 opening@16000"
    );
    assert_eq!(bench.state("blind.read()").value, Ok(20.0));
    bench.pass(1000);
    let state = bench.state("blind.read()");
    assert_eq!((state.event, state.value.clone(), lines(&bench)), ("stopped", Ok(25.0), (false, false)));
    bench.state("blind.set(25)");
    assert_eq!(lines(&bench), (false, false), "it is there");
}

#[test]
fn stopped_on_its_way_it_knows_where_it_is() {
    let mut bench = Bench::new(BLIND);
    bench.state("blind.open()");
    bench.pass(21_000);
    assert_eq!(bench.state("blind.read()").event, "open");
    bench.state("blind.close()");
    bench.pass(3500);
    assert_eq!(bench.state("blind.stop()").value, Ok(70.0), "it rested for the dead time first");
    bench.state("blind.set(80)");
    bench.pass(500);
    assert_eq!(lines(&bench), (true, false), "it has rested between the directions");
    bench.pass(2000);
    assert_eq!(bench.state("blind.read()").value, Ok(80.0));
}

#[test]
fn a_reversal_rests_for_the_dead_time_and_costs_no_way() {
    let mut bench = Bench::new(BLIND);
    bench.state("blind.open()");
    bench.pass(30_000);
    bench.state("blind.close()");
    bench.pass(1000);
    assert_eq!(bench.state("blind.open()").event, "reversing");
    bench.pass(499);
    assert_eq!(lines(&bench), (false, false));
    bench.pass(1);
    assert_eq!(lines(&bench), (true, false));
    assert_eq!(bench.state("blind.stop()").value, Ok(90.0));
}

#[test]
fn an_end_stop_stops_it_and_says_where_it_is() {
    let mut bench = closed_gate();
    bench.state("gate.open()");
    bench.pass(1000);
    bench.drive(7, Level::Low);
    bench.pass(15_000);
    bench.drive(11, Level::High);
    assert_eq!(lines(&bench), (false, false));
    assert_eq!(bench.state("gate.read()").value, Ok(100.0), "whatever time says");
    bench.state("gate.open()");
    assert_eq!(lines(&bench), (false, false), "it is there");
    bench.pass(500);
    bench.state("gate.close()");
    assert_eq!(lines(&bench), (false, true), "an end that it leaves does not stop it");
}

#[test]
fn an_end_stop_that_does_not_come_leaves_it_nowhere() {
    let mut bench = closed_gate();
    bench.state("gate.open()");
    bench.drive(7, Level::Low);
    bench.pass(30_000);
    let state = bench.state("gate.read()");
    assert_eq!((state.event, lines(&bench)), ("stopped", (false, false)));
    assert!(state.value.as_ref().is_err_and(|why| why.contains("end stop")), "{:?}", state.value);
}

#[test]
fn what_is_in_its_way_stops_it_until_it_is_clear() {
    let mut bench = closed_gate();
    bench.state("gate.open()");
    bench.drive(7, Level::Low);
    bench.pass(5000);
    bench.drive(8, Level::High);
    let state = bench.state("gate.read()");
    assert_eq!((state.event, state.value.clone(), lines(&bench)), ("obstructed", Ok(25.0), (false, false)));
    for call in ["gate.open()", "gate.set(50)"] {
        assert_eq!(bench.refusal(call), Code::Obstructed, "{call}");
    }
    bench.pass(1000);
    assert_eq!(bench.state("gate.close()").event, "closing", "the way back is free");
    bench.drive(8, Level::Low);
    assert_eq!(bench.state("gate.stop()").event, "stopped");
    bench.pass(1000);
    assert_eq!(bench.state("gate.open()").event, "opening");
}

#[test]
fn what_is_in_its_way_at_rest_does_not_let_it_close() {
    let mut bench = closed_gate();
    bench.state("gate.obstruct()");
    assert_eq!(bench.state("gate.read()").event, "obstructed");
    assert_eq!(bench.state("gate.open()").event, "opening");
    bench.drive(7, Level::Low);
    bench.pass(2000);
    bench.state("gate.stop()");
    assert_eq!(bench.refusal("gate.close()"), Code::Obstructed);
    assert_eq!(bench.state("gate.clear()").event, "stopped");
}

#[test]
fn a_line_that_sticks_is_a_fault_and_is_tried_again() {
    let (mut bench, switch) = Bench::faulty(BLIND);
    bench.state("blind.open()");
    switch.set(9, Fault::Write);
    assert_eq!(bench.refusal("blind.stop()"), Code::DeviceFault);
    bench.pass(5000);
    assert_eq!(lines(&bench), (true, false));
    switch.mend();
    bench.pass(1000);
    assert_eq!(lines(&bench), (false, false));
    let state = bench.state("blind.read()");
    assert_eq!((state.event, state.value.is_err()), ("stopped", true), "nobody knows where it is");
}

#[test]
fn a_sensor_that_cannot_be_read_stops_it() {
    let (mut bench, switch) = Bench::faulty(GATE);
    bench.state("gate.open()");
    switch.set(8, Fault::Read);
    assert_eq!(bench.refusal("gate.read()"), Code::DeviceFault);
    assert_eq!(lines(&bench), (false, false));
    assert_eq!(bench.refusal("gate.close()"), Code::DeviceFault);
}

#[test]
fn left_alone_it_stops_unless_it_is_to_go_on() {
    for (policy, runs) in [("off", false), ("hold", true)] {
        let blind = BLIND.replace("\"overrun\"", &format!("\"on_link_lost\": \"{policy}\", \"overrun\""));
        let mut bench = Bench::new(&blind);
        bench.by("phone").state("blind.open()");
        bench.disconnect();
        assert_eq!(lines(&bench), (runs, false), "{policy}");
        assert!(bench.stop());
        assert_eq!(lines(&bench), (false, false), "{policy}");
    }
}

#[test]
fn to_close_it_is_not_to_switch_it_off() {
    let devices = format!(
        r#""interlocks": {{"x": {{"devices": ["blind", "lamp"]}}}}, --- {BLIND}, "lamp": {{"led": {{"line": 17}}}}"#
    );
    let mut bench = Bench::new(&devices);
    bench.pass(1000);
    bench.state("lamp.on()");
    for call in ["blind.set(0)", "blind.close()", "blind.open()"] {
        assert_eq!(bench.refusal(call), Code::Interlocked, "{call}");
    }
    bench.state("blind.stop()");
}

#[test]
fn it_stops_after_max_on() {
    let mut bench = Bench::new(&BLIND.replace("\"overrun\"", "\"max_on\": \"30s\", \"overrun\""));
    for _ in 0..6 {
        bench.state("blind.open()");
        bench.pass(3000);
        bench.state("blind.close()");
        bench.pass(3000);
    }
    assert_eq!(lines(&bench), (false, true), "a new run began when the old one was over");
    assert_eq!(bench.audit().iter().filter(|entry| entry.deed.action() == "max_on").count(), 1);
}

#[test]
fn its_settings_have_ranges() {
    for (settings, rule) in [
        (r#""open_time": "50ms""#, "open_time is from 100ms to 10min"),
        (r#""open_time": "5s", "overrun": "2min""#, "overrun is at most 1min"),
        (r#""open_time": "5s", "dead_time": "2min""#, "dead_time is at most 1min"),
        (
            r#""open_time": "5s", "max_on": "5s""#,
            "max_on is at least 11500ms, which a whole way takes with overrun and dead_time",
        ),
    ] {
        let cover = format!(r#""c": {{"cover": {{"up": 4, "down": 5, "close_time": "10s", {settings}}}}}"#);
        assert_eq!(mistakes(&cover), [rule]);
    }
}

proptest! {
    #[test]
    fn whatever_is_done_never_both_lines_are_active(
        deeds in prop::collection::vec((0..8_usize, 0..3000_u64), 1..40)
    ) {
        let mut bench = Bench::new(GATE);
        bench.board.record();
        for (deed, time) in deeds {
            match deed {
                0 => bench.ask("gate.open()"),
                1 => bench.ask("gate.close()"),
                2 => bench.ask("gate.stop()"),
                3 => bench.ask("gate.set(40)"),
                4 => bench.drive(8, Level::High),
                5 => bench.drive(8, Level::Low),
                6 => bench.drive(11, if time % 2 == 0 { Level::High } else { Level::Low }),
                _ => bench.drive(7, if time % 2 == 0 { Level::High } else { Level::Low }),
            }
            bench.pass(time);
        }
        for request in bench.board.history() {
            prop_assert!(request.iter().filter(|(_, level)| *level == Level::High).count() <= 1);
        }
    }
}
