//! The buses of this machine, as the kernel offers them: `/dev/i2c-N`, `/dev/spidevN.M`, sysfs.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use i2cdev::core::I2CDevice;
use i2cdev::linux::{LinuxI2CDevice, LinuxI2CError};
use spidev::{SpiModeFlags, Spidev, SpidevOptions, SpidevTransfer};

use super::{BusError, Buses, I2c, Part, Spi};

/// The real buses.
pub struct SystemBuses;

struct SystemI2c {
    device: LinuxI2CDevice,
    place: String,
}

struct SystemSpi {
    device: Spidev,
    place: String,
}

impl Buses for SystemBuses {
    fn i2c(&self, bus: &str, address: u8, _part: Part) -> Result<Box<dyn I2c>, BusError> {
        let place = format!("{bus} address {address:#04x}");
        match LinuxI2CDevice::new(bus, u16::from(address)) {
            Ok(device) => Ok(Box::new(SystemI2c { device, place })),
            Err(error) => Err(BusError::call(&place, &error.into())),
        }
    }

    fn spi(&self, path: &str, mode: u8, _part: Part) -> Result<Box<dyn Spi>, BusError> {
        let failed = |error: io::Error| BusError::call(path, &error);
        let mut device = Spidev::open(path).map_err(failed)?;
        let mode = SpiModeFlags::from_bits_truncate(u32::from(mode & 3));
        let options =
            SpidevOptions::new().bits_per_word(8).max_speed_hz(SPI_HERTZ).mode(mode).lsb_first(false).build();
        device.configure(&options).map_err(failed)?;
        Ok(Box::new(SystemSpi { device, place: path.to_owned() }))
    }

    fn read_file(&self, path: &Path, _part: Part) -> Result<String, BusError> {
        let mut text = String::new();
        let read =
            File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text).map(drop));
        match read {
            Ok(()) => Ok(text),
            Err(error) => Err(BusError::call(&path.display().to_string(), &error)),
        }
    }
}

/// Slow enough for every part and for a cable of half a metre; a MAX31865 could take ten times as much.
const SPI_HERTZ: u32 = 500_000;

/// No such file has more than a page.
const LONGEST_FILE: u64 = 4096;

impl SystemI2c {
    fn call<T>(
        &mut self,
        call: impl FnOnce(&mut LinuxI2CDevice) -> Result<T, LinuxI2CError>,
    ) -> Result<T, BusError> {
        call(&mut self.device).map_err(|error| BusError::call(&self.place, &error.into()))
    }
}

impl I2c for SystemI2c {
    fn read_byte(&mut self, register: u8) -> Result<u8, BusError> {
        self.call(|device| device.smbus_read_byte_data(register))
    }

    fn read_word(&mut self, register: u8) -> Result<[u8; 2], BusError> {
        // SMBus says that the low byte comes first; the parts that send the high one first do not care.
        self.call(|device| device.smbus_read_word_data(register)).map(u16::to_le_bytes)
    }

    fn write_byte(&mut self, register: u8, value: u8) -> Result<(), BusError> {
        self.call(|device| device.smbus_write_byte_data(register, value))
    }

    fn write_word(&mut self, register: u8, value: [u8; 2]) -> Result<(), BusError> {
        self.call(|device| device.smbus_write_word_data(register, u16::from_le_bytes(value)))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), BusError> {
        self.call(|device| device.read(buffer))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BusError> {
        self.call(|device| device.write(bytes))
    }
}

impl Spi for SystemSpi {
    fn transfer(&mut self, bytes: &mut [u8]) -> Result<(), BusError> {
        let mut transfer = SpidevTransfer::read_write_in_place(bytes);
        self.device.transfer(&mut transfer).map_err(|error| BusError::call(&self.place, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        let none = |error: BusError| error.0;
        let i2c = SystemBuses.i2c("/dev/i2c-none", 0x48, Part::Tmp102).err().map(none).unwrap();
        assert_eq!(i2c, "/dev/i2c-none address 0x48: No such file or directory (os error 2)");
        let spi = SystemBuses.spi("/dev/spidev-none", 1, Part::Max31865).err().map(none).unwrap();
        assert_eq!(spi, "/dev/spidev-none: No such file or directory (os error 2)");
    }

    #[test]
    fn a_file_is_read_and_a_long_one_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temp");
        std::fs::write(&path, "42123\n").unwrap();
        assert_eq!(SystemBuses.read_file(&path, Part::ThermalZone), Ok("42123\n".to_owned()));
        std::fs::write(&path, "7".repeat(10_000)).unwrap();
        assert_eq!(SystemBuses.read_file(&path, Part::ThermalZone).unwrap().len(), 4096);
        assert!(SystemBuses.read_file(folder.path(), Part::ThermalZone).is_err());
    }
}
