//! An input line whose value counts once it has been the same for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::Value;
use crate::hardware::{Edge, HardwareError, Input};

/// An input and the value that counts.
pub(super) struct Debounced {
    input: Box<dyn Input>,
    /// How long a value has to stay before it counts; zero for at once.
    debounce: Duration,
    value: Result<Value, Arc<str>>,
    edge_ns: Option<u64>,
    /// The last edge, and when its value will count if no other comes.
    settling: Option<(Instant, u64)>,
}

impl Debounced {
    /// Takes the input with the value that it has now.
    pub(super) fn new(mut input: Box<dyn Input>, debounce: Duration) -> Result<Debounced, HardwareError> {
        let value = Ok(input.read()?);
        Ok(Debounced { input, debounce, value, edge_ns: None, settling: None })
    }

    /// The value that counts, or why there is none.
    pub(super) fn value(&self) -> Result<Value, Arc<str>> {
        self.value.clone()
    }

    /// The kernel's time of the edge that brought it.
    pub(super) fn edge_ns(&self) -> Option<u64> {
        self.edge_ns
    }

    /// Takes note of an edge; true when the value that counts may have changed.
    pub(super) fn edge(&mut self, edge: Edge, now: Instant) -> bool {
        if self.debounce.is_zero() {
            let value = edge.value.map_or_else(|| self.input.read(), Ok);
            return self.settle(value, edge.timestamp_ns);
        }
        self.settling = Some((now + self.debounce, edge.timestamp_ns));
        false
    }

    /// When to tick.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.settling.map(|(due, _)| due)
    }

    /// Lets the value count that has stayed; true when it is another than before.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        match self.settling {
            Some((due, edge_ns)) if due <= now => {
                self.settling = None;
                let read = self.input.read();
                self.settle(read, edge_ns)
            }
            _ => false,
        }
    }

    /// Asks the hardware now.  A line that is still settling keeps the value that counted before.
    pub(super) fn read(&mut self) -> Result<bool, HardwareError> {
        let read = self.input.read();
        if let (Ok(_), Some(_)) = (&read, &self.settling) {
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

    /// Drives the line from outside, where it is simulated.
    pub(super) fn drive(&mut self, value: Value) -> Result<(), HardwareError> {
        self.input.drive(value)
    }

    fn settle(&mut self, read: Result<Value, HardwareError>, edge_ns: u64) -> bool {
        let value = read.map_err(|error| Arc::from(error.to_string()));
        let changed = value != self.value;
        if changed {
            self.value = value;
            self.edge_ns = Some(edge_ns);
        }
        changed
    }
}
