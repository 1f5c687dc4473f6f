//! Hands: the lines of a gpiochip, real or simulated.
//!
//! A [`Hardware`] finds lines and opens them; what it opens belongs to the device that asked for it and lives on
//! the hardware thread.  Values are logical: the backend applies the polarity, where it can in the kernel.

pub mod buses;
mod error;
pub mod gpiochip;
mod group;
pub mod model;
pub mod parts;
mod pwm;
pub mod pwm_sysfs;
pub mod sensors;
mod simulation;
pub mod survey;

use std::sync::Arc;
use std::time::Duration;

pub use error::HardwareError;
pub use pwm::{Pwm, Signal};
pub use simulation::{Board, Level, Place, Simulation};

use self::buses::{Buses, SystemBuses};
use crate::domain::{Bias, EdgeStamp, LineAddress, Polarity, PwmAddress, Value};

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

    /// Tells `news` of chips that are unplugged and of chips that come, from now on.  It is called on whichever thread
    /// learns of it, and does not wait.  Hardware whose chips are soldered tells nothing.
    fn watch_chips(&mut self, _news: ChipSink) {}

    /// The other end of its wires, which only a simulation has.
    fn board(&self) -> Option<Board> {
        None
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

    /// Takes a line as an input whose edges go to `edges` under the number `input`.
    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError>;

    /// The buses on which sensors are.
    fn buses(&self) -> Arc<dyn Buses> {
        Arc::new(SystemBuses)
    }

    /// Takes a PWM channel, which gives `start` from then on.
    fn open_pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError>;
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

/// How a line is taken as an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputRequest {
    /// Which level is the active one.
    pub polarity: Polarity,
    /// What holds the line while nothing drives it.
    pub bias: Bias,
    /// How long a level has to stay before it counts; zero for at once.  Not every backend can do it:
    /// [`Input::debounces`] tells.
    pub debounce: Duration,
    /// Which edges are reported.
    pub edges: Edges,
}

impl InputRequest {
    /// Every edge, at once.
    pub fn new(polarity: Polarity, bias: Bias) -> InputRequest {
        InputRequest { polarity, bias, debounce: Duration::ZERO, edges: Edges::Both }
    }
}

/// Which edges of an input are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edges {
    /// Those to active and those to inactive.
    #[default]
    Both,
    /// Those to active only: half the work for what is only counted.
    ToActive,
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

    /// Whether edges are reported, and values read, only when they have stayed for the time that was asked for.
    fn debounces(&self) -> bool {
        false
    }

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
    /// Which of the line's edges this is, counted from 1 since it was taken, so that a gap says how many were lost; a
    /// `u32` that wraps.  Nothing where some may have been lost that nobody counted, so that the line has to be read.
    pub sequence: Option<u32>,
}

impl Edge {
    /// Which edge it is.
    pub fn stamp(&self) -> EdgeStamp {
        EdgeStamp { ns: self.timestamp_ns, sequence: self.sequence }
    }
}

/// A chip is not there any more, or there again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChipNews {
    /// What was taken of the chip of this name is of no use any more.
    Gone(Arc<str>),
    /// A chip of this name is there, or may be opened now.
    Came(Arc<str>),
}

/// Where a backend tells of chips: it never waits.
pub type ChipSink = Arc<dyn Fn(ChipNews) + Send + Sync>;

/// Where a backend puts edges: it never waits.
pub type EdgeSink = Arc<dyn Fn(Edge) + Send + Sync>;

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.chip, self.offset)
    }
}
