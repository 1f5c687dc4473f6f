//! The simulated backend: lines that exist in memory, with somebody at their other end.
//!
//! It is in the shipped binary, so that a configuration can be tried without a board.  The [`Board`] is the other
//! end of the wires: tests read outputs and drive inputs there, and can hold a line as another program would.

mod board;
mod channels;
mod faults;
mod storm;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use nix::time::{ClockId, clock_gettime};

use self::channels::{Channel, SimulatedPwm};
use self::faults::Faults;
pub use self::faults::Place;
use self::storm::Storms;
use super::buses::Buses;
use super::group::Group;
use super::parts::Parts;
use super::{
    ChipNews, ChipSink, Edge, EdgeSink, Edges, Hardware, HardwareError, Input, InputRequest, Line, Outputs,
    Pwm, Signal, Start,
};
use crate::domain::{Bias, Fault, LineAddress, LineRef, Polarity, PwmAddress, Value};

/// The chip that lines are on whose configuration names none.
const CHIP: &str = "simulated";

/// Lines `GPIO0` to `GPIO63` have these offsets; a line of any other name gets the next one after them.
const NAMED_LINES: u32 = 64;

/// Hardware without hardware.
pub struct Simulation {
    board: Board,
}

/// The other end of the simulated wires.
#[derive(Clone, Default)]
pub struct Board {
    state: Arc<Mutex<Wires>>,
    parts: Parts,
}

/// A physical level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Near ground.
    #[default]
    Low,
    /// Near the supply.
    High,
}

#[derive(Default)]
struct Wires {
    lines: HashMap<Line, Wire>,
    channels: HashMap<PwmAddress, Channel>,
    names: HashMap<(Arc<str>, String), u32>,
    faults: Faults,
    storms: Storms,
    news: Option<ChipSink>,
    history: Option<Vec<Vec<(Line, Level)>>>,
}

#[derive(Default)]
struct Wire {
    level: Level,
    driven: bool,
    consumer: Option<String>,
    listener: Option<Listener>,
}

/// An input that waits for edges.
struct Listener {
    input: usize,
    request: InputRequest,
    sequence: u32,
    edges: EdgeSink,
}

impl Simulation {
    /// A simulation with a board of its own.
    #[allow(clippy::new_without_default, reason = "hardware is never made by default")]
    pub fn new() -> Simulation {
        Simulation { board: Board::default() }
    }

    /// The other end of its wires.
    pub fn board(&self) -> Board {
        self.board.clone()
    }
}

impl Hardware for Simulation {
    fn backend(&self) -> &'static str {
        "simulated"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn board(&self) -> Option<Board> {
        Some(self.board.clone())
    }

    fn watch_chips(&mut self, news: ChipSink) {
        self.board.wires().news = Some(news);
    }

    fn locate(&mut self, address: &LineAddress) -> Result<Line, HardwareError> {
        let chip: Arc<str> = address.chip.as_deref().unwrap_or(CHIP).into();
        let offset = match &address.line {
            LineRef::Offset(offset) => *offset,
            LineRef::Name(name) => match name.strip_prefix("GPIO").and_then(|n| n.parse().ok()) {
                Some(offset) if offset < NAMED_LINES => offset,
                _ => {
                    let names = &mut self.board.wires().names;
                    let next = NAMED_LINES + u32::try_from(names.len()).unwrap_or(u32::MAX - NAMED_LINES);
                    *names.entry((chip.clone(), name.clone())).or_insert(next)
                }
            },
        };
        Ok(Line { chip, offset })
    }

    fn open_outputs(
        &mut self,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        let group = Group::new(lines)?;
        if let Start::Values(values) = start {
            group.check(values.len())?;
        }
        let mut wires = self.board.wires();
        // All of them or none.
        for (line, _) in lines {
            wires.check_free(line)?;
        }
        for (line, _) in lines {
            wires.take(line)?;
        }
        let mut levels = Vec::with_capacity(lines.len());
        for (index, (line, polarity)) in lines.iter().enumerate() {
            let wire = wires.lines.entry(line.clone()).or_default();
            let level = match start {
                Start::Values(values) => level(values[index], *polarity),
                Start::Keep if wire.driven => wire.level,
                Start::Keep => level(Value::Inactive, *polarity),
            };
            wire.driven = true;
            levels.push((line.clone(), level));
        }
        wires.set(levels);
        let taken = wires.times(lines.first().map(|(line, _)| line));
        drop(wires);
        Ok(Box::new(SimulatedOutputs { board: self.board.clone(), lines: lines.to_vec(), group, taken }))
    }

    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError> {
        let mut wires = self.board.wires();
        wires.take(line)?;
        let wire = wires.lines.entry(line.clone()).or_default();
        match request.bias {
            Bias::PullUp => wire.level = Level::High,
            Bias::PullDown => wire.level = Level::Low,
            Bias::AsIs | Bias::Disabled => {}
        }
        wire.driven = false;
        wire.listener = Some(Listener { input, request, sequence: 0, edges });
        let taken = wires.times(Some(line));
        drop(wires);
        let polarity = request.polarity;
        Ok(Box::new(SimulatedInput { board: self.board.clone(), line: line.clone(), polarity, taken }))
    }

    fn buses(&self) -> Arc<dyn Buses> {
        Arc::new(self.board.parts())
    }

    fn open_pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError> {
        Ok(Box::new(SimulatedPwm::open(self.board.clone(), address, polarity, start)?))
    }
}

impl Listener {
    /// The edge that this level is, and where it goes, if it is wanted.
    fn hear(&mut self, level: Level) -> Option<(Edge, EdgeSink)> {
        let value = value(level, self.request.polarity);
        if self.request.edges == Edges::ToActive && !value.is_active() {
            return None;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let (value, sequence) = (Some(value), Some(self.sequence));
        let edge = Edge { input: self.input, value, timestamp_ns: monotonic_ns(), sequence };
        Some((edge, self.edges.clone()))
    }
}

impl Wires {
    /// How often the chip of this line was unplugged so far.
    fn times(&self, line: Option<&Line>) -> u32 {
        line.map_or(0, |line| self.faults.times(&line.chip))
    }

    fn check_free(&self, line: &Line) -> Result<(), HardwareError> {
        self.faults.check_chip(line)?;
        match self.lines.get(line).and_then(|wire| wire.consumer.clone()) {
            Some(consumer) => Err(HardwareError::Busy { line: line.clone(), consumer: Some(consumer) }),
            None => Ok(()),
        }
    }

    fn take(&mut self, line: &Line) -> Result<(), HardwareError> {
        self.check_free(line)?;
        self.lines.entry(line.clone()).or_default().consumer = Some("gpio-gatekeeper".to_owned());
        Ok(())
    }

    fn set(&mut self, levels: Vec<(Line, Level)>) {
        for (line, level) in &levels {
            if !self.faults.is_stuck(line) {
                self.lines.entry(line.clone()).or_default().level = *level;
            }
        }
        if let Some(history) = &mut self.history {
            history.push(levels);
        }
    }

    /// Lets go of a line; what was taken before its chip was unplugged has been let go of then.
    fn release(&mut self, line: &Line, taken: u32) {
        if self.faults.times(&line.chip) != taken {
            return;
        }
        if let Some(wire) = self.lines.get_mut(line) {
            wire.consumer = None;
            wire.listener = None;
        }
    }
}

struct SimulatedOutputs {
    board: Board,
    lines: Vec<(Line, Polarity)>,
    group: Group,
    /// How often their chip had been unplugged when they were taken.
    taken: u32,
}

impl Outputs for SimulatedOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        self.group.check(values.len())?;
        let levels =
            self.lines.iter().zip(values).map(|((line, p), v)| (line.clone(), level(*v, *p))).collect();
        let mut wires = self.board.wires();
        wires.faults.check(
            "write",
            self.lines.iter().map(|(line, _)| line),
            self.taken,
            Fault::WriteFails,
        )?;
        wires.set(levels);
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        let lines = self.lines.iter().map(|(line, _)| line);
        self.board.wires().faults.check("read", lines, self.taken, Fault::ReadFails)?;
        Ok(self.lines.iter().map(|(line, polarity)| value(self.board.level(line), *polarity)).collect())
    }
}

impl Drop for SimulatedOutputs {
    fn drop(&mut self) {
        for (line, _) in &self.lines {
            self.board.wires().release(line, self.taken);
        }
    }
}

struct SimulatedInput {
    board: Board,
    line: Line,
    polarity: Polarity,
    taken: u32,
}

impl Input for SimulatedInput {
    fn read(&mut self) -> Result<Value, HardwareError> {
        let line = std::iter::once(&self.line);
        self.board.wires().faults.check("read", line, self.taken, Fault::ReadFails)?;
        Ok(value(self.board.level(&self.line), self.polarity))
    }

    fn drive(&mut self, value: Value) -> Result<(), HardwareError> {
        let line = std::iter::once(&self.line);
        self.board.wires().faults.check("drive", line, self.taken, Fault::WriteFails)?;
        self.board.drive(&self.line, level(value, self.polarity));
        Ok(())
    }
}

impl Drop for SimulatedInput {
    fn drop(&mut self) {
        self.board.wires().release(&self.line, self.taken);
    }
}

fn level(value: Value, polarity: Polarity) -> Level {
    if value.is_active() == (polarity == Polarity::ActiveHigh) { Level::High } else { Level::Low }
}

fn value(level: Level, polarity: Polarity) -> Value {
    Value::from_bool((level == Level::High) == (polarity == Polarity::ActiveHigh))
}

/// CLOCK_MONOTONIC, as the kernel stamps its own edges; 0 where there is no such clock.
fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn line(simulation: &mut Simulation, name: &str) -> Line {
        let address = LineAddress { chip: None, line: LineRef::Name(name.to_owned()) };
        simulation.locate(&address).expect("the simulation knows every name")
    }

    #[test]
    fn outputs_follow_their_polarity_and_read_back() {
        let mut simulation = Simulation::new();
        let (a, b) = (line(&mut simulation, "GPIO1"), line(&mut simulation, "door"));
        let lines = [(a.clone(), Polarity::ActiveHigh), (b.clone(), Polarity::ActiveLow)];
        let mut outputs =
            simulation.open_outputs(&lines, Start::Values(&[Value::Inactive; 2])).expect("free lines");
        assert_eq!([Level::Low, Level::High], [&a, &b].map(|l| simulation.board().level(l)));
        outputs.write(&[Value::Active, Value::Active]).expect("simulated");
        assert_eq!([Level::High, Level::Low], [&a, &b].map(|l| simulation.board().level(l)));
        assert_eq!(outputs.read().expect("simulated"), [Value::Active, Value::Active]);
    }

    #[test]
    fn keep_leaves_a_driven_line_and_starts_others_inactive() {
        let mut simulation = Simulation::new();
        let (driven, free) = (line(&mut simulation, "GPIO1"), line(&mut simulation, "GPIO2"));
        simulation.board().leave_driven(&driven, Level::High);
        let lines = [(driven, Polarity::ActiveHigh), (free, Polarity::ActiveHigh)];
        let mut outputs = simulation.open_outputs(&lines, Start::Keep).expect("free lines");
        assert_eq!(outputs.read().expect("simulated"), [Value::Active, Value::Inactive]);
    }

    #[test]
    fn a_line_has_one_holder_until_it_is_dropped() {
        let mut simulation = Simulation::new();
        let line = line(&mut simulation, "GPIO1");
        let lines = [(line, Polarity::ActiveHigh)];
        let first = simulation.open_outputs(&lines, Start::Keep);
        let second = simulation.open_outputs(&lines, Start::Keep).err().expect("held").to_string();
        assert!(second.contains("held by \"gpio-gatekeeper\""), "{second}");
        drop(first);
        assert!(simulation.open_outputs(&lines, Start::Keep).is_ok());
    }

    #[test]
    fn a_driven_input_sees_its_edges() {
        let mut simulation = Simulation::new();
        let line = line(&mut simulation, "GPIO4");
        let (sender, edges) = mpsc::channel();
        let sink: EdgeSink = Arc::new(move |edge| {
            let _ = sender.send(edge);
        });
        let input =
            simulation.open_input(&line, InputRequest::new(Polarity::ActiveLow, Bias::PullUp), 7, sink);
        let mut input = input.expect("a free line");
        assert_eq!(input.read().expect("simulated"), Value::Inactive);
        simulation.board().drive(&line, Level::Low);
        simulation.board().drive(&line, Level::Low);
        input.drive(Value::Inactive).expect("simulated");
        let seen: Vec<_> = edges.try_iter().map(|edge| (edge.input, edge.value, edge.sequence)).collect();
        assert_eq!(seen, [(7, Some(Value::Active), Some(1)), (7, Some(Value::Inactive), Some(2))]);
    }

    #[test]
    fn only_the_edges_that_are_wanted_are_reported_and_counted() {
        let mut simulation = Simulation::new();
        let line = line(&mut simulation, "GPIO4");
        let (sender, edges) = mpsc::channel();
        let sink: EdgeSink = Arc::new(move |edge| {
            let _ = sender.send(edge);
        });
        let request = InputRequest {
            edges: Edges::ToActive,
            ..InputRequest::new(Polarity::ActiveHigh, Bias::PullDown)
        };
        let _input = simulation.open_input(&line, request, 7, sink).expect("a free line");
        for level in [Level::High, Level::Low, Level::High] {
            simulation.board().drive(&line, level);
        }
        let seen: Vec<_> = edges.try_iter().map(|edge| (edge.value, edge.sequence)).collect();
        assert_eq!(seen, [(Some(Value::Active), Some(1)), (Some(Value::Active), Some(2))]);
    }
}
