//! A bridge: two lines that drive something in one of two directions, and are never both active.

use std::sync::Arc;

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
    /// Takes the lines, both inactive.
    pub(super) fn open(
        bench: &mut Bench<'_>,
        forward: &LineAddress,
        backward: &LineAddress,
        polarity: Polarity,
    ) -> Result<Bridge, HardwareError> {
        let lines = bench.outputs(
            &[("forward", forward.clone(), polarity), ("backward", backward.clone(), polarity)],
            Start::Values(&Drive::Stopped.values()),
        )?;
        let mut bridge = Bridge { lines, drive: Ok(Drive::Stopped) };
        bridge.read()?;
        Ok(bridge)
    }

    /// What the lines were when they were last read.
    pub(super) fn drive(&self) -> Result<Drive, Arc<str>> {
        self.drive.clone()
    }

    /// Keeps an error as the state.
    pub(super) fn fail(&mut self, error: &HardwareError) {
        self.drive = Err(error.to_string().into());
    }

    /// Writes both lines in one request and reads them back; another direction than was written is an error.
    pub(super) fn set(&mut self, drive: Drive) -> Result<(), HardwareError> {
        let result = self.lines.write(&drive.values()).and_then(|()| self.read());
        match result {
            Ok(read) if read == drive => Ok(()),
            Ok(read) => {
                Err(HardwareError::ReadBack(format!("the lines read {read:?} after {drive:?} was written")))
            }
            Err(error) => {
                self.fail(&error);
                Err(error)
            }
        }
        .inspect_err(|_| {
            // Whatever is wrong with the lines: ask them once more to be off.  The first error is the one to tell.
            let _ = self.lines.write(&Drive::Stopped.values());
        })
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<Drive, HardwareError> {
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
