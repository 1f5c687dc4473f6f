//! A survey: what this board has that a device could be on, found without changing anything of it.
//!
//! Only the I2C buses are spoken to, one address after the other, because nobody else knows who is there.

mod chips;
mod i2c;
mod parts;
mod sysfs;

use std::io;
use std::path::Path;

use serde::Serialize;

/// What was found, in the order in which people look for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Survey {
    /// The GPIO chips.
    pub chips: Vec<Chip>,
    /// The I2C buses.
    pub i2c: Vec<I2cBus>,
    /// The SPI devices that programs may open, such as `/dev/spidev0.0`.
    pub spi: Vec<String>,
    /// Whether there is a 1-wire bus, with or without anybody on it.
    pub has_one_wire: bool,
    /// Who is on the 1-wire buses.
    pub one_wire: Vec<OneWire>,
    /// The chips with PWM channels.
    pub pwm: Vec<PwmChip>,
    /// The thermometers of the board itself.
    pub thermal: Vec<ThermalZone>,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
}

/// A GPIO chip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chip {
    /// Where it is, such as `/dev/gpiochip0`.
    pub path: String,
    /// Its name, such as `gpiochip0`, which may be another after the next start.
    pub name: String,
    /// Its label, such as `pinctrl-bcm2711`, which stays.
    pub label: String,
    /// Its lines, in the order of their offsets.
    pub lines: Vec<ChipLine>,
}

/// One line of a chip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChipLine {
    /// Its offset on the chip.
    pub offset: u32,
    /// Its name, where the board gave it one.
    pub name: Option<String>,
    /// Whether it drives.
    pub direction: Direction,
    /// Whether somebody holds it.
    pub used: bool,
    /// Who holds it, as the kernel knows the holder.
    pub consumer: Option<String>,
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It is looked at.
    Input,
    /// It drives.
    Output,
}

/// An I2C bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct I2cBus {
    /// Where it is, such as `/dev/i2c-1`.
    pub path: String,
    /// What drives it, such as `bcm2835 (i2c@7e804000)`.
    pub name: String,
    /// Who answered.
    pub parts: Vec<I2cPart>,
}

/// Somebody on an I2C bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct I2cPart {
    /// Its address, of seven bits.
    pub address: u8,
    /// What is usually found at this address.
    pub likely: Vec<&'static str>,
    /// The driver of the kernel that has it, so that no program can.
    pub driver: Option<String>,
}

/// Somebody on a 1-wire bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneWire {
    /// Its number, such as `28-0000072b5c3d`.
    pub id: String,
    /// What its family is, where that is known.
    pub part: Option<&'static str>,
}

/// A chip with PWM channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PwmChip {
    /// The name of its device, such as `fe20c000.pwm`, by which a configuration names it.
    pub device: String,
    /// Its name, such as `pwmchip0`, which may be another after the next start.
    pub name: String,
    /// How many channels it has.
    pub channels: u32,
}

/// A thermometer of the board itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThermalZone {
    /// Its name, such as `thermal_zone0`.
    pub name: String,
    /// What it measures, such as `cpu-thermal`.
    pub kind: String,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What, such as `/dev/i2c-1`.
    pub what: String,
    /// What the kernel said.
    pub why: String,
    /// Whether the reason is that this user may not.
    pub denied: bool,
}

/// Whether the I2C buses are asked who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Every address is asked, as `i2cdetect` does; a part that takes any access for a command may be disturbed.
    EveryAddress,
    /// Nobody is.
    Nobody,
}

impl Survey {
    /// Looks at this board.
    pub fn take(asking: Asking) -> Survey {
        Survey::below(Path::new("/"), asking)
    }

    /// Looks at the board whose `dev` and `sys` are in `root`, so that a test can make one up.
    pub fn below(root: &Path, asking: Asking) -> Survey {
        let mut survey = Survey::default();
        let problems = &mut survey.problems;
        survey.chips = chips::find(&root.join("dev"), problems);
        survey.i2c = i2c::find(root, asking, problems);
        survey.spi = sysfs::spi(&root.join("dev"));
        (survey.has_one_wire, survey.one_wire) = sysfs::one_wire(&root.join("sys/bus/w1/devices"));
        survey.pwm = sysfs::pwm(&root.join("sys/class/pwm"), problems);
        survey.thermal = sysfs::thermal(&root.join("sys/class/thermal"));
        survey
    }

    /// Asks one I2C bus who is at these addresses, and where one is silent, who is at all others.
    ///
    /// A bus that is not there is left alone.
    pub fn ask(&mut self, bus: &str, addresses: &[u8]) {
        let Some(bus) = self.i2c.iter_mut().find(|known| known.path == bus) else { return };
        let asked = i2c::ask(bus, addresses.iter().copied());
        let is_there = |address: &u8| bus.parts.iter().any(|part| part.address == *address);
        let asked = match asked {
            Ok(()) if !addresses.iter().all(is_there) => i2c::ask(bus, i2c::ADDRESSES),
            asked => asked,
        };
        self.problems.extend(asked.err());
    }

    /// Opens an SPI device and closes it again, to find out whether this user may; nothing is sent.
    ///
    /// One that is not there is left alone.
    pub fn try_spi(&mut self, path: &str) {
        if self.spi.iter().any(|known| known == path) {
            let opened = std::fs::File::options().read(true).write(true).open(path);
            self.problems.extend(opened.err().map(|error| Problem::new(Path::new(path), &error)));
        }
    }

    /// The lines with this name, each with its chip.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Chip, &'a ChipLine)> {
        let lines = self.chips.iter().flat_map(|chip| chip.lines.iter().map(move |line| (chip, line)));
        lines.filter(move |(_, line)| line.name.as_deref() == Some(name))
    }
}

impl Problem {
    fn new(what: &Path, error: &io::Error) -> Problem {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        Problem { what: what.display().to_string(), why: error.to_string(), denied }
    }
}

/// The entries of a folder that begin with `prefix`, in the order of the numbers that follow it.
fn numbered(folder: &Path, prefix: &str) -> Vec<String> {
    // A folder that is not there has no entries, which is what this board says of it.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

/// The one line of a file of sysfs; nothing where it can't be read or says nothing.
fn line_of(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.trim_end_matches(['\n', '\0']).trim();
    (!line.is_empty()).then(|| line.to_owned())
}
