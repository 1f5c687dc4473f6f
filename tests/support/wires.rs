//! The other end of the wires, whatever kind of chip they come from.

/// The other end of the wires.
pub(crate) trait Wires {
    /// Pulls a line up or down, as a switch would.
    fn pull(&self, line: u32, pull: Pull);

    /// The level of a line, as a voltmeter would show it: 0 or 1.
    fn level(&self, line: u32) -> u8;
}

/// What a switch outside does to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pull {
    Up,
    Down,
}
