//! What can go wrong between the daemon and a line.

use std::fmt;
use std::io;

use super::Line;

/// A call to the hardware that failed.
#[derive(Debug)]
pub enum HardwareError {
    /// No chip, or no line, is where the configuration says.
    NotFound(String),
    /// Somebody else holds the line.
    Busy {
        /// The line.
        line: Line,
        /// Who holds it, as the kernel knows the holder.
        consumer: Option<String>,
    },
    /// The call is one that this chip or this kernel does not have.
    Unsupported(String),
    /// A call failed.
    Call {
        /// What was tried, such as `write gpiochip0:17`.
        call: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// A line reads back another value than was written.
    ReadBack(String),
    /// Only simulated lines can be driven from outside.
    NotSimulated,
}

impl fmt::Display for HardwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HardwareError::NotFound(what)
            | HardwareError::Unsupported(what)
            | HardwareError::ReadBack(what) => f.write_str(what),
            HardwareError::Busy { line, consumer: Some(consumer) } => {
                write!(f, "line {line} is held by \"{consumer}\"; stop that program, or take another line")
            }
            HardwareError::Busy { line, consumer: None } => {
                write!(f, "line {line} is held by another program; stop that program, or take another line")
            }
            HardwareError::Call { call, cause } => write!(f, "{call}: {cause}"),
            HardwareError::NotSimulated => f.write_str("only a simulated line can be driven by a command"),
        }
    }
}

impl std::error::Error for HardwareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HardwareError::Call { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
