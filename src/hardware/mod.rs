//! Hands: the lines of a gpiochip, real or simulated.
//!
//! A [`Hardware`] finds lines and opens them; what it opens belongs to the device that asked for it and lives on
//! the hardware thread.  Values are logical: the backend applies the polarity, where it can in the kernel.

pub mod buses;
mod error;
pub mod gpiochip;
pub mod parts;
pub mod sensors;
mod simulation;

use std::sync::Arc;

pub use error::HardwareError;
pub use simulation::{Board, Level, Simulation};

use self::buses::{Buses, SystemBuses};
use crate::domain::{Bias, LineAddress, Polarity, Value};

/// A way to reach GPIO lines.
pub trait Hardware: Send {
    /// What this backend is called in logs, `STATUS` and the registry.
    fn backend(&self) -> &'static str;

    /// Whether there is no real line behind it.
    fn is_simulated(&self) -> bool;

    /// Whether the threads that it has for itself are well; when one has ended it reports an edge of every input.
    fn is_alive(&self) -> bool {
        true
    }

    /// Finds the one line that `address` means, without touching it.
    fn locate(&mut self, address: &LineAddress) -> Result<Line, HardwareError>;

    /// Takes lines of one chip as outputs, in one request.
    ///
    /// Dropping the request leaves the level of its lines to the kernel and the board, which differ: write the
    /// level that is wanted before.
    fn open_outputs(
        &mut self,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError>;

    /// Takes a line as an input whose edges, both rising and falling, go to `edges` under the number `input`.
    fn open_input(
        &mut self,
        line: &Line,
        polarity: Polarity,
        bias: Bias,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError>;

    /// The buses on which sensors are.
    fn buses(&self) -> Arc<dyn Buses> {
        Arc::new(SystemBuses)
    }
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// The chip's name, such as `gpiochip0`: unique on this machine.
    pub chip: Arc<str>,
    /// The line's offset on its chip.
    pub offset: u32,
}

/// What outputs do when they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// They take these values, one for each line, in the moment in which they become outputs.
    Values(&'a [Value]),
    /// Lines that are driven already go on without a glitch; others become inactive.
    Keep,
}

/// Lines that were taken as outputs together.
pub trait Outputs: Send {
    /// Sets all lines, in the order in which they were asked for, in one request to the hardware.
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError>;

    /// What the lines are, as the hardware says.
    fn read(&mut self) -> Result<Vec<Value>, HardwareError>;
}

/// A line that was taken as an input.
pub trait Input: Send {
    /// What the line is, as the hardware says.
    fn read(&mut self) -> Result<Value, HardwareError>;

    /// Drives the line from outside, which only a simulation can.
    fn drive(&mut self, _value: Value) -> Result<(), HardwareError> {
        Err(HardwareError::NotSimulated)
    }
}

/// A line changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The number that was given to [`Hardware::open_input`].
    pub input: usize,
    /// What the line went to, where that is known; else it has to be read.
    pub value: Option<Value>,
    /// The kernel's time of the edge, in nanoseconds of CLOCK_MONOTONIC.
    pub timestamp_ns: u64,
}

/// Where a backend puts edges: it never waits.
pub type EdgeSink = Arc<dyn Fn(Edge) + Send + Sync>;

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.chip, self.offset)
    }
}
