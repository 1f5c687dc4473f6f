//! A bridge that rests between its directions.
//!
//! Every change of direction passes through off: the line of the other direction becomes active only when the dead
//! time has passed since the lines were told to be off and read so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bridge::{Bridge, Drive};
use crate::control::Bench;
use crate::domain::{LineAddress, Polarity};
use crate::hardware::HardwareError;

/// Two lines that drive opposite ways.
pub(super) struct Opposed {
    bridge: Bridge,
    dead_time: Duration,
    /// The direction it last had, and when it was off again; nothing when it never had one, and no direction when
    /// nobody knows which.
    rested: Option<(Option<Drive>, Instant)>,
    /// What it will do, and when.
    next: Option<(Drive, Instant)>,
}

/// Two lines of one chip as they are configured, each with its role.
pub(super) type Pair = [(&'static str, LineAddress, Polarity); 2];

impl Opposed {
    /// Takes the lines, which are off.
    pub(super) fn open(
        lines: &Pair,
        dead_time: Duration,
        bench: &mut Bench<'_>,
    ) -> Result<Opposed, HardwareError> {
        Ok(Opposed { bridge: Bridge::open(bench, lines, None)?, dead_time, rested: None, next: None })
    }

    /// What it does, or why nobody knows.
    pub(super) fn drive(&self) -> Result<Drive, Arc<str>> {
        self.bridge.drive()
    }

    /// What it will do when it has rested.
    pub(super) fn next(&self) -> Option<Drive> {
        self.next.map(|(drive, _)| drive)
    }

    /// Goes to `wanted`: at once where that is safe, else through off and after the dead time.
    pub(super) fn go(&mut self, wanted: Drive, now: Instant) -> Result<(), HardwareError> {
        self.next = None;
        if wanted != Drive::Stopped && self.bridge.drive() == Ok(wanted) {
            return Ok(());
        }
        // After a fault nobody knows what it did: then it rests, whichever way it is to go.
        let before = self.bridge.drive().ok();
        self.set(Drive::Stopped, now)?;
        if before != Some(Drive::Stopped) {
            self.rested = Some((before, now));
        }
        if wanted == Drive::Stopped {
            return Ok(());
        }
        match self.rested {
            Some((last, since)) if last != Some(wanted) && now < since + self.dead_time => {
                self.next = Some((wanted, since + self.dead_time));
                Ok(())
            }
            _ => self.set(wanted, now),
        }
    }

    /// When to tick.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next.map(|(_, due)| due)
    }

    /// Goes where it was to go after its rest; true when it went there.
    pub(super) fn tick(&mut self, now: Instant) -> Result<bool, HardwareError> {
        match self.next.take_if(|(_, due)| *due <= now) {
            Some((drive, _)) => self.set(drive, now).map(|()| true),
            None => Ok(false),
        }
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        self.bridge.read()
    }

    /// What reads back as something else is a fault as well: nobody knows what it does.
    fn set(&mut self, drive: Drive, now: Instant) -> Result<(), HardwareError> {
        self.bridge.set(drive, 1.0, now).inspect_err(|error| self.bridge.fail(error))
    }
}
