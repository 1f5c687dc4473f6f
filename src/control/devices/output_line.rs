//! One output line that knows what it is, because it is read back after every write.

use std::sync::Arc;

use serde::Deserialize;

use crate::control::{Beginning, Bench};
use crate::domain::{Datum, LineAddress, Polarity, Value};
use crate::hardware::{HardwareError, Outputs, Start};

/// An output line and what it was when it was last read.
pub(super) struct OutputLine {
    outputs: Box<dyn Outputs>,
    value: Result<Value, Arc<str>>,
}

/// What an output does when it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Initial {
    /// It is off.
    #[default]
    Off,
    /// It is on.
    On,
    /// It stays what it is, without a glitch.
    Keep,
}

/// What an output does when it is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Policy {
    /// Nothing.
    #[default]
    Hold,
    /// It goes off.
    Off,
    /// It goes on.
    On,
}

impl OutputLine {
    /// Takes the line, which has this role and is `initial` unless the bench says otherwise.
    pub(super) fn open(
        bench: &mut Bench<'_>,
        role: &'static str,
        address: &LineAddress,
        polarity: Polarity,
        initial: Initial,
    ) -> Result<OutputLine, HardwareError> {
        let start = match (bench.beginning(), initial) {
            (Beginning::Off, _) | (Beginning::AsConfigured, Initial::Off) => {
                Start::Values(&[Value::Inactive])
            }
            (Beginning::On, _) | (Beginning::AsConfigured, Initial::On) => Start::Values(&[Value::Active]),
            (Beginning::AsConfigured, Initial::Keep) => Start::Keep,
        };
        let outputs = bench.outputs(&[(role, address.clone(), polarity)], start)?;
        OutputLine::new(outputs)
    }

    /// A line that was taken.
    pub(super) fn new(outputs: Box<dyn Outputs>) -> Result<OutputLine, HardwareError> {
        let mut line = OutputLine { outputs, value: Ok(Value::Inactive) };
        line.read()?;
        Ok(line)
    }

    /// Sets the line and reads it back; another value than was written is an error.
    pub(super) fn set(&mut self, value: Value) -> Result<(), HardwareError> {
        let result = self.outputs.write(&[value]).and_then(|()| self.read());
        match result {
            Ok(read) if read == value => Ok(()),
            Ok(read) => {
                Err(HardwareError::ReadBack(format!("the line reads {read} after {value} was written")))
            }
            Err(error) => {
                self.value = Err(error.to_string().into());
                Err(error)
            }
        }
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<Value, HardwareError> {
        let read = self.outputs.read().map(|values| values.first().copied().unwrap_or(Value::Inactive));
        self.value = match &read {
            Ok(value) => Ok(*value),
            Err(error) => Err(error.to_string().into()),
        };
        read
    }

    /// What the hardware said last.
    pub(super) fn value(&self) -> Result<Value, Arc<str>> {
        self.value.clone()
    }

    /// Does what `policy` says.
    pub(super) fn follow(&mut self, policy: Policy) -> Result<(), HardwareError> {
        match policy {
            Policy::Hold => Ok(()),
            Policy::Off => self.set(Value::Inactive),
            Policy::On => self.set(Value::Active),
        }
    }
}

impl From<Policy> for Datum {
    fn from(policy: Policy) -> Datum {
        Datum::from(match policy {
            Policy::Hold => "hold",
            Policy::Off => "off",
            Policy::On => "on",
        })
    }
}
