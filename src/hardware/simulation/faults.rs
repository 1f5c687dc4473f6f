//! What goes wrong with the simulated wires because somebody wants it to.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use nix::errno::Errno;

use super::Board;
use crate::domain::{Fault, PwmAddress};
use crate::hardware::{Edge, HardwareError, Level, Line};

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// On a line.
    Line(Line),
    /// On a PWM channel.
    Channel(PwmAddress),
    /// With a part on a bus of sensors, such as `/dev/i2c-1 address 0x48`.
    Part(String),
}

/// The faults that there are now, and the chips that are not.
#[derive(Default)]
pub(super) struct Faults {
    at: HashMap<Place, Fault>,
    unplugged: HashSet<Arc<str>>,
    /// How often each chip was unplugged: what was taken before is of no use after.
    times: HashMap<Arc<str>, u32>,
}

impl Faults {
    /// Whether this is what goes wrong there.
    pub(super) fn is(&self, place: &Place, fault: Fault) -> bool {
        // There is hardly ever one, and every write asks.
        !self.at.is_empty() && self.at.get(place) == Some(&fault)
    }

    /// Whether a line keeps its level.
    pub(super) fn is_stuck(&self, line: &Line) -> bool {
        !self.at.is_empty() && self.is(&Place::Line(line.clone()), Fault::Stuck)
    }

    /// How often the chip was unplugged so far.
    pub(super) fn times(&self, chip: &str) -> u32 {
        self.times.get(chip).copied().unwrap_or(0)
    }

    /// Fails a call on lines that were taken when their chip had been unplugged so often.
    pub(super) fn check<'a>(
        &self,
        call: &str,
        lines: impl Iterator<Item = &'a Line>,
        taken: u32,
        fault: Fault,
    ) -> Result<(), HardwareError> {
        if self.at.is_empty() && self.times.is_empty() {
            return Ok(());
        }
        for line in lines {
            let failed = |cause| HardwareError::Call { call: format!("{call} {line}"), cause };
            if self.times(&line.chip) != taken {
                return Err(failed(Errno::ENODEV.into()));
            }
            if self.is(&Place::Line(line.clone()), fault) {
                return Err(failed(Errno::EIO.into()));
            }
        }
        Ok(())
    }

    /// Fails where the chip of a line that is to be taken is not there.
    pub(super) fn check_chip(&self, line: &Line) -> Result<(), HardwareError> {
        if self.unplugged.contains(&line.chip) {
            return Err(HardwareError::NotFound(format!("there is no chip {}: it is unplugged", line.chip)));
        }
        Ok(())
    }

    /// Fails a write to a channel that is to fail.
    pub(super) fn check_channel(&self, address: &PwmAddress) -> Result<(), HardwareError> {
        if self.is(&Place::Channel(address.clone()), Fault::WriteFails) {
            let call = format!("write PWM channel {address}");
            return Err(HardwareError::Call { call, cause: io::Error::from(Errno::EIO) });
        }
        Ok(())
    }
}

impl Board {
    /// Makes something go wrong, until it is mended.
    pub fn inject(&self, place: Place, fault: Fault) {
        if let Place::Part(part) = &place {
            return self.parts().disturb(part, fault);
        }
        self.wires().faults.at.insert(place, fault);
    }

    /// Ends the fault there, if there is one.
    pub fn mend(&self, place: &Place) {
        if let Place::Part(part) = place {
            return self.parts().mend(part);
        }
        self.wires().faults.at.remove(place);
    }

    /// Takes a chip away, whoever has lines of it: its inputs are told, and every call on its lines fails.
    pub fn unplug(&self, chip: &str) {
        let mut wires = self.wires();
        let chip: Arc<str> = chip.into();
        if !wires.faults.unplugged.insert(chip.clone()) {
            return;
        }
        *wires.faults.times.entry(chip.clone()).or_default() += 1;
        let mut told = Vec::new();
        for (_, wire) in wires.lines.iter_mut().filter(|(line, _)| line.chip == chip) {
            wire.consumer = None;
            (wire.driven, wire.level) = (false, Level::Low);
            if let Some(listener) = wire.listener.take() {
                let edge = Edge { input: listener.input, value: None, timestamp_ns: 0, sequence: None };
                told.push((edge, listener.edges));
            }
        }
        let news = wires.news.clone();
        // Without the lock: they belong to somebody else.
        drop(wires);
        if let Some(news) = news {
            news(super::ChipNews::Gone(chip));
        }
        told.into_iter().for_each(|(edge, edges)| edges(edge));
    }

    /// Brings a chip back; its lines are inputs that nobody has.
    pub fn plug(&self, chip: &str) {
        let mut wires = self.wires();
        if !wires.faults.unplugged.remove(chip) {
            return;
        }
        let news = wires.news.clone();
        drop(wires);
        if let Some(news) = news {
            news(super::ChipNews::Came(chip.into()));
        }
    }
}
