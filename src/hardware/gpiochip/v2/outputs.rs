//! Outputs: one request for all lines of a device, so that they change together.

use gpio_cdev::Chip;
use gpiocdev::line::Values;
use gpiocdev::request::Config;
use gpiocdev::{Request, line};

use super::super::CONSUMER;
use super::super::errors::{self, Cause};
use super::super::version::Version;
use super::{kernels, ours};
use crate::domain::{Polarity, Value};
use crate::hardware::group::Group;
use crate::hardware::{HardwareError, Line, Outputs, Start};

/// Lines of one chip that were taken as outputs together.
pub(in super::super) struct ChipOutputs {
    request: Request,
    group: Group,
}

/// Takes `lines`, which are those of `group`, on `chip`.
///
/// [`Start::Values`] is one request that carries the values, so the lines go from whatever they were to these
/// values and nothing in between.
///
/// [`Start::Keep`] takes the lines *as they are*: the kernel then leaves direction and level alone, and lets lines
/// that are outputs be written.  Those that are none are then made inactive outputs within the same request, so that
/// nothing is released on the way and a driven line is not touched at all.  A line counts as driven when the chip
/// says so, whatever drove it.
pub(in super::super) fn open(
    chip: &Chip,
    lines: &[(Line, Polarity)],
    group: Group,
    start: Start<'_>,
) -> Result<ChipOutputs, HardwareError> {
    let wanted = match start {
        Start::Values(values) => {
            group.check(values.len())?;
            values.iter().copied().map(Some).collect()
        }
        Start::Keep => vec![None; lines.len()],
    };
    let config =
        config(chip, lines.iter().zip(&wanted).map(|((line, polarity), value)| (line, polarity, *value)));
    let taken = Request::from_config(config).with_consumer(CONSUMER).request();
    let request = taken.map_err(|error| {
        let what = match start {
            Start::Values(_) => format!("take as outputs {}", group.name),
            Start::Keep => format!("take as they are {}", group.name),
        };
        Version::V2.refused(what, chip, &group.offsets, error.io_error())
    })?;
    if start == Start::Keep {
        drive_the_rest(chip, lines, &request, &group)?;
    }
    Ok(ChipOutputs { request, group })
}

impl Outputs for ChipOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        self.group.check(values.len())?;
        let pairs = self.group.offsets.iter().zip(values);
        let values: Values = pairs.map(|(offset, value)| (*offset, kernels(*value))).collect();
        let written = self.request.set_values(&values);
        written.map_err(|error| errors::call(format!("write {}", self.group.name), &error))
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        // Without offsets it asks for all of them.
        let mut values = Values::default();
        let read = self.request.values(&mut values);
        read.map_err(|error| errors::call(format!("read {}", self.group.name), &error))?;
        let value = |offset: &u32| ours(values.get(*offset).unwrap_or_default());
        Ok(self.group.offsets.iter().map(value).collect())
    }
}

/// Makes outputs of those lines that are none yet.  The others stay as they are.
fn drive_the_rest(
    chip: &Chip,
    lines: &[(Line, Polarity)],
    request: &Request,
    group: &Group,
) -> Result<(), HardwareError> {
    let mut rest = Vec::new();
    for (line, polarity) in lines {
        let infos = Version::V2.infos(chip, line.offset..line.offset + 1)?;
        if infos.iter().any(|info| !info.is_output) {
            rest.push((line, polarity, Some(Value::Inactive)));
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    let done = request.reconfigure(&config(chip, rest.into_iter()));
    done.map_err(|error| errors::call(format!("take as outputs {}", group.name), &error))
}

/// The settings of lines: outputs with a value, or left as they are without one.
fn config<'a>(chip: &Chip, lines: impl Iterator<Item = (&'a Line, &'a Polarity, Option<Value>)>) -> Config {
    let mut config = Config::default();
    config.on_chip(chip.path());
    for (line, polarity, value) in lines {
        config.with_line(line.offset).from_line_config(&settings(*polarity, value));
    }
    config
}

fn settings(polarity: Polarity, value: Option<Value>) -> line::Config {
    line::Config {
        direction: value.map(|_| line::Direction::Output),
        active_low: polarity == Polarity::ActiveLow,
        value: value.map(kernels),
        ..line::Config::default()
    }
}
