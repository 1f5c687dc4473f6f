//! `safe-states`: outputs go to their `on_stop` values without a daemon, and nowhere else on the way.

mod support;

use gpio_gatekeeper::daemon::{BroughtToSafety, bring_to_safety};
use gpio_gatekeeper::domain::PwmAddress;
use gpio_gatekeeper::hardware::{Board, Hardware, Level, Simulation};
use support::faulty::{self, Fault};
use support::process::{Ended, Process};
use support::program::{file, gatekeeper, simulated};
use support::{configuration, gpio};

/// As a daemon that has died may have left them: everything is driven high.
fn left_behind(offsets: &[u32]) -> (Simulation, Board) {
    let simulation = Simulation::new();
    let board = simulation.board();
    for offset in offsets {
        board.leave_driven(&gpio(*offset), Level::High);
    }
    board.record();
    (simulation, board)
}

fn bring(sections: &str, devices: &str, hardware: impl Hardware + 'static) -> BroughtToSafety {
    bring_to_safety(configuration(sections, devices), Box::new(hardware))
}

/// What was told, without the first line.
fn told(brought: &BroughtToSafety) -> String {
    brought.to_string().trim_start_matches("SIMULATED: no real line is touched\n").to_owned()
}

/// Every level that a line was set to.
fn levels_of(board: &Board, offset: u32) -> Vec<Level> {
    let history = board.history();
    let changes = history.iter().flatten().filter(|(line, _)| *line == gpio(offset));
    changes.map(|(_, level)| *level).collect()
}

#[test]
fn a_device_goes_to_its_value_and_never_through_its_initial_one() {
    let devices = r#"
        "relay": {"relay": {"line": 1, "initial": "on", "on_stop": "off"}},
        "low": {"relay": {"line": 2, "active_low": true, "initial": "on", "on_stop": "off"}},
        "valve": {"output": {"line": 3, "initial": "off", "on_stop": "on"}},
        "keeper": {"output": {"line": 4, "initial": "keep", "on_stop": "off"}},
        "lamp": {"pwm_led": {"line": 5, "on_stop": "on"}},
        "motor": {"motor": {"forward": 6, "backward": 7}}"#;
    let (simulation, board) = left_behind(&[1, 3, 4, 6]);
    let brought = bring("", devices, simulation);
    assert_eq!(told(&brought), "relay: off\nlow: off\nvalve: on\nkeeper: off\nlamp: on\nmotor: stopped\n");
    assert!(brought.is_complete());
    let (low, high) = (Level::Low, Level::High);
    for (offset, level) in [(1, low), (2, high), (3, high), (4, low), (5, high), (6, low), (7, low)] {
        let levels = levels_of(&board, offset);
        assert!(!levels.is_empty() && levels.iter().all(|set| *set == level), "{offset}: {levels:?}");
        assert_eq!(board.level(&gpio(offset)), level);
    }
    assert!(board.history().iter().all(|request| request.len() == 1 || request[0].0 == gpio(6)));
}

#[test]
fn a_raw_line_that_is_left_driven_floats() {
    let (simulation, board) = left_behind(&[1, 2]);
    let brought = bring(r#""raw_lines": {"lines": [1, "GPIO3"]},"#, "", simulation);
    assert_eq!(told(&brought), "gpio1: unused\ngpio3: unused\n");
    assert!(brought.is_complete() && board.history().is_empty(), "nothing is driven for that");
    assert_eq!([1, 2].map(|offset| board.is_driven(&gpio(offset))), [false, true]);
}

#[test]
fn a_channel_goes_to_its_value_at_once() {
    let devices = r#""pump": {"pwm": {"pwm": {"chip": "chip", "channel": 0}, "on_stop": 0.25}}"#;
    let (simulation, board) = left_behind(&[]);
    assert_eq!(told(&bring("", devices, simulation)), "pump: on\n");
    let signals = board.signals(&PwmAddress { chip: "chip".to_owned(), channel: 0 });
    assert!(!signals.is_empty() && signals.iter().all(|signal| signal.duty() == 0.25), "{signals:?}");
}

#[test]
fn who_holds_is_left_alone_and_so_is_who_has_no_outputs() {
    let devices = r#"
        "led": {"led": {"line": 1, "on_stop": "hold"}},
        "motor": {"motor": {"forward": 2, "backward": 3, "on_stop": "hold"}},
        "button": {"button": {"line": 4}}"#;
    let (simulation, board) = left_behind(&[1, 2]);
    // Nobody even asks for them.
    for offset in [1, 2, 3, 4] {
        board.hold(&gpio(offset), "somebody");
    }
    let brought = bring("", devices, simulation);
    let held = "left alone, its on_stop is hold";
    assert_eq!(
        told(&brought),
        format!("led: {held}\nmotor: {held}\nbutton: left alone, it has no outputs\n")
    );
    assert!(brought.is_complete() && board.history().is_empty());
}

#[test]
fn a_line_that_somebody_holds_is_named_and_the_others_are_done() {
    let devices = r#""a": {"relay": {"line": 1}}, "b": {"relay": {"line": 2}}, "c": {"relay": {"line": 3}}"#;
    let (simulation, board) = left_behind(&[1, 2, 3]);
    board.hold(&gpio(2), "another-program");
    let brought = bring("", devices, simulation);
    assert_eq!(
        told(&brought),
        "a: off\nb: NOT DONE: line simulated:2 is held by \"another-program\"; stop that program, or take another \
         line\nc: off\n"
    );
    assert!(!brought.is_complete());
    assert_eq!([1, 2, 3].map(|offset| board.level(&gpio(offset))), [Level::Low, Level::High, Level::Low]);
}

#[test]
fn what_is_written_is_read_back() {
    let devices = r#""a": {"relay": {"line": 1}}, "b": {"relay": {"line": 2}}"#;
    let (simulation, board) = left_behind(&[1, 2]);
    board.stick(&gpio(1));
    let brought = bring("", devices, simulation);
    assert_eq!(told(&brought), "a: NOT DONE: the line reads active after inactive was written\nb: off\n");
    assert!(!brought.is_complete());
}

#[test]
fn a_panic_in_one_device_does_not_keep_the_others_from_their_state() {
    let devices = r#""a": {"relay": {"line": 1}}, "b": {"relay": {"line": 2}}"#;
    let (hardware, board, switch) = faulty::hardware();
    board.leave_driven(&gpio(2), Level::High);
    switch.set(1, Fault::Panic);
    let brought = bring_to_safety(configuration("", devices), hardware);
    assert_eq!(told(&brought), "a: NOT DONE: the device panicked\nb: off\n");
    assert_eq!(board.level(&gpio(2)), Level::Low);
}

#[test]
fn of_interlocked_devices_one_goes_on_and_only_when_the_others_are_known_to_be_off() {
    let interlocks = |dead_time| {
        format!(r#""interlocks": {{"x": {{"devices": ["a", "b", "c"], "dead_time": "{dead_time}"}}}},"#)
    };
    let on =
        |name: &str, line: u32| format!(r#""{name}": {{"output": {{"line": {line}, "on_stop": "on"}}}}"#);
    let off = r#""c": {"relay": {"line": 3}}"#;
    let devices = format!("{}, {}, {off}", on("a", 1), on("b", 2));

    let (simulation, board) = left_behind(&[2, 3]);
    let brought = bring(&interlocks("1ms"), &devices, simulation);
    let beside = "off, because of a, with which it shares an interlock";
    assert_eq!(told(&brought), format!("a: on\nb: {beside}\nc: off\n"));
    assert!(brought.is_complete());
    let order: Vec<_> = board.history().iter().map(|request| request[0].0.offset).collect();
    assert_eq!(
        order.iter().rposition(|line| *line != 1),
        order.iter().position(|line| *line == 1).map(|p| p - 1)
    );

    let (simulation, board) = left_behind(&[3]);
    board.hold(&gpio(3), "another-program");
    let brought = bring(&interlocks("0s"), &devices, simulation);
    assert!(told(&brought).starts_with("a: off, because of c, with which"), "{brought}");
    assert!(!brought.is_complete());
    assert!(levels_of(&board, 1).iter().all(|level| *level == Level::Low));
}

fn run(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

#[test]
fn the_program_says_what_it_did_and_that_it_was_simulated() {
    let devices =
        r#""relay": {"relay": {"line": "GPIO27", "initial": "on"}}, "led": {"led": {"line": "GPIO17"}}"#;
    let (_folder, name) = file(&simulated("", devices));
    for arguments in [["safe-states", "--config", &*name], ["safe-states", "-c", &name]] {
        let ended = run(&arguments);
        assert_eq!((ended.code(), &*ended.errors), (Some(0), ""));
        assert_eq!(
            ended.output,
            "SIMULATED: no real line is touched\nrelay: off\nled: left alone, its on_stop is hold\n"
        );
    }
}

#[test]
fn the_program_does_nothing_without_a_good_configuration() {
    let (_folder, name) = file(&simulated("", r#""relay": {"relay": {"lien": "GPIO27"}}"#));
    let ended = run(&["safe-states", "--config", &name]);
    assert_eq!((ended.code(), &*ended.output), (Some(2), ""));
    assert!(ended.errors.contains("lien"), "{}", ended.errors);
    for (arguments, wrong) in [
        (&["safe-states"][..], "--config FILE"),
        (&["safe-states", &name], &name),
        (&["safe-states", "-x"], "-x"),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code(), &*ended.output), (Some(2), ""), "{arguments:?}");
        assert!(ended.errors.contains(wrong), "{}", ended.errors);
    }
}
