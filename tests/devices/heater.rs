//! Heaters: a PWM that is slow enough for relays.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes};
use super::support::faulty::Fault;

fn heater(settings: &str) -> Bench {
    Bench::new(&format!(r#""heater": {{"heater": {{"line": 1, {settings}}}}}"#))
}

/// At which of so many seconds it was on.
fn on(bench: &mut Bench, seconds: u64) -> Vec<u64> {
    let mut on = Vec::new();
    for second in 0..seconds {
        bench.pass(500);
        if bench.level(1) == Level::High {
            on.push(second);
        }
        bench.pass(500);
    }
    on
}

#[test]
fn it_is_on_for_a_part_of_every_period() {
    let mut bench = heater(r#""period": "10s""#);
    let state = bench.state("heater.set(0.3)");
    assert_eq!((state.value.clone(), &state.fields), (Ok(0.3), &vec![("heating", Datum::Bool(true))]));
    assert_eq!(on(&mut bench, 20), [0, 1, 2, 10, 11, 12]);
    bench.state("heater.on()");
    assert_eq!(on(&mut bench, 12).len(), 12);
    assert_eq!((bench.state("heater.off()").event, bench.level(1)), ("off", Level::Low));
}

#[test]
fn a_new_value_keeps_to_the_rhythm() {
    let mut bench = heater(r#""period": "10s""#);
    bench.state("heater.set(0.5)");
    on(&mut bench, 2);
    bench.state("heater.set(0.3)");
    assert_eq!(on(&mut bench, 10), [0, 8, 9], "one second more, then seven without");
}

#[test]
fn its_relay_rests_and_works_for_its_minimum() {
    let mut bench = heater(r#""period": "10s", "minimum_on": "4s", "minimum_off": "3s""#);
    bench.state("heater.set(0.2)");
    assert_eq!(on(&mut bench, 24), [0, 1, 2, 3, 20, 21, 22, 23], "a fifth of twenty seconds");
    assert_eq!(bench.state("heater.off()").value, Ok(0.0), "off is off at once");
    bench.state("heater.on()");
    assert_eq!(on(&mut bench, 5), [3, 4]);
}

#[test]
fn max_on_counts_from_when_it_was_above_0() {
    let mut bench = heater(r#""period": "2s", "max_on": "5s""#);
    bench.state("heater.set(0.5)");
    assert_eq!(on(&mut bench, 10), [0, 2, 4]);
    assert_eq!(bench.state("heater.read()").value, Ok(0.0));
}

#[test]
fn it_goes_off_when_it_is_left_alone() {
    for settings in [r#""period": "2s""#, r#""on_link_lost": "off""#] {
        let mut bench = heater(settings);
        bench.connect("panel");
        bench.state("heater.on()");
        bench.disconnect();
        assert!(on(&mut bench, 5).is_empty());
    }
    let mut bench = heater(r#""on_link_lost": "hold""#);
    bench.connect("panel");
    bench.state("heater.set(0.5)");
    bench.disconnect();
    assert_eq!(on(&mut bench, 12).len(), 7);
    assert!(bench.stop());
    assert_eq!(bench.level(1), Level::Low);
}

#[test]
fn a_fault_ends_the_rhythm_and_is_mended_by_the_next_command() {
    let (mut bench, switch) = Bench::faulty(r#""heater": {"heater": {"line": 1, "period": "2s"}}"#);
    bench.state("heater.set(0.5)");
    switch.set(1, Fault::Write);
    bench.pass(1000);
    assert!(bench.told().contains(&"fault@1000".to_owned()));
    switch.mend();
    assert_eq!(bench.state("heater.read()").value, Ok(1.0), "the line says that it heats");
    assert_eq!(bench.state("heater.off()").value, Ok(0.0));
}

#[test]
fn what_it_can_not_do_is_refused() {
    let mut bench = heater(r#""period": "1s""#);
    for value in ["0.0001", "0.9999", "1.1", "-1"] {
        assert_eq!(bench.refusal(&format!("heater.set({value})")), Code::OutOfRange, "{value}");
    }
    assert_eq!(bench.refusal("heater.blink()"), Code::UnknownAction);
    for (settings, expected) in [
        (r#""period": "500ms""#, "period is from 1s to 10min"),
        (r#""minimum_off": "11min""#, "minimum_off is at most 10min"),
        (r#""on_stop": "hold""#, "unknown value `hold`, expected `off`"),
    ] {
        assert_eq!(mistakes(&format!(r#""a": {{"heater": {{"line": 1, {settings}}}}}"#)), [expected]);
    }
}
