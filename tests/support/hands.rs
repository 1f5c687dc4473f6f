//! What every way to reach lines promises: a list of tests that take the hardware and the other end of its wires.
//!
//! `tests/hardware.rs` runs them over the simulation, `tests/kernel_lab` over both versions of the kernel's interface.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use gpio_gatekeeper::domain::{Bias, LineAddress, LineRef, Polarity, Value};
use gpio_gatekeeper::hardware::{
    Edge, EdgeSink, Edges, Hardware, HardwareError, Input, InputRequest, Level, Line, Outputs, Start,
};

use Polarity::{ActiveHigh, ActiveLow};
use Value::{Active, Inactive};

/// The other end of the wires.
pub(crate) trait Wires {
    /// Pulls a line up or down, as a switch would.
    fn pull(&self, line: u32, to: Level);

    /// The level of a line, as a voltmeter would show it: 0 or 1.
    fn level(&self, line: u32) -> u8;
}

/// Hardware whose wires end at the test: a chip with lines `GPIO0` to `GPIO31`.
pub(crate) struct Bench {
    pub(crate) hardware: Box<dyn Hardware>,
    pub(crate) wires: Box<dyn Wires>,
    /// How the configuration calls the chip.
    pub(crate) chip: &'static str,
}

impl Bench {
    pub(crate) fn line(&mut self, offset: u32) -> Line {
        let address = LineAddress { chip: Some(self.chip.to_owned()), line: LineRef::Offset(offset) };
        self.hardware.locate(&address).unwrap()
    }

    fn lines<const N: usize>(&mut self, lines: [(u32, Polarity); N]) -> [(Line, Polarity); N] {
        lines.map(|(offset, polarity)| (self.line(offset), polarity))
    }

    pub(crate) fn open<const N: usize>(
        &mut self,
        lines: [(u32, Polarity); N],
        start: Start<'_>,
    ) -> Box<dyn Outputs> {
        let lines = self.lines(lines);
        self.hardware.open_outputs(&lines, start).unwrap()
    }

    /// Opens an input, whose edges carry its offset.
    pub(crate) fn watch(&mut self, offset: u32, request: InputRequest) -> (Box<dyn Input>, Receiver<Edge>) {
        let (sink, edges) = sink();
        let line = self.line(offset);
        (self.hardware.open_input(&line, request, offset as usize, sink).unwrap(), edges)
    }

    fn levels<const N: usize>(&self, lines: [u32; N]) -> [u8; N] {
        lines.map(|line| self.wires.level(line))
    }

    /// Leaves a line as an output with a high level that nobody holds.  The lab's chip falls back to its pull when a
    /// line is released, so that goes up too.
    pub(crate) fn leave_driven(&mut self, offset: u32) {
        drop(self.open([(offset, ActiveHigh)], Start::Values(&[Active])));
        self.wires.pull(offset, Level::High);
        assert_eq!(self.wires.level(offset), 1);
    }

    /// Leaves a line as an input that nobody holds.
    pub(crate) fn leave_open(&mut self, offset: u32) {
        drop(self.watch(offset, PLAIN));
    }
}

/// Where edges go, and where they come out.
pub(crate) fn sink() -> (EdgeSink, Receiver<Edge>) {
    let (edges, reported) = mpsc::channel();
    let report = move |edge| {
        let _ = edges.send(edge);
    };
    (Arc::new(report), reported)
}

/// Makes a module with one `#[test]` for each test of the list; `$bench` makes what it runs on, or nothing where it
/// cannot run.
macro_rules! hands {
    ($module:ident, $bench:expr) => {
        crate::hands::hands! {
            $module, $bench;
            outputs_start_with_their_values_and_change_together,
            values_are_logical_whatever_the_polarity,
            a_value_for_each_line_and_no_other_number,
            many_outputs_of_either_polarity_are_one_write,
            a_held_line_is_busy_and_its_holder_named,
            what_is_released_can_be_taken,
            keep_leaves_driven_lines_alone,
            keep_drives_the_rest_inactive,
            a_bias_holds_an_open_input,
            edges_arrive_in_order_with_the_kernels_time,
            edges_to_active_are_all_that_is_reported_where_no_others_are_wanted,
            an_input_is_read_without_an_edge,
        }
    };
    ($module:ident, $bench:expr; $($name:ident,)*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    if let Some(bench) = $bench {
                        crate::hands::$name(bench);
                    }
                }
            )*
        }
    };
}
pub(crate) use hands;

pub(crate) fn outputs_start_with_their_values_and_change_together(mut bench: Bench) {
    // The order is that of the device, not that of the chip.
    let lines = [(5, ActiveHigh), (2, ActiveHigh), (9, ActiveHigh)];
    let mut outputs = bench.open(lines, Start::Values(&[Active, Inactive, Active]));
    assert_eq!(bench.levels([5, 2, 9]), [1, 0, 1]);
    outputs.write(&[Inactive, Active, Active]).unwrap();
    assert_eq!(bench.levels([5, 2, 9]), [0, 1, 1]);
    assert_eq!(outputs.read().unwrap(), [Inactive, Active, Active]);
}

pub(crate) fn values_are_logical_whatever_the_polarity(mut bench: Bench) {
    for (polarities, values, levels) in [
        ([ActiveLow, ActiveLow], [Active, Inactive], [0, 1]),
        ([ActiveHigh, ActiveLow], [Active, Active], [1, 0]),
    ] {
        let mut outputs = bench.open([(5, polarities[0]), (6, polarities[1])], Start::Values(&values));
        assert_eq!(bench.levels([5, 6]), levels);
        assert_eq!(outputs.read().unwrap(), values);
        outputs.write(&values.map(|value| !value)).unwrap();
        assert_eq!(bench.levels([5, 6]), levels.map(|level| 1 - level));
    }
    bench.wires.pull(7, Level::Low);
    let (mut input, _edges) = bench.watch(7, InputRequest::new(ActiveLow, Bias::AsIs));
    assert_eq!(input.read().unwrap(), Active);
}

pub(crate) fn a_value_for_each_line_and_no_other_number(mut bench: Bench) {
    let lines = bench.lines([(5, ActiveHigh), (6, ActiveHigh)]);
    for values in [&[Active][..], &[Active; 3]] {
        let error = bench.hardware.open_outputs(&lines, Start::Values(values)).err().unwrap();
        assert!(matches!(error, HardwareError::Unsupported(_)), "{error:?}");
    }
    let mut outputs = bench.hardware.open_outputs(&lines, Start::Values(&[Active, Inactive])).unwrap();
    assert!(outputs.write(&[Inactive]).is_err());
    assert_eq!(bench.levels([5, 6]), [1, 0]);
}

pub(crate) fn many_outputs_of_either_polarity_are_one_write(mut bench: Bench) {
    let lines: [(u32, Polarity); 32] =
        std::array::from_fn(|line| (line as u32, if line % 3 == 0 { ActiveLow } else { ActiveHigh }));
    let mut outputs = bench.open(lines, Start::Values(&[Inactive; 32]));
    let pattern: [Value; 32] = std::array::from_fn(|line| Value::from_bool(line % 5 == 0));
    outputs.write(&pattern).unwrap();
    assert_eq!(outputs.read().unwrap(), pattern);
    let expected = std::array::from_fn(|line| u8::from((line % 5 == 0) != (line % 3 == 0)));
    assert_eq!(bench.levels(lines.map(|(line, _)| line)), expected);
}

pub(crate) fn a_held_line_is_busy_and_its_holder_named(mut bench: Bench) {
    let _outputs = bench.open([(5, ActiveHigh)], Start::Values(&[Active]));
    let lines = bench.lines([(4, ActiveHigh), (5, ActiveHigh)]);
    let held = lines[1].0.clone();
    let (sink, _edges) = sink();
    let errors = [
        bench.hardware.open_outputs(&lines, Start::Values(&[Active, Active])).err(),
        bench.hardware.open_outputs(&lines, Start::Keep).err(),
        bench.hardware.open_input(&held, InputRequest::new(ActiveHigh, Bias::PullUp), 0, sink).err(),
    ];
    for error in errors.map(Option::unwrap) {
        let HardwareError::Busy { line, consumer } = error else { panic!("{error:?}") };
        assert_eq!((line, consumer.as_deref()), (held.clone(), Some("gpio-gatekeeper")));
    }
    assert_eq!(bench.wires.level(5), 1, "and nothing has happened to it");
}

pub(crate) fn what_is_released_can_be_taken(mut bench: Bench) {
    for _ in 0..2 {
        let outputs = bench.open([(5, ActiveHigh), (6, ActiveHigh)], Start::Values(&[Inactive; 2]));
        let (input, _edges) = bench.watch(7, PLAIN);
        drop(outputs);
        drop(input);
        drop(bench.watch(5, PLAIN));
        drop(bench.open([(7, ActiveHigh)], Start::Values(&[Inactive])));
    }
}

pub(crate) fn keep_leaves_driven_lines_alone(mut bench: Bench) {
    bench.leave_driven(10);
    bench.leave_driven(11);
    let mut outputs = bench.open([(10, ActiveHigh), (11, ActiveLow)], Start::Keep);
    assert_eq!(bench.levels([10, 11]), [1, 1]);
    assert_eq!(outputs.read().unwrap(), [Active, Inactive]);
    outputs.write(&[Inactive, Active]).unwrap();
    assert_eq!(bench.levels([10, 11]), [0, 0]);
    outputs.write(&[Active, Active]).unwrap();
    assert_eq!(bench.levels([10, 11]), [1, 0]);
}

pub(crate) fn keep_drives_the_rest_inactive(mut bench: Bench) {
    for (polarity, rest, pull) in [(ActiveHigh, 12, Level::High), (ActiveLow, 13, Level::Low)] {
        bench.leave_driven(11);
        bench.leave_open(rest);
        bench.wires.pull(rest, pull);
        let inactive = u8::from(polarity == ActiveLow);
        assert_eq!(bench.wires.level(rest), 1 - inactive);
        let mut outputs = bench.open([(11, ActiveHigh), (rest, polarity)], Start::Keep);
        assert_eq!(bench.levels([11, rest]), [1, inactive]);
        assert_eq!(outputs.read().unwrap(), [Active, Inactive]);
        outputs.write(&[Inactive, Active]).unwrap();
        assert_eq!(bench.levels([11, rest]), [0, 1 - inactive]);
    }
}

pub(crate) fn a_bias_holds_an_open_input(mut bench: Bench) {
    for (bias, pulled, value) in [
        (Bias::PullUp, Level::Low, Active),
        (Bias::PullDown, Level::High, Inactive),
        (Bias::Disabled, Level::Low, Inactive),
    ] {
        bench.wires.pull(13, pulled);
        let (mut input, _edges) = bench.watch(13, InputRequest::new(ActiveHigh, bias));
        assert_eq!(input.read().unwrap(), value, "{bias:?}");
    }
}

pub(crate) fn edges_arrive_in_order_with_the_kernels_time(mut bench: Bench) {
    bench.wires.pull(14, Level::Low);
    let (mut input, edges) = bench.watch(14, PLAIN);
    let mut before = 0;
    let turns = [(Level::High, Active), (Level::Low, Inactive), (Level::High, Active)];
    for ((pull, value), sequence) in turns.into_iter().zip(1..) {
        bench.wires.pull(14, pull);
        let edge = edges.recv_timeout(DEADLINE).unwrap();
        assert_eq!((edge.input, edge.value, edge.sequence), (14, Some(value), Some(sequence)));
        assert!(edge.timestamp_ns > before, "{} after {before}", edge.timestamp_ns);
        before = edge.timestamp_ns;
        assert_eq!(input.read().unwrap(), value);
    }
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime_s: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let age_s = uptime_s - before as f64 / 1e9;
    assert!((-0.1..10.0).contains(&age_s), "the time is not that of CLOCK_MONOTONIC: {age_s} s ago");
}

pub(crate) fn edges_to_active_are_all_that_is_reported_where_no_others_are_wanted(mut bench: Bench) {
    for (polarity, first, then) in
        [(ActiveHigh, Level::High, Level::Low), (ActiveLow, Level::Low, Level::High)]
    {
        bench.wires.pull(16, then);
        let request = InputRequest { edges: Edges::ToActive, ..InputRequest::new(polarity, Bias::AsIs) };
        let (_input, edges) = bench.watch(16, request);
        for pull in [first, then, first] {
            bench.wires.pull(16, pull);
        }
        for sequence in [1, 2] {
            let edge = edges.recv_timeout(DEADLINE).unwrap();
            assert_eq!((edge.value, edge.sequence), (Some(Active), Some(sequence)), "{polarity:?}");
        }
        assert!(edges.try_recv().is_err());
    }
}

pub(crate) fn an_input_is_read_without_an_edge(mut bench: Bench) {
    for (pull, value) in [(Level::High, Active), (Level::Low, Inactive)] {
        bench.wires.pull(17, pull);
        let (mut input, edges) = bench.watch(17, PLAIN);
        assert_eq!(input.read().unwrap(), value);
        assert!(edges.try_recv().is_err());
    }
}

/// Every edge of an active-high line, whatever holds it.
pub(crate) const PLAIN: InputRequest =
    InputRequest { polarity: ActiveHigh, bias: Bias::AsIs, debounce: Duration::ZERO, edges: Edges::Both };

/// How long to wait for what must happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
