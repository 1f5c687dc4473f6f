//! An output with a duty from 0 to 1, whoever makes its PWM.

use std::time::{Duration, Instant};

use super::software_pwm::SoftwarePwm;
use crate::hardware::{HardwareError, Pwm, Signal};

/// A PWM that was taken.
pub(super) enum PwmOutput {
    /// The hardware thread switches a line.
    Software(SoftwarePwm),
    /// The kernel does it, with this period: nobody has to wake for it.
    Kernel(Channel, Duration),
}

/// A channel of the kernel, and the signal that was read back last.
pub(super) struct Channel {
    pwm: Box<dyn Pwm>,
    signal: Signal,
}

impl PwmOutput {
    /// Gives this duty, from 0 to 1, from now on.
    pub(super) fn set(&mut self, duty: f64, now: Instant) -> Result<(), HardwareError> {
        match self {
            PwmOutput::Software(pwm) => pwm.set(duty, now),
            PwmOutput::Kernel(channel, period) => channel.write(Signal::new(*period, duty)),
        }
    }

    /// What a channel was read to give, or what software gives.
    pub(super) fn duty(&self) -> f64 {
        match self {
            PwmOutput::Software(pwm) => pwm.duty(),
            PwmOutput::Kernel(channel, _) => channel.duty(),
        }
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        match self {
            PwmOutput::Software(pwm) => pwm.read(),
            PwmOutput::Kernel(channel, _) => channel.read(),
        }
    }

    /// When it next wants [`PwmOutput::tick`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            PwmOutput::Software(pwm) => pwm.deadline(),
            PwmOutput::Kernel(..) => None,
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), HardwareError> {
        match self {
            PwmOutput::Software(pwm) => pwm.tick(now),
            PwmOutput::Kernel(..) => Ok(()),
        }
    }
}

impl Channel {
    /// A channel that was taken, with the signal that it gives.
    pub(super) fn new(mut pwm: Box<dyn Pwm>) -> Result<Channel, HardwareError> {
        let signal = pwm.read()?;
        Ok(Channel { pwm, signal })
    }

    /// Gives a signal and reads it back; another one than was written is an error.
    pub(super) fn write(&mut self, signal: Signal) -> Result<(), HardwareError> {
        self.pwm.write(signal)?;
        self.read()?;
        if self.signal == signal {
            return Ok(());
        }
        Err(HardwareError::ReadBack(format!(
            "the PWM channel reads {:?} of {:?} after {:?} of {:?} was written",
            self.signal.active, self.signal.period, signal.active, signal.period
        )))
    }

    /// For which part of the time it was read to be active, from 0 to 1.
    pub(super) fn duty(&self) -> f64 {
        self.signal.duty()
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        self.signal = self.pwm.read()?;
        Ok(())
    }
}
