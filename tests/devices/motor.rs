//! The motor: never both directions at once, not for a moment and not by any sequence of commands.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;
use proptest::prelude::*;

use super::bench::Bench;
use super::support::faulty::Fault;
use super::support::gpio;

const MOTOR: &str = r#""motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "100ms"}}"#;

fn lines(bench: &Bench) -> (bool, bool) {
    (bench.level(5) == Level::High, bench.level(6) == Level::High)
}

#[test]
fn it_runs_both_ways_and_stops() {
    let mut bench = Bench::new(MOTOR);
    assert_eq!(bench.state("motor.forward()").value, Ok(1.0));
    assert_eq!(lines(&bench), (true, false));
    assert_eq!(bench.state("motor.stop()").event, "stopped");
    assert_eq!(lines(&bench), (false, false));
    bench.pass(100);
    assert_eq!(bench.state("motor.set(-1)").value, Ok(-1.0));
    assert_eq!(lines(&bench), (false, true));
    assert_eq!(bench.state("motor.off()").value, Ok(0.0));
}

#[test]
fn a_reversal_passes_through_off_for_the_dead_time() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.forward()");
    let state = bench.state("motor.reverse()");
    assert_eq!((state.event, state.value.clone()), ("reversing", Ok(0.0)));
    bench.pass(99);
    assert_eq!(lines(&bench), (false, false));
    bench.pass(1);
    assert_eq!(lines(&bench), (false, true));
    assert_eq!(bench.told(), ["forward@0", "reversing@0", "backward@100"]);
}

#[test]
fn stopping_in_between_does_not_shorten_the_dead_time() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.forward()");
    bench.pass(500);
    bench.state("motor.stop()");
    bench.pass(40);
    assert_eq!(bench.state("motor.backward()").event, "reversing");
    bench.pass(59);
    assert_eq!(lines(&bench), (false, false));
    bench.pass(1);
    assert_eq!(lines(&bench), (false, true));
}

#[test]
fn the_last_command_of_a_reversal_counts() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.forward()");
    bench.state("motor.backward()");
    bench.state("motor.stop()");
    bench.pass(500);
    assert_eq!(lines(&bench), (false, false));
    bench.state("motor.backward()");
    bench.state("motor.forward()");
    assert_eq!(bench.state("motor.forward()").event, "reversing");
    bench.pass(100);
    assert_eq!(lines(&bench), (true, false));
    assert_eq!(bench.state("motor.stop()").event, "stopped");
    assert_eq!(bench.state("motor.reverse()").event, "stopped", "a stopped motor stays stopped");
}

#[test]
fn it_has_no_speed() {
    let mut bench = Bench::new(MOTOR);
    for (call, code) in [
        ("motor.set(0.5)", Code::BadValue),
        ("motor.set(2)", Code::OutOfRange),
        ("motor.set(fast)", Code::BadValue),
        ("motor.set()", Code::MissingKey),
        ("motor.forward(0.5)", Code::BadValue),
        ("motor.on()", Code::UnknownAction),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
    assert_eq!(lines(&bench), (false, false));
}

#[test]
fn a_stuck_line_is_told_and_the_other_direction_is_not_driven() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.forward()");
    bench.board.stick(&gpio(5));
    assert_eq!(bench.refusal("motor.backward()"), Code::DeviceFault);
    bench.pass(1000);
    assert_eq!(lines(&bench), (true, false), "forward can't be left, so backward is not driven");
}

#[test]
fn after_a_fault_it_rests_whichever_way_it_ran() {
    for call in ["motor.backward()", "motor.forward()"] {
        let (mut bench, switch) = Bench::faulty(MOTOR);
        bench.state("motor.forward()");
        switch.set(5, Fault::Write);
        assert_eq!(bench.refusal("motor.stop()"), Code::DeviceFault);
        switch.mend();
        bench.state("motor.stop()");
        assert_eq!(bench.state(call).event, "reversing", "{call}");
        bench.pass(99);
        assert_eq!(lines(&bench), (false, false));
    }
}

#[test]
fn at_the_end_it_stops_also_in_the_middle_of_a_reversal() {
    let mut bench = Bench::new(MOTOR);
    bench.state("motor.forward()");
    assert!(bench.stop());
    assert_eq!(lines(&bench), (false, false));
    bench.state("motor.forward()");
    bench.state("motor.backward()");
    assert!(bench.stop());
    bench.pass(1000);
    assert_eq!(lines(&bench), (false, false));
}

#[derive(Debug, Clone)]
enum Step {
    Call(&'static str),
    Pass(u64),
    Late(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = prop::sample::select(vec![
        "motor.forward()",
        "motor.backward()",
        "motor.stop()",
        "motor.reverse()",
        "motor.set(1)",
        "motor.set(-1)",
        "motor.set(0)",
        "motor.set(-0.5)",
        "motor.read()",
        "motor.nonsense()",
    ]);
    let step = prop_oneof![
        4 => call.prop_map(Step::Call),
        2 => (0..150u64).prop_map(Step::Pass),
        1 => (0..300u64).prop_map(Step::Late),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// In no request to the hardware are both lines active, each request sets both, and between the two
    /// directions both are off for the dead time.
    #[test]
    fn no_sequence_makes_both_directions_active(
        steps in steps(),
        motor in prop::sample::select(vec![MOTOR, super::motor_speed::MOTOR]),
    ) {
        let mut bench = Bench::new(motor);
        bench.board.record();
        let mut clock: u64 = 0;
        let mut off_since: Option<u64> = None;
        let mut direction: Option<usize> = None;
        let mut seen = 0;
        for step in steps {
            match step {
                Step::Call(call) => drop(bench.call(call)),
                Step::Pass(ms) => {
                    for _ in 0..ms {
                        bench.pass(1);
                        clock += 1;
                        look(&bench, clock, &mut seen, &mut off_since, &mut direction)?;
                    }
                }
                Step::Late(ms) => {
                    clock += ms;
                    bench.pass_late(ms);
                }
            }
            look(&bench, clock, &mut seen, &mut off_since, &mut direction)?;
        }
        prop_assert_eq!(bench.state("motor.read()").fields.clone(), Vec::<(&str, Datum)>::new());
    }
}

fn look(
    bench: &Bench,
    clock: u64,
    seen: &mut usize,
    off_since: &mut Option<u64>,
    direction: &mut Option<usize>,
) -> Result<(), TestCaseError> {
    let history = bench.board.history();
    for request in &history[*seen..] {
        prop_assert_eq!(request.len(), 2);
        let active: Vec<usize> = (0..2).filter(|line| request[*line].1 == Level::High).collect();
        prop_assert!(active.len() < 2, "both directions at once");
        match active.first() {
            None => {
                off_since.get_or_insert(clock);
            }
            Some(now) => {
                if direction.is_some_and(|before| before != *now) {
                    let rested = clock - off_since.expect("it was off in between");
                    prop_assert!(rested >= 100, "off for {rested} ms only");
                }
                *direction = Some(*now);
                *off_since = None;
            }
        }
    }
    *seen = history.len();
    Ok(())
}
