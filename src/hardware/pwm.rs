//! A PWM channel, real or simulated, and the signal that it gives.

use std::time::Duration;

use super::HardwareError;

/// What a PWM channel gives: for `active` of every `period` it is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Not zero, and with a resolution of a nanosecond.
    pub period: Duration,
    /// At most `period`.
    pub active: Duration,
}

/// A PWM channel that was taken.
///
/// Its signal goes on when this is dropped and when the daemon ends: write the signal that is wanted before.
pub trait Pwm: Send {
    /// Gives this signal from now on.
    fn write(&mut self, signal: Signal) -> Result<(), HardwareError>;

    /// The signal that it gives, as the hardware says.
    fn read(&mut self) -> Result<Signal, HardwareError>;
}

impl Signal {
    /// With this period, active for the part `duty` of it, from 0 to 1; to the nearest nanosecond.
    pub fn new(period: Duration, duty: f64) -> Signal {
        let nanoseconds = (period.as_nanos() as f64 * duty.clamp(0.0, 1.0)).round();
        Signal { period, active: Duration::from_nanos(nanoseconds as u64) }
    }

    /// For which part of a period it is active, from 0 to 1.
    pub fn duty(&self) -> f64 {
        if self.period.is_zero() {
            0.0
        } else {
            self.active.as_nanos() as f64 / self.period.as_nanos() as f64
        }
    }
}
