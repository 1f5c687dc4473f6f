//! The gpiochip backend on a real kernel, whose simulated chip the tests hold by its other end.
//!
//! Outside the lab one test boots it, with this very program inside, and all others skip themselves.  Inside they
//! run one after the other.  `tests/kernel-lab/README.md` says what there is in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[path = "support/lab.rs"]
mod lab;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use gpio_gatekeeper::domain::{Bias, LineAddress, LineRef, Polarity, Value};
use gpio_gatekeeper::hardware::gpiochip::Gpiochip;
use gpio_gatekeeper::hardware::{
    Edge, Edges, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Start,
};

use Polarity::{ActiveHigh, ActiveLow};
use Value::{Active, Inactive};
use lab::{Lab, Pull, SecondChip};

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if std::env::var_os("LAB_GPIOCHIP").is_none() {
        let daemon = env!("CARGO_BIN_EXE_gpio-gatekeeper");
        lab::run_this_binary_inside("the_kernel_lab_runs_every_test_below", &[daemon]);
    }
}

#[test]
fn chips_are_found_by_path_link_name_and_label() {
    let Some(lab) = Lab::inside() else { return };
    assert!(Gpiochip::open().unwrap().is_alive());
    symlink(&lab.chip, "/tmp/my-chip").unwrap();
    symlink(&lab.chip, "/dev/gpiochip77").unwrap();
    let path = lab.chip.to_string_lossy();
    for chip in [&*path, "/tmp/my-chip", &lab.name(), "gpiochip77", "kernel-lab"] {
        let found = locate(Some(chip), LineRef::Offset(31)).unwrap();
        assert_eq!(found, Line { chip: lab.name().into(), offset: 31 }, "{chip}");
    }
    fs::remove_file("/dev/gpiochip77").unwrap();
}

#[test]
fn lines_are_found_by_name() {
    let Some(lab) = Lab::inside() else { return };
    for chip in [Some("kernel-lab"), None] {
        let found = locate(chip, LineRef::Name("GPIO17".to_owned())).unwrap();
        assert_eq!(found, Line { chip: lab.name().into(), offset: 17 }, "{chip:?}");
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let Some(_lab) = Lab::inside() else { return };
    let chip = "gpiochip0 (kernel-lab, 32 lines)";
    let name = |name: &str| LineRef::Name(name.to_owned());
    for (address, line, expected) in [
        (Some("kernel-lab"), LineRef::Offset(32), format!("{chip} has no line 32: lines are counted from 0")),
        (
            None,
            LineRef::Offset(3),
            format!("line 3 is counted on a chip, so name the chip; the chips here: {chip}"),
        ),
        (Some("kernellab"), name("GPIO1"), format!("there is no chip kernellab; the chips here: {chip}")),
        (
            Some("/dev/gpiochip9"),
            name("GPIO1"),
            format!("there is no chip /dev/gpiochip9; the chips here: {chip}"),
        ),
        (Some("/dev/null"), name("GPIO1"), "/dev/null is not a GPIO chip".to_owned()),
        (
            None,
            name("gpio_31"),
            format!("there is no line gpio_31 on {chip}; did you mean GPIO31 or GPIO1 or GPIO11?"),
        ),
        (Some("gpiochip0"), name("LAMP"), format!("there is no line LAMP on {chip}")),
    ] {
        let error = locate(address, line).unwrap_err();
        assert!(matches!(error, HardwareError::NotFound(_)), "{error:?}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_is_there_twice_is_not_guessed() {
    let Some(_lab) = Lab::inside() else { return };
    let second = SecondChip::plug("kernel-lab", &["GPIO3", "TWIN", "TWIN"]);
    let name = &second.name;
    for (chip, line, expected) in [
        (
            Some("kernel-lab"),
            LineRef::Offset(0),
            format!("the label kernel-lab is that of gpiochip0 and {name}"),
        ),
        (None, LineRef::Name("GPIO3".into()), format!("the name GPIO3 is that of gpiochip0:3 and {name}:0")),
        (Some(name), LineRef::Name("TWIN".into()), format!("the name TWIN is that of {name}:1 and {name}:2")),
    ] {
        let error = locate(chip, line).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    }
    assert_eq!(locate(None, LineRef::Name("GPIO4".into())).unwrap().offset, 4);
}

#[test]
fn outputs_start_with_their_values_and_change_together() {
    let Some(lab) = Lab::inside() else { return };
    let lines = [(line(5), ActiveHigh), (line(2), ActiveHigh), (line(9), ActiveHigh)];
    let levels = || [5, 2, 9].map(|line| lab.level(line));
    let mut outputs = open(&lines, Start::Values(&[Active, Inactive, Active]));
    assert_eq!(levels(), [1, 0, 1]);
    outputs.write(&[Inactive, Active, Active]).unwrap();
    assert_eq!(levels(), [0, 1, 1]);
    assert_eq!(outputs.read().unwrap(), [Inactive, Active, Active]);
    assert!(outputs.write(&[Active]).is_err());
    assert_eq!(levels(), [0, 1, 1]);
}

#[test]
fn values_are_logical_whatever_the_polarity() {
    let Some(lab) = Lab::inside() else { return };
    for (polarities, values, levels) in [
        ([ActiveLow, ActiveLow], [Active, Inactive], [0, 1]),
        ([ActiveHigh, ActiveLow], [Active, Active], [1, 0]),
    ] {
        let lines = [(line(5), polarities[0]), (line(6), polarities[1])];
        let mut outputs = open(&lines, Start::Values(&values));
        assert_eq!([lab.level(5), lab.level(6)], levels);
        assert_eq!(outputs.read().unwrap(), values);
        outputs.write(&values.map(|value| !value)).unwrap();
        assert_eq!([lab.level(5), lab.level(6)], levels.map(|level| 1 - level));
    }
    lab.pull(7, Pull::Down);
    let (mut input, _edges) = watch(7, ActiveLow, Bias::AsIs);
    assert_eq!(input.read().unwrap(), Active);
}

#[test]
fn a_held_line_is_busy_and_its_holder_named() {
    let Some(_lab) = Lab::inside() else { return };
    let _outputs = open(&[(line(5), ActiveHigh)], Start::Values(&[Active]));
    let mut hardware = Gpiochip::open().unwrap();
    assert_eq!(
        locate(Some("kernel-lab"), LineRef::Offset(5)).unwrap(),
        line(5),
        "locating needs no free line"
    );
    let lines = [(line(4), ActiveHigh), (line(5), ActiveHigh)];
    let (sink, _edges) = sink();
    let errors = [
        hardware.open_outputs(&lines, Start::Values(&[Active, Active])).err(),
        hardware.open_outputs(&lines, Start::Keep).err(),
        hardware.open_input(&line(5), InputRequest::new(ActiveHigh, Bias::PullUp), 0, sink).err(),
    ];
    for error in errors.map(Option::unwrap) {
        let HardwareError::Busy { line: held, consumer } = error else { panic!("{error:?}") };
        assert_eq!((held, consumer.as_deref()), (line(5), Some("gpio-gatekeeper")));
    }
}

#[test]
fn what_one_request_cannot_hold_is_refused() {
    let Some(_lab) = Lab::inside() else { return };
    let mut hardware = Gpiochip::open().unwrap();
    let elsewhere = Line { chip: "gpiochip1".into(), offset: 0 };
    let many: Vec<_> = (0..65).map(|offset| (line(offset), ActiveHigh)).collect();
    let across = vec![(line(0), ActiveHigh), (elsewhere, ActiveHigh)];
    let twice = vec![(line(0), ActiveHigh), (line(0), ActiveHigh)];
    for lines in [vec![], many, across, twice] {
        let error = hardware.open_outputs(&lines, Start::Keep).err().unwrap();
        assert!(matches!(error, HardwareError::Unsupported(_)), "{error:?}");
    }
}

#[test]
fn keep_leaves_a_driven_line_alone() {
    let Some(lab) = Lab::inside() else { return };
    drive_and_release(&lab, 10);
    let mut outputs = open(&[(line(10), ActiveHigh)], Start::Keep);
    assert_eq!((lab.level(10), outputs.read().unwrap()), (1, vec![Active]));
    outputs.write(&[Inactive]).unwrap();
    assert_eq!(lab.level(10), 0);
    outputs.write(&[Active]).unwrap();
    assert_eq!(lab.level(10), 1);
}

#[test]
fn keep_drives_the_rest_inactive() {
    let Some(lab) = Lab::inside() else { return };
    drive_and_release(&lab, 11);
    lab.pull(12, Pull::Up);
    assert_eq!(lab.level(12), 1);
    for polarity in [ActiveHigh, ActiveLow] {
        let rest_level = u8::from(polarity == ActiveLow);
        // The first time line 12 was never driven, the second time both are: then nothing changes.
        let expected = if polarity == ActiveHigh { (1, rest_level) } else { (1, 1) };
        let mut outputs = open(&[(line(11), ActiveHigh), (line(12), polarity)], Start::Keep);
        assert_eq!((lab.level(11), lab.level(12)), expected);
        outputs.write(&[Inactive, Active]).unwrap();
        assert_eq!((lab.level(11), lab.level(12)), (0, 1 - rest_level));
    }
}

#[test]
fn a_bias_holds_an_open_input() {
    let Some(lab) = Lab::inside() else { return };
    for (bias, value) in [(Bias::PullUp, Active), (Bias::PullDown, Inactive), (Bias::Disabled, Inactive)] {
        lab.pull(13, if value == Active { Pull::Down } else { Pull::Up });
        if bias == Bias::Disabled {
            lab.pull(13, Pull::Down);
        }
        let (mut input, _edges) = watch(13, ActiveHigh, bias);
        assert_eq!(input.read().unwrap(), value, "{bias:?}");
    }
}

#[test]
fn edges_arrive_in_order_with_the_kernels_time() {
    let Some(lab) = Lab::inside() else { return };
    lab.pull(14, Pull::Down);
    let (mut input, edges) = watch(14, ActiveHigh, Bias::AsIs);
    let mut before = 0;
    let turns = [(Pull::Up, Active), (Pull::Down, Inactive), (Pull::Up, Active)];
    for ((pull, value), sequence) in turns.into_iter().zip(1..) {
        lab.pull(14, pull);
        let edge = edges.recv_timeout(DEADLINE).unwrap();
        assert_eq!((edge.input, edge.sequence), (14, Some(sequence)));
        assert!(edge.timestamp_ns > before, "{} after {before}", edge.timestamp_ns);
        before = edge.timestamp_ns;
        assert_eq!(input.read().unwrap(), value);
    }
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime_s: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let age_s = uptime_s - before as f64 / 1e9;
    assert!((-0.1..10.0).contains(&age_s), "the time is not that of CLOCK_MONOTONIC: {age_s} s ago");
}

#[test]
fn edges_to_active_are_all_that_is_reported_where_no_others_are_wanted() {
    let Some(lab) = Lab::inside() else { return };
    for (polarity, first, then) in [(ActiveHigh, Pull::Up, Pull::Down), (ActiveLow, Pull::Down, Pull::Up)] {
        lab.pull(16, then);
        let request = InputRequest { edges: Edges::ToActive, ..InputRequest::new(polarity, Bias::AsIs) };
        let (sink, edges) = sink();
        let _input = Gpiochip::open().unwrap().open_input(&line(16), request, 16, sink).unwrap();
        for pull in [first, then, first] {
            lab.pull(16, pull);
        }
        for sequence in [1, 2] {
            let edge = edges.recv_timeout(DEADLINE).unwrap();
            assert_eq!((edge.value, edge.sequence), (Some(Active), Some(sequence)), "{polarity:?}");
        }
        assert!(edges.try_recv().is_err());
    }
}

#[test]
fn one_thread_watches_all_inputs_and_ends_with_them() {
    let Some(lab) = Lab::inside() else { return };
    let mut hardware = Gpiochip::open().unwrap();
    let (sink, edges) = sink();
    for _ in 0..2 {
        let open = |offset| {
            lab.pull(offset, Pull::Down);
            hardware.open_input(&line(offset), PLAIN, offset as usize, sink.clone()).unwrap()
        };
        let mut inputs: Vec<_> = (20..24).map(open).collect();
        edge_threads_become(1);
        for offset in 20..24 {
            lab.pull(offset, Pull::Up);
            assert_eq!(edges.recv_timeout(DEADLINE).unwrap().input, offset as usize);
        }
        // The others go on without it, and its line is free at once.
        drop(inputs.remove(0));
        drop(open_one(20));
        lab.pull(21, Pull::Down);
        assert_eq!(edges.recv_timeout(DEADLINE).unwrap().input, 21);
        drop(inputs);
        edge_threads_become(0);
        lab.pull(22, Pull::Down);
        assert!(edges.try_recv().is_err());
    }
}

#[test]
fn a_burst_that_overflows_ends_with_the_true_value() {
    let Some(lab) = Lab::inside() else { return };
    lab.pull(15, Pull::Down);
    let (entered, is_in) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (edges, reported) = mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    // Holds the edge thread at the first edge, so that the kernel's queue fills up.
    let sink = move |edge: Edge| {
        let _ = entered.send(());
        let _ = wait.lock().unwrap().recv();
        let _ = edges.send(edge);
    };
    let mut hardware = Gpiochip::open().unwrap();
    let mut input = hardware.open_input(&line(15), PLAIN, 0, Arc::new(sink)).unwrap();
    lab.pull(15, Pull::Up);
    is_in.recv_timeout(DEADLINE).unwrap();
    for _ in 0..100 {
        lab.pull(15, Pull::Down);
        lab.pull(15, Pull::Up);
    }
    lab.pull(15, Pull::Down);
    drop(go_on);
    let mut values = Vec::new();
    while let Ok(edge) = reported.recv_timeout(QUIET) {
        values.push((edge, input.read().unwrap()));
    }
    // One that was read before, 16 in the queue, and 185 that are lost, for which one without a value stands.
    assert_eq!(values.len(), 18);
    let (last, read) = values.last().unwrap();
    assert_eq!((last.value, last.sequence, *read), (None, None, Inactive));
    lab.pull(15, Pull::Up);
    reported.recv_timeout(DEADLINE).unwrap();
    assert_eq!(input.read().unwrap(), Active);
}

#[test]
fn an_unplugged_chip_is_an_error_at_the_next_look() {
    let Some(_lab) = Lab::inside() else { return };
    let second = SecondChip::plug("unplugged", &["A", "B"]);
    let mut hardware = Gpiochip::open().unwrap();
    let (sink, edges) = sink();
    let button = hardware.locate(&address(Some("unplugged"), LineRef::Name("A".into()))).unwrap();
    let lamp = hardware.locate(&address(None, LineRef::Name("B".into()))).unwrap();
    let mut input = hardware.open_input(&button, PLAIN, 7, sink).unwrap();
    let mut outputs = hardware.open_outputs(&[(lamp.clone(), ActiveHigh)], Start::Values(&[Active])).unwrap();
    second.unplug();
    for error in [input.read().err(), outputs.write(&[Inactive]).err(), outputs.read().err()] {
        let HardwareError::Call { call, cause } = error.unwrap() else { panic!() };
        assert!(
            call.ends_with(&format!("{}:{}", second.name, if call.ends_with('0') { 0 } else { 1 })),
            "{call}"
        );
        assert_eq!(cause.to_string(), "No such device (os error 19)");
    }
    // Older kernels (6.1) wake nobody who waits for edges when a chip goes, unless the wait begins afterwards.
    assert!(edges.try_iter().all(|edge| edge.input == 7 && edge.value.is_none()));
    let error = hardware.open_outputs(&[(lamp, ActiveHigh)], Start::Keep).err().unwrap();
    assert!(matches!(error, HardwareError::NotFound(_)), "{error:?}");
}

fn address(chip: Option<&str>, line: LineRef) -> LineAddress {
    LineAddress { chip: chip.map(str::to_owned), line }
}

fn locate(chip: Option<&str>, line: LineRef) -> Result<Line, HardwareError> {
    Gpiochip::open().unwrap().locate(&address(chip, line))
}

/// A line of the lab's chip.
fn line(offset: u32) -> Line {
    Line { chip: "gpiochip0".into(), offset }
}

fn open(lines: &[(Line, Polarity)], start: Start<'_>) -> Box<dyn Outputs> {
    Gpiochip::open().unwrap().open_outputs(lines, start).unwrap()
}

fn open_one(offset: u32) -> Box<dyn Outputs> {
    open(&[(line(offset), ActiveHigh)], Start::Values(&[Inactive]))
}

/// Opens an input, whose edges carry its offset.  The backend is gone afterwards; the input lives on.
fn watch(offset: u32, polarity: Polarity, bias: Bias) -> (Box<dyn Input>, Receiver<Edge>) {
    let (sink, edges) = sink();
    let mut hardware = Gpiochip::open().unwrap();
    let request = InputRequest::new(polarity, bias);
    (hardware.open_input(&line(offset), request, offset as usize, sink).unwrap(), edges)
}

fn sink() -> (gpio_gatekeeper::hardware::EdgeSink, Receiver<Edge>) {
    let (edges, reported) = mpsc::channel();
    let report = move |edge| {
        let _ = edges.send(edge);
    };
    (Arc::new(report), reported)
}

/// Leaves a line as an output with a high level that nobody holds.  The simulated chip falls back to its pull when
/// a line is released, so that goes up too.
fn drive_and_release(lab: &Lab, offset: u32) {
    drop(open(&[(line(offset), ActiveHigh)], Start::Values(&[Active])));
    lab.pull(offset, Pull::Up);
    assert_eq!(lab.level(offset), 1);
}

/// A thread takes its name only when it runs, and one that was joined stays listed until the kernel has tidied up.
fn edge_threads_become(expected: usize) {
    let count = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        // A thread may end between being listed and being read.
        let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.filter(|name| name.trim() == "edges").count()
    };
    let deadline = Instant::now() + DEADLINE;
    while count() != expected {
        assert!(Instant::now() < deadline, "{} threads instead of {expected}", count());
        std::thread::yield_now();
    }
}

/// Every edge of an active-high line, whatever holds it.
const PLAIN: InputRequest =
    InputRequest { polarity: ActiveHigh, bias: Bias::AsIs, debounce: Duration::ZERO, edges: Edges::Both };

/// How long to wait for what must happen.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long nothing must have happened to believe that nothing will.
const QUIET: Duration = Duration::from_millis(500);
