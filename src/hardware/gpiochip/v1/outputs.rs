//! Outputs: one request for all lines of a device, so that they change together.

use gpio_cdev::{Chip, LineDirection, LineRequestFlags, Lines, MultiLineHandle};

use super::super::{CONSUMER, errors};
use crate::domain::{Polarity, Value};
use crate::hardware::{HardwareError, Line, Outputs, Start};

/// Lines of one chip that were taken as outputs together.
pub(in super::super) struct ChipOutputs {
    handle: MultiLineHandle,
    wiring: Wiring,
    /// The lines in words, for errors.
    name: String,
}

/// Takes `lines`, which must be different lines of `chip`, at least one and at most 64.
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
    start: Start<'_>,
) -> Result<ChipOutputs, HardwareError> {
    let offsets = offsets(chip.name(), lines)?;
    let wiring = Wiring::new(lines);
    let name = join(lines);
    let found =
        chip.get_lines(&offsets).map_err(|error| errors::call(format!("find lines {name}"), &error))?;
    let request = Request { lines: &found, wiring: &wiring, name: &name };
    let handle = match start {
        Start::Values(values) => request.outputs(&wiring.levels(values, &name)?)?,
        Start::Keep => request.keep()?,
    };
    Ok(ChipOutputs { handle, wiring, name })
}

impl Outputs for ChipOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        let levels = self.wiring.levels(values, &self.name)?;
        let written = self.handle.set_values(&levels);
        written.map_err(|error| errors::call(format!("write {}", self.name), &error))
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        let levels = self.handle.get_values();
        let levels = levels.map_err(|error| errors::call(format!("read {}", self.name), &error))?;
        Ok(self.wiring.values(&levels))
    }
}

/// What is asked of the kernel.
struct Request<'a> {
    lines: &'a Lines,
    wiring: &'a Wiring,
    name: &'a str,
}

impl Request<'_> {
    fn outputs(&self, levels: &[u8]) -> Result<MultiLineHandle, HardwareError> {
        self.send(LineRequestFlags::OUTPUT, levels, "take as outputs")
    }

    fn keep(&self) -> Result<MultiLineHandle, HardwareError> {
        let inactive = self.wiring.levels(&vec![Value::Inactive; self.lines.len()], self.name)?;
        // Without a direction the levels are not looked at.
        let as_is = self.send(LineRequestFlags::empty(), &inactive, "take as they are")?;
        let mut driven = Vec::with_capacity(self.lines.len());
        for index in 0..self.lines.len() {
            let info = self.lines[index].info();
            let info = info.map_err(|error| errors::call(format!("ask about {}", self.name), &error))?;
            driven.push(info.direction() == LineDirection::Out);
        }
        if driven.iter().all(|driven| *driven) {
            return Ok(as_is);
        }
        let mut levels = inactive;
        if driven.contains(&true) {
            let present = as_is.get_values();
            let present = present.map_err(|error| errors::call(format!("read {}", self.name), &error))?;
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
        self.lines.request(direction | self.wiring.flags(), levels, CONSUMER).map_err(|error| {
            let lines: Vec<gpio_cdev::Line> =
                (0..self.lines.len()).map(|index| self.lines[index].clone()).collect();
            errors::request(&format!("{what} {}", self.name), &lines, &error)
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

    fn levels(&self, values: &[Value], name: &str) -> Result<Vec<u8>, HardwareError> {
        if values.len() != self.inverted.len() {
            let (values, lines) = (values.len(), self.inverted.len());
            return Err(HardwareError::Unsupported(format!("{name}: {values} values for {lines} lines")));
        }
        let pairs = values.iter().zip(&self.inverted);
        Ok(pairs.map(|(value, inverted)| u8::from(value.is_active() != *inverted)).collect())
    }

    fn values(&self, levels: &[u8]) -> Vec<Value> {
        let pairs = levels.iter().zip(&self.inverted);
        pairs.map(|(level, inverted)| Value::from_bool((*level != 0) != *inverted)).collect()
    }
}

/// The offsets, after a check of what the kernel or gpio-cdev would not forgive.
fn offsets(chip: &str, lines: &[(Line, Polarity)]) -> Result<Vec<u32>, HardwareError> {
    if lines.len() > MOST_LINES {
        let count = lines.len();
        return Err(HardwareError::Unsupported(format!(
            "{count} outputs in one device: the kernel takes at most {MOST_LINES} in one request"
        )));
    }
    let mut offsets = Vec::with_capacity(lines.len());
    for (line, _) in lines {
        if &*line.chip != chip {
            return Err(HardwareError::Unsupported(format!(
                "line {line} is not on {chip}: the lines of one device must be on one chip"
            )));
        }
        if offsets.contains(&line.offset) {
            return Err(HardwareError::Unsupported(format!("line {line} is named twice in one device")));
        }
        offsets.push(line.offset);
    }
    Ok(offsets)
}

/// The lines in words, such as `gpiochip0:17,27`.
fn join(lines: &[(Line, Polarity)]) -> String {
    let chip = lines.first().map_or("", |(line, _)| &*line.chip);
    let offsets: Vec<String> = lines.iter().map(|(line, _)| line.offset.to_string()).collect();
    format!("{chip}:{}", offsets.join(","))
}

/// GPIOHANDLES_MAX of the kernel; gpio-cdev panics beyond.
const MOST_LINES: usize = 64;

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
        assert_eq!(wiring.levels(&[Active, Active], "").unwrap(), [1, 0]);
        assert_eq!(wiring.values(&[0, 0]), [Inactive, Active]);
    }

    #[test]
    fn one_polarity_is_left_to_the_kernel() {
        let wiring = Wiring::new(&[line("c", 1, ActiveLow), line("c", 2, ActiveLow)]);
        assert_eq!(wiring.flags().bits(), LineRequestFlags::ACTIVE_LOW.bits());
        assert_eq!(wiring.levels(&[Active, Inactive], "").unwrap(), [1, 0]);
    }

    #[test]
    fn every_line_needs_a_value() {
        let wiring = Wiring::new(&[line("c", 1, ActiveHigh)]);
        let error = wiring.levels(&[], "c:1").unwrap_err();
        assert_eq!(error.to_string(), "c:1: 0 values for 1 lines");
    }

    #[test]
    fn what_one_request_cannot_hold_is_refused() {
        let many: Vec<_> = (0..65).map(|offset| line("c", offset, ActiveHigh)).collect();
        assert!(matches!(offsets("c", &many), Err(HardwareError::Unsupported(_))));
        assert_eq!(offsets("c", &many[..64]).unwrap().len(), 64);
        let two = [line("c", 1, ActiveHigh), line("d", 2, ActiveHigh)];
        assert!(offsets("c", &two).unwrap_err().to_string().contains("d:2 is not on c"));
        let same = [line("c", 1, ActiveHigh), line("c", 1, ActiveLow)];
        assert!(offsets("c", &same).unwrap_err().to_string().contains("named twice"));
    }
}
