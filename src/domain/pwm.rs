//! PWM channels of the kernel as a configuration names them.

use std::fmt;

use serde::Deserialize;

/// Where a PWM channel is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PwmAddress {
    /// The device that its chip belongs to, such as `fe20c000.pwm`: what the link
    /// `/sys/class/pwm/pwmchipN/device` leads to.  The number N changes with kernels and overlays.
    pub chip: String,
    /// Counted from 0 on that chip.
    pub channel: u32,
}

impl fmt::Display for PwmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chip, self.channel)
    }
}
