//! Interlocks: one at a time, whatever anybody does and whatever breaks.

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::hardware::{Level, Simulation};
use gpio_gatekeeper::{config, daemon};
use proptest::prelude::*;

use super::bench::Bench;
use super::support::faulty::Fault;

/// Two groups that have `b` in common.
const GROUPS: &str = r#"
    "interlocks": {
        "x": {"devices": ["a", "b", "lamp"], "dead_time": "100ms"},
        "y": {"devices": ["b", "motor"], "dead_time": "50ms"}
    },
    ---
    "a": {"relay": {"line": 1, "max_on": "300ms", "on_link_lost": "on"}},
    "b": {"relay": {"line": 2, "on_lease_lost": "on", "on_stop": "on"}},
    "lamp": {"pwm_led": {"line": 3, "on_lease_lost": 0.5, "on_stop": "on"}},
    "motor": {"motor": {"forward": 5, "backward": 6, "dead_time": "20ms", "on_lease_lost": "hold"}}
"#;

#[test]
fn who_is_blocked_is_told_by_whom() {
    let mut bench = Bench::new(GROUPS);
    bench.pass(200);
    bench.state("a.on()");
    let refusal = bench.call("b.on()").expect_err("a is on");
    assert_eq!(
        (refusal.code, &*refusal.message),
        (Code::Interlocked, "b is blocked by a, which is on (interlock x)")
    );
    for call in ["b.toggle()", "b.set(1)", "b.blink()", "lamp.set(0.1)", "lamp.pulse()"] {
        assert_eq!(bench.refusal(call), Code::Interlocked, "{call}");
    }
    for call in
        ["b.off()", "b.set(0)", "b.read()", "lamp.set(OFF)", "motor.forward()", "motor.stop()", "a.on()"]
    {
        assert!(bench.call(call).is_ok(), "{call}");
    }
}

#[test]
fn all_are_off_for_the_dead_time_of_each_group() {
    let mut bench = Bench::new(GROUPS);
    bench.pass(200);
    bench.state("a.on()");
    bench.state("motor.forward()");
    bench.state("a.off()");
    bench.pass(100);
    let refusal = bench.call("b.on()").expect_err("the motor runs");
    assert_eq!(refusal.message, "b is blocked by motor, which is on (interlock y)");
    bench.state("motor.stop()");
    bench.pass(49);
    let refusal = bench.call("b.on()").expect_err("it has run a moment ago");
    assert_eq!(refusal.message, "b is blocked by motor, for another 0.001s of its dead time (interlock y)");
    bench.pass(1);
    assert!(bench.call("b.on()").is_ok());
}

#[test]
fn the_dead_time_begins_when_the_write_is_over() {
    let mut bench = Bench::new(GROUPS);
    bench.pass(200);
    bench.state("a.on()");
    bench.state("a.off()");
    // The write took so long: the clock was read before it, and then not until now.
    bench.skip(100);
    assert_eq!(bench.refusal("b.on()"), Code::Interlocked);
    bench.pass(100);
    assert!(bench.call("b.on()").is_ok());
}

#[test]
fn what_changes_by_itself_is_on_all_the_while() {
    let mut bench = Bench::new(GROUPS);
    bench.pass(200);
    bench.state("b.blink(0.01, 5, 2)");
    bench.pass(1000);
    assert_eq!(bench.level(2), Level::Low);
    assert_eq!(
        (bench.refusal("motor.forward()"), bench.refusal("a.on()")),
        (Code::Interlocked, Code::Interlocked)
    );
}

#[test]
fn what_nobody_knows_counts_as_on_until_it_is_read() {
    let (mut bench, switch) = Bench::faulty(GROUPS);
    bench.pass(200);
    switch.set(1, Fault::Write);
    assert_eq!(bench.refusal("a.on()"), Code::DeviceFault);
    assert_eq!(bench.refusal("b.on()"), Code::Interlocked);
    switch.mend();
    bench.state("a.read()");
    assert_eq!(bench.refusal("b.on()"), Code::Interlocked, "now it rests");
    bench.pass(100);
    assert!(bench.call("b.on()").is_ok());
}

#[test]
fn a_policy_that_would_switch_on_a_second_one_switches_it_off() {
    let mut bench = Bench::new(GROUPS);
    bench.pass(200);
    bench.by("panel").lease("system.lease(b,lamp, ttl=1)");
    bench.pass(1000);
    assert_eq!((bench.level(2), bench.level(3)), (Level::High, Level::Low), "b is the first");
    let audit = bench.audit();
    let refused = audit.iter().find(|entry| entry.refused.is_some()).expect("it is audited");
    assert_eq!(refused.deed.device(), "lamp");
    assert!(bench.stop(), "that is no failure");
    assert_eq!((bench.level(2), bench.level(3)), (Level::High, Level::Low));
}

#[test]
fn two_that_are_on_at_start_are_switched_off_and_refused() {
    let devices = r#""interlocks": {"x": {"devices": ["a", "b"]}}, ---
        "a": {"relay": {"line": 1, "initial": "on", "on_stop": "hold"}}, "b": {"relay": {"line": 2, "initial": "on"}}"#;
    let simulation = Simulation::new();
    let board = simulation.board();
    let error = Bench::on(simulation, devices).err().expect("it can't be");
    assert_eq!(error.to_string(), "device b: it is on at start, and so is a, which an interlock forbids");
    assert_eq!([1, 2].map(|line| board.level(&super::support::gpio(line))), [Level::Low; 2]);
}

#[test]
fn an_input_can_not_be_kept_off() {
    let text = r#"{"hardware": {"backend": "simulated"}, "interlocks": {"x": {"devices": ["a", "b"]}},
        "devices": {"a": {"led": {"line": 1}}, "b": {"button": {"line": 2}}}}"#;
    let report = config::load(text, "test", &daemon::kinds()).err().expect("b is a button");
    assert!(report.to_string().contains("b is an input: "), "{report}");
}

#[derive(Debug, Clone)]
enum Step {
    Call(&'static str, &'static str),
    Lease(&'static str, &'static str),
    Disconnect(&'static str),
    Break,
    Fail(u32, Fault),
    Mend,
    Pass(u64),
    Late(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || prop::sample::select(vec!["one", "two"]);
    let call = prop::sample::select(vec![
        "a.on()",
        "a.off()",
        "a.toggle()",
        "a.read()",
        "a.blink(0.02, 0.03)",
        "b.on()",
        "b.off()",
        "b.set(1)",
        "b.toggle()",
        "b.blink(0.01, 0.2, 2)",
        "b.read()",
        "lamp.on()",
        "lamp.set(0.5)",
        "lamp.set(0)",
        "lamp.toggle()",
        "lamp.pulse(0.05, 0.05, 1)",
        "lamp.blink(0.03, 0.03, 2)",
        "lamp.read()",
        "motor.forward()",
        "motor.backward()",
        "motor.reverse()",
        "motor.stop()",
        "motor.set(1)",
        "motor.read()",
    ]);
    let lease = prop::sample::select(vec![
        "system.lease(*, ttl=0.1)",
        "system.lease(a,b, ttl=0.1, connection=1)",
        "system.lease(lamp,motor, ttl=0.2, wait=1)",
        "system.lease(b, ttl=0.1, wait=1)",
    ]);
    let fault = prop::sample::select(vec![Fault::Write, Fault::Read]);
    let line = prop::sample::select(vec![1u32, 2, 3, 5]);
    let step = prop_oneof![
        8 => (who(), call).prop_map(|(who, call)| Step::Call(who, call)),
        2 => (who(), lease).prop_map(|(who, lease)| Step::Lease(who, lease)),
        1 => who().prop_map(Step::Disconnect),
        1 => Just(Step::Break),
        1 => (line, fault).prop_map(|(line, fault)| Step::Fail(line, fault)),
        2 => Just(Step::Mend),
        4 => (0..120u64).prop_map(Step::Pass),
        1 => (0..300u64).prop_map(Step::Late),
    ];
    prop::collection::vec(step, 1..80)
}

/// What the lines have done so far.
#[derive(Default)]
struct Watch {
    clock: u64,
    /// When each device's lines were last seen high.
    high: [Option<u64>; 4],
    seen: usize,
}

impl Watch {
    /// Looks at every request to the hardware since the last time, in order.
    fn look(&mut self, bench: &Bench, levels: &mut [bool; 7]) -> Result<(), TestCaseError> {
        let history = bench.board.history();
        for request in &history[self.seen..] {
            for (line, level) in request {
                levels[line.offset as usize] = *level == Level::High;
            }
            let now = [levels[1], levels[2], levels[3], levels[5] || levels[6]];
            for (group, dead_time) in [(&[0, 1, 2][..], 100), (&[1, 3], 50)] {
                for device in group.iter().filter(|device| now[**device]) {
                    for other in group.iter().filter(|other| *other != device) {
                        prop_assert!(!now[*other], "{device} and {other} at once");
                        let rested = self.high[*other].is_none_or(|last| self.clock >= last + dead_time);
                        let went_on = self.high[*device].is_none_or(|last| last < self.clock);
                        prop_assert!(rested || !went_on, "{device} within the dead time of {other}");
                    }
                }
            }
            self.mark(now);
        }
        self.seen = history.len();
        self.mark([levels[1], levels[2], levels[3], levels[5] || levels[6]]);
        Ok(())
    }

    fn mark(&mut self, now: [bool; 4]) {
        for (last, _) in self.high.iter_mut().zip(now).filter(|(_, high)| *high) {
            *last = Some(self.clock);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Commands, leases, their ends, lost connections and broken wires in any order.
    #[test]
    fn nothing_makes_two_active_or_skips_the_dead_time(steps in steps()) {
        let (mut bench, switch) = Bench::faulty(GROUPS);
        bench.board.record();
        let (mut watch, mut levels) = (Watch::default(), [false; 7]);
        for step in steps {
            match step {
                Step::Call(who, call) => drop(bench.by(who).call(call)),
                Step::Lease(who, call) => bench.by(who).ask(call),
                Step::Disconnect(who) => {
                    bench.by(who).disconnect();
                    bench.connect(who);
                }
                Step::Break => drop(bench.by("boss").call("system.break(*, test)")),
                Step::Fail(line, fault) => switch.set(line, fault),
                Step::Mend => switch.mend(),
                Step::Pass(milliseconds) => {
                    for _ in 0..milliseconds {
                        watch.clock += 1;
                        bench.pass(1);
                        watch.look(&bench, &mut levels)?;
                    }
                }
                Step::Late(milliseconds) => {
                    watch.clock += milliseconds;
                    bench.pass_late(milliseconds);
                }
            }
            watch.look(&bench, &mut levels)?;
        }
        switch.mend();
        bench.stop();
        watch.look(&bench, &mut levels)?;
    }
}
