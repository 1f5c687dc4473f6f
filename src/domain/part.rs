//! A part on a bus of sensors as a configuration names it.

use std::fmt;

/// Where a part is, and what of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartAddress {
    /// Where: `/dev/i2c-1 address 0x48`, the path of a chip select, or that of a file.
    pub place: String,
    /// What of it.
    pub share: Share,
}

/// What of a part is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    Whole,
    /// One input of a part that has several; the part, and the input.
    Input(&'static str, String),
}

impl PartAddress {
    /// Whether both can be used, each by a device of its own.
    pub fn goes_with(&self, other: &PartAddress) -> bool {
        let beside = match (&self.share, &other.share) {
            (Share::Input(part, input), Share::Input(other, another)) => part == other && input != another,
            _ => false,
        };
        self.place != other.place || beside
    }
}

impl fmt::Display for PartAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.share {
            Share::Whole => f.write_str(&self.place),
            Share::Input(_, input) => write!(f, "{} input {input}", self.place),
        }
    }
}
