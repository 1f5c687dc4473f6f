//! An input line whose value counts once it has been the same for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::control::Bench;
use crate::domain::{Bias, EdgeStamp, LineAddress, LineRef, Mistakes, Polarity, Settings, Span, Value};
use crate::hardware::{Edge, HardwareError, Input, InputRequest};

/// An input and the value that counts.
pub(super) struct Debounced {
    input: Box<dyn Input>,
    /// What its edges carry.
    number: usize,
    /// How long a value has to stay before it counts; zero for at once.
    debounce: Duration,
    value: Result<Value, Arc<str>>,
    stamp: Option<EdgeStamp>,
    /// The last edge, and when its value will count if no other comes.
    settling: Option<(Instant, EdgeStamp)>,
    /// It was driven by a command, so that edges may be on their way that are true no more.
    driven: bool,
}

/// An input line as it is configured.
pub(super) struct InputPlan {
    /// The setting that names the line.
    pub(super) role: &'static str,
    pub(super) address: LineAddress,
    pub(super) polarity: Polarity,
    pub(super) bias: Bias,
    pub(super) debounce: Span,
}

/// The settings of an input line that is called `line`.
#[derive(Deserialize)]
pub(super) struct InputSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    bias: Bias,
    debounce: Option<Span>,
}

/// Longer than any contact bounces, and what every backend can do.
pub(super) const LONGEST_DEBOUNCE: Span = Span::from_millis(60_000);

impl InputSettings {
    /// The line that they are about, debounced for `debounce` where they say nothing else.
    pub(super) fn plan(
        self,
        debounce: Span,
        settings: &Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<InputPlan> {
        let input = InputPlan {
            role: "line",
            address: LineAddress { chip: self.chip, line: self.line },
            polarity: Polarity::from_active_low(self.active_low),
            bias: self.bias,
            debounce: self.debounce.unwrap_or(debounce),
        };
        input.checked(settings, mistakes)
    }
}

impl InputPlan {
    /// The same, if its setting `debounce` is in range.
    pub(super) fn checked(self, settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<InputPlan> {
        if self.debounce > LONGEST_DEBOUNCE {
            settings.mistake("debounce", format!("debounce is at most {LONGEST_DEBOUNCE}"), mistakes);
            return None;
        }
        Some(self)
    }

    /// Its line.
    pub(super) fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        vec![(self.role, self.address.clone())]
    }

    /// Takes the line, with the value that it has now.
    pub(super) fn open(&self, bench: &mut Bench<'_>) -> Result<Debounced, HardwareError> {
        let debounce = self.debounce.0;
        let request = InputRequest { debounce, ..InputRequest::new(self.polarity, self.bias) };
        let number = bench.next_input();
        Debounced::new(bench.input(self.role, &self.address, request)?, number, debounce)
    }
}

impl Debounced {
    /// A line that was taken, whose edges carry `number`, with the value that it has now.
    pub(super) fn new(
        mut input: Box<dyn Input>,
        number: usize,
        debounce: Duration,
    ) -> Result<Debounced, HardwareError> {
        let value = Ok(input.read()?);
        // What the backend holds back comes when it counts.
        let debounce = if input.debounces() { Duration::ZERO } else { debounce };
        Ok(Debounced { input, number, debounce, value, stamp: None, settling: None, driven: false })
    }

    /// The value that counts, or why there is none.
    pub(super) fn value(&self) -> Result<Value, Arc<str>> {
        self.value.clone()
    }

    /// The edge that brought it.
    pub(super) fn edge_stamp(&self) -> Option<EdgeStamp> {
        self.stamp
    }

    /// Takes note of an edge, if it is one of this line; true when the value that counts may have changed.
    pub(super) fn edge(&mut self, edge: Edge, now: Instant) -> bool {
        if edge.input != self.number {
            return false;
        }
        let stamp = edge.stamp();
        if self.debounce.is_zero() {
            // Who drives a line by commands sees their order; an edge that still waits is older than the last one.
            let known = edge.value.filter(|_| !self.driven);
            let value = known.map_or_else(|| self.input.read(), Ok);
            return self.settle(value, stamp);
        }
        self.settling = Some((now + self.debounce, stamp));
        false
    }

    /// When to tick.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.settling.map(|(due, _)| due)
    }

    /// Lets the value count that has stayed; true when it is another than before.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        match self.settling {
            Some((due, stamp)) if due <= now => {
                self.settling = None;
                let read = self.input.read();
                self.settle(read, stamp)
            }
            _ => false,
        }
    }

    /// Asks the hardware now.  A line that is still settling keeps the value that counted before, if there is one.
    pub(super) fn read(&mut self) -> Result<bool, HardwareError> {
        let read = self.input.read();
        if let (Ok(_), Some(_), Ok(_)) = (&read, &self.settling, &self.value) {
            return Ok(false);
        }
        match read {
            Ok(value) => {
                let before = self.value.clone();
                self.value = Ok(value);
                Ok(before != self.value)
            }
            Err(error) => {
                self.value = Err(error.to_string().into());
                Err(error)
            }
        }
    }

    /// Drives the line, where it is simulated; true when the value that counts is another than before.  A command
    /// does not bounce, so this counts at once.
    pub(super) fn drive(&mut self, value: Value) -> Result<bool, HardwareError> {
        self.input.drive(value)?;
        self.driven = true;
        self.settling = None;
        let changed = self.read()?;
        if changed {
            self.stamp = None;
        }
        Ok(changed)
    }

    fn settle(&mut self, read: Result<Value, HardwareError>, stamp: EdgeStamp) -> bool {
        let value = read.map_err(|error| Arc::from(error.to_string()));
        let changed = value != self.value;
        if changed {
            self.value = value;
            self.stamp = Some(stamp);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use super::*;
    use crate::domain::{Bias, LineAddress, LineRef, Polarity};
    use crate::hardware::{Board, Hardware, Level, Line, Simulation};

    fn input(debounce: Duration) -> (Debounced, Board, Line, Receiver<Edge>) {
        let mut simulation = Simulation::new();
        let address = LineAddress { chip: None, line: LineRef::Offset(4) };
        let line = simulation.locate(&address).expect("the simulation has every line");
        let (sender, edges) = mpsc::channel();
        let sink = Arc::new(move |edge| sender.send(edge).expect("the test waits"));
        let request = InputRequest::new(Polarity::ActiveHigh, Bias::PullDown);
        let input = simulation.open_input(&line, request, 0, sink).expect("a free line");
        let debounced = Debounced::new(input, 0, debounce).expect("it can be read");
        (debounced, simulation.board(), line, edges)
    }

    #[test]
    fn a_commanded_value_counts_at_once_and_its_edges_change_nothing() {
        for debounce in [Duration::ZERO, Duration::from_millis(10)] {
            let (mut input, _board, _line, edges) = input(debounce);
            let now = Instant::now();
            assert_eq!(input.drive(Value::Active).ok(), Some(true));
            assert_eq!((input.value(), input.edge_stamp()), (Ok(Value::Active), None));
            assert_eq!(input.drive(Value::Active).ok(), Some(false));
            assert_eq!(input.drive(Value::Inactive).ok(), Some(true));
            // The edges of both are handled only now.
            for edge in edges.try_iter() {
                assert!(!input.edge(edge, now), "{edge:?}");
            }
            assert!(!input.tick(now + debounce));
            assert_eq!(input.value(), Ok(Value::Inactive));
        }
    }

    #[test]
    fn an_edge_from_outside_counts_when_it_has_stayed() {
        let debounce = Duration::from_millis(10);
        let (mut input, board, line, edges) = input(debounce);
        let start = Instant::now();
        board.drive(&line, Level::High);
        let edge = edges.try_recv().expect("an edge");
        assert!(!input.edge(edge, start));
        assert_eq!(input.value(), Ok(Value::Inactive));
        assert!(input.tick(start + debounce));
        assert_eq!((input.value(), input.edge_stamp()), (Ok(Value::Active), Some(edge.stamp())));
    }
}
