//! Lines whose chip was unplugged, and which are taken anew when it is back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gpio_cdev::Chip;
use nix::errno::Errno;

use super::edges::EdgeThread;
use super::version::{Version, named};
use super::watched::Listener;
use super::{chips, errors};
use crate::domain::{Polarity, Value};
use crate::hardware::{HardwareError, Input, InputRequest, Line, Outputs, Start};

/// A chip as it is known again: by the place where it is plugged in, and by what it is.  Its number may be another.
struct Plugged {
    version: Version,
    name: String,
    label: String,
    lines: u32,
    /// Nothing where the kernel does not tell.
    place: Option<PathBuf>,
}

impl Plugged {
    fn new(version: Version, chip: &Chip) -> Plugged {
        let (name, label) = (chip.name().to_owned(), chip.label().to_owned());
        Plugged { version, place: place(&name), name, label, lines: chip.num_lines() }
    }

    /// The one chip that is now in its place and is like it.
    fn find(&self) -> Result<Chip, HardwareError> {
        let gone = || HardwareError::NotFound(format!("{} ({}) is unplugged", self.name, self.label));
        let here = self.place.as_ref().ok_or_else(gone)?;
        let names = fs::read_dir(CHIPS).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        let mut chips = Vec::new();
        for name in names.filter(|name| place(name).as_ref() == Some(here)) {
            let chip = chips::open(&Path::new(chips::FOLDER).join(name))?;
            if chip.label() == self.label && chip.num_lines() == self.lines {
                chips.push(chip);
            }
        }
        if chips.len() == 1 { chips.pop().ok_or_else(gone) } else { Err(gone()) }
    }

    /// Does something with the chip that is back.  Where it is not, or the doing fails, the `first` error counts.
    fn again<T>(
        &self,
        first: HardwareError,
        take: impl FnOnce(Chip) -> Result<T, HardwareError>,
    ) -> Result<T, HardwareError> {
        let back = self.find().and_then(|chip| {
            let name = chip.name().to_owned();
            take(chip).inspect(|_| log::info!("{} ({}) is back as {name}", self.name, self.label))
        });
        back.map_err(|error| {
            log::debug!("{error}");
            first
        })
    }
}

/// Outputs that come back with their chip, with the next values that are written.
pub(super) struct ReturningOutputs {
    outputs: Box<dyn Outputs>,
    chip: Plugged,
    lines: Vec<(Line, Polarity)>,
}

impl ReturningOutputs {
    pub(super) fn open(
        version: Version,
        chip: Chip,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<ReturningOutputs, HardwareError> {
        let plugged = Plugged::new(version, &chip);
        let outputs = version.outputs(chip, lines, start)?;
        Ok(ReturningOutputs { outputs, chip: plugged, lines: lines.to_vec() })
    }
}

impl Outputs for ReturningOutputs {
    /// The lines of a chip that is back become outputs with these values at once.
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        match self.outputs.write(values) {
            Err(error) if is_gone(&error) => {
                let (version, lines) = (self.chip.version, &self.lines);
                self.outputs = self.chip.again(error, |chip| {
                    let lines = lines.iter().map(|(line, polarity)| (named(&chip, line.offset), *polarity));
                    let lines: Vec<_> = lines.collect();
                    version.outputs(chip, &lines, Start::Values(values))
                })?;
                Ok(())
            }
            done => done,
        }
    }

    /// Nobody knows what lines are to be that are not driven, so they are taken only when they are written.
    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        self.outputs.read()
    }
}

/// An input that comes back with its chip: the thread `edges` then advises to read it.
pub(super) struct ReturningInput {
    // The order counts when this is dropped: the line is free before the thread may end.
    input: Box<dyn Input>,
    thread: Arc<EdgeThread>,
    listener: Listener,
    request: InputRequest,
    chip: Plugged,
    offset: u32,
}

impl ReturningInput {
    pub(super) fn open(
        version: Version,
        chip: Chip,
        line: &Line,
        request: InputRequest,
        thread: Arc<EdgeThread>,
        listener: Listener,
    ) -> Result<ReturningInput, HardwareError> {
        let plugged = Plugged::new(version, &chip);
        let input = version.input(chip, line, request, thread.clone(), listener.clone())?;
        Ok(ReturningInput { input, thread, listener, request, chip: plugged, offset: line.offset })
    }
}

impl Input for ReturningInput {
    fn read(&mut self) -> Result<Value, HardwareError> {
        match self.input.read() {
            Err(error) if is_gone(&error) => {
                let (thread, listener) = (self.thread.clone(), self.listener.clone());
                self.input = self.chip.again(error, |chip| {
                    let line = named(&chip, self.offset);
                    self.chip.version.input(chip, &line, self.request, thread, listener)
                })?;
                self.input.read()
            }
            done => done,
        }
    }

    fn debounces(&self) -> bool {
        self.input.debounces()
    }
}

/// Whether the chip is not there any more.
fn is_gone(error: &HardwareError) -> bool {
    matches!(error, HardwareError::Call { cause, .. } if errors::errno(cause) == Errno::ENODEV)
}

/// Where the chip of this name is plugged in: the device that it belongs to.
fn place(name: &str) -> Option<PathBuf> {
    let device = fs::canonicalize(Path::new(CHIPS).join(name)).ok()?;
    device.parent().map(Path::to_owned)
}

/// The kernel's chips by name, each a link to where it is.
const CHIPS: &str = "/sys/bus/gpio/devices";
