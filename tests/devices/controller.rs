//! What the controller does for every device alike.

use std::time::Instant;

use gpio_gatekeeper::domain::{Code, Order, Reply, Target, Who};
use gpio_gatekeeper::hardware::{Level, Simulation};

use super::bench::Bench;
use super::support::gpio;

const TWO: &str = r#""a": {"relay": {"line": "GPIO1", "initial": "on"}}, "b": {"led": {"line": "GPIO2"}}"#;

#[test]
fn a_device_answers_to_its_line_as_well() {
    let mut bench = Bench::new(TWO);
    let by_line = |bench: &Bench, line| {
        let mut request = bench.request("b.on()");
        let Order::Command(command) = &mut request.order else { panic!("a command") };
        command.target = Target::Line(line);
        request
    };
    let request = by_line(&bench, 2);
    let Ok(Reply::State(state)) = bench.give(&request) else { panic!("b") };
    assert_eq!(state.device.as_str(), "b");
    let request = by_line(&bench, 3);
    assert_eq!(bench.give(&request).expect_err("nobody").code, Code::UnknownDevice);
}

#[test]
fn an_offset_that_two_chips_have_names_no_device() {
    let mut bench =
        Bench::new(r#""a": {"led": {"line": 1, "chip": "x"}}, "b": {"led": {"line": 1, "chip": "y"}}"#);
    let mut request = bench.request("a.on()");
    let Order::Command(command) = &mut request.order else { panic!("a command") };
    command.target = Target::Line(1);
    assert_eq!(bench.give(&request).expect_err("ambiguous").code, Code::UnknownDevice);
    assert!(bench.call("a.on()").is_ok());
}

#[test]
fn a_command_whose_time_has_passed_is_not_carried_out() {
    let mut bench = Bench::new(TWO);
    let mut request = bench.request("b.on()");
    request.expires = Some(Instant::now());
    bench.pass(10_000);
    assert_eq!(bench.give(&request).expect_err("too late").code, Code::Expired);
    assert_eq!(bench.level(2), Level::Low);
}

#[test]
fn what_was_done_and_what_was_refused_is_audited_and_reading_is_not() {
    let mut bench = Bench::new(TWO);
    for call in ["b.on()", "b.read()", "b.fly()"] {
        drop(bench.call(call));
    }
    let audit = bench.audit();
    let entries: Vec<_> = audit
        .iter()
        .map(|entry| {
            (entry.deed.action(), entry.refused.as_ref().map(|(code, _)| *code), entry.old, entry.new)
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("on".to_owned(), None, Some(0.0), Some(1.0)),
            ("fly".to_owned(), Some(Code::UnknownAction), Some(1.0), Some(1.0)),
        ]
    );
    assert!(matches!(&audit[0].who, Who::Client(who) if who.client.as_str() == "test"));
}

#[test]
fn when_a_line_is_held_the_holder_is_named_and_earlier_devices_are_stopped() {
    let simulation = Simulation::new();
    let board = simulation.board();
    board.hold(&gpio(2), "another-program");
    let error = Bench::on(simulation, TWO).err().expect("b can't be built");
    assert!(error.is_busy());
    assert_eq!(
        error.to_string(),
        "device b: line simulated:2 is held by \"another-program\"; stop that program, or take another line"
    );
    assert_eq!(board.level(&gpio(1)), Level::Low, "a went on, and off again");
}

#[test]
fn one_line_by_two_names_is_one_line() {
    let twice = r#""a": {"led": {"line": "GPIO1"}}, "b": {"led": {"line": 1}}"#;
    let error = Bench::on(Simulation::new(), twice).err().expect("a has it");
    assert_eq!(error.to_string(), "device b: line simulated:1 belongs to device a already");
}
