//! Groups of lines that are one number.

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::hardware::{Level, Simulation};

use super::bench::{Bench, mistakes};
use super::support::faulty::Fault;
use super::support::gpio;

const BUS: &str = r#""bus": {"digital_group": {"lines": ["GPIO0", "GPIO1", "GPIO13"]}}"#;

fn lines(bench: &Bench) -> [bool; 3] {
    [0, 1, 13].map(|line| bench.level(line) == Level::High)
}

#[test]
fn its_lines_are_a_number() {
    let mut bench = Bench::new(BUS);
    assert_eq!(bench.state("bus.set(5)").value, Ok(5.0));
    assert_eq!(lines(&bench), [true, false, true]);
    assert_eq!(bench.state("bus.toggle()").value, Ok(2.0));
    assert_eq!(bench.state("bus.on()").value, Ok(7.0));
    assert_eq!(bench.state("bus.set(OFF)").event, "off");
    assert_eq!(lines(&bench), [false; 3]);
}

#[test]
fn it_changes_as_a_whole() {
    let mut bench = Bench::new(BUS);
    bench.board.record();
    bench.state("bus.set(5)");
    bench.state("bus.set(2)");
    let requests: Vec<usize> = bench.board.history().iter().map(Vec::len).collect();
    assert_eq!(requests, [3, 3], "one request for all lines");
}

#[test]
fn what_is_no_number_of_it_is_refused() {
    let mut bench = Bench::new(BUS);
    for (call, code) in [
        ("bus.set(8)", Code::OutOfRange),
        ("bus.set(-1)", Code::OutOfRange),
        ("bus.set(1.5)", Code::BadValue),
        ("bus.set(red)", Code::BadValue),
        ("bus.set()", Code::MissingKey),
        ("bus.blink()", Code::UnknownAction),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
    assert_eq!(lines(&bench), [false; 3]);
}

#[test]
fn it_begins_and_ends_as_it_is_told() {
    let simulation = Simulation::new();
    simulation.board().leave_driven(&gpio(1), Level::High);
    let settings = r#""GPIO13"], "initial": "keep", "on_link_lost": 4, "on_stop": "on""#;
    let mut bench = Bench::on(simulation, &BUS.replace("\"GPIO13\"]", settings)).expect("free lines");
    assert_eq!(bench.state("bus.read()").value, Ok(2.0));
    bench.by("phone").state("bus.set(1)");
    bench.disconnect();
    assert_eq!(lines(&bench), [false, false, true]);
    assert!(bench.stop());
    assert_eq!(lines(&bench), [true; 3]);
}

#[test]
fn a_line_that_sticks_is_a_fault() {
    let (mut bench, switch) = Bench::faulty(BUS);
    switch.set(1, Fault::Write);
    assert_eq!(bench.refusal("bus.set(2)"), Code::DeviceFault);
    assert_eq!(bench.told(), ["fault@0"]);
    switch.mend();
    bench.board.stick(&gpio(0));
    assert_eq!(bench.refusal("bus.set(3)"), Code::DeviceFault);
    assert_eq!(bench.state("bus.read()").value, Ok(2.0), "what the hardware says");
}

#[test]
fn its_settings_have_ranges() {
    for (settings, rule) in [
        (r#""lines": [4]"#, "a group has 2 to 32 lines, not 1"),
        (r#""lines": [4, 5], "on_stop": 4"#, "on_stop is hold, off, on, or a number from 0 to 3"),
        (r#""lines": [4, 5], "initial": "hold""#, "initial is keep, off, on, or a number from 0 to 3"),
        (
            r#""lines": [4, 5], "on_link_lost": "keep""#,
            "on_link_lost is hold, off, on, or a number from 0 to 3",
        ),
    ] {
        assert_eq!(mistakes(&format!(r#""g": {{"digital_group": {{{settings}}}}}"#)), [rule]);
    }
}
