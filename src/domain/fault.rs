//! Faults that a simulation makes on purpose, so that what they lead to can be seen before a wire breaks.

use std::fmt;
use std::time::Duration;

use super::Span;

/// What goes wrong with a simulated line, PWM channel or part on a bus until it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It stays what it is, whatever is written to it or drives it.
    Stuck,
    /// What is written to it fails.
    WriteFails,
    /// What is read from it fails.
    ReadFails,
    /// A part does not acknowledge its address.
    Nak,
    /// Bits of what a part says arrive as others.
    BitErrors,
    /// Every transfer with a part takes so long.
    Slow(Duration),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Stuck => f.write_str("stuck"),
            Fault::WriteFails => f.write_str("write-fails"),
            Fault::ReadFails => f.write_str("read-fails"),
            Fault::Nak => f.write_str("nak"),
            Fault::BitErrors => f.write_str("bit-errors"),
            Fault::Slow(time) => write!(f, "slow {}", Span(*time)),
        }
    }
}
