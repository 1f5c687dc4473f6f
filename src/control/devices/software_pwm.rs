//! Software PWM on one output line.
//!
//! The hardware thread switches the line at its own deadlines, and only while the duty is between off and full: a
//! line that is off or full costs nothing.  Each edge is late by as much as the thread is.

use std::time::{Duration, Instant};

use super::output_line::OutputLine;
use crate::domain::Value;
use crate::hardware::HardwareError;

/// A line that is active for a part of every period.
pub(super) struct SoftwarePwm {
    line: OutputLine,
    period: Duration,
    /// For which part of a period the line is active, from 0 to 1.
    duty: f64,
    /// When the line changes next, while the duty is between off and full.
    switch_at: Option<Instant>,
}

impl SoftwarePwm {
    /// On a line that was taken, and is what it is until the first [`SoftwarePwm::set`].
    pub(super) fn new(line: OutputLine, period: Duration) -> SoftwarePwm {
        let duty = line.value().map_or(0.0, Value::number);
        SoftwarePwm { line, period, duty, switch_at: None }
    }

    /// Takes a new period, which begins now where a PWM runs.
    pub(super) fn retune(&mut self, period: Duration, now: Instant) -> Result<(), HardwareError> {
        self.period = period;
        match self.switch_at.take() {
            Some(_) => self.set(self.duty, now),
            None => Ok(()),
        }
    }

    /// Takes a new duty.  A PWM that runs goes on in its rhythm; one that does not begins with being active.
    pub(super) fn set(&mut self, duty: f64, now: Instant) -> Result<(), HardwareError> {
        let steady = if duty <= 0.0 {
            Some(Value::Inactive)
        } else if duty >= 1.0 {
            Some(Value::Active)
        } else {
            None
        };
        self.duty = duty.clamp(0.0, 1.0);
        let result = match (steady, self.switch_at) {
            (Some(value), _) => {
                self.switch_at = None;
                self.line.set(value)
            }
            (None, Some(_)) => Ok(()),
            (None, None) => {
                self.switch_at = Some(now + self.period.mul_f64(self.duty));
                self.line.set(Value::Active)
            }
        };
        self.ended_by(result)
    }

    /// The duty that it was given, or what the line was read to be where no PWM runs.
    pub(super) fn duty(&self) -> f64 {
        self.duty
    }

    /// Asks the line.  Without a PWM that runs the duty is what the line says, whatever it was given before a fault.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        let read = self.line.read();
        if let (Ok(value), None) = (&read, self.switch_at) {
            self.duty = value.number();
        }
        self.ended_by(read.map(drop))
    }

    /// When it next wants [`SoftwarePwm::tick`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.switch_at
    }

    /// Changes the line when its time in this period is over.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), HardwareError> {
        let Some(due) = self.switch_at.filter(|due| *due <= now) else { return Ok(()) };
        let active = self.line.value() == Ok(Value::Active);
        let part = if active { 1.0 - self.duty } else { self.duty };
        let next = due + self.period.mul_f64(part);
        // What is late by a whole period is not made up for.
        self.switch_at = Some(if next + self.period < now { now + self.period.mul_f64(part) } else { next });
        let result = self.line.set(Value::from_bool(!active));
        self.ended_by(result)
    }

    /// A fault ends the PWM: the line keeps it as its state.
    fn ended_by(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        if result.is_err() {
            self.switch_at = None;
        }
        result
    }
}
