//! An interlock: a group of devices of which one at a time may be on.

use std::time::Duration;

use super::DeviceName;

/// A group of devices of which one at a time may be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interlock {
    /// Its name.
    pub name: String,
    /// Its devices, at least two.
    pub devices: Vec<DeviceName>,
    /// How long all of them are off before another one goes on.
    pub dead_time: Duration,
}
