//! Signals: motion that goes on for a while, and a line on the floor.

use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes};

const HALL: &str = r#""hall": {"motion": {"line": "GPIO25", "hold": "2s"}}"#;
const LEFT: &str = r#""left": {"line": {"line": "GPIO8", "active_low": true, "bias": "pull-up"}}"#;

#[test]
fn motion_goes_on_until_nothing_has_moved_for_the_hold() {
    let mut bench = Bench::new(HALL);
    bench.drive(25, Level::High);
    bench.pass(500);
    bench.drive(25, Level::Low);
    bench.pass(1500);
    bench.drive(25, Level::High);
    bench.pass(1000);
    bench.drive(25, Level::Low);
    bench.pass(10_000);
    assert_eq!(bench.told(), ["motion@0", "no_motion@5000"]);
    assert_eq!(bench.state("hall.read()").edge, None, "time made it so");
}

#[test]
fn motion_without_a_hold_ends_with_its_edge() {
    let mut bench = Bench::new(&HALL.replace("2s", "0s"));
    bench.drive(25, Level::High);
    bench.drive(25, Level::Low);
    assert_eq!(bench.told(), ["motion@0", "no_motion@0"]);
    let edge = bench.state("hall.read()").edge.expect("an edge made it so");
    assert_eq!(edge.sequence, Some(2));
}

#[test]
fn a_line_is_seen_and_lost() {
    let mut bench = Bench::new(LEFT);
    bench.drive(8, Level::Low);
    assert_eq!(bench.state("left.read()").value, Ok(1.0));
    bench.drive(8, Level::High);
    assert_eq!(bench.told(), ["line@0", "no_line@0"]);
    assert_eq!(bench.state("left.activate()").event, "line");
}

#[test]
fn times_have_a_range() {
    for (devices, rule) in [
        (r#""hall": {"motion": {"line": 4, "hold": "2h"}}"#, "hold is at most 1h"),
        (r#""hall": {"motion": {"line": 4, "debounce": "2min"}}"#, "debounce is at most 1min"),
        (r#""bell": {"button": {"line": 4, "debounce": "2min"}}"#, "debounce is at most 1min"),
    ] {
        assert_eq!(mistakes(devices), [rule], "{devices}");
    }
}
