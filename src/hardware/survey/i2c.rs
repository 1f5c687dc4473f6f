//! The I2C buses and who answers on them.

use std::fs;
use std::io;
use std::path::Path;

use i2cdev::core::I2CDevice;
use i2cdev::linux::{LinuxI2CDevice, LinuxI2CError};
use nix::errno::Errno;

use super::{Asking, I2cBus, I2cPart, Problem, line_of, numbered, parts};

/// The addresses of seven bits that parts may have; the others are reserved (UM10204, 3.1.12).
pub(super) const ADDRESSES: std::ops::RangeInclusive<u8> = 0x08..=0x77;

/// Every bus below `root/dev`, with those who answered.
pub(super) fn find(root: &Path, asking: Asking, problems: &mut Vec<Problem>) -> Vec<I2cBus> {
    let mut buses = Vec::new();
    for bus in numbered(&root.join("dev"), "i2c-") {
        let path = root.join("dev").join(&bus);
        let about = root.join("sys/bus/i2c/devices");
        let name = line_of(&about.join(&bus).join("name")).unwrap_or_default();
        let held = ADDRESSES.filter_map(|address| Some((address, driver(&about, &bus, address)?)));
        let parts = held.map(|(address, driver)| part(address, Some(driver))).collect();
        let mut bus = I2cBus { path: path.display().to_string(), name, parts };
        if asking == Asking::EveryAddress {
            problems.extend(ask(&mut bus, ADDRESSES).err());
        }
        buses.push(bus);
    }
    buses
}

/// Asks these addresses of a bus, but those that somebody is known to have, and adds who answers.
pub(super) fn ask(bus: &mut I2cBus, addresses: impl IntoIterator<Item = u8>) -> Result<(), Problem> {
    let path = Path::new(&bus.path);
    for address in addresses {
        if bus.parts.iter().any(|part| part.address == address) {
            continue;
        }
        // What keeps us from one address keeps us from all.
        if answers(path, address).map_err(|error| Problem::new(path, &error))? {
            let place = bus.parts.partition_point(|part| part.address < address);
            bus.parts.insert(place, part(address, None));
        }
    }
    Ok(())
}

fn part(address: u8, driver: Option<String>) -> I2cPart {
    I2cPart { address, likely: parts::at(address), driver }
}

/// The driver of the kernel that has this address, if one has.
fn driver(about: &Path, bus: &str, address: u8) -> Option<String> {
    let number = bus.strip_prefix("i2c-")?;
    let link = fs::read_link(about.join(format!("{number}-{address:04x}")).join("driver")).ok()?;
    Some(link.file_name()?.to_string_lossy().into_owned())
}

/// Whether somebody acknowledges this address.
///
/// As `i2cdetect` has it: a write of nothing would corrupt some EEPROMs, and a read would block some clock chips, so
/// the first is used but where EEPROMs are.
fn answers(bus: &Path, address: u8) -> io::Result<bool> {
    let mut device = match LinuxI2CDevice::new(bus, u16::from(address)) {
        Ok(device) => device,
        Err(error) => match io::Error::from(error) {
            // A driver of the kernel has it, which sysfs did not name.
            error if error.raw_os_error() == Some(Errno::EBUSY as i32) => return Ok(true),
            error => return Err(error),
        },
    };
    let asked = match address {
        0x30..=0x37 | 0x50..=0x5f => device.smbus_read_byte().map(drop),
        _ => device.smbus_write_quick(false),
    };
    match asked {
        Ok(()) => Ok(true),
        Err(error) if is_silence(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether nobody was there; drivers of buses say so in different words, and a bus that is stuck says ETIMEDOUT.
fn is_silence(error: &LinuxI2CError) -> bool {
    let number = match error {
        LinuxI2CError::Errno(number) => Some(*number),
        LinuxI2CError::Io(error) => error.raw_os_error(),
    };
    let silent = [Errno::ENXIO, Errno::EREMOTEIO, Errno::EIO, Errno::ENODEV];
    number.is_some_and(|number| silent.contains(&Errno::from_raw(number)))
}
