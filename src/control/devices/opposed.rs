//! A bridge that rests between its directions.
//!
//! Every change of direction passes through off: the line of the other direction becomes active only when the dead
//! time has passed since the lines were told to be off and read so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bridge::{Bridge, Drive};
use super::pwm_source::PwmSource;
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
    next: Option<(Motion, Instant)>,
}

/// A direction and how fast, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Motion {
    pub(super) drive: Drive,
    pub(super) speed: f64,
}

/// Two lines of one chip as they are configured, each with its role.
pub(super) type Pair = [(&'static str, LineAddress, Polarity); 2];

impl Motion {
    pub(super) const STOPPED: Motion = Motion { drive: Drive::Stopped, speed: 0.0 };

    /// As fast as it goes.
    pub(super) fn full(drive: Drive) -> Motion {
        Motion { drive, speed: 1.0 }
    }

    /// As fast in the other direction, if it has one.
    pub(super) fn opposite(self) -> Motion {
        Motion { drive: self.drive.opposite(), ..self }
    }
}

impl Opposed {
    /// Takes the lines, which are off, and what gives them a speed, where there is one.
    pub(super) fn open(
        lines: &Pair,
        enable: Option<&PwmSource>,
        dead_time: Duration,
        bench: &mut Bench<'_>,
    ) -> Result<Opposed, HardwareError> {
        Ok(Opposed { bridge: Bridge::open(bench, lines, enable)?, dead_time, rested: None, next: None })
    }

    /// What it does, or why nobody knows.
    pub(super) fn drive(&self) -> Result<Drive, Arc<str>> {
        self.bridge.drive()
    }

    /// How fast that is, from 0 to 1.
    pub(super) fn speed(&self) -> f64 {
        self.bridge.speed()
    }

    /// What it will do when it has rested.
    pub(super) fn next(&self) -> Option<Motion> {
        self.next.map(|(motion, _)| motion)
    }

    /// Goes nowhere when it has rested.
    pub(super) fn forget_next(&mut self) {
        self.next = None;
    }

    /// Keeps an error as the state.
    pub(super) fn fail(&mut self, error: &HardwareError) {
        self.bridge.fail(error);
    }

    /// Goes to `wanted`: at once where that is safe, else through off and after the dead time.
    pub(super) fn go(&mut self, wanted: Motion, now: Instant) -> Result<(), HardwareError> {
        self.next = None;
        if wanted.drive != Drive::Stopped && self.bridge.drive() == Ok(wanted.drive) {
            return self.bridge.set_speed(wanted.speed, now);
        }
        // After a fault nobody knows what it did: then it rests, whichever way it is to go.
        let before = self.bridge.drive().ok();
        self.bridge.set(Drive::Stopped, 0.0, now)?;
        if before != Some(Drive::Stopped) {
            self.rested = Some((before, now));
        }
        if wanted.drive == Drive::Stopped {
            return Ok(());
        }
        match self.rested {
            Some((last, since)) if last != Some(wanted.drive) && now < since + self.dead_time => {
                self.next = Some((wanted, since + self.dead_time));
                Ok(())
            }
            _ => self.bridge.set(wanted.drive, wanted.speed, now),
        }
    }

    /// When to tick.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.next.map(|(_, due)| due), self.bridge.deadline()].into_iter().flatten().min()
    }

    /// Does what is due for its speed, and goes where it was to go after its rest; true when it went there.  An error
    /// is its state.
    pub(super) fn tick(&mut self, now: Instant) -> Result<bool, HardwareError> {
        let went = match self.next.take_if(|(_, due)| *due <= now) {
            Some((Motion { drive, speed }, _)) => {
                let gone = self.bridge.set(drive, speed, now);
                gone.inspect_err(|error| self.bridge.fail(error)).map(|()| true)
            }
            None => Ok(false),
        };
        let ticked = self.bridge.tick(now);
        went.and_then(|went| ticked.map(|()| went))
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        self.bridge.read()
    }
}
