//! Outputs: one request for all lines of a device, so that they change together.

use gpio_cdev::{Chip, LineDirection, LineRequestFlags, Lines, MultiLineHandle};

use super::super::CONSUMER;
use super::super::errors::{self, Cause};
use super::super::version::Version;
use crate::domain::{Polarity, Value};
use crate::hardware::group::Group;
use crate::hardware::{HardwareError, Line, Outputs, Start};

/// Lines of one chip that were taken as outputs together.
pub(in super::super) struct ChipOutputs {
    handle: MultiLineHandle,
    wiring: Wiring,
    group: Group,
}

/// Takes `lines`, which are those of `group`, on `chip`.
///
/// [`Start::Values`] is one request that carries the values, so the lines go from whatever they were to these
/// values and nothing in between.
///
/// [`Start::Keep`] first takes the lines *as they are*: the kernel then leaves direction and level alone, and lets
/// lines that are outputs be written.  Are all of them outputs, this is it: nothing changed at any time.  Otherwise
/// they are released and taken again as outputs, driven ones with the level that they had, the others inactive.
/// The release in between is a hazard for the driven ones: Raspberry Pi OS keeps their level, while other kernels
/// may make them inputs for some microseconds.  Devices whose lines must not glitch should not share lines that
/// are driven and lines that are not.  A line counts as driven when the chip says so, whatever drove it.
pub(in super::super) fn open(
    mut chip: Chip,
    lines: &[(Line, Polarity)],
    group: Group,
    start: Start<'_>,
) -> Result<ChipOutputs, HardwareError> {
    let wiring = Wiring::new(lines);
    let found = chip
        .get_lines(&group.offsets)
        .map_err(|error| errors::call(format!("find lines {}", group.name), &error))?;
    let request = Request { chip: &chip, lines: &found, wiring: &wiring, group: &group };
    let handle = match start {
        Start::Values(values) => {
            group.check(values.len())?;
            request.outputs(&wiring.levels(values))?
        }
        Start::Keep => request.keep()?,
    };
    Ok(ChipOutputs { handle, wiring, group })
}

impl Outputs for ChipOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        self.group.check(values.len())?;
        let written = self.handle.set_values(&self.wiring.levels(values));
        written.map_err(|error| errors::call(format!("write {}", self.group.name), &error))
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        let levels = self.handle.get_values();
        let levels = levels.map_err(|error| errors::call(format!("read {}", self.group.name), &error))?;
        Ok(self.wiring.values(&levels))
    }
}

/// What is asked of the kernel.
struct Request<'a> {
    chip: &'a Chip,
    lines: &'a Lines,
    wiring: &'a Wiring,
    group: &'a Group,
}

impl Request<'_> {
    fn outputs(&self, levels: &[u8]) -> Result<MultiLineHandle, HardwareError> {
        self.send(LineRequestFlags::OUTPUT, levels, "take as outputs")
    }

    fn keep(&self) -> Result<MultiLineHandle, HardwareError> {
        let inactive = self.wiring.levels(&vec![Value::Inactive; self.lines.len()]);
        // Without a direction the levels are not looked at.
        let as_is = self.send(LineRequestFlags::empty(), &inactive, "take as they are")?;
        let mut driven = Vec::with_capacity(self.lines.len());
        for index in 0..self.lines.len() {
            let info = self.lines[index].info();
            let info =
                info.map_err(|error| errors::call(format!("ask about {}", self.group.name), &error))?;
            driven.push(info.direction() == LineDirection::Out);
        }
        if driven.iter().all(|driven| *driven) {
            return Ok(as_is);
        }
        let mut levels = inactive;
        if driven.contains(&true) {
            let present = as_is.get_values();
            let present =
                present.map_err(|error| errors::call(format!("read {}", self.group.name), &error))?;
            for ((level, present), driven) in levels.iter_mut().zip(present).zip(driven) {
                if driven {
                    *level = present;
                }
            }
        }
        drop(as_is);
        self.outputs(&levels)
    }

    fn send(
        &self,
        direction: LineRequestFlags,
        levels: &[u8],
        what: &str,
    ) -> Result<MultiLineHandle, HardwareError> {
        let request = self.lines.request(direction | self.wiring.flags(), levels, CONSUMER);
        request.map_err(|error| {
            let what = format!("{what} {}", self.group.name);
            Version::V1.refused(what, self.chip, &self.group.offsets, error.io_error())
        })
    }
}

/// How logical values become what the request wants.
///
/// The flags of a version 1 request count for all of its lines.  When all have the same polarity the kernel does
/// the work; otherwise the request is a physical one and the active-low lines are turned over here.
struct Wiring {
    polarity: Polarity,
    /// For each line, whether it has the other polarity than the request.
    inverted: Vec<bool>,
}

impl Wiring {
    fn new(lines: &[(Line, Polarity)]) -> Wiring {
        let all_low = lines.iter().all(|(_, polarity)| *polarity == Polarity::ActiveLow);
        let polarity = if all_low { Polarity::ActiveLow } else { Polarity::ActiveHigh };
        Wiring { polarity, inverted: lines.iter().map(|(_, other)| *other != polarity).collect() }
    }

    fn flags(&self) -> LineRequestFlags {
        match self.polarity {
            Polarity::ActiveHigh => LineRequestFlags::empty(),
            Polarity::ActiveLow => LineRequestFlags::ACTIVE_LOW,
        }
    }

    /// For as many values as there are lines.
    fn levels(&self, values: &[Value]) -> Vec<u8> {
        let pairs = values.iter().zip(&self.inverted);
        pairs.map(|(value, inverted)| u8::from(value.is_active() != *inverted)).collect()
    }

    fn values(&self, levels: &[u8]) -> Vec<Value> {
        let pairs = levels.iter().zip(&self.inverted);
        pairs.map(|(level, inverted)| Value::from_bool((*level != 0) != *inverted)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Polarity::{ActiveHigh, ActiveLow};
    use Value::{Active, Inactive};

    fn line(chip: &str, offset: u32, polarity: Polarity) -> (Line, Polarity) {
        (Line { chip: chip.into(), offset }, polarity)
    }

    #[test]
    fn mixed_polarities_are_turned_over_here() {
        let lines = [line("c", 1, ActiveHigh), line("c", 2, ActiveLow)];
        let wiring = Wiring::new(&lines);
        assert!(wiring.flags().is_empty());
        assert_eq!(wiring.levels(&[Active, Active]), [1, 0]);
        assert_eq!(wiring.values(&[0, 0]), [Inactive, Active]);
    }

    #[test]
    fn one_polarity_is_left_to_the_kernel() {
        let wiring = Wiring::new(&[line("c", 1, ActiveLow), line("c", 2, ActiveLow)]);
        assert_eq!(wiring.flags().bits(), LineRequestFlags::ACTIVE_LOW.bits());
        assert_eq!(wiring.levels(&[Active, Inactive]), [1, 0]);
    }
}
