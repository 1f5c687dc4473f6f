//! Two output lines that drive opposite ways, and of which never both are active.
//!
//! Both change in one request, and every change of direction passes through off: the line of the other direction
//! becomes active only when the dead time has passed since the lines were told to be off and read so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::control::Bench;
use crate::domain::{LineAddress, Polarity, Value};
use crate::hardware::{HardwareError, Outputs, Start};

/// A pair of lines, and what it was when it was last read.
pub(super) struct Opposed {
    lines: Box<dyn Outputs>,
    dead_time: Duration,
    way: Result<Way, Arc<str>>,
    /// The way it last went, and when it was off again; nothing when it never went, and no way when nobody knows
    /// which.
    rested: Option<(Option<Way>, Instant)>,
    /// Which way it will go, and when.
    next: Option<(Way, Instant)>,
}

/// Which way a pair of lines drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Stopped,
    /// The first line is active.
    First,
    /// The second line is active.
    Second,
}

/// Two lines of one chip as they are configured, each with its role.
pub(super) type Pair = [(&'static str, LineAddress, Polarity); 2];

impl Way {
    fn values(self) -> [Value; 2] {
        [Way::First, Way::Second].map(|way| Value::from_bool(self == way))
    }
}

impl Opposed {
    /// Takes the lines, which are off.
    pub(super) fn open(
        lines: &Pair,
        dead_time: Duration,
        bench: &mut Bench<'_>,
    ) -> Result<Opposed, HardwareError> {
        let lines = bench.outputs(lines, Start::Values(&Way::Stopped.values()))?;
        let mut pair = Opposed { lines, dead_time, way: Ok(Way::Stopped), rested: None, next: None };
        pair.read()?;
        Ok(pair)
    }

    /// Which way it drives, or why nobody knows.
    pub(super) fn way(&self) -> Result<Way, Arc<str>> {
        self.way.clone()
    }

    /// Which way it will drive when it has rested.
    pub(super) fn next(&self) -> Option<Way> {
        self.next.map(|(way, _)| way)
    }

    /// Goes to `wanted`: at once where that is safe, else through off and after the dead time.
    pub(super) fn go(&mut self, wanted: Way, now: Instant) -> Result<(), HardwareError> {
        self.next = None;
        if wanted != Way::Stopped && self.way == Ok(wanted) {
            return Ok(());
        }
        // After a fault nobody knows what it did: then it rests, whichever way it is to go.
        let before = self.way.clone().ok();
        self.set(Way::Stopped)?;
        if before != Some(Way::Stopped) {
            self.rested = Some((before, now));
        }
        if wanted == Way::Stopped {
            return Ok(());
        }
        match self.rested {
            Some((last, since)) if last != Some(wanted) && now < since + self.dead_time => {
                self.next = Some((wanted, since + self.dead_time));
                Ok(())
            }
            _ => self.set(wanted),
        }
    }

    /// When to tick.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next.map(|(_, due)| due)
    }

    /// Goes where it was to go after its rest; true when it went there.
    pub(super) fn tick(&mut self, now: Instant) -> Result<bool, HardwareError> {
        match self.next.take_if(|(_, due)| *due <= now) {
            Some((way, _)) => self.set(way).map(|()| true),
            None => Ok(false),
        }
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<Way, HardwareError> {
        let read = self.lines.read().and_then(|values| match values[..] {
            [Value::Inactive, Value::Inactive] => Ok(Way::Stopped),
            [Value::Active, Value::Inactive] => Ok(Way::First),
            [Value::Inactive, Value::Active] => Ok(Way::Second),
            _ => Err(HardwareError::ReadBack("both directions read active".to_owned())),
        });
        self.way = match &read {
            Ok(way) => Ok(*way),
            Err(error) => Err(error.to_string().into()),
        };
        read
    }

    fn set(&mut self, way: Way) -> Result<(), HardwareError> {
        let written = self.lines.write(&way.values()).and_then(|()| self.read());
        let error = match written {
            Ok(read) if read == way => return Ok(()),
            Ok(read) => HardwareError::ReadBack(format!("the lines read {read:?} after {way:?} was written")),
            Err(error) => error,
        };
        self.way = Err(error.to_string().into());
        // Whatever is wrong with the lines: ask them once more to be off.  The first error is the one to tell.
        let _ = self.lines.write(&Way::Stopped.values());
        Err(error)
    }
}
