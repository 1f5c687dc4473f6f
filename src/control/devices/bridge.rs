//! A bridge: two lines that drive something in one of two directions, and are never both active.

use std::sync::Arc;
use std::time::Instant;

use super::duty_policy::DutyPolicy;
use super::pwm_output::PwmOutput;
use super::pwm_source::PwmSource;
use crate::control::Bench;
use crate::domain::{LineAddress, Polarity, Value};
use crate::hardware::{HardwareError, Outputs, Start};

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drive {
    Stopped,
    Forward,
    Backward,
}

/// Two lines that were taken, and what they were when they were last read.
pub(super) struct Bridge {
    lines: Box<dyn Outputs>,
    /// What gives it a speed.
    enable: Option<PwmOutput>,
    drive: Result<Drive, Arc<str>>,
}

impl Drive {
    /// Forward line, backward line.
    fn values(self) -> [Value; 2] {
        match self {
            Drive::Stopped => [Value::Inactive, Value::Inactive],
            Drive::Forward => [Value::Active, Value::Inactive],
            Drive::Backward => [Value::Inactive, Value::Active],
        }
    }

    /// The other direction, if it has one.
    pub(super) fn opposite(self) -> Drive {
        match self {
            Drive::Stopped => Drive::Stopped,
            Drive::Forward => Drive::Backward,
            Drive::Backward => Drive::Forward,
        }
    }
}

impl Bridge {
    /// Takes the lines, each with its role and first the one for forward, both inactive, and what gives them a speed, where
    /// there is one.
    pub(super) fn open(
        bench: &mut Bench<'_>,
        lines: &[(&'static str, LineAddress, Polarity); 2],
        enable: Option<&PwmSource>,
    ) -> Result<Bridge, HardwareError> {
        let lines = bench.outputs(lines, Start::Values(&Drive::Stopped.values()))?;
        let enable = enable.map(|source| source.open(bench, DutyPolicy::OFF)).transpose()?;
        let mut bridge = Bridge { lines, enable, drive: Ok(Drive::Stopped) };
        bridge.read()?;
        Ok(bridge)
    }

    /// What the lines were when they were last read.
    pub(super) fn drive(&self) -> Result<Drive, Arc<str>> {
        self.drive.clone()
    }

    /// How fast that is, from 0 to 1: always 1 where nothing gives it a speed.
    pub(super) fn speed(&self) -> f64 {
        self.enable.as_ref().map_or(1.0, PwmOutput::duty)
    }

    /// Keeps an error as the state.
    pub(super) fn fail(&mut self, error: &HardwareError) {
        self.drive = Err(error.to_string().into());
    }

    /// Goes in a direction with a speed from 0 to 1.  The direction has power only after it was read back.
    pub(super) fn set(&mut self, drive: Drive, speed: f64, now: Instant) -> Result<(), HardwareError> {
        let result = match drive {
            Drive::Stopped => {
                let throttled = self.throttle(0.0, now);
                // The lines go off whatever becomes of the speed, and stay so while it can't be taken away.
                let directed = self.direct(drive);
                let throttled = throttled.inspect_err(|error| self.fail(error));
                directed.and(throttled)
            }
            Drive::Forward | Drive::Backward => self.direct(drive).and_then(|()| self.throttle(speed, now)),
        };
        result.inspect_err(|_| self.cut(now))
    }

    /// Changes the speed of the direction that it has.
    pub(super) fn set_speed(&mut self, speed: f64, now: Instant) -> Result<(), HardwareError> {
        self.throttle(speed, now).inspect_err(|_| self.cut(now))
    }

    /// When it next wants [`Bridge::tick`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.enable.as_ref().and_then(PwmOutput::deadline)
    }

    /// Does what is due for its speed.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), HardwareError> {
        let Some(enable) = &mut self.enable else { return Ok(()) };
        let result = enable.tick(now);
        result.inspect_err(|error| {
            self.fail(error);
            self.cut(now);
        })
    }

    /// Whatever is wrong: asks everything once more to be off.  The first error is the one to tell.
    fn cut(&mut self, now: Instant) {
        if let Some(enable) = &mut self.enable {
            let _ = enable.set(0.0, now);
        }
        let _ = self.lines.write(&Drive::Stopped.values());
    }

    fn throttle(&mut self, speed: f64, now: Instant) -> Result<(), HardwareError> {
        let Some(enable) = &mut self.enable else { return Ok(()) };
        let result = enable.set(speed, now);
        result.inspect_err(|error| self.fail(error))
    }

    /// Writes both lines in one request and reads them back; another direction than was written is an error.
    fn direct(&mut self, drive: Drive) -> Result<(), HardwareError> {
        match self.lines.write(&drive.values()).and_then(|()| self.read_lines()) {
            Ok(read) if read == drive => Ok(()),
            Ok(read) => {
                Err(HardwareError::ReadBack(format!("the lines read {read:?} after {drive:?} was written")))
            }
            Err(error) => {
                self.fail(&error);
                Err(error)
            }
        }
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        self.read_lines()?;
        let Some(enable) = &mut self.enable else { return Ok(()) };
        let result = enable.read();
        result.inspect_err(|error| self.fail(error))
    }

    fn read_lines(&mut self) -> Result<Drive, HardwareError> {
        let read = self.lines.read().and_then(|values| match values[..] {
            [Value::Inactive, Value::Inactive] => Ok(Drive::Stopped),
            [Value::Active, Value::Inactive] => Ok(Drive::Forward),
            [Value::Inactive, Value::Active] => Ok(Drive::Backward),
            _ => Err(HardwareError::ReadBack("both directions read active".to_owned())),
        });
        self.drive = match &read {
            Ok(drive) => Ok(*drive),
            Err(error) => Err(error.to_string().into()),
        };
        read
    }
}
